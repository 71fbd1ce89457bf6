//! Deploys an image, pinned by its digest, to a Fargate service, and tells what really runs.
//!
//! "Green pipeline, old code" cannot happen here: a deployment that ECS rolled back is a failure
//! (exit 6), and one that a newer pipeline replaced is told apart from it (exit 7).

mod apply;
mod definition;
mod failure;
mod observe;
mod plan;
mod watch;

use std::fmt;
use std::time::Duration;

use landfall_toml::{Config, Environment, Needs};
use serde::Serialize;
use step_aws::{Aws, AwsArgs};
use step_core::handover::{self, Deployment, Handover, PushedImage};
use step_core::poll::Deadline;
use step_core::{Common, Exit, Fail, Report, output};

pub use failure::Failure;
pub use plan::{Change, Desired};

use observe::Current;
use watch::Ended;

/// Deploy an image to a Fargate service.
///
/// Registers a revision of the service's task definition with the image pinned by digest, updates
/// the service and follows the deployment. When its tasks crash, the service goes back to the
/// revision that ran before, and the message shows the container's exit code and last log lines.
/// The result goes to .landfall/deployment.json, where smoke-test finds it.
#[derive(Debug, clap::Parser)]
#[command(name = "deploy-fargate", version, after_long_help = EXAMPLES)]
pub struct Args {
    /// The image, HOST/NAME@sha256:... [default: what push-ecr left in .landfall/pushed.json]
    #[arg(value_name = "IMAGE", env = "LANDFALL_DEPLOY_IMAGE")]
    image: Option<String>,

    /// Name of the ECS cluster [landfall.toml: cluster]
    #[arg(long, env = "LANDFALL_CLUSTER", value_name = "NAME")]
    cluster: Option<String>,

    /// Name of the ECS service [landfall.toml: service]
    #[arg(long, env = "LANDFALL_SERVICE", value_name = "NAME")]
    service: Option<String>,

    /// The container that gets the image [landfall.toml: deploy-fargate.container] [default: the
    /// only one]
    #[arg(long, env = "LANDFALL_CONTAINER", value_name = "NAME")]
    container: Option<String>,

    /// How many tasks should run [landfall.toml: deploy-fargate.desired_count] [default: unchanged]
    #[arg(long, value_name = "N")]
    desired_count: Option<u16>,

    /// How long to wait [landfall.toml: deploy-fargate.timeout] [default: 15m]
    #[arg(long, env = "LANDFALL_DEPLOY_TIMEOUT", value_name = "TIME", value_parser = step_core::duration)]
    timeout: Option<Duration>,

    #[command(flatten)]
    aws: AwsArgs,

    #[command(flatten)]
    common: Common,
}

const EXAMPLES: &str = "\
Examples:
  deploy-fargate --env dev               what push-ecr pushed
  deploy-fargate --env dev --dry-run     what would change
  deploy-fargate HOST/app@sha256:... --cluster apps --service app   without a landfall.toml";

/// Everything that a run needs.
#[derive(Debug)]
pub struct Ctx {
    aws: Aws,
    ecs: aws_sdk_ecs::Client,
    logs: aws_sdk_cloudwatchlogs::Client,
    desired: Desired,
    env: Option<String>,
    deadline: Deadline,
    dry_run: bool,
}

impl Ctx {
    /// Resolves what is desired and connects to AWS.
    ///
    /// # Errors
    /// Exit 2: no image, cluster or service is named, or the image is not pinned by digest.
    pub async fn connect(args: &Args) -> anyhow::Result<Self> {
        let config = Config::load(&args.common)?;
        let environment = config.environment(&args.common, Needs::Environment)?;
        let desired = args.desired(&environment)?;
        let aws = Aws::connect(&args.aws, &environment, &args.common).await?;
        let timeout = environment.deploy_fargate.timeout.map(|span| span.0);
        Ok(Self {
            ecs: aws_sdk_ecs::Client::new(aws.config()),
            logs: aws_sdk_cloudwatchlogs::Client::new(aws.config()),
            aws,
            desired,
            env: args.common.environment().map(str::to_owned),
            deadline: Deadline::after(args.timeout.or(timeout).unwrap_or(DEFAULT_TIMEOUT)),
            dry_run: args.common.dry_run,
        })
    }
}

const DEFAULT_TIMEOUT: Duration = Duration::from_secs(15 * 60);

/// Brings the image into the service.
///
/// # Errors
/// See the exit codes of [`step_core::Exit`]. That a deployment was rolled back, failed or was
/// superseded is in the report, not an error of this function.
pub async fn run(ctx: &Ctx) -> anyhow::Result<Deployed> {
    let desired = &ctx.desired;
    output::say(format!("{} to {}/{}", desired.image, desired.cluster, desired.service));
    let guarded = ctx.aws.guard().await?;
    let before = observe::current(ctx).await?;
    let plan = plan::plan(desired, &before)?;
    if !ctx.dry_run {
        plan.iter().for_each(|change| output::say(format!("  {change}")));
    }
    if plan.is_empty() {
        return Deployed::new(Outcome::Unchanged, plan, &before).hand_over(ctx);
    }
    if ctx.dry_run {
        return Ok(Deployed::new(Outcome::Planned, plan, &before));
    }
    handover::prepare()?;
    let ours = apply::apply(ctx, &guarded, &plan, &before).await?;
    let ended = watch::until_ended(ctx, &ours, &before).await?;
    let ended = apply::go_back_if_failed(ctx, &guarded, ended, &ours, &before).await?;
    let after = observe::current(ctx).await?;
    if ended == Ended::Deployed && !plan::plan(desired, &after)?.is_empty() {
        let message = format!("{} changed again right after the deployment", desired.service);
        return Err(Fail::new(Exit::Superseded, message)
            .help("another pipeline deploys to the same service; run this one again")
            .into());
    }
    Deployed::ended(ended, plan, &after).hand_over(ctx)
}

/// What became of the deployment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// The image runs.
    Deployed,
    /// It ran already.
    Unchanged,
    /// The old revision runs again.
    RolledBack,
    /// It failed, and there is no older revision that ran.
    Failed,
    /// A newer deployment took over.
    Superseded,
    /// `--dry-run`: the changes that would be made.
    Planned,
}

/// The report of this step.
#[derive(Debug, Serialize)]
pub struct Deployed {
    outcome: Outcome,
    cluster: String,
    service: String,
    /// ARN of what runs now.
    task_definition: String,
    /// The image that runs now.
    image: Option<String>,
    changes: Vec<Change>,
    #[serde(skip_serializing_if = "Option::is_none")]
    failure: Option<Failure>,
}

impl Deployed {
    fn new(outcome: Outcome, changes: Vec<Change>, current: &Current) -> Self {
        Self {
            outcome,
            cluster: current.service.cluster.clone(),
            service: current.service.arn.clone(),
            task_definition: current.service.task_definition.clone(),
            image: current.image().map(str::to_owned),
            changes,
            failure: None,
        }
    }

    fn ended(ended: Ended, changes: Vec<Change>, current: &Current) -> Self {
        let (outcome, failure) = match ended {
            Ended::Deployed => (Outcome::Deployed, None),
            Ended::RolledBack(failure) => (Outcome::RolledBack, failure),
            Ended::Failed(failure) => (Outcome::Failed, failure),
            Ended::Superseded => (Outcome::Superseded, None),
        };
        Self { failure, ..Self::new(outcome, changes, current) }
    }

    /// Tells the next step what runs, if it is what was asked for.
    fn hand_over(self, ctx: &Ctx) -> anyhow::Result<Self> {
        if !ctx.dry_run && matches!(self.outcome, Outcome::Deployed | Outcome::Unchanged) {
            Deployment {
                env: ctx.env.clone(),
                service: self.service.clone(),
                task_definition: self.task_definition.clone(),
                image: ctx.desired.image.clone(),
                revision: ctx.desired.revision.clone(),
            }
            .hand_over()?;
        }
        Ok(self)
    }

    fn why(&self) -> String {
        self.failure.as_ref().map_or_else(|| "ECS names no reason".to_owned(), ToString::to_string)
    }
}

impl Report for Deployed {
    fn outcome(&self) -> &str {
        match self.outcome {
            Outcome::Deployed => "deployed",
            Outcome::Unchanged => "unchanged",
            Outcome::RolledBack => "rolled_back",
            Outcome::Failed => "failed",
            Outcome::Superseded => "superseded",
            Outcome::Planned => "planned",
        }
    }

    fn verdict(&self) -> Result<(), Fail> {
        match self.outcome {
            Outcome::Deployed | Outcome::Unchanged | Outcome::Planned => Ok(()),
            Outcome::RolledBack => {
                let message = format!("the deployment was rolled back: {}", self.why());
                Err(Fail::new(Exit::RolledBack, message)
                    .help("the old revision serves; mend the cause and deploy again"))
            }
            Outcome::Failed => {
                let message = format!("the deployment failed: {}", self.why());
                Err(Fail::new(Exit::Failed, message).help(
                    "no older revision ran, so nothing serves; mend the cause and deploy again",
                ))
            }
            Outcome::Superseded => {
                let message = format!("a newer deployment took over: {}", self.task_definition);
                Err(Fail::new(Exit::Superseded, message)
                    .help("look at the newer pipeline; there is nothing to do for this one"))
            }
        }
    }
}

impl fmt::Display for Deployed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (_, name) = self.service.rsplit_once('/').unwrap_or(("", &self.service));
        write!(f, "{name}: {}", self.outcome())?;
        if self.outcome == Outcome::Planned {
            return self.changes.iter().try_for_each(|change| write!(f, "\n  {change}"));
        }
        write!(f, "\n  {}", self.task_definition)?;
        self.image.iter().try_for_each(|image| write!(f, "\n  {image}"))
    }
}

impl Args {
    fn desired(&self, environment: &Environment) -> anyhow::Result<Desired> {
        let settings = &environment.deploy_fargate;
        let pushed = PushedImage::receive()?;
        let pushed_for = pushed.as_ref().and_then(|pushed| pushed.env.as_deref());
        if let (None, Some(there), Some(here)) =
            (&self.image, pushed_for, self.common.environment())
            && there != here
        {
            output::warn(format!("the image was pushed for {there} and goes to {here}"));
        }
        let image = self.image.clone().or_else(|| Some(pushed.as_ref()?.image.clone()));
        let image = image.ok_or_else(|| {
            Fail::invalid("no image to deploy")
                .help("run push-ecr before, or name one: deploy-fargate HOST/NAME@sha256:...")
        })?;
        if !is_pinned(&image) {
            return Err(Fail::invalid(format!("{image} is not pinned by digest"))
                .help("a tag can mean another image tomorrow; push-ecr hands over HOST/NAME@sha256:...")
                .into());
        }
        let cluster = self.cluster.clone().or_else(|| environment.cluster.clone());
        let service = self.service.clone().or_else(|| environment.service.clone());
        let missing = |what: &str| {
            Fail::invalid(format!("no {what} is named"))
                .help(format!("set `{what}` of the environment in landfall.toml, or use --{what}"))
        };
        let revision = pushed.filter(|pushed| pushed.image == image);
        Ok(Desired {
            revision: revision.and_then(|pushed| pushed.revision),
            image,
            cluster: cluster.ok_or_else(|| missing("cluster"))?,
            service: service.ok_or_else(|| missing("service"))?,
            container: self.container.clone().or_else(|| settings.container.clone()),
            desired_count: self.desired_count.or(settings.desired_count).map(i32::from),
        })
    }
}

/// Whether a reference ends with a whole digest.
fn is_pinned(image: &str) -> bool {
    let is_hex = |c: char| c.is_ascii_digit() || ('a'..='f').contains(&c);
    image.rsplit_once("@sha256:").is_some_and(|(name, digest)| {
        !name.is_empty() && digest.len() == 64 && digest.chars().all(is_hex)
    })
}
