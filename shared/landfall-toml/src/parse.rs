//! TOML with an answer for each mistake: file, line, column, and the name that was meant.

use std::path::Path;

use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde_json::Value;
use step_core::Fail;
use toml::de::{DeTable, DeValue};

/// Parses a TOML file into `T`. The known keys come from the JSON Schema of `T`, so that they
/// are the same for this check and for editors.
///
/// # Errors
/// Exit 2. Unknown keys are listed all at once, each as `file:line:column: ...`.
pub fn parse<T: DeserializeOwned + JsonSchema>(path: &Path, text: &str) -> anyhow::Result<T> {
    let place = |offset: usize| {
        let (line, column) = line_and_column(text, offset);
        format!("{}:{line}:{column}", path.display())
    };
    let syntax = |err: toml::de::Error| {
        let offset = err.span().map_or(0, |span| span.start);
        Fail::invalid(format!("{}: {}", place(offset), in_words_of_toml(err.message())))
    };
    let document = DeTable::parse(text).map_err(syntax)?;
    let schema = schemars::schema_for!(T).to_value();
    let mut unknown = Vec::new();
    Checker { root: &schema, found: &mut unknown }.table(document.get_ref(), &schema, "");
    if !unknown.is_empty() {
        unknown.sort_by_key(|mistake| mistake.offset);
        let lines: Vec<String> =
            unknown.iter().map(|m| format!("{}: {}", place(m.offset), m.message)).collect();
        return Err(Fail::invalid(lines.join("\n")).into());
    }
    Ok(toml::from_str(text).map_err(syntax)?)
}

/// Where a key stands, and how many of the keys that lead to it were found.
pub(crate) struct Place {
    pub(crate) line: usize,
    pub(crate) column: usize,
    pub(crate) depth: usize,
}

/// The place of the last key that is found on a way through tables; nothing when not even the first is, or
/// the text is no TOML.
pub(crate) fn place(text: &str, keys: &[&str]) -> Option<Place> {
    let document = DeTable::parse(text).ok()?;
    let mut table = document.get_ref();
    let mut found = None;
    for (depth, wanted) in (1..).zip(keys) {
        let Some((key, value)) = table.iter().find(|(key, _)| key.get_ref() == wanted) else {
            break;
        };
        let (line, column) = line_and_column(text, key.span().start);
        found = Some(Place { line, column, depth });
        let DeValue::Table(below) = value.get_ref() else { break };
        table = below;
    }
    found
}

/// What is expected, as it is called in TOML.
fn in_words_of_toml(message: &str) -> String {
    message
        .replace("expected a sequence", "expected a list, as [\"a\", \"b\"]")
        .replace("expected a map", "expected a table")
        .replace("invalid type: sequence,", "invalid type: list,")
        .replace("invalid type: map,", "invalid type: table,")
}

/// The name that was probably meant, if one is near enough.
pub fn nearest<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    known
        .map(|candidate| (strsim::damerau_levenshtein(name, candidate), candidate))
        .filter(|(distance, candidate)| *distance <= 1 + candidate.len() / 4)
        .min()
        .map(|(_, candidate)| candidate)
}

struct Mistake {
    offset: usize,
    message: String,
}

struct Checker<'a> {
    root: &'a Value,
    found: &'a mut Vec<Mistake>,
}

impl Checker<'_> {
    fn table(&mut self, table: &DeTable<'_>, schema: &Value, path: &str) {
        let schema = self.resolve(schema);
        let properties = schema.get("properties").and_then(Value::as_object);
        let others = schema.get("additionalProperties").filter(|others| others.is_object());
        for (key, value) in table {
            let name: &str = key.get_ref();
            let known = properties.and_then(|properties| properties.get(name)).or(others);
            let Some(known) = known else {
                // A schema that says nothing of its keys allows all.
                if properties.is_some() {
                    let names = properties.into_iter().flat_map(|all| all.keys());
                    self.found.push(Mistake {
                        offset: key.span().start,
                        message: unknown_key(name, path, names.map(String::as_str)),
                    });
                }
                continue;
            };
            let below = if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") };
            self.value(value.get_ref(), known, &below);
        }
    }

    fn value(&mut self, value: &DeValue<'_>, schema: &Value, path: &str) {
        match value {
            DeValue::Table(table) => self.table(table, schema, path),
            DeValue::Array(items) => {
                if let Some(schema) = self.resolve(schema).get("items").cloned() {
                    for item in items {
                        self.value(item.get_ref(), &schema, path);
                    }
                }
            }
            _ => {}
        }
    }

    /// Follows `$ref`, and the one alternative of an optional value that is not null.
    fn resolve(&self, schema: &Value) -> Value {
        if let Some(pointer) = schema.get("$ref").and_then(Value::as_str) {
            let target = self.root.pointer(pointer.trim_start_matches('#'));
            return target.map_or(Value::Null, |target| self.resolve(target));
        }
        let alternatives = schema.get("anyOf").and_then(Value::as_array);
        let present = alternatives.and_then(|all| {
            all.iter().find(|one| one.get("type").is_none_or(|kind| kind != "null"))
        });
        present.map_or_else(|| schema.clone(), |present| self.resolve(present))
    }
}

fn unknown_key<'a>(name: &str, path: &str, known: impl Iterator<Item = &'a str>) -> String {
    let known: Vec<&str> = known.collect();
    let place = if path.is_empty() { "the top level".to_owned() } else { format!("[{path}]") };
    let advice = match nearest(name, known.iter().copied()) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("known are: {}", known.join(", ")),
    };
    format!("unknown key `{name}` in {place}; {advice}")
}

/// 1-based, the column in characters.
fn line_and_column(text: &str, offset: usize) -> (usize, usize) {
    let before = text.get(..offset).unwrap_or(text);
    let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
    (before.matches('\n').count() + 1, before[line_start..].chars().count() + 1)
}
