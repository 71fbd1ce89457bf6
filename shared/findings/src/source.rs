//! Places in files.

use std::borrow::Cow;
use std::fmt;
use std::ops::Range;
use std::path::{Component, Path};

use serde::Serialize;

/// A place in a file: a line, or from a character to another.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Place {
    /// Relative to the repository, with `/`.
    pub(crate) path: String,
    /// From 1.
    pub(crate) line: usize,
    /// From 1, in characters.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) column: Option<usize>,
    /// The line of the end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) end_line: Option<usize>,
    /// The first column that is not in it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) end_column: Option<usize>,
    /// The text of the line.
    #[serde(skip)]
    pub(crate) text: String,
}

impl Place {
    /// The path of the file.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// The number of the line, from 1.
    pub fn line(&self) -> usize {
        self.line
    }

    /// The column, from 1, in characters.
    pub fn column(&self) -> Option<usize> {
        self.column
    }

    /// The line and the first column that is not in it, where that is known.
    pub fn end(&self) -> Option<(usize, usize)> {
        self.end_line.zip(self.end_column)
    }
}

/// `path:line:column`
impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.path, self.line)?;
        self.column.map_or(Ok(()), |column| write!(f, ":{column}"))
    }
}

/// How much of a line is kept with a place: files that a program wrote may be one line of megabytes.
const MAX_LINE: usize = 1000;

/// A file with its text, in which places are looked up.
#[derive(Debug, Clone)]
pub struct Source<'a> {
    path: String,
    text: Cow<'a, str>,
    /// Where each line begins.
    starts: Vec<usize>,
    /// How many characters stand before each block of [`BLOCK`] bytes: lines of megabytes are not
    /// counted again for each place in them. Empty when bytes are characters.
    blocks: Vec<usize>,
}

/// In bytes.
const BLOCK: usize = 4096;

impl<'a> Source<'a> {
    /// A file; `path` is relative to the repository.
    pub fn new(path: impl AsRef<Path>, text: impl Into<Cow<'a, str>>) -> Self {
        let text = text.into();
        let breaks = text.match_indices('\n').map(|(at, _)| at + 1);
        let starts = std::iter::once(0).chain(breaks).collect();
        let blocks = if text.is_ascii() { Vec::new() } else { characters_before_blocks(&text) };
        Self { path: slashed(path.as_ref()), text, starts, blocks }
    }

    /// The path of the file.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// A byte, of which it is not known where what begins there ends.
    pub fn point(&self, byte: usize) -> Place {
        let (line, column) = self.position_of(byte);
        Place { column: Some(column), ..self.line(line) }
    }

    /// A whole line, from 1.
    pub fn line(&self, number: usize) -> Place {
        let number = number.max(1);
        Place {
            path: self.path.clone(),
            line: number,
            column: None,
            end_line: None,
            end_column: None,
            text: self.text_of(number).to_owned(),
        }
    }

    /// A line and a column, both from 1, and if it is known the line and the first column behind what is
    /// meant.
    pub fn position(&self, line: usize, column: usize, end: Option<(usize, usize)>) -> Place {
        Place {
            column: Some(column.max(1)),
            end_line: end.map(|(line, _)| line),
            end_column: end.map(|(_, column)| column),
            ..self.line(line)
        }
    }

    /// What stands between two bytes.
    pub fn span(&self, bytes: Range<usize>) -> Place {
        let (line, column) = self.position_of(bytes.start);
        let (end_line, end_column) = self.position_of(bytes.end.max(bytes.start));
        Place {
            column: Some(column),
            end_line: Some(end_line),
            end_column: Some(end_column),
            ..self.line(line)
        }
    }

    fn position_of(&self, byte: usize) -> (usize, usize) {
        let byte = byte.min(self.text.len());
        let line = self.starts.partition_point(|start| *start <= byte);
        let start = self.starts[line - 1];
        (line, self.characters_before(byte) - self.characters_before(start) + 1)
    }

    /// The number of characters that begin before a byte.
    fn characters_before(&self, byte: usize) -> usize {
        match self.blocks.get(byte / BLOCK) {
            None => byte,
            Some(before) => {
                let block = byte / BLOCK * BLOCK;
                before + count_characters(&self.text.as_bytes()[block..byte])
            }
        }
    }

    /// The text of a line, its beginning if it is very long.
    fn text_of(&self, line: usize) -> &str {
        let Some(start) = self.starts.get(line - 1) else { return "" };
        let end = self.starts.get(line).copied().unwrap_or(self.text.len());
        let end = self.text.floor_char_boundary(end.min(start + MAX_LINE));
        self.text[*start..end].trim_end_matches(['\r', '\n'])
    }
}

fn characters_before_blocks(text: &str) -> Vec<usize> {
    let blocks = text.as_bytes().chunks(BLOCK);
    let mut before = 0;
    let starts = blocks.map(|block| {
        let start = before;
        before += count_characters(block);
        start
    });
    let mut starts: Vec<usize> = starts.collect();
    // The end of the text may be that of a block.
    starts.push(before);
    starts
}

/// How many characters begin in these bytes of UTF-8.
fn count_characters(bytes: &[u8]) -> usize {
    bytes.iter().filter(|byte| **byte & 0xC0 != 0x80).count()
}

/// A path from the current folder with `/` between its parts and without `./`, as GitLab wants it. A
/// URL stays as it is.
fn slashed(path: &Path) -> String {
    if let Some(url) = path.to_str().filter(|it| it.contains("://")) {
        return url.to_owned();
    }
    let current = std::env::current_dir().ok().filter(|_| path.is_absolute());
    let below = current.and_then(|current| path.strip_prefix(current).ok());
    let mut parts: Vec<String> = Vec::new();
    for part in below.unwrap_or(path).components() {
        match part {
            Component::Normal(part) => parts.push(part.to_string_lossy().into_owned()),
            Component::ParentDir if parts.last().is_some_and(|last| last != "..") => {
                parts.pop();
            }
            Component::ParentDir => parts.push("..".to_owned()),
            // Relative always: what stands below the root is taken as it stands there.
            Component::CurDir | Component::RootDir | Component::Prefix(_) => {}
        }
    }
    parts.join("/")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_have_no_dots_and_urls_stay_as_they_are() {
        assert_eq!(Source::new("./a/../b/./c.yaml", "").path(), "b/c.yaml");
        assert_eq!(Source::new("https://h/../a.yaml", "").path(), "https://h/../a.yaml");
    }

    #[test]
    fn characters_are_counted_over_blocks() {
        let text = "é".repeat(5000) + "\n" + &"ü".repeat(5000);
        let source = Source::new("a", text.as_str());
        for (byte, shown) in [
            (0, "a:1:1"),
            (2 * 2048, "a:1:2049"),
            (2 * 3000, "a:1:3001"),
            (10_001, "a:2:1"),
            (10_001 + 2 * 4000, "a:2:4001"),
            (20_001, "a:2:5001"),
        ] {
            assert_eq!(source.point(byte).to_string(), shown);
        }
    }

    #[test]
    fn a_place_is_told_in_lines_and_characters() {
        let source = Source::new("a.sql", "größe\r\nab DROP\n");
        for (bytes, place, end, text) in [
            (0..1, "a.sql:1:1", (1, 2), "größe"),
            // The fifth character begins at the seventh byte.
            (6..7, "a.sql:1:5", (1, 6), "größe"),
            (12..16, "a.sql:2:4", (2, 8), "ab DROP"),
            (0..16, "a.sql:1:1", (2, 8), "größe"),
            (17..17, "a.sql:3:1", (3, 1), ""),
            (99..100, "a.sql:3:1", (3, 1), ""),
        ] {
            let found = source.span(bytes.clone());
            assert_eq!(found.to_string(), place, "{bytes:?}");
            assert_eq!((found.end_line, found.end_column), (Some(end.0), Some(end.1)), "{bytes:?}");
            assert_eq!(found.text, text, "{bytes:?}");
        }
        assert_eq!(source.line(2).to_string(), "a.sql:2");
        assert_eq!(source.line(2).text, "ab DROP");
        assert_eq!(source.line(0).line(), 1);
        assert_eq!(source.line(9).text, "");
    }

    #[test]
    fn paths_are_relative_with_slashes() {
        for (path, shown) in [
            ("./db/V1__a.sql", "db/V1__a.sql"),
            ("db//sub/../V1__a.sql", "db/V1__a.sql"),
            ("../db/V1__a.sql", "../db/V1__a.sql"),
            ("/srv/db/V1__a.sql", "srv/db/V1__a.sql"),
        ] {
            assert_eq!(Source::new(path, "").line(1).path(), shown);
        }
        let absolute = std::env::current_dir().unwrap().join("db/V1__a.sql");
        assert_eq!(Source::new(absolute, "").line(1).path(), "db/V1__a.sql");
    }
}
