//! Deployments that fail, and how fast that is told.

use std::time::{Duration, Instant};

use crate::support::{CRASHES, LASTS, image, with_breaker, without_breaker};

#[test]
fn a_crash_loop_ends_with_6_in_seconds_with_the_reason_and_the_old_revision_serves() {
    let service = with_breaker();
    let good = image(LASTS);
    service.deploy(&[&good]).expect(0);
    let crashing = image(CRASHES);
    let start = Instant::now();
    let ran = service
        .deploy(&[&crashing, "--output", "json"])
        .expect(6)
        .says("error: the deployment was rolled back: container app exited with 3")
        .says("| no configuration found")
        .says("help: the old revision serves");
    // Two tasks start and crash, and the old revision has to be proven.
    assert!(start.elapsed() < Duration::from_secs(20), "{:?}", start.elapsed());
    let report = ran.json();
    assert_eq!(report["outcome"], "rolled_back");
    let unit = &report["report"]["services"][0];
    assert_eq!(unit["failure"]["exit_code"], 3);
    assert_eq!(unit["image"], good);
    assert_eq!(service.running_images(), [good.as_str()]);
    // What was handed over is still what runs.
    assert_eq!(service.project.json(".landfall/deployment.json")["image"], good);
}

#[test]
fn from_the_second_stopped_task_to_the_end_it_takes_less_than_10_seconds() {
    let service = with_breaker();
    service.deploy(&[&image(LASTS)]).expect(0);
    let ran = service.deploy(&[&image(CRASHES), "--output", "json"]).expect(6);
    let end = unix_now();
    drop(ran);
    let listed =
        serde_json::json!({ "cluster": "apps", "serviceName": "app", "desiredStatus": "STOPPED" });
    let listed = service.call("ListTasks", &listed);
    let body = serde_json::json!({ "cluster": "apps", "tasks": listed["taskArns"] });
    let tasks = service.call("DescribeTasks", &body);
    let mut crashed: Vec<f64> = tasks["tasks"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|task| task["containers"][0]["exitCode"] == 3)
        .map(|task| task["stoppedAt"].as_f64().unwrap())
        .collect();
    crashed.sort_by(f64::total_cmp);
    let took = end - crashed[1];
    assert!(took < 10.0, "{took} s after the second of {crashed:?}");
}

#[expect(
    clippy::disallowed_methods,
    reason = "compared with the clock of the emulator on this machine"
)]
fn unix_now() -> f64 {
    std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs_f64()
}

#[test]
fn a_deployment_that_the_circuit_breaker_rolled_back_ends_with_6_and_never_with_0() {
    let service = with_breaker();
    let good = image(LASTS);
    service.deploy(&[&good]).expect(0);
    // So patient that ECS is the first to give up.
    let ran = service.deploy(&[&image(CRASHES), "--crashes", "99", "--output", "json"]).expect(6);
    let ran = ran.says("container app exited with 3").says("| no configuration found");
    assert_eq!(ran.json()["outcome"], "rolled_back");
    assert_eq!(service.running_images(), [good]);
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
        ran.says("failed: container app exited with 3").says("no older revision serves");
        let now = service.described("app");
        assert_eq!(now["desiredCount"], 0);
        assert!(now["taskDefinition"].as_str().unwrap().ends_with("/app:1"), "{now}");
        assert!(!service.project.path(".landfall/deployment.json").exists());
    }
}

#[test]
fn an_image_that_cannot_be_pulled_is_told_from_a_crash_after_the_first_task() {
    let service = with_breaker();
    let good = image(LASTS);
    service.deploy(&[&good]).expect(0);
    let (repository, _) = good.split_once('@').unwrap();
    let missing = format!("{repository}@sha256:{:064x}", 0);
    service.deploy(&[&missing]).expect(6).says("CannotPullContainerError");
    assert_eq!(service.running_images(), [good]);
}

#[test]
fn a_service_that_is_deleted_meanwhile_is_a_failure() {
    let service = with_breaker();
    service.deploy(&[&image(LASTS)]).expect(0);
    let crashing = image(CRASHES);
    let args = ["--env", "dev", &crashing, "--crashes", "99"];
    let mut waiting = service.project.start("deploy-fargate", &args);
    waiting.wait_for("  tasks: ");
    let body = serde_json::json!({ "cluster": "apps", "service": "app", "force": true });
    service.call("DeleteService", &body);
    waiting.wait().expect(1).says("the service was deleted meanwhile");
}
