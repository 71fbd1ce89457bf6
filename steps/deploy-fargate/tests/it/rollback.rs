//! The way back, when it is asked for.

use crate::support::{LASTS, image, with_breaker};

#[test]
fn rollback_deploys_the_revision_before_and_dry_run_shows_it() {
    let service = with_breaker();
    let first = image(LASTS);
    service.deploy(&[&first]).expect(0);
    let second = image("sleep 12345");
    service.deploy(&[&second]).expect(0);
    let back = |args: &[&str]| {
        service.project.run("deploy-fargate", &[&["rollback", "--env", "dev"], args].concat())
    };
    let shown = back(&["--dry-run"]).expect(0).stdout;
    assert!(shown.contains("/app:3 -> ") && shown.ends_with("/app:2\n"), "{shown}");
    assert_eq!(service.running_images(), [second.as_str()]);
    let ran = back(&["--output", "json"]).expect(0).says("ECS has no history of deployments");
    assert_eq!(ran.json()["report"]["services"][0]["image"], first);
    assert_eq!(service.running_images(), [first.as_str()]);
    assert_eq!(service.project.json(".landfall/deployment.json")["image"], first);
    back(&["--to", "app:3"]).expect(0);
    assert_eq!(service.running_images(), [second]);
    assert_eq!(
        back(&["--to", "app:3", "--output", "json"]).expect(0).json()["outcome"],
        "unchanged"
    );
    back(&["--to", "app:99"]).expect(2).says("there is no task definition app:99");
}

#[test]
fn there_is_nothing_to_go_back_to_from_the_first_revision() {
    let service = with_breaker();
    let ran = service.project.run("deploy-fargate", &["rollback", "--env", "dev"]);
    ran.expect(2).says("app has no revision to go back to").says("name one with --to");
    let ran = service.project.run("deploy-fargate", &["continue", "--env", "dev"]);
    ran.expect(2).says("no deployment waits at a hook");
}
