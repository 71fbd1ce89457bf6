//! What AWS holds: the URL of a database, and the credentials for IAM tokens.

use anyhow::Context;
use landfall_toml::{Config, Needs};
use step_aws::{Aws, AwsArgs, Call};
use step_core::{Common, Exit, Fail};
use tokio::sync::OnceCell;

use crate::iam::Iam;

/// The way into AWS, which is opened when the first database needs it.
pub(crate) struct Cloud<'a> {
    args: &'a AwsArgs,
    config: &'a Config,
    common: &'a Common,
    aws: OnceCell<Aws>,
}

impl<'a> Cloud<'a> {
    pub(crate) fn new(args: &'a AwsArgs, config: &'a Config, common: &'a Common) -> Self {
        Self { args, config, common, aws: OnceCell::new() }
    }

    /// AWS, after the account guard.
    async fn aws(&self) -> anyhow::Result<&Aws> {
        let open = async || {
            let environment = self.config.environment(self.common, Needs::Environment)?;
            let aws = Aws::connect(self.args, &environment, self.common).await?;
            let _right_account = aws.guard().await?;
            Ok(aws)
        };
        self.aws.get_or_try_init(open).await
    }

    /// The text of a secret. Whoever gets it has to mask it.
    pub(crate) async fn secret(&self, name: &str) -> anyhow::Result<String> {
        let client = aws_sdk_secretsmanager::Client::new(self.aws().await?.config());
        let answer = client.get_secret_value().secret_id(name).send().await;
        let answer = answer.call("secretsmanager:GetSecretValue");
        let answer = answer.map_err(|err| explain(err, &format!("the secret {name}")))?;
        answer.secret_string.ok_or_else(|| {
            Fail::invalid(format!("the secret {name} is binary"))
                .help("store the URL of the database as text")
                .into()
        })
    }

    /// The value of a parameter. Whoever gets it has to mask it.
    pub(crate) async fn parameter(&self, name: &str) -> anyhow::Result<String> {
        let client = aws_sdk_ssm::Client::new(self.aws().await?.config());
        let answer = client.get_parameter().name(name).with_decryption(true).send().await;
        let answer = answer.call("ssm:GetParameter");
        let answer = answer.map_err(|err| explain(err, &format!("the parameter {name}")))?;
        let value = answer.parameter.and_then(|parameter| parameter.value);
        value.with_context(|| format!("the parameter {name} has no value"))
    }

    /// What makes IAM tokens.
    pub(crate) async fn iam(&self) -> anyhow::Result<Iam> {
        let config = self.aws().await?.config();
        let credentials = config.credentials_provider().ok_or_else(|| {
            Fail::new(Exit::Unreachable, "there are no AWS credentials for an IAM token")
        })?;
        let region = config.region().context("the region")?;
        Ok(Iam::new(credentials, region.as_ref()))
    }
}

/// The error of AWS, with the name of what was asked for and the advice that fits it.
fn explain(err: anyhow::Error, what: &str) -> anyhow::Error {
    let message = format!("{err:#}");
    let has = |words: &[&str]| words.iter().any(|word| message.contains(word));
    let fail = if has(&["KMS", "kms:", "DecryptionFailure", "InvalidKeyId"]) {
        Fail::new(Exit::Unreachable, format!("{what}: {message}"))
            .help(format!("allow kms:Decrypt on the key of {what} to the role that runs this step"))
    } else if has(&["ResourceNotFoundException", "ParameterNotFound"]) {
        Fail::invalid(format!("{what}: {message}"))
            .help("check its name, the region and --env; create it if it is missing")
    } else if has(&["marked for deletion", "marked deleted"]) {
        Fail::invalid(format!("{what}: {message}")).help("restore it, or name another")
    } else {
        return err.context(what.to_owned());
    };
    fail.into()
}
