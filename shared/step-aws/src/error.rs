//! What an error of AWS means: which exit code, whether it passes by itself, what to do.

use std::error::Error;

use aws_credential_types::provider::error::CredentialsError;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use step_core::{Exit, Fail, innermost};

/// The result of a call to AWS, with its error understood.
pub trait Call<T> {
    /// Gives the error its exit code, and names the call as IAM does: `ecs:DescribeServices`.
    ///
    /// # Errors
    /// Exit 4 and transient: throttled, a fault on the side of AWS, no answer. Exit 4: access
    /// denied, no or expired credentials. Exit 1: everything else, in the words of AWS.
    fn call(self, action: &'static str) -> anyhow::Result<T>;
}

impl<T, E> Call<T> for Result<T, SdkError<E, HttpResponse>>
where
    E: ProvideErrorMetadata + Error + Send + Sync + 'static,
{
    fn call(self, action: &'static str) -> anyhow::Result<T> {
        tracing::debug!("{action}{}", if self.is_err() { " failed" } else { "" });
        self.map_err(|err| explain(action, &err).into())
    }
}

fn explain<E>(action: &str, err: &SdkError<E, HttpResponse>) -> Fail
where
    E: ProvideErrorMetadata + Error + Send + Sync + 'static,
{
    if let Some(missing) = cause::<CredentialsError>(err) {
        let why = innermost(missing);
        return Fail::new(Exit::Unreachable, format!("{action}: no AWS credentials: {why}"))
            .help("set AWS_PROFILE, or in a GitLab job `id_tokens` with LANDFALL_ID_TOKEN");
    }
    match err {
        SdkError::ServiceError(service) => {
            let error = service.err();
            let code = error.code().unwrap_or("error");
            let message = error.message().unwrap_or("no message");
            let message = format!("{action}: {code}: {message}");
            let status = service.raw().status().as_u16();
            if is_throttle(code) || status == 429 || status >= 500 {
                Fail::new(Exit::Unreachable, message).transient().help("try again")
            } else if is_skewed(code, error.message().unwrap_or_default()) {
                Fail::new(Exit::Unreachable, message)
                    .help("the clock of this machine is wrong: set it, for example with chrony")
            } else if is_expired(code) {
                Fail::new(Exit::Unreachable, message)
                    .help("renew the credentials and run the step again")
            } else if is_denied(code) || status == 401 || status == 403 {
                Fail::new(Exit::Unreachable, message)
                    .help(format!("allow {action} to the role that runs this step"))
            } else {
                Fail::new(Exit::Failed, message)
            }
        }
        SdkError::TimeoutError(_) | SdkError::DispatchFailure(_) | SdkError::ResponseError(_) => {
            Fail::new(
                Exit::Unreachable,
                format!("{action}: AWS does not answer: {}", innermost(err)),
            )
            .transient()
            .help("check the network, the region and AWS_ENDPOINT_URL")
        }
        _ => Fail::new(Exit::Failed, format!("{action}: {}", innermost(err))),
    }
}

/// The error codes by which the services of AWS say "too fast", as the SDKs' retry behaviour
/// lists them.
fn is_throttle(code: &str) -> bool {
    matches!(
        code,
        "Throttling"
            | "ThrottlingException"
            | "ThrottledException"
            | "RequestThrottledException"
            | "RequestThrottled"
            | "TooManyRequestsException"
            | "RequestLimitExceeded"
            | "BandwidthLimitExceeded"
            | "SlowDown"
            | "PriorRequestNotComplete"
            | "TransactionInProgressException"
    )
}

fn is_denied(code: &str) -> bool {
    matches!(
        code,
        "AccessDenied"
            | "AccessDeniedException"
            | "UnauthorizedOperation"
            | "NotAuthorized"
            | "InvalidClientTokenId"
            | "UnrecognizedClientException"
            | "SignatureDoesNotMatch"
            | "InvalidIdentityToken"
    )
}

fn is_expired(code: &str) -> bool {
    matches!(code, "ExpiredToken" | "ExpiredTokenException" | "RequestExpired")
}

/// AWS takes a request for 5 minutes around the time that its signature names.
fn is_skewed(code: &str, message: &str) -> bool {
    let by_message = ["Signature expired", "Signature not yet current"];
    code == "RequestTimeTooSkewed"
        || code == "InvalidSignatureException" && by_message.iter().any(|it| message.contains(it))
}

fn cause<'a, C: Error + 'static>(err: &'a (dyn Error + 'static)) -> Option<&'a C> {
    anyhow::Chain::new(err).find_map(|err| err.downcast_ref())
}
