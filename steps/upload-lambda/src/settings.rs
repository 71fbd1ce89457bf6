//! What a run is to do, out of flags, variables and landfall.toml.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context;
use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};
use landfall_toml::{Environment, LambdaFunction, LambdaLayer, UploadLambda, nearest};
use step_aws::AwsArgs;
use step_core::handover::{Handover, PushedImage};
use step_core::{Common, Fail};

use crate::canary::Canary;
use crate::check::Check;
use crate::configuration::Wanted;

/// Bring code and configuration into Lambda functions.
///
/// Packs a folder or a file into a zip whose bytes depend on the content alone, compares it and the
/// configuration with what Lambda has, and writes the difference. With an alias each upload becomes a
/// version; it is checked, and the alias moves to it, at once or bit by bit, and back when it is bad.
#[derive(Debug, Parser)]
#[command(name = "upload-lambda", version, after_long_help = EXAMPLES)]
pub struct Args {
    /// Without one it deploys.
    #[command(subcommand)]
    pub(crate) command: Option<Command>,

    #[command(flatten)]
    pub(crate) aws: AwsArgs,

    #[command(flatten)]
    pub(crate) common: Common,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Bring functions to what is desired; this is done when no command is named
    Deploy(Deploy),
    /// Write the zips, without AWS
    Package(Pack),
    /// Move aliases back to the versions before
    Rollback(Rollback),
    /// Delete old versions; never one that an alias uses
    Prune(Prune),
}

/// The options of `deploy`. They count for all functions of the run.
#[derive(Debug, Default, clap::Args)]
pub(crate) struct Deploy {
    /// The functions, as landfall.toml names them, or one as AWS does [default: all of landfall.toml]
    #[arg(value_name = "FUNCTION")]
    functions: Vec<String>,

    /// The code of the one function: a folder, or a file [landfall.toml: functions.NAME.source]
    #[arg(long, value_name = "PATH", conflicts_with = "image")]
    source: Option<PathBuf>,

    /// The code of the one function: HOST/NAME@sha256:..., or `pushed` for what push-ecr left
    /// [landfall.toml: functions.NAME.image]
    #[arg(long, value_name = "IMAGE", env = "LANDFALL_LAMBDA_IMAGE")]
    image: Option<String>,

    /// The alias that moves to the new version [landfall.toml: functions.NAME.alias]
    #[arg(long, value_name = "NAME", env = "LANDFALL_LAMBDA_ALIAS")]
    alias: Option<String>,

    /// How it moves: 10%@5m, 10%@5m,50%@10m, linear:10%@1m, or none
    /// [landfall.toml: functions.NAME.canary] [default: at once]
    #[arg(long, value_name = "STAGES", env = "LANDFALL_CANARY")]
    canary: Option<Canary>,

    /// Create a function that is missing [landfall.toml: functions.NAME.create]
    #[arg(long)]
    create: bool,

    /// The role of a function that is created [landfall.toml: functions.NAME.configuration.role]
    #[arg(long, value_name = "ARN")]
    execution_role: Option<String>,

    /// What the functions run on: x86_64 or arm64, for code that is built on this machine
    /// [landfall.toml: functions.NAME.configuration.architecture]
    #[arg(long, value_name = "NAME", env = "LANDFALL_LAMBDA_ARCHITECTURE", value_parser = ["x86_64", "arm64"])]
    architecture: Option<String>,

    /// Invoke the version with this JSON before the alias moves
    /// [landfall.toml: functions.NAME.check.payload]
    #[arg(long, value_name = "FILE")]
    check_payload: Option<PathBuf>,

    /// What the answer holds, for example '$.status=ok'; repeat it for more
    /// [landfall.toml: functions.NAME.check.expect]
    #[arg(long, value_name = "JSONPATH=VALUE", requires = "check_payload")]
    expect: Vec<String>,

    /// The share of failed invocations that is borne while the alias moves, for example 1%
    /// [landfall.toml: functions.NAME.check.error_rate]
    #[arg(long, value_name = "PERCENT")]
    error_rate: Option<String>,

    /// The bucket through which zips of more than 50 MB go [landfall.toml: upload-lambda.s3_bucket]
    #[arg(long, value_name = "NAME", env = "LANDFALL_LAMBDA_BUCKET")]
    s3_bucket: Option<String>,

    /// How long Lambda may take to settle after a write [landfall.toml: upload-lambda.timeout]
    /// [default: 5m]
    #[arg(long, value_name = "TIME", env = "LANDFALL_LAMBDA_TIMEOUT", value_parser = step_core::duration)]
    timeout: Option<Duration>,
}

impl Deploy {
    /// The options of a run that names no command: what the variables say.
    ///
    /// # Errors
    /// Exit 2: a variable has a value that it cannot have.
    pub(crate) fn of_variables() -> Result<Self, Fail> {
        #[derive(clap::Parser)]
        struct Alone {
            #[command(flatten)]
            deploy: Deploy,
        }
        let command = step_core::without_empty_variables(Alone::command());
        let matches = command.try_get_matches_from(["upload-lambda"]);
        match matches.and_then(|matches| Alone::from_arg_matches(&matches)) {
            Ok(alone) => Ok(alone.deploy),
            Err(err) => Err(Fail::invalid(err.to_string().trim().to_owned())
                .help("correct the variable, or name the option: `upload-lambda deploy --help`")),
        }
    }
}

/// The options of `package`.
#[derive(Debug, clap::Args)]
pub(crate) struct Pack {
    /// The functions, as landfall.toml names them [default: all that have a source]
    #[arg(value_name = "FUNCTION")]
    functions: Vec<String>,

    /// The code: a folder, or a file
    #[arg(long, value_name = "PATH", requires = "to", conflicts_with = "functions")]
    source: Option<PathBuf>,

    /// The zip to write [default: .landfall/NAME.zip]
    #[arg(long, value_name = "FILE")]
    to: Option<PathBuf>,

    /// What it runs on: x86_64 or arm64, for a custom runtime
    #[arg(long, value_name = "NAME", value_parser = ["x86_64", "arm64"], requires = "source")]
    architecture: Option<String>,

    /// The runtime, for example provided.al2023
    #[arg(long, value_name = "NAME", requires = "source")]
    runtime: Option<String>,
}

/// The options of `rollback`.
#[derive(Debug, clap::Args)]
pub(crate) struct Rollback {
    /// The functions, as landfall.toml names them, or one as AWS does [default: all of landfall.toml]
    #[arg(value_name = "FUNCTION")]
    functions: Vec<String>,

    /// The alias [landfall.toml: functions.NAME.alias]
    #[arg(long, value_name = "NAME", env = "LANDFALL_LAMBDA_ALIAS")]
    alias: Option<String>,

    /// The version [default: the one before, as the alias tells]
    #[arg(long, value_name = "N")]
    pub(crate) to: Option<u64>,
}

/// The options of `prune`.
#[derive(Debug, clap::Args)]
pub(crate) struct Prune {
    /// The functions, as landfall.toml names them, or one as AWS does [default: all of landfall.toml]
    #[arg(value_name = "FUNCTION")]
    functions: Vec<String>,

    /// How many versions are kept, besides those that aliases use [landfall.toml: functions.NAME.keep]
    #[arg(long, value_name = "N")]
    keep: Option<u16>,
}

const EXAMPLES: &str = "\
Examples:
  upload-lambda --env dev                      all functions of landfall.toml
  upload-lambda --env dev --dry-run            what would change
  upload-lambda deploy receipts --env prod --canary 10%@5m
  upload-lambda deploy receipts --source dist/bootstrap --alias live   without a landfall.toml
  upload-lambda package --env dev              the zips and their hashes, without AWS
  upload-lambda rollback receipts --env prod   the alias goes back to the version before
  upload-lambda prune --env prod --keep 5      old versions are deleted";

/// A function as it should be.
#[derive(Debug, Clone)]
pub(crate) struct Desired {
    /// The name by which it is chosen.
    pub(crate) key: String,
    /// The name in AWS.
    pub(crate) function: String,
    pub(crate) source: Source,
    pub(crate) alias: Option<String>,
    pub(crate) canary: Canary,
    pub(crate) create: bool,
    pub(crate) keep: Option<usize>,
    pub(crate) check: Check,
    pub(crate) configuration: Wanted,
    /// The commit that it is built from, for the description of the version.
    pub(crate) revision: Option<String>,
}

/// Where the code of a function is.
#[derive(Debug, Clone)]
pub(crate) enum Source {
    /// A folder or a file.
    Path(PathBuf),
    /// `HOST/NAME@sha256:...`
    Image(String),
}

/// A zip to write.
#[derive(Debug, Clone)]
pub(crate) struct Zip {
    pub(crate) name: String,
    pub(crate) source: PathBuf,
    pub(crate) to: PathBuf,
    pub(crate) configuration: Wanted,
}

/// A function whose versions are looked at.
#[derive(Debug, Clone)]
pub(crate) struct Target {
    pub(crate) key: String,
    pub(crate) function: String,
    pub(crate) alias: Option<String>,
    pub(crate) keep: Option<usize>,
}

impl Deploy {
    /// The functions that the run is about.
    ///
    /// # Errors
    /// Exit 2: a function is not known, has no code, or one of its settings cannot be understood.
    pub(crate) fn desired(
        &self,
        environment: &Environment,
        common: &Common,
    ) -> anyhow::Result<Vec<Desired>> {
        let settings = &environment.upload_lambda;
        let is_described = self.source.is_some() || self.image.is_some();
        let chosen = choose(settings, &self.functions, is_described)?;
        if is_described && chosen.len() != 1 {
            return Err(Fail::invalid("--source and --image are the code of one function")
                .help("name the function: upload-lambda deploy NAME --source PATH")
                .into());
        }
        chosen.into_iter().map(|(key, one)| self.one(key, one, common)).collect()
    }

    fn one(&self, key: String, it: LambdaFunction, common: &Common) -> anyhow::Result<Desired> {
        let wrong = |fail: Fail| {
            let help = fail.help_text().unwrap_or("correct it in landfall.toml").to_owned();
            Fail::invalid(format!("function {key}: {fail}")).help(help)
        };
        let source = self.source(&it, common).with_context(|| format!("function {key}"));
        let (source, pushed) = source?;
        let alias = self.alias.clone().or_else(|| it.alias.clone());
        let canary = match (&self.canary, &it.canary) {
            (Some(canary), _) => canary.clone(),
            (None, Some(text)) => text
                .parse()
                .map_err(|why| wrong(Fail::invalid(format!("canary = \"{text}\": {why}"))))?,
            (None, None) => Canary::default(),
        };
        if !canary.is_at_once() && alias.is_none() {
            return Err(wrong(
                Fail::invalid("there is a canary, but no alias that could move")
                    .help("name it with `alias`, or --alias"),
            )
            .into());
        }
        let mut check = it.check.clone();
        if let Some(payload) = &self.check_payload {
            check.payload = Some(payload.clone());
            check.expect.clone_from(&self.expect);
        }
        check.error_rate = self.error_rate.clone().or(check.error_rate);
        let check = Check::new(&check).map_err(wrong)?;
        if !check.is_empty() && alias.is_none() {
            return Err(wrong(
                Fail::invalid("there is a check, but no alias that a bad version would not get")
                    .help("name it with `alias`, or --alias, or leave the check"),
            )
            .into());
        }
        // Who says `none` knows that nothing is measured.
        let is_canary_named = self.canary.is_some() || it.canary.is_some();
        if check.error_rate().is_some() && !is_canary_named {
            return Err(wrong(
                Fail::invalid("there is an error rate, but no canary while which it is measured")
                    .help(
                        "say how the alias moves with `canary`, or --canary, or leave error_rate",
                    ),
            )
            .into());
        }
        let mut configuration = Wanted::new(&it.configuration).map_err(wrong)?;
        configuration.role = self.execution_role.clone().or(configuration.role);
        configuration.architecture = self.architecture.clone().or(configuration.architecture);
        Ok(Desired {
            function: it.name.clone().unwrap_or_else(|| key.clone()),
            source,
            alias,
            canary,
            create: self.create || it.create.unwrap_or(false),
            keep: it.keep.map(usize::from),
            check,
            configuration,
            revision: pushed.or_else(|| common.gitlab.commit_sha.clone()),
            key,
        })
    }

    /// Where the code is, and the commit that it was built from, where that is known.
    fn source(
        &self,
        it: &LambdaFunction,
        common: &Common,
    ) -> anyhow::Result<(Source, Option<String>)> {
        let (path, image) = match (&self.source, &self.image) {
            (None, None) => (it.source.clone(), it.image.clone()),
            (path, image) => (path.clone(), image.clone()),
        };
        let fail = match (path, image) {
            (Some(path), None) if path.exists() => return Ok((Source::Path(path), None)),
            (Some(path), None) => Fail::invalid(format!("there is no {}", path.display()))
                .help("build it first, or mend the path"),
            (None, Some(image)) if image == "pushed" => {
                let pushed = PushedImage::receive()?.ok_or_else(|| {
                    Fail::invalid("no image was pushed").help("run push-ecr before")
                })?;
                pushed.warn_of_another_environment(common.environment());
                return Ok((Source::Image(pushed.image), pushed.revision));
            }
            (None, Some(image)) if is_pinned(&image) => return Ok((Source::Image(image), None)),
            (None, Some(image)) => Fail::invalid(format!("{image} is not pinned by digest"))
                .help("a tag can mean another image tomorrow; write HOST/NAME@sha256:..."),
            (Some(_), Some(_)) => {
                Fail::invalid("it has a source and an image").help("leave one of the two")
            }
            (None, None) => Fail::invalid("it is not said where its code is")
                .help("name it with `source` or `image` in landfall.toml, or with --source"),
        };
        Err(fail.into())
    }

    pub(crate) fn s3_bucket(&self, settings: &UploadLambda) -> Option<String> {
        self.s3_bucket.clone().or_else(|| settings.s3_bucket.clone())
    }

    pub(crate) fn timeout(&self, settings: &UploadLambda) -> Duration {
        self.timeout.or(settings.timeout.map(|span| span.0)).unwrap_or(DEFAULT_TIMEOUT)
    }
}

/// What Lambda takes is seconds; the snapshot of SnapStart takes minutes.
pub(crate) const DEFAULT_TIMEOUT: Duration = Duration::from_secs(5 * 60);

impl Pack {
    /// The zips that are to be written.
    ///
    /// # Errors
    /// Exit 2: a function is not known or has no source.
    pub(crate) fn zips(&self, environment: &Environment) -> anyhow::Result<Vec<Zip>> {
        if let (Some(source), Some(to)) = (&self.source, &self.to) {
            let configuration = Wanted {
                architecture: self.architecture.clone(),
                runtime: self.runtime.clone(),
                ..Wanted::default()
            };
            let name = to.display().to_string();
            return Ok(vec![Zip { name, source: source.clone(), to: to.clone(), configuration }]);
        }
        let chosen = choose(&environment.upload_lambda, &self.functions, false)?;
        let zip = |(key, it): (String, LambdaFunction)| {
            let Some(source) = it.source.clone() else {
                return self.functions.contains(&key).then(|| {
                    Err(Fail::invalid(format!("function {key} has no source"))
                        .help("an image is built by build-image")
                        .into())
                });
            };
            let to = self.to.clone().unwrap_or_else(|| format!(".landfall/{key}.zip").into());
            Some(Wanted::new(&it.configuration).map_err(Into::into).map(|configuration| Zip {
                name: key,
                source,
                to,
                configuration,
            }))
        };
        let zips: Vec<Zip> = chosen.into_iter().filter_map(zip).collect::<anyhow::Result<_>>()?;
        if self.to.is_some() && zips.len() > 1 {
            return Err(Fail::invalid("--to names one file, and there are several functions")
                .help("name one of them")
                .into());
        }
        Ok(zips)
    }
}

impl Rollback {
    /// The functions whose aliases go back.
    ///
    /// # Errors
    /// Exit 2: a function is not known or has no alias.
    pub(crate) fn targets(&self, settings: &UploadLambda) -> anyhow::Result<Vec<Target>> {
        let targets = targets(settings, &self.functions, self.alias.as_ref(), None)?;
        if let Some(lacking) = targets.iter().find(|target| target.alias.is_none()) {
            let message = format!("function {} has no alias that could go back", lacking.key);
            return Err(Fail::invalid(message).help("name it with --alias").into());
        }
        if self.to.is_some() && targets.len() > 1 {
            return Err(Fail::invalid("--to names a version of one function")
                .help("name the function")
                .into());
        }
        Ok(targets)
    }
}

impl Prune {
    /// The functions whose versions are deleted.
    ///
    /// # Errors
    /// Exit 2: a function is not known, or it is not said how many versions are kept.
    pub(crate) fn targets(&self, settings: &UploadLambda) -> anyhow::Result<Vec<Target>> {
        let targets = targets(settings, &self.functions, None, self.keep)?;
        if let Some(lacking) = targets.iter().find(|target| target.keep.is_none()) {
            let message = format!("it is not said how many versions of {} are kept", lacking.key);
            return Err(Fail::invalid(message)
                .help("set `keep` of the function in landfall.toml, or --keep")
                .into());
        }
        Ok(targets)
    }
}

/// The layers of landfall.toml that functions name.
///
/// # Errors
/// Exit 2: a layer is not known, or has no source.
pub(crate) fn layers(
    settings: &UploadLambda,
    functions: &[Desired],
) -> anyhow::Result<Vec<(String, LambdaLayer)>> {
    let mut layers: Vec<(String, LambdaLayer)> = Vec::new();
    let named = functions.iter().flat_map(|one| one.configuration.layers.iter().flatten());
    for name in named.filter(|name| !is_arn(name)) {
        if layers.iter().any(|(known, _)| known == name) {
            continue;
        }
        let layer = settings.layers.get(name).ok_or_else(|| {
            Fail::invalid(format!("there is no layer `{name}` in landfall.toml")).help(
                "describe it in [defaults.upload-lambda.layers.NAME], or write the ARN of a version",
            )
        })?;
        layers.push((name.clone(), layer.clone()));
    }
    Ok(layers)
}

/// Whether a layer is named by its ARN: it is not published from here.
pub(crate) fn is_arn(layer: &str) -> bool {
    layer.starts_with("arn:")
}

fn targets(
    settings: &UploadLambda,
    names: &[String],
    alias: Option<&String>,
    keep: Option<u16>,
) -> anyhow::Result<Vec<Target>> {
    let chosen = choose(settings, names, true)?.into_iter();
    Ok(chosen
        .map(|(key, it)| Target {
            function: it.name.clone().unwrap_or_else(|| key.clone()),
            alias: alias.cloned().or(it.alias),
            keep: keep.or(it.keep).map(usize::from),
            key,
        })
        .collect())
}

/// The functions that were named, else all of landfall.toml. One that landfall.toml does not know is
/// described by flags alone, if `unknown_too`.
fn choose(
    settings: &UploadLambda,
    names: &[String],
    unknown_too: bool,
) -> anyhow::Result<Vec<(String, LambdaFunction)>> {
    let known = &settings.functions;
    if names.is_empty() {
        if known.is_empty() {
            return Err(Fail::invalid("no function is named")
                .help("describe functions in [defaults.upload-lambda.functions.NAME] of landfall.toml, or name one")
                .into());
        }
        return Ok(known.iter().map(|(key, one)| (key.clone(), one.clone())).collect());
    }
    let one = |name: &String| match known.get(name) {
        Some(one) => Ok((name.clone(), one.clone())),
        None if unknown_too && known.is_empty() => Ok((name.clone(), LambdaFunction::default())),
        None => {
            let near = nearest(name, known.keys().map(String::as_str));
            let near = near.map_or_else(String::new, |near| format!(" (did you mean {near}?)"));
            let names: Vec<&str> = known.keys().map(String::as_str).collect();
            let has = match names.as_slice() {
                [] => "describe it in [defaults.upload-lambda.functions.NAME]".to_owned(),
                names => format!("it has: {}", names.join(", ")),
            };
            Err(Fail::invalid(format!("landfall.toml has no function `{name}`{near}"))
                .help(has)
                .into())
        }
    };
    let mut unique: Vec<&String> = Vec::new();
    for name in names {
        if !unique.contains(&name) {
            unique.push(name);
        }
    }
    unique.into_iter().map(one).collect()
}

/// Whether a reference ends with a whole digest.
fn is_pinned(image: &str) -> bool {
    let is_hex = |c: char| c.is_ascii_digit() || ('a'..='f').contains(&c);
    image.rsplit_once("@sha256:").is_some_and(|(name, digest)| {
        !name.is_empty() && digest.len() == 64 && digest.chars().all(is_hex)
    })
}
