//! Deployments that succeed, and how they are waited for.

use serde_json::json;
use step_testkit::AwsProxy;

use crate::support::{LASTS, Service, TEMPLATE, image, with_breaker, without_breaker};

#[test]
fn an_image_is_deployed_and_then_is_unchanged_without_a_write() {
    let service = with_breaker();
    let image = image(LASTS);
    let report = service.deploy(&[&image, "--output", "json"]).expect(0).json();
    assert_eq!(report["outcome"], "deployed");
    assert_eq!(report["report"]["services"][0]["image"], image);
    assert_eq!(service.project.json(".landfall/deployment.json")["image"], image);
    assert_eq!(service.running_images(), [image.as_str()]);

    let proxy = AwsProxy::start();
    let args = ["--env", "dev", &image, "--output", "json"];
    let again = service.project.run_through(&proxy, "deploy-fargate", &args).expect(0).json();
    assert_eq!(again["outcome"], "unchanged");
    assert_eq!(proxy.calls(), ["GetCallerIdentity", "DescribeServices", "DescribeTaskDefinition"]);
}

#[test]
fn everything_else_in_the_task_definition_is_kept() {
    let service = with_breaker();
    service.deploy(&[&image(LASTS)]).expect(0);
    let container = service.container("app");
    assert_eq!(container["environment"][0], json!({ "name": "KEPT", "value": "yes" }));
    assert_eq!(container["logConfiguration"]["options"]["awslogs-group"], "/apps");
}

#[test]
fn a_service_without_circuit_breaker_gets_one_and_the_report_says_so() {
    let service = without_breaker();
    let ran = service.deploy(&[&image(LASTS)]).expect(0);
    assert!(ran.stdout.contains("circuit breaker: off -> on, with rollback"), "{}", ran.stdout);
    let breaker = &service.described("app")["deploymentConfiguration"]["deploymentCircuitBreaker"];
    assert_eq!(breaker, &json!({ "enable": true, "rollback": true }));
}

#[test]
fn a_service_that_starts_slowly_is_waited_for() {
    let service = with_breaker();
    let slow = image("sleep 4; echo ready; exec sleep infinity");
    service.deploy(&[&slow]).expect(0);
    assert_eq!(service.running_images(), [slow]);
}

#[test]
fn outcome_junit_and_variables_are_written_for_gitlab() {
    let service = with_breaker();
    let image = image(LASTS);
    let files = ["--junit", "out/junit.xml", "--dotenv", "out/deploy.env"];
    service.deploy(&[&[image.as_str()], files.as_slice()].concat()).expect(0);
    let variables = service.project.read("out/deploy.env");
    assert!(
        variables.starts_with("LANDFALL_DEPLOY_OUTCOME=deployed\nLANDFALL_DEPLOY_EXIT_CODE=0\n")
    );
    assert!(variables.contains(&format!("LANDFALL_DEPLOYED_IMAGE={image}\n")), "{variables}");
    let junit = service.project.read("out/junit.xml");
    assert!(junit.contains("tests=\"1\"") && junit.contains("failures=\"0\""), "{junit}");
    // A run that breaks off leaves them, too.
    service.deploy(&[&[image.as_str(), "--service", "none"], files.as_slice()].concat()).expect(2);
    assert!(service.project.read("out/deploy.env").starts_with("LANDFALL_DEPLOY_OUTCOME=invalid"));
    assert!(service.project.read("out/junit.xml").contains("there is no service none"));
}

#[test]
fn the_variables_of_gitlabs_own_template_are_taken() {
    let service = with_breaker();
    let project = &service.project;
    project.write("landfall.toml", "");
    let image = image(LASTS);
    let mut command = project.command("deploy-fargate");
    command.env("CI_AWS_ECS_CLUSTER", "apps").env("CI_AWS_ECS_SERVICE", "app");
    command.env("CI_AWS_ECS_TASK_DEFINITION", "app").args([&image, "--desired-count", "1"]);
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(service.running_images(), [image]);
}

/// A second task may not be started beside the only one, and the only one may not be stopped.
fn stuck() -> (Service, String) {
    let limits =
        "DeploymentConfiguration:\n        MaximumPercent: 150\n        MinimumHealthyPercent: 100";
    let template = TEMPLATE.replace("DeploymentConfiguration:", limits);
    let service = Service::new(&template.replace("BREAKER", "true"));
    service.deploy(&[&image(LASTS)]).expect(0);
    (service, image("sleep 12345"))
}

#[test]
fn a_deployment_that_does_not_end_ends_with_5() {
    let (service, next) = stuck();
    let ran = service.deploy(&[&next, "--timeout", "4s", "--output", "json"]).expect(5);
    assert_eq!(ran.json()["outcome"], "timed_out");
    let id = ran.json()["report"]["services"][0]["deployment"].as_str().unwrap().to_owned();
    ran.says("did not end in time")
        .says(&format!("the same command with `--wait-only {id}` waits"));
    service
        .deploy(&["--wait-only", &id, "--timeout", "1s"])
        .expect(5)
        .says(&format!("the deployment {id} did not end"));
    service
        .deploy(&["--wait-only", "ecs-svc/0"])
        .expect(2)
        .says("there is no deployment ecs-svc/0");
}

#[test]
fn an_interrupted_wait_says_how_to_come_back_and_the_next_run_waits_without_a_write() {
    let (service, next) = stuck();
    let mut waiting = service.project.start("deploy-fargate", &["--env", "dev", &next]);
    waiting.wait_for("  tasks: ");
    waiting
        .signal("TERM")
        .expect(143)
        .says("error: interrupted by SIGTERM")
        .says("`deploy-fargate --env dev --wait-only ecs-svc/");

    let proxy = AwsProxy::start();
    let args = ["--env", "dev", &next, "--timeout", "1s"];
    service.project.run_through(&proxy, "deploy-fargate", &args).expect(5);
    assert_eq!(proxy.writes(), [] as [&str; 0]);
}

#[test]
fn a_cancelled_job_rolls_back_when_it_is_told_to() {
    let service = with_breaker();
    let (old, next) = (image(LASTS), image("sleep 12345"));
    service.deploy(&[&old]).expect(0);
    let args = ["--env", "dev", &next, "--rollback-on-cancel"];
    let mut waiting = service.project.start("deploy-fargate", &args);
    // At the first look it may run already.
    waiting.wait_for("  registered ");
    waiting.signal("TERM").expect(6).says("the deployment was rolled back: the job was cancelled");
    assert_eq!(service.running_images(), [old]);
    assert!(service.described("app")["taskDefinition"].as_str().unwrap().ends_with("/app:2"));
}

#[test]
fn a_newer_pipeline_supersedes_the_older_one_and_is_no_rollback() {
    let (service, next) = stuck();
    let mut older = service.project.start("deploy-fargate", &["--env", "dev", &next]);
    older.wait_for("  tasks: ");
    let newest = image("sleep 23456");
    service.deploy(&[&newest, "--busy", "refuse"]).expect(8).says("app is deploying");
    service.deploy(&[&newest, "--timeout", "3s"]).expect(5).says("it is replaced");
    older.wait().expect(7).says("a newer deployment took over");
}

#[test]
fn a_busy_service_is_waited_for_when_that_is_asked() {
    let (service, next) = stuck();
    service.deploy(&[&next, "--timeout", "2s"]).expect(5);
    service
        .deploy(&[&image("sleep 23456"), "--busy", "wait", "--timeout", "3s"])
        .expect(5)
        .says("did not end what it is deploying within 3s");
}
