//! Rollback and prune.

use step_testkit::AwsProxy;

use crate::support::Lambda;

const LIVE: &str = "alias = \"live\"\n";

#[test]
fn a_rollback_goes_to_the_version_before_and_a_second_one_changes_nothing() {
    let lambda = Lambda::new(LIVE).with_versions(3);
    let ran = lambda.run(&["rollback", "hello"]).expect(0);
    assert_eq!(ran.stdout, "hello: returned\n  alias live: version 2 (before: 3)\n");
    assert_eq!(lambda.answer("live")["code"], "2");
    let proxy = AwsProxy::start();
    let again = lambda.run_through(&proxy, &["rollback", "hello"]).expect(0);
    assert_eq!(again.stdout, "hello: unchanged\n  alias live: version 2\n");
    assert_eq!(proxy.writes(), ["GetCallerIdentity"; 0]);
    lambda.run(&["rollback", "hello", "--to", "1"]).expect(0);
    assert_eq!(lambda.answer("live")["code"], "1");
}

#[test]
fn a_rollback_skips_a_version_that_never_was_live() {
    let lambda = Lambda::new(LIVE).with_versions(1);
    lambda.configure(&format!("{LIVE}check = {{ command = [\"false\"] }}\n"));
    lambda.change(&crate::support::code("bad"));
    lambda.deploy().expect(6);
    lambda.configure(LIVE);
    lambda.change(&crate::support::code("good"));
    lambda.deploy().expect(0);
    assert_eq!(lambda.alias()["FunctionVersion"], "3");
    lambda.run(&["rollback"]).expect(0);
    assert_eq!(lambda.answer("live")["code"], "1");
}

#[test]
fn a_rollback_without_a_version_before_asks_for_one() {
    let lambda = Lambda::new(LIVE).with_versions(1);
    lambda
        .run(&["rollback"])
        .expect(2)
        .says("does not tell which version it had before")
        .says("choose one with --to N");
    lambda
        .run(&["rollback", "hello", "--to", "9"])
        .expect(2)
        .says("version 9 of hello is not there");
    let dry = lambda.run(&["rollback", "hello", "--to", "9", "--alias", "none"]).expect(2);
    dry.says("there is no alias none");
}

#[test]
fn old_versions_are_deleted_but_none_that_an_alias_uses_or_would_go_back_to() {
    let lambda = Lambda::new(LIVE).with_versions(6);
    lambda.run(&["rollback", "hello", "--to", "2"]).expect(0);
    lambda.call(
        "POST",
        "hello/aliases",
        Some(&serde_json::json!({ "Name": "old", "FunctionVersion": "1" })),
    );
    let dry = lambda.run(&["prune", "--keep", "1", "--dry-run"]).expect(0);
    assert_eq!(
        dry.stdout,
        "hello: planned\n  delete version 3\n  delete version 4\n  delete version 5\n"
    );
    assert_eq!(lambda.versions().len(), 7);
    lambda.run(&["prune", "--keep", "1"]).expect(0);
    assert_eq!(lambda.versions(), ["$LATEST", "1", "2", "6"]);
    assert_eq!(lambda.answer("live")["code"], "2");
    let proxy = AwsProxy::start();
    let again = lambda.run_through(&proxy, &["prune", "--keep", "1"]).expect(0);
    assert_eq!(again.stdout, "hello: unchanged\n");
    assert_eq!(proxy.writes(), ["GetCallerIdentity"; 0]);
}

#[test]
fn a_deployment_keeps_as_many_versions_as_it_is_told() {
    let lambda = Lambda::new("alias = \"live\"\nkeep = 2\n").with_versions(5);
    assert_eq!(lambda.versions(), ["$LATEST", "4", "5"]);
    lambda.run(&["rollback"]).expect(0);
    assert_eq!(lambda.answer("live")["code"], "4");
}
