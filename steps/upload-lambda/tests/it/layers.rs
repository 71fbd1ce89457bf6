//! Layers that are published from here.

use serde_json::{Value, json};
use step_testkit::{AwsProxy, Fault, aws_rest};

use crate::support::{Lambda, calls};

const CODE: &str =
    "import greeting\n\ndef handler(event, context):\n    return {'says': greeting.TEXT}\n";

fn with_layer() -> Lambda {
    let lambda = Lambda::new("");
    lambda.change(CODE);
    let text = lambda
        .configuration("alias = \"live\"\n")
        .replace("handler =", "layers = [\"words\"]\nhandler =");
    let text = text
        + "[env.dev.upload-lambda.layers.words]\nsource = \"words\"\nruntimes = [\"python3.11\"]\nkeep = 1\n";
    lambda.project.write("landfall.toml", &text);
    lambda.project.write("words/python/greeting.py", "TEXT = 'hello'\n");
    lambda
}

fn layer_versions(lambda: &Lambda) -> Vec<Value> {
    let path = "/2018-10-31/layers/words/versions";
    let listed = aws_rest(&lambda.account, "lambda", "GET", path, None);
    listed["LayerVersions"].as_array().unwrap().iter().map(|it| it["Version"].clone()).collect()
}

#[test]
fn a_layer_is_published_attached_and_read_alone_when_it_did_not_change() {
    let lambda = with_layer();
    let dry = lambda.run(&["deploy", "--dry-run"]).expect(0);
    assert!(
        dry.stdout.starts_with("layer words: another\n  words (the new version)"),
        "{}",
        dry.stdout
    );
    lambda.deploy().expect(0);
    assert_eq!(lambda.answer("live"), json!({ "says": "hello" }));
    let proxy = AwsProxy::start();
    let again = lambda.run_through(&proxy, &["deploy", "--output", "json"]).expect(0).json();
    assert_eq!(again["outcome"], "unchanged");
    let reads = ["ListLayerVersions", "GetLayerVersion", "GetAlias", "GetFunction"];
    assert_eq!(calls(&proxy), reads);
}

#[test]
fn a_layer_that_changed_is_a_new_version_of_the_function_and_the_old_one_is_deleted() {
    let lambda = with_layer();
    lambda.deploy().expect(0);
    lambda.project.write("words/python/greeting.py", "TEXT = 'good morning'\n");
    let report = lambda.deploy().expect(0).json();
    let arn = report["report"]["layers"][0]["arn"].as_str().unwrap();
    assert!(arn.ends_with(":layer:words:2"), "{arn}");
    assert_eq!(lambda.answer("live"), json!({ "says": "good morning" }));
    assert_eq!(layer_versions(&lambda), [json!(2)]);
}

#[test]
fn an_old_version_of_a_layer_that_cannot_be_deleted_is_a_warning() {
    let lambda = with_layer();
    lambda.deploy().expect(0);
    lambda.project.write("words/python/greeting.py", "TEXT = 'good morning'\n");
    let code = "AccessDeniedException";
    let fault = Fault { operation: "DeleteLayerVersion", after: 0, times: 9, status: 403, code };
    let proxy = AwsProxy::failing(&[fault]);
    let ran = lambda.run_through(&proxy, &["deploy", "--output", "json"]).expect(0);
    let report = ran.says("old versions of layer words stay").json();
    assert_eq!(report["report"]["functions"][0]["outcome"], "deployed");
}

#[test]
fn a_layer_that_nobody_describes_is_told_before_anything_is_written() {
    let lambda = with_layer();
    let text = lambda
        .project
        .read("landfall.toml")
        .replace("layers = [\"words\"]", "layers = [\"wrods\"]");
    lambda.project.write("landfall.toml", &text);
    lambda.deploy().expect(2).says("there is no layer `wrods` in landfall.toml");
}
