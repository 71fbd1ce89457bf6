//! Whether a value fits a schema, as far as it is told without doubt: a compact check that says no
//! only when every validator would.

use super::schemas::{is_more, value_shown};
use super::{Linter, Rule};
use crate::document::{At, Node, Number, Object, Value, escape};
use crate::references::References;
use crate::spec::Version;
use crate::validate::{choice, shown};
use crate::walk::Pointer;

/// How many steps one value may take: alternatives in alternatives grow fast.
const STEPS: usize = 20_000;
const DEPTH: usize = 64;

/// Where a value does not fit, from its root on, and why.
struct Mismatch {
    at: At,
    /// The way from the value that is checked, from its end.
    way: Vec<String>,
    why: String,
}

impl<'a> Linter<'a, '_> {
    /// Tells where a value does not fit a schema.
    pub(super) fn fits(
        &mut self,
        rule: Rule,
        what: &str,
        value: &'a Node,
        schema: &'a Node,
        pointer: &Pointer<'_>,
    ) {
        let mut check = Check { references: &self.references, version: self.version, steps: STEPS };
        let Err(mismatch) = check.fits(value, schema, DEPTH) else { return };
        let mut pointer = pointer.to_string();
        for part in mismatch.way.iter().rev() {
            pointer.extend(["/", part]);
        }
        let message = format!("{what} does not fit its schema: {}", mismatch.why);
        self.tell(rule, mismatch.at, &pointer, message);
    }

    /// The types that a schema wants, when a value has none of them.
    pub(super) fn wrong_type(&self, schema: &'a Node, value: &Node) -> Option<String> {
        let check = Check { references: &self.references, version: self.version, steps: STEPS };
        check.wrong_type(value, schema)
    }
}

struct Check<'r, 'a> {
    references: &'r References<'a>,
    version: Version,
    steps: usize,
}

impl<'a> Check<'_, 'a> {
    fn fits(&mut self, value: &'a Node, schema: &'a Node, depth: usize) -> Result<(), Mismatch> {
        if depth == 0 || self.steps == 0 {
            return Ok(());
        }
        self.steps -= 1;
        let no = |why: String| Err(Mismatch { at: value.at, way: Vec::new(), why });
        let Some(object) = schema.as_object() else {
            return match schema.as_bool() {
                Some(false) => no("nothing may stand here".to_owned()),
                _ => Ok(()),
            };
        };
        if let Some(reference) = schema.text("$ref") {
            if let Some(target) = self.references.find(reference) {
                self.fits(value, target, depth - 1)?;
            }
            if self.version == Version::V3_0 {
                return Ok(());
            }
        }
        if self.is_nullable(value, schema) {
            return Ok(());
        }
        if let Some(wanted) = self.wrong_type(value, schema) {
            return no(format!("it has to be {wanted}, not {}", value_shown(value)));
        }
        if let Some(values) = object.get("enum").and_then(Node::as_array)
            && !values.contains(value)
        {
            return no(format!("{} is none of the values in `enum`", value_shown(value)));
        }
        if object
            .get("const")
            .filter(|_| self.version > Version::V3_0)
            .is_some_and(|it| it != value)
        {
            return no(format!("{} is not the value of `const`", value_shown(value)));
        }
        match &value.value {
            Value::Number(number) => bounds(number, object).map_or(Ok(()), no),
            Value::String(text) => length(text, object).map_or(Ok(()), no),
            Value::Array(items) => self.array(value, items, object, depth),
            Value::Object(fields) => self.object(value, fields, object, depth),
            Value::Null | Value::Bool(_) => Ok(()),
        }?;
        self.combined(value, object, depth)
    }

    fn is_nullable(&self, value: &Node, schema: &Node) -> bool {
        matches!(value.value, Value::Null)
            && self.version == Version::V3_0
            && schema.get("nullable").and_then(Node::as_bool) == Some(true)
    }

    fn wrong_type(&self, value: &Node, schema: &Node) -> Option<String> {
        if self.is_nullable(value, schema) {
            return None;
        }
        let types = schema.get("type")?;
        let wanted: Vec<&str> = match types.as_array() {
            Some(types) => types.iter().filter_map(Node::as_str).collect(),
            None => vec![types.as_str()?],
        };
        let is = |of: &&str| match (&value.value, *of) {
            (Value::Null, of) => of == "null",
            (Value::Bool(_), of) => of == "boolean",
            (Value::String(_), of) => of == "string",
            (Value::Array(_), of) => of == "array",
            (Value::Object(_), of) => of == "object",
            (Value::Number(_), "number") => true,
            (Value::Number(it), "integer") => it.as_integer().is_some() || it.as_f64().abs() > 9e15,
            (Value::Number(_), _) => false,
        };
        // Names that are no types are told by validate.
        let knows = |of: &&str| {
            ["null", "boolean", "string", "array", "object", "number", "integer"].contains(of)
        };
        (!wanted.iter().any(is) && wanted.iter().all(knows) && !wanted.is_empty())
            .then(|| choice(&wanted))
    }

    fn array(
        &mut self,
        value: &Node,
        items: &'a [Node],
        schema: &'a Object,
        depth: usize,
    ) -> Result<(), Mismatch> {
        let count = items.len();
        if let Some(why) = counted(count, "items", "minItems", "maxItems", schema) {
            return Err(Mismatch { at: value.at, way: Vec::new(), why });
        }
        let first = schema.get("prefixItems").and_then(Node::as_array).unwrap_or_default();
        let Some(rest) = schema.get("items") else { return Ok(()) };
        for (index, item) in items.iter().enumerate().skip(first.len()) {
            self.fits(item, rest, depth - 1).map_err(|it| it.inside(index.to_string()))?;
        }
        Ok(())
    }

    fn object(
        &mut self,
        value: &Node,
        fields: &'a Object,
        schema: &'a Object,
        depth: usize,
    ) -> Result<(), Mismatch> {
        let no = |at: At, why: String| Err(Mismatch { at, way: Vec::new(), why });
        let count = fields.len();
        if let Some(why) = counted(count, "properties", "minProperties", "maxProperties", schema) {
            return no(value.at, why);
        }
        let properties = schema.get("properties").and_then(Node::as_object);
        for name in schema.get("required").and_then(Node::as_array).into_iter().flatten() {
            let Some(name) = name.as_str() else { continue };
            if !fields.contains(name) && !self.is_one_way(properties.and_then(|it| it.get(name))) {
                return no(value.at, format!("`{}` is missing", shown(name)));
            }
        }
        let additional = schema.get("additionalProperties");
        let has_patterns = schema.contains("patternProperties");
        for entry in fields {
            let property = properties.and_then(|it| it.get(&entry.key));
            let other = additional.filter(|_| !has_patterns);
            match (property, other) {
                (Some(property), _) => self.fits(&entry.value, property, depth - 1),
                (None, Some(other)) if other.as_bool() == Some(false) => {
                    no(entry.at, format!("`{}` is no property of it", shown(&entry.key)))
                }
                (None, Some(other)) => self.fits(&entry.value, other, depth - 1),
                (None, None) => Ok(()),
            }
            .map_err(|it| it.inside(escape(&entry.key).into_owned()))?;
        }
        Ok(())
    }

    /// A property that is sent in one direction only may be missing in the other.
    fn is_one_way(&self, property: Option<&'a Node>) -> bool {
        let property = property.and_then(|it| self.references.resolve(it));
        let is = |key: &str| {
            property.is_some_and(|it| it.get(key).and_then(Node::as_bool) == Some(true))
        };
        is("readOnly") || is("writeOnly")
    }

    fn combined(
        &mut self,
        value: &'a Node,
        schema: &'a Object,
        depth: usize,
    ) -> Result<(), Mismatch> {
        for part in schema.get("allOf").and_then(Node::as_array).into_iter().flatten() {
            self.fits(value, part, depth - 1)?;
        }
        for keyword in ["anyOf", "oneOf"] {
            let parts = schema.get(keyword).and_then(Node::as_array).unwrap_or_default();
            let mut why = None;
            for part in parts {
                match self.fits(value, part, depth - 1) {
                    Ok(()) => {
                        why = None;
                        break;
                    }
                    Err(mismatch) => why = why.or(Some(mismatch)),
                }
            }
            match why {
                // With one alternative the reason is that one's.
                Some(mismatch) if parts.len() == 1 => return Err(mismatch),
                Some(_) => {
                    let why = format!("it fits none of the {} schemas of `{keyword}`", parts.len());
                    return Err(Mismatch { at: value.at, way: Vec::new(), why });
                }
                None => {}
            }
        }
        Ok(())
    }
}

impl Mismatch {
    fn inside(mut self, part: String) -> Self {
        self.way.push(part);
        self
    }
}

fn bounds(number: &Number, schema: &Object) -> Option<String> {
    let of = |key: &str| schema.get(key).and_then(Node::as_number);
    // 3.0: whether the bound itself is out.
    let is = |key: &str| schema.get(key).and_then(Node::as_bool) == Some(true);
    let shown = shown(number.as_str());
    if let Some(least) = of("minimum")
        && (is_more(least, number) || is("exclusiveMinimum") && least == number)
    {
        return Some(format!("{shown} is not within the minimum {least}"));
    }
    if let Some(most) = of("maximum")
        && (is_more(number, most) || is("exclusiveMaximum") && most == number)
    {
        return Some(format!("{shown} is not within the maximum {most}"));
    }
    if of("exclusiveMinimum").is_some_and(|it| !is_more(number, it)) {
        return Some(format!("{shown} is not more than `exclusiveMinimum`"));
    }
    if of("exclusiveMaximum").is_some_and(|it| !is_more(it, number)) {
        return Some(format!("{shown} is not less than `exclusiveMaximum`"));
    }
    let (step, whole) = (of("multipleOf")?.as_integer()?, number.as_integer()?);
    (step > 0 && whole % step != 0).then(|| format!("{shown} is no multiple of {step}"))
}

fn length(text: &str, schema: &Object) -> Option<String> {
    let of = |key: &str| schema.get(key).and_then(Node::as_number).and_then(Number::as_integer);
    let (least, most) = (of("minLength"), of("maxLength"));
    if least.is_none() && most.is_none() {
        return None;
    }
    let length = text.chars().count() as i128;
    if least.is_some_and(|it| length < it) {
        return Some(format!("it has {length} characters, and `minLength` wants more"));
    }
    most.is_some_and(|it| length > it)
        .then(|| format!("it has {length} characters, and `maxLength` allows less"))
}

fn counted(count: usize, of: &str, low: &str, high: &str, schema: &Object) -> Option<String> {
    let bound = |key: &str| schema.get(key).and_then(Node::as_number).and_then(Number::as_integer);
    let count = count as i128;
    if bound(low).is_some_and(|it| count < it) {
        return Some(format!("it has {count} {of}, and `{low}` wants more"));
    }
    bound(high)
        .is_some_and(|it| count > it)
        .then(|| format!("it has {count} {of}, and `{high}` allows less"))
}
