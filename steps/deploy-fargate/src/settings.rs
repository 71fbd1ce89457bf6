//! The command line and what it means: arguments become what is desired.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::ValueEnum;
use landfall_toml::{
    Busy, CodeDeploy, Environment, FargateContainer, FargateService, OnFail, OnPause,
};
use step_aws::AwsArgs;
use step_core::handover::{Handover, PushedImage};
use step_core::{Common, Fail, FailContext, Secret};

use crate::definition::{ContainerOverrides, Definition, Overrides};

/// Deploy an image to services on Fargate.
///
/// Registers a revision of the service's task definition with the image pinned by digest, updates the
/// service, follows this very deployment to its end, and proves by the digests of the running tasks
/// that it is what was asked for. When its tasks crash, the service goes back to the last revision
/// that ran, within seconds, and the message shows the container's exit code and last log lines. The
/// result goes to .landfall/deployment.json, where smoke-test finds it.
#[derive(Debug, clap::Parser)]
#[command(name = "deploy-fargate", version, after_long_help = EXAMPLES)]
pub struct Args {
    #[command(subcommand)]
    pub(crate) command: Option<Command>,

    /// The image, HOST/NAME@sha256:...; a tag is resolved where the registry is ECR [default: what
    /// push-ecr left in .landfall/pushed.json]
    #[arg(value_name = "IMAGE", env = "LANDFALL_DEPLOY_IMAGE")]
    image: Option<String>,

    /// How many tasks should run [landfall.toml: deploy-fargate.desired_count] [default: unchanged]
    #[arg(long, value_name = "N")]
    desired_count: Option<u16>,

    /// With --dry-run or without: change nothing, and end with 3 when something would change
    #[arg(long)]
    check: bool,

    /// A program with its arguments that runs once in the new image, before anything changes; when it
    /// fails, nothing does [landfall.toml: deploy-fargate.before]
    #[arg(long, value_name = "COMMAND", value_parser = words)]
    before: Vec<Words>,

    /// A program with its arguments that runs on this machine when the image runs, for example
    /// smoke-test; when it fails, so does the deployment [landfall.toml: deploy-fargate.after]
    #[arg(long, value_name = "COMMAND", value_parser = words)]
    after: Vec<Words>,

    /// What becomes of a deployment whose --after fails [landfall.toml: deploy-fargate.on_fail]
    /// [default: keep]
    #[arg(long, value_enum, value_name = "WHAT")]
    on_fail: Option<OnFailArg>,

    /// Deploy nothing: wait for the end of the deployment with this id (ecs-svc/...)
    #[arg(long, value_name = "ID")]
    wait_only: Option<String>,

    /// Roll back when the job is cancelled; without it the deployment goes on
    #[arg(long, env = "LANDFALL_ROLLBACK_ON_CANCEL", value_parser = clap::builder::FalseyValueParser::new(),
          action = clap::ArgAction::SetTrue)]
    rollback_on_cancel: bool,

    #[command(flatten)]
    service: ServiceArgs,

    #[command(flatten)]
    pub(crate) aws: AwsArgs,

    #[command(flatten)]
    pub(crate) common: Common,
}

/// What is deployed, and how; the same for all commands.
#[derive(Debug, clap::Args)]
struct ServiceArgs {
    /// Name of the ECS cluster [landfall.toml: cluster]
    #[arg(long, env = "LANDFALL_CLUSTER", value_name = "NAME", global = true)]
    cluster: Option<String>,

    /// Name of the ECS service [landfall.toml: service]
    #[arg(long, env = "LANDFALL_SERVICE", value_name = "NAME", global = true)]
    service: Option<String>,

    /// The container that gets the image [landfall.toml: deploy-fargate.container] [default: the
    /// only one]
    #[arg(long, env = "LANDFALL_CONTAINER", value_name = "NAME", global = true)]
    container: Option<String>,

    /// The image of another container [landfall.toml: deploy-fargate.containers.NAME.image]
    #[arg(long = "image", value_name = "NAME=IMAGE", value_parser = step_core::key_value, global = true)]
    images: Vec<(String, String)>,

    /// The task definition, a JSON file [landfall.toml: deploy-fargate.task_definition] [default:
    /// what the service runs now]
    #[arg(long, env = "LANDFALL_TASK_DEFINITION", value_name = "FILE", global = true)]
    task_definition: Option<PathBuf>,

    /// Where ECR is reached, HOST or HOST:PORT, when not by the name that it gives itself
    /// [landfall.toml: push-ecr.registry]
    #[arg(long, env = "LANDFALL_REGISTRY", value_name = "HOST", global = true)]
    registry: Option<String>,

    /// How long to wait [landfall.toml: deploy-fargate.timeout] [default: 15m]
    #[arg(long, env = "LANDFALL_DEPLOY_TIMEOUT", value_name = "TIME", value_parser = step_core::duration, global = true)]
    timeout: Option<Duration>,

    /// After how many crashed tasks to give up
    #[arg(long, value_name = "N", default_value_t = 2, value_parser = clap::value_parser!(u16).range(1..), global = true)]
    crashes: u16,

    /// What to do when the service is deploying something else [landfall.toml: deploy-fargate.busy]
    /// [default: take-over]
    #[arg(long, value_enum, value_name = "WHAT", global = true)]
    busy: Option<BusyArg>,

    /// What to do when a deployment pauses at a hook [landfall.toml: deploy-fargate.on_pause]
    /// [default: wait]
    #[arg(long, value_enum, value_name = "WHAT", global = true)]
    on_pause: Option<OnPauseArg>,

    /// The environment in which the image has to have passed its checks [landfall.toml:
    /// deploy-fargate.require_verdict]
    #[arg(long, env = "LANDFALL_REQUIRE_VERDICT", value_name = "ENV", global = true)]
    require_verdict: Option<String>,

    /// The file of the verdict
    #[arg(
        long,
        env = "LANDFALL_VERDICT",
        value_name = "FILE",
        default_value = verdict::DEFAULT_FILE,
        global = true
    )]
    verdict: PathBuf,

    /// The key with which the verdict has to be signed; a variable only, for a flag would show in the
    /// process list.
    #[arg(long, env = "LANDFALL_VERDICT_KEY", hide = true, hide_env_values = true, global = true)]
    verdict_key: Option<Secret>,

    /// Also write the outcome to FILE, as JUnit XML
    #[arg(long, value_name = "FILE", global = true)]
    junit: Option<PathBuf>,

    /// Also write the outcome to FILE, as variables for later jobs of GitLab
    #[arg(long, value_name = "FILE", global = true)]
    dotenv: Option<PathBuf>,

    #[command(flatten)]
    gitlab: GitLabEcs,
}

/// The variables of GitLab's own template for ECS, so that a project that used it need not rename
/// them. They are the last resort.
#[derive(Debug, clap::Args)]
struct GitLabEcs {
    #[arg(long = "ci-aws-ecs-cluster", env = "CI_AWS_ECS_CLUSTER", hide = true, global = true)]
    ecs_cluster: Option<String>,

    #[arg(long = "ci-aws-ecs-service", env = "CI_AWS_ECS_SERVICE", hide = true, global = true)]
    ecs_service: Option<String>,

    /// A family, whose newest revision is the base.
    #[arg(
        long = "ci-aws-ecs-task-definition",
        env = "CI_AWS_ECS_TASK_DEFINITION",
        hide = true,
        global = true
    )]
    ecs_family: Option<String>,
}

/// What else the step can do.
#[derive(Debug, Clone, clap::Subcommand)]
pub(crate) enum Command {
    /// Check all that a deployment needs, and change nothing
    Verify {
        /// The image [default: what push-ecr left in .landfall/pushed.json]
        #[arg(value_name = "IMAGE")]
        image: Option<String>,
    },
    /// Run a program once, as a task with the service's network and roles, and end with its exit code
    RunTask {
        /// The image [default: what push-ecr left in .landfall/pushed.json, else what runs]
        #[arg(long = "with", value_name = "IMAGE")]
        image: Option<String>,

        /// The program and its arguments
        #[arg(last = true, required = true, value_name = "COMMAND")]
        program: Vec<String>,
    },
    /// Go back to the revision that ran before, or stop a deployment that is under way
    Rollback {
        /// The revision, FAMILY:N or its ARN [default: the last one that was deployed with success]
        #[arg(long, value_name = "REVISION")]
        to: Option<String>,
    },
    /// Continue a deployment that pauses at a hook, and wait for its end
    Continue,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum BusyArg {
    /// Wait for its end first
    Wait,
    /// Replace it
    TakeOver,
    /// Change nothing, and end with 8
    Refuse,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum OnFailArg {
    /// It stays, and the step ends with 3
    Keep,
    /// It goes back to what ran before, and the step ends with 6
    Rollback,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum OnPauseArg {
    /// Wait until somebody continues it or rolls it back
    Wait,
    /// Continue it
    Continue,
    /// Roll it back
    RollBack,
}

const EXAMPLES: &str = "\
Examples:
  deploy-fargate --env dev               what push-ecr pushed
  deploy-fargate --env dev --dry-run     what would change
  deploy-fargate verify --env prod       is all there that a deployment needs?
  deploy-fargate rollback --env prod     back to the revision that ran before
  deploy-fargate run-task --env dev -- migrate-db up   once, inside the network
  deploy-fargate HOST/app@sha256:... --cluster apps --service app   without a landfall.toml";

/// A program with its arguments.
pub(crate) type Words = Vec<String>;

/// All that a run is told.
#[derive(Debug, Clone)]
pub(crate) struct Settings {
    pub(crate) units: Vec<Unit>,
    /// The commit of the image, if it is what push-ecr pushed.
    pub(crate) revision: Option<String>,
    pub(crate) env: Option<String>,
    pub(crate) dry_run: bool,
    pub(crate) check: bool,
    pub(crate) registry: Option<String>,
    pub(crate) crashes: usize,
    pub(crate) busy: Busy,
    pub(crate) on_pause: OnPause,
    pub(crate) before: Vec<Words>,
    pub(crate) after: Vec<Words>,
    pub(crate) on_fail: OnFail,
    pub(crate) require_verdict: Option<String>,
    pub(crate) verdict: PathBuf,
    pub(crate) verdict_key: Option<verdict::Key>,
    pub(crate) rollback_on_cancel: bool,
    pub(crate) wait_only: Option<String>,
    pub(crate) junit: Option<PathBuf>,
    pub(crate) dotenv: Option<PathBuf>,
    pub(crate) timeout: Duration,
}

/// One of the services, or tasks on a schedule, that a run deploys.
#[derive(Debug, Clone, Default)]
pub(crate) struct Unit {
    /// What people call it.
    pub(crate) name: String,
    pub(crate) cluster: String,
    pub(crate) target: Target,
    pub(crate) container: Option<String>,
    /// The image of that container.
    pub(crate) image: Option<String>,
    /// Not touched when none: under auto scaling the count is not ours.
    pub(crate) desired_count: Option<i32>,
    pub(crate) base: Base,
    pub(crate) overrides: Overrides,
    pub(crate) code_deploy: CodeDeploy,
}

/// What starts the tasks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Target {
    Service(String),
    Rule(String),
}

impl Default for Target {
    fn default() -> Self {
        Target::Service(String::new())
    }
}

/// What the new revision is made of.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) enum Base {
    /// What the service runs now.
    #[default]
    Current,
    File(PathBuf, Definition),
    /// The newest revision of a family.
    Family(String),
}

const DEFAULT_TIMEOUT: Duration = Duration::from_secs(15 * 60);

impl Args {
    /// What the command line, the variables and the file say together.
    ///
    /// # Errors
    /// Exit 2: no cluster, service or image is named, or a file is not what it should be.
    pub(crate) fn settings(&self, environment: &Environment) -> anyhow::Result<Settings> {
        let file = &environment.deploy_fargate;
        let args = &self.service;
        let (image, revision) = self.image()?;
        let units = self.units(environment, image.as_deref())?;
        let before = if self.before.is_empty() { &file.before } else { &self.before };
        let after = if self.after.is_empty() { &file.after } else { &self.after };
        if before.iter().chain(after).any(Vec::is_empty) {
            let message = "deploy-fargate: a program of `before` or `after` is empty";
            return Err(Fail::invalid(message).help("write [[\"PROGRAM\", \"ARGUMENT\"]]").into());
        }
        Ok(Settings {
            units,
            revision,
            env: self.common.environment().map(str::to_owned),
            dry_run: self.common.dry_run || self.check,
            check: self.check,
            registry: args.registry.clone().or_else(|| environment.push_ecr.registry.clone()),
            crashes: args.crashes.into(),
            busy: args.busy.map(Busy::from).or(file.busy).unwrap_or(Busy::TakeOver),
            // Who only waits writes nothing.
            on_pause: match &self.wait_only {
                Some(_) => OnPause::Wait,
                None => args.on_pause.map(OnPause::from).or(file.on_pause).unwrap_or(OnPause::Wait),
            },
            before: before.clone(),
            after: after.clone(),
            on_fail: self.on_fail.map(OnFail::from).or(file.on_fail).unwrap_or(OnFail::Keep),
            require_verdict: args.require_verdict.clone().or_else(|| file.require_verdict.clone()),
            verdict: args.verdict.clone(),
            verdict_key: args.verdict_key.as_ref().map(verdict::Key::new).transpose()?,
            rollback_on_cancel: self.rollback_on_cancel && self.wait_only.is_none(),
            wait_only: self.wait_only.clone(),
            junit: args.junit.clone(),
            dotenv: args.dotenv.clone(),
            timeout: args.timeout.or(file.timeout.map(|span| span.0)).unwrap_or(DEFAULT_TIMEOUT),
        })
    }

    /// The image that is named or was pushed, and the commit that it is of.
    fn image(&self) -> anyhow::Result<(Option<String>, Option<String>)> {
        let named = match &self.command {
            Some(Command::Verify { image } | Command::RunTask { image, .. }) => image.clone(),
            Some(Command::Rollback { .. } | Command::Continue) => return Ok((None, None)),
            None if self.wait_only.is_some() => return Ok((None, None)),
            None => None,
        };
        let named = named.or_else(|| self.image.clone());
        let pushed = PushedImage::receive()?;
        if let (None, Some(pushed)) = (&named, &pushed) {
            pushed.warn_of_another_environment(self.common.environment());
        }
        let image = named.or_else(|| Some(pushed.as_ref()?.image.clone()));
        let of_pushed = pushed.filter(|pushed| Some(&pushed.image) == image.as_ref());
        Ok((image, of_pushed.and_then(|pushed| pushed.revision)))
    }

    fn units(&self, environment: &Environment, image: Option<&str>) -> anyhow::Result<Vec<Unit>> {
        let file = &environment.deploy_fargate;
        let shared = FargateService {
            service: self.service.service.clone().or_else(|| environment.service.clone()),
            ..FargateService::default()
        };
        // A service that is named on the command line is the only one.
        let named: Vec<(String, FargateService)> = if self.service.service.is_some()
            || file.services.is_empty()
        {
            let name = shared.service.clone().or_else(|| self.service.gitlab.ecs_service.clone());
            vec![(name.unwrap_or_default(), shared)]
        } else {
            file.services.iter().map(|(name, own)| (name.clone(), own.clone())).collect()
        };
        named.into_iter().map(|(name, own)| self.unit(environment, name, &own, image)).collect()
    }

    fn unit(
        &self,
        environment: &Environment,
        name: String,
        own: &FargateService,
        image: Option<&str>,
    ) -> anyhow::Result<Unit> {
        let file = &environment.deploy_fargate;
        let args = &self.service;
        let missing = |what: &str| {
            Fail::invalid(format!("no {what} is named"))
                .help(format!("set `{what}` of the environment in landfall.toml, or use --{what}"))
        };
        let cluster = args.cluster.clone().or_else(|| own.cluster.clone());
        let cluster = cluster.or_else(|| environment.cluster.clone());
        let cluster = cluster.or_else(|| args.gitlab.ecs_cluster.clone());
        let cluster = cluster.ok_or_else(|| missing("cluster"))?;
        let target = match (&own.rule, &own.service) {
            (Some(rule), None) => Target::Rule(rule.clone()),
            (Some(_), Some(_)) => {
                let message = format!("deploy-fargate.services.{name} names a service and a rule");
                return Err(Fail::invalid(message).help("keep one of them").into());
            }
            (None, service) => {
                let service = service.clone().or_else(|| args.gitlab.ecs_service.clone());
                Target::Service(service.ok_or_else(|| missing("service"))?)
            }
        };
        let mut overrides = Overrides {
            cpu: own.cpu.clone().or_else(|| file.cpu.clone()),
            memory: own.memory.clone().or_else(|| file.memory.clone()),
            containers: BTreeMap::new(),
        };
        for (container, set) in file.containers.iter().chain(&own.containers) {
            lay_over(overrides.containers.entry(container.clone()).or_default(), set);
        }
        for (container, image) in &args.images {
            overrides.containers.entry(container.clone()).or_default().image = Some(image.clone());
        }
        let base = self.base(own.task_definition.as_deref().or(file.task_definition.as_deref()))?;
        let has_image = overrides.containers.values().any(|set| set.image.is_some());
        let deploys =
            matches!(self.command, None | Some(Command::Verify { .. })) && self.wait_only.is_none();
        if deploys && image.is_none() && !has_image && base == Base::Current {
            return Err(Fail::invalid("no image to deploy")
                .help("run push-ecr before, or name one: deploy-fargate HOST/NAME@sha256:...")
                .into());
        }
        let shared = &file.codedeploy;
        let owned = |(event, function): (&String, &String)| (event.clone(), function.clone());
        let count = self.desired_count.or(own.desired_count).or(file.desired_count);
        Ok(Unit {
            name,
            cluster,
            target,
            container: args
                .container
                .clone()
                .or_else(|| own.container.clone())
                .or_else(|| file.container.clone()),
            image: image.map(str::to_owned),
            desired_count: count.map(i32::from),
            base,
            overrides,
            code_deploy: CodeDeploy {
                application: own.codedeploy.application.clone().or(shared.application.clone()),
                deployment_group: own
                    .codedeploy
                    .deployment_group
                    .clone()
                    .or(shared.deployment_group.clone()),
                hooks: shared.hooks.iter().chain(&own.codedeploy.hooks).map(owned).collect(),
            },
        })
    }

    fn base(&self, file: Option<&Path>) -> anyhow::Result<Base> {
        let Some(path) = self.service.task_definition.as_deref().or(file) else {
            let family = self.service.gitlab.ecs_family.clone();
            return Ok(family.map_or(Base::Current, Base::Family));
        };
        let text = std::fs::read_to_string(path).or_fail(|| {
            Fail::invalid(format!("the task definition {} cannot be read", path.display()))
                .help("check --task-definition, or `task_definition` in landfall.toml")
        })?;
        Ok(Base::File(path.to_owned(), Definition::from_file(path, &text)?))
    }
}

fn lay_over(lower: &mut ContainerOverrides, upper: &FargateContainer) {
    lower.image = upper.image.clone().or(lower.image.take());
    lower.environment.extend(upper.environment.clone());
    lower.secrets.extend(upper.secrets.clone());
    lower.cpu = upper.cpu.or(lower.cpu);
    lower.memory = upper.memory.or(lower.memory);
}

/// Splits a command as a shell would, without one.
fn words(text: &str) -> Result<Words, String> {
    let words = shlex::split(text).ok_or("a quote is not closed")?;
    if words.is_empty() { Err("name a program".to_owned()) } else { Ok(words) }
}

impl From<BusyArg> for Busy {
    fn from(arg: BusyArg) -> Self {
        match arg {
            BusyArg::Wait => Busy::Wait,
            BusyArg::TakeOver => Busy::TakeOver,
            BusyArg::Refuse => Busy::Refuse,
        }
    }
}

impl From<OnPauseArg> for OnPause {
    fn from(arg: OnPauseArg) -> Self {
        match arg {
            OnPauseArg::Wait => OnPause::Wait,
            OnPauseArg::Continue => OnPause::Continue,
            OnPauseArg::RollBack => OnPause::RollBack,
        }
    }
}

impl From<OnFailArg> for OnFail {
    fn from(arg: OnFailArg) -> Self {
        match arg {
            OnFailArg::Keep => OnFail::Keep,
            OnFailArg::Rollback => OnFail::Rollback,
        }
    }
}
