//! What is wrong with what is asked for.

use std::os::unix::fs::PermissionsExt;

use crate::support::{Lambda, code};

#[test]
fn what_lambda_could_not_run_is_told_before_it_is_uploaded() {
    let lambda = Lambda::new("");
    let with = |from: &str, to: &str| {
        lambda.project.write("landfall.toml", &lambda.configuration("").replace(from, to));
        lambda.deploy().expect(2)
    };
    with("source = \"hello\"", "source = \"none\"").says("there is no none").says("build it first");
    with("app.handler", "main.handler")
        .says("the handler `main.handler` is not in hello: there is no main.py")
        .says("at its top are: app.py");
    with("app.handler", "app").says("the handler `app` names no file");
    with("python3.11", "provided.al2023").says("there is no `bootstrap` in hello");
    std::fs::create_dir(lambda.project.path("empty")).unwrap();
    with("source = \"hello\"", "source = \"empty\"").says("there is no file to pack in empty");
    assert_eq!(lambda.call("GET", "hello", None)["__type"], "ResourceNotFoundException");
}

#[test]
fn a_program_for_another_processor_is_not_uploaded() {
    let lambda = Lambda::new("");
    let bootstrap = lambda.project.path("hello/bootstrap");
    std::fs::copy("/bin/true", &bootstrap).unwrap();
    std::fs::set_permissions(&bootstrap, PermissionsExt::from_mode(0o644)).unwrap();
    let other = if cfg!(target_arch = "x86_64") { "arm64" } else { "x86_64" };
    let text = lambda.configuration("").replace("python3.11", "provided.al2023");
    let text = text.replace("handler =", &format!("architecture = \"{other}\"\nhandler ="));
    lambda.project.write("landfall.toml", &text);
    lambda.deploy().expect(2).says("bootstrap").says(other);
}

#[test]
fn settings_that_cannot_be_understood_are_told_with_the_function() {
    let lambda = Lambda::new("canary = \"10%@5m\"\n");
    lambda
        .deploy()
        .expect(2)
        .says("function hello: there is a canary, but no alias that could move");
    lambda.configure("alias = \"live\"\ncanary = \"a tenth\"\n");
    lambda.deploy().expect(2).says("function hello: canary = \"a tenth\"");
    lambda.configure("check = { payload = \"none.json\" }\n");
    lambda.deploy().expect(2).says("function hello: cannot read the payload none.json");
    lambda.configure("check = { expect = [\"$.a=1\"] }\n");
    lambda.deploy().expect(2).says("but not what is invoked with");
    lambda.configure("check = { command = [\"true\"] }\n");
    lambda.deploy().expect(2).says("function hello: there is a check, but no alias");
    lambda.configure("alias = \"live\"\ncheck = { error_rate = \"1%\" }\n");
    lambda.deploy().expect(2).says("function hello: there is an error rate, but no canary");
    lambda.configure("image = \"host/a:latest\"\n");
    lambda.deploy().expect(2).says("function hello: it has a source and an image");
    lambda.configure("alais = \"live\"\n");
    lambda.deploy().expect(2).says("did you mean `alias`?");
    lambda.configure("");
    lambda.run(&["deploy", "helo"]).expect(2).says("(did you mean hello?)");
    lambda.run(&["deploy", "hello", "--canary", "x"]).expect(2).says("write for example 10%@5m");
    lambda.run(&["rollback"]).expect(2).says("function hello has no alias");
    lambda.run(&["prune"]).expect(2).says("how many versions of hello are kept");
}

#[test]
fn without_a_command_it_deploys_as_the_variables_say() {
    let mut lambda = Lambda::new("");
    lambda.project.set_env("LANDFALL_CANARY", "x");
    lambda.run(&[]).expect(2).says("write for example 10%@5m").says("correct the variable");
    lambda.project.set_env("LANDFALL_CANARY", "none");
    lambda.project.set_env("LANDFALL_LAMBDA_ALIAS", "live");
    lambda.run(&[]).expect(0);
    assert_eq!(lambda.answer("live")["code"], "one");
}

/// GitLab passes a variable without a value as an empty one.
#[test]
fn an_empty_variable_is_as_one_that_is_not_set() {
    let mut lambda = Lambda::new("");
    lambda.project.set_env("LANDFALL_CANARY", "");
    lambda.project.set_env("LANDFALL_LAMBDA_TIMEOUT", "");
    lambda.run(&[]).expect(0);
    lambda.run(&["deploy"]).expect(0);
}

#[test]
fn a_function_that_is_missing_is_not_created_unless_that_was_asked_for() {
    let lambda = Lambda::new("");
    let text = lambda.configuration("").replace("create = true\n", "");
    lambda.project.write("landfall.toml", &text);
    lambda.deploy().expect(2).says("there is no function hello").says("--create");
    lambda.run(&["deploy", "--create"]).expect(0);
    assert_eq!(lambda.answer("$LATEST")["code"], "one");
    let text = lambda.configuration("").replace("role =", "# role =");
    lambda.project.write("landfall.toml", &text.replace("functions.hello", "functions.other"));
    lambda.deploy().expect(2).says("other cannot be created without a role");
}

#[test]
fn the_wrong_account_is_refused_before_anything_is_read() {
    let lambda = Lambda::new("");
    lambda.change(&code("two"));
    lambda.run(&["deploy", "--account", "111111111111"]).expect(8).says("wrong account");
}

#[test]
fn what_push_ecr_left_is_told_when_it_is_broken_or_of_another_environment() {
    let lambda = Lambda::new("");
    lambda.project.write(".landfall/pushed.json", "{");
    lambda
        .run(&["deploy", "hello", "--image", "pushed"])
        .expect(2)
        .says("function hello: .landfall/pushed.json is not what was expected: EOF")
        .says("help: delete it and run push-ecr again");
    let digest = format!("sha256:{}", "a".repeat(64));
    let pushed = serde_json::json!({
        "env": "prod", "image": format!("host/hello@{digest}"), "digest": digest,
        "repository": "host/hello", "tag": "1"
    });
    lambda.project.write(".landfall/pushed.json", &pushed.to_string());
    lambda
        .run(&["deploy", "hello", "--image", "pushed", "--dry-run"])
        .expect(0)
        .says("the image was pushed for prod and goes to dev");
}
