//! The configuration of a function: what Lambda has, what is wanted, and how the two differ. Pure.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use aws_sdk_lambda::types::{FunctionConfiguration, SnapStartApplyOn};
use landfall_toml::{EnvValue, LambdaConfiguration, LambdaTracing};
use serde::Serialize;
use step_core::Fail;
use step_core::secret::{self, MASK};

/// What Lambda has. Only what this step can change: all else stays as it is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Configuration {
    pub(crate) role: String,
    pub(crate) runtime: Option<String>,
    pub(crate) handler: Option<String>,
    /// In MB.
    pub(crate) memory: i32,
    /// In seconds.
    pub(crate) timeout: i32,
    /// In MB.
    pub(crate) ephemeral_storage: i32,
    /// `Active` or `PassThrough`.
    pub(crate) tracing: String,
    pub(crate) snap_start: bool,
    pub(crate) layers: Vec<String>,
    pub(crate) subnets: BTreeSet<String>,
    pub(crate) security_groups: BTreeSet<String>,
    /// Whether it may use IPv6 in the VPC: kept when the rest of that is written.
    pub(crate) dual_stack: bool,
    pub(crate) environment: BTreeMap<String, String>,
}

/// What is wanted; what is not named is not touched.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Wanted {
    /// What is not named goes back to Lambda's defaults.
    pub(crate) replace: bool,
    pub(crate) role: Option<String>,
    pub(crate) runtime: Option<String>,
    pub(crate) handler: Option<String>,
    pub(crate) architecture: Option<String>,
    pub(crate) memory: Option<i32>,
    pub(crate) timeout: Option<i32>,
    pub(crate) ephemeral_storage: Option<i32>,
    pub(crate) tracing: Option<String>,
    pub(crate) snap_start: Option<bool>,
    pub(crate) layers: Option<Vec<String>>,
    pub(crate) subnets: Option<BTreeSet<String>>,
    pub(crate) security_groups: Option<BTreeSet<String>>,
    pub(crate) environment: BTreeMap<String, String>,
}

/// A difference that is written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Difference {
    /// As landfall.toml names it: `memory`, `environment.LEVEL`.
    key: String,
    /// What Lambda has; a mask for a secret.
    from: String,
    /// What it is to be; a mask for a secret.
    to: String,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {} -> {}", self.key, self.from, self.to)
    }
}

impl Configuration {
    /// What the answer of Lambda says. Values of variables that hold secrets are masked from now on.
    pub(crate) fn of(answer: &FunctionConfiguration) -> Self {
        let text = |value: Option<&str>| value.unwrap_or_default().to_owned();
        let environment = answer.environment().and_then(|environment| environment.variables());
        let environment: BTreeMap<String, String> = environment
            .into_iter()
            .flatten()
            .map(|(name, value)| (name.clone(), value.clone()))
            .collect();
        register_secrets(&environment);
        let vpc = answer.vpc_config();
        let snap_start = answer.snap_start().and_then(|snap_start| snap_start.apply_on());
        Self {
            role: text(answer.role()),
            runtime: answer.runtime().map(|runtime| runtime.as_str().to_owned()),
            handler: answer.handler().filter(|handler| !handler.is_empty()).map(str::to_owned),
            memory: answer.memory_size().unwrap_or(DEFAULT_MEMORY),
            timeout: answer.timeout().unwrap_or(DEFAULT_TIMEOUT),
            ephemeral_storage: answer.ephemeral_storage().map_or(DEFAULT_STORAGE, |it| it.size()),
            tracing: answer
                .tracing_config()
                .and_then(|tracing| tracing.mode())
                .map_or(DEFAULT_TRACING, |mode| mode.as_str())
                .to_owned(),
            snap_start: snap_start == Some(&SnapStartApplyOn::PublishedVersions),
            layers: answer.layers().iter().map(|layer| text(layer.arn())).collect(),
            subnets: vpc.map(|vpc| vpc.subnet_ids().iter().cloned().collect()).unwrap_or_default(),
            security_groups: vpc
                .map(|vpc| vpc.security_group_ids().iter().cloned().collect())
                .unwrap_or_default(),
            dual_stack: vpc.and_then(|vpc| vpc.ipv6_allowed_for_dual_stack()).unwrap_or_default(),
            environment,
        }
    }

    /// What a new function has before anything is said of it.
    pub(crate) fn of_new_function() -> Self {
        Self {
            memory: DEFAULT_MEMORY,
            timeout: DEFAULT_TIMEOUT,
            ephemeral_storage: DEFAULT_STORAGE,
            tracing: DEFAULT_TRACING.to_owned(),
            ..Self::default()
        }
    }

    /// How it differs from what it is to be.
    pub(crate) fn differences(&self, to: &Self) -> Vec<Difference> {
        let list = |items: &mut dyn Iterator<Item = &String>| {
            let items: Vec<&str> = items.map(String::as_str).collect();
            Some(items.join(", ")).filter(|items| !items.is_empty())
        };
        let fields = |it: &Self| {
            [
                ("role", Some(it.role.clone()).filter(|role| !role.is_empty())),
                ("runtime", it.runtime.clone()),
                ("handler", it.handler.clone()),
                ("memory", Some(format!("{} MB", it.memory))),
                ("timeout", Some(format!("{}s", it.timeout))),
                ("ephemeral_storage", Some(format!("{} MB", it.ephemeral_storage))),
                ("tracing", Some(it.tracing.clone())),
                ("snap_start", Some(it.snap_start.to_string())),
                ("layers", list(&mut it.layers.iter())),
                ("subnets", list(&mut it.subnets.iter())),
                ("security_groups", list(&mut it.security_groups.iter())),
            ]
        };
        let shown = |value: Option<String>| value.unwrap_or_else(|| NOTHING.to_owned());
        let pairs = fields(self).into_iter().zip(fields(to));
        let plain =
            pairs.filter(|((_, from), (_, to))| from != to).map(|((key, from), (_, to))| {
                Difference { key: key.to_owned(), from: shown(from), to: shown(to) }
            });
        plain.chain(environment_differences(&self.environment, &to.environment)).collect()
    }
}

/// Of <https://docs.aws.amazon.com/lambda/latest/api/API_CreateFunction.html>.
const DEFAULT_MEMORY: i32 = 128;
const DEFAULT_TIMEOUT: i32 = 3;
const DEFAULT_STORAGE: i32 = 512;
const DEFAULT_TRACING: &str = "PassThrough";

const NOTHING: &str = "(none)";

impl Wanted {
    /// What landfall.toml says.
    ///
    /// # Errors
    /// Exit 2: a time is none that Lambda takes, or a variable of the step is not set.
    pub(crate) fn new(settings: &LambdaConfiguration) -> Result<Self, Fail> {
        let timeout = settings.timeout.map(|span| seconds(span.0)).transpose()?;
        let set = |items: &Option<Vec<String>>| {
            items.as_ref().map(|items| items.iter().cloned().collect::<BTreeSet<_>>())
        };
        let mut environment = BTreeMap::new();
        for (name, value) in &settings.environment {
            match value {
                EnvValue::Value(value) => {
                    environment.insert(name.clone(), value.clone());
                }
                EnvValue::Passed(true) => {
                    environment.insert(name.clone(), variable(name)?);
                }
                EnvValue::Passed(false) => {}
            }
        }
        register_secrets(&environment);
        Ok(Self {
            replace: settings.replace.unwrap_or(false),
            role: settings.role.clone(),
            runtime: settings.runtime.clone(),
            handler: settings.handler.clone(),
            architecture: settings.architecture.map(|it| it.as_str().to_owned()),
            memory: settings.memory,
            timeout,
            ephemeral_storage: settings.ephemeral_storage,
            tracing: settings.tracing.map(|tracing| {
                let name = match tracing {
                    LambdaTracing::Active => "Active",
                    LambdaTracing::PassThrough => "PassThrough",
                };
                name.to_owned()
            }),
            snap_start: settings.snap_start,
            layers: settings.layers.clone(),
            subnets: set(&settings.subnets),
            security_groups: set(&settings.security_groups),
            environment,
        })
    }

    /// The configuration with what is wanted laid over it. Role, runtime and handler have no defaults:
    /// they stay in any case.
    pub(crate) fn over(&self, current: &Configuration) -> Configuration {
        let below = if self.replace {
            Configuration {
                role: current.role.clone(),
                runtime: current.runtime.clone(),
                handler: current.handler.clone(),
                dual_stack: current.dual_stack,
                ..Configuration::of_new_function()
            }
        } else {
            current.clone()
        };
        let mut environment = below.environment;
        environment.extend(self.environment.clone());
        Configuration {
            role: self.role.clone().unwrap_or(below.role),
            runtime: self.runtime.clone().or(below.runtime),
            handler: self.handler.clone().or(below.handler),
            memory: self.memory.unwrap_or(below.memory),
            timeout: self.timeout.unwrap_or(below.timeout),
            ephemeral_storage: self.ephemeral_storage.unwrap_or(below.ephemeral_storage),
            tracing: self.tracing.clone().unwrap_or(below.tracing),
            snap_start: self.snap_start.unwrap_or(below.snap_start),
            layers: self.layers.clone().unwrap_or(below.layers),
            subnets: self.subnets.clone().unwrap_or(below.subnets),
            security_groups: self.security_groups.clone().unwrap_or(below.security_groups),
            dual_stack: below.dual_stack,
            environment,
        }
    }

    /// Whether Lambda starts the program of the package itself.
    pub(crate) fn is_custom_runtime(&self, current: Option<&Configuration>) -> bool {
        let current = current.and_then(|current| current.runtime.as_ref());
        self.runtime.as_ref().or(current).is_some_and(|runtime| runtime.starts_with("provided"))
    }
}

/// Lambda counts whole seconds, 1 to 900.
/// <https://docs.aws.amazon.com/lambda/latest/api/API_UpdateFunctionConfiguration.html>
fn seconds(time: std::time::Duration) -> Result<i32, Fail> {
    let whole = time.subsec_nanos() == 0 && (1..=900).contains(&time.as_secs());
    let seconds = i32::try_from(time.as_secs()).ok().filter(|_| whole);
    seconds.ok_or_else(|| {
        let shown = humantime::format_duration(time);
        Fail::invalid(format!("timeout = \"{shown}\" is none that Lambda takes"))
            .help("write whole seconds, from 1s to 15m")
    })
}

/// A variable of the step that becomes one of the function.
fn variable(name: &str) -> Result<String, Fail> {
    #[expect(
        clippy::disallowed_methods,
        reason = "clap cannot know a variable whose name stands in landfall.toml"
    )]
    let value = std::env::var(name);
    value.map_err(|_| {
        Fail::invalid(format!("the variable {name}, which landfall.toml passes on, is not set"))
            .help(format!("set {name}, or write its value in landfall.toml"))
    })
}

fn register_secrets(environment: &BTreeMap<String, String>) {
    let secrets = environment.iter().filter(|(name, _)| secret::is_secret_name(name));
    secrets.for_each(|(_, value)| secret::register(value));
}

fn environment_differences(
    from: &BTreeMap<String, String>,
    to: &BTreeMap<String, String>,
) -> Vec<Difference> {
    let names: BTreeSet<&String> = from.keys().chain(to.keys()).collect();
    let names = names.into_iter().filter(|name| from.get(*name) != to.get(*name));
    let difference = |name: &String| {
        let shown = |value: Option<&String>| match value {
            None => NOTHING.to_owned(),
            Some(_) if secret::is_secret_name(name) => MASK.to_owned(),
            Some(value) => value.clone(),
        };
        Difference {
            key: format!("environment.{name}"),
            from: shown(from.get(name)),
            to: shown(to.get(name)),
        }
    };
    names.map(difference).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn current() -> Configuration {
        Configuration {
            runtime: Some("python3.12".into()),
            handler: Some("app.handler".into()),
            memory: 256,
            layers: vec!["arn:1".into()],
            environment: [("LEVEL", "info"), ("API_TOKEN", "a"), ("OTHER", "kept")]
                .map(|(name, value)| (name.into(), value.into()))
                .into(),
            ..Configuration::of_new_function()
        }
    }

    fn shown(wanted: &Wanted) -> Vec<String> {
        let to = wanted.over(&current());
        current().differences(&to).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn what_is_not_named_stays() {
        assert!(shown(&Wanted::default()).is_empty());
        let environment = [("LEVEL".to_owned(), "debug".to_owned())].into();
        let wanted = Wanted { memory: Some(512), environment, ..Wanted::default() };
        assert_eq!(
            shown(&wanted),
            ["memory: 256 MB -> 512 MB", "environment.LEVEL: info -> debug"]
        );
        assert_eq!(wanted.over(&current()).environment["OTHER"], "kept");
    }

    #[test]
    fn with_replace_it_goes_back_to_the_defaults_but_for_what_has_none() {
        let environment = [("LEVEL".to_owned(), "info".to_owned())].into();
        let wanted = Wanted { replace: true, environment, ..Wanted::default() };
        assert_eq!(
            shown(&wanted),
            [
                "memory: 256 MB -> 128 MB",
                "layers: arn:1 -> (none)",
                "environment.API_TOKEN: [MASKED] -> (none)",
                "environment.OTHER: kept -> (none)",
            ]
        );
    }

    #[test]
    fn the_values_of_secrets_are_not_shown() {
        let environment = [("API_TOKEN".to_owned(), "b".to_owned())].into();
        let wanted = Wanted { environment, ..Wanted::default() };
        assert_eq!(shown(&wanted), ["environment.API_TOKEN: [MASKED] -> [MASKED]"]);
    }

    #[test]
    fn times_are_whole_seconds_up_to_a_quarter_of_an_hour() {
        let of = |seconds| std::time::Duration::from_secs_f64(seconds);
        assert_eq!(seconds(of(900.0)).unwrap(), 900);
        for wrong in [0.0, 0.5, 901.0] {
            assert!(seconds(of(wrong)).is_err(), "{wrong}");
        }
    }
}
