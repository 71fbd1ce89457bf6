//! The files and addresses that documents were read from.

use findings::{Place, Source};

use super::{Node, SyntaxError, json, to_json, to_yaml, yaml};

/// Where something stands: in which source, and after how many bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct At {
    source: u32,
    offset: u32,
}

impl At {
    /// What was made here stands in no file.
    pub(crate) const NOWHERE: At = At { source: u32::MAX, offset: 0 };

    /// From the start of its source, in bytes.
    pub(super) fn offset(self) -> usize {
        self.offset as usize
    }
}

/// Makes the places of one source.
#[derive(Debug, Clone, Copy)]
pub(super) struct Placer(u32);

impl Placer {
    /// The place after so many bytes.
    pub(super) fn at(self, offset: usize) -> At {
        At { source: self.0, offset: u32::try_from(offset).unwrap_or(u32::MAX) }
    }
}

/// How a document is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Form {
    Json,
    Yaml,
}

impl Form {
    /// By the ending of a name, if that says it.
    pub(crate) fn of_name(name: &str) -> Option<Self> {
        let name = name.split(['?', '#']).next().unwrap_or(name);
        let (_, ending) = name.rsplit_once('.')?;
        match ending.to_ascii_lowercase().as_str() {
            "json" => Some(Form::Json),
            "yaml" | "yml" => Some(Form::Yaml),
            _ => None,
        }
    }

    /// A document in this form.
    pub(crate) fn write(self, node: &Node) -> String {
        match self {
            Form::Json => to_json(node),
            Form::Yaml => to_yaml(node),
        }
    }

    /// By the name, else by how the text begins.
    fn guess(name: &str, text: &str) -> Self {
        Self::of_name(name).unwrap_or_else(|| {
            if text.trim_start().starts_with(['{', '[']) { Form::Json } else { Form::Yaml }
        })
    }
}

/// All texts that documents were read from; [`At`] points into them.
#[derive(Debug, Default)]
pub(crate) struct Sources(Vec<Source<'static>>);

impl Sources {
    /// Reads the document in `bytes`. What cannot be read is kept all the same, so that errors have
    /// their place.
    ///
    /// # Errors
    /// The text is no document, at the place that is told.
    pub(crate) fn read(&mut self, name: &str, bytes: Vec<u8>) -> Result<Node, (At, String)> {
        let placer = Placer(u32::try_from(self.0.len()).unwrap_or(u32::MAX));
        let (text, broken) = text_of(bytes);
        let read = match broken {
            Some(error) => Err(error),
            None => match Form::guess(name, &text) {
                Form::Json => json::read(&text, placer),
                Form::Yaml => yaml::read(&text, placer),
            },
        };
        self.0.push(Source::new(name, text));
        read.map_err(|err| (placer.at(err.offset), err.message))
    }

    /// The place in its file; the first source's first line for what stands in none.
    pub(crate) fn place(&self, at: At) -> Place {
        match self.0.get(at.source as usize) {
            Some(source) => source.point(at.offset as usize),
            None => match self.0.first() {
                Some(first) => first.line(1),
                None => Source::new("", "").line(1),
            },
        }
    }

    /// The names of what was read.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(Source::path)
    }
}

/// The text of a file, without a byte order mark; and where it is none.
fn text_of(mut bytes: Vec<u8>) -> (String, Option<SyntaxError>) {
    if bytes.starts_with(b"\xEF\xBB\xBF") {
        bytes.drain(..3);
    }
    if bytes.starts_with(b"\xFF\xFE") || bytes.starts_with(b"\xFE\xFF") {
        let error = SyntaxError::new(0, "the text is UTF-16: save it as UTF-8");
        return (String::new(), Some(error));
    }
    match String::from_utf8(bytes) {
        Ok(text) => (text, None),
        Err(err) => {
            let offset = err.utf8_error().valid_up_to();
            let byte = err.as_bytes().get(offset).copied().unwrap_or_default();
            let error = SyntaxError::new(offset, format!("byte 0x{byte:02X} is not UTF-8"));
            (String::from_utf8_lossy(err.as_bytes()).into_owned(), Some(error))
        }
    }
}
