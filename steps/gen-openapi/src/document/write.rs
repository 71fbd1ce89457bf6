//! Writes JSON and YAML.

use std::fmt::Write as _;

use super::{Node, Text, Value};

/// JSON with two spaces for each level, and a line break at its end. What was written here is read and
/// written again to the same bytes.
pub(crate) fn to_json(node: &Node) -> String {
    let mut out = String::new();
    json(&mut out, node, 0);
    out.push('\n');
    out
}

fn json(out: &mut String, node: &Node, level: usize) {
    match &node.value {
        Value::Null => out.push_str("null"),
        Value::Bool(it) => out.push_str(if *it { "true" } else { "false" }),
        Value::Number(number) => out.push_str(number.as_str()),
        Value::String(text) => quoted(out, text),
        Value::Array(items) if items.is_empty() => out.push_str("[]"),
        Value::Object(object) if object.is_empty() => out.push_str("{}"),
        Value::Array(items) => {
            out.push('[');
            for (index, item) in items.iter().enumerate() {
                line(out, index > 0, level + 1);
                json(out, item, level + 1);
            }
            line(out, false, level);
            out.push(']');
        }
        Value::Object(object) => {
            out.push('{');
            for (index, entry) in object.iter().enumerate() {
                line(out, index > 0, level + 1);
                quoted(out, &entry.key);
                out.push_str(": ");
                json(out, &entry.value, level + 1);
            }
            line(out, false, level);
            out.push('}');
        }
    }
}

fn line(out: &mut String, comma: bool, level: usize) {
    if comma {
        out.push(',');
    }
    out.push('\n');
    indent(out, level);
}

fn indent(out: &mut String, level: usize) {
    for _ in 0..level {
        out.push_str("  ");
    }
}

/// A text in quotes, as RFC 8259 wants it. It is one of YAML as well.
fn quoted(out: &mut String, text: &str) {
    out.push('"');
    let mut rest = text;
    while let Some(at) = rest.find(|it| matches!(it, '"' | '\\' | '\0'..'\x20' | '\x7F'..='\u{9F}' | '\u{FEFF}' | '\u{2028}' | '\u{2029}')) {
        out.push_str(&rest[..at]);
        let Some(special) = rest[at..].chars().next() else { break };
        match special {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            other => {
                let _into_memory = write!(out, "\\u{:04x}", u32::from(other));
            }
        }
        rest = &rest[at + special.len_utf8()..];
    }
    out.push_str(rest);
    out.push('"');
}

/// YAML 1.2 in blocks, that YAML 1.1 understands in the same way: texts that either of them would take
/// for something else are quoted.
pub(crate) fn to_yaml(node: &Node) -> String {
    let mut out = String::new();
    match &node.value {
        Value::Array(items) if !items.is_empty() => block(&mut out, node, 0),
        Value::Object(object) if !object.is_empty() => block(&mut out, node, 0),
        _ => {
            scalar(&mut out, node, 0);
            out.push('\n');
        }
    }
    out
}

/// Lines that begin at `level`, the first one's indentation included.
fn block(out: &mut String, node: &Node, level: usize) {
    match &node.value {
        Value::Object(object) => {
            for entry in object {
                indent_unless_after_dash(out, level);
                text(out, &entry.key);
                out.push(':');
                below(out, &entry.value, level);
            }
        }
        Value::Array(items) => {
            for item in items {
                indent_unless_after_dash(out, level);
                out.push_str("- ");
                if is_block(item) {
                    block(out, item, level + 1);
                } else {
                    scalar(out, item, level + 1);
                    out.push('\n');
                }
            }
        }
        _ => scalar(out, node, level),
    }
}

/// The value of a key, on its line or below it.
fn below(out: &mut String, node: &Node, level: usize) {
    if is_block(node) {
        out.push('\n');
        block(out, node, level + 1);
    } else {
        out.push(' ');
        scalar(out, node, level + 1);
        out.push('\n');
    }
}

fn is_block(node: &Node) -> bool {
    match &node.value {
        Value::Array(items) => !items.is_empty(),
        Value::Object(object) => !object.is_empty(),
        _ => false,
    }
}

/// The first line after `- ` stands where it should already.
fn indent_unless_after_dash(out: &mut String, level: usize) {
    if !out.ends_with("- ") {
        indent(out, level);
    }
}

fn scalar(out: &mut String, node: &Node, level: usize) {
    match &node.value {
        Value::Null => out.push_str("null"),
        Value::Bool(it) => out.push_str(if *it { "true" } else { "false" }),
        Value::Number(number) => out.push_str(number.as_str()),
        Value::Array(_) => out.push_str("[]"),
        Value::Object(_) => out.push_str("{}"),
        Value::String(it) if fits_literal(it) => literal(out, it, level),
        Value::String(it) => text(out, it),
    }
}

fn text(out: &mut String, it: &Text) {
    if is_plain(it) {
        out.push_str(it);
    } else {
        quoted(out, it);
    }
}

/// Whether a text of several lines may stand as `|`.
fn fits_literal(text: &str) -> bool {
    let is_printable = |it: char| {
        it == '\n'
            || it == '\t'
            || !(it.is_control() || matches!(it, '\u{FEFF}' | '\u{2028}' | '\u{2029}'))
    };
    // A first line that begins with a space, or is empty, would need its indentation told.
    text.trim_end_matches('\n').contains('\n')
        && !text.starts_with([' ', '\n', '\t'])
        && text.chars().all(is_printable)
}

fn literal(out: &mut String, text: &str, level: usize) {
    let body = text.trim_end_matches('\n');
    out.push_str(match text.len() - body.len() {
        0 => "|-",
        1 => "|",
        _ => "|+",
    });
    for line in body.split('\n') {
        out.push('\n');
        if !line.is_empty() {
            indent(out, level.max(1));
            out.push_str(line);
        }
    }
    // The caller adds one.
    for _ in 1..text.len() - body.len() {
        out.push('\n');
    }
}

/// Whether a text needs no quotes, neither in YAML 1.1 nor in 1.2.
fn is_plain(text: &str) -> bool {
    let Some(first) = text.chars().next() else { return false };
    let starts_well = first.is_alphabetic() || matches!(first, '/' | '_' | '$' | '(' | '^');
    starts_well
        && !text.ends_with([' ', ':'])
        && !text.contains(": ")
        && !text.contains(" #")
        && text
            .chars()
            .all(|it| !it.is_control() && !matches!(it, '\u{FEFF}' | '\u{2028}' | '\u{2029}'))
        && !is_word(text)
}

/// Words that some YAML takes for null or a boolean.
fn is_word(text: &str) -> bool {
    const WORDS: [&str; 9] = ["null", "true", "false", "yes", "no", "on", "off", "y", "n"];
    text.len() <= 5 && WORDS.iter().any(|word| word.eq_ignore_ascii_case(text))
}
