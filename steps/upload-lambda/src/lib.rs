//! Brings code and configuration into Lambda functions, and moves their aliases.
//!
//! With an alias, callers never get what is half written: configuration and code are written to what is
//! not published, a version is made of them and checked, and only then the alias moves, and back when the
//! version is bad.

mod apply;
mod calls;
mod canary;
mod check;
mod configuration;
mod deploy;
mod layers;
mod note;
mod observe;
mod pack;
mod plan;
mod report;
mod settings;
mod shift;
mod storage;
mod versions;

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream;
use landfall_toml::{Config, Environment, Needs};
use step_aws::{Aws, Guarded};
use step_core::poll::Deadline;
use step_core::{on_interrupt, output};

pub use configuration::Difference;
pub use plan::Change;
pub use report::{Delivered, Done, Functions, Outcome, Packed};
pub use settings::Args;

use calls::Quota;
use settings::{Command, Deploy, Pack, Prune, Rollback};

/// Does what the command line says.
///
/// # Errors
/// See the exit codes of [`step_core::Exit`]. What became of each function is in the report.
pub async fn run(args: &Args) -> anyhow::Result<Done> {
    let config = Config::load(&args.common)?;
    let environment = |needs| config.environment(&args.common, needs);
    let functions = match &args.command {
        Some(Command::Package(pack)) => {
            let environment = environment(Needs::Nothing)?;
            return package(pack, &environment, args.common.dry_run).await.map(Done::Packed);
        }
        None => deploy(args, &Deploy::of_variables()?, &environment(Needs::Environment)?).await,
        Some(Command::Deploy(options)) => {
            deploy(args, options, &environment(Needs::Environment)?).await
        }
        Some(Command::Rollback(options)) => {
            roll_back(args, options, &environment(Needs::Environment)?).await
        }
        Some(Command::Prune(options)) => {
            prune(args, options, &environment(Needs::Environment)?).await
        }
    };
    functions.map(Done::Functions)
}

/// Everything that a run in AWS needs.
#[derive(Debug)]
pub(crate) struct Ctx {
    aws: Aws,
    lambda: aws_sdk_lambda::Client,
    s3: aws_sdk_s3::Client,
    cloudwatch: aws_sdk_cloudwatch::Client,
    quota: Quota,
    s3_bucket: Option<String>,
    /// One upload through S3 at a time: functions may have the same code, and share its object.
    storing: tokio::sync::Mutex<()>,
    timeout: Duration,
    dry_run: bool,
    /// How often the error rate is looked at while an alias moves.
    look_each: Duration,
    /// What an interrupted run tells of its functions.
    advice: Mutex<BTreeMap<String, String>>,
}

impl Ctx {
    async fn connect(
        args: &Args,
        environment: &Environment,
        options: &Deploy,
    ) -> anyhow::Result<Self> {
        let aws = Aws::connect(&args.aws, environment, &args.common).await?;
        let settings = &environment.upload_lambda;
        // The emulator answers under one name; AWS under one for each bucket, or under this.
        let s3 = aws_sdk_s3::config::Builder::from(aws.config())
            .force_path_style(aws.config().endpoint_url().is_some())
            .build();
        Ok(Self {
            lambda: aws_sdk_lambda::Client::new(aws.config()),
            s3: aws_sdk_s3::Client::from_conf(s3),
            cloudwatch: aws_sdk_cloudwatch::Client::new(aws.config()),
            quota: Quota::new(),
            s3_bucket: options.s3_bucket(settings),
            storing: tokio::sync::Mutex::default(),
            timeout: options.timeout(settings),
            dry_run: args.common.dry_run,
            look_each: LOOK_EACH,
            advice: Mutex::default(),
            aws,
        })
    }

    /// When Lambda has to have settled after what is done next.
    fn deadline(&self) -> Deadline {
        Deadline::after(self.timeout)
    }

    /// Sets what is told of a function when the run is interrupted.
    fn advise(&self, function: &str, advice: String) {
        let mut all = self.advice.lock().unwrap_or_else(PoisonError::into_inner);
        all.insert(function.to_owned(), advice);
        on_interrupt(all.values().cloned().collect::<Vec<_>>().join("; "));
    }
}

const LOOK_EACH: Duration = Duration::from_secs(15);

/// How long the upload of a part, or of what goes into one request, may take.
pub(crate) const UPLOAD_LIMIT: Duration = Duration::from_secs(5 * 60);

/// How many functions are worked on at a time: packing needs processors, and Lambda has its quota.
const AT_A_TIME: usize = 8;

async fn deploy(
    args: &Args,
    options: &Deploy,
    environment: &Environment,
) -> anyhow::Result<Functions> {
    let mut desired = options.desired(environment, &args.common)?;
    let layers = settings::layers(&environment.upload_lambda, &desired)?;
    let ctx = Ctx::connect(args, environment, options).await?;
    let guarded = ctx.aws.guard().await?;
    on_interrupt("run the step again: what is done is not done twice");
    let layers = layers::deliver(&ctx, &guarded, &layers).await?;
    for one in &mut desired {
        one.configuration = layers::resolved(&one.configuration, &layers);
    }
    let results = of_each(&desired, async |one| {
        (one.function.clone(), deploy::deliver(&ctx, &guarded, one).await)
    });
    let report = Functions::new(layers, results.await);
    if !ctx.dry_run && report.has_succeeded() {
        // Whoever still has an old version of a layer can use it, but not attach it again.
        layers::prune(&ctx, &guarded, report.layers()).await;
    }
    Ok(report)
}

async fn roll_back(
    args: &Args,
    options: &Rollback,
    environment: &Environment,
) -> anyhow::Result<Functions> {
    let targets = options.targets(&environment.upload_lambda)?;
    let (ctx, guarded) = connected(args, environment).await?;
    let results = of_each(&targets, async |one| {
        (one.function.clone(), versions::roll_back(&ctx, &guarded, one, options.to).await)
    });
    Ok(Functions::new(Vec::new(), results.await))
}

async fn prune(
    args: &Args,
    options: &Prune,
    environment: &Environment,
) -> anyhow::Result<Functions> {
    let targets = options.targets(&environment.upload_lambda)?;
    let (ctx, guarded) = connected(args, environment).await?;
    let results = of_each(&targets, async |one| {
        let keep = one.keep.unwrap_or(usize::MAX);
        (one.function.clone(), versions::prune(&ctx, &guarded, &one.function, keep).await)
    });
    Ok(Functions::new(Vec::new(), results.await))
}

async fn package(
    options: &Pack,
    environment: &Environment,
    dry_run: bool,
) -> anyhow::Result<Packed> {
    let mut zips = Vec::new();
    for zip in options.zips(environment)? {
        let package = pack::pack(&zip.source, &zip.configuration, None, Some(&zip.to)).await?;
        if !dry_run {
            pack::save(&package, &zip.to)?;
        }
        zips.push(report::Zip {
            name: zip.name,
            file: zip.to,
            code_sha256: package.code_sha256().to_owned(),
            zipped: package.zipped(),
            unzipped: package.unzipped(),
            entries: package.entries().len(),
        });
    }
    Ok(Packed { zips, outcome: if dry_run { "planned" } else { "packed" } })
}

async fn connected(args: &Args, environment: &Environment) -> anyhow::Result<(Ctx, Guarded)> {
    let ctx = Ctx::connect(args, environment, &Deploy::default()).await?;
    let guarded = ctx.aws.guard().await?;
    Ok((ctx, guarded))
}

/// Works on some functions at a time. One that fails does not keep the others from their end.
async fn of_each<T, R>(items: &[T], work: impl AsyncFn(&T) -> R) -> Vec<R> {
    if items.len() > 1 {
        output::say(format!("{} functions", items.len()));
    }
    stream::iter(items).map(|item| work(item)).buffered(AT_A_TIME).collect().await
}
