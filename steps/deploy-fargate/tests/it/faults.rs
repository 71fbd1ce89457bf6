//! Faults of AWS and of the network, at each call in turn.

use step_testkit::{AwsProxy, Fault};

use crate::support::{LASTS, image, with_breaker};

/// More throttled answers in a row than the SDK tries: a poll that is throttled says nothing about
/// the deployment, and must not kill it.
#[test]
fn a_wait_that_is_throttled_goes_on() {
    let service = with_breaker();
    let throttle = Fault {
        operation: "DescribeServices",
        after: 1,
        times: 5,
        status: 400,
        code: "ThrottlingException",
    };
    let proxy = AwsProxy::failing(&[throttle]);
    let image = image(LASTS);
    service
        .project
        .run_through(&proxy, "deploy-fargate", &["--env", "dev", &image])
        .expect(0)
        .says("warning: ecs:DescribeServices: ThrottlingException: injected; trying again");
    assert_eq!(service.running_images(), [image]);
}

/// A throttle, a fault of AWS and a lost connection in a row, at each operation in turn. What the local
/// AWS does not know, and calls that are never answered, are in `recorded.rs`.
#[test]
fn whatever_call_is_throttled_fails_or_is_cut_off_the_image_is_deployed() {
    let service = with_breaker();
    let images = [image(LASTS), image("sleep 12345")];
    let deploy = |proxy: &AwsProxy, image: &str| {
        let args = ["--env", "dev", image, "--output", "json"];
        service.project.run_through(proxy, "deploy-fargate", &args).expect(0).json()
    };
    let good = AwsProxy::start();
    deploy(&good, &images[0]);
    let mut operations = good.calls();
    operations.sort();
    operations.dedup();
    assert!(operations.len() > 7, "{operations:?}");
    for (nth, operation) in operations.into_iter().enumerate() {
        let operation: &'static str = operation.leak();
        let fault = |after, status, code| Fault { operation, after, times: 1, status, code };
        let proxy = AwsProxy::failing(&[
            fault(0, 400, "ThrottlingException"),
            fault(1, 500, "ServerException"),
            fault(2, 0, ""),
        ]);
        let image = &images[(nth + 1) % 2];
        let report = deploy(&proxy, image);
        assert_eq!(report["outcome"], "deployed", "{operation}");
        assert_eq!(service.running_images(), [image.as_str()], "{operation}");
        let called = proxy.calls().iter().filter(|call| *call == operation).count();
        assert!(called > 3, "{operation} was called {called} times");
    }
}

/// The network is gone for longer than the SDK tries, right when the service is to be updated.
#[test]
fn an_update_that_is_not_answered_for_long_is_made_once_the_network_is_back() {
    let service = with_breaker();
    let fault = Fault { operation: "UpdateService", after: 0, times: 6, status: 0, code: "" };
    let proxy = AwsProxy::failing(&[fault]);
    let image = image(LASTS);
    service
        .project
        .run_through(&proxy, "deploy-fargate", &["--env", "dev", &image])
        .expect(0)
        .says("ecs:UpdateService: AWS does not answer");
    assert_eq!(service.running_images(), [image]);
}
