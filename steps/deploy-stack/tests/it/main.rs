//! Against the local AWS: stacks that come up, stay, change, and fail.

#![allow(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]

use step_testkit::{AwsProxy, Fault, Project, Ran, fresh_account};

const TEMPLATE: &str = "\
Parameters:
  Days: {Type: String, Default: '7'}
Resources:
  Log:
    Type: AWS::Logs::LogGroup
    Properties: {LogGroupName: !Sub '/${AWS::StackName}', RetentionInDays: !Ref Days}
Outputs:
  Log: {Value: !Ref Log}
";

/// A project whose environment `dev` is an account of its own.
fn project() -> Project {
    let account = fresh_account();
    let config = format!(
        "[service]\nname = \"app\"\n[defaults]\nregion = \"eu-central-1\"\n[env.dev]\naccount = \"{account}\"\n"
    );
    Project::new()
        .with_aws(&account)
        .with_file("landfall.toml", &config)
        .with_file("infra.yml", TEMPLATE)
}

fn deploy(project: &Project, args: &[&str]) -> Ran {
    project.run("deploy-stack", &[&["--env", "dev"], args].concat())
}

#[test]
fn a_stack_is_created_and_its_outputs_are_handed_over() {
    let project = project();
    let ran = deploy(&project, &[]).expect(0);
    assert_eq!(ran.stdout, "app-dev: created\n  Log = /app-dev\n");
    assert_eq!(
        ran.stderr_without_times(),
        "stack app-dev from infra.yml\n  create the stack\nChange set for app-dev\n  \
         Add Log (AWS::Logs::LogGroup)\n  app-dev REVIEW_IN_PROGRESS\n  \
         app-dev CREATE_IN_PROGRESS\n  Log CREATE_COMPLETE\n  app-dev CREATE_COMPLETE\n\
         deploy-stack: created (N s)\n"
    );
    assert_eq!(
        project.json(".landfall/stack.json"),
        serde_json::json!({ "stack": "app-dev", "outputs": { "Log": "/app-dev" } })
    );
}

#[test]
fn a_second_run_reads_and_writes_nothing() {
    let project = project();
    deploy(&project, &[]).expect(0);
    let proxy = AwsProxy::start();
    let args = ["--env", "dev", "--output", "json"];
    let ran = project.run_through(&proxy, "deploy-stack", &args).expect(0);
    assert_eq!(ran.json()["outcome"], "unchanged");
    assert_eq!(
        proxy.calls(),
        ["GetCallerIdentity", "GetTemplateSummary", "DescribeStacks", "GetTemplate"]
    );
}

#[test]
fn a_parameter_changes_the_stack_and_the_others_keep_their_value() {
    let project = project();
    deploy(&project, &[]).expect(0);
    let ran = deploy(&project, &["-p", "Days=30"]).expect(0).says("parameter Days: 7 -> 30");
    assert!(ran.stdout.starts_with("app-dev: updated\n"), "{}", ran.stdout);
    let ran = deploy(&project, &[]).expect(0);
    assert!(ran.stdout.starts_with("app-dev: unchanged\n"), "{}", ran.stdout);
}

#[test]
fn a_dry_run_shows_the_change_and_writes_nothing() {
    let proxy = AwsProxy::start();
    let project = project();
    let ran = project.run_through(&proxy, "deploy-stack", &["--env", "dev", "--dry-run"]).expect(0);
    assert_eq!(ran.stdout, "app-dev: planned\n  create the stack\n");
    assert_eq!(proxy.writes(), [] as [&str; 0]);
    assert!(!project.path(".landfall").exists());
}

#[test]
fn a_failed_creation_names_its_cause_and_then_what_to_type() {
    let bad = format!("{TEMPLATE}\n").replace(
        "Outputs:",
        "  Bad:\n    Type: AWS::Logs::LogGroup\n    Properties: {LogGroupName: !GetAtt Log.Nope}\nOutputs:",
    );
    let project = project().with_file("infra.yml", &bad);
    deploy(&project, &[])
        .expect(1)
        .says("error: app-dev is in ROLLBACK_COMPLETE: Bad CREATE_FAILED: Requested attribute Nope")
        .says("help: mend the cause");
    deploy(&project, &[]).expect(1).says("aws cloudformation delete-stack --stack-name app-dev");
}

#[test]
fn a_failed_update_is_rolled_back_and_ends_with_6() {
    let project = project();
    deploy(&project, &[]).expect(0);
    let bad = TEMPLATE.replace(
        "Outputs:",
        "  Bad:\n    Type: AWS::Logs::LogGroup\n    Properties: {LogGroupName: !GetAtt Log.Nope}\nOutputs:",
    );
    let project = project.with_file("infra.yml", &bad);
    deploy(&project, &[])
        .expect(6)
        .says("app-dev is in UPDATE_ROLLBACK_COMPLETE: Bad UPDATE_FAILED: Requested attribute")
        .says("the stack is as before");
    let project = project.with_file("infra.yml", TEMPLATE);
    let ran = deploy(&project, &[]).expect(0);
    assert!(ran.stdout.starts_with("app-dev: unchanged"), "{}", ran.stdout);
}

#[test]
fn another_account_than_that_of_the_environment_is_refused_before_the_first_write() {
    let proxy = AwsProxy::start();
    let other = fresh_account();
    let project = project().with_env("AWS_ACCESS_KEY_ID", &other);
    let ran = project.run_through(&proxy, "deploy-stack", &["--env", "dev"]).expect(8);
    assert!(ran.stderr.contains(&format!("these credentials belong to {other}")), "{}", ran.stderr);
    assert_eq!(proxy.calls(), ["GetCallerIdentity"]);
}

#[test]
fn the_job_of_gitlab_assumes_its_role_with_the_id_token_and_shows_it_nowhere() {
    let account = fresh_account();
    let role = format!("arn:aws:iam::{account}:role/deploy");
    let config = format!(
        "[service]\nname = \"app\"\n[env.dev]\naccount = \"{account}\"\nrole = \"{role}\"\n"
    );
    let token = "an-id-token-that-nobody-may-see";
    // The runner's own credentials are those of another account.
    let project = Project::new()
        .with_aws(&fresh_account())
        .with_env("LANDFALL_ID_TOKEN", token)
        .with_file("landfall.toml", &config)
        .with_file("infra.yml", TEMPLATE);
    let ran = deploy(&project, &["-vv"]).expect(0);
    assert!(ran.stderr.contains("AssumeRoleWithWebIdentity"), "-vv shows the calls");
    assert!(!ran.stderr.contains(token) && !ran.stdout.contains(token));
}

#[test]
fn an_aws_that_does_not_answer_is_told_within_10_seconds() {
    let start = std::time::Instant::now();
    let project = project().with_env("AWS_ENDPOINT_URL", "http://127.0.0.1:9");
    deploy(&project, &[])
        .expect(4)
        .says("error: sts:GetCallerIdentity: AWS does not answer")
        .says("help: check the network, the region and AWS_ENDPOINT_URL");
    assert!(start.elapsed().as_secs() < 10);
}

#[test]
fn a_throttled_call_is_made_again_and_a_denied_one_is_not() {
    let fault = |operation, times, status, code| {
        AwsProxy::failing(&[Fault { operation, after: 0, times, status, code }])
    };
    let project = project();
    let args = ["--env", "dev"];
    let throttled = fault("DescribeStacks", 2, 400, "Throttling");
    project.run_through(&throttled, "deploy-stack", &args).expect(0);

    let denied = fault("DescribeStacks", 9, 403, "AccessDenied");
    project
        .run_through(&denied, "deploy-stack", &args)
        .expect(4)
        .says("error: cloudformation:DescribeStacks: AccessDenied: injected")
        .says("help: allow cloudformation:DescribeStacks to the role that runs this step");
    assert_eq!(denied.calls().iter().filter(|call| *call == "DescribeStacks").count(), 1);

    let expired = fault("GetCallerIdentity", 9, 403, "ExpiredToken");
    project.run_through(&expired, "deploy-stack", &args).expect(4).says("renew the credentials");
}

#[test]
fn missing_credentials_are_told_apart_from_a_dead_network() {
    let config = "[service]\nname = \"app\"\n[env.dev]\nregion = \"eu-central-1\"\n";
    let project =
        Project::new().with_file("landfall.toml", config).with_file("infra.yml", TEMPLATE);
    deploy(&project, &[]).expect(4).says("no AWS credentials").says("help: set AWS_PROFILE");
}

#[test]
fn wrong_input_ends_with_2_and_says_what_to_do() {
    let project = project();
    project.run("deploy-stack", &["-e", "dve"]).expect(2).says("(did you mean dev?)");
    project.run("deploy-stack", &[]).expect(2).says("choose one with --env NAME");
    deploy(&project, &["--template", "none.yml"])
        .expect(2)
        .says("cannot read the template none.yml");
    deploy(&project, &["-p", "Nope=1"]).expect(2).says("infra.yml has no parameter `Nope`");
    let broken = project.with_file("broken.yml", "Resources: [");
    deploy(&broken, &["--template", "broken.yml"]).expect(2).says("broken.yml: ");
    let broken = broken.with_file("landfall.toml", "[env.dev]\nacount = \"1\"\n");
    deploy(&broken, &[]).expect(2).says("landfall.toml:2:1: unknown key `acount` in [env.dev]");
}

#[test]
fn a_report_is_written_for_a_failure_as_for_a_success() {
    let project = project();
    deploy(&project, &["--report", "out/report.json"]).expect(0);
    let report = project.json("out/report.json");
    assert_eq!(report["step"], "deploy-stack");
    assert_eq!(report["outcome"], "created");
    assert_eq!(report["report"]["outputs"]["Log"], "/app-dev");
    deploy(&project, &["--report", "out/report.json", "-p", "Nope=1"]).expect(2);
    let report = project.json("out/report.json");
    assert_eq!(
        (report["outcome"].as_str(), report["exit_code"].as_u64()),
        (Some("invalid"), Some(2))
    );
    assert!(report["error"]["help"].as_str().unwrap().contains("Days"));
}
