//! IAM actions: what a README lists is what the sources call.

use std::collections::BTreeSet;

use anyhow::Context;
use regex::Regex;

/// The IAM actions that a source file calls: `.call("service:Action")`.
///
/// # Errors
/// None: the pattern is a constant.
pub fn actions_called(source: &str) -> anyhow::Result<BTreeSet<String>> {
    let call = Regex::new(r#"\.call\(\s*"([a-z0-9-]+:[A-Za-z]+)"\s*\)"#)?;
    Ok(call.captures_iter(source).map(|found| found[1].to_owned()).collect())
}

/// Problems of the section `## IAM actions` of a step whose sources call `called`.
///
/// # Errors
/// The pattern is a constant; the README has no such section.
pub fn actions_differ(
    step: &str,
    readme: &str,
    called: &BTreeSet<String>,
) -> anyhow::Result<Vec<String>> {
    let place = format!("steps/{step}/README.md");
    let (_, section) = readme
        .split_once("\n## IAM actions\n")
        .with_context(|| format!("{place}: add `## IAM actions`"))?;
    let section = section.split("\n## ").next().unwrap_or_default();
    let action = Regex::new(r"`([a-z0-9-]+:[A-Za-z]+)`")?;
    let listed: BTreeSet<String> =
        action.captures_iter(section).map(|found| found[1].to_owned()).collect();
    let beside: BTreeSet<String> = BESIDE_THE_CALLS
        .iter()
        .filter(|(of, _, _)| *of == step)
        .map(|(_, action, _)| (*action).to_owned())
        .collect();
    let needed: BTreeSet<String> = called.union(&beside).cloned().collect();
    let missing = needed.difference(&listed).map(|action| {
        format!("{place}: list `{action}` under `## IAM actions`, for the step needs it")
    });
    let idle = listed.difference(&needed).map(|action| {
        format!(
            "{place}: no source calls `{action}`: remove it from `## IAM actions`, or give the \
             reason in shared/repo/src/tidy/iam.rs"
        )
    });
    Ok(missing.chain(idle).collect())
}

/// Actions that a step needs although it does not call them itself, and who does.
const BESIDE_THE_CALLS: &[(&str, &str, &str)] = &[
    ("push-ecr", "ecr:BatchCheckLayerAvailability", "the engine, which pushes"),
    ("push-ecr", "ecr:InitiateLayerUpload", "the engine, which pushes"),
    ("push-ecr", "ecr:UploadLayerPart", "the engine, which pushes"),
    ("push-ecr", "ecr:CompleteLayerUpload", "the engine, which pushes"),
    ("push-ecr", "ecr:PutImage", "the engine, which pushes"),
    ("migrate-db", "rds-db:connect", "RDS, which checks the IAM token"),
    ("migrate-db", "kms:Decrypt", "Secrets Manager and SSM, where the key is the customer's"),
    ("deploy-stack", "iam:PassRole", "a template that gives a role to a task or a function"),
    ("deploy-fargate", "iam:PassRole", "RegisterTaskDefinition, for the roles of the tasks"),
    ("deploy-fargate", "ecs:TagResource", "RegisterTaskDefinition, as it carries the tags over"),
    ("deploy-fargate", "codedeploy:GetDeploymentConfig", "CreateDeployment"),
    ("deploy-fargate", "codedeploy:GetApplicationRevision", "CreateDeployment"),
    ("deploy-fargate", "codedeploy:RegisterApplicationRevision", "CreateDeployment"),
    ("upload-lambda", "iam:PassRole", "CreateFunction and UpdateFunctionConfiguration"),
    ("upload-lambda", "s3:ListBucket", "HeadObject, which else denies what is not there"),
];

#[cfg(test)]
mod tests {
    use super::*;

    fn called(actions: &[&str]) -> BTreeSet<String> {
        actions.iter().map(|action| (*action).to_owned()).collect()
    }

    #[test]
    fn calls_are_found_over_line_breaks_and_texts_that_are_none_are_not() {
        let source = "a.send().await.call(\"ecs:ListTasks\")?; b.call(\n    \"sts:GetCallerIdentity\")\n\
                      call(\"not:This\"); x.call(\"NoService\")";
        assert_eq!(
            actions_called(source).unwrap(),
            called(&["ecs:ListTasks", "sts:GetCallerIdentity"])
        );
    }

    #[test]
    fn an_action_that_is_missing_or_idle_is_named() {
        let readme =
            "# x\n\n## IAM actions\n\n`ecs:ListTasks`, `ecs:RunTask`\n\n## Other\n`s3:GetObject`\n";
        let problems =
            actions_differ("x", readme, &called(&["ecs:ListTasks", "logs:GetLogEvents"]));
        let problems = problems.unwrap();
        assert_eq!(problems.len(), 2, "{problems:?}");
        assert!(problems[0].contains("list `logs:GetLogEvents` under"), "{problems:?}");
        assert!(problems[1].contains("no source calls `ecs:RunTask`: remove it"), "{problems:?}");
        let none = actions_differ("x", readme, &called(&["ecs:ListTasks", "ecs:RunTask"])).unwrap();
        assert_eq!(none, [] as [&str; 0]);
    }

    #[test]
    fn what_others_call_for_the_step_has_to_be_listed_too() {
        let problems = actions_differ("push-ecr", "\n## IAM actions\n", &called(&[])).unwrap();
        assert_eq!(problems.len(), 5, "{problems:?}");
    }
}
