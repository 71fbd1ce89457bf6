//! A document as it stands in its files: every key, number and extension in its order, and the place
//! of each.
//!
//! serde_json's `Value` would lose how numbers are written, and where things stand; utoipa's types lose
//! every keyword that they do not know.

mod json;
mod number;
mod sources;
mod write;
mod yaml;

use std::collections::{HashMap, HashSet};

use ecow::{EcoString, EcoVec};

pub(crate) use number::Number;
pub(crate) use sources::{At, Form, Sources};
pub(crate) use write::{to_json, to_yaml};

/// How deep arrays and objects may lie in each other. The deepest public descriptions have about 40.
pub(crate) const MAX_DEPTH: usize = 256;

/// A text of a document; short ones lie in the node, long ones are shared between copies.
pub(crate) type Text = EcoString;

/// A value and where it stands.
#[derive(Debug, Clone)]
pub(crate) struct Node {
    pub(crate) value: Value,
    pub(crate) at: At,
}

/// The values of JSON.
#[derive(Debug, Clone)]
pub(crate) enum Value {
    Null,
    Bool(bool),
    Number(Number),
    String(Text),
    Array(EcoVec<Node>),
    Object(Object),
}

/// Keys and values in the order in which they were written. Copies share their entries until one of
/// them is changed.
#[derive(Debug, Clone, Default)]
pub(crate) struct Object(EcoVec<Entry>);

/// A key, where it stands, and its value.
#[derive(Debug, Clone)]
pub(crate) struct Entry {
    pub(crate) key: Text,
    pub(crate) at: At,
    pub(crate) value: Node,
}

/// What is wrong with the text of a document, so that it is none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SyntaxError {
    /// From the start of the text, in bytes.
    pub(crate) offset: usize,
    pub(crate) message: String,
}

impl SyntaxError {
    fn new(offset: usize, message: impl Into<String>) -> Self {
        Self { offset, message: message.into() }
    }
}

impl Node {
    /// A value that stands in no file.
    pub(crate) fn made(value: Value) -> Self {
        Self { value, at: At::NOWHERE }
    }

    /// A text that stands in no file.
    pub(crate) fn string(text: impl Into<Text>) -> Self {
        Self::made(Value::String(text.into()))
    }

    /// An object that stands in no file.
    pub(crate) fn object<K: Into<Text>>(entries: impl IntoIterator<Item = (K, Node)>) -> Self {
        let mut object = Object::default();
        for (key, value) in entries {
            object.insert(key.into(), value);
        }
        Self::made(Value::Object(object))
    }

    /// An array that stands in no file.
    pub(crate) fn array(items: impl IntoIterator<Item = Node>) -> Self {
        Self::made(Value::Array(items.into_iter().collect()))
    }

    pub(crate) fn as_object(&self) -> Option<&Object> {
        if let Value::Object(object) = &self.value { Some(object) } else { None }
    }

    pub(crate) fn as_object_mut(&mut self) -> Option<&mut Object> {
        if let Value::Object(object) = &mut self.value { Some(object) } else { None }
    }

    pub(crate) fn as_array(&self) -> Option<&[Node]> {
        if let Value::Array(items) = &self.value { Some(items) } else { None }
    }

    pub(crate) fn as_array_mut(&mut self) -> Option<&mut EcoVec<Node>> {
        if let Value::Array(items) = &mut self.value { Some(items) } else { None }
    }

    pub(crate) fn as_str(&self) -> Option<&str> {
        if let Value::String(text) = &self.value { Some(text) } else { None }
    }

    pub(crate) fn as_bool(&self) -> Option<bool> {
        if let Value::Bool(it) = self.value { Some(it) } else { None }
    }

    pub(crate) fn as_number(&self) -> Option<&Number> {
        if let Value::Number(number) = &self.value { Some(number) } else { None }
    }

    /// The value of a key, when this is an object that has it.
    pub(crate) fn get(&self, key: &str) -> Option<&Node> {
        self.as_object()?.get(key)
    }

    /// The text of a key, when this is an object that has it as text.
    pub(crate) fn text(&self, key: &str) -> Option<&str> {
        self.get(key)?.as_str()
    }

    /// The value that a JSON Pointer (RFC 6901) names: empty, or with a slash before each part.
    pub(crate) fn pointer(&self, pointer: &str) -> Option<&Node> {
        let parts = pointer.split('/').skip(1);
        parts.map(unescape).try_fold(self, |node, part| match &node.value {
            Value::Object(object) => object.get(&part),
            Value::Array(items) => items.get(part.parse::<usize>().ok()?),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => None,
        })
    }

    /// The kind of value, for messages: `a string`.
    pub(crate) fn kind(&self) -> &'static str {
        match &self.value {
            Value::Null => "null",
            Value::Bool(_) => "a boolean",
            Value::Number(_) => "a number",
            Value::String(_) => "a string",
            Value::Array(_) => "an array",
            Value::Object(_) => "an object",
        }
    }
}

/// A part of a JSON Pointer as the key that it means.
pub(crate) fn unescape(part: &str) -> Text {
    if part.contains('~') { part.replace("~1", "/").replace("~0", "~").into() } else { part.into() }
}

/// A key as part of a JSON Pointer.
pub(crate) fn escape(key: &str) -> std::borrow::Cow<'_, str> {
    if key.contains(['~', '/']) {
        key.replace('~', "~0").replace('/', "~1").into()
    } else {
        key.into()
    }
}

/// Equal in meaning: wherever they stand, whatever the order of keys, however numbers are written.
impl PartialEq for Node {
    fn eq(&self, other: &Self) -> bool {
        match (&self.value, &other.value) {
            (Value::Null, Value::Null) => true,
            (Value::Bool(a), Value::Bool(b)) => a == b,
            (Value::Number(a), Value::Number(b)) => a == b,
            (Value::String(a), Value::String(b)) => a == b,
            (Value::Array(a), Value::Array(b)) => a == b,
            (Value::Object(a), Value::Object(b)) => a == b,
            _ => false,
        }
    }
}

impl PartialEq for Object {
    fn eq(&self, other: &Self) -> bool {
        if self.len() != other.len() {
            return false;
        }
        let mut by_key: Option<HashMap<&str, &Node>> = None;
        self.iter().enumerate().all(|(index, entry)| {
            // Mostly they have the same order.
            let same = other.0.get(index).filter(|other| other.key == entry.key);
            let value = same.map(|it| &it.value).or_else(|| {
                if other.len() <= FEW {
                    return other.get(&entry.key);
                }
                let index = || other.iter().map(|it| (it.key.as_str(), &it.value)).collect();
                by_key.get_or_insert_with(index).get(entry.key.as_str()).copied()
            });
            value == Some(&entry.value)
        })
    }
}

/// So many keys are compared faster than they are hashed.
const FEW: usize = 16;

impl Object {
    pub(crate) fn get(&self, key: &str) -> Option<&Node> {
        self.entry(key).map(|entry| &entry.value)
    }

    pub(crate) fn entry(&self, key: &str) -> Option<&Entry> {
        self.0.iter().find(|entry| entry.key == key)
    }

    pub(crate) fn get_mut(&mut self, key: &str) -> Option<&mut Node> {
        let index = self.0.iter().position(|entry| entry.key == key)?;
        Some(&mut self.0.make_mut()[index].value)
    }

    /// The object of a key, which is made when the key is missing. Nothing when it is no object.
    pub(crate) fn object_at(&mut self, key: &str) -> Option<&mut Object> {
        if !self.contains(key) {
            self.insert(key, Node::made(Value::Object(Object::default())));
        }
        self.get_mut(key)?.as_object_mut()
    }

    pub(crate) fn contains(&self, key: &str) -> bool {
        self.entry(key).is_some()
    }

    /// Sets the value of a key: in its place, or as the last one.
    pub(crate) fn insert(&mut self, key: impl Into<Text>, value: Node) {
        let key = key.into();
        match self.get_mut(&key) {
            Some(old) => *old = value,
            None => self.0.push(Entry { key, at: value.at, value }),
        }
    }

    /// Appends an entry whose key is not there yet.
    pub(crate) fn push(&mut self, entry: Entry) {
        self.0.push(entry);
    }

    pub(crate) fn remove(&mut self, key: &str) -> Option<Entry> {
        let index = self.0.iter().position(|entry| entry.key == key)?;
        Some(self.0.remove(index))
    }

    pub(crate) fn iter(&self) -> std::slice::Iter<'_, Entry> {
        self.0.iter()
    }

    /// Keys and values to change. Entries that are shared are copied first.
    pub(crate) fn iter_mut(&mut self) -> std::slice::IterMut<'_, Entry> {
        self.0.make_mut().iter_mut()
    }

    pub(crate) fn keys(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|entry| entry.key.as_str())
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl FromIterator<Entry> for Object {
    fn from_iter<I: IntoIterator<Item = Entry>>(entries: I) -> Self {
        Self(entries.into_iter().collect())
    }
}

impl<'a> IntoIterator for &'a Object {
    type Item = &'a Entry;
    type IntoIter = std::slice::Iter<'a, Entry>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

/// The first entry whose key was there before.
fn duplicate(entries: &[Entry]) -> Option<&Entry> {
    if entries.len() <= FEW {
        let repeats = |(index, entry): &(usize, &Entry)| {
            entries[..*index].iter().any(|earlier| earlier.key == entry.key)
        };
        return entries.iter().enumerate().find(repeats).map(|(_, entry)| entry);
    }
    let mut seen = HashSet::with_capacity(entries.len());
    entries.iter().find(|entry| !seen.insert(entry.key.as_str()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(name: &str, text: &str) -> Result<Node, String> {
        let mut sources = Sources::default();
        let place = |sources: &Sources, at| sources.place(at).to_string();
        match sources.read(name, text.as_bytes().to_vec()) {
            Ok(node) => Ok(node),
            Err((at, message)) => Err(format!("{}: {message}", place(&sources, at))),
        }
    }

    fn json(text: &str) -> Node {
        read("a.json", text).unwrap()
    }

    fn yaml(text: &str) -> Node {
        read("a.yaml", text).unwrap()
    }

    #[test]
    fn json_is_written_as_it_was_read() {
        let text = r#"{
  "z": 1.10,
  "a": [
    12345678901234567890123,
    1e400,
    -0.0,
    "größe \" \\ \n \u0001 / \u2028",
    null,
    true,
    {},
    []
  ],
  "": {
    "~/": false
  }
}
"#;
        assert_eq!(to_json(&json(text)), text);
    }

    #[test]
    fn yaml_holds_what_its_core_schema_says() {
        let node = yaml(
            "a: no\nb: 1.10\nc: 0x1F\nd: '1'\ne: 2020-01-01\nf: ~\ng: !!str 12\n200: ok\n\
             h: +1\ni: .5\nj: 1.\nk: 007\nl: 1_000\nm: |\n  x\n  y\nn:\no: 3.0.3\np: 12:30\nq: True\n",
        );
        assert_eq!(
            to_json(&node).replace("\n  ", " ").trim(),
            r#"{ "a": "no", "b": 1.10, "c": 31, "d": "1", "e": "2020-01-01", "f": null, "g": "12", "200": "ok", "h": 1, "i": 0.5, "j": 1.0, "k": 7, "l": "1_000", "m": "x\ny\n", "n": null, "o": "3.0.3", "p": "12:30", "q": true
}"#
        );
    }

    #[test]
    fn anchors_and_merge_keys_are_resolved() {
        let node = yaml(
            "a: &a {x: 1, y: 2}\nb: {<<: *a, y: 3}\nc: {<<: [{z: 9}, *a], '<<': 5}\nd: [*a, *a]\n&k e: *k\n",
        );
        let expected = json(
            r#"{"a": {"x": 1, "y": 2}, "b": {"y": 3, "x": 1}, "c": {"<<": 5, "z": 9, "x": 1, "y": 2},
               "d": [{"x": 1, "y": 2}, {"x": 1, "y": 2}], "e": "e"}"#,
        );
        assert_eq!(node, expected);
    }

    #[test]
    fn aliases_do_not_make_it_deeper_than_it_may_be() {
        // Each holds the one before, 200 levels down.
        let chain = |anchors: usize| {
            let (open, close) = ("[".repeat(200), "]".repeat(200));
            let first = format!("a0: &a0 {open}{close}\n");
            let more = (1..anchors).map(|it| format!("a{it}: &a{it} {open}*a{}{close}\n", it - 1));
            first + &more.collect::<String>()
        };
        assert!(read("a.yaml", &chain(1)).is_ok());
        let error = read("a.yaml", &chain(1000)).unwrap_err();
        assert_eq!(error, "a.yaml:2:209: nested deeper than 256 levels");
        let key = "&a {a: &b [1]}\n";
        assert!(read("a.yaml", &format!("x: {key}y: {{<<: *a}}\nz: [*a, *b]\n")).is_ok());
    }

    #[test]
    fn large_objects_are_compared_merged_and_placed_without_delay() {
        let start = std::time::Instant::now();
        let keys = |range: std::ops::Range<usize>| {
            range.map(|it| format!("  k{it}: 1\n")).collect::<String>()
        };
        let count = 60_000;
        let forward = yaml(&keys(0..count));
        let backward: String = (0..count).rev().map(|it| format!("k{it}: 1\n")).collect();
        assert_eq!(forward, yaml(&backward));
        let merged =
            yaml(&format!("a: &a\n{}b:\n  <<: *a\n{}", keys(0..count), keys(count..2 * count)));
        assert_eq!(merged.get("b").and_then(Node::as_object).map(Object::len), Some(2 * count));
        let slashes = format!("{{\"{}\": 1}}", "\\\\".repeat(count));
        assert!(json(&slashes).as_object().is_some());
        // Quadratic, each of them takes minutes.
        assert!(start.elapsed().as_secs() < 15, "{:?}", start.elapsed());
    }

    #[test]
    fn yaml_that_was_written_means_the_same() {
        let texts = [
            "",
            " ",
            "a",
            "a b",
            "yes",
            "No",
            "null",
            "~",
            "1",
            "1.5",
            "0x1",
            "-",
            "- a",
            "a: b",
            "a:",
            "a #b",
            "#a",
            "'",
            "\"",
            "a\n",
            "a\nb",
            "a\nb\n",
            "a\nb\n\n",
            "\na\nb",
            "  a\nb",
            "a\n  b\n",
            "a\n\n\nb\n",
            "\n",
            "\n\n",
            "a\r\nb",
            "\t",
            "a\tb\nc",
            "a\u{7f}",
            "\u{feff}a",
            "é",
            "日本",
            "@a",
            "`a`",
            "%a",
            "!a",
            "&a",
            "*a",
            "?",
            "? a",
            "[a]",
            "{a}",
            "a, b",
            "|",
            ">",
            "=",
            "<<",
            "2020-01-01",
            "12:30:45",
            "a: \nb",
            "trailing \nspace",
            "\u{2028}",
            "\u{85}",
            "/a/{b}",
            "$ref",
            "#/components",
            "a\\b",
            "1_000",
            ".5",
            "+1",
            "0o7",
            ".inf",
            ".nan",
            "a\n\tb\n",
            "a\nb \n",
        ];
        let strings = || texts.iter().map(|text| Node::string(*text));
        let keys = Node::object(texts.iter().map(|text| (*text, Node::string(*text))));
        let nested = Node::array([Node::array(strings()), keys.clone(), Node::array([keys])]);
        let root = Node::object([
            ("a", Node::array(strings())),
            ("b", nested),
            ("c", Node::object([("d", Node::array([]))])),
            ("e", json("[[[1, {\"x\": {}}], null], [[]]]")),
        ]);
        let written = to_yaml(&root);
        assert_eq!(yaml(&written), root, "{written}");
        assert_eq!(to_yaml(&yaml(&written)), written);
        for text in texts {
            let node = Node::string(text);
            assert_eq!(yaml(&to_yaml(&node)), node, "{text:?}");
        }
    }

    #[test]
    fn what_is_no_document_is_told_with_its_place() {
        let deep =
            |open: &str, close: &str| format!("{}{}", open.repeat(10_000), close.repeat(10_000));
        let bomb: String = (1..30)
            .map(|level| format!("a{level}: &a{level} [*a{0}, *a{0}]\n", level - 1))
            .collect();
        let bomb = format!("a0: &a0 [x, x]\n{bomb}");
        for (name, text, expected) in [
            ("a.json", "", "a.json:1:1: the document is empty"),
            ("a.json", "{\"a\": 1,\n \"b\": }", "a.json:2:7: not JSON: expected value"),
            ("a.json", "{\"a\": 1", "a.json:1:8: not JSON: EOF while parsing an object"),
            (
                "a.json",
                "{\"a\": 1,\n \"b\": 2,\n  \"a\": 3}",
                "a.json:3:3: the key `a` stands twice in this object",
            ),
            (
                "a.json",
                "{\"\\\"a\": 1,  \"\\\"a\": 2}",
                "a.json:1:13: the key `\"a` stands twice in this object",
            ),
            ("a.json", "[1] 2", "a.json:1:5: not JSON: trailing characters"),
            ("a.json", "[NaN]", "a.json:1:2: not JSON: expected value"),
            ("a.yaml", "", "a.yaml:1:1: the document is empty"),
            ("a.yaml", "# nothing\n", "a.yaml:1:1: the document is empty"),
            (
                "a.yaml",
                "a: 1\nb:\n  c: 2\na: 3\n",
                "a.yaml:4:1: the key `a` stands twice in this object",
            ),
            (
                "a.yaml",
                "a: .inf\n",
                "a.yaml:1:4: JSON has no number `.inf`: quote it if it is a text",
            ),
            (
                "a.yaml",
                "? [a]\n: 1\n",
                "a.yaml:1:3: a key has to be a text, not an array or object",
            ),
            (
                "a.yaml",
                "a: 1\n---\nb: 1\n",
                "a.yaml:2:1: a second document begins here: one file, one document",
            ),
            (
                "a.yaml",
                "a: &a [*a]\n",
                "a.yaml:1:8: an alias inside of what it stands for never ends",
            ),
            ("a.yaml", "<<: 1\n", "a.yaml:1:5: `<<` takes an object, or an array of them"),
            ("a.yaml", &bomb, "a.yaml:18:18: aliases repeat more than 1000000 values"),
            ("a.json", &deep("[", "]"), "a.json:1:258: nested deeper than 256 levels"),
            ("a.json", &deep("{\"a\":", "}"), "nested deeper than 256 levels"),
            ("a.yaml", &deep("[", "]"), "nested deeper than 256 levels"),
            ("a.yaml", &"- ".repeat(10_000), "nested deeper than 256 levels"),
        ] {
            let told = read(name, text).unwrap_err();
            assert!(told.contains(expected), "{told}\ninstead of {expected}");
        }
        let told = read("a.yaml", "a:\n\tb: 1\n").unwrap_err();
        assert!(told.starts_with("a.yaml:2:"), "{told}");
        let mut sources = Sources::default();
        for (bytes, expected) in [
            (&b"a: 1\nb: \xFFx\n"[..], "a.yaml:2:4 byte 0xFF is not UTF-8"),
            (b"\xFF\xFEa", "a.yaml:1:1 the text is UTF-16: save it as UTF-8"),
        ] {
            let (at, message) = sources.read("a.yaml", bytes.to_vec()).unwrap_err();
            assert_eq!(format!("{} {message}", sources.place(at)), expected);
        }
        assert_eq!(
            sources.read("a.yaml", b"\xEF\xBB\xBFa: 1".to_vec()).unwrap(),
            json("{\"a\": 1}")
        );
    }

    #[test]
    fn every_value_and_key_knows_its_place() {
        for (name, text) in [
            ("a.json", "{\"a\": {\n  \"größe\": [1,\n    {\"c\" : \"x\"}]}}"),
            ("a.yaml", "a: \n  größe: [1,\n    {c : x}]"),
        ] {
            let mut sources = Sources::default();
            let root = sources.read(name, text.into()).unwrap();
            let line_of = |at| sources.place(at).to_string();
            let entry = root.get("a").unwrap().as_object().unwrap().entry("größe").unwrap();
            assert_eq!(line_of(entry.at), format!("{name}:2:3"));
            let inner = root.pointer("/a/größe/1").unwrap();
            assert_eq!(line_of(inner.at), format!("{name}:3:5"));
            let entry = inner.as_object().unwrap().entry("c").unwrap();
            assert_eq!(line_of(entry.at), format!("{name}:3:6"));
            let column = if name == "a.json" { 12 } else { 10 };
            assert_eq!(line_of(entry.value.at), format!("{name}:3:{column}"));
        }
    }
}
