//! Sends a request and waits for the whole answer. The only module that talks to the service.

use std::time::Duration;

use reqwest::redirect::Policy;
use reqwest::{Client, Url};
use step_core::poll::Deadline;
use step_core::{Exit, Fail, FailContext, innermost};
use tokio::time::{Instant, timeout_at};

use crate::checks::Check;
use crate::expect::Answer;
use crate::text::Text;

/// A check with the address that it is sent to.
#[derive(Debug, Clone)]
pub(crate) struct Probe {
    pub(crate) check: Check,
    pub(crate) url: Url,
}

/// Why there is no answer to look at.
#[derive(Debug)]
pub(crate) struct NoAnswer {
    pub(crate) reason: String,
    /// The service did speak: it redirected for ever, or broke off.
    pub(crate) spoke: bool,
    /// The time ran out for the step, not for the request: this says nothing about the service.
    pub(crate) cut_off: bool,
}

/// What sends the requests.
#[derive(Debug)]
pub(crate) struct Sender {
    following: Client,
    staying: Client,
}

impl Sender {
    /// # Errors
    /// Exit 4: no certificate authority is installed.
    pub(crate) fn new() -> anyhow::Result<Self> {
        let client = |redirects| {
            let agent = concat!("landfall-smoke-test/", env!("CARGO_PKG_VERSION"));
            // Each round asks anew: a connection that was kept may lead to the old version.
            let client =
                Client::builder().user_agent(agent).redirect(redirects).pool_max_idle_per_host(0);
            client.build().or_fail(|| {
                Fail::new(Exit::Unreachable, "prepare to speak TLS")
                    .help("install the package ca-certificates, or name a file with SSL_CERT_FILE")
            })
        };
        Ok(Self {
            following: client(Policy::limited(REDIRECTS))?,
            staying: client(Policy::none())?,
        })
    }

    /// Sends one request; takes no longer than [`LIMIT`] or what is left until the deadline.
    pub(crate) async fn send(
        &self,
        probe: &Probe,
        deadline: &Deadline,
    ) -> Result<Answer, NoAnswer> {
        let start = Instant::now();
        let left = deadline.remaining();
        let until = start + left.min(LIMIT);
        let client =
            if probe.check.status.want_a_redirect() { &self.staying } else { &self.following };
        let mut request = client.request(probe.check.method.into(), probe.url.clone());
        for (name, Text(value)) in &probe.check.headers.0 {
            request = request.header(name, value);
        }
        if let Some(body) = &probe.check.body {
            request = request.body(body.clone());
        }
        let late = |spoke, what: &str| NoAnswer {
            reason: format!("{what} after {:.1} s", start.elapsed().as_secs_f64()),
            spoke,
            cut_off: left < LIMIT,
        };
        let sent = timeout_at(until, request.send()).await;
        let response = sent.map_err(|_| late(false, "no answer"))?;
        let mut response = response.map_err(|err| broken(&err, err.is_redirect()))?;
        let status = response.status();
        let headers = std::mem::take(response.headers_mut());
        let mut body = Vec::new();
        let read = async {
            while let Some(chunk) = response.chunk().await.map_err(|err| broken(&err, true))? {
                body.extend_from_slice(&chunk);
                if body.len() > LARGEST {
                    let reason = format!("a body of more than {} MiB", LARGEST >> 20);
                    return Err(NoAnswer { reason, spoke: true, cut_off: false });
                }
            }
            Ok(())
        };
        timeout_at(until, read).await.map_err(|_| late(true, "half an answer"))??;
        let body = String::from_utf8_lossy(&body).into_owned();
        Ok(Answer { status, headers, body, latency: start.elapsed() })
    }
}

/// The longest time for one request.
pub(crate) const LIMIT: Duration = Duration::from_secs(10);
/// How many redirects are followed.
const REDIRECTS: usize = 5;
/// Larger bodies are not read to the end.
const LARGEST: usize = 8 << 20;

fn broken(err: &reqwest::Error, spoke: bool) -> NoAnswer {
    NoAnswer { reason: innermost(err), spoke, cut_off: false }
}
