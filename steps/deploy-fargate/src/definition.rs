//! Task definitions as ECS sends them: JSON, so that no field is lost because this program, or the
//! SDK that it was built with, does not know it. Pure.

use serde_json::{Map, Value};
use step_core::Fail;

/// A task definition with its tags.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Definition(Map<String, Value>);

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

    /// The body of a request of `RegisterTaskDefinition`.
    pub(crate) fn to_request(&self) -> Value {
        let mut request = self.0.clone();
        request.retain(|key, _| !READ_ONLY.contains(&key.as_str()));
        Value::Object(request)
    }

    /// The image of a container.
    pub(crate) fn image(&self, container: &str) -> Option<&str> {
        let found = self.containers().iter().find(|one| name(one) == container)?;
        found.get("image")?.as_str()
    }

    /// The same definition with another image for one container.
    pub(crate) fn with_image(&self, container: &str, image: &str) -> Self {
        let mut changed = self.clone();
        let containers = changed.0.get_mut("containerDefinitions").and_then(Value::as_array_mut);
        for one in containers.into_iter().flatten().filter(|one| name(one) == container) {
            if let Some(fields) = one.as_object_mut() {
                fields.insert("image".into(), image.into());
            }
        }
        changed
    }

    /// The container that a deployment is about: the one that was named, or the only one.
    ///
    /// # Errors
    /// Exit 2: it is missing, or there are several and none was named.
    pub(crate) fn container(&self, wanted: Option<&str>) -> anyhow::Result<String> {
        let names: Vec<&str> = self.containers().iter().map(name).collect();
        let known = format!("the task definition has: {}", names.join(", "));
        match (wanted, names.as_slice()) {
            (Some(wanted), names) if names.contains(&wanted) => Ok(wanted.to_owned()),
            (Some(wanted), _) => {
                Err(Fail::invalid(format!("there is no container `{wanted}`")).help(known).into())
            }
            (None, [only]) => Ok((*only).to_owned()),
            (None, _) => Err(Fail::invalid("which container gets the image?")
                .help(format!("choose one with --container; {known}"))
                .into()),
        }
    }

    /// Where a container writes its log: group, and the beginning of its streams' names.
    pub(crate) fn log_group(&self, container: &str) -> Option<(&str, &str)> {
        let found = self.containers().iter().find(|one| name(one) == container)?;
        let log = found.get("logConfiguration")?;
        let is_awslogs = log.get("logDriver")?.as_str()? == "awslogs";
        let options = log.get("options").filter(|_| is_awslogs)?;
        let option = |key| options.get(key).and_then(Value::as_str);
        Some((option("awslogs-group")?, option("awslogs-stream-prefix")?))
    }

    fn containers(&self) -> &[Value] {
        let containers = self.0.get("containerDefinitions").and_then(Value::as_array);
        containers.map_or(&[], Vec::as_slice)
    }
}

fn name(container: &Value) -> &str {
    container.get("name").and_then(Value::as_str).unwrap_or_default()
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
    use super::*;

    #[test]
    fn nothing_is_lost_but_what_ecs_refuses() {
        let request = example("a@sha256:1").with_image("app", "a@sha256:2").to_request();
        assert_eq!(
            request,
            serde_json::json!({
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
    fn the_container_is_the_only_one_or_the_named_one() {
        let definition = example("a@sha256:1");
        assert_eq!(definition.container(None).unwrap(), "app");
        assert_eq!(definition.container(Some("app")).unwrap(), "app");
        let err = definition.container(Some("web")).unwrap_err();
        assert_eq!(err.to_string(), "there is no container `web`");
        assert_eq!(Fail::of(&err).unwrap().help_text(), Some("the task definition has: app"));
    }

    #[test]
    fn the_log_of_a_container_is_found() {
        assert_eq!(example("a").log_group("app"), Some(("/orders", "app")));
    }
}
