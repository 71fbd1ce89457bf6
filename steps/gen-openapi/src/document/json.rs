//! Reads JSON.

use jiter::{Jiter, JiterError, Peek};

use super::sources::Placer;
use super::{Entry, MAX_DEPTH, Node, Number, Object, SyntaxError, Text, Value, duplicate};

/// Reads a text of JSON.
///
/// # Errors
/// It is not JSON, holds a key twice, or is nested too deeply.
pub(super) fn read(text: &str, placer: Placer) -> Result<Node, SyntaxError> {
    if text.trim_ascii().is_empty() {
        return Err(SyntaxError::new(0, "the document is empty"));
    }
    let mut reader = Reader { jiter: Jiter::new(text.as_bytes()), text, placer };
    let peek = reader.jiter.peek().map_err(syntax)?;
    let node = reader.value(peek, 0)?;
    reader.jiter.finish().map_err(syntax)?;
    Ok(node)
}

struct Reader<'a> {
    jiter: Jiter<'a>,
    text: &'a str,
    placer: Placer,
}

impl Reader<'_> {
    fn value(&mut self, peek: Peek, depth: usize) -> Result<Node, SyntaxError> {
        let start = self.jiter.current_index();
        if depth > MAX_DEPTH {
            return Err(SyntaxError::new(start, too_deep()));
        }
        let value = match peek {
            Peek::Null => {
                self.jiter.known_null().map_err(syntax)?;
                Value::Null
            }
            Peek::True | Peek::False => Value::Bool(self.jiter.known_bool(peek).map_err(syntax)?),
            Peek::String => Value::String(self.jiter.known_str().map_err(syntax)?.into()),
            Peek::Array => {
                let mut items = Vec::new();
                let mut next = self.jiter.known_array().map_err(syntax)?;
                while let Some(peek) = next {
                    items.push(self.value(peek, depth + 1)?);
                    next = self.jiter.array_step().map_err(syntax)?;
                }
                Value::Array(items.into())
            }
            Peek::Object => Value::Object(self.object(depth)?),
            _ => Value::Number(self.number(peek, start)?),
        };
        Ok(Node { value, at: self.placer.at(start) })
    }

    fn object(&mut self, depth: usize) -> Result<Object, SyntaxError> {
        let mut entries = Vec::new();
        let mut key = self.jiter.known_object().map_err(syntax)?.map(Text::from);
        while let Some(this) = key {
            let start = key_start(self.text.as_bytes(), self.jiter.current_index());
            let peek = self.jiter.peek().map_err(syntax)?;
            let value = self.value(peek, depth + 1)?;
            entries.push(Entry { key: this, at: self.placer.at(start), value });
            key = self.jiter.next_key().map_err(syntax)?.map(Text::from);
        }
        match duplicate(&entries) {
            None => Ok(entries.into_iter().collect()),
            Some(entry) => Err(SyntaxError::new(entry.at.offset(), twice(&entry.key))),
        }
    }

    fn number(&mut self, peek: Peek, start: usize) -> Result<Number, SyntaxError> {
        let bytes = self.jiter.known_number_bytes(peek).map_err(syntax)?;
        match str::from_utf8(bytes) {
            // The reader takes what JavaScript has besides JSON.
            Ok(text) if text.ends_with(|last: char| last.is_ascii_digit()) => Ok(Number::new(text)),
            _ => Err(SyntaxError::new(start, "JSON has no such number")),
        }
    }
}

/// Where the key begins whose colon ends before `end`.
fn key_start(text: &[u8], end: usize) -> usize {
    let colon = text[..end].iter().rposition(|byte| *byte == b':').unwrap_or(0);
    let close = text[..colon].iter().rposition(|byte| *byte == b'"').unwrap_or(0);
    let is_open = |index: &usize| {
        let slashes = || text[..*index].iter().rev().take_while(|byte| **byte == b'\\').count();
        text[*index] == b'"' && slashes() % 2 == 0
    };
    (0..close).rev().find(is_open).unwrap_or(close)
}

fn syntax(err: JiterError) -> SyntaxError {
    let what = err.error_type.to_string();
    SyntaxError::new(err.index, format!("not JSON: {what}"))
}

pub(super) fn too_deep() -> String {
    format!("nested deeper than {MAX_DEPTH} levels")
}

pub(super) fn twice(key: &str) -> String {
    format!("the key `{key}` stands twice in this object")
}
