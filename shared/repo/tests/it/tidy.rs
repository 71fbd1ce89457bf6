//! This very repository, checked with `repo::tidy`. A failure lists every place and what to do.

use std::collections::BTreeSet;
use std::path::Path;

use repo::tidy;
use repo::workspace::{Member, Programs, Workspace};

use crate::workspace;

#[track_caller]
fn assert_none(problems: Vec<String>) {
    assert!(problems.is_empty(), "{} problem(s):\n{}", problems.len(), problems.join("\n"));
}

/// The check of each step.
fn of_each_step(mut check: impl FnMut(&Workspace, &Member) -> Vec<String>) -> Vec<String> {
    let workspace = workspace();
    let problems: Vec<String> =
        workspace.steps().flat_map(|step| check(&workspace, step)).collect();
    assert!(workspace.steps().count() >= 5, "cargo metadata names too few steps");
    problems
}

fn read(workspace: &Workspace, path: &Path) -> String {
    workspace.read(path).unwrap_or_else(|err| panic!("{err:#}: write it"))
}

#[test]
fn each_step_has_a_readme_that_answers_what_readers_ask() {
    assert_none(of_each_step(|workspace, step| {
        tidy::readme(&step.name, &read(workspace, &step.folder.join("README.md")))
    }));
}

#[test]
fn each_step_has_a_template_whose_script_it_understands() {
    let programs = Programs::open(None).expect("the folder of this test");
    assert_none(of_each_step(|workspace, step| {
        let path = format!("ci-templates/{}.yml", step.name);
        let lines = match tidy::script_lines(&step.name, &read(workspace, path.as_ref())) {
            Ok(lines) => lines,
            Err(err) => return vec![format!("{err:#}")],
        };
        let parse = |words: &Vec<String>| tidy::script_parses(&programs, &step.name, words);
        let problems: anyhow::Result<Vec<_>> = lines.iter().map(parse).collect();
        problems.map_or_else(|err| vec![format!("{err:#}")], |problems| problems.concat())
    }));
}

#[test]
fn a_script_with_a_flag_or_value_that_the_step_does_not_know_is_found() {
    let programs = Programs::open(None).expect("the folder of this test");
    let problems = |line: &str| {
        let words: Vec<String> = line.split(' ').map(str::to_owned).collect();
        tidy::script_parses(&programs, "deploy-fargate", &words).expect("an answer")
    };
    assert_eq!(problems("deploy-fargate --report x.json --env dev"), [] as [&str; 0]);
    for (line, why) in [
        ("deploy-fargate --env dev --imagee x", "unexpected argument '--imagee'"),
        ("deploy-fargate --timeout soon --env dev", "invalid value 'soon'"),
        ("deploy-fargate --env dev --report", "a value is required for '--report <FILE>'"),
    ] {
        let found = problems(line);
        assert_eq!(found.len(), 1, "{line}");
        assert!(found[0].contains(why), "{found:?}");
    }
}

#[test]
fn each_step_lists_the_iam_actions_that_it_needs_and_no_others() {
    assert_none(of_each_step(|workspace, step| {
        let mut sources = vec![step.folder.join("src")];
        if step.dependencies.iter().any(|name| name == "step-aws") {
            sources.push("shared/step-aws/src".into());
        }
        let mut called = BTreeSet::new();
        for path in workspace.files().expect("files") {
            if sources.iter().any(|folder| path.starts_with(folder)) {
                called.extend(tidy::actions_called(&read(workspace, &path)).expect("actions"));
            }
        }
        let readme = read(workspace, &step.folder.join("README.md"));
        tidy::actions_differ(&step.name, &readme, &called)
            .unwrap_or_else(|err| vec![format!("{err:#}")])
    }));
}

#[test]
fn the_main_of_each_step_decides_nothing() {
    assert_none(of_each_step(|workspace, step| {
        let path = step.folder.join("src/main.rs");
        tidy::main_is_short(&path.display().to_string(), &read(workspace, &path))
    }));
}

#[test]
fn plans_do_no_io() {
    assert_none(of_each_step(|workspace, step| {
        let path = step.folder.join("src/plan.rs");
        if !workspace.root().join(&path).exists() {
            return Vec::new();
        }
        tidy::plan_is_pure(&path.display().to_string(), &read(workspace, &path))
    }));
}

#[test]
fn steps_do_not_depend_on_steps() {
    let workspace = workspace();
    let steps: Vec<(&str, &[String])> =
        workspace.steps().map(|step| (step.name.as_str(), step.dependencies.as_slice())).collect();
    assert_none(tidy::steps_are_apart(&steps));
}

#[test]
fn the_core_knows_no_aws_no_docker_and_no_database() {
    let lock = read(&workspace(), "Cargo.lock".as_ref());
    assert_none(tidy::core_is_bare(&lock).expect("Cargo.lock"));
}

#[test]
fn every_package_inherits_what_the_workspace_decides() {
    let workspace = workspace();
    let problems = workspace.own_members().flat_map(|member| {
        let path = member.folder.join("Cargo.toml");
        let text = read(&workspace, &path);
        tidy::manifest_inherits(&path.display().to_string(), &text).expect("a manifest")
    });
    assert_none(problems.collect());
}

#[test]
fn nothing_is_unfinished_and_no_path_is_of_one_machine() {
    let workspace = workspace();
    let mut problems = Vec::new();
    for path in workspace.files().expect("files") {
        // What is no text is not read.
        if let Ok(text) = std::fs::read_to_string(workspace.root().join(&path)) {
            let place = path.display().to_string();
            problems.extend(tidy::leftovers(&place, &text).expect("a pattern"));
        }
    }
    assert_none(problems);
}

#[test]
fn the_top_level_holds_what_was_planned_for_it() {
    assert_none(tidy::top_level(&workspace().files().expect("files")));
}
