//! Sends a request and waits for the whole answer. The only module that talks to the service.

use std::str;

use jiff::Timestamp;
use reqwest::header::HeaderValue;
use reqwest::redirect::{self, Policy};
use reqwest::tls::TlsInfo;
use reqwest::{Client, StatusCode, Url};
use step_core::{Exit, Fail, FailContext, innermost};
use tokio::time::{Instant, timeout_at};
use x509_cert::der::Decode;

use crate::attempt::{Limit, NoAnswer};
use crate::checks::Http;
use crate::expect::Answer;
use crate::template::Captures;

/// What sends the requests.
#[derive(Debug)]
pub(crate) struct Sender {
    following: Client,
    /// Follows no redirect to another host.
    guarding_headers: Client,
    /// Follows no redirect to another host that the body would go along with.
    guarding_body: Client,
    staying: Client,
}

impl Sender {
    /// # Errors
    /// Exit 4: no certificate authority is installed.
    pub(crate) fn new() -> anyhow::Result<Self> {
        let client = |redirects| {
            let agent = concat!("landfall-smoke-test/", env!("CARGO_PKG_VERSION"));
            // Each round asks anew: a connection that was kept may lead to the old version.
            let client = Client::builder()
                .user_agent(agent)
                .redirect(redirects)
                // The address that it would tell to another host may hold a secret.
                .referer(false)
                .pool_max_idle_per_host(0)
                .tls_info(true);
            client.build().or_fail(|| {
                Fail::new(Exit::Unreachable, "prepare to speak TLS")
                    .help("install the package ca-certificates, or name a file with SSL_CERT_FILE")
            })
        };
        Ok(Self {
            following: client(Policy::limited(REDIRECTS))?,
            guarding_headers: client(Policy::custom(at_the_same_host))?,
            guarding_body: client(Policy::custom(without_the_body))?,
            staying: client(Policy::none())?,
        })
    }

    /// Sends one request and reads the answer to its end.
    pub(crate) async fn send(
        &self,
        check: &Http,
        base: Option<&Url>,
        captures: &Captures,
        limit: Limit,
    ) -> Result<Answer, NoAnswer> {
        let request = self.request(check, base, captures)?;
        let start = Instant::now();
        let until = start + limit.time;
        let late = |spoke, what: &str| NoAnswer {
            reason: format!("{what} after {:.1} s", start.elapsed().as_secs_f64()),
            spoke,
            cut_off: limit.is_cut,
            ..NoAnswer::default()
        };
        let sent = timeout_at(until, request.send()).await;
        let response = sent.map_err(|_| late(false, "no answer"))?;
        let mut response = response.map_err(|err| broken(&err, err.is_redirect()))?;
        let status = response.status();
        let headers = std::mem::take(response.headers_mut());
        let tls_until = response.extensions().get::<TlsInfo>().and_then(valid_until);
        let mut body = Vec::new();
        let read = async {
            while let Some(chunk) = response.chunk().await.map_err(|err| broken(&err, true))? {
                body.extend_from_slice(&chunk);
                if body.len() > LARGEST {
                    let reason = format!("a body of more than {} MiB", LARGEST >> 20);
                    return Err(NoAnswer { reason, spoke: true, ..NoAnswer::default() });
                }
            }
            Ok(())
        };
        timeout_at(until, read).await.map_err(|_| late(true, "half an answer"))??;
        Ok(Answer {
            status,
            headers,
            not_utf8_at: str::from_utf8(&body).err().map(|err| err.valid_up_to()),
            body: String::from_utf8_lossy(&body).into_owned(),
            latency: start.elapsed(),
            tls_until,
        })
    }

    fn request(
        &self,
        check: &Http,
        base: Option<&Url>,
        captures: &Captures,
    ) -> Result<reqwest::RequestBuilder, NoAnswer> {
        let unsent = |reason| NoAnswer { reason, ..NoAnswer::default() };
        let url = check.address(base, captures).map_err(unsent)?;
        let client = if check.status.want_a_redirect() {
            &self.staying
        } else if check.has_secret_headers() {
            &self.guarding_headers
        } else if check.has_a_secret_body() {
            &self.guarding_body
        } else {
            &self.following
        };
        let mut request = client.request(check.method.into(), url);
        let missing = |name| unsent(format!("there is no `{name}`"));
        for (name, value) in &check.headers {
            let value = HeaderValue::from_str(&value.text(captures).map_err(missing)?);
            let value = value.map_err(|err| unsent(format!("header {name}: {err}")))?;
            request = request.header(name, value);
        }
        if let Some(body) = &check.body {
            request = request.body(body.text(captures).map_err(missing)?);
        }
        Ok(request)
    }
}

/// Another scheme or port is another host, as for the client, which leaves out `Authorization` then.
fn at_the_same_host(attempt: redirect::Attempt<'_>) -> redirect::Action {
    let place = attempt.url().origin();
    if attempt.previous().iter().all(|url| url.origin() == place) {
        return Policy::limited(REDIRECTS).redirect(attempt);
    }
    let place = place.ascii_serialization();
    attempt.error(format!("a redirect to {place}, which must not get what this check sends"))
}

/// After 307 and 308 the same request is sent, after the others one without a body.
/// <https://www.rfc-editor.org/rfc/rfc9110#section-15.4>
fn without_the_body(attempt: redirect::Attempt<'_>) -> redirect::Action {
    match attempt.status() {
        StatusCode::TEMPORARY_REDIRECT | StatusCode::PERMANENT_REDIRECT => {
            at_the_same_host(attempt)
        }
        _ => Policy::limited(REDIRECTS).redirect(attempt),
    }
}

/// How many redirects are followed.
const REDIRECTS: usize = 5;
/// Larger bodies are not read to the end.
const LARGEST: usize = 8 << 20;

fn broken(err: &reqwest::Error, spoke: bool) -> NoAnswer {
    NoAnswer {
        reason: innermost(err),
        spoke,
        distrusted: is_about_trust(err),
        ..NoAnswer::default()
    }
}

/// Whether the certificate was the reason. The error of rustls lies in one of the operating
/// system's, or in several.
fn is_about_trust(err: &reqwest::Error) -> bool {
    anyhow::Chain::new(err).any(|cause| {
        let mut io = cause.downcast_ref::<std::io::Error>();
        while let Some(inner) = io.and_then(std::io::Error::get_ref) {
            if let Some(rustls::Error::InvalidCertificate(_)) = inner.downcast_ref() {
                return true;
            }
            io = inner.downcast_ref();
        }
        false
    })
}

/// When the certificate that the server showed ends.
fn valid_until(tls: &TlsInfo) -> Option<Timestamp> {
    let certificate = x509_cert::Certificate::from_der(tls.peer_certificate()?).ok()?;
    let seconds = certificate.tbs_certificate.validity.not_after.to_unix_duration().as_secs();
    Timestamp::from_second(i64::try_from(seconds).ok()?).ok()
}
