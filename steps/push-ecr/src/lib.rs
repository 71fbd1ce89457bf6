//! Pushes an image of the Docker Engine to Amazon ECR, and hands over its digest.
//!
//! An image that the repository already has under the tag is told by reading alone: the
//! manifest in the repository names the configuration that the image id is the digest of.

mod apply;
mod observe;
mod plan;

use std::fmt;

use aws_sdk_ecr::Client;
use bollard::Docker;
use landfall_toml::{Config, Needs};
use serde::Serialize;
use step_aws::{Aws, AwsArgs};
use step_core::handover::{self, BuiltImage, Handover, PushedImage};
use step_core::{Common, Fail, Report, output};
use step_docker::DockerArgs;

pub use plan::{Change, Desired};

/// Push an image to Amazon ECR.
///
/// Creates the repository when it is missing, pushes the image unless the repository has it, and
/// makes sure that the tag points to what was pushed. The digest goes to .landfall/pushed.json,
/// where deploy-fargate finds it.
#[derive(Debug, clap::Parser)]
#[command(name = "push-ecr", version, after_long_help = EXAMPLES)]
pub struct Args {
    /// Image on the engine, NAME:TAG [default: what build-image left in .landfall/image.json]
    #[arg(value_name = "IMAGE", env = "LANDFALL_IMAGE")]
    image: Option<String>,

    /// Name of the repository [landfall.toml: push-ecr.repository] [default: service.name]
    #[arg(long, env = "LANDFALL_REPOSITORY", value_name = "NAME")]
    repository: Option<String>,

    /// Tag in the repository [default: that of the image]
    #[arg(long, short, env = "LANDFALL_TAG", value_name = "TAG")]
    tag: Option<String>,

    /// Where the registry is reached, when not by the name that ECR gives it [landfall.toml:
    /// push-ecr.registry]
    #[arg(long, env = "LANDFALL_REGISTRY", value_name = "HOST")]
    registry: Option<String>,

    /// A repository that is created lets its tags move [landfall.toml: push-ecr.mutable_tags]
    #[arg(long)]
    mutable_tags: bool,

    #[command(flatten)]
    aws: AwsArgs,

    #[command(flatten)]
    docker: DockerArgs,

    #[command(flatten)]
    common: Common,
}

const EXAMPLES: &str = "\
Examples:
  push-ecr --env dev                         what build-image built
  push-ecr --env dev --dry-run               what would be pushed
  push-ecr app:1.2 --repository team/app --tag 1.2   without a landfall.toml";

/// Everything that a run needs.
#[derive(Debug)]
pub struct Ctx {
    aws: Aws,
    ecr: Client,
    docker: Docker,
    desired: Desired,
    dry_run: bool,
}

impl Ctx {
    /// Resolves what is to be pushed and connects to the engine and to AWS.
    ///
    /// # Errors
    /// Exit 2: no image or repository is named. Exit 4: no engine.
    pub async fn connect(args: &Args) -> anyhow::Result<Self> {
        let config = Config::load(&args.common)?;
        let environment = config.environment(&args.common, Needs::Environment)?;
        let settings = &environment.push_ecr;
        let built = BuiltImage::receive()?;
        let reference = args.image.clone().or_else(|| Some(built.as_ref()?.reference.clone()));
        let reference = reference.ok_or_else(|| {
            Fail::invalid("no image to push")
                .help("run build-image before, or name one: push-ecr IMAGE")
        })?;
        let repository = args.repository.clone().or_else(|| settings.repository.clone());
        let repository = repository.or_else(|| config.service().name.clone()).ok_or_else(|| {
            Fail::invalid("no repository to push to")
                .help("use --repository, or set `name` of [service] in landfall.toml")
        })?;
        let tag = args.tag.clone().unwrap_or_else(|| tag_of(&reference).to_owned());
        step_docker::check_name(&repository)?;
        step_docker::check_tag(&tag)?;
        let revision = built.filter(|built| built.reference == reference);
        let desired = Desired {
            env: args.common.environment().map(str::to_owned),
            revision: revision.and_then(|built| built.revision),
            mutable_tags: args.mutable_tags || settings.mutable_tags.unwrap_or(false),
            registry: args.registry.clone().or_else(|| settings.registry.clone()),
            reference,
            repository,
            tag,
        };
        let docker = step_docker::connect(&args.docker).await?;
        let aws = Aws::connect(&args.aws, &environment, &args.common).await?;
        Ok(Self {
            ecr: Client::new(aws.config()),
            aws,
            docker,
            desired,
            dry_run: args.common.dry_run,
        })
    }
}

/// Brings the image into the repository.
///
/// # Errors
/// Exit 2: the image is not on the engine. Exit 8: the tag is immutable and means another image.
pub async fn run(ctx: &Ctx) -> anyhow::Result<Pushed> {
    let desired = &ctx.desired;
    output::say(format!("{} to the repository {}", desired.reference, desired.repository));
    let local = observe::local_image(ctx).await?;
    let guarded = ctx.aws.guard().await?;
    let remote = observe::repository(ctx).await?;
    let plan = plan::plan(desired, &local, remote.as_ref())?;
    if !ctx.dry_run {
        plan.iter().for_each(|change| output::say(format!("  {change}")));
    }
    if ctx.dry_run && !plan.is_empty() {
        let (repository, outcome) = (desired.repository.clone(), Outcome::Planned);
        return Ok(Pushed { outcome, repository, changes: plan, image: None });
    }
    if !ctx.dry_run {
        handover::prepare()?;
    }
    let outcome = if plan.is_empty() { Outcome::Unchanged } else { Outcome::Pushed };
    let remote = match remote {
        Some(remote) if plan.is_empty() => remote,
        _ => apply::apply(ctx, &guarded, &plan, &local).await?,
    };
    let image = remote.handover(desired)?;
    if !ctx.dry_run {
        image.hand_over()?;
    }
    Ok(Pushed { outcome, repository: image.repository.clone(), changes: plan, image: Some(image) })
}

/// What became of the image.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// The repository got it.
    Pushed,
    /// The repository had it under this tag.
    Unchanged,
    /// `--dry-run`: the changes that would be made.
    Planned,
}

/// The report of this step.
#[derive(Debug, Serialize)]
pub struct Pushed {
    outcome: Outcome,
    #[serde(skip)]
    repository: String,
    changes: Vec<Change>,
    #[serde(flatten)]
    image: Option<PushedImage>,
}

impl Report for Pushed {
    fn outcome(&self) -> &str {
        match self.outcome {
            Outcome::Pushed => "pushed",
            Outcome::Unchanged => "unchanged",
            Outcome::Planned => "planned",
        }
    }
}

impl fmt::Display for Pushed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.image {
            Some(image) => {
                write!(
                    f,
                    "{}:{}: {}\n  {}",
                    image.repository,
                    image.tag,
                    self.outcome(),
                    image.digest
                )
            }
            None => {
                write!(f, "{}: {}", self.repository, self.outcome())?;
                self.changes.iter().try_for_each(|change| write!(f, "\n  {change}"))
            }
        }
    }
}

/// The tag of a reference; `latest` when it has none. A colon before a slash belongs to a port.
fn tag_of(reference: &str) -> &str {
    let last = reference.rsplit('/').next().unwrap_or(reference);
    last.split_once(':').map_or("latest", |(_, tag)| tag)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tag_is_told_from_a_port() {
        assert_eq!(tag_of("orders:abc"), "abc");
        assert_eq!(tag_of("localhost:5000/orders"), "latest");
        assert_eq!(tag_of("localhost:5000/team/orders:1.2"), "1.2");
    }
}
