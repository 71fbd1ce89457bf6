use repo::generate;
use repo::workspace::Programs;
use step_testkit::repository;

use crate::{repo, workspace};

#[test]
fn what_is_generated_is_fresh() {
    let programs = Programs::open(None).expect("the folder of this test");
    let stale = generate::stale(&workspace(), &programs).expect("what should be there");
    let stale: Vec<_> = stale.iter().map(|file| file.path.display().to_string()).collect();
    assert!(stale.is_empty(), "stale: {}: run `make gen`", stale.join(", "));
}

#[test]
fn the_usage_does_not_depend_on_the_terminal_or_the_environment() {
    let programs = Programs::open(None).expect("the folder of this test");
    let command = programs.command("deploy-stack").expect("deploy-stack");
    let set: Vec<_> = command.get_envs().collect();
    assert_eq!(set, [("COLUMNS".as_ref(), Some("100".as_ref()))]);
    let help = programs.output("deploy-stack", &["--help"]).expect("help");
    assert!(help.contains("[env: LANDFALL_ENV=]"), "{help}");
    assert!(help.lines().all(|line| line.chars().count() <= 100), "{help}");
}

#[test]
fn a_missing_binary_is_told_with_what_to_do() {
    let empty = tempfile::tempdir().expect("a folder");
    let folder = empty.path().to_str().expect("UTF-8");
    let said = repo(&repository(), ["gen", "--check", "--programs", folder]);
    assert_eq!(said.code, 1);
    assert!(said.stderr.contains("run `cargo build --workspace --bins`"), "{}", said.stderr);
}
