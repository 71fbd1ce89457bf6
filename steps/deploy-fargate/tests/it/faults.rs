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
