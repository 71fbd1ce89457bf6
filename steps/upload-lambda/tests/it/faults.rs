//! What AWS answers under load, or when two runs meet.

use step_testkit::{AwsProxy, Fault, Rewrite};

use crate::support::{Lambda, code};

const LIVE: &str = "alias = \"live\"\n";

/// Another level and another code: every call of a deployment is made.
fn to_be_deployed() -> Lambda {
    let lambda = Lambda::new(LIVE);
    lambda.deploy().expect(0);
    lambda.change(&code("two"));
    let changed = lambda.configuration(LIVE).replace("\"info\"", "\"debug\"");
    lambda.project.write("landfall.toml", &changed);
    lambda
}

const READS: [&str; 2] = ["GetAlias", "GetFunction"];
const WRITES: [&str; 4] =
    ["UpdateFunctionConfiguration", "UpdateFunctionCode", "PublishVersion", "UpdateAlias"];

fn is_deployed(lambda: &Lambda, operation: &str) {
    let answer = lambda.answer("live");
    assert_eq!(
        (&answer["code"], &answer["level"]),
        (&"two".into(), &"debug".into()),
        "{operation}"
    );
    assert_eq!(lambda.versions(), ["$LATEST", "1", "2"], "{operation}");
}

/// More throttled answers in a row than the SDK tries.
#[test]
fn a_throttle_at_each_call_in_turn_is_waited_out() {
    for operation in READS.into_iter().chain(WRITES) {
        let lambda = to_be_deployed();
        let code = "TooManyRequestsException";
        let fault = Fault { operation, after: 0, times: 5, status: 429, code };
        let proxy = AwsProxy::failing(&[fault]);
        lambda.run_through(&proxy, &["deploy"]).expect(0).says(code);
        is_deployed(&lambda, operation);
    }
}

#[test]
fn a_conflict_at_each_write_in_turn_is_waited_out() {
    for operation in WRITES {
        let lambda = to_be_deployed();
        let code = "ResourceConflictException";
        let fault = Fault { operation, after: 0, times: 2, status: 409, code };
        let proxy = AwsProxy::failing(&[fault]);
        lambda.run_through(&proxy, &["deploy"]).expect(0).says("ResourceConflictException");
        is_deployed(&lambda, operation);
    }
}

/// The SDK sends the same request again, which the revision then refuses.
#[test]
fn a_lost_answer_at_each_write_in_turn_does_no_harm() {
    for operation in WRITES {
        let lambda = to_be_deployed();
        let proxy = AwsProxy::losing_answers(&[operation]);
        lambda.run_through(&proxy, &["deploy"]).expect(0);
        is_deployed(&lambda, operation);
    }
}

#[test]
fn a_lost_answer_at_a_creation_does_no_harm() {
    for operation in ["CreateFunction", "CreateAlias"] {
        let lambda = Lambda::new(LIVE);
        let proxy = AwsProxy::losing_answers(&[operation]);
        lambda.run_through(&proxy, &["deploy"]).expect(0);
        assert_eq!(lambda.answer("live")["code"], "one");
    }
}

#[test]
fn a_throttle_while_a_function_is_created_is_waited_out() {
    for operation in ["CreateFunction", "CreateAlias"] {
        let lambda = Lambda::new(LIVE);
        let code = "TooManyRequestsException";
        let fault = Fault { operation, after: 0, times: 5, status: 429, code };
        lambda.run_through(&AwsProxy::failing(&[fault]), &["deploy"]).expect(0).says(code);
        assert_eq!(lambda.answer("live")["code"], "one");
        assert_eq!(lambda.versions(), ["$LATEST", "1"]);
    }
}

#[test]
fn credentials_that_expire_in_the_middle_end_with_4_and_the_next_run_goes_on() {
    for operation in WRITES {
        let lambda = to_be_deployed();
        let code = "ExpiredTokenException";
        let fault = Fault { operation, after: 0, times: 9, status: 403, code };
        let proxy = AwsProxy::failing(&[fault]);
        let ran = lambda.run_through(&proxy, &["deploy"]).expect(4);
        ran.says("renew the credentials and run the step again");
        assert_eq!(lambda.answer("live")["code"], "one", "{operation}");
        lambda.deploy().expect(0);
        is_deployed(&lambda, operation);
    }
}

#[test]
fn an_alias_that_cannot_be_put_back_says_what_to_type() {
    let lambda = to_be_deployed();
    let text = lambda.project.read("landfall.toml") + "check = { command = [\"false\"] }\n";
    lambda.project.write("landfall.toml", &text);
    let code = "AccessDeniedException";
    let fault = Fault { operation: "UpdateAlias", after: 1, times: 9, status: 403, code };
    let proxy = AwsProxy::failing(&[fault]);
    lambda
        .run_through(&proxy, &["deploy"])
        .expect(4)
        .says("the alias live could not be put back")
        .says("type: upload-lambda rollback hello --alias live --to 1");
    assert_eq!(lambda.answer("live")["code"], "two");
    lambda.run(&["rollback", "hello", "--alias", "live", "--to", "1"]).expect(0);
    assert_eq!(lambda.answer("live")["code"], "one");
}

#[test]
fn an_update_that_lambda_cannot_finish_is_a_failure_at_once() {
    let lambda = to_be_deployed();
    // The answers after the first two are those after a write.
    let failed = Rewrite {
        operation: "GetFunction",
        after: 2,
        from: "\"LastUpdateStatus\": \"Successful\", \"LastUpdateStatusReason\": \"\", \
               \"LastUpdateStatusReasonCode\": \"\"",
        to: "\"LastUpdateStatus\": \"Failed\", \"LastUpdateStatusReason\": \"no address is left\", \
             \"LastUpdateStatusReasonCode\": \"SubnetOutOfIPAddresses\"",
    };
    let start = std::time::Instant::now();
    lambda
        .run_through(&AwsProxy::rewriting(&[failed]), &["deploy"])
        .expect(1)
        .says("Lambda could not update hello: SubnetOutOfIPAddresses");
    assert!(start.elapsed().as_secs() < 10);
    assert_eq!(lambda.answer("live")["code"], "one");
    lambda.deploy().expect(0);
    is_deployed(&lambda, "after a failure");
}

#[test]
fn a_function_that_does_not_settle_ends_with_5() {
    let lambda = to_be_deployed();
    let pending = Rewrite {
        operation: "GetFunction",
        after: 1,
        from: "\"LastUpdateStatus\": \"Successful\"",
        to: "\"LastUpdateStatus\": \"InProgress\"",
    };
    lambda
        .run_through(&AwsProxy::rewriting(&[pending]), &["deploy", "--timeout", "2s"])
        .expect(5)
        .says("Lambda did not settle hello within 2s");
}

#[test]
fn an_environment_that_cannot_be_read_is_not_replaced() {
    let lambda = to_be_deployed();
    let unreadable = Rewrite {
        operation: "GetFunction",
        after: 0,
        from: "\"Environment\": {\"Variables\": {\"LEVEL\": \"info\"}}",
        to: "\"Environment\": {\"Error\": {\"ErrorCode\": \"AccessDeniedException\", \"Message\": \"kms\"}}",
    };
    lambda
        .run_through(&AwsProxy::rewriting(&[unreadable]), &["deploy"])
        .expect(4)
        .says("the environment of hello cannot be read, and would be lost")
        .says("allow kms:Decrypt");
}
