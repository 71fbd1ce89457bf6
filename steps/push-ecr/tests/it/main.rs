//! Against a real Docker Engine and the registry of the local AWS.

#![allow(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]

use step_testkit::{AwsProxy, Project, Ran};

/// The one account whose registry the engine reaches by the local address.
const ACCOUNT: &str = "111111111111";

fn project(name: &str) -> Project {
    let config = format!("[service]\nname = \"{name}\"\n[env.dev]\naccount = \"{ACCOUNT}\"\n");
    Project::new()
        .with_aws(ACCOUNT)
        .with_file("landfall.toml", &config)
        .with_file("Dockerfile", "FROM scratch\nCOPY file /\n")
        .with_file("file", &format!("{:032x}", fastrand::u128(..)))
}

fn name() -> String {
    format!("landfall-test-{:08x}", fastrand::u32(..))
}

fn build(project: &Project) {
    project.run("build-image", &["--ci-commit-sha", "abc"]).expect(0);
}

fn push(project: &Project, args: &[&str]) -> Ran {
    project.run("push-ecr", &[&["--env", "dev"], args].concat())
}

#[test]
fn an_image_is_pushed_to_a_new_repository_and_then_is_unchanged_without_a_write() {
    let name = name();
    let project = project(&name);
    build(&project);
    let report = push(&project, &["--output", "json"])
        .expect(0)
        .says(&format!("create the repository {name} with immutable tags"))
        .json();
    assert_eq!(report["outcome"], "pushed");
    let handed = project.json(".landfall/pushed.json");
    let digest = handed["digest"].as_str().unwrap();
    assert_eq!(handed["image"], format!("{}@{digest}", handed["repository"].as_str().unwrap()));
    assert_eq!((&handed["tag"], &handed["revision"]), (&"abc".into(), &"abc".into()));

    let proxy = AwsProxy::start();
    let args = ["--env", "dev", "--output", "json"];
    let again = project.run_through(&proxy, "push-ecr", &args).expect(0).json();
    assert_eq!(
        (&again["outcome"], &again["report"]["digest"]),
        (&"unchanged".into(), &handed["digest"])
    );
    assert_eq!(proxy.calls(), ["GetCallerIdentity", "DescribeRepositories", "BatchGetImage"]);
}

#[test]
fn an_immutable_tag_with_another_image_is_refused_naming_both() {
    let name = name();
    let project = project(&name);
    build(&project);
    push(&project, &[]).expect(0);
    let old = project.json(".landfall/image.json")["id"].as_str().unwrap().to_owned();
    project.write("file", "another content");
    build(&project);
    let new = project.json(".landfall/image.json")["id"].as_str().unwrap().to_owned();
    push(&project, &[])
        .expect(8)
        .says("is immutable and means another image")
        .says(&old)
        .says(&new);
    push(&project, &["--tag", "other"]).expect(0);
}

#[test]
fn a_tag_that_may_move_moves() {
    let name = name();
    let project = project(&name);
    build(&project);
    push(&project, &["--mutable-tags"]).expect(0).says("whose tags may move");
    let first = project.json(".landfall/pushed.json")["digest"].as_str().unwrap().to_owned();
    project.write("file", "another content");
    build(&project);
    push(&project, &[]).expect(0).says(&format!("which now points to {first}"));
    assert_ne!(project.json(".landfall/pushed.json")["digest"], first);
}

#[test]
fn a_dry_run_shows_the_writes_and_makes_none() {
    let name = name();
    let proxy = AwsProxy::start();
    let project = project(&name);
    build(&project);
    let ran = project.run_through(&proxy, "push-ecr", &["--env", "dev", "--dry-run"]).expect(0);
    assert_eq!(
        ran.stdout,
        format!(
            "{name}: planned\n  create the repository {name} with immutable tags\n  push the tag abc\n"
        )
    );
    assert_eq!(proxy.writes(), [] as [&str; 0]);
}

#[test]
fn a_dry_run_with_nothing_to_do_leaves_no_file() {
    let project = project(&name());
    build(&project);
    push(&project, &[]).expect(0);
    let image = project.json(".landfall/image.json")["reference"].as_str().unwrap().to_owned();
    std::fs::remove_dir_all(project.path(".landfall")).unwrap();
    let ran = push(&project, &[&image, "--dry-run"]).expect(0);
    assert!(ran.stdout.contains(": unchanged"), "{}", ran.stdout);
    assert!(!project.path(".landfall").exists());
}

#[test]
fn wrong_input_ends_with_2_and_says_what_to_do() {
    let project = project(&name());
    push(&project, &[]).expect(2).says("no image to push").says("run build-image before");
    push(&project, &["landfall-none:x"]).expect(2).says("there is no image landfall-none:x");
    let garbage = project.with_file(".landfall/image.json", "{}");
    push(&garbage, &[]).expect(2).says("delete it and run build-image again");
}

#[test]
fn another_account_is_refused_before_the_first_write() {
    let proxy = AwsProxy::start();
    let project = project(&name()).with_env("AWS_ACCESS_KEY_ID", "222222222222");
    build(&project);
    project
        .run_through(&proxy, "push-ecr", &["--env", "dev"])
        .expect(8)
        .says("belong to 222222222222, the environment to 111111111111");
    assert_eq!(proxy.calls(), ["GetCallerIdentity"]);
}
