//! Checks a running service: requests over HTTP, files of Hurl and commands that `smoke.toml`
//! lists, again and again until all are right in the same round, with one deadline for everything.
//!
//! It only asks: it changes nothing but what the checks themselves change. What it found out of the
//! image goes to `.landfall/verdict.json`, where a deployment to the next environment looks.

mod attempt;
mod checks;
mod expect;
mod html;
mod junit;
mod probe;
mod program;
mod report;
mod round;
mod template;
mod text;

use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::{Timestamp, Unit};
use landfall_toml::{Config, Environment, Needs};
use reqwest::Url;
use step_core::handover::{self, Deployment, Handover, StackOutputs};
use step_core::poll::{Deadline, Pace, poll};
use step_core::{Common, Fail, Secret, output};
use tokio::time::Instant;
use verdict::{Key, Verdict};

use crate::checks::Check;
use crate::round::Rounds;
use crate::text::FromText;

pub use expect::Mismatch;
pub use report::{Checked, Tested};

/// Check a running service.
///
/// Makes the checks of smoke.toml, all at once, until all are as expected in the same round, and
/// gives up at the deadline: with 3 when the service answers wrongly, with 4 when what failed never
/// answered. Whatever fails is tried again, for a service that starts refuses connections or says
/// 503. A check is a request with what its answer has to be, a file of Hurl, or a command.
///
/// The result also goes to a JUnit file, which GitLab shows, to an HTML file for people, and as a
/// verdict on the image to .landfall/verdict.json: deploy-fargate can ask for it before it deploys
/// the same image to the next environment. With a key the verdict is signed.
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

    /// Digest of the image that the verdict is on [default: of what deploy-fargate deployed]
    #[arg(long, env = "LANDFALL_DIGEST", value_name = "SHA256", value_parser = digest)]
    digest: Option<String>,

    /// How many rounds in a row have to pass [landfall.toml: smoke-test.passes] [default: 1]
    #[arg(long, env = "LANDFALL_SMOKE_PASSES", value_name = "N",
          value_parser = clap::value_parser!(u32).range(1..))]
    passes: Option<u32>,

    /// Between two rounds [landfall.toml: smoke-test.interval] [default: 2s]
    #[arg(long, env = "LANDFALL_SMOKE_INTERVAL", value_name = "TIME", value_parser = step_core::duration)]
    interval: Option<Duration>,

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

    /// Where to write the result as HTML
    #[arg(
        long,
        env = "LANDFALL_SMOKE_HTML",
        value_name = "FILE",
        default_value = ".landfall/smoke-test.html"
    )]
    html: PathBuf,

    /// Where to write the verdict on the image, signed when LANDFALL_VERDICT_KEY is set
    #[arg(long, env = "LANDFALL_VERDICT", value_name = "FILE", default_value = verdict::DEFAULT_FILE)]
    verdict: PathBuf,

    /// The key of the verdict; a variable only, for a flag would show in the process list.
    #[arg(long, env = "LANDFALL_VERDICT_KEY", hide = true, hide_env_values = true)]
    verdict_key: Option<Secret>,

    #[command(flatten)]
    common: Common,
}

const EXAMPLES: &str = "\
Examples:
  smoke-test --env dev                       the checks of smoke.toml against landfall.toml's url
  smoke-test --env dev --dry-run             what would be asked, without asking
  smoke-test --url http://localhost:8080 --timeout 30s --passes 3

A first smoke.toml:
  [[check]]
  name = \"the deployed revision serves\"
  path = \"/health\"
  revision = \"$.revision\"

  [[check]]
  name = \"orders are listed\"
  path = \"/orders\"
  headers = { Authorization = \"Bearer ${SMOKE_TOKEN}\" }
  json = { \"$[0].item\" = \"anchor\" }
  max_latency = \"500ms\"";

/// Everything that a run needs.
#[derive(Debug)]
pub struct Ctx {
    file: PathBuf,
    checks: Vec<Check>,
    env: Option<String>,
    base: Option<Url>,
    revision: Option<String>,
    digest: Option<String>,
    passes: u32,
    pace: Pace,
    deadline: Deadline,
    junit: PathBuf,
    html: PathBuf,
    verdict: PathBuf,
    key: Option<Key>,
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
        let deployment = deployment.filter(|deployment| is_of(deployment, &common));
        let config = Config::load(&common)?;
        let needs = if args.url.is_some() { Needs::Nothing } else { Needs::Environment };
        let environment = config.environment(&common, needs)?;
        let settings = &environment.smoke_test;
        let file = args.file.clone().or_else(|| settings.file.clone());
        let file = file.unwrap_or_else(|| PathBuf::from("smoke.toml"));
        let checks = checks::load(&file)?;
        let is_needed = checks.iter().any(Check::needs_base);
        let timeout = args.timeout.or(settings.timeout.map(|span| span.0));
        let interval = args.interval.or(settings.interval.map(|span| span.0));
        let interval = interval.unwrap_or(DEFAULT_INTERVAL);
        let deployed = || verdict::digest_of(&deployment.as_ref()?.image).map(str::to_owned);
        Ok(Self {
            base: args.base(&config, &environment, &common, is_needed)?,
            revision: args.revision(&checks, deployment.as_ref(), &common)?,
            digest: args.digest.clone().or_else(deployed),
            file,
            checks,
            env: common.environment().map(str::to_owned),
            passes: args.passes.or(settings.passes.map(|passes| passes.get().into())).unwrap_or(1),
            pace: Pace { early: interval, late: interval },
            deadline: Deadline::after(timeout.unwrap_or(DEFAULT_TIMEOUT)),
            junit: args.junit.clone(),
            html: args.html.clone(),
            verdict: args.verdict.clone(),
            key: args.verdict_key.as_ref().map(Key::new).transpose()?,
            dry_run: args.common.dry_run,
        })
    }
}

const DEFAULT_TIMEOUT: Duration = Duration::from_secs(2 * 60);
const DEFAULT_INTERVAL: Duration = Duration::from_secs(2);

/// Makes the checks until they pass or time is up.
///
/// # Errors
/// Something that no further round would mend; failed checks are no error but the verdict of the
/// report.
pub async fn run(ctx: &Ctx) -> anyhow::Result<Tested> {
    if !ctx.dry_run {
        forget_the_last_run(ctx)?;
    }
    program::prepare_hurl(&ctx.checks).await?;
    let planned = Tested::planned(ctx);
    if ctx.dry_run {
        return Ok(planned);
    }
    let start = Instant::now();
    let tested = ask(ctx, planned).await?;
    let time = now().to_string();
    // The result counts; that a file for people cannot be written must not hide it.
    let files = [
        junit::write(&ctx.junit, &tested, &ctx.file, start.elapsed()),
        html::write(&ctx.html, &tested, &time),
    ];
    for err in files.into_iter().filter_map(Result::err) {
        output::warn(format!("{err:#}"));
    }
    verdict_on(&tested, time).write(&ctx.verdict, ctx.key.as_ref())?;
    Ok(tested)
}

async fn ask(ctx: &Ctx, mut tested: Tested) -> anyhow::Result<Tested> {
    let mut rounds = Rounds::new(ctx)?;
    let mut progress = output::progress(ctx.file.display().to_string());
    let passed = poll(&ctx.deadline, ctx.pace, async || {
        // A round without any time left would only hide what the last one saw.
        if tested.rounds > 0 && ctx.deadline.has_passed() {
            return Ok(None);
        }
        tested.add_round(rounds.next().await?);
        progress.state(tested.standing());
        Ok(tested.has_passed().then_some(()))
    });
    passed.await?;
    Ok(tested)
}

/// A run that does not end leaves no result rather than that of an earlier one. Makes sure that one
/// can be written in the end, too.
fn forget_the_last_run(ctx: &Ctx) -> anyhow::Result<()> {
    handover::prepare()?;
    let files = [("verdict", &ctx.verdict), ("junit", &ctx.junit), ("html", &ctx.html)];
    files.into_iter().try_for_each(|(flag, path)| Ok(forget(flag, path)?))
}

fn forget(flag: &str, path: &Path) -> Result<(), Fail> {
    let shown = path.display();
    // A folder is not removed, and neither is `/dev/null`, which root could.
    let why = if std::fs::metadata(path).is_ok_and(|found| !found.is_file()) {
        "it is no file".to_owned()
    } else {
        match std::fs::remove_file(path) {
            Err(err) if err.kind() != std::io::ErrorKind::NotFound => err.to_string(),
            _ => return Ok(()),
        }
    };
    let message = format!("cannot replace {shown} of an earlier run: {why}");
    Err(Fail::invalid(message).help(format!("name a file that can be written with --{flag}")))
}

/// The verdict on what was tested, by the clock of this machine.
fn verdict_on(tested: &Tested, time: String) -> Verdict {
    let mut verdict = Verdict::new(time, tested.verdicts());
    verdict.digest.clone_from(&tested.digest);
    verdict.environment.clone_from(&tested.env);
    verdict.revision.clone_from(&tested.revision);
    verdict
}

/// To the second.
fn now() -> Timestamp {
    let now = Timestamp::now();
    now.round(Unit::Second).unwrap_or(now)
}

fn digest(text: &str) -> Result<String, String> {
    let form = "write it as sha256: and 64 hexadecimal digits, as push-ecr shows it";
    if verdict::is_digest(text) { Ok(text.to_owned()) } else { Err(form.to_owned()) }
}

/// Whether a deployment says something about the environment that is tested.
fn is_of(deployment: &Deployment, common: &Common) -> bool {
    let (here, there) = (common.environment(), deployment.env.as_deref());
    if let (Some(here), Some(there)) = (here, there)
        && here != there
    {
        output::say(format!("the last deployment was to {there}, not to {here}: ignored"));
        return false;
    }
    true
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

    /// Where the service runs, which has to be known when it `is_needed`.
    fn base(
        &self,
        config: &Config,
        environment: &Environment,
        common: &Common,
        is_needed: bool,
    ) -> anyhow::Result<Option<Url>> {
        let named = self.url.clone().or_else(|| environment.url.clone());
        let text = match named {
            Some(text) => Some(text),
            None => stack_url(config, environment, common)?,
        };
        let Some(text) = text.or_else(|| common.gitlab.environment_url.clone()) else {
            let help = "use --url, set `url` of the environment in landfall.toml, or give the stack an output `Url`";
            let unknown = Fail::invalid("the address of the service is not known").help(help);
            return if is_needed { Err(unknown.into()) } else { Ok(None) };
        };
        let url = Url::from_text(&text).and_then(|url| {
            let bare = url.query().is_none() && url.fragment().is_none();
            if bare { Ok(url) } else { Err("it ends with its path".to_owned()) }
        });
        Ok(Some(url.map_err(|why| {
            Fail::invalid(format!("`{text}` is not the address of a service: {why}"))
                .help("write it as https://HOST or https://HOST/PATH")
        })?))
    }

    /// The revision that has to run: the one that was named, else the deployed one, else, when a
    /// check compares it or a program is told it, the job's commit. What was deployed counts more
    /// than the commit, for a job may deploy an older image, or go back to one whose commit nobody knows.
    fn revision(
        &self,
        checks: &[Check],
        deployment: Option<&Deployment>,
        common: &Common,
    ) -> anyhow::Result<Option<String>> {
        let compares = checks.iter().find(|check| check.needs_revision());
        let is_used = compares.is_some() || checks.iter().any(Check::is_told);
        let deployed = || deployment?.revision.clone();
        let commit =
            || common.gitlab.commit_sha.clone().filter(|_| is_used && deployment.is_none());
        match (self.revision.clone().or_else(deployed).or_else(commit), compares) {
            (None, Some(check)) => {
                let message = format!(
                    "check `{}` needs the deployed revision, and none is known",
                    check.name
                );
                let help = "use --revision, or run deploy-fargate before this step";
                Err(Fail::invalid(message).help(help).into())
            }
            (revision, _) => Ok(revision),
        }
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
        let deployment = deployment.filter(|deployment| is_of(deployment, &common));
        let http = Box::new(checks::Http::from_lines("revision = '$.revision'"));
        let limit = Duration::from_secs(1);
        let kind = checks::Kind::Http(http);
        let check = Check { name: "version".to_owned(), limit, kind };
        let revision = args.revision(&[check], deployment.as_ref(), &common)?;
        Ok(revision.unwrap())
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
            (vec![job], None, "job"),
        ] {
            assert_eq!(revision(&args, deployment).unwrap(), expected, "{args:?}");
        }
    }

    #[test]
    fn a_check_of_an_unknown_revision_says_what_to_do() {
        let dev = || Some(deployment(Some("dev"), Some("deployed")));
        // An older image may have been deployed: the job's commit says nothing of it.
        let of_nobody_knows = Some(deployment(Some("prod"), None));
        let job = "--ci-commit-sha=job";
        for (args, deployment) in [
            (vec!["--env", "prod"], None),
            (vec!["--env", "prod"], dev()),
            (vec!["--env", "prod", job], of_nobody_knows),
        ] {
            let err = revision(&args, deployment).unwrap_err();
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
            let base = args.base(&Config::default(), &Environment::default(), &args.common, true);
            assert_eq!(base.is_ok(), is_right, "{url}: {base:?}");
        }
    }
}
