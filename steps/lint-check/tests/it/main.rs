//! The step as a user runs it, in a scratch folder.

use step_testkit::{Project, Ran};

fn run(project: &Project, args: &[&str]) -> Ran {
    project.run("lint-check", args)
}

#[test]
fn the_file_is_written_once_and_then_left_alone() {
    let project = Project::new().with_file("landfall.toml", "[service]\nname = \"orders\"\n");
    let ran = run(&project, &[]).expect(0);
    assert_eq!(ran.stdout, "written\n  greeting: (none) -> Hello, orders!\n");
    assert_eq!(
        ran.stderr_without_times(),
        "greeting in .landfall/greeting.txt\n  greeting: (none) -> Hello, orders!\n\
         lint-check: written (N s)\n"
    );
    assert_eq!(project.read(".landfall/greeting.txt"), "Hello, orders!\n");
    assert_eq!(run(&project, &[]).expect(0).stdout, "unchanged\n");
}

#[test]
fn a_dry_run_shows_the_change_and_writes_nothing() {
    let project = Project::new();
    let ran = run(&project, &["--dry-run", "you"]).expect(0);
    assert_eq!(ran.stdout, "planned\n  greeting: (none) -> Hello, you!\n");
    assert!(!project.path(".landfall").exists());
}

#[test]
fn an_unknown_environment_ends_with_2() {
    let project = Project::new().with_file("landfall.toml", "[env.dev]\nurl = \"http://x\"\n");
    run(&project, &["--env", "dve"]).expect(2).says("did you mean dev?");
}
