//! Layers that are published from here: when their content changed, and before the functions that name
//! them.

use std::collections::HashMap;

use aws_sdk_lambda::types::{Architecture, Runtime};
use lambda_package::Package;
use landfall_toml::LambdaLayer;
use serde::Serialize;
use step_aws::{Call, Guarded};
use step_core::{Fail, output};

use crate::Ctx;
use crate::calls::{self, Refusal, attempt};
use crate::configuration::Wanted;
use crate::pack;
use crate::plan::Change;
use crate::storage;

/// A layer, as this run leaves it.
#[derive(Debug, Serialize)]
pub(crate) struct Layer {
    /// Its name in landfall.toml.
    #[serde(skip)]
    pub(crate) key: String,
    /// Its name in AWS.
    pub(crate) layer: String,
    /// ARN of the version that functions get. In a dry run, what stands for a version that is not there.
    pub(crate) arn: String,
    pub(crate) changes: Vec<Change>,
    #[serde(skip)]
    keep: Option<usize>,
}

/// The newest version of a layer.
struct Newest {
    arn: String,
    code_sha256: String,
}

/// Publishes the layers whose content is another than that of their newest version.
///
/// # Errors
/// Exit 2: a layer has no source, or Lambda would not take it.
pub(crate) async fn deliver(
    ctx: &Ctx,
    guarded: &Guarded,
    layers: &[(String, LambdaLayer)],
) -> anyhow::Result<Vec<Layer>> {
    let mut delivered = Vec::new();
    for (key, settings) in layers {
        delivered.push(one(ctx, guarded, key, settings).await?);
    }
    Ok(delivered)
}

/// Lays the versions over the names by which functions name layers.
pub(crate) fn resolved(wanted: &Wanted, layers: &[Layer]) -> Wanted {
    let arns: HashMap<&str, &str> =
        layers.iter().map(|layer| (layer.key.as_str(), layer.arn.as_str())).collect();
    let arn = |name: &String| arns.get(name.as_str()).map_or(name.as_str(), |arn| arn).to_owned();
    let names = wanted.layers.as_ref();
    Wanted { layers: names.map(|names| names.iter().map(arn).collect()), ..wanted.clone() }
}

/// Deletes old versions of layers that have a new one. Functions that have them go on with them. What was
/// asked for is done: what cannot be deleted is told, and stays.
pub(crate) async fn prune(ctx: &Ctx, guarded: &Guarded, layers: &[Layer]) {
    for layer in layers.iter().filter(|layer| !layer.changes.is_empty()) {
        let Some(keep) = layer.keep else { continue };
        if let Err(err) = delete_all_but(ctx, guarded, &layer.layer, keep.max(1)).await {
            output::warn(format!("old versions of layer {} stay: {err:#}", layer.layer));
        }
    }
}

async fn delete_all_but(
    ctx: &Ctx,
    guarded: &Guarded,
    name: &str,
    keep: usize,
) -> anyhow::Result<()> {
    for version in versions(ctx, name).await?.into_iter().skip(keep) {
        delete(ctx, guarded, name, version).await?;
    }
    Ok(())
}

async fn one(
    ctx: &Ctx,
    guarded: &Guarded,
    key: &str,
    settings: &LambdaLayer,
) -> anyhow::Result<Layer> {
    let name = settings.name.clone().unwrap_or_else(|| key.to_owned());
    let source = settings.source.as_ref().ok_or_else(|| {
        Fail::invalid(format!("layer {key} has no source"))
            .help("name the folder whose content lies in /opt: source = \"layer\"")
    })?;
    let package = pack::pack(source, &Wanted::default(), None, None).await?;
    let newest = newest(ctx, &name).await?;
    let keep = settings.keep.map(usize::from);
    let layer =
        |arn, changes| Layer { key: key.to_owned(), layer: name.clone(), arn, changes, keep };
    if let Some(newest) =
        newest.as_ref().filter(|newest| newest.code_sha256 == package.code_sha256())
    {
        return Ok(layer(newest.arn.clone(), Vec::new()));
    }
    let change = Change::Layer {
        layer: name.clone(),
        from: newest.map(|newest| newest.code_sha256),
        to: package.code_sha256().to_owned(),
    };
    if ctx.dry_run {
        return Ok(layer(format!("{name} (the new version)"), vec![change]));
    }
    output::say(format!("  {change}"));
    let arn = publish(ctx, guarded, &name, settings, &package).await?;
    Ok(layer(arn, vec![change]))
}

/// A layer has no revision that could guard it. A version more than needed harms nobody, and the newest is
/// read first, so that it takes a lost answer to make one.
async fn publish(
    ctx: &Ctx,
    guarded: &Guarded,
    name: &str,
    settings: &LambdaLayer,
    package: &Package,
) -> anyhow::Result<String> {
    let upload = storage::upload(ctx, guarded, name, package).await?;
    let runtimes: Vec<Runtime> =
        settings.runtimes.iter().map(|runtime| Runtime::from(runtime.as_str())).collect();
    let architectures = settings.architectures.iter().map(|it| Architecture::from(it.as_str()));
    let architectures: Vec<Architecture> = architectures.collect();
    let answer = calls::repeated(ctx, async || {
        ctx.quota.turn().await;
        let call = ctx.lambda.publish_layer_version().layer_name(name);
        let call = call.content(storage::layer_content(&upload));
        let call = call.set_compatible_runtimes(Some(runtimes.clone()).filter(|it| !it.is_empty()));
        let architectures = Some(architectures.clone()).filter(|it| !it.is_empty());
        let call = call.set_compatible_architectures(architectures);
        call.send().await.call("lambda:PublishLayerVersion")
    })
    .await?;
    let arn = answer.layer_version_arn().unwrap_or_default().to_owned();
    output::say(format!("  layer {arn}"));
    Ok(arn)
}

async fn newest(ctx: &Ctx, name: &str) -> anyhow::Result<Option<Newest>> {
    let Some(version) = versions(ctx, name).await?.first().copied() else { return Ok(None) };
    calls::repeated(ctx, async || {
        ctx.quota.turn().await;
        let call = ctx.lambda.get_layer_version().layer_name(name).version_number(version);
        let answer = call.send().await.call("lambda:GetLayerVersion")?;
        let hash = answer.content().and_then(|content| content.code_sha256());
        Ok(Some(Newest {
            arn: answer.layer_version_arn().unwrap_or_default().to_owned(),
            code_sha256: hash.unwrap_or_default().to_owned(),
        }))
    })
    .await
}

/// The versions of a layer, the newest first; none where there is no such layer.
async fn versions(ctx: &Ctx, name: &str) -> anyhow::Result<Vec<i64>> {
    let mut versions = calls::listed(ctx, async |marker| {
        let call = ctx.lambda.list_layer_versions().layer_name(name).set_marker(marker);
        let attempt = attempt(call.send().await, |sent| sent.call("lambda:ListLayerVersions"));
        if attempt.refusal == Some(Refusal::Missing) {
            return Ok((Vec::new(), None));
        }
        let page = attempt.result?;
        let versions = page.layer_versions().iter().map(|version| version.version());
        Ok((versions.collect(), page.next_marker().map(str::to_owned)))
    })
    .await?;
    versions.sort_unstable_by(|a, b| b.cmp(a));
    Ok(versions)
}

async fn delete(ctx: &Ctx, _guarded: &Guarded, name: &str, version: i64) -> anyhow::Result<()> {
    calls::repeated(ctx, async || {
        ctx.quota.turn().await;
        let call = ctx.lambda.delete_layer_version().layer_name(name).version_number(version);
        call.send().await.call("lambda:DeleteLayerVersion")
    })
    .await?;
    output::say(format!("  layer {name}: version {version} deleted"));
    Ok(())
}
