//! Code and configuration.

use serde_json::json;
use step_testkit::AwsProxy;

use crate::support::{Lambda, calls, code};

const LIVE: &str = "alias = \"live\"\n";

#[test]
fn a_function_is_created_and_then_is_unchanged_with_two_reads_and_no_write() {
    let lambda = Lambda::new(LIVE);
    let report = lambda.deploy().expect(0).json();
    assert_eq!(report["outcome"], "deployed");
    let one = &report["report"]["functions"][0];
    assert_eq!((&one["function"], &one["version"]), (&json!("hello"), &json!("1")));
    assert_eq!(lambda.answer("live")["code"], "one");

    let proxy = AwsProxy::start();
    let again = lambda.run_through(&proxy, &["deploy", "--output", "json"]).expect(0).json();
    assert_eq!(again["outcome"], "unchanged");
    assert_eq!(calls(&proxy), ["GetAlias", "GetFunction"]);
}

#[test]
fn without_an_alias_one_read_tells_that_nothing_is_to_be_done() {
    let lambda = Lambda::new("");
    lambda.deploy().expect(0);
    assert_eq!(lambda.answer("$LATEST")["code"], "one");
    let proxy = AwsProxy::start();
    lambda.run_through(&proxy, &["deploy"]).expect(0);
    assert_eq!(calls(&proxy), ["GetFunction"]);
    lambda.change(&code("two"));
    let report = lambda.deploy().expect(0).json();
    assert_eq!(report["outcome"], "deployed");
    assert_eq!(lambda.answer("$LATEST")["code"], "two");
    assert_eq!(lambda.versions(), ["$LATEST"]);
}

#[test]
fn a_file_of_another_time_and_order_is_the_same_code() {
    let lambda = Lambda::new(LIVE);
    lambda.project.write("hello/b.py", "B = 1\n");
    lambda.deploy().expect(0);
    lambda.project.write("hello/a.py", "A = 1\n");
    let hello = lambda.project.path("hello");
    std::fs::remove_file(hello.join("a.py")).unwrap();
    lambda.change(&code("one"));
    assert_eq!(lambda.deploy().expect(0).json()["outcome"], "unchanged");
}

#[test]
fn new_code_alone_is_one_upload_and_configuration_alone_is_none() {
    let lambda = Lambda::new(LIVE);
    lambda.deploy().expect(0);
    lambda.change(&code("two"));
    let proxy = AwsProxy::start();
    lambda.run_through(&proxy, &["deploy"]).expect(0);
    assert_eq!(proxy.writes(), ["UpdateFunctionCode", "PublishVersion", "UpdateAlias"]);
    assert_eq!(lambda.answer("live")["code"], "two");
    assert_eq!(lambda.answer("1")["code"], "one");

    let changed = lambda.configuration(LIVE).replace("\"info\"", "\"debug\"");
    lambda.project.write("landfall.toml", &changed);
    let proxy = AwsProxy::start();
    lambda.run_through(&proxy, &["deploy"]).expect(0);
    assert_eq!(proxy.writes(), ["UpdateFunctionConfiguration", "PublishVersion", "UpdateAlias"]);
    let answer = lambda.answer("live");
    assert_eq!((&answer["code"], &answer["level"]), (&json!("two"), &json!("debug")));
}

#[test]
fn callers_of_the_alias_never_get_a_new_configuration_with_old_code() {
    let lambda = Lambda::new(LIVE);
    lambda.deploy().expect(0);
    lambda.change(&code("two"));
    let changed = lambda.configuration(LIVE).replace("\"info\"", "\"debug\"");
    lambda.project.write("landfall.toml", &changed);
    let proxy = AwsProxy::start();
    lambda.run_through(&proxy, &["deploy"]).expect(0);
    assert_eq!(
        proxy.writes(),
        ["UpdateFunctionConfiguration", "UpdateFunctionCode", "PublishVersion", "UpdateAlias"]
    );
    assert_eq!(lambda.answer("live"), json!({ "code": "two", "level": "debug", "event": {} }));
    assert_eq!(lambda.answer("1"), json!({ "code": "one", "level": "info", "event": {} }));
}

#[test]
fn variables_that_are_not_named_stay_unless_all_is_replaced() {
    let lambda = Lambda::new("");
    lambda.deploy().expect(0);
    let variables = json!({ "LEVEL": "info", "OTHER": "kept" });
    let body = json!({ "Environment": { "Variables": variables }, "MemorySize": 256 });
    lambda.call("PUT", "hello/configuration", Some(&body));
    let get = || lambda.call("GET", "hello/configuration", None);

    lambda.project.write(
        "landfall.toml",
        &lambda.configuration("").replace("LEVEL = \"info\"", "LEVEL = \"debug\""),
    );
    lambda.deploy().expect(0);
    let has = get();
    let variables = &has["Environment"]["Variables"];
    assert_eq!(*variables, json!({ "LEVEL": "debug", "OTHER": "kept" }));
    assert_eq!(has["MemorySize"], 256);

    let replaced = lambda.configuration("").replace("handler =", "replace = true\nhandler =");
    lambda.project.write("landfall.toml", &replaced);
    lambda.deploy().expect(0);
    let has = get();
    assert_eq!(has["Environment"]["Variables"], json!({ "LEVEL": "info" }));
    assert_eq!(has["MemorySize"], 128);
}

#[test]
fn a_dry_run_shows_the_difference_without_secrets_and_writes_nothing() {
    let lambda = Lambda::new(LIVE);
    lambda.deploy().expect(0);
    let more = "LEVEL = \"debug\", API_TOKEN = \"hunter2hunter2\"";
    let changed = lambda.configuration(LIVE).replace("LEVEL = \"info\"", more);
    lambda.project.write("landfall.toml", &changed.replace("handler =", "memory = 512\nhandler ="));
    let proxy = AwsProxy::start();
    let ran = lambda.run_through(&proxy, &["deploy", "--dry-run"]).expect(0);
    assert_eq!(
        ran.stdout,
        "hello: planned\n  memory: 128 MB -> 512 MB\n  environment.API_TOKEN: (none) -> [MASKED]\n  \
         environment.LEVEL: info -> debug\n  publish a version\n  \
         alias live: 1 -> the new version, at once\n"
    );
    assert_eq!(proxy.writes(), ["GetCallerIdentity"; 0]);
    let all = lambda.run(&["deploy", "-vvv", "--output", "json"]).expect(0);
    assert!(!format!("{}{}", all.stdout, all.stderr).contains("hunter2hunter2"));
}

#[test]
fn a_variable_of_the_step_is_passed_on_and_one_that_is_not_set_is_told() {
    let mut lambda = Lambda::new("");
    let changed = lambda.configuration("").replace("LEVEL = \"info\"", "LEVEL = true");
    lambda.project.write("landfall.toml", &changed);
    lambda.deploy().expect(2).says("the variable LEVEL, which landfall.toml passes on, is not set");
    lambda.project.set_env("LEVEL", "of the job");
    lambda.deploy().expect(0);
    assert_eq!(lambda.answer("$LATEST")["level"], "of the job");
}

#[test]
fn code_that_went_back_and_comes_again_as_it_was_needs_no_upload() {
    let lambda = Lambda::new(LIVE);
    lambda.deploy().expect(0);
    lambda.change(&code("two"));
    lambda.deploy().expect(0);
    lambda.run(&["rollback"]).expect(0);
    assert_eq!(lambda.answer("live")["code"], "one");
    let proxy = AwsProxy::start();
    lambda.run_through(&proxy, &["deploy"]).expect(0);
    assert_eq!(proxy.writes(), ["PublishVersion", "UpdateAlias"]);
    assert_eq!(lambda.alias()["FunctionVersion"], "2");
}

#[test]
fn a_version_tells_the_commit_that_it_was_made_from() {
    let lambda = Lambda::new(LIVE);
    lambda.run(&["deploy", "--ci-commit-sha", "0123abc"]).expect(0);
    let version = lambda.call("GET", "hello/configuration?Qualifier=1", None);
    assert_eq!(version["Description"], "0123abc");
}

#[test]
fn an_image_is_compared_by_its_digest() {
    let lambda = Lambda::new("");
    let image = |n: u32| format!("host/hello@sha256:{n:064x}");
    let configure = |n| {
        let account = &lambda.account;
        let text = format!(
            "[env.dev.upload-lambda.functions.hello]\nimage = \"{}\"\ncreate = true\n\
             configuration = {{ role = \"arn:aws:iam::{account}:role/hello\" }}\n",
            image(n)
        );
        lambda.project.write("landfall.toml", &text);
    };
    configure(1);
    lambda.deploy().expect(0);
    assert_eq!(lambda.deploy().expect(0).json()["outcome"], "unchanged");
    configure(2);
    assert_eq!(lambda.deploy().expect(0).json()["outcome"], "deployed");
    let code = lambda.call("GET", "hello", None);
    assert_eq!(code["Code"]["ImageUri"], image(2));
    lambda.configure("");
    lambda.deploy().expect(2).says("hello runs an image, and cannot change to a zip");
}

#[test]
fn several_functions_are_deployed_in_one_run_and_one_that_fails_does_not_stop_the_others() {
    let lambda = Lambda::new(LIVE);
    let account = lambda.account.clone();
    let mut text = lambda.configuration(LIVE);
    for name in ["second", "third", "broken"] {
        let handler = if name == "broken" { "nothing.handler" } else { "app.handler" };
        text += &format!(
            "[env.dev.upload-lambda.functions.{name}]\nsource = \"hello\"\nalias = \"live\"\ncreate = true\n\
             configuration = {{ role = \"arn:aws:iam::{account}:role/x\", runtime = \"python3.11\", handler = \"{handler}\" }}\n"
        );
    }
    lambda.project.write("landfall.toml", &text);
    let ran =
        lambda.deploy().expect(2).says("broken: the handler `nothing.handler` is not in hello");
    let report = ran.json();
    let functions = report["report"]["functions"].as_array().unwrap();
    let outcomes: Vec<_> = functions
        .iter()
        .map(|one| (one["function"].as_str().unwrap(), one["outcome"].as_str().unwrap()))
        .collect();
    assert_eq!(
        outcomes,
        [
            ("hello", "deployed"),
            ("second", "deployed"),
            ("third", "deployed"),
            ("broken", "invalid")
        ]
    );
    for name in ["hello", "second", "third"] {
        let path = format!("{name}/invocations?Qualifier=live");
        assert_eq!(lambda.call("POST", &path, Some(&json!({})))["code"], "one");
    }
    assert_eq!(
        lambda.run(&["deploy", "third", "hello", "--output", "json"]).expect(0).json()["outcome"],
        "unchanged"
    );
}

#[test]
fn a_change_that_is_under_way_is_waited_for() {
    let lambda = Lambda::new(LIVE);
    lambda.deploy().expect(0);
    lambda.change(&code("two"));
    lambda.call("PUT", "hello/configuration", Some(&json!({ "MemorySize": 256 })));
    lambda.deploy().expect(0).says("hello: waiting for a change that is under way");
    assert_eq!(lambda.answer("live")["code"], "two");
    assert_eq!(lambda.call("GET", "hello/configuration", None)["MemorySize"], 256);
}

#[test]
fn two_runs_at_once_end_with_one_that_is_live_and_the_other_says_so() {
    let lambda = Lambda::new(LIVE);
    lambda.deploy().expect(0);
    lambda.project.write("other/app.py", &code("other"));
    lambda.change(&code("two"));
    let mut first = lambda.project.command("upload-lambda");
    let mut first = first.args(["deploy", "--env", "dev"]).spawn().unwrap();
    let other = lambda.run(&["deploy", "hello", "--source", "other"]);
    let first = first.wait().unwrap().code();
    let codes = [first, other.code];
    assert!(codes.contains(&Some(0)), "{codes:?}");
    assert!(codes.iter().all(|code| matches!(code, Some(0 | 7))), "{codes:?}\n{}", other.stderr);
    if other.code == Some(0) && first == Some(7) {
        assert_eq!(lambda.answer("live")["code"], "other");
    } else if first == Some(0) && other.code == Some(7) {
        assert_eq!(lambda.answer("live")["code"], "two");
    }
}

#[test]
fn flags_do_without_a_landfall_toml() {
    let lambda = Lambda::new(LIVE);
    lambda.deploy().expect(0);
    std::fs::remove_file(lambda.project.path("landfall.toml")).unwrap();
    lambda.change(&code("two"));
    let args =
        ["deploy", "hello", "--source", "hello", "--alias", "live", "--account", &lambda.account];
    lambda.project.run("upload-lambda", &args).expect(0);
    assert_eq!(lambda.answer("live")["code"], "two");
}

#[test]
fn the_zip_that_is_written_is_the_one_that_lambda_gets() {
    let lambda = Lambda::new("");
    let nobody = step_testkit::Project::new().with_file("hello/app.py", &code("one"));
    let args = ["package", "--source", "hello", "--to", "dist/hello.zip", "--output", "json"];
    let packed = nobody.run("upload-lambda", &args).expect(0).json();
    let hash = &packed["report"]["zips"][0]["code_sha256"];
    lambda.run(&["package"]).expect(0);
    assert_eq!(
        std::fs::read(nobody.path("dist/hello.zip")).unwrap(),
        std::fs::read(lambda.project.path(".landfall/hello.zip")).unwrap()
    );
    lambda.deploy().expect(0);
    assert_eq!(lambda.call("GET", "hello/configuration", None)["CodeSha256"], *hash);
}
