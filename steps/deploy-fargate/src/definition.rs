//! Task definitions as ECS sends them: JSON, so that no field is lost because this program, or the
//! SDK that it was built with, does not know it. Pure.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::{Map, Value};
use step_core::{Fail, FailContext};

/// A task definition with its tags.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Definition(Map<String, Value>);

/// What is set in a task definition, whatever it is made of.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Overrides {
    pub(crate) cpu: Option<String>,
    pub(crate) memory: Option<String>,
    pub(crate) containers: BTreeMap<String, ContainerOverrides>,
}

/// What is set in a container.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct ContainerOverrides {
    pub(crate) image: Option<String>,
    pub(crate) environment: BTreeMap<String, String>,
    pub(crate) secrets: BTreeMap<String, String>,
    pub(crate) cpu: Option<u32>,
    pub(crate) memory: Option<u32>,
}

/// A secret of a container.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SecretOf<'a> {
    pub(crate) container: &'a str,
    pub(crate) name: &'a str,
    /// ARN of a secret, with key, stage and version behind it, or ARN or name of a parameter.
    pub(crate) from: &'a str,
}

/// Where a container writes its log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Log<'a> {
    pub(crate) group: &'a str,
    pub(crate) region: Option<&'a str>,
    /// How the names of its streams begin.
    pub(crate) prefix: Option<&'a str>,
    /// Whether the group is made when it is missing.
    pub(crate) creates_group: bool,
}

/// What `DescribeTaskDefinition` returns and `RegisterTaskDefinition` refuses. A list of what to
/// drop, not of what to keep: a field that is new in ECS survives.
const READ_ONLY: [&str; 9] = [
    "taskDefinitionArn",
    "revision",
    "status",
    "requiresAttributes",
    "compatibilities",
    "registeredAt",
    "registeredBy",
    "deregisteredAt",
    "deleteRequestedAt",
];

impl Definition {
    /// Reads the body of an answer of `DescribeTaskDefinition`.
    pub(crate) fn from_answer(body: &[u8]) -> anyhow::Result<Self> {
        let mut answer: Map<String, Value> = serde_json::from_slice(body)?;
        let Some(Value::Object(mut definition)) = answer.remove("taskDefinition") else {
            anyhow::bail!("the answer holds no taskDefinition");
        };
        if let Some(tags) = answer.remove("tags").filter(|tags| *tags != Value::Array(Vec::new())) {
            definition.insert("tags".into(), tags);
        }
        Ok(Self(definition))
    }

    /// Reads a file: what `RegisterTaskDefinition` takes, or what `aws ecs describe-task-definition`
    /// printed.
    ///
    /// # Errors
    /// Exit 2, with the place: it is no JSON, or names no family or no containers.
    pub(crate) fn from_file(path: &Path, text: &str) -> anyhow::Result<Self> {
        let at = path.display();
        let read = serde_json::from_str::<Value>(text);
        let read = read.or_fail(|| {
            Fail::invalid(format!("{at} is no JSON"))
                .help("write a task definition as `aws ecs register-task-definition` takes it")
        })?;
        let definition = match read {
            Value::Object(answer) if answer.contains_key("taskDefinition") => {
                Self::from_answer(text.as_bytes())?
            }
            Value::Object(definition) => Self(definition),
            _ => return Err(Fail::invalid(format!("{at} is no JSON object")).into()),
        };
        let missing = |field: &str| {
            Fail::invalid(format!("{at}: `{field}` is missing"))
                .help("add the field; its meaning stands in the ECS API reference")
        };
        definition.family().ok_or_else(|| missing("family"))?;
        if definition.containers().is_empty() {
            return Err(missing("containerDefinitions").into());
        }
        if let Some(nth) = definition.containers().iter().position(|one| name(one).is_empty()) {
            return Err(missing(&format!("containerDefinitions[{nth}].name")).into());
        }
        Ok(definition)
    }

    /// The body of a request of `RegisterTaskDefinition`. Tags of AWS itself may not be set by
    /// others: what made the old revision, a stack for example, left them there.
    pub(crate) fn to_request(&self) -> Value {
        let mut request = self.0.clone();
        request.retain(|key, _| !READ_ONLY.contains(&key.as_str()));
        if let Some(tags) = request.get_mut("tags").and_then(Value::as_array_mut) {
            let is_of_aws = |tag: &Value| {
                text(tag, "key").is_some_and(|key| key.to_ascii_lowercase().starts_with("aws:"))
            };
            tags.retain(|tag| !is_of_aws(tag));
        }
        if request.get("tags").is_some_and(|tags| *tags == Value::Array(Vec::new())) {
            request.remove("tags");
        }
        Value::Object(request)
    }

    /// The same definition with what is set in it.
    ///
    /// # Errors
    /// Exit 2: there is no container of a name.
    pub(crate) fn with(&self, overrides: &Overrides) -> Result<Self, Fail> {
        let mut changed = self.clone();
        for (field, value) in [("cpu", &overrides.cpu), ("memory", &overrides.memory)] {
            if let Some(value) = value {
                changed.0.insert(field.into(), value.as_str().into());
            }
        }
        for (container, set) in &overrides.containers {
            changed.require(container)?;
            let containers =
                changed.0.get_mut("containerDefinitions").and_then(Value::as_array_mut);
            let found = containers.into_iter().flatten().filter(|one| name(one) == container);
            found.filter_map(Value::as_object_mut).for_each(|fields| set.apply(fields));
        }
        Ok(changed)
    }

    /// The tags of another definition, unless this one names its own.
    pub(crate) fn or_tags_of(mut self, other: &Self) -> Self {
        if let (false, Some(tags)) = (self.0.contains_key("tags"), other.0.get("tags")) {
            self.0.insert("tags".into(), tags.clone());
        }
        self
    }

    /// The name of all its revisions.
    pub(crate) fn family(&self) -> Option<&str> {
        self.0.get("family")?.as_str().filter(|family| !family.is_empty())
    }

    /// Its ARN, once it is registered.
    pub(crate) fn arn(&self) -> Option<&str> {
        self.0.get("taskDefinitionArn")?.as_str()
    }

    /// Whether tasks can be started with it.
    pub(crate) fn is_active(&self) -> bool {
        self.0.get("status").is_none_or(|status| status == "ACTIVE")
    }

    /// `FAMILY:REVISION`, or the family alone before it is registered.
    pub(crate) fn title(&self) -> String {
        let family = self.family().unwrap_or("task definition");
        let revision = self.0.get("revision").and_then(Value::as_u64);
        revision.map_or_else(|| family.to_owned(), |revision| format!("{family}:{revision}"))
    }

    /// The image of a container.
    pub(crate) fn image(&self, container: &str) -> Option<&str> {
        text(self.find(container)?, "image")
    }

    /// Container and image of all.
    pub(crate) fn images(&self) -> Vec<(&str, &str)> {
        let pair = |one| Some((name(one), text(one, "image")?));
        self.containers().iter().filter_map(pair).collect()
    }

    /// The container that a deployment is about: the one that was named, or the only one.
    ///
    /// # Errors
    /// Exit 2: it is missing, or there are several and none was named.
    pub(crate) fn container(&self, wanted: Option<&str>) -> Result<String, Fail> {
        match (wanted, self.containers()) {
            (Some(wanted), _) => self.require(wanted).map(|()| wanted.to_owned()),
            (None, [only]) => Ok(name(only).to_owned()),
            (None, _) => Err(Fail::invalid("which container gets the image?")
                .help(format!("choose one with --container; {}", self.known_containers()))),
        }
    }

    fn require(&self, container: &str) -> Result<(), Fail> {
        let missing = || {
            Fail::invalid(format!("there is no container `{container}`"))
                .help(self.known_containers())
        };
        self.find(container).map(|_| ()).ok_or_else(missing)
    }

    fn known_containers(&self) -> String {
        let names: Vec<&str> = self.containers().iter().map(name).collect();
        format!("the task definition has: {}", names.join(", "))
    }

    /// Whether a container listens on a port.
    pub(crate) fn has_port(&self, container: &str, port: i32) -> bool {
        let found = self.find(container);
        let mappings = found.and_then(|found| found.get("portMappings")?.as_array());
        let is_it = |mapping: &Value| mapping.get("containerPort") == Some(&Value::from(port));
        mappings.is_some_and(|mappings| mappings.iter().any(is_it))
    }

    /// `X86_64` or `ARM64`.
    pub(crate) fn architecture(&self) -> &str {
        let platform = self.0.get("runtimePlatform");
        platform.and_then(|platform| text(platform, "cpuArchitecture")).unwrap_or("X86_64")
    }

    /// `awsvpc` on Fargate.
    pub(crate) fn network_mode(&self) -> Option<&str> {
        self.0.get("networkMode")?.as_str()
    }

    /// The role of the task, and that with which ECS starts it.
    pub(crate) fn roles(&self) -> Vec<(&'static str, &str)> {
        let role =
            |field| Some((field, self.0.get(field)?.as_str()?)).filter(|(_, it)| !it.is_empty());
        ["executionRoleArn", "taskRoleArn"].into_iter().filter_map(role).collect()
    }

    /// The secrets of all containers, those of their log drivers included.
    pub(crate) fn secrets(&self) -> Vec<SecretOf<'_>> {
        let of = |container| {
            let lists = ["/secrets", "/logConfiguration/secretOptions"];
            let found = lists
                .into_iter()
                .filter_map(move |list| Value::pointer(container, list)?.as_array());
            found.flatten().filter_map(|secret| {
                let (name_of, from) = (text(secret, "name")?, text(secret, "valueFrom")?);
                Some(SecretOf { container: name(container), name: name_of, from })
            })
        };
        self.containers().iter().flat_map(of).collect()
    }

    /// Where a container writes its log, if that is CloudWatch Logs.
    pub(crate) fn log(&self, container: &str) -> Option<Log<'_>> {
        let log = self.find(container)?.get("logConfiguration")?;
        let options = log.get("options").filter(|_| text(log, "logDriver") == Some("awslogs"))?;
        Some(Log {
            group: text(options, "awslogs-group")?,
            region: text(options, "awslogs-region"),
            prefix: text(options, "awslogs-stream-prefix"),
            creates_group: text(options, "awslogs-create-group") == Some("true"),
        })
    }

    /// The logs of all containers.
    pub(crate) fn logs(&self) -> Vec<(&str, Log<'_>)> {
        let named = |one| Some((name(one), self.log(name(one))?));
        self.containers().iter().filter_map(named).collect()
    }

    /// The command of a container's health check.
    pub(crate) fn health_check(&self, container: &str) -> Option<String> {
        let command = self.find(container)?.pointer("/healthCheck/command")?.as_array()?;
        let words: Vec<&str> = command.iter().filter_map(Value::as_str).collect();
        Some(words.join(" "))
    }

    /// Whether a revision with this would be another one than `other`. What ECS fills in, the order
    /// of lists, and two ways to write the same amount make no difference.
    pub(crate) fn differs_from(&self, other: &Self) -> bool {
        self.canonical() != other.canonical()
    }

    /// One form for all that mean the same, as people would want to read it: what has a name stands
    /// under it.
    pub(crate) fn canonical(&self) -> Value {
        let Value::Object(mut fields) = self.to_request() else { return Value::Null };
        let is_awsvpc = self.network_mode() == Some("awsvpc");
        for (field, unit) in [("cpu", "vCPU"), ("memory", "GB")] {
            if let Some(value) = fields.get_mut(field) {
                *value = amount(value, unit).into();
            }
        }
        for role in ["executionRoleArn", "taskRoleArn"] {
            if let Some(name) = fields
                .get_mut(role)
                .and_then(|role| role.as_str()?.rsplit('/').next().map(str::to_owned))
            {
                fields.insert(role.into(), name.into());
            }
        }
        if let Some(Value::Array(containers)) = fields.get_mut("containerDefinitions") {
            containers
                .iter_mut()
                .filter_map(Value::as_object_mut)
                .for_each(|one| canonical_container(one, is_awsvpc));
        }
        for (list, key) in NAMED {
            by_name(&mut fields, list, key);
        }
        fields.retain(|_, value| !is_nothing(value) && value.as_str() != Some(""));
        sorted(Value::Object(fields))
    }

    fn find(&self, container: &str) -> Option<&Value> {
        self.containers().iter().find(|one| name(one) == container)
    }

    fn containers(&self) -> &[Value] {
        let containers = self.0.get("containerDefinitions").and_then(Value::as_array);
        containers.map_or(&[], Vec::as_slice)
    }
}

impl ContainerOverrides {
    fn apply(&self, fields: &mut Map<String, Value>) {
        if let Some(image) = &self.image {
            fields.insert("image".into(), image.as_str().into());
        }
        for (field, value) in [("cpu", self.cpu), ("memory", self.memory)] {
            if let Some(value) = value {
                fields.insert(field.into(), value.into());
            }
        }
        // A name is a variable or a secret, not both: ECS refuses that.
        for (list, other, key, set) in [
            ("environment", "secrets", "value", &self.environment),
            ("secrets", "environment", "valueFrom", &self.secrets),
        ] {
            for (variable, value) in set {
                remove_named(fields, other, variable);
                set_named(fields, list, variable, key, value);
            }
        }
    }
}

fn remove_named(fields: &mut Map<String, Value>, list: &str, wanted: &str) {
    if let Some(items) = fields.get_mut(list).and_then(Value::as_array_mut) {
        items.retain(|item| name(item) != wanted);
    }
}

fn set_named(fields: &mut Map<String, Value>, list: &str, wanted: &str, key: &str, value: &str) {
    let new = serde_json::json!({ "name": wanted, key: value });
    match fields.entry(list).or_insert_with(|| Value::Array(Vec::new())) {
        Value::Array(items) => match items.iter_mut().find(|item| name(item) == wanted) {
            Some(found) => *found = new,
            None => items.push(new),
        },
        other => *other = Value::Array(vec![new]),
    }
}

/// Lists of a task definition in which each item has a name, and the field that holds it.
const NAMED: [(&str, &str); 3] =
    [("containerDefinitions", "name"), ("volumes", "name"), ("tags", "key")];

/// The same for lists of a container.
const NAMED_IN_CONTAINER: [(&str, &str); 8] = [
    ("environment", "name"),
    ("secrets", "name"),
    ("mountPoints", "containerPath"),
    ("volumesFrom", "sourceContainer"),
    ("ulimits", "name"),
    ("dependsOn", "containerName"),
    ("systemControls", "namespace"),
    ("portMappings", "containerPort"),
];

fn canonical_container(fields: &mut Map<String, Value>, is_awsvpc: bool) {
    let defaults = [("cpu", Value::from(0)), ("essential", true.into())];
    for (field, default) in defaults {
        if fields.get(field) == Some(&default) {
            fields.remove(field);
        }
    }
    for port in items(fields, "portMappings") {
        let own = port.get("containerPort").cloned();
        // ECS fills both in; in awsvpc mode no other port is possible.
        if is_awsvpc
            && (port.get("hostPort") == own.as_ref() || port.get("hostPort") == Some(&0.into()))
        {
            port.remove("hostPort");
        }
        if port.get("protocol") == Some(&"tcp".into()) {
            port.remove("protocol");
        }
    }
    for mount in items(fields, "mountPoints") {
        if mount.get("readOnly") == Some(&false.into()) {
            mount.remove("readOnly");
        }
    }
    if let Some(Value::Object(check)) = fields.get_mut("healthCheck") {
        // The defaults that the API reference names for HealthCheck.
        for (field, default) in [("interval", 30), ("timeout", 5), ("retries", 3)] {
            if check.get(field) == Some(&default.into()) {
                check.remove(field);
            }
        }
    }
    for (list, key) in NAMED_IN_CONTAINER {
        by_name(fields, list, key);
    }
}

fn items<'a>(
    fields: &'a mut Map<String, Value>,
    list: &str,
) -> impl Iterator<Item = &'a mut Map<String, Value>> {
    let items = fields.get_mut(list).and_then(Value::as_array_mut);
    items.into_iter().flatten().filter_map(Value::as_object_mut)
}

/// Turns a list into an object, if each item has its own name. What has only one field more is that
/// field: `"LOG_LEVEL": "info"`.
fn by_name(fields: &mut Map<String, Value>, list: &str, key: &str) {
    let Some(Value::Array(items)) = fields.get(list) else { return };
    let mut named = BTreeMap::new();
    for item in items {
        let Some(item) = item.as_object() else { return };
        let label = match item.get(key) {
            Some(Value::String(label)) => label.clone(),
            Some(Value::Number(label)) => {
                let protocol = item.get("protocol").and_then(Value::as_str);
                format!("{label}/{}", protocol.unwrap_or("tcp"))
            }
            _ => return,
        };
        let mut rest = item.clone();
        rest.remove(key);
        let only = ["value", "valueFrom"]
            .into_iter()
            .find(|field| rest.len() == 1 && rest.contains_key(*field));
        let value = only.and_then(|field| rest.remove(field)).unwrap_or(Value::Object(rest));
        if named.insert(label, value).is_some() {
            return;
        }
    }
    let named: Map<String, Value> = named.into_iter().collect();
    let value = if named.is_empty() { Value::Null } else { Value::Object(named) };
    fields.insert(list.into(), value);
}

/// CPU in units of 1024 a vCPU, and memory in MiB, however they are written
/// (<https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_RegisterTaskDefinition.html>).
fn amount(value: &Value, unit: &str) -> String {
    let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let text = text.trim();
    let number = text.len().checked_sub(unit.len()).and_then(|at| {
        let (number, found) = (text.get(..at)?, text.get(at..)?);
        found.eq_ignore_ascii_case(unit).then_some(number)
    });
    let number = number.and_then(|number| number.trim().parse::<f64>().ok());
    number.map_or_else(|| text.to_owned(), |number| format!("{:.0}", number * 1024.0))
}

fn is_nothing(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Array(items) => items.is_empty(),
        Value::Object(fields) => fields.is_empty(),
        _ => false,
    }
}

/// Without what says nothing, and in the order of the alphabet. Empty texts stay: an empty variable
/// is not a missing one.
fn sorted(value: Value) -> Value {
    match value {
        Value::Object(fields) => {
            let fields: BTreeMap<String, Value> = fields
                .into_iter()
                .map(|(key, value)| (key, sorted(value)))
                .filter(|(_, value)| !is_nothing(value))
                .collect();
            Value::Object(fields.into_iter().collect())
        }
        Value::Array(items) => Value::Array(items.into_iter().map(sorted).collect()),
        other => other,
    }
}

fn name(value: &Value) -> &str {
    text(value, "name").unwrap_or_default()
}

fn text<'a>(value: &'a Value, field: &str) -> Option<&'a str> {
    value.get(field)?.as_str()
}

#[cfg(test)]
pub(crate) fn example(image: &str) -> Definition {
    let body = serde_json::json!({
        "taskDefinition": {
            "taskDefinitionArn": "arn:aws:ecs:eu-central-1:111111111111:task-definition/orders:7",
            "family": "orders", "revision": 7, "status": "ACTIVE",
            "fieldOfTheFuture": { "kept": [1, 2] },
            "containerDefinitions": [{
                "name": "app", "image": image, "environment": [{ "name": "EMPTY", "value": "" }],
                "logConfiguration": { "logDriver": "awslogs", "options": {
                    "awslogs-group": "/orders", "awslogs-stream-prefix": "app" } },
            }],
        },
        "tags": [{ "key": "team", "value": "shop" }],
    });
    Definition::from_answer(body.to_string().as_bytes()).expect("a definition")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn with_image(image: &str) -> Overrides {
        let set = ContainerOverrides { image: Some(image.into()), ..Default::default() };
        Overrides { containers: [("app".to_owned(), set)].into(), ..Overrides::default() }
    }

    fn of(definition: Value) -> Definition {
        Definition::from_file(Path::new("task.json"), &definition.to_string()).unwrap()
    }

    #[test]
    fn nothing_is_lost_but_what_ecs_refuses() {
        let request = example("a@sha256:1").with(&with_image("a@sha256:2")).unwrap().to_request();
        assert_eq!(
            request,
            json!({
                "family": "orders",
                "fieldOfTheFuture": { "kept": [1, 2] },
                "containerDefinitions": [{
                    "name": "app", "image": "a@sha256:2",
                    "environment": [{ "name": "EMPTY", "value": "" }],
                    "logConfiguration": { "logDriver": "awslogs", "options": {
                        "awslogs-group": "/orders", "awslogs-stream-prefix": "app" } },
                }],
                "tags": [{ "key": "team", "value": "shop" }],
            })
        );
    }

    #[test]
    fn tags_of_aws_are_not_sent_back() {
        let tags = json!([{ "key": "aws:cloudformation:stack-name", "value": "x" }]);
        let definition =
            of(json!({ "family": "a", "containerDefinitions": [{ "name": "b" }], "tags": tags }));
        assert_eq!(definition.to_request().get("tags"), None);
    }

    #[test]
    fn what_ecs_fills_in_and_the_order_of_lists_make_no_difference() {
        let file = of(json!({
            "family": "orders", "cpu": "0.5 vCPU", "memory": "2 GB", "networkMode": "awsvpc",
            "executionRoleArn": "exec",
            "containerDefinitions": [
                { "name": "proxy", "image": "p" },
                { "name": "app", "image": "a",
                  "environment": [{ "name": "B", "value": "" }, { "name": "A", "value": "1" }],
                  "portMappings": [{ "containerPort": 80 }],
                  "healthCheck": { "command": ["CMD", "true"] } },
            ],
        }));
        let registered = of(json!({
            "family": "orders", "cpu": "512", "memory": "2048", "networkMode": "awsvpc", "revision": 3,
            "executionRoleArn": "arn:aws:iam::111111111111:role/exec", "taskRoleArn": "",
            "volumes": [], "pidMode": null, "compatibilities": ["FARGATE"],
            "containerDefinitions": [
                { "name": "app", "image": "a", "cpu": 0, "essential": true, "mountPoints": [],
                  "environment": [{ "name": "A", "value": "1" }, { "name": "B", "value": "" }],
                  "portMappings": [{ "containerPort": 80, "hostPort": 80, "protocol": "tcp" }],
                  "healthCheck": { "command": ["CMD", "true"], "interval": 30, "timeout": 5, "retries": 3 } },
                { "name": "proxy", "image": "p", "cpu": 0, "essential": true },
            ],
        }));
        assert!(
            !file.differs_from(&registered),
            "{}\n{}",
            file.canonical(),
            registered.canonical()
        );
        let env = |value: &str| json!([{ "name": "A", "value": value }]);
        let one = |value: &str| {
            of(
                json!({ "family": "a", "containerDefinitions": [{ "name": "b", "environment": env(value) }] }),
            )
        };
        let none = of(json!({ "family": "a", "containerDefinitions": [{ "name": "b" }] }));
        assert!(one("").differs_from(&none), "an empty variable is not a missing one");
        assert!(one("1").differs_from(&one("2")));
    }

    #[test]
    fn what_is_set_lies_over_the_definition_and_a_secret_takes_the_place_of_a_variable() {
        let definition = of(json!({ "family": "a", "cpu": "256", "containerDefinitions": [{
            "name": "app", "image": "a", "environment": [{ "name": "URL", "value": "x" }, { "name": "KEPT", "value": "y" }] }] }));
        let set = ContainerOverrides {
            environment: [("LEVEL".to_owned(), "debug".to_owned())].into(),
            secrets: [("URL".to_owned(), "arn:secret".to_owned())].into(),
            memory: Some(300),
            ..Default::default()
        };
        let overrides = Overrides {
            cpu: Some("1 vCPU".into()),
            memory: None,
            containers: [("app".to_owned(), set)].into(),
        };
        assert_eq!(
            definition.with(&overrides).unwrap().to_request(),
            json!({ "family": "a", "cpu": "1 vCPU", "containerDefinitions": [{
                "name": "app", "image": "a", "memory": 300,
                "environment": [{ "name": "KEPT", "value": "y" }, { "name": "LEVEL", "value": "debug" }],
                "secrets": [{ "name": "URL", "valueFrom": "arn:secret" }] }] })
        );
        let wrong = Overrides {
            containers: [("web".to_owned(), Default::default())].into(),
            ..Default::default()
        };
        assert_eq!(definition.with(&wrong).unwrap_err().to_string(), "there is no container `web`");
    }

    #[test]
    fn a_file_that_is_no_task_definition_is_named_with_the_field() {
        let error = |text: &str| {
            let err = Definition::from_file(Path::new("task.json"), text).unwrap_err();
            assert_eq!(Fail::of(&err).unwrap().exit(), step_core::Exit::Invalid);
            format!("{err:#}")
        };
        assert!(error("{").starts_with("task.json is no JSON: EOF"), "{}", error("{"));
        assert_eq!(error("{}"), "task.json: `family` is missing");
        assert_eq!(error(r#"{"family":"a"}"#), "task.json: `containerDefinitions` is missing");
        assert_eq!(
            error(r#"{"family":"a","containerDefinitions":[{"image":"b"}]}"#),
            "task.json: `containerDefinitions[0].name` is missing"
        );
    }

    #[test]
    fn the_container_is_the_only_one_or_the_named_one() {
        let definition = example("a@sha256:1");
        assert_eq!(definition.container(None).unwrap(), "app");
        assert_eq!(definition.container(Some("app")).unwrap(), "app");
        let err = definition.container(Some("web")).unwrap_err();
        assert_eq!(err.to_string(), "there is no container `web`");
        assert_eq!(err.help_text(), Some("the task definition has: app"));
    }

    #[test]
    fn the_log_of_a_container_is_found() {
        let definition = example("a");
        let log = definition.log("app").unwrap();
        assert_eq!((log.group, log.prefix, log.creates_group), ("/orders", Some("app"), false));
    }
}
