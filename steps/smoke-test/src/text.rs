//! Values that stand as text in `smoke.toml` and are understood when the file is read, so that a
//! mistake is told with its line and not in the middle of a test.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

use regex::Regex;
use reqwest::Url;
use reqwest::header::HeaderName;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{self, Deserialize, Deserializer, MapAccess, Visitor};
use serde_json_path::JsonPath;

/// A value that is written as text.
pub(crate) trait FromText: Sized {
    /// What the text should have been, for messages.
    const KIND: &'static str;

    /// Understands the text, or says what is wrong with it.
    fn from_text(text: &str) -> Result<Self, String>;
}

/// A [`FromText`] value in a file.
#[derive(Debug, Clone)]
pub(crate) struct Text<T>(pub(crate) T);

impl<'de, T: FromText> Deserialize<'de> for Text<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let wrong = |why| de::Error::custom(format!("`{text}` is not {}: {why}", T::KIND));
        T::from_text(&text).map(Self).map_err(wrong)
    }
}

impl<T> JsonSchema for Text<T> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Text".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string" })
    }
}

/// A table as pairs, in the order of the file.
#[derive(Debug, Clone)]
pub(crate) struct Pairs<K, V>(pub(crate) Vec<(K, V)>);

impl<K, V> Default for Pairs<K, V> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<'de, K: FromText, V: Deserialize<'de>> Deserialize<'de> for Pairs<K, V> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Table<K, V>(PhantomData<(K, V)>);

        impl<'de, K: FromText, V: Deserialize<'de>> Visitor<'de> for Table<K, V> {
            type Value = Pairs<K, V>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a table")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut pairs = Vec::new();
                while let Some((Text(key), value)) = map.next_entry::<Text<K>, V>()? {
                    pairs.push((key, value));
                }
                Ok(Pairs(pairs))
            }
        }

        deserializer.deserialize_map(Table(PhantomData))
    }
}

impl<K, V: JsonSchema> JsonSchema for Pairs<K, V> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Pairs".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let values = generator.subschema_for::<V>();
        json_schema!({ "type": "object", "additionalProperties": values })
    }
}

impl FromText for Regex {
    const KIND: &'static str = "a regular expression";

    fn from_text(text: &str) -> Result<Self, String> {
        Regex::new(text).map_err(|err| {
            // The first lines draw the pattern with a mark below; the last one says what is wrong.
            let message = err.to_string();
            let last = message.lines().last().unwrap_or_default();
            last.trim_start_matches("error: ").to_owned()
        })
    }
}

impl FromText for JsonPath {
    const KIND: &'static str = "a JSON path (RFC 9535)";

    fn from_text(text: &str) -> Result<Self, String> {
        JsonPath::parse(text).map_err(|err| err.to_string())
    }
}

impl FromText for HeaderName {
    const KIND: &'static str = "the name of a header";

    fn from_text(text: &str) -> Result<Self, String> {
        text.parse().map_err(|err| format!("{err}"))
    }
}

impl FromText for Url {
    const KIND: &'static str = "an http address";

    fn from_text(text: &str) -> Result<Self, String> {
        let url = Url::parse(text).map_err(|err| err.to_string())?;
        match url.scheme() {
            "http" | "https" => Ok(url),
            _ => Err(NO_HTTP.to_owned()),
        }
    }
}

/// What is wrong with an address of another scheme.
pub(crate) const NO_HTTP: &str = "it begins with http:// or https://";
