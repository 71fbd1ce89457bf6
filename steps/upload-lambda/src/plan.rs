//! What has to change, told from the function and what is desired alone. No I/O.

use std::fmt;

use serde::Serialize;
use step_core::{Exit, Fail};

use crate::configuration::{Configuration, Difference, Wanted};
use crate::observe::{Alias, Function, Live, State};
use crate::settings::Desired;

/// The code as it should be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Code {
    /// A zip: base64 of its SHA-256, and its size in bytes.
    Zip { sha256: String, size: u64 },
    /// An image, by digest.
    Image(String),
}

/// A difference between the function and what is desired.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case", tag = "change")]
pub enum Change {
    /// The function is missing and is created.
    Create {
        /// Its code.
        code: String,
    },
    /// The configuration differs.
    Configuration {
        /// Where.
        differences: Vec<Difference>,
    },
    /// The code differs, or what it runs on.
    Code {
        /// What Lambda has.
        from: String,
        /// What it gets.
        to: String,
    },
    /// The last update failed: the same code is uploaded again.
    Retry {
        /// Why it failed.
        why: String,
    },
    /// What is not published becomes a version.
    Publish,
    /// An alias moves.
    Alias {
        /// Its name.
        alias: String,
        /// Its version; nothing when it is created.
        from: Option<String>,
        /// Its version to be; nothing when it is one that is still to be published.
        to: Option<String>,
        /// In which parts.
        how: String,
    },
    /// A version is deleted.
    Delete {
        /// The version.
        version: String,
    },
    /// A layer gets a version.
    Layer {
        /// Its name in AWS.
        layer: String,
        /// What it holds.
        from: Option<String>,
        /// What it is to hold.
        to: String,
    },
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Change::Create { code } => write!(f, "create the function with {code}"),
            Change::Configuration { differences } => {
                let mut lines = differences.iter();
                lines.next().map_or(Ok(()), |line| write!(f, "{line}"))?;
                lines.try_for_each(|line| write!(f, "\n  {line}"))
            }
            Change::Code { from, to } => write!(f, "code: {from} -> {to}"),
            Change::Retry { why } => {
                write!(f, "the same code again, for the last update failed: {why}")
            }
            Change::Publish => write!(f, "publish a version"),
            Change::Alias { alias, from, to, how } => {
                let to = to.as_deref().unwrap_or("the new version");
                match from {
                    Some(from) => write!(f, "alias {alias}: {from} -> {to}, {how}"),
                    None => write!(f, "create the alias {alias} for {to}"),
                }
            }
            Change::Delete { version } => write!(f, "delete version {version}"),
            Change::Layer { layer, from, to } => {
                let from = from.as_deref().unwrap_or("(none)");
                write!(f, "layer {layer}: {from} -> {to}")
            }
        }
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Code::Zip { sha256, size } => write!(f, "{sha256} ({size} bytes)"),
            Code::Image(image) => f.write_str(image),
        }
    }
}

/// Whether callers of the alias get what is desired, and all of them.
pub(crate) fn is_served(desired: &Desired, code: &Code, live: &Live) -> bool {
    live.alias.weights.is_empty()
        && !matches!(live.version.state, State::Failed(_))
        && has_code(&live.version, code, &desired.configuration)
        && has_configuration(&live.version, &desired.configuration)
}

/// Compares the function that is not published with what is desired. With an alias that serves something
/// else, there is always a version to publish: Lambda gives the one before, if it is the same.
///
/// # Errors
/// Exit 2: the function is missing, or is of the other kind. Exit 4: its environment, which would be
/// replaced, cannot be read.
pub(crate) fn plan(
    desired: &Desired,
    code: &Code,
    alias: Option<&Alias>,
    latest: Option<&Function>,
) -> Result<Vec<Change>, Fail> {
    let mut changes = Vec::new();
    match latest {
        None if desired.create => changes.push(Change::Create { code: code.to_string() }),
        None => return Err(crate::observe::missing(&desired.function, None)),
        Some(latest) => {
            check_kind(desired, code, latest)?;
            changes.extend(configuration_change(desired, latest)?);
            changes.extend(code_change(desired, code, latest));
            if let (State::Failed(why), true) = (&latest.state, changes.is_empty()) {
                changes.push(Change::Retry { why: why.clone() });
            }
        }
    }
    if let Some(name) = &desired.alias {
        changes.push(Change::Publish);
        changes.push(Change::Alias {
            alias: name.clone(),
            from: alias.map(|alias| alias.version.clone()),
            to: None,
            how: desired.canary.to_string(),
        });
    }
    Ok(changes)
}

/// Whether the code is as it should be, and what it runs on.
pub(crate) fn has_code(function: &Function, code: &Code, wanted: &Wanted) -> bool {
    let is_same = match code {
        Code::Zip { sha256, .. } => function.image.is_none() && function.code_sha256 == *sha256,
        // The same image may be reached by several names.
        Code::Image(image) => {
            function.image.as_deref().is_some_and(|has| digest(has) == digest(image))
        }
    };
    is_same && wanted.architecture.as_ref().is_none_or(|wanted| *wanted == function.architecture)
}

/// Whether nothing of the configuration is to be changed.
pub(crate) fn has_configuration(function: &Function, wanted: &Wanted) -> bool {
    wanted.over(&function.configuration) == function.configuration
}

/// The configuration of a function that is created.
///
/// # Errors
/// Exit 2: something is missing that has no default.
pub(crate) fn new_configuration(desired: &Desired, code: &Code) -> Result<Configuration, Fail> {
    let configuration = desired.configuration.over(&Configuration::of_new_function());
    let is_zip = matches!(code, Code::Zip { .. });
    let lacking = if configuration.role.is_empty() {
        "role"
    } else if is_zip && configuration.runtime.is_none() {
        "runtime"
    } else if is_zip
        && configuration.handler.is_none()
        && !desired.configuration.is_custom_runtime(None)
    {
        "handler"
    } else {
        return Ok(configuration);
    };
    Err(Fail::invalid(format!("{} cannot be created without a {lacking}", desired.function))
        .help(format!("set `configuration.{lacking}` of the function in landfall.toml")))
}

fn check_kind(desired: &Desired, code: &Code, latest: &Function) -> Result<(), Fail> {
    let (has, wants) = match (code, &latest.image) {
        (Code::Zip { .. }, Some(_)) => ("an image", "a zip"),
        (Code::Image(_), None) => ("a zip", "an image"),
        _ => return Ok(()),
    };
    Err(Fail::invalid(format!("{} runs {has}, and cannot change to {wants}", desired.function))
        .help("delete the function and have it created anew, or take another name"))
}

fn configuration_change(desired: &Desired, latest: &Function) -> Result<Option<Change>, Fail> {
    let to = desired.configuration.over(&latest.configuration);
    let differences = latest.configuration.differences(&to);
    let touches_environment = to.environment != latest.configuration.environment;
    if let (Some(why), true) = (&latest.unreadable, touches_environment) {
        let message = format!(
            "the environment of {} cannot be read, and would be lost: {why}",
            desired.function
        );
        return Err(Fail::new(Exit::Unreachable, message)
            .help("allow kms:Decrypt for its key to the role that runs this step"));
    }
    Ok(Some(Change::Configuration { differences }).filter(|_| to != latest.configuration))
}

fn code_change(desired: &Desired, code: &Code, latest: &Function) -> Option<Change> {
    if has_code(latest, code, &desired.configuration) {
        return None;
    }
    let architecture = desired.configuration.architecture.as_ref();
    let on = |architecture: &str| format!(" on {architecture}");
    let changes_architecture = architecture.filter(|wanted| **wanted != latest.architecture);
    let has = latest.image.clone().unwrap_or_else(|| latest.code_sha256.clone());
    Some(match changes_architecture {
        Some(to) => {
            Change::Code { from: has + &on(&latest.architecture), to: code.to_string() + &on(to) }
        }
        None => Change::Code { from: has, to: code.to_string() },
    })
}

fn digest(image: &str) -> &str {
    image.rsplit_once('@').map_or(image, |(_, digest)| digest)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::Source;

    fn function(version: &str, code: &str) -> Function {
        Function {
            version: version.into(),
            revision: "r".into(),
            code_sha256: code.into(),
            image: None,
            architecture: "x86_64".into(),
            configuration: Configuration { memory: 128, ..Configuration::of_new_function() },
            unreadable: None,
            state: State::Ready,
        }
    }

    fn desired() -> Desired {
        Desired {
            key: "f".into(),
            function: "f".into(),
            source: Source::Path("dist".into()),
            alias: None,
            canary: "10%@5m".parse().unwrap(),
            create: false,
            keep: None,
            check: crate::check::Check::default(),
            configuration: Wanted::default(),
            revision: None,
        }
    }

    fn zip(sha256: &str) -> Code {
        Code::Zip { sha256: sha256.into(), size: 7 }
    }

    fn planned(desired: &Desired, latest: Option<&Function>) -> Result<Vec<String>, Fail> {
        let changes = plan(desired, &zip("b"), None, latest)?;
        Ok(changes.iter().map(ToString::to_string).collect())
    }

    #[test]
    fn the_same_code_and_configuration_are_no_change() {
        assert!(planned(&desired(), Some(&function("$LATEST", "b"))).unwrap().is_empty());
        assert_eq!(
            planned(&desired(), Some(&function("$LATEST", "a"))).unwrap(),
            ["code: a -> b (7 bytes)"]
        );
    }

    #[test]
    fn another_architecture_is_another_upload_of_the_same_code() {
        let mut desired = desired();
        desired.configuration.architecture = Some("arm64".into());
        assert_eq!(
            planned(&desired, Some(&function("$LATEST", "b"))).unwrap(),
            ["code: b on x86_64 -> b (7 bytes) on arm64"]
        );
    }

    #[test]
    fn an_update_that_failed_is_done_again_unless_something_else_is_written_anyway() {
        let mut latest = function("$LATEST", "b");
        latest.state = State::Failed("InvalidSubnet".into());
        assert_eq!(
            planned(&desired(), Some(&latest)).unwrap(),
            ["the same code again, for the last update failed: InvalidSubnet"]
        );
        latest.code_sha256 = "a".into();
        assert_eq!(planned(&desired(), Some(&latest)).unwrap(), ["code: a -> b (7 bytes)"]);
    }

    #[test]
    fn a_missing_function_is_created_when_that_was_asked_for() {
        let mut desired = desired();
        assert_eq!(planned(&desired, None).unwrap_err().exit(), Exit::Invalid);
        desired.create = true;
        desired.alias = Some("live".into());
        assert_eq!(
            planned(&desired, None).unwrap(),
            [
                "create the function with b (7 bytes)",
                "publish a version",
                "create the alias live for the new version"
            ]
        );
    }

    #[test]
    fn an_alias_with_weights_serves_nothing_that_is_done() {
        let mut live = Live {
            alias: Alias {
                name: "live".into(),
                version: "3".into(),
                weights: [].into(),
                description: String::new(),
                revision: "r".into(),
            },
            version: function("3", "b"),
        };
        assert!(is_served(&desired(), &zip("b"), &live));
        assert!(!is_served(&desired(), &zip("c"), &live));
        live.alias.weights.insert("4".into(), 0.1);
        assert!(!is_served(&desired(), &zip("b"), &live));
    }

    #[test]
    fn an_image_of_another_name_and_the_same_digest_is_the_same() {
        let mut latest = function("$LATEST", "");
        latest.image = Some("a.dkr.ecr/x@sha256:1".into());
        let same = Code::Image("b.dkr.ecr/x@sha256:1".into());
        assert!(has_code(&latest, &same, &Wanted::default()));
        assert!(!has_code(&latest, &Code::Image("x@sha256:2".into()), &Wanted::default()));
        assert!(planned(&desired(), Some(&latest)).is_err());
    }

    #[test]
    fn an_environment_that_cannot_be_read_is_never_overwritten() {
        let mut latest = function("$LATEST", "b");
        latest.unreadable = Some("AccessDeniedException".into());
        assert!(planned(&desired(), Some(&latest)).unwrap().is_empty());
        let mut desired = desired();
        desired.configuration.environment.insert("LEVEL".into(), "info".into());
        assert_eq!(planned(&desired, Some(&latest)).unwrap_err().exit(), Exit::Unreachable);
    }
}
