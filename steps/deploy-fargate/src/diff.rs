//! The difference of two task definitions as people read it: unified, the unchanged parts folded,
//! secrets masked. Pure.

use serde_json::Value;
use similar::TextDiff;
use step_core::secret::{MASK, is_secret_name, redact, register};

use crate::definition::Definition;

/// Lines of context around a difference.
const CONTEXT: usize = 2;

/// The difference from what runs to what is desired; empty when there is none.
pub(crate) fn unified(current: &Definition, desired: &Definition) -> String {
    let (mut old, mut new) = (current.canonical(), desired.canonical());
    mask(&mut old, &mut new);
    let text = |value: &Value| serde_json::to_string_pretty(value).unwrap_or_default() + "\n";
    let (old, new) = (text(&old), text(&new));
    let diff = TextDiff::from_lines(&old, &new);
    let mut diff = diff.unified_diff();
    diff.context_radius(CONTEXT).header(&current.title(), "to be registered");
    redact(diff.to_string().trim_end()).into_owned()
}

/// Masks on both sides what may be a secret. That it changed stays visible.
fn mask(old: &mut Value, new: &mut Value) {
    match (old, new) {
        (Value::Object(old), Value::Object(new)) => {
            for (key, old) in old.iter_mut() {
                match new.get_mut(key) {
                    Some(new) if is_secret(key, old) || is_secret(key, new) => {
                        let is_same = old == new;
                        *old = MASK.into();
                        *new =
                            if is_same { MASK.into() } else { format!("{MASK}, changed").into() };
                    }
                    Some(new) => mask(old, new),
                    None => mask_all(key, old),
                }
            }
            let added = new.iter_mut().filter(|(key, _)| !old.contains_key(*key));
            added.for_each(|(key, value)| mask_all(key, value));
        }
        // Lists that cannot be matched by name: what is a secret is not shown to have changed.
        (old, new) => {
            mask_all("", old);
            mask_all("", new);
        }
    }
}

/// Masks what may be a secret in a value, which stands under this key.
fn mask_all(key: &str, value: &mut Value) {
    match value {
        Value::Object(fields) => {
            // A variable of a list in which a name stands twice.
            let name = fields.get("name").and_then(Value::as_str).unwrap_or_default().to_owned();
            for (key, value) in fields {
                mask_all(if key == "value" { &name } else { key }, value);
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| mask_all(key, item)),
        _ if is_secret(key, value) => *value = MASK.into(),
        _ => {}
    }
}

/// Registers what is masked here, so that it is masked wherever it is said: in the log of a container, too.
pub(crate) fn register_secrets(definition: &Definition) {
    fn visit(key: &str, value: &Value) {
        match value {
            Value::Object(fields) => fields.iter().for_each(|(key, value)| visit(key, value)),
            Value::Array(items) => items.iter().for_each(|item| visit(key, item)),
            _ if is_secret(key, value) => register(value.as_str().unwrap_or_default()),
            _ => {}
        }
    }
    visit("", &definition.canonical());
}

/// A text under a name of secrets; where a secret is kept is none.
fn is_secret(key: &str, value: &Value) -> bool {
    let is_text = |text: &str| !text.is_empty() && !text.starts_with("arn:");
    is_secret_name(key) && value.as_str().is_some_and(is_text)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use serde_json::json;

    use super::*;

    fn definition(image: &str, token: &str, level: &str) -> Definition {
        let environment: Vec<Value> = (0..9)
            .map(|n| json!({ "name": format!("V{n}"), "value": "x" }))
            .chain([
                json!({ "name": "API_TOKEN", "value": token }),
                json!({ "name": "LEVEL", "value": level }),
            ])
            .collect();
        let container = json!({ "name": "app", "image": image, "environment": environment });
        let text =
            json!({ "family": "orders", "revision": 7, "containerDefinitions": [container] });
        Definition::from_file(Path::new("x"), &text.to_string()).unwrap()
    }

    #[test]
    fn a_difference_is_shown_with_its_place_and_the_rest_is_folded() {
        let shown = unified(
            &definition("a", "hunter2-one", "info"),
            &definition("b", "hunter2-one", "info"),
        );
        assert_eq!(
            shown,
            "--- orders:7\n+++ to be registered\n@@ -15,5 +15,5 @@\n         \"V8\": \"x\"\n       },\n\
             -      \"image\": \"a\"\n+      \"image\": \"b\"\n     }\n   },"
        );
    }

    #[test]
    fn a_secret_is_masked_and_its_change_is_seen() {
        let shown = unified(
            &definition("a", "hunter2-one", "info"),
            &definition("a", "hunter2-two", "debug"),
        );
        assert!(!shown.contains("hunter2"), "{shown}");
        assert!(shown.contains("-        \"API_TOKEN\": \"[MASKED]\""), "{shown}");
        assert!(shown.contains("+        \"API_TOKEN\": \"[MASKED], changed\""), "{shown}");
        assert!(shown.contains("+        \"LEVEL\": \"debug\""), "{shown}");
    }

    #[test]
    fn a_secret_is_masked_where_a_name_stands_twice() {
        let twice = |token: &str| {
            let variable = json!({ "name": "API_TOKEN", "value": token });
            let container =
                json!({ "name": "app", "image": "a", "environment": [variable, variable] });
            let text = json!({ "family": "orders", "containerDefinitions": [container] });
            Definition::from_file(Path::new("x"), &text.to_string()).unwrap()
        };
        let once = definition("b", "hunter2-one", "info");
        for (old, new) in [
            (twice("hunter2-one"), definition("b", "hunter2-two", "info")),
            (once, twice("hunter2-two")),
            (twice("hunter2-one"), twice("hunter2-two")),
        ] {
            let shown = unified(&old, &new);
            assert!(!shown.contains("hunter2"), "{shown}");
        }
        let container = json!({ "name": "other", "image": "a" });
        let other = json!({ "family": "orders", "containerDefinitions": [container] }).to_string();
        let other = Definition::from_file(Path::new("x"), &other).unwrap();
        let shown = unified(&twice("hunter2-one"), &other);
        assert!(shown.contains(MASK) && !shown.contains("hunter2"), "{shown}");
    }

    #[test]
    fn equal_definitions_differ_in_nothing() {
        let same = definition("a", "hunter2-one", "info");
        assert_eq!(unified(&same, &same), "");
    }
}
