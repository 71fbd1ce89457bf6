//! Code that is too large for a request.

use std::io::Write;

use serde_json::json;
use step_testkit::{AwsProxy, Fault, aws_rest};

use crate::support::Lambda;

const LOCATION: &str = "<CreateBucketConfiguration><LocationConstraint>eu-central-1</LocationConstraint></CreateBucketConfiguration>";

/// A function of more than 50 MB that cannot be made smaller.
fn large() -> Lambda {
    let lambda = Lambda::new("");
    let mut file = std::fs::File::create(lambda.project.path("hello/data.bin")).unwrap();
    let mut random = fastrand::Rng::with_seed(7);
    let mut block = vec![0; 1 << 20];
    for _ in 0..52 {
        random.fill(&mut block);
        file.write_all(&block).unwrap();
    }
    let path = format!("/{}", bucket(&lambda));
    aws_rest(&lambda.account, "s3", "PUT", &path, Some(LOCATION));
    lambda
}

fn bucket(lambda: &Lambda) -> String {
    format!("code-{}", lambda.account)
}

#[test]
fn code_that_is_too_large_for_a_request_asks_for_a_bucket() {
    let lambda = large();
    lambda.deploy().expect(2).says("too many for a request").says("--s3-bucket");
}

#[test]
fn a_large_upload_goes_through_s3_goes_on_where_it_stopped_and_is_not_repeated() {
    let lambda = large();
    let bucket = bucket(&lambda);
    let denied =
        Fault { operation: "UploadPart", after: 3, times: 1, status: 403, code: "ExpiredToken" };
    let proxy = AwsProxy::failing(&[denied]);
    let args = ["deploy", "--s3-bucket", &bucket];
    lambda.run_through(&proxy, &args).expect(4).says("renew the credentials");

    let proxy = AwsProxy::start();
    lambda.run_through(&proxy, &args).expect(0).says("going on with an upload that has 3 parts");
    let parts = proxy.calls().iter().filter(|call| *call == "UploadPart").count();
    assert_eq!(parts, 4, "{:?}", proxy.calls());
    assert_eq!(lambda.answer("$LATEST")["code"], "one");

    lambda.call("DELETE", "hello", None);
    let proxy = AwsProxy::start();
    lambda.run_through(&proxy, &args).expect(0);
    assert!(proxy.calls().contains(&"HeadObject".to_owned()));
    assert_eq!(proxy.writes(), ["CreateFunction"]);
    assert_eq!(lambda.answer("$LATEST"), json!({ "code": "one", "level": "info", "event": {} }));
}

#[test]
fn two_functions_with_the_same_large_code_upload_it_once() {
    let lambda = large();
    let text = lambda.configuration("");
    let (_, hello) = text.split_at(text.find("[env.dev.upload-lambda.functions.hello.").unwrap());
    let twin = hello.replace("functions.hello", "functions.twin");
    lambda.project.write("landfall.toml", &format!("{text}{twin}"));
    let proxy = AwsProxy::start();
    lambda.run_through(&proxy, &["deploy", "--s3-bucket", &bucket(&lambda)]).expect(0);
    let begun = proxy.calls().iter().filter(|call| *call == "CreateMultipartUpload").count();
    assert_eq!(begun, 1, "{:?}", proxy.calls());
}

#[test]
fn an_upload_that_another_run_ended_meanwhile_is_taken_as_it_is() {
    let lambda = large();
    let bucket = bucket(&lambda);
    let args = ["deploy", "--s3-bucket", &bucket];
    lambda.run(&args).expect(0);
    lambda.call("DELETE", "hello", None);
    // It is not there at the first look, and its parts are gone when the other run has ended it.
    let faults = [("HeadObject", "NotFound"), ("UploadPart", "NoSuchUpload")];
    let faults =
        faults.map(|(operation, code)| Fault { operation, after: 0, times: 1, status: 404, code });
    lambda.run_through(&AwsProxy::failing(&faults), &args).expect(0);
    assert_eq!(lambda.answer("$LATEST")["code"], "one");
}
