//! Creates or updates a CloudFormation stack by change set, waits, and hands over its outputs.
//!
//! A stack that already is as it should be is told by reading alone: no change set is made.

mod apply;
mod observe;
mod plan;

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context;
use aws_sdk_cloudformation::Client;
use landfall_toml::{Config, Environment, Needs};
use serde::Serialize;
use step_aws::{Aws, AwsArgs};
use step_core::handover::{self, Handover, StackOutputs};
use step_core::poll::Deadline;
use step_core::{Common, Fail, Report, output};

pub use plan::{Change, Desired};

/// Create or update a CloudFormation stack.
///
/// Compares the template, parameters, tags and capabilities with the stack; if something differs
/// it makes a change set, shows it, executes it and follows the events until the stack is ready.
/// The outputs go to .landfall/stack.json.
#[derive(Debug, clap::Parser)]
#[command(name = "deploy-stack", version, after_long_help = EXAMPLES)]
pub struct Args {
    /// Name of the stack [landfall.toml: deploy-stack.stack] [default: SERVICE-ENV]
    #[arg(long, env = "LANDFALL_STACK", value_name = "NAME")]
    stack: Option<String>,

    /// The template, YAML or JSON [landfall.toml: deploy-stack.template] [default: infra.yml]
    #[arg(long, env = "LANDFALL_TEMPLATE", value_name = "FILE")]
    template: Option<PathBuf>,

    /// A parameter of the template; repeatable. What is not named keeps its value
    #[arg(long = "parameter", short, value_name = "KEY=VALUE", value_parser = step_core::key_value)]
    parameters: Vec<(String, String)>,

    /// What the template may do, for example CAPABILITY_IAM; repeatable
    #[arg(long = "capability", value_name = "NAME")]
    capabilities: Vec<String>,

    /// How long to wait [landfall.toml: deploy-stack.timeout] [default: 30m]
    #[arg(long, env = "LANDFALL_STACK_TIMEOUT", value_name = "TIME", value_parser = step_core::duration)]
    timeout: Option<Duration>,

    #[command(flatten)]
    aws: AwsArgs,

    #[command(flatten)]
    common: Common,
}

const EXAMPLES: &str = "\
Examples:
  deploy-stack --env dev                     the stack of landfall.toml
  deploy-stack --env dev --dry-run           what would change, without a write
  deploy-stack --stack net --template net.yml -p Zone=a   without a landfall.toml";

/// Everything that a run needs.
#[derive(Debug)]
pub struct Ctx {
    aws: Aws,
    cloudformation: Client,
    desired: Desired,
    deadline: Deadline,
    dry_run: bool,
}

impl Ctx {
    /// Resolves what is desired and connects to AWS.
    ///
    /// # Errors
    /// Exit 2: configuration or template cannot be read, or something is missing in it.
    pub async fn connect(args: &Args) -> anyhow::Result<Self> {
        let config = Config::load(&args.common)?;
        let environment = config.environment(&args.common, Needs::Environment)?;
        let desired = args.desired(&config, &environment)?;
        let aws = Aws::connect(&args.aws, &environment, &args.common).await?;
        let timeout = environment.deploy_stack.timeout.map(|span| span.0);
        Ok(Self {
            cloudformation: Client::new(aws.config()),
            aws,
            desired,
            deadline: Deadline::after(args.timeout.or(timeout).unwrap_or(DEFAULT_TIMEOUT)),
            dry_run: args.common.dry_run,
        })
    }
}

const DEFAULT_TIMEOUT: Duration = Duration::from_secs(30 * 60);
/// "CloudFormation quotas": the size of a template that is sent in a request, in bytes.
const LARGEST_TEMPLATE: usize = 51_200;

/// Brings the stack to what is desired.
///
/// # Errors
/// See the exit codes of [`step_core::Exit`]; 6 when an update failed and was rolled back.
pub async fn run(ctx: &Ctx) -> anyhow::Result<Deployed> {
    let stack = &ctx.desired.stack;
    output::say(format!("stack {stack} from {}", ctx.desired.template_path.display()));
    let guarded = ctx.aws.guard().await?;
    let template = observe::template(ctx).await?;
    let current = observe::settled_stack(ctx).await?;
    let plan = plan::plan(&ctx.desired, &template, current.as_ref())?;
    if !ctx.dry_run {
        plan.changes.iter().for_each(|change| output::say(format!("  {change}")));
    }
    if plan.changes.is_empty() {
        let outputs = current.map(|stack| stack.outputs).unwrap_or_default();
        return Deployed::new(stack, Outcome::Unchanged, plan.changes, outputs).hand_over(ctx);
    }
    if ctx.dry_run {
        return Ok(Deployed::new(stack, Outcome::Planned, plan.changes, BTreeMap::new()));
    }
    handover::prepare()?;
    let outcome = apply::apply(ctx, &guarded, &plan).await?;
    let after = observe::stack(ctx).await?.context("the stack vanished after it was deployed")?;
    Deployed::new(stack, outcome, plan.changes, after.outputs).hand_over(ctx)
}

/// What became of the stack.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// It did not exist before.
    Created,
    /// It was changed.
    Updated,
    /// It already was as desired.
    Unchanged,
    /// `--dry-run`: the changes that would be made.
    Planned,
}

/// The report of this step.
#[derive(Debug, Serialize)]
pub struct Deployed {
    stack: String,
    outcome: Outcome,
    changes: Vec<Change>,
    outputs: BTreeMap<String, String>,
}

impl Deployed {
    fn new(
        stack: &str,
        outcome: Outcome,
        changes: Vec<Change>,
        outputs: BTreeMap<String, String>,
    ) -> Self {
        Self { stack: stack.to_owned(), outcome, changes, outputs }
    }

    fn hand_over(self, ctx: &Ctx) -> anyhow::Result<Self> {
        if !ctx.dry_run {
            StackOutputs { stack: self.stack.clone(), outputs: self.outputs.clone() }
                .hand_over()?;
        }
        Ok(self)
    }
}

impl Report for Deployed {
    fn outcome(&self) -> &str {
        match self.outcome {
            Outcome::Created => "created",
            Outcome::Updated => "updated",
            Outcome::Unchanged => "unchanged",
            Outcome::Planned => "planned",
        }
    }
}

impl fmt::Display for Deployed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.stack, self.outcome())?;
        if self.outcome == Outcome::Planned {
            self.changes.iter().try_for_each(|change| write!(f, "\n  {change}"))?;
        }
        self.outputs.iter().try_for_each(|(key, value)| write!(f, "\n  {key} = {value}"))
    }
}

impl Args {
    fn desired(&self, config: &Config, environment: &Environment) -> anyhow::Result<Desired> {
        let settings = &environment.deploy_stack;
        let template_path = self.template.clone().or_else(|| settings.template.clone());
        let template_path = template_path.unwrap_or_else(|| PathBuf::from("infra.yml"));
        let template_body = std::fs::read_to_string(&template_path).map_err(|err| {
            Fail::invalid(format!("cannot read the template {}: {err}", template_path.display()))
                .help("name it with --template or `template` in [defaults.deploy-stack]")
        })?;
        if template_body.len() > LARGEST_TEMPLATE {
            let (path, size) = (template_path.display(), template_body.len());
            return Err(Fail::invalid(format!(
                "{path} has {size} bytes; CloudFormation takes {LARGEST_TEMPLATE}"
            ))
            .help("split it into several stacks")
            .into());
        }
        let named = self.stack.clone().or_else(|| settings.stack.clone());
        let default = || {
            let service = config.service().name.as_deref()?;
            Some(format!("{service}-{}", self.common.environment()?))
        };
        let stack = named.or_else(default).ok_or_else(|| {
            Fail::invalid("the stack has no name")
                .help("use --stack, or set `name` of [service] in landfall.toml and --env")
        })?;
        check_stack_name(&stack)?;
        let mut parameters = settings.parameters.clone();
        parameters.extend(self.parameters.iter().cloned());
        let mut capabilities = settings.capabilities.clone();
        capabilities.extend(self.capabilities.iter().cloned());
        let tags = settings.tags.clone();
        Ok(Desired { stack, template_path, template_body, parameters, tags, capabilities })
    }
}

/// "CreateStack": letters, digits and hyphens, a letter first, at most 128.
fn check_stack_name(name: &str) -> Result<(), Fail> {
    let starts_right = name.starts_with(|c: char| c.is_ascii_alphabetic());
    let is_right = |c: char| c.is_ascii_alphanumeric() || c == '-';
    if starts_right && name.chars().all(is_right) && name.len() <= 128 {
        return Ok(());
    }
    Err(Fail::invalid(format!("`{name}` is not a name for a stack"))
        .help("use letters, digits and hyphens, a letter first, at most 128"))
}
