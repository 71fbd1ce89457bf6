//! Reads YAML 1.2 as far as it is JSON: the core schema, and `<<` as most tools understand it.

use std::collections::{HashMap, HashSet};

use granit_parser::{ErrorKind, Event, Options, Parser, ScalarStyle, Span, Tag};

use super::json::{too_deep, twice};
use super::sources::Placer;
use super::{Entry, MAX_DEPTH, Node, Number, Object, SyntaxError, Text, Value, duplicate};

/// How many values aliases may add to a document: enough for any real one, and an end for those that
/// grow without limit.
const MAX_ALIASED: usize = 1_000_000;

/// Reads a text of one document of YAML.
///
/// # Errors
/// It is not YAML, or has what JSON has not: keys that are no text, a key twice, several documents,
/// numbers that are none; or it is nested too deeply, or its aliases make it too large.
pub(super) fn read(text: &str, placer: Placer) -> Result<Node, SyntaxError> {
    let mut options = Options::default();
    options.emit_comments = false;
    options.flow_nesting_limit = MAX_DEPTH;
    options.block_nesting_limit = MAX_DEPTH;
    let mut reader =
        Reader { placer, open: Vec::new(), anchors: HashMap::new(), aliased: 0, root: None };
    for event in Parser::new_from_str_with_options(text, options) {
        let (event, span) = event.map_err(|err| {
            let offset = err.marker().byte_offset().unwrap_or(0);
            match err.kind() {
                ErrorKind::RecursionLimitExceeded => SyntaxError::new(offset, too_deep()),
                _ => SyntaxError::new(offset, format!("not YAML: {}", err.info())),
            }
        })?;
        reader.take(event, start_of(&span))?;
    }
    match reader.root {
        Some(Counted { node, .. }) if !text.trim().is_empty() => Ok(node),
        _ => Err(SyntaxError::new(0, "the document is empty")),
    }
}

struct Reader {
    placer: Placer,
    open: Vec<Open>,
    anchors: HashMap<usize, Counted>,
    aliased: usize,
    root: Option<Counted>,
}

/// A value, how many values it holds, itself included, and how deep they lie in it.
#[derive(Clone)]
struct Counted {
    node: Node,
    count: usize,
    depth: usize,
}

/// An array or object that has not ended yet.
struct Open {
    offset: usize,
    anchor: usize,
    count: usize,
    depth: usize,
    content: Content,
}

enum Content {
    Array(Vec<Node>),
    Object { entries: Vec<Entry>, merged: Vec<Node>, key: Option<Key> },
}

enum Key {
    Named(Text, usize),
    /// `<<`: the keys of other objects.
    Merge,
}

impl Reader {
    fn take(&mut self, event: Event<'_>, offset: usize) -> Result<(), SyntaxError> {
        match event {
            Event::DocumentStart(..) if self.root.is_some() => Err(SyntaxError::new(
                offset,
                "a second document begins here: one file, one document",
            )),
            Event::Alias(anchor) => self.alias(anchor, offset),
            Event::Scalar(text, style, anchor, tag) => {
                let is_plain = style == ScalarStyle::Plain;
                if self.expects_key() {
                    return self.key(&text, is_plain, offset, anchor);
                }
                let value = scalar(&text, is_plain, tag.as_deref(), offset)?;
                let node = Node { value, at: self.placer.at(offset) };
                self.put(Counted { node, count: 1, depth: 0 }, anchor, offset)
            }
            Event::SequenceStart(_, anchor, _) => {
                self.begin(Content::Array(Vec::new()), anchor, offset)
            }
            Event::MappingStart(_, anchor, _) => {
                let content =
                    Content::Object { entries: Vec::new(), merged: Vec::new(), key: None };
                self.begin(content, anchor, offset)
            }
            Event::SequenceEnd | Event::MappingEnd => self.end(),
            _ => Ok(()),
        }
    }

    fn expects_key(&self) -> bool {
        matches!(self.open.last(), Some(Open { content: Content::Object { key: None, .. }, .. }))
    }

    fn key(
        &mut self,
        text: &str,
        is_plain: bool,
        offset: usize,
        anchor: usize,
    ) -> Result<(), SyntaxError> {
        if anchor > 0 {
            let node = Node { value: Value::String(text.into()), at: self.placer.at(offset) };
            self.anchors.insert(anchor, Counted { node, count: 1, depth: 0 });
        }
        if let Some(Open { content: Content::Object { key, .. }, .. }) = self.open.last_mut() {
            *key = Some(if is_plain && text == "<<" {
                Key::Merge
            } else {
                Key::Named(text.into(), offset)
            });
        }
        Ok(())
    }

    fn begin(&mut self, content: Content, anchor: usize, offset: usize) -> Result<(), SyntaxError> {
        if self.expects_key() {
            return Err(SyntaxError::new(offset, "a key has to be a text, not an array or object"));
        }
        if self.open.len() >= MAX_DEPTH {
            return Err(SyntaxError::new(offset, too_deep()));
        }
        self.open.push(Open { offset, anchor, count: 1, depth: 0, content });
        Ok(())
    }

    fn end(&mut self) -> Result<(), SyntaxError> {
        let Some(open) = self.open.pop() else { return Ok(()) };
        let value = match open.content {
            Content::Array(items) => Value::Array(items.into()),
            Content::Object { entries, merged, .. } => {
                if let Some(entry) = duplicate(&entries) {
                    return Err(SyntaxError::new(entry.at.offset(), twice(&entry.key)));
                }
                Value::Object(merge(entries, &merged))
            }
        };
        let node = Node { value, at: self.placer.at(open.offset) };
        let Open { offset, anchor, count, depth, .. } = open;
        self.put(Counted { node, count, depth }, anchor, offset)
    }

    fn alias(&mut self, anchor: usize, offset: usize) -> Result<(), SyntaxError> {
        let Some(target) = self.anchors.get(&anchor).cloned() else {
            return Err(SyntaxError::new(
                offset,
                "an alias inside of what it stands for never ends",
            ));
        };
        if self.expects_key() {
            return match target.node.value {
                Value::String(text) => self.key(&text, false, offset, 0),
                _ => Err(SyntaxError::new(offset, "a key has to be a text")),
            };
        }
        if self.open.len() + target.depth > MAX_DEPTH {
            return Err(SyntaxError::new(offset, too_deep()));
        }
        self.aliased += target.count;
        if self.aliased > MAX_ALIASED {
            let message = format!("aliases repeat more than {MAX_ALIASED} values");
            return Err(SyntaxError::new(offset, message));
        }
        self.put(target, 0, offset)
    }

    /// Puts a value where it belongs.
    fn put(&mut self, it: Counted, anchor: usize, offset: usize) -> Result<(), SyntaxError> {
        if anchor > 0 {
            self.anchors.insert(anchor, it.clone());
        }
        let Some(open) = self.open.last_mut() else {
            self.root = Some(it);
            return Ok(());
        };
        open.count += it.count;
        open.depth = open.depth.max(it.depth + 1);
        match &mut open.content {
            Content::Array(items) => items.push(it.node),
            Content::Object { entries, merged, key } => match key.take() {
                Some(Key::Named(key, at)) => {
                    entries.push(Entry { key, at: self.placer.at(at), value: it.node });
                }
                Some(Key::Merge) => match it.node.value {
                    Value::Object(_) => merged.push(it.node),
                    Value::Array(items) if items.iter().all(|it| it.as_object().is_some()) => {
                        merged.extend(items);
                    }
                    _ => {
                        let message = "`<<` takes an object, or an array of them";
                        return Err(SyntaxError::new(offset, message));
                    }
                },
                None => return Err(SyntaxError::new(offset, "a key has to be a text")),
            },
        }
        Ok(())
    }
}

/// The entries, and those of `merged` whose keys are not there yet.
/// The earlier wins: <https://yaml.org/type/merge.html>
fn merge(entries: Vec<Entry>, merged: &[Node]) -> Object {
    if merged.is_empty() {
        return entries.into_iter().collect();
    }
    let mut keys: HashSet<Text> = entries.iter().map(|entry| entry.key.clone()).collect();
    let others = merged.iter().filter_map(Node::as_object).flatten();
    let new = others.filter(|entry| keys.insert(entry.key.clone())).cloned();
    let new: Vec<Entry> = new.collect();
    entries.into_iter().chain(new).collect()
}

/// The value of a scalar by its tag, else by the core schema (YAML 1.2.2, 10.3): `no` is a text.
fn scalar(
    text: &str,
    is_plain: bool,
    tag: Option<&Tag>,
    offset: usize,
) -> Result<Value, SyntaxError> {
    let tag = tag.and_then(Tag::core_suffix);
    let is_string = match tag {
        Some("str") => true,
        Some("int" | "float" | "bool" | "null") => false,
        _ => !is_plain,
    };
    if is_string {
        return Ok(Value::String(text.into()));
    }
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Ok(Value::Null),
        "true" | "True" | "TRUE" => return Ok(Value::Bool(true)),
        "false" | "False" | "FALSE" => return Ok(Value::Bool(false)),
        _ => {}
    }
    match number(text) {
        Some(Ok(number)) => Ok(Value::Number(number)),
        Some(Err(why)) => Err(SyntaxError::new(offset, why)),
        None => Ok(Value::String(text.into())),
    }
}

/// A number of the core schema, in the grammar of JSON.
fn number(text: &str) -> Option<Result<Number, String>> {
    let first = text.bytes().next()?;
    if !(first.is_ascii_digit() || matches!(first, b'+' | b'-' | b'.')) {
        return None;
    }
    for (prefix, radix) in [("0x", 16), ("0o", 8)] {
        if let Some(digits) = text.strip_prefix(prefix) {
            let value = u128::from_str_radix(digits, radix).ok()?;
            return Some(Ok(Number::new(value.to_string())));
        }
    }
    let (sign, rest) = match first {
        b'-' => ("-", &text[1..]),
        b'+' => ("", &text[1..]),
        _ => ("", text),
    };
    if matches!(rest, ".inf" | ".Inf" | ".INF") || matches!(text, ".nan" | ".NaN" | ".NAN") {
        return Some(Err(format!("JSON has no number `{text}`: quote it if it is a text")));
    }
    let (mantissa, exponent) = match rest.find(['e', 'E']) {
        Some(at) => (&rest[..at], Some(&rest[at + 1..])),
        None => (rest, None),
    };
    let (whole, fraction) = match mantissa.split_once('.') {
        Some((whole, fraction)) => (whole, Some(fraction)),
        None => (mantissa, None),
    };
    let are_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let has_digits = !whole.is_empty() || fraction.is_some_and(|it| !it.is_empty());
    let exponent_digits = exponent.map(|it| it.strip_prefix(['+', '-']).unwrap_or(it));
    if !has_digits
        || !are_digits(whole)
        || !fraction.is_none_or(are_digits)
        || !exponent_digits.is_none_or(|it| !it.is_empty() && are_digits(it))
    {
        return None;
    }
    let whole = match whole.trim_start_matches('0') {
        "" => "0",
        digits => digits,
    };
    let fraction = match fraction {
        Some("") => ".0".to_owned(),
        Some(digits) => format!(".{digits}"),
        None => String::new(),
    };
    let exponent = exponent.map(|it| format!("e{it}")).unwrap_or_default();
    Some(Ok(Number::new(format!("{sign}{whole}{fraction}{exponent}"))))
}

fn start_of(span: &Span) -> usize {
    span.start.byte_offset().unwrap_or(0)
}
