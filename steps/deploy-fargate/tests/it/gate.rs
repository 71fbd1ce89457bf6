//! What has to have passed its checks in another environment before.

use serde_json::json;
use step_testkit::AwsProxy;

use crate::support::{LASTS, Service, TEMPLATE, image};

const SETTINGS: &str = "desired_count = 1\ntimeout = \"60s\"\nrequire_verdict = \"qa\"\n";

fn verdict(image: &str, environment: &str, outcome: &str) -> String {
    let (_, digest) = image.split_once('@').unwrap();
    json!({ "format": 1, "digest": digest, "environment": environment, "time": "2026-03-31T09:26:05Z",
            "checks": [{ "name": "health", "outcome": outcome }] })
    .to_string()
}

#[test]
fn an_image_without_a_passing_verdict_is_refused_and_one_with_is_deployed() {
    let service = Service::with_settings(&TEMPLATE.replace("BREAKER", "true"), SETTINGS);
    let image = image(LASTS);
    let proxy = AwsProxy::start();
    let refused = |says: &str| {
        let args = ["--env", "dev", &image];
        let ran = service.project.run_through(&proxy, "deploy-fargate", &args).expect(8);
        ran.says(says);
        assert_eq!(proxy.writes(), [] as [&str; 0]);
    };
    refused("there is no verdict .landfall/verdict.json");
    let write = |text: &str| service.project.write(".landfall/verdict.json", text);
    write(&verdict(&image, "qa", "failed"));
    refused("checks failed in qa: \"health\"");
    write(&verdict(&image, "dev", "passed"));
    refused("the verdict is from \"dev\", not from qa");
    write(&verdict(&crate::support::unknown(7), "qa", "passed"));
    refused("the verdict is on \"sha256:");
    service.deploy(&[&image, "--dry-run"]).expect(0).says("it would be refused");
    write(&verdict(&image, "qa", "passed"));
    let mut signed = service.project.command("deploy-fargate");
    signed.args(["--env", "dev", &image]).env("LANDFALL_VERDICT_KEY", "k".repeat(40));
    let output = signed.output().unwrap();
    assert_eq!(output.status.code(), Some(8));
    assert!(String::from_utf8_lossy(&output.stderr).contains("the verdict is not signed"));
    service.deploy(&[&image]).expect(0).says("passed in qa, as .landfall/verdict.json says");
    assert_eq!(service.running_images(), [image]);
}

#[test]
fn a_check_that_fails_after_the_deployment_takes_it_back_or_fails_the_job() {
    let service = Service::new(&TEMPLATE.replace("BREAKER", "true"));
    let good = image(LASTS);
    let check = "sh -c 'grep -q \"$0\" .landfall/deployment.json && echo found it' ";
    service.deploy(&[&good, "--after", &format!("{check}{good}")]).expect(0).says("| found it");
    let next = image("sleep 12345");
    let failing = ["--after", "sh -c 'echo /orders answers 500 >&2; exit 3'"];
    let rollback = ["--on-fail", "rollback"];
    let ran =
        service.deploy(&[&[next.as_str(), "--output", "json"], &failing[..], &rollback].concat());
    let ran =
        ran.expect(6).says("the deployment was rolled back: `sh -c").says("| /orders answers 500");
    assert_eq!(ran.json()["outcome"], "rolled_back");
    assert_eq!(service.running_images(), [good.as_str()]);
    assert_eq!(service.project.json(".landfall/deployment.json")["image"], good);
    service
        .deploy(&[&[next.as_str()], &failing[..]].concat())
        .expect(3)
        .says("the image runs all the same");
    assert_eq!(service.running_images(), [next.as_str()]);
    // A program that is not there is no reason to keep what nobody has looked at.
    let unseen = image("sleep 23456");
    let missing = ["--after", "no-such-program"];
    service
        .deploy(&[&[unseen.as_str()], &missing[..], &rollback].concat())
        .expect(6)
        .says("no-such-program");
    assert_eq!(service.running_images(), [next.as_str()]);
    // A second run finds nothing to deploy, and is not green for that.
    service.deploy(&[&[next.as_str()], &failing[..], &rollback].concat()).expect(3);
}
