//! Descriptions are Markdown: CommonMark, with the tables that everybody writes.
//! <https://spec.openapis.org/oas/v3.1.2#rich-text-formatting>

use pulldown_cmark::{Event, HeadingLevel, Options, Parser, Tag, TagEnd};

use super::html::{Html, Link, class, href, set, start};

/// Writes a text. Its headings begin at `level`. HTML in it is shown as text; an image is a link to it,
/// for a page loads nothing.
pub(super) fn markdown(html: &mut Html, text: &str, level: usize) {
    let options =
        Options::ENABLE_TABLES | Options::ENABLE_STRIKETHROUGH | Options::ENABLE_TASKLISTS;
    let mut writer = Writer { html, level, links: 0, cell: "td" };
    for event in Parser::new_ext(text, options) {
        writer.event(event);
    }
}

struct Writer<'h> {
    html: &'h mut Html,
    level: usize,
    /// How many links and images are open: a link in a link is none.
    links: usize,
    cell: &'static str,
}

impl Writer<'_> {
    fn event(&mut self, event: Event<'_>) {
        match event {
            Event::Start(tag) => self.start(&tag),
            Event::End(tag) => self.end(tag),
            Event::Code(text) => self.html.leaf("code", &[], &text),
            Event::SoftBreak => self.html.constant("\n"),
            Event::HardBreak => self.html.constant("<br>"),
            Event::Rule => self.html.constant("<hr>"),
            Event::TaskListMarker(done) => self.html.constant(if done { "☑ " } else { "☐ " }),
            Event::Text(text)
            | Event::Html(text)
            | Event::InlineHtml(text)
            | Event::InlineMath(text)
            | Event::DisplayMath(text)
            | Event::FootnoteReference(text) => self.html.text(&text),
        }
    }

    fn start(&mut self, tag: &Tag<'_>) {
        match tag {
            Tag::Heading { level, .. } => self.html.open(self.heading(*level), &[]),
            Tag::BlockQuote(_) => self.html.open("blockquote", &[]),
            // The language is only for those who colour it.
            Tag::CodeBlock(_) => {
                self.html.open("pre", &[]);
                self.html.open("code", &[]);
            }
            Tag::List(None) => self.html.open("ul", &[]),
            Tag::List(Some(number)) => self.html.open("ol", &[start(*number)]),
            Tag::Item => self.html.open("li", &[]),
            Tag::Table(_) => {
                self.html.open("div", &[class("wide")]);
                self.html.open("table", &[]);
            }
            Tag::TableHead => {
                self.cell = "th";
                self.html.open("tr", &[]);
            }
            Tag::TableRow => self.html.open("tr", &[]),
            Tag::TableCell => self.html.open(self.cell, &[]),
            Tag::Emphasis => self.html.open("em", &[]),
            Tag::Strong => self.html.open("strong", &[]),
            Tag::Strikethrough => self.html.open("del", &[]),
            Tag::Link { dest_url, .. } | Tag::Image { dest_url, .. } => {
                match Link::new(dest_url).filter(|_| self.links == 0) {
                    Some(link) => {
                        self.html.open("a", &[href(&link), set("rel", "noopener nofollow")])
                    }
                    None => self.html.open("span", &[]),
                }
                self.links += 1;
            }
            _ => self.html.open("p", &[]),
        }
    }

    fn end(&mut self, tag: TagEnd) {
        self.html.close();
        match tag {
            TagEnd::CodeBlock | TagEnd::Table => self.html.close(),
            TagEnd::TableHead => self.cell = "td",
            TagEnd::Link | TagEnd::Image => self.links -= 1,
            _ => {}
        }
    }

    fn heading(&self, level: HeadingLevel) -> &'static str {
        const TAGS: [&str; 6] = ["h1", "h2", "h3", "h4", "h5", "h6"];
        TAGS[(self.level + level as usize - 2).min(5)]
    }
}

#[cfg(test)]
mod tests {
    use super::super::html::Html;
    use super::markdown;

    fn written(text: &str) -> String {
        let mut html = Html::default();
        markdown(&mut html, text, 3);
        html.finish().unwrap()
    }

    #[test]
    fn markdown_becomes_html() {
        assert_eq!(
            written("# Title\n\nSee *this* and **that**,  \n`a<b>`\n\n3. x\n4. y\n\n- [x] z\n"),
            "<h3>Title</h3><p>See <em>this</em> and <strong>that</strong>,<br><code>a&lt;b&gt;</code></p>\
             <ol start=\"3\"><li>x</li><li>y</li></ol><ul><li>☑ z</li></ul>"
        );
        assert_eq!(
            written("|a|b|\n|-|-|\n|1|2|\n\n```json\n{}\n```\n###### deep"),
            "<div class=\"wide\"><table><tr><th>a</th><th>b</th></tr><tr><td>1</td><td>2</td></tr>\
             </table></div><pre><code>{}\n</code></pre><h6>deep</h6>"
        );
    }

    #[test]
    fn html_in_it_is_text() {
        assert_eq!(
            written("<script>alert(1)</script>\n\na <img src=x onerror=alert(1)> b"),
            "<p>&lt;script&gt;alert(1)&lt;/script&gt;\n</p><p>a &lt;img src=x onerror=alert(1)&gt; b</p>"
        );
    }

    #[test]
    fn links_that_run_something_are_dropped_and_images_are_links() {
        assert_eq!(
            written(
                "[a](https://a.example) [b](javascript:alert(1)) ![c](https://c.example/x.png)"
            ),
            "<p><a href=\"https://a.example/\" rel=\"noopener nofollow\">a</a> <span>b</span> \
             <a href=\"https://c.example/x.png\" rel=\"noopener nofollow\">c</a></p>"
        );
        assert_eq!(
            written("[![badge](https://b.example/b.svg)](https://a.example/\"x)"),
            "<p><a href=\"https://a.example/%22x\" rel=\"noopener nofollow\"><span>badge</span></a></p>"
        );
        assert_eq!(written("<javascript:alert(1)>"), "<p><span>javascript:alert(1)</span></p>");
    }

    #[test]
    fn quotes_and_lists_as_deep_as_one_likes_are_written() {
        let deep = written(&">".repeat(5000));
        assert_eq!(deep.matches("<blockquote>").count(), deep.matches("</blockquote>").count());
    }
}
