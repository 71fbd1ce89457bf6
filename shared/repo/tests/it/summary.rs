use step_testkit::Project;

use crate::repo;

fn report(outcome: &str, exit_code: u8, seconds: f64) -> String {
    format!(
        r#"{{"step": "x", "version": "0.1.0", "env": "dev", "dry_run": false, "outcome": "{outcome}",
            "exit_code": {exit_code}, "seconds": {seconds}, "error": {{"message": "no"}}}}"#
    )
}

#[test]
fn each_step_has_its_line_and_the_first_failure_is_the_exit_code() {
    let project = Project::new()
        .with_file("reports/deploy-stack.json", &report("unchanged", 0, 0.93))
        .with_file("reports/deploy-fargate.json", &report("rolled_back", 6, 41.04));
    let steps = ["summary", "reports", "deploy-stack", "deploy-fargate", "smoke-test"];
    let said = repo(&project.path("."), steps);
    assert_eq!(
        said.stdout,
        "step            outcome      seconds\n\
         deploy-stack    unchanged        0.9\n\
         deploy-fargate  rolled_back     41.0  exit 6\n\
         smoke-test      not run\n\
         total                           42.0\n"
    );
    assert_eq!((said.code, said.stderr.as_str()), (6, ""));
}

#[test]
fn a_file_that_is_no_report_is_named() {
    let project = Project::new().with_file("reports/a.json", "{}");
    let said = repo(&project.path("."), ["summary", "reports", "a"]);
    assert_eq!((said.code, said.stdout.as_str()), (1, ""));
    assert!(said.stderr.contains("reports/a.json is no report of a step"), "{}", said.stderr);
}
