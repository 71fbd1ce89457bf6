//! Writes HTML in which nothing of a document can be anything but text: names of elements and attributes
//! are constants, and what a document says goes through [`Html::text`], the functions that make an
//! [`Attribute`], or a [`Link`].

use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt::Write as _;

use url::Url;

/// How large a page may be, in bytes. The largest public descriptions make half of it.
const MAX_SIZE: usize = 64 * 1024 * 1024;

/// A page that is being written.
#[derive(Debug, Default)]
pub(super) struct Html {
    out: String,
    open: Vec<&'static str>,
    is_full: bool,
}

impl Html {
    /// Begins an element.
    pub(super) fn open(&mut self, tag: &'static str, attributes: &[Attribute<'_>]) {
        self.void(tag, attributes);
        self.open.push(tag);
    }

    /// Ends the element that was begun last.
    pub(super) fn close(&mut self) {
        if let Some(tag) = self.open.pop() {
            self.constant("</");
            self.constant(tag);
            self.constant(">");
        }
    }

    /// An element that has no end.
    pub(super) fn void(&mut self, tag: &'static str, attributes: &[Attribute<'_>]) {
        self.constant("<");
        self.constant(tag);
        for Attribute { name, value } in attributes {
            self.constant(" ");
            self.constant(name);
            self.constant("=\"");
            self.text(value);
            self.constant("\"");
        }
        self.constant(">");
    }

    /// Begins something that can be unfolded, after which its `summary` comes.
    pub(super) fn fold(&mut self, is_open: bool, names: &'static str) {
        self.constant(if is_open { "<details open" } else { "<details" });
        if !names.is_empty() {
            self.constant(" class=\"");
            self.constant(names);
            self.constant("\"");
        }
        self.constant(">");
        self.open.push("details");
    }

    /// An element with nothing but text in it.
    pub(super) fn leaf(&mut self, tag: &'static str, attributes: &[Attribute<'_>], text: &str) {
        self.open(tag, attributes);
        self.text(text);
        self.close();
    }

    /// Text of a document. Characters that cannot be seen, or turn the direction of what follows, are
    /// named: with them a page would not say what it seems to say (<https://trojansource.codes>).
    pub(super) fn text(&mut self, text: &str) {
        if self.out.len() + text.len() > MAX_SIZE {
            self.is_full = true;
            return;
        }
        let mut rest = text;
        while let Some(at) = rest.find(is_special) {
            self.out.push_str(&rest[..at]);
            let Some(special) = rest[at..].chars().next() else { break };
            match special {
                '&' => self.out.push_str("&amp;"),
                '<' => self.out.push_str("&lt;"),
                '>' => self.out.push_str("&gt;"),
                '"' => self.out.push_str("&quot;"),
                '\'' => self.out.push_str("&#39;"),
                hidden => {
                    let _into_memory = write!(self.out, "[U+{:04X}]", u32::from(hidden));
                }
            }
            rest = &rest[at + special.len_utf8()..];
        }
        self.out.push_str(rest);
    }

    /// HTML of this program.
    pub(super) fn constant(&mut self, html: &'static str) {
        if self.out.len() > MAX_SIZE {
            self.is_full = true;
            return;
        }
        self.out.push_str(html);
    }

    /// A path, which may be broken into lines after each slash.
    pub(super) fn path(&mut self, path: &str) {
        for part in path.split_inclusive('/') {
            self.text(part);
            self.constant("<wbr>");
        }
    }

    /// Whether the page became larger than it may be, so that writing more is in vain.
    pub(super) fn is_full(&self) -> bool {
        self.is_full
    }

    /// The whole page; nothing when it became larger than it may be.
    pub(super) fn finish(mut self) -> Option<String> {
        while !self.open.is_empty() {
            self.close();
        }
        (!self.is_full).then_some(self.out)
    }
}

/// What is not written as it is.
fn is_special(it: char) -> bool {
    matches!(it, '&' | '<' | '>' | '"' | '\'') || is_hidden(it)
}

/// Control characters, and those of the algorithm for two directions of writing:
/// <https://www.unicode.org/reports/tr9/#Directional_Formatting_Characters>.
fn is_hidden(it: char) -> bool {
    (it.is_control() && !matches!(it, '\n' | '\t' | '\r'))
        || matches!(
            it,
            '\u{61C}' | '\u{200B}' | '\u{200E}' | '\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2060}'..='\u{2069}' | '\u{FEFF}'
        )
}

/// An attribute of an element. There is no way to one that runs as a script.
#[derive(Debug, Clone)]
pub(super) struct Attribute<'a> {
    name: &'static str,
    value: Cow<'a, str>,
}

/// An attribute of this program.
pub(super) fn set(name: &'static str, value: &'static str) -> Attribute<'static> {
    Attribute { name, value: value.into() }
}

pub(super) fn class(names: &'static str) -> Attribute<'static> {
    set("class", names)
}

/// Where links of the page lead.
pub(super) fn id(anchor: &Anchor) -> Attribute<'_> {
    Attribute { name: "id", value: anchor.0.as_str().into() }
}

/// A link inside the page.
pub(super) fn to(anchor: &Anchor) -> Attribute<'static> {
    Attribute { name: "href", value: format!("#{}", anchor.0).into() }
}

/// A link out of the page.
pub(super) fn href(link: &Link) -> Attribute<'_> {
    Attribute { name: "href", value: link.0.as_str().into() }
}

/// Words for an element that shows none.
pub(super) fn label(text: &str) -> Attribute<'_> {
    Attribute { name: "aria-label", value: text.into() }
}

/// The content of a `meta` element.
pub(super) fn content(text: &str) -> Attribute<'_> {
    Attribute { name: "content", value: text.into() }
}

/// The first number of an ordered list.
pub(super) fn start(number: u64) -> Attribute<'static> {
    Attribute { name: "start", value: number.to_string().into() }
}

/// An address that a page may lead to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Link(String);

impl Link {
    /// Only what shows something: `javascript:` and `data:` would run something. The text is read as
    /// browsers read it, for they skip line breaks and spaces in it.
    pub(super) fn new(text: &str) -> Option<Self> {
        match Url::parse(text) {
            Ok(url) => {
                matches!(url.scheme(), "http" | "https" | "mailto").then(|| Self(url.into()))
            }
            Err(url::ParseError::RelativeUrlWithoutBase) => Some(Self(text.to_owned())),
            Err(_) => None,
        }
    }
}

/// The id of an element.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Anchor(String);

/// The ids of a page, each of which is given once.
#[derive(Debug, Default)]
pub(super) struct Anchors(HashMap<String, usize>);

impl Anchors {
    /// `KIND-NAME`, in which everything but letters, digits, `.`, `_` and `-` became `-`; with a number
    /// when it was given already.
    pub(super) fn claim(&mut self, kind: &'static str, name: &str) -> Anchor {
        let mut text = format!("{kind}-");
        for it in name.trim_matches(|it: char| !it.is_alphanumeric()).chars() {
            if it.is_alphanumeric() || matches!(it, '.' | '_') {
                text.push(it);
            } else if !text.ends_with('-') {
                text.push('-');
            }
        }
        loop {
            let count = self.0.entry(text.clone()).or_default();
            *count += 1;
            if *count == 1 {
                return Anchor(text);
            }
            text = format!("{text}-{count}");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(write: impl FnOnce(&mut Html)) -> String {
        let mut html = Html::default();
        write(&mut html);
        html.finish().unwrap()
    }

    #[test]
    fn what_a_document_says_stays_text() {
        let text = "</script><b title=\"x\" id='y'>&amp;";
        let expected = "&lt;/script&gt;&lt;b title=&quot;x&quot; id=&#39;y&#39;&gt;&amp;amp;";
        let page = written(|html| html.leaf("p", &[label(text)], text));
        assert_eq!(page, format!("<p aria-label=\"{expected}\">{expected}</p>"));
    }

    #[test]
    fn characters_that_are_not_seen_are_named() {
        let page = written(|html| html.text("user\u{202E}nimda\u{2066} \0\u{7f}\n\té\u{200d}"));
        assert_eq!(page, "user[U+202E]nimda[U+2066] [U+0000][U+007F]\n\té\u{200d}");
    }

    #[test]
    fn only_links_that_show_something_are_links() {
        for text in
            ["https://example.com/a?b=c#d", "mailto:a@example.com", "guide.html", "#x", "/a"]
        {
            assert_eq!(Link::new(text), Some(Link(text.to_owned())));
        }
        for text in [
            "javascript:alert(1)",
            "JaVaScRiPt:alert(1)",
            " java\nscript:alert(1)",
            "\u{1}javascript:alert(1)",
            "data:text/html,<script>alert(1)</script>",
            "vbscript:x",
            "file:///etc/passwd",
            "blob:https://example.com/x",
            "https://",
        ] {
            assert_eq!(Link::new(text), None, "{text:?}");
        }
    }

    #[test]
    fn anchors_are_readable_and_unique() {
        let mut anchors = Anchors::default();
        let claims = ["listOrders", "list orders", "list/orders", "list-orders-2", "größe", "\"><"];
        let claimed = claims.map(|name| anchors.claim("operation", name).0);
        assert_eq!(
            claimed,
            [
                "operation-listOrders",
                "operation-list-orders",
                "operation-list-orders-2",
                "operation-list-orders-2-2",
                "operation-größe",
                "operation-"
            ]
        );
    }

    #[test]
    fn a_page_that_grows_too_large_is_none() {
        let mut html = Html::default();
        let text = "x".repeat(MAX_SIZE / 4);
        (0..5).for_each(|_| html.text(&text));
        assert!(html.out.len() <= MAX_SIZE && html.is_full());
        assert_eq!(html.finish(), None);
    }
}
