//! Checks a running service over HTTP: the requests and answers of `smoke.toml`, again and again
//! until all are right in the same round, with one deadline for everything.
//!
//! It only asks: it changes nothing but what the requests themselves change.

mod checks;
mod expect;
mod junit;
mod probe;
mod report;
mod text;

use std::path::PathBuf;
use std::time::Duration;

use futures_util::future::join_all;
use landfall_toml::{Config, Environment, Needs};
use reqwest::Url;
use step_core::handover::{Deployment, Handover, StackOutputs};
use step_core::poll::{Deadline, Pace, poll};
use step_core::{Common, Fail, output};
use tokio::time::Instant;

use crate::checks::Check;
use crate::probe::{Probe, Sender};
use crate::text::FromText;

pub use expect::Mismatch;
pub use report::{Checked, Tested};

/// Check a running service over HTTP.
///
/// Sends the requests of smoke.toml, all at once, until all answers are as expected in the same
/// round, and gives up at the deadline: with 3 when the service answers wrongly, with 4 when
/// nothing ever answered. Whatever fails is tried again, for a service that starts refuses
/// connections or says 503. The result also goes to a JUnit file, which GitLab shows.
#[derive(Debug, clap::Parser)]
#[command(name = "smoke-test", version, after_long_help = EXAMPLES)]
pub struct Args {
    /// The checks [landfall.toml: smoke-test.file] [default: smoke.toml]
    #[arg(long, env = "LANDFALL_SMOKE_FILE", value_name = "FILE")]
    file: Option<PathBuf>,

    /// Address of the service [landfall.toml: url] [default: the output Url of the stack]
    #[arg(long, env = "LANDFALL_URL", value_name = "URL")]
    url: Option<String>,

    /// The revision that has to run [default: what deploy-fargate deployed, then the job's commit]
    #[arg(long, env = "LANDFALL_REVISION", value_name = "COMMIT")]
    revision: Option<String>,

    /// How many rounds in a row have to pass
    #[arg(long, env = "LANDFALL_SMOKE_PASSES", value_name = "N", default_value_t = 1,
          value_parser = clap::value_parser!(u32).range(1..))]
    passes: u32,

    /// Between two rounds
    #[arg(long, env = "LANDFALL_SMOKE_INTERVAL", value_name = "TIME", default_value = "2s",
          value_parser = step_core::duration)]
    interval: Duration,

    /// How long to wait until all checks pass [landfall.toml: smoke-test.timeout] [default: 2m]
    #[arg(long, env = "LANDFALL_SMOKE_TIMEOUT", value_name = "TIME", value_parser = step_core::duration)]
    timeout: Option<Duration>,

    /// Where to write the result as JUnit XML
    #[arg(
        long,
        env = "LANDFALL_JUNIT",
        value_name = "FILE",
        default_value = ".landfall/smoke-test.junit.xml"
    )]
    junit: PathBuf,

    #[command(flatten)]
    common: Common,
}

const EXAMPLES: &str = "\
Examples:
  smoke-test --env dev                       the checks of smoke.toml against landfall.toml's url
  smoke-test --env dev --dry-run             what would be asked, without asking
  smoke-test --url http://localhost:8080 --timeout 30s --passes 3";

/// Everything that a run needs.
#[derive(Debug)]
pub struct Ctx {
    file: PathBuf,
    probes: Vec<Probe>,
    env: Option<String>,
    base: Option<Url>,
    revision: Option<String>,
    passes: u32,
    pace: Pace,
    deadline: Deadline,
    junit: PathBuf,
    dry_run: bool,
}

impl Ctx {
    /// Reads the configuration, the checks and what the earlier steps handed over.
    ///
    /// # Errors
    /// Exit 2: something in them is wrong, or is missing although a check needs it.
    pub fn new(args: &Args) -> anyhow::Result<Self> {
        let deployment = Deployment::receive()?;
        let common = args.common_of(deployment.as_ref());
        let config = Config::load(&common)?;
        let needs = if args.url.is_some() { Needs::Nothing } else { Needs::Environment };
        let environment = config.environment(&common, needs)?;
        let settings = &environment.smoke_test;
        let file = args.file.clone().or_else(|| settings.file.clone());
        let file = file.unwrap_or_else(|| PathBuf::from("smoke.toml"));
        let checks = checks::load(&file)?;
        let base = checks.iter().any(Check::needs_base);
        let base = base.then(|| args.base(&config, &environment, &common)).transpose()?;
        let revision = checks.iter().find(|check| check.revision.is_some());
        let revision = revision.map(|check| args.revision_for(check, deployment, &common));
        let probe = |check: Check| Ok(Probe { url: check.resolve(base.as_ref())?, check });
        let timeout = args.timeout.or(settings.timeout.map(|span| span.0));
        Ok(Self {
            file,
            probes: checks.into_iter().map(probe).collect::<anyhow::Result<_>>()?,
            env: common.environment().map(str::to_owned),
            base,
            revision: revision.transpose()?,
            passes: args.passes,
            pace: Pace { early: args.interval, late: args.interval },
            deadline: Deadline::after(timeout.unwrap_or(DEFAULT_TIMEOUT)),
            junit: args.junit.clone(),
            dry_run: args.common.dry_run,
        })
    }
}

const DEFAULT_TIMEOUT: Duration = Duration::from_secs(2 * 60);

/// Makes the checks until they pass or time is up.
///
/// # Errors
/// Something unexpected; failed checks are no error but the verdict of the report.
pub async fn run(ctx: &Ctx) -> anyhow::Result<Tested> {
    let planned = Tested::planned(ctx);
    if ctx.dry_run {
        return Ok(planned);
    }
    let start = Instant::now();
    let tested = ask(ctx, planned).await?;
    // The verdict counts; that its file cannot be written must not hide it.
    if let Err(err) = junit::write(&ctx.junit, &tested, &ctx.file, start.elapsed()) {
        output::warn(format!("{err:#}"));
    }
    Ok(tested)
}

async fn ask(ctx: &Ctx, mut tested: Tested) -> anyhow::Result<Tested> {
    let sender = Sender::new()?;
    let mut progress = output::progress(ctx.file.display().to_string());
    let passed = poll(&ctx.deadline, ctx.pace, async || {
        // A round without any time left would only hide what the last one saw.
        if tested.rounds > 0 && ctx.deadline.has_passed() {
            return Ok(None);
        }
        let requests = ctx.probes.iter().map(|probe| sender.send(probe, &ctx.deadline));
        tested.add_round(&ctx.probes, join_all(requests).await);
        progress.state(tested.standing());
        Ok(tested.has_passed().then_some(()))
    });
    passed.await?;
    Ok(tested)
}

impl Args {
    /// The common arguments; the environment is that of the deployment when none was named.
    fn common_of(&self, deployment: Option<&Deployment>) -> Common {
        let mut common = self.common.clone();
        if common.environment().is_none() {
            common.env = deployment.and_then(|deployment| deployment.env.clone());
        }
        common
    }

    /// Where the service runs.
    fn base(
        &self,
        config: &Config,
        environment: &Environment,
        common: &Common,
    ) -> anyhow::Result<Url> {
        let named = self.url.clone().or_else(|| environment.url.clone());
        let text = match named {
            Some(text) => Some(text),
            None => stack_url(config, environment, common)?,
        };
        let text = text.or_else(|| common.gitlab.environment_url.clone()).ok_or_else(|| {
            Fail::invalid("the address of the service is not known").help(
                "use --url, set `url` of the environment in landfall.toml, or give the stack an output `Url`",
            )
        })?;
        let url = Url::from_text(&text).and_then(|url| {
            let bare = url.query().is_none() && url.fragment().is_none();
            if bare { Ok(url) } else { Err("it ends with its path".to_owned()) }
        });
        Ok(url.map_err(|why| {
            Fail::invalid(format!("`{text}` is not the address of a service: {why}"))
                .help("write it as https://HOST or https://HOST/PATH")
        })?)
    }

    /// The revision that has to run: the one that was named, else the deployed one, else the
    /// job's commit. What was deployed counts more than the commit, for a job may deploy an older
    /// image; but a deployment of another environment says nothing about this one.
    fn revision_for(
        &self,
        check: &Check,
        deployment: Option<Deployment>,
        common: &Common,
    ) -> anyhow::Result<String> {
        let here = common.environment();
        let is_foreign = |there: &str| here.is_some_and(|here| here != there);
        let deployed = || {
            let deployment = deployment?;
            if let Some(there) = deployment.env.as_deref().filter(|there| is_foreign(there)) {
                let here = here.unwrap_or_default();
                output::say(format!("the last deployment was to {there}, not to {here}: ignored"));
                return None;
            }
            deployment.revision
        };
        let revision = self.revision.clone().or_else(deployed);
        let revision = revision.or_else(|| common.gitlab.commit_sha.clone());
        Ok(revision.ok_or_else(|| {
            let message =
                format!("check `{}` needs the deployed revision, and none is known", check.name);
            Fail::invalid(message).help("use --revision, or run deploy-fargate before this step")
        })?)
    }
}

/// The output `Url` of the stack that deploy-stack left, unless it is another environment's.
fn stack_url(
    config: &Config,
    environment: &Environment,
    common: &Common,
) -> anyhow::Result<Option<String>> {
    let Some(mut handed_over) = StackOutputs::receive()? else {
        return Ok(None);
    };
    // As deploy-stack names it. Without a name every stack is the right one.
    let default =
        || Some(format!("{}-{}", config.service().name.as_deref()?, common.environment()?));
    let stack = environment.deploy_stack.stack.clone().or_else(default);
    if let Some(stack) = stack.filter(|stack| *stack != handed_over.stack) {
        output::say(format!(
            "the outputs are of stack {}, not of {stack}: ignored",
            handed_over.stack
        ));
        return Ok(None);
    }
    Ok(handed_over.outputs.remove("Url"))
}

#[cfg(test)]
mod tests {
    use clap::Parser;
    use step_core::Exit;

    use super::*;

    fn deployment(env: Option<&str>, revision: Option<&str>) -> Deployment {
        Deployment {
            env: env.map(str::to_owned),
            service: String::new(),
            task_definition: String::new(),
            image: String::new(),
            revision: revision.map(str::to_owned),
        }
    }

    fn revision(args: &[&str], deployment: Option<Deployment>) -> anyhow::Result<String> {
        let args = Args::parse_from([&["smoke-test"], args].concat());
        let common = args.common_of(deployment.as_ref());
        let check = toml::from_str("name = \"version\"\npath = \"/\"").unwrap();
        args.revision_for(&check, deployment, &common)
    }

    #[test]
    fn the_revision_comes_from_the_first_that_knows_it() {
        let job = "--ci-commit-sha=job";
        let dev = || Some(deployment(Some("dev"), Some("deployed")));
        for (args, deployment, expected) in [
            (vec!["--revision", "named", "--env", "dev", job], dev(), "named"),
            (vec!["--env", "dev", job], dev(), "deployed"),
            (vec![job], dev(), "deployed"),
            // What was deployed elsewhere says nothing about this environment.
            (vec!["--env", "prod", job], dev(), "job"),
            (vec!["--ci-environment-name", "prod", job], dev(), "job"),
            // A deployment without an environment is the only one there is.
            (vec!["--env", "dev", job], Some(deployment(None, Some("deployed"))), "deployed"),
            (vec!["--env", "dev", job], Some(deployment(Some("dev"), None)), "job"),
            (vec![job], None, "job"),
        ] {
            assert_eq!(revision(&args, deployment).unwrap(), expected, "{args:?}");
        }
    }

    #[test]
    fn a_check_of_an_unknown_revision_says_what_to_do() {
        for deployment in [None, Some(deployment(Some("dev"), Some("deployed")))] {
            let err = revision(&["--env", "prod"], deployment).unwrap_err();
            let fail = Fail::of(&err).unwrap();
            assert_eq!(fail.exit(), Exit::Invalid);
            assert!(fail.to_string().starts_with("check `version` needs the deployed revision"));
            assert!(fail.help_text().unwrap().contains("--revision"));
        }
    }

    #[test]
    fn the_environment_is_that_of_the_deployment_when_none_is_named() {
        let dev = deployment(Some("dev"), None);
        let args = Args::parse_from(["smoke-test"]);
        assert_eq!(args.common_of(Some(&dev)).environment(), Some("dev"));
        let args = Args::parse_from(["smoke-test", "--env", "prod"]);
        assert_eq!(args.common_of(Some(&dev)).environment(), Some("prod"));
    }

    #[test]
    fn an_address_of_a_service_is_http_and_has_no_query() {
        for (url, is_right) in [
            ("https://orders.example.com/api", true),
            ("orders.example.com", false),
            ("localhost:8080", false),
            ("https://orders.example.com/?a=1", false),
        ] {
            let args = Args::parse_from(["smoke-test", "--url", url]);
            let base = args.base(&Config::default(), &Environment::default(), &args.common);
            assert_eq!(base.is_ok(), is_right, "{url}: {base:?}");
        }
    }
}
