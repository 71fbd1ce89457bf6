//! Against the local AWS, whose tasks are real containers.

#![allow(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]

use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use step_testkit::{AwsProxy, Fault, Project, Ran, aws_call, fresh_account};

/// The one account whose registry the engine reaches by the local address.
const REGISTRY_ACCOUNT: &str = "111111111111";
/// All tests share a repository, so that the large base layer is pushed once.
const REPOSITORY: &str = "landfall-tests";

const TEMPLATE: &str = "\
Resources:
  Cluster: {Type: AWS::ECS::Cluster, Properties: {ClusterName: apps}}
  Log: {Type: AWS::Logs::LogGroup, Properties: {LogGroupName: /apps}}
  TaskDefinition:
    Type: AWS::ECS::TaskDefinition
    Properties:
      Family: app
      NetworkMode: awsvpc
      RequiresCompatibilities: [FARGATE]
      Cpu: '256'
      Memory: '512'
      ContainerDefinitions:
        - Name: app
          Image: bootstrap
          Environment: [{Name: KEPT, Value: 'yes'}]
          LogConfiguration:
            LogDriver: awslogs
            Options: {awslogs-group: !Ref Log, awslogs-region: eu-central-1, awslogs-stream-prefix: app}
  Service:
    Type: AWS::ECS::Service
    Properties:
      ServiceName: app
      Cluster: !Ref Cluster
      TaskDefinition: !Ref TaskDefinition
      LaunchType: FARGATE
      DesiredCount: 0
      DeploymentConfiguration:
        DeploymentCircuitBreaker: {Enable: BREAKER, Rollback: BREAKER}
      NetworkConfiguration: {AwsvpcConfiguration: {Subnets: [subnet-1]}}
";

/// Pushes an image whose container runs a shell script, and returns it pinned by digest.
fn image(script: &str) -> String {
    let dockerfile =
        format!("FROM debian:bookworm-slim\nCMD [\"sh\", \"-c\", {}]\n", serde_json::json!(script));
    let tag = format!("t{:016x}", fastrand::u64(..));
    let project = Project::new()
        .with_aws(REGISTRY_ACCOUNT)
        .with_file("landfall.toml", &format!("[service]\nname = \"{REPOSITORY}\"\n"))
        .with_file("Dockerfile", &dockerfile);
    project.run("build-image", &["--ci-commit-sha", &tag]).expect(0);
    project.run("push-ecr", &[]).expect(0);
    // The engine pulls it again when a task starts; the tags are not to pile up.
    let pushed = project.json(".landfall/pushed.json");
    let (repository, image) = (&pushed["repository"], &pushed["image"]);
    for name in [format!("{REPOSITORY}:{tag}"), format!("{}:{tag}", repository.as_str().unwrap())] {
        Command::new("docker").args(["rmi", &name]).output().unwrap();
    }
    image.as_str().unwrap().to_owned()
}

/// A service of no tasks, in an account of its own. Its containers end with it.
struct Service {
    project: Project,
    account: String,
}

impl Service {
    fn new(template: &str) -> Self {
        let account = fresh_account();
        let config = format!(
            "[service]\nname = \"app\"\n[env.dev]\naccount = \"{account}\"\ncluster = \"apps\"\n\
             service = \"app\"\n[env.dev.deploy-fargate]\ndesired_count = 1\ntimeout = \"60s\"\n"
        );
        let project = Project::new()
            .with_aws(&account)
            .with_file("landfall.toml", &config)
            .with_file("infra.yml", template);
        project.run("deploy-stack", &["--env", "dev"]).expect(0);
        Self { project, account }
    }

    fn deploy(&self, args: &[&str]) -> Ran {
        self.project.run("deploy-fargate", &[&["--env", "dev"], args].concat())
    }

    fn call(&self, operation: &str, body: &serde_json::Value) -> serde_json::Value {
        let target = format!("AmazonEC2ContainerServiceV20141113.{operation}");
        aws_call(&self.account, &target, body)
    }

    /// The image that the tasks of the service run now.
    fn running_images(&self) -> Vec<String> {
        let listed = self.call("ListTasks", &json!({ "cluster": "apps", "serviceName": "app" }));
        if listed["taskArns"].as_array().is_none_or(Vec::is_empty) {
            return Vec::new();
        }
        let body = json!({ "cluster": "apps", "tasks": listed["taskArns"] });
        let tasks = self.call("DescribeTasks", &body);
        let image = |task: &Value| task["containers"][0]["image"].as_str().unwrap().to_owned();
        tasks["tasks"].as_array().unwrap().iter().map(image).collect()
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        let body = json!({ "cluster": "apps", "service": "app", "desiredCount": 0 });
        self.call("UpdateService", &body);
    }
}

fn with_breaker() -> Service {
    Service::new(&TEMPLATE.replace("BREAKER", "true"))
}

fn without_breaker() -> Service {
    Service::new(&TEMPLATE.replace("BREAKER", "false"))
}

const LASTS: &str = "sleep infinity";
const CRASHES: &str = "echo no configuration found; exit 3";

#[test]
fn an_image_is_deployed_and_then_is_unchanged_without_a_write() {
    let service = with_breaker();
    let image = image(LASTS);
    let report = service.deploy(&[&image, "--output", "json"]).expect(0).json();
    assert_eq!(report["outcome"], "deployed");
    assert_eq!(report["report"]["image"], image);
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
    let definition = service.call("DescribeTaskDefinition", &json!({ "taskDefinition": "app" }));
    let container = &definition["taskDefinition"]["containerDefinitions"][0];
    assert_eq!(container["environment"], json!([{ "name": "KEPT", "value": "yes" }]));
    assert_eq!(container["logConfiguration"]["options"]["awslogs-group"], "/apps");
}

#[test]
fn a_deployment_that_the_circuit_breaker_rolled_back_ends_with_6_and_never_with_0() {
    let service = with_breaker();
    let good = image(LASTS);
    service.deploy(&[&good]).expect(0);
    let start = Instant::now();
    let ran = service
        .deploy(&[&image(CRASHES), "--output", "json"])
        .expect(6)
        .says("error: the deployment was rolled back: container app exited with 3")
        .says("| no configuration found")
        .says("help: the old revision serves");
    assert!(start.elapsed() < Duration::from_secs(30));
    let report = ran.json();
    assert_eq!(report["outcome"], "rolled_back");
    assert_eq!(report["report"]["failure"]["exit_code"], 3);
    assert_eq!(report["report"]["image"], good);
    assert_eq!(service.running_images(), [good.as_str()]);
    // What was handed over is still what runs.
    assert_eq!(service.project.json(".landfall/deployment.json")["image"], good);
}

#[test]
fn without_a_circuit_breaker_the_step_itself_goes_back_after_the_second_crash() {
    let service = without_breaker();
    let good = image(LASTS);
    service.deploy(&[&good]).expect(0);
    service
        .deploy(&[&image(CRASHES)])
        .expect(6)
        .says("container app exited with 3")
        .says("| no configuration found");
    assert_eq!(service.running_images(), [good]);
}

#[test]
fn a_first_deployment_that_crashes_leaves_the_service_as_it_was() {
    for service in [with_breaker(), without_breaker()] {
        let ran = service.deploy(&[&image(CRASHES), "--output", "json"]).expect(1);
        assert_eq!(ran.json()["outcome"], "failed");
        ran.says("failed: container app exited with 3").says("no older revision ran");
        let body = json!({ "cluster": "apps", "services": ["app"] });
        let described = service.call("DescribeServices", &body);
        let now = &described["services"][0];
        assert_eq!(now["desiredCount"], 0);
        assert!(now["taskDefinition"].as_str().unwrap().ends_with("/app:1"), "{now}");
        assert!(!service.project.path(".landfall/deployment.json").exists());
    }
}

#[test]
fn an_image_that_does_not_exist_is_told_from_a_crash() {
    let service = with_breaker();
    let good = image(LASTS);
    service.deploy(&[&good]).expect(0);
    let (repository, _) = good.split_once('@').unwrap();
    let missing = format!("{repository}@sha256:{:064x}", 0);
    service.deploy(&[&missing]).expect(6).says("CannotPullContainerError");
    assert_eq!(service.running_images(), [good]);
}

/// A second task may not be started beside the only one, and the only one may not be stopped.
fn stuck() -> (Service, String) {
    let limits =
        "DeploymentConfiguration:\n        MaximumPercent: 150\n        MinimumHealthyPercent: 100";
    let template = TEMPLATE.replace("DeploymentConfiguration:", limits);
    let service = Service::new(&template.replace("BREAKER", "false"));
    service.deploy(&[&image(LASTS)]).expect(0);
    (service, image("sleep 12345"))
}

#[test]
fn a_deployment_that_does_not_end_ends_with_5() {
    let (service, next) = stuck();
    service
        .deploy(&[&next, "--timeout", "4s"])
        .expect(5)
        .says("did not end within 4s")
        .says("run it again to wait for its end");
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
        .says("run it again to wait for its end");

    let proxy = AwsProxy::start();
    let args = ["--env", "dev", &next, "--timeout", "1s"];
    service.project.run_through(&proxy, "deploy-fargate", &args).expect(5);
    assert_eq!(proxy.writes(), [] as [&str; 0]);
}

/// More throttled answers in a row than the SDK tries: a poll that is throttled says nothing about
/// the deployment, and must not kill it.
#[test]
fn a_wait_that_is_throttled_goes_on() {
    let service = with_breaker();
    let throttle = Fault {
        operation: "DescribeServices",
        after: 1,
        times: 5,
        status: 400,
        code: "ThrottlingException",
    };
    let proxy = AwsProxy::failing(&[throttle]);
    let image = image(LASTS);
    service
        .project
        .run_through(&proxy, "deploy-fargate", &["--env", "dev", &image])
        .expect(0)
        .says("warning: ecs:DescribeServices: ThrottlingException: injected; trying again");
    assert_eq!(service.running_images(), [image]);
}

#[test]
fn a_dry_run_shows_the_change_and_writes_nothing() {
    let service = with_breaker();
    let pinned = format!("host/app@sha256:{:064x}", 1);
    let ran = service.deploy(&[&pinned, "--dry-run"]).expect(0);
    assert_eq!(
        ran.stdout,
        format!("app: planned\n  container app: bootstrap -> {pinned}\n  tasks: 0 -> 1\n")
    );
    assert!(!service.project.path(".landfall/deployment.json").exists());
}

#[test]
fn an_image_that_was_pushed_for_another_environment_is_not_taken_in_silence() {
    let service = with_breaker();
    let digest = format!("sha256:{:064x}", 1);
    let pushed = json!({
        "env": "qa", "image": format!("host/app@{digest}"), "digest": digest,
        "repository": "host/app", "tag": "abc",
    });
    service.project.write(".landfall/pushed.json", &pushed.to_string());
    service.deploy(&["--dry-run"]).expect(0).says("the image was pushed for qa and goes to dev");
}

#[test]
fn wrong_input_ends_with_2_and_says_what_to_do() {
    let service = with_breaker();
    let pinned = format!("host/app@sha256:{:064x}", 1);
    service.deploy(&[]).expect(2).says("no image to deploy").says("run push-ecr before");
    service.deploy(&["host/app:latest"]).expect(2).says("host/app:latest is not pinned by digest");
    service
        .deploy(&[&pinned, "--service", "none"])
        .expect(2)
        .says("there is no service none in the cluster apps");
    service.deploy(&[&pinned, "--cluster", "none"]).expect(2).says("there is no cluster none");
    service
        .deploy(&[&pinned, "--container", "web"])
        .expect(2)
        .says("there is no container `web`")
        .says("the task definition has: app");
    let project = Project::new().with_aws(&service.account);
    project.run("deploy-fargate", &[&pinned]).expect(2).says("no cluster is named");
}
