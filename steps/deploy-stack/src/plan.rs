//! What has to change, told from the template and the stack alone. No I/O.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

use aws_sdk_cloudformation::types::{ChangeSetType, StackStatus};
use serde::Serialize;
use step_core::{Exit, Fail};

use crate::observe::{Stack, Template};

/// The stack as it should be.
#[derive(Debug, Clone, Default)]
pub struct Desired {
    pub(crate) stack: String,
    pub(crate) template_path: PathBuf,
    pub(crate) template_body: String,
    pub(crate) parameters: BTreeMap<String, String>,
    pub(crate) tags: BTreeMap<String, String>,
    pub(crate) capabilities: Vec<String>,
}

/// A difference between the stack and what is desired.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case", tag = "change")]
pub enum Change {
    /// There is no such stack yet.
    Create,
    /// The template's text differs.
    Template,
    /// A parameter gets another value.
    Parameter {
        /// Its name.
        key: String,
        /// Its value in the stack, if it has one.
        from: Option<String>,
        /// Its value to be.
        to: String,
    },
    /// A tag gets another value, or is removed.
    Tag {
        /// Its key.
        key: String,
        /// Its value in the stack.
        from: Option<String>,
        /// Its value to be.
        to: Option<String>,
    },
    /// Only CloudFormation can tell whether something changes.
    Undecided {
        /// Why it cannot be told from here.
        because: String,
    },
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fn shown(value: Option<&String>) -> &str {
            value.map_or("(none)", String::as_str)
        }
        match self {
            Change::Create => write!(f, "create the stack"),
            Change::Template => write!(f, "update the template"),
            Change::Parameter { key, from, to } => {
                write!(f, "parameter {key}: {} -> {to}", shown(from.as_ref()))
            }
            Change::Tag { key, from, to } => {
                write!(f, "tag {key}: {} -> {}", shown(from.as_ref()), shown(to.as_ref()))
            }
            Change::Undecided { because } => write!(f, "ask CloudFormation: {because}"),
        }
    }
}

/// The change set to make. Nothing is to be done when `changes` is empty.
#[derive(Debug, Clone)]
pub(crate) struct Plan {
    pub(crate) kind: ChangeSetType,
    pub(crate) changes: Vec<Change>,
    /// Every parameter of the template that is set; `None` keeps the stack's value.
    pub(crate) parameters: BTreeMap<String, Option<String>>,
}

/// Compares the stack with what is desired.
///
/// # Errors
/// Exit 2: parameters or capabilities are missing, or unknown to the template. Exit 1: the stack
/// is in a state that no change set can leave.
pub(crate) fn plan(
    desired: &Desired,
    template: &Template,
    current: Option<&Stack>,
) -> anyhow::Result<Plan> {
    if let Some(stack) = current {
        refuse_dead_end(desired, stack)?;
    }
    let parameters = parameters(desired, template, current)?;
    check_capabilities(desired, template)?;
    let (kind, changes) = match current {
        None => (ChangeSetType::Create, vec![Change::Create]),
        Some(stack) => (ChangeSetType::Update, differences(desired, template, stack)),
    };
    Ok(Plan { kind, changes, parameters })
}

fn differences(desired: &Desired, template: &Template, stack: &Stack) -> Vec<Change> {
    let mut changes = Vec::new();
    if desired.template_body.trim_end() != stack.template_body.trim_end() {
        changes.push(Change::Template);
    }
    let late = |reason: &str| Change::Undecided { because: reason.to_owned() };
    for declared in &template.parameters {
        let key = &declared.key;
        let from = stack.parameters.get(key);
        match desired.parameters.get(key) {
            // CloudFormation shows such a value as asterisks, to us as well.
            Some(_) if declared.no_echo => changes.push(late(&format!("{key} is hidden (NoEcho)"))),
            Some(to) if from != Some(to) && !declared.is_resolved_late => {
                changes.push(Change::Parameter {
                    key: key.clone(),
                    from: from.cloned(),
                    to: to.clone(),
                });
            }
            _ if declared.is_resolved_late => {
                changes.push(late(&format!("{key} is read from the SSM parameter store")));
            }
            _ => {}
        }
    }
    let tag_keys = desired.tags.keys().chain(stack.tags.keys());
    for key in tag_keys.collect::<std::collections::BTreeSet<_>>() {
        let (from, to) = (stack.tags.get(key), desired.tags.get(key));
        if from != to {
            changes.push(Change::Tag { key: key.clone(), from: from.cloned(), to: to.cloned() });
        }
    }
    if template.has_transforms {
        changes.push(late("the template has transforms"));
    }
    changes
}

/// Each parameter of the template: the desired value, or the one that the stack has. One that has
/// a default and is new or unset is left out, for `UsePreviousValue` would be refused for it.
fn parameters(
    desired: &Desired,
    template: &Template,
    current: Option<&Stack>,
) -> anyhow::Result<BTreeMap<String, Option<String>>> {
    let declared = |key: &String| template.parameters.iter().any(|p| p.key == *key);
    let unknown: Vec<&String> = desired.parameters.keys().filter(|key| !declared(key)).collect();
    if let Some(key) = unknown.first() {
        let path = desired.template_path.display();
        let known: Vec<&str> = template.parameters.iter().map(|p| p.key.as_str()).collect();
        let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
        return Err(Fail::invalid(format!("{path} has no parameter `{key}`"))
            .help(format!("it has: {known}"))
            .into());
    }
    let mut parameters = BTreeMap::new();
    let mut missing = Vec::new();
    for declared in &template.parameters {
        let previous = current.is_some_and(|stack| stack.parameters.contains_key(&declared.key));
        match desired.parameters.get(&declared.key) {
            Some(value) => _ = parameters.insert(declared.key.clone(), Some(value.clone())),
            None if previous => _ = parameters.insert(declared.key.clone(), None),
            None if declared.has_default => {}
            None => missing.push(declared.key.as_str()),
        }
    }
    if missing.is_empty() {
        return Ok(parameters);
    }
    Err(Fail::invalid(format!("no value for the parameter {}", missing.join(", ")))
        .help("set it in [env.NAME.deploy-stack.parameters] of landfall.toml or with -p KEY=VALUE")
        .into())
}

fn check_capabilities(desired: &Desired, template: &Template) -> Result<(), Fail> {
    let granted = |needed: &&String| {
        desired.capabilities.contains(needed)
            // The named form includes the plain one.
            || *needed == "CAPABILITY_IAM"
                && desired.capabilities.iter().any(|c| c == "CAPABILITY_NAMED_IAM")
    };
    match template.capabilities.iter().find(|needed| !granted(needed)) {
        None => Ok(()),
        Some(needed) => Err(Fail::invalid(format!(
            "{} needs the capability {needed}",
            desired.template_path.display()
        ))
        .help(format!(
            "if that is meant, set capabilities = [\"{needed}\"] in [defaults.deploy-stack]"
        ))),
    }
}

/// States that a change set cannot leave, each with what to type.
fn refuse_dead_end(desired: &Desired, stack: &Stack) -> Result<(), Fail> {
    let name = &desired.stack;
    let delete = format!("aws cloudformation delete-stack --stack-name {name}");
    let help = match stack.status {
        StackStatus::RollbackComplete | StackStatus::CreateFailed | StackStatus::RollbackFailed => {
            format!(
                "its creation failed and nothing runs in it; delete it ({delete}), then run again"
            )
        }
        StackStatus::DeleteFailed => {
            format!("its deletion failed; look at its events, repeat it ({delete}), then run again")
        }
        StackStatus::UpdateRollbackFailed => format!(
            "mend the cause, then: aws cloudformation continue-update-rollback --stack-name {name}"
        ),
        StackStatus::UpdateFailed => {
            format!("go back first: aws cloudformation rollback-stack --stack-name {name}")
        }
        _ => return Ok(()),
    };
    let reason = stack.status_reason.as_ref().map_or_else(String::new, |why| format!(": {why}"));
    let message = format!("the stack {name} is in {}{reason}", stack.status.as_str());
    Err(Fail::new(Exit::Failed, message).help(help))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observe::Declared;

    fn map(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
    }

    fn desired(parameters: &[(&str, &str)]) -> Desired {
        Desired {
            stack: "orders-dev".into(),
            template_path: "infra.yml".into(),
            template_body: "Resources: {}\n".into(),
            parameters: map(parameters),
            tags: map(&[("team", "shop")]),
            capabilities: vec!["CAPABILITY_NAMED_IAM".into()],
        }
    }

    fn template(keys: &[&str]) -> Template {
        let declared = |key: &&str| Declared { key: (*key).to_owned(), ..Declared::default() };
        Template { parameters: keys.iter().map(declared).collect(), ..Template::default() }
    }

    fn stack(parameters: &[(&str, &str)]) -> Stack {
        Stack {
            id: "arn".into(),
            status: StackStatus::UpdateComplete,
            status_reason: None,
            template_body: "Resources: {}".into(),
            parameters: map(parameters),
            tags: map(&[("team", "shop")]),
            outputs: BTreeMap::new(),
        }
    }

    #[test]
    fn a_stack_that_is_as_desired_needs_no_change() {
        let plan = plan(
            &desired(&[("A", "1")]),
            &template(&["A", "B"]),
            Some(&stack(&[("A", "1"), ("B", "2")])),
        );
        assert_eq!(plan.unwrap().changes, []);
    }

    #[test]
    fn a_missing_stack_is_created_without_previous_values() {
        let mut template = template(&["A", "B"]);
        template.parameters[1].has_default = true;
        let plan = plan(&desired(&[("A", "1")]), &template, None).unwrap();
        assert_eq!(plan.kind, ChangeSetType::Create);
        assert_eq!(plan.parameters, BTreeMap::from([("A".into(), Some("1".into()))]));
    }

    #[test]
    fn unspecified_parameters_keep_their_value_unless_they_are_new() {
        let mut template = template(&["A", "Old", "New"]);
        template.parameters[2].has_default = true;
        let current = stack(&[("A", "1"), ("Old", "x")]);
        let plan = plan(&desired(&[("A", "2")]), &template, Some(&current)).unwrap();
        assert_eq!(plan.parameters.get("Old"), Some(&None));
        assert_eq!(plan.parameters.get("New"), None);
        assert_eq!(
            plan.changes.iter().map(ToString::to_string).collect::<Vec<_>>(),
            ["parameter A: 1 -> 2"]
        );
    }

    #[test]
    fn a_parameter_without_a_value_is_named_before_anything_is_written() {
        let err = plan(&desired(&[]), &template(&["A", "B"]), None).unwrap_err();
        assert_eq!(err.to_string(), "no value for the parameter A, B");
        let err = plan(&desired(&[("Z", "1")]), &template(&["A"]), None).unwrap_err();
        assert_eq!(err.to_string(), "infra.yml has no parameter `Z`");
    }

    #[test]
    fn template_and_tags_are_compared() {
        let mut current = stack(&[]);
        current.template_body = "Resources: {A: {}}".into();
        current.tags = map(&[("team", "old"), ("gone", "x")]);
        let changes = plan(&desired(&[]), &template(&[]), Some(&current)).unwrap().changes;
        let lines: Vec<String> = changes.iter().map(ToString::to_string).collect();
        assert_eq!(
            lines,
            ["update the template", "tag gone: x -> (none)", "tag team: old -> shop"]
        );
    }

    #[test]
    fn what_only_cloudformation_can_tell_is_left_to_it() {
        let mut hidden = template(&["Password"]);
        hidden.parameters[0].no_echo = true;
        let current = stack(&[("Password", "****")]);
        let changes =
            plan(&desired(&[("Password", "x")]), &hidden, Some(&current)).unwrap().changes;
        assert!(matches!(changes[..], [Change::Undecided { .. }]));
        // Nobody sets it: the stack keeps it, and nothing is to be asked.
        assert_eq!(plan(&desired(&[]), &hidden, Some(&current)).unwrap().changes, []);
    }

    #[test]
    fn a_capability_must_be_granted() {
        let mut needy = template(&[]);
        needy.capabilities = vec!["CAPABILITY_IAM".into()];
        assert!(plan(&desired(&[]), &needy, None).is_ok());
        needy.capabilities = vec!["CAPABILITY_AUTO_EXPAND".into()];
        let err = plan(&desired(&[]), &needy, None).unwrap_err();
        assert_eq!(err.to_string(), "infra.yml needs the capability CAPABILITY_AUTO_EXPAND");
    }

    #[test]
    fn each_dead_end_says_what_to_type() {
        for (status, command) in [
            (StackStatus::RollbackComplete, "delete-stack"),
            (StackStatus::CreateFailed, "delete-stack"),
            (StackStatus::RollbackFailed, "delete-stack"),
            (StackStatus::DeleteFailed, "delete-stack"),
            (StackStatus::UpdateRollbackFailed, "continue-update-rollback"),
            (StackStatus::UpdateFailed, "rollback-stack"),
        ] {
            let mut current = stack(&[]);
            current.status = status;
            let err = plan(&desired(&[]), &template(&[]), Some(&current)).unwrap_err();
            assert!(Fail::of(&err).unwrap().help_text().unwrap().contains(command), "{err}");
        }
    }
}
