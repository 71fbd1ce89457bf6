//! Builds a container image with the engine's BuildKit. No Docker CLI is needed.
//!
//! The context is filtered by `.dockerignore` and streamed, never held in memory. The image gets
//! its name only when the build has succeeded, so a failed build leaves the old image in place.

mod build;
mod context;
mod progress;
mod source;

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

use bollard::Docker;
use landfall_toml::{BuildImage, Config, Needs};
use serde::Serialize;
use step_core::handover::{self, BuiltImage, Handover};
use step_core::{Common, Fail, Report, output};
use step_docker::DockerArgs;

use context::Context;
use source::Source;

/// Build a container image with BuildKit.
///
/// Sends the context, filtered by .dockerignore, to the Docker Engine, builds, and tags the image
/// with the commit. The Dockerfile can declare `ARG REVISION` to get the commit. The result goes
/// to .landfall/image.json, where push-ecr finds it.
#[derive(Debug, clap::Parser)]
#[command(name = "build-image", version, after_long_help = EXAMPLES)]
pub struct Args {
    /// Folder to send to the builder [landfall.toml: build-image.context] [default: .]
    #[arg(value_name = "CONTEXT", env = "LANDFALL_CONTEXT")]
    context: Option<PathBuf>,

    /// The Dockerfile [landfall.toml: build-image.file] [default: CONTEXT/Dockerfile]
    #[arg(long, short, env = "LANDFALL_DOCKERFILE", value_name = "FILE")]
    file: Option<PathBuf>,

    /// Name of the image [landfall.toml: service.name]
    #[arg(long, env = "LANDFALL_IMAGE_NAME", value_name = "NAME")]
    name: Option<String>,

    /// Tag beside the default one; repeatable [default: CI_COMMIT_SHA, or git's commit]
    #[arg(long = "tag", short, value_name = "TAG")]
    tags: Vec<String>,

    /// Value for an ARG of the Dockerfile; repeatable
    #[arg(long = "build-arg", value_name = "KEY=VALUE", value_parser = step_core::key_value)]
    build_args: Vec<(String, String)>,

    /// Label of the image; repeatable
    #[arg(long = "label", value_name = "KEY=VALUE", value_parser = step_core::key_value)]
    labels: Vec<(String, String)>,

    /// Stage of the Dockerfile to build [default: the last]
    #[arg(long, env = "LANDFALL_BUILD_TARGET", value_name = "STAGE")]
    target: Option<String>,

    /// Platform, for example linux/arm64 [default: that of the engine]
    #[arg(long, env = "LANDFALL_PLATFORM", value_name = "OS/ARCH")]
    platform: Option<String>,

    /// Build every step anew
    #[arg(long)]
    no_cache: bool,

    #[command(flatten)]
    docker: DockerArgs,

    #[command(flatten)]
    common: Common,
}

const EXAMPLES: &str = "\
Examples:
  build-image                           the Dockerfile here, named as landfall.toml says
  build-image --name app --tag latest   without a landfall.toml
  build-image --dry-run                 what would be sent and how it would be named";

/// Everything that a run needs.
#[derive(Debug)]
pub struct Ctx {
    docker: Docker,
    request: Request,
    dry_run: bool,
}

/// The image to build.
#[derive(Debug)]
pub(crate) struct Request {
    pub(crate) context: Context,
    pub(crate) source: Source,
    pub(crate) name: String,
    pub(crate) extra_tags: Vec<String>,
    pub(crate) build_args: BTreeMap<String, String>,
    pub(crate) labels: BTreeMap<String, String>,
    pub(crate) target: Option<String>,
    pub(crate) platform: Option<String>,
    pub(crate) no_cache: bool,
}

impl Ctx {
    /// Finds Dockerfile, context and commit, and connects to the engine.
    ///
    /// # Errors
    /// Exit 2: no Dockerfile, no name. Exit 4: no engine, or one without BuildKit.
    pub async fn connect(args: &Args) -> anyhow::Result<Self> {
        let config = Config::load(&args.common)?;
        let environment = config.environment(&args.common, Needs::Nothing)?;
        let settings = &environment.build_image;
        let folder = args.context.clone().or_else(|| settings.context.clone());
        let folder = folder.unwrap_or_else(|| PathBuf::from("."));
        let file = args.file.clone().or_else(|| settings.file.clone());
        let context = Context::open(&folder, file.as_deref())?;
        let source = Source::of(&folder, &args.common.gitlab).await;
        let request = args.request(context, source, settings, config.service().name.as_deref())?;
        let docker = step_docker::connect(&args.docker).await?;
        build::require_buildkit(&docker).await?;
        Ok(Self { docker, request, dry_run: args.common.dry_run })
    }
}

/// Builds and tags the image.
///
/// # Errors
/// Exit 1: the build failed.
pub async fn run(ctx: &Ctx) -> anyhow::Result<Built> {
    let request = &ctx.request;
    let files = request.context.files()?;
    output::say(format!(
        "image {} from {} ({} files, {})",
        request.name,
        request.context.dockerfile().display(),
        files.count(),
        human_bytes(files.bytes()),
    ));
    if ctx.dry_run {
        let reference = format!("{}:{}", request.name, request.source.tag());
        return Ok(Built::new(Outcome::Planned, reference, &request.source));
    }
    handover::prepare()?;
    let id = build::build(&ctx.docker, request, files).await?;
    let built = build::tag(&ctx.docker, request, &id).await?;
    BuiltImage { reference: built.reference.clone(), id, revision: built.revision.clone() }
        .hand_over()?;
    Ok(built)
}

/// What became of the image.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// There is a new image.
    Built,
    /// The build gave the image that already had this name.
    Unchanged,
    /// `--dry-run`.
    Planned,
}

/// The report of this step.
#[derive(Debug, Serialize)]
pub struct Built {
    outcome: Outcome,
    reference: String,
    tags: Vec<String>,
    id: Option<String>,
    size_bytes: Option<i64>,
    revision: Option<String>,
}

impl Built {
    fn new(outcome: Outcome, reference: String, source: &Source) -> Self {
        let revision = source.revision();
        Self { outcome, reference, tags: Vec::new(), id: None, size_bytes: None, revision }
    }
}

impl Report for Built {
    fn outcome(&self) -> &str {
        match self.outcome {
            Outcome::Built => "built",
            Outcome::Unchanged => "unchanged",
            Outcome::Planned => "planned",
        }
    }
}

impl fmt::Display for Built {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.reference, self.outcome())?;
        if let Some(size) = self.size_bytes.and_then(|size| u64::try_from(size).ok()) {
            write!(f, ", {}", human_bytes(size))?;
        }
        self.tags.iter().skip(1).try_for_each(|tag| write!(f, "\n  also tagged {tag}"))?;
        self.id.iter().try_for_each(|id| write!(f, "\n  {id}"))
    }
}

impl Args {
    fn request(
        &self,
        context: Context,
        source: Source,
        settings: &BuildImage,
        service: Option<&str>,
    ) -> anyhow::Result<Request> {
        let name = self.name.as_deref().or(service).or(self.common.gitlab.project_name.as_deref());
        let name = name.ok_or_else(|| {
            Fail::invalid("the image has no name")
                .help("use --name, or set `name` of [service] in landfall.toml")
        })?;
        step_docker::check_name(name)?;
        self.tags.iter().try_for_each(|tag| step_docker::check_tag(tag))?;
        let mut build_args = source.build_args();
        build_args.extend(settings.build_args.clone());
        build_args.extend(self.build_args.iter().cloned());
        let mut labels = source.labels(name);
        labels.extend(settings.labels.clone());
        labels.extend(self.labels.iter().cloned());
        Ok(Request {
            context,
            source,
            name: name.to_owned(),
            extra_tags: self.tags.clone(),
            build_args,
            labels,
            target: self.target.clone().or_else(|| settings.target.clone()),
            platform: self.platform.clone().or_else(|| settings.platform.clone()),
            no_cache: self.no_cache,
        })
    }
}

/// Bytes as people read them, in the decimal units that Docker shows.
pub(crate) fn human_bytes(bytes: u64) -> String {
    indicatif::DecimalBytes(bytes).to_string()
}

/// A path for a message: relative when it can be.
pub(crate) fn shown(path: &Path) -> std::path::Display<'_> {
    path.strip_prefix("./").unwrap_or(path).display()
}
