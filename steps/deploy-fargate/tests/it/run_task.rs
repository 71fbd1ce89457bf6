//! Programs that run once.

use step_testkit::AwsProxy;

use crate::support::{LASTS, Service, TEMPLATE, image, with_breaker};

#[test]
fn a_program_runs_once_with_its_log_and_its_exit_code_is_passed_on() {
    let service = with_breaker();
    let image = image(LASTS);
    let script = "echo KEPT is $KEPT, token $API_TOKEN; echo on stderr >&2; exit 3";
    let ran = service.project.run(
        "deploy-fargate",
        &[
            "run-task", "--env", "dev", "--with", &image, "--output", "json", "--", "sh", "-c",
            script,
        ],
    );
    let ran = ran
        .expect(3)
        .says("| KEPT is yes, token [MASKED]")
        .says("| on stderr")
        .says("container app exited with 3");
    let report = ran.json();
    assert_eq!(report["report"]["exit_code"], 3);
    // The service is as it was.
    assert!(service.described("app")["taskDefinition"].as_str().unwrap().ends_with("/app:1"));
    let done = service
        .project
        .run("deploy-fargate", &["run-task", "--env", "dev", "--with", &image, "--", "true"]);
    let done = done.expect(0);
    assert!(done.stdout.starts_with("true: ended with 0\n"), "{}", done.stdout);
    service
        .project
        .run(
            "deploy-fargate",
            &["run-task", "--env", "dev", "--with", &image, "--", "sh", "-c", "exit 77"],
        )
        .expect(1)
        .says("exited with 77");
}

#[test]
fn without_an_image_what_runs_is_used_and_nothing_is_registered() {
    let service = with_breaker();
    service.deploy(&[&image(LASTS)]).expect(0);
    std::fs::remove_dir_all(service.project.path(".landfall")).unwrap();
    let proxy = AwsProxy::start();
    let args = ["run-task", "--env", "dev", "--", "echo", "hello"];
    service.project.run_through(&proxy, "deploy-fargate", &args).expect(0).says("| hello");
    assert_eq!(proxy.writes(), ["RunTask"]);
}

#[test]
fn a_program_that_does_not_start_is_told() {
    let service = with_breaker();
    let image = image(LASTS);
    let args =
        ["run-task", "--env", "dev", "--with", &image, "--output", "json", "--", "no-such-program"];
    let ran =
        service.project.run("deploy-fargate", &args).expect(1).says("`no-such-program` failed");
    assert_eq!(ran.json()["report"]["exit_code"], serde_json::Value::Null);
}

#[test]
fn what_runs_before_has_to_succeed_and_one_revision_serves_both() {
    let settings =
        "desired_count = 1\ntimeout = \"60s\"\nbefore = [[\"sh\", \"-c\", \"echo migrating\"]]\n";
    let service = Service::with_settings(&TEMPLATE.replace("BREAKER", "true"), settings);
    let good = image(LASTS);
    service.deploy(&[&good]).expect(0).says("| migrating");
    assert!(service.described("app")["taskDefinition"].as_str().unwrap().ends_with("/app:2"));
    let proxy = AwsProxy::start();
    let next = image("sleep 12345");
    let args = ["--env", "dev", &next, "--before", "sh -c 'echo \"locked out\"; exit 8'"];
    let ran = service.project.run_through(&proxy, "deploy-fargate", &args).expect(8);
    ran.says("| locked out").says("exited with 8").says("nothing else was changed");
    assert_eq!(proxy.writes(), ["RegisterTaskDefinition", "RunTask"]);
    // To this step 7 would mean that a newer deployment took its place.
    service.deploy(&[&next, "--before", "sh -c 'exit 7'"]).expect(1).says("exited with 7");
    assert_eq!(service.running_images(), [good]);
}
