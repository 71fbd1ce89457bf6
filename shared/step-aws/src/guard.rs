//! The account guard: nothing is written to an account that was not meant.
//!
//! The steps ask it before they look at anything: a plan, or an "unchanged", that was made in
//! another account would be a lie, too.

use step_core::{Exit, Fail, output};

use crate::{Aws, Call};

/// Proof that the account was looked at. Functions that write take it, so that none can be
/// reached without the guard.
#[derive(Debug)]
pub struct Guarded(());

impl Aws {
    /// Asks AWS whose credentials these are and compares with the account of the environment.
    /// A runner with the wrong tag is found here, before its first write.
    ///
    /// # Errors
    /// Exit 8: it is another account. Exit 4: AWS does not answer or accepts no credentials.
    pub async fn guard(&self) -> anyhow::Result<Guarded> {
        let client = aws_sdk_sts::Client::new(&self.config);
        let identity = client.get_caller_identity().send().await.call("sts:GetCallerIdentity")?;
        let id = identity.account().unwrap_or_default();
        match &self.expected {
            Some(expected) if expected.as_str() != id => {
                let arn = identity.arn().unwrap_or("unknown");
                Err(Fail::new(
                    Exit::Refused,
                    format!("wrong account: these credentials belong to {id}, the environment to {expected}"),
                )
                .help(format!(
                    "they are {arn}; check --env, the runner's tags and AWS_PROFILE"
                ))
                .into())
            }
            Some(_) => Ok(Guarded(())),
            None => {
                output::warn(format!(
                    "account {id} is not guarded: the environment names no `account`"
                ));
                Ok(Guarded(()))
            }
        }
    }
}
