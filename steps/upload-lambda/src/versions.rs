//! What becomes of old versions: an alias goes back to one, or they are deleted.

use std::collections::BTreeSet;

use aws_sdk_lambda::types::AliasConfiguration;
use step_aws::{Call, Guarded};
use step_core::{Exit, Fail, output};

use crate::Ctx;
use crate::calls::{self, Patience, Refusal, attempt};
use crate::note;
use crate::observe::{self, Alias, State};
use crate::plan::Change;
use crate::report::{Delivered, Outcome};
use crate::settings::Target;
use crate::shift::{self, Place};

/// Moves the alias of a function back.
///
/// # Errors
/// Exit 2: there is no version to go back to. Exit 7: another run moved the alias.
pub(crate) async fn roll_back(
    ctx: &Ctx,
    guarded: &Guarded,
    target: &Target,
    to: Option<u64>,
) -> anyhow::Result<Delivered> {
    let function = &target.function;
    let name = target.alias.as_deref().unwrap_or_default();
    let alias = observe::alias(ctx, function, name).await?.ok_or_else(|| {
        Fail::invalid(format!("there is no alias {name} of a function {function}"))
            .help("mend the names")
    })?;
    let mut report = Delivered::new(function, Some(name));
    report.version = Some(alias.version.clone());
    let Some(to) = version_to_go_back_to(function, &alias, to)? else {
        return Ok(report.ended(Outcome::Unchanged));
    };
    let version = observe::function(ctx, function, Some(&to)).await?;
    let version = version.ok_or_else(|| {
        Fail::invalid(format!("version {to} of {function} is not there any more"))
            .help("choose another with --to; the versions are listed by AWS, or deploy again")
    })?;
    if let State::Failed(why) = &version.state {
        let message = format!("version {to} of {function} cannot be invoked: {why}");
        return Err(Fail::new(Exit::Failed, message).help("choose another with --to").into());
    }
    report.changes.push(Change::Alias {
        alias: name.to_owned(),
        from: Some(alias.version.clone()),
        to: Some(to.clone()),
        how: "at once".to_owned(),
    });
    if ctx.dry_run {
        return Ok(report.ended(Outcome::Planned));
    }
    report.changes.iter().for_each(|change| output::say(format!("  {function}: {change}")));
    let description = note::with_rollback(&alias.description, &left(&alias, &to));
    let place = Place { version: to.clone(), second: None, description };
    shift::point(ctx, guarded, function, &alias, &place).await?;
    report.previous = report.version.replace(to);
    Ok(report.ended(Outcome::Returned))
}

/// Deletes the versions of a function that nobody uses, but for the newest.
///
/// # Errors
/// Exit 2: there is no such function.
pub(crate) async fn prune(
    ctx: &Ctx,
    guarded: &Guarded,
    function: &str,
    keep: usize,
) -> anyhow::Result<Delivered> {
    let mut report = Delivered::new(function, None);
    let versions = list(ctx, function).await?;
    let used = used(ctx, function).await?;
    let old = to_delete(&versions, &used, keep);
    report.changes =
        old.iter().map(|version| Change::Delete { version: version.clone() }).collect();
    if old.is_empty() {
        return Ok(report.ended(Outcome::Unchanged));
    }
    if ctx.dry_run {
        return Ok(report.ended(Outcome::Planned));
    }
    for version in &old {
        delete(ctx, guarded, function, version).await?;
    }
    Ok(report.ended(Outcome::Pruned))
}

/// The version to go back to; nothing when the alias is back already.
fn version_to_go_back_to(
    function: &str,
    alias: &Alias,
    to: Option<u64>,
) -> Result<Option<String>, Fail> {
    if let Some(to) = to {
        let to = to.to_string();
        return Ok(Some(to).filter(|to| *to != alias.version || !alias.weights.is_empty()));
    }
    if !alias.weights.is_empty() {
        // It is on the move, and still has the version from which it began.
        return Ok(Some(alias.version.clone()));
    }
    if note::rolled_back(&alias.description).is_some() {
        return Ok(None);
    }
    let previous = note::previous(&alias.description);
    let previous = previous.filter(|previous| *previous != alias.version).map(str::to_owned);
    previous.map(Some).ok_or_else(|| {
        let message = format!(
            "the alias {} of {function} does not tell which version it had before",
            alias.name
        );
        Fail::invalid(message).help(format!("it has {}; choose one with --to N", alias.version))
    })
}

/// The version that an alias leaves when it goes to another.
fn left(alias: &Alias, to: &str) -> String {
    let second = alias.weights.keys().next();
    second.filter(|_| alias.version == to).unwrap_or(&alias.version).clone()
}

/// All but the newest, and those that are used. Pure.
fn to_delete(versions: &[u64], used: &BTreeSet<String>, keep: usize) -> Vec<String> {
    let mut versions = versions.to_vec();
    versions.sort_unstable_by(|a, b| b.cmp(a));
    let old = versions.into_iter().skip(keep).map(|version| version.to_string());
    let mut old: Vec<String> = old.filter(|version| !used.contains(version)).collect();
    old.reverse();
    old
}

/// The numbers of all versions.
async fn list(ctx: &Ctx, function: &str) -> anyhow::Result<Vec<u64>> {
    calls::listed(ctx, async |marker| {
        let call = ctx.lambda.list_versions_by_function().function_name(function);
        let sent = call.set_marker(marker).send().await;
        let attempt = attempt(sent, |sent| sent.call("lambda:ListVersionsByFunction"));
        if attempt.refusal == Some(Refusal::Missing) {
            return Err(observe::missing(function, None).into());
        }
        let page = attempt.result?;
        // That which is not published has no number.
        let number = |text: &str| text.parse::<u64>().ok();
        let numbers = page.versions().iter().filter_map(|one| number(one.version()?));
        Ok((numbers.collect(), page.next_marker().map(str::to_owned)))
    })
    .await
}

/// The versions that aliases use, and those that they would go back to.
async fn used(ctx: &Ctx, function: &str) -> anyhow::Result<BTreeSet<String>> {
    let used = calls::listed(ctx, async |marker| {
        let call = ctx.lambda.list_aliases().function_name(function).set_marker(marker);
        let page = call.send().await.call("lambda:ListAliases")?;
        let used = page.aliases().iter().flat_map(used_by).collect();
        Ok((used, page.next_marker().map(str::to_owned)))
    });
    Ok(used.await?.into_iter().collect())
}

fn used_by(alias: &AliasConfiguration) -> Vec<String> {
    let weights = alias.routing_config().and_then(|it| it.additional_version_weights());
    let second = weights.into_iter().flat_map(|weights| weights.keys().cloned());
    let previous = alias.description().and_then(note::previous).map(str::to_owned);
    alias.function_version().map(str::to_owned).into_iter().chain(second).chain(previous).collect()
}

async fn delete(
    ctx: &Ctx,
    _guarded: &Guarded,
    function: &str,
    version: &str,
) -> anyhow::Result<()> {
    let mut patience = Patience::new(ctx);
    loop {
        ctx.quota.turn().await;
        // Without a qualifier it would be the function that is deleted.
        let call = ctx.lambda.delete_function().function_name(function).qualifier(version);
        let attempt = attempt(call.send().await, |sent| sent.call("lambda:DeleteFunction"));
        match (attempt.refusal, attempt.result) {
            (_, Ok(_)) | (Some(Refusal::Missing), _) => break,
            (Some(Refusal::Conflict), Err(err)) => {
                // An alias moved to it since it was looked.
                output::warn(format!("version {version} of {function} stays: {err:#}"));
                return Ok(());
            }
            (_, Err(err)) if Fail::of(&err).is_some_and(Fail::is_transient) => {
                patience.pause(err).await?;
            }
            (_, Err(err)) => return Err(err),
        }
    }
    output::say(format!("  {function}: version {version} deleted"));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn alias(version: &str, second: Option<&str>, description: &str) -> Alias {
        Alias {
            name: "live".into(),
            version: version.into(),
            weights: second.map(|second| (second.to_owned(), 0.1)).into_iter().collect(),
            description: description.into(),
            revision: String::new(),
        }
    }

    #[test]
    fn versions_that_are_used_are_never_deleted() {
        let used = ["1", "3"].map(str::to_owned).into();
        assert_eq!(to_delete(&[2, 10, 1, 3, 9, 4], &used, 2), ["2", "4"]);
        assert_eq!(to_delete(&[1, 2, 3], &used, 0), ["2"]);
        assert_eq!(to_delete(&[1, 2, 3], &used, 5), [] as [&str; 0]);
    }

    #[test]
    fn an_alias_goes_back_to_what_it_had_before_and_once_only() {
        let back = |alias: &Alias, to| version_to_go_back_to("f", alias, to).unwrap();
        let moved = alias("7", None, "[previous version: 5]");
        assert_eq!(back(&moved, None).as_deref(), Some("5"));
        assert_eq!(back(&moved, Some(3)).as_deref(), Some("3"));
        assert_eq!(back(&moved, Some(7)), None);
        assert_eq!(back(&alias("5", None, "[rolled back from version: 7]"), None), None);
        assert_eq!(back(&alias("5", Some("7"), ""), None).as_deref(), Some("5"));
        assert_eq!(left(&alias("5", Some("7"), ""), "5"), "7");
        let err = version_to_go_back_to("f", &alias("7", None, ""), None).unwrap_err();
        assert_eq!(err.help_text(), Some("it has 7; choose one with --to N"));
    }
}
