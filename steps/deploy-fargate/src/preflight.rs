//! Whether all is there that a deployment needs, before anything is written. Only reads.

use std::fmt;

use futures_util::future::join_all;
use serde::Serialize;
use step_aws::Call;
use step_core::{Exit, Fail};

use crate::definition::Definition;
use crate::image::Reference;
use crate::observe::{self, Observed, Service};
use crate::{Ctx, Planned};

/// One thing that a deployment needs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Check {
    /// What was looked at.
    pub what: String,
    /// What was found.
    #[serde(flatten)]
    pub found: Found,
}

/// What a check found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case", tag = "found", content = "why")]
pub enum Found {
    /// It is there.
    Good,
    /// It cannot be told, for example because reading it is not allowed.
    Unknown(String),
    /// The deployment would fail.
    Bad(String),
}

impl fmt::Display for Check {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.found {
            Found::Good => write!(f, "ok       {}", self.what),
            Found::Unknown(why) => write!(f, "unknown  {}: {why}", self.what),
            Found::Bad(why) => write!(f, "missing  {}: {why}", self.what),
        }
    }
}

/// Looks at all that the units need.
pub(crate) async fn checks(ctx: &Ctx, planned: &[Planned]) -> Vec<Check> {
    let each = planned.iter().map(|planned| of_unit(ctx, planned));
    let mut checks: Vec<Check> =
        futures_util::future::join_all(each).await.into_iter().flatten().collect();
    // Services of one image need mostly the same.
    let mut seen = std::collections::HashSet::new();
    checks.retain(|check| seen.insert(check.to_string()));
    checks
}

/// Looks at all that the units need.
///
/// # Errors
/// Exit 2: something is missing; all that is missing is named.
pub(crate) async fn require(ctx: &Ctx, planned: &[Planned]) -> anyhow::Result<()> {
    let checks = checks(ctx, planned).await;
    checks.iter().for_each(|check| tracing::debug!("{check}"));
    verdict(&checks).map_err(anyhow::Error::from)
}

/// The error that these checks amount to.
pub(crate) fn verdict(checks: &[Check]) -> Result<(), Fail> {
    let bad = checks.iter().filter_map(|check| match &check.found {
        Found::Bad(why) => Some(format!("{}: {why}", check.what)),
        _ => None,
    });
    let bad: Vec<String> = bad.collect();
    if bad.is_empty() {
        return Ok(());
    }
    Err(Fail::invalid(bad.join("\n")).help("nothing was changed; mend this and run the step again"))
}

async fn of_unit(ctx: &Ctx, planned: &Planned) -> Vec<Check> {
    let definition = &planned.definition;
    let mut checks = Vec::new();
    for (_, image) in definition.images() {
        checks.push(of_image(ctx, definition, image).await);
    }
    for (field, arn) in definition.roles() {
        checks.push(Check { what: format!("{field} {arn}"), found: of_role(ctx, arn).await });
    }
    let secrets = definition.secrets().into_iter().map(async |secret| {
        let what = format!("secret {} of {}", secret.name, secret.container);
        Check { what, found: of_secret(ctx, secret.from).await }
    });
    checks.extend(join_all(secrets).await);
    for (_, log) in definition.logs() {
        if !log.creates_group {
            let found = of_log_group(ctx, log.region, log.group).await;
            checks.push(Check { what: format!("log group {}", log.group), found });
        }
    }
    if let Observed::Service(current) = &planned.observed {
        checks.extend(of_balancers(ctx, &current.service, definition).await);
    }
    checks
}

/// The image is there, for the processor of the task.
async fn of_image(ctx: &Ctx, definition: &Definition, image: &str) -> Check {
    let what = format!("image {image}");
    let reference = match Reference::parse(image) {
        Ok(reference) => reference,
        Err(fail) => return Check { what, found: Found::Bad(fail.to_string()) },
    };
    let Some(repository) = reference.ecr(ctx.settings.registry.as_deref()) else {
        return Check { what, found: Found::Unknown("it is not in ECR".into()) };
    };
    let found = match observe::find(ctx, &repository, &reference).await {
        Ok(found) => found,
        Err(err) => return Check { what, found: told(err) },
    };
    let wanted = definition.architecture();
    let found = match observe::architectures(ctx, &repository, &found).await {
        Ok(has) if has.iter().any(|one| one == wanted) => Found::Good,
        Ok(has) => {
            Found::Bad(format!("it is for {}, and the task is for {wanted}", has.join(", ")))
        }
        Err(err) => {
            Found::Unknown(format!("it is there, for a processor that cannot be told: {err:#}"))
        }
    };
    Check { what, found }
}

async fn of_role(ctx: &Ctx, arn: &str) -> Found {
    let name = arn.rsplit('/').next().unwrap_or(arn);
    let answer = ctx.iam.get_role().role_name(name).send().await;
    if let Err(err) = &answer
        && err.as_service_error().is_some_and(|err| err.is_no_such_entity_exception())
    {
        return Found::Bad("there is no such role".into());
    }
    answer.call("iam:GetRole").map_or_else(told, |_| Found::Good)
}

/// A secret of Secrets Manager by ARN (key, stage and version may follow), or a parameter of SSM by
/// name or ARN.
async fn of_secret(ctx: &Ctx, from: &str) -> Found {
    if from.contains(":secretsmanager:") {
        let arn: Vec<&str> = from.split(':').take(7).collect();
        let secrets = aws_sdk_secretsmanager::Client::new(&ctx.config_in(arn.get(3).copied()));
        let answer = secrets.describe_secret().secret_id(arn.join(":")).send().await;
        if let Err(err) = &answer
            && err.as_service_error().is_some_and(|err| err.is_resource_not_found_exception())
        {
            return Found::Bad(format!("there is no secret {from}"));
        }
        return answer.call("secretsmanager:DescribeSecret").map_or_else(told, |_| Found::Good);
    }
    // A secret parameter stays encrypted: only that it is there is asked.
    let region = from.starts_with("arn:").then(|| from.split(':').nth(3)).flatten();
    let parameters = aws_sdk_ssm::Client::new(&ctx.config_in(region));
    let answer = parameters.get_parameters().names(from).send().await;
    match answer.call("ssm:GetParameters") {
        Ok(answer) if answer.invalid_parameters().is_empty() => Found::Good,
        Ok(_) => Found::Bad(format!("there is no parameter {from}")),
        Err(err) => told(err),
    }
}

async fn of_log_group(ctx: &Ctx, region: Option<&str>, group: &str) -> Found {
    let call = ctx.logs_in(region).describe_log_groups().log_group_name_prefix(group);
    match call.send().await.call("logs:DescribeLogGroups") {
        Ok(answer) if answer.log_groups().iter().any(|one| one.log_group_name() == Some(group)) => {
            Found::Good
        }
        Ok(_) => Found::Bad("it is missing; make it, or set awslogs-create-group".into()),
        Err(err) => told(err),
    }
}

/// Each target group takes tasks by address, from a port that a container has.
async fn of_balancers(ctx: &Ctx, service: &Service, definition: &Definition) -> Vec<Check> {
    let mut checks = Vec::new();
    for (group, container, port) in service.load_balancers() {
        let what = format!("target group {} at {container}:{port}", short(group));
        let found = if definition.has_port(container, port) {
            of_target_group(ctx, group, definition).await
        } else {
            Found::Bad(format!("the task definition has no port {port} in a container {container}"))
        };
        checks.push(Check { what, found });
    }
    checks
}

async fn of_target_group(ctx: &Ctx, arn: &str, definition: &Definition) -> Found {
    let answer = ctx.balancers.describe_target_groups().target_group_arns(arn).send().await;
    if let Err(err) = &answer
        && err.as_service_error().is_some_and(|err| err.is_target_group_not_found_exception())
    {
        return Found::Bad("it is not there".into());
    }
    let answer = match answer.call("elasticloadbalancing:DescribeTargetGroups") {
        Ok(answer) => answer,
        Err(err) => return told(err),
    };
    let Some(group) = answer.target_groups().first() else {
        return Found::Bad("it is not there".into());
    };
    let kind = group.target_type().map(|kind| kind.as_str());
    match kind {
        Some(kind) if kind != "ip" && definition.network_mode() == Some("awsvpc") => Found::Bad(
            format!("its targets are of the type {kind}; tasks on Fargate need the type ip"),
        ),
        _ => Found::Good,
    }
}

/// What cannot be read is unknown; what says that it is wrong is bad.
fn told(err: anyhow::Error) -> Found {
    let is_bad = Fail::of(&err).is_some_and(|fail| fail.exit() == Exit::Invalid);
    let text = format!("{err:#}");
    if is_bad { Found::Bad(text) } else { Found::Unknown(text) }
}

/// `NAME` of `...:targetgroup/NAME/ID`.
fn short(group: &str) -> &str {
    group.split('/').nth(1).unwrap_or(group)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_that_is_missing_is_named_and_what_cannot_be_told_is_no_reason() {
        let check = |what: &str, found| Check { what: what.into(), found };
        let good = [check("a", Found::Good), check("b", Found::Unknown("denied".into()))];
        assert!(verdict(&good).is_ok());
        let bad =
            [check("c", Found::Bad("gone".into())), check("d", Found::Bad("gone, too".into()))];
        let err = verdict(&bad).unwrap_err();
        assert_eq!(err.exit(), Exit::Invalid);
        assert_eq!(err.to_string(), "c: gone\nd: gone, too");
        assert_eq!(bad[0].to_string(), "missing  c: gone");
        let json = serde_json::to_value(&bad[0]).unwrap();
        assert_eq!(json, serde_json::json!({ "what": "c", "found": "bad", "why": "gone" }));
    }
}
