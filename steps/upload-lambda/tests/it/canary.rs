//! What is checked before and while an alias moves.

use serde_json::json;
use step_testkit::{AwsProxy, Fault, aws_call};

use crate::support::{BROKEN, Lambda, code};

const LIVE: &str = "alias = \"live\"\n";
const CHECKED: &str =
    "alias = \"live\"\ncheck = { payload = \"check.json\", expect = [\"$.code=two\"] }\n";

fn deployed(settings: &str) -> Lambda {
    let lambda = Lambda::new(LIVE);
    lambda.deploy().expect(0);
    lambda.project.write("check.json", "{\"id\": 7}");
    lambda.configure(settings);
    lambda.change(&code("two"));
    lambda
}

#[test]
fn a_good_version_gets_a_part_of_the_invocations_and_then_all() {
    let lambda = deployed(&format!("{LIVE}canary = \"10%@3s,50%@3s\"\n"));
    let mut running = lambda.project.start("upload-lambda", &["deploy", "--env", "dev"]);
    running.wait_for("hello: 10% to version 2");
    let alias = lambda.alias();
    assert_eq!(alias["FunctionVersion"], "1");
    assert_eq!(alias["RoutingConfig"]["AdditionalVersionWeights"], json!({ "2": 0.1 }));
    assert_eq!(lambda.answer("1")["code"], "one");
    running.wait_for("hello: 50% to version 2");
    let weights = &lambda.alias()["RoutingConfig"]["AdditionalVersionWeights"];
    assert_eq!(*weights, json!({ "2": 0.5 }));
    running.wait_for("upload-lambda: deployed");
    let alias = lambda.alias();
    assert_eq!(alias["FunctionVersion"], "2");
    assert!(alias.get("RoutingConfig").is_none(), "{alias}");
    assert_eq!(lambda.answer("live")["code"], "two");
}

#[test]
fn a_version_that_fails_its_check_gets_no_invocation_of_the_alias() {
    let lambda = deployed(CHECKED);
    lambda.change(&code("three"));
    let ran = lambda
        .deploy()
        .expect(3)
        .says("version 2 of hello is not good: $.code of the answer is \"three\", and not \"two\"")
        .says("help: the alias was not moved");
    assert_eq!(ran.json()["report"]["functions"][0]["outcome"], "negative");
    assert_eq!(lambda.answer("live")["code"], "one");
    lambda.change(BROKEN);
    lambda.deploy().expect(3).says("ended with an error").says("| looking for the table");
    assert_eq!(lambda.answer("live")["code"], "one");
    lambda.change(&code("two"));
    lambda.deploy().expect(0);
    assert_eq!(lambda.answer("live")["code"], "two");
}

#[test]
fn a_version_that_turns_bad_while_the_alias_moves_sends_it_back_with_6() {
    let lambda = deployed(&format!(
        "{LIVE}canary = \"10%@1s,50%@1s\"\n[env.dev.upload-lambda.functions.hello.check]\n\
         command = [\"sh\", \"-c\", \"echo no route from $LANDFALL_FUNCTION:$LANDFALL_VERSION >&2; exit 4\"]\n"
    ));
    let ran = lambda
        .deploy()
        .expect(6)
        .says("version 2 of hello is not good: sh ended with exit status: 4")
        .says("| no route from hello:2")
        .says("help: the alias is back at the version before");
    assert_eq!(ran.json()["outcome"], "rolled_back");
    let alias = lambda.alias();
    assert_eq!(alias["FunctionVersion"], "1");
    assert!(alias.get("RoutingConfig").is_none(), "{alias}");
    assert_eq!(lambda.answer("live")["code"], "one");
    assert!(!ran.stderr.contains("50% to version"), "{}", ran.stderr);
}

#[test]
fn without_a_canary_the_program_looks_after_the_move_and_the_alias_goes_back() {
    let lambda = deployed(&format!("{LIVE}check = {{ command = [\"false\"] }}\n"));
    lambda.deploy().expect(6).says("hello: alias live at version 2").says("back at version 1");
    assert_eq!(lambda.answer("live")["code"], "one");
}

#[test]
fn a_high_error_rate_sends_the_alias_back_before_the_part_ends() {
    let lambda =
        deployed(&format!("{LIVE}canary = \"10%@90s\"\ncheck = {{ error_rate = \"5%\" }}\n"));
    // What Lambda itself would count, had it sent invocations there.
    let dimensions =
        [("FunctionName", "hello"), ("Resource", "hello:live"), ("ExecutedVersion", "2")];
    let dimensions = dimensions.map(|(name, value)| json!({ "Name": name, "Value": value }));
    let count = |metric: &str, value: u32| {
        let data = json!({ "MetricName": metric, "Dimensions": dimensions, "Value": value });
        let body = json!({ "Namespace": "AWS/Lambda", "MetricData": [data] });
        aws_call(&lambda.account, "GraniteServiceVersion20100801.PutMetricData", &body);
    };
    let start = std::time::Instant::now();
    let mut running = lambda.project.start("upload-lambda", &["deploy", "--env", "dev"]);
    running.wait_for("hello: 10% to version 2");
    count("Invocations", 20);
    count("Errors", 2);
    running.wait_for("2 of 20 invocations failed: 10.0%, and 5% is borne");
    running.wait_for("upload-lambda: rolled_back");
    assert!(start.elapsed().as_secs() < 60);
    assert_eq!(lambda.alias()["FunctionVersion"], "1");
}

#[test]
fn a_canary_that_is_interrupted_puts_the_alias_back_and_says_how_to_go_on() {
    for signal in ["TERM", "INT"] {
        let lambda = deployed(&format!("{LIVE}canary = \"10%@60s\"\n"));
        let mut running = lambda.project.start("upload-lambda", &["deploy", "--env", "dev"]);
        running.wait_for("hello: 10% to version 2");
        assert!(lambda.alias().get("RoutingConfig").is_some());
        running
            .signal(signal)
            .expect(if signal == "TERM" { 143 } else { 130 })
            .says("hello: alias live back at version 1")
            .says(&format!("error: interrupted by SIG{signal}"))
            .says("the alias live of hello is back at version 1; run the step again to go on");
        let alias = lambda.alias();
        assert_eq!(alias["FunctionVersion"], "1");
        assert!(alias.get("RoutingConfig").is_none(), "{alias}");
    }
}

#[test]
fn a_canary_that_was_killed_is_begun_anew() {
    let lambda = deployed(&format!("{LIVE}canary = \"10%@2s\"\n"));
    let mut running = lambda.project.start("upload-lambda", &["deploy", "--env", "dev"]);
    running.wait_for("hello: 10% to version 2");
    assert_eq!(running.signal("KILL").code, None);
    assert!(lambda.alias().get("RoutingConfig").is_some());
    let proxy = AwsProxy::start();
    lambda.run_through(&proxy, &["deploy"]).expect(0);
    assert_eq!(proxy.writes(), ["PublishVersion", "UpdateAlias", "UpdateAlias"]);
    assert_eq!(lambda.answer("live")["code"], "two");
    assert_eq!(lambda.versions(), ["$LATEST", "1", "2"]);
}

#[test]
fn what_a_canary_that_was_killed_left_is_taken_back_with_a_bad_version() {
    let lambda = deployed(&format!("{LIVE}canary = \"10%@60s\"\n"));
    let mut running = lambda.project.start("upload-lambda", &["deploy", "--env", "dev"]);
    running.wait_for("hello: 10% to version 2");
    assert_eq!(running.signal("KILL").code, None);
    lambda.configure(&format!("{LIVE}canary = \"10%@1s\"\ncheck = {{ command = [\"false\"] }}\n"));
    lambda.deploy().expect(6).says("hello: alias live back at version 1");
    let alias = lambda.alias();
    assert_eq!(alias["FunctionVersion"], "1");
    assert!(alias.get("RoutingConfig").is_none(), "{alias}");
}

#[test]
fn an_interrupted_canary_that_cannot_be_put_back_says_what_to_type() {
    let code = "AccessDeniedException";
    let fault = Fault { operation: "UpdateAlias", after: 1, times: 9, status: 403, code };
    let proxy = AwsProxy::failing(&[fault]);
    let mut lambda = deployed(&format!("{LIVE}canary = \"10%@60s\"\n"));
    lambda.project.set_env("AWS_ENDPOINT_URL", proxy.url());
    let mut running = lambda.project.start("upload-lambda", &["deploy", "--env", "dev"]);
    running.wait_for("hello: 10% to version 2");
    running
        .signal("TERM")
        .expect(4)
        .says("interrupted; and the alias live could not be put back")
        .says("help: type: upload-lambda rollback hello --alias live --to 1");
}

#[test]
fn an_alias_that_another_run_moved_is_left_to_it() {
    let lambda = deployed(&format!("{LIVE}canary = \"10%@3s\"\n"));
    let mut running = lambda.project.start("upload-lambda", &["deploy", "--env", "dev"]);
    running.wait_for("hello: 10% to version 2");
    lambda.call("POST", "hello/versions", Some(&json!({})));
    let update = json!({ "Description": "theirs" });
    lambda.call("PUT", "hello/configuration", Some(&update));
    lambda.call("POST", "hello/versions", Some(&json!({})));
    lambda.move_alias("3");
    running.wait_for("the alias live of hello was moved to version 3 by another run");
    running.wait_for("upload-lambda: superseded");
    assert_eq!(lambda.alias()["FunctionVersion"], "3");
}
