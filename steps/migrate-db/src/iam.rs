//! IAM tokens of RDS: a password that AWS checks, good for 15 minutes.
//!
//! A token is a presigned request that is never sent. The SDK's generator is in the crate of all of
//! RDS; this is what it does.

use std::fmt;
use std::time::Duration;

use anyhow::Context;
use aws_credential_types::Credentials;
use aws_credential_types::provider::{ProvideCredentials, SharedCredentialsProvider};
use aws_sigv4::http_request::{
    SignableBody, SignableRequest, SignatureLocation, SigningSettings, sign,
};
use aws_sigv4::sign::v4;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use step_core::{Exit, Fail, Secret, innermost};

/// What makes the tokens for one run.
#[derive(Clone)]
pub(crate) struct Iam {
    credentials: SharedCredentialsProvider,
    region: String,
}

impl fmt::Debug for Iam {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "IAM in {}", self.region)
    }
}

impl Iam {
    pub(crate) fn new(credentials: SharedCredentialsProvider, region: &str) -> Self {
        Self { credentials, region: region.to_owned() }
    }

    /// The password of `user` at `host`, to be asked for just before connecting.
    pub(crate) async fn password(
        &self,
        host: &str,
        port: u16,
        user: &str,
    ) -> anyhow::Result<Secret> {
        let credentials = self.credentials.provide_credentials().await.map_err(|err| {
            let why = innermost(&err);
            Fail::new(Exit::Unreachable, format!("no AWS credentials for an IAM token: {why}"))
                .help("set AWS_PROFILE, or in a GitLab job `id_tokens` with LANDFALL_ID_TOKEN")
        })?;
        token(&credentials, &self.region, host, port, user, jiff::Timestamp::now())
    }
}

const VALID: Duration = Duration::from_secs(900);

fn token(
    credentials: &Credentials,
    region: &str,
    host: &str,
    port: u16,
    user: &str,
    now: jiff::Timestamp,
) -> anyhow::Result<Secret> {
    let identity = credentials.clone().into();
    let mut settings = SigningSettings::default();
    settings.expires_in = Some(VALID);
    settings.signature_location = SignatureLocation::QueryParams;
    let params = v4::SigningParams::builder()
        .identity(&identity)
        .region(region)
        .name("rds-db")
        .time(now.try_into()?)
        .settings(settings)
        .build()
        .context("sign the IAM token")?;
    let url = format!("https://{host}:{port}/?Action=connect&DBUser={}", encoded(user));
    let nothing = SignableBody::Bytes(&[]);
    let request = SignableRequest::new("GET", &url, std::iter::empty(), nothing);
    let signed = sign(request.context("sign the IAM token")?, &params.into());
    let (instructions, _) = signed.context("sign the IAM token")?.into_parts();
    let mut token = url.trim_start_matches("https://").to_owned();
    for (name, value) in instructions.params() {
        token.push_str(&format!("&{name}={}", encoded(value)));
    }
    Ok(Secret::new(token))
}

/// As signatures of AWS want it.
const RESERVED: AsciiSet = NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

fn encoded(text: &str) -> String {
    utf8_percent_encode(text, &RESERVED).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOST: &str = "orders.abc123.eu-central-1.rds.amazonaws.com";

    fn at_noon(session_token: Option<&str>) -> Secret {
        let secret = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";
        let session_token = session_token.map(str::to_owned);
        let credentials = Credentials::new("AKIDEXAMPLE", secret, session_token, None, "test");
        let noon = "2026-01-31T12:00:00Z".parse::<jiff::Timestamp>().unwrap();
        token(&credentials, "eu-central-1", HOST, 5432, "app+team@orders", noon).unwrap()
    }

    /// The parameters without their order, which means nothing.
    fn parts(token: &str) -> (String, Vec<String>) {
        let (base, query) = token.split_once('?').unwrap();
        let mut query: Vec<String> = query.split('&').map(str::to_owned).collect();
        query.sort_unstable();
        (base.to_owned(), query)
    }

    // Expected are the answers of botocore 1.44.8 with the time frozen (freezegun):
    // client("rds").generate_db_auth_token(HOST, 5432, "app+team@orders", "eu-central-1").
    const SCOPE: &str = "Action=connect&DBUser=app%2Bteam%40orders&X-Amz-Algorithm=AWS4-HMAC-SHA256&\
        X-Amz-Credential=AKIDEXAMPLE%2F20260131%2Feu-central-1%2Frds-db%2Faws4_request&\
        X-Amz-Date=20260131T120000Z&X-Amz-Expires=900&X-Amz-SignedHeaders=host";

    #[test]
    fn a_token_is_what_botocore_makes() {
        let expected = format!(
            "{HOST}:5432/?{SCOPE}&X-Amz-Signature=\
             83107b7d30f021acec2de057990fb04c19391a43b5bd04b4f4f69b3f71729acc"
        );
        assert_eq!(parts(at_noon(None).expose()), parts(&expected));
    }

    #[test]
    fn a_token_with_temporary_credentials_is_what_botocore_makes() {
        let expected = format!(
            "{HOST}:5432/?{SCOPE}&X-Amz-Security-Token=FwoGZXIvYXdzEJr%2F%2Fsession%2Btoken%3D%3D&\
             X-Amz-Signature=67bf6383a68834a52852b362175679739b006003bad0f89eafc8ab6fa187cd30"
        );
        let token = at_noon(Some("FwoGZXIvYXdzEJr//session+token=="));
        assert_eq!(parts(token.expose()), parts(&expected));
        assert_eq!(token.to_string(), "[MASKED]");
    }
}
