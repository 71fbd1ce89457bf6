//! What the steps that talk to AWS share: how they find their credentials and region, the guard
//! that keeps them in the right account, and what the errors of AWS mean for an exit code.

mod error;
mod guard;
mod identity;

use std::time::Duration;

use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use landfall_toml::{AccountId, Environment};
use step_core::{Common, Fail, Secret};

pub use error::Call;
pub use guard::Guarded;

/// The options of every step that talks to AWS.
#[derive(Debug, Clone, clap::Args)]
#[command(next_help_heading = "AWS")]
pub struct AwsArgs {
    /// The account that the step must be in [landfall.toml: account]
    #[arg(long, env = "LANDFALL_ACCOUNT", value_name = "ID", global = true)]
    pub account: Option<AccountId>,

    /// The region [landfall.toml: region] [default: AWS_REGION or the profile's]
    #[arg(long, env = "LANDFALL_REGION", value_name = "REGION", global = true)]
    pub region: Option<String>,

    /// The role that a GitLab job assumes with its ID token [landfall.toml: role]
    #[arg(long, env = "LANDFALL_ROLE", value_name = "ARN", global = true)]
    pub role: Option<String>,

    /// The ID token of the GitLab job; a variable only, for a flag would show in the process list.
    #[arg(long, env = "LANDFALL_ID_TOKEN", hide = true, hide_env_values = true, global = true)]
    pub id_token: Option<Secret>,
}

/// A way into AWS: the configuration for the clients, and the account that was meant.
#[derive(Debug)]
pub struct Aws {
    config: SdkConfig,
    expected: Option<AccountId>,
}

impl Aws {
    /// Finds region and credentials.
    ///
    /// In a GitLab job with `LANDFALL_ID_TOKEN` the role of the environment is assumed with it;
    /// everywhere else the standard chain of the AWS SDKs decides (variables, `AWS_PROFILE`,
    /// container, instance). `AWS_ENDPOINT_URL` is honoured.
    ///
    /// # Errors
    /// Exit 2: no region anywhere, or an ID token without a role.
    pub async fn connect(
        args: &AwsArgs,
        environment: &Environment,
        common: &Common,
    ) -> anyhow::Result<Self> {
        let region = args.region.clone().or_else(|| environment.region.clone());
        let mut loader = aws_config::defaults(BehaviorVersion::latest())
            .retry_config(RetryConfig::standard().with_max_attempts(ATTEMPTS))
            .timeout_config(
                TimeoutConfig::builder()
                    .connect_timeout(CONNECT_LIMIT)
                    .operation_attempt_timeout(ATTEMPT_LIMIT)
                    .build(),
            );
        if let Some(region) = region {
            loader = loader.region(Region::new(region));
        }
        let mut config = loader.load().await;
        if config.region().is_none() {
            return Err(Fail::invalid("no AWS region")
                .help("set `region` in landfall.toml, --region or AWS_REGION")
                .into());
        }
        if let Some(token) = &args.id_token {
            let role = args.role.clone().or_else(|| environment.role.clone());
            let role = role.ok_or_else(|| {
                Fail::invalid("there is an ID token, but no role to assume with it")
                    .help("set `role` of the environment in landfall.toml, or --role")
            })?;
            config = identity::with_web_identity(&config, role, token.clone(), &common.gitlab);
        }
        let expected = args.account.clone().or_else(|| environment.account.clone());
        tracing::debug!(
            "region {}, endpoint {}, account to be {}",
            config.region().map_or("none", |region| region.as_ref()),
            config.endpoint_url().unwrap_or("of AWS"),
            expected.as_ref().map_or("any", AccountId::as_str),
        );
        Ok(Self { config, expected })
    }

    /// A way into AWS that is configured already: for tests, which answer in its place.
    pub fn with_config(config: SdkConfig, expected: Option<AccountId>) -> Self {
        Self { config, expected }
    }

    /// The configuration for the client of a service.
    pub fn config(&self) -> &SdkConfig {
        &self.config
    }
}

/// Four tries with growing pauses: about 7 s before a service counts as unreachable.
const ATTEMPTS: u32 = 4;
const CONNECT_LIMIT: Duration = Duration::from_secs(5);
const ATTEMPT_LIMIT: Duration = Duration::from_secs(30);
