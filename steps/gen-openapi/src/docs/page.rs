//! The page as a whole, from its head to its end.

use std::collections::HashMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha256};

use super::changelog::changelog;
use super::html::{Anchor, Anchors, Html, Link, class, content, href, id, label, set, to};
use super::markdown::markdown;
use super::operation::{Operation, method_name};
use super::schema::{Named, Schemas};
use crate::description::Description;
use crate::diff::Change;
use crate::document::{Node, Object};
use crate::references::References;
use crate::spec::operations;

const STYLE: &str = include_str!("page.css");
const SCRIPT: &str = include_str!("page.js");

/// With more operations than this the navigation is folded.
const MANY_OPERATIONS: usize = 80;

/// A page that is being written.
pub(super) struct Page<'a> {
    pub(super) html: Html,
    pub(super) root: &'a Node,
    pub(super) references: References<'a>,
    pub(super) anchors: Anchors,
    pub(super) schemas: Schemas<'a>,
    /// The anchors of operations by their ids.
    pub(super) by_id: HashMap<&'a str, Anchor>,
    /// How many values and examples were cut.
    pub(super) cut: usize,
    schemes: HashMap<&'a str, (&'a Node, Anchor)>,
    groups: Vec<Group<'a>>,
    webhooks: Vec<Operation<'a>>,
}

/// What stands on the page beside the description.
#[derive(Debug, Clone, Default)]
pub(super) struct Extras<'a> {
    /// Where the description itself can be fetched.
    pub(super) download: Option<&'a str>,
    /// What changed since an earlier description, when it was compared with one.
    pub(super) changes: Option<&'a [Change]>,
}

/// A page that was written.
#[derive(Debug)]
pub(super) struct Rendered {
    /// Nothing when it became too large.
    pub(super) html: Option<String>,
    pub(super) operations: usize,
    pub(super) schemas: usize,
    pub(super) cut: usize,
}

/// The operations of a tag.
struct Group<'a> {
    title: &'a str,
    tag: Option<&'a Node>,
    anchor: Anchor,
    operations: Vec<Operation<'a>>,
}

/// Writes the page of a description.
pub(super) fn render(description: &Description, extras: &Extras<'_>) -> Rendered {
    let mut page = Page::new(description);
    page.begin();
    page.navigation(extras);
    page.html.open("main", &[set("id", "content")]);
    page.about(extras);
    if let Some(changes) = extras.changes {
        let known = page.by_route();
        changelog(&mut page.html, changes, &known);
    }
    page.authentication();
    page.all_operations();
    page.all_schemas();
    page.html.close();
    page.end();
    Rendered {
        operations: page.groups.iter().map(|group| group.operations.len()).sum::<usize>()
            + page.webhooks.len(),
        schemas: page.schemas.len(),
        cut: page.cut,
        html: page.html.finish(),
    }
}

impl<'a> Page<'a> {
    fn new(description: &'a Description) -> Self {
        let root = &description.root;
        let references = description.references();
        let mut anchors = Anchors::default();
        let (groups, by_id) = groups(root, &references, &mut anchors);
        let webhooks = webhooks(root, &references, &mut anchors);
        let schemes = schemes(root, &references, &mut anchors);
        let schemas = Schemas::new(root, &mut anchors);
        Self {
            html: Html::default(),
            root,
            references,
            anchors,
            schemas,
            by_id,
            cut: 0,
            schemes,
            groups,
            webhooks,
        }
    }

    fn info(&self, key: &str) -> Option<&'a str> {
        self.root.get("info")?.text(key)
    }

    fn begin(&mut self) {
        let title = self.info("title").unwrap_or("API");
        let html = &mut self.html;
        html.constant("<!DOCTYPE html>\n");
        html.open("html", &[set("lang", "en")]);
        html.open("head", &[]);
        html.void("meta", &[set("charset", "utf-8")]);
        html.void("meta", &[set("http-equiv", "Content-Security-Policy"), content(&policy())]);
        html.void(
            "meta",
            &[set("name", "viewport"), content("width=device-width, initial-scale=1")],
        );
        html.void("meta", &[set("name", "referrer"), content("no-referrer")]);
        // Else a browser asks the server for one.
        html.void("link", &[set("rel", "icon"), set("href", "data:,")]);
        html.leaf("title", &[], title);
        html.constant("<style>");
        html.constant(STYLE);
        html.constant("</style>");
        html.close();
        html.constant("\n");
        html.open("body", &[]);
        html.constant("<a class=\"skip\" href=\"#content\">Skip to the content</a>");
        html.constant(
            "<input type=\"checkbox\" id=\"menu\" class=\"menu\" aria-label=\"Show the navigation\">",
        );
        html.constant("<header class=\"bar\"><label for=\"menu\">☰</label><a class=\"brand\" href=\"#content\">");
        html.text(title);
        html.constant(
            "</a><button type=\"button\" id=\"theme\" hidden>◐<span class=\"away\"> Light or dark</span></button></header>\n",
        );
    }

    fn end(&mut self) {
        self.html.constant("<script>");
        self.html.constant(SCRIPT);
        self.html.constant("</script>");
    }

    fn navigation(&mut self, extras: &Extras<'_>) {
        self.html.open("nav", &[label("Contents")]);
        self.html.constant(
            "<p class=\"search\" hidden><input type=\"search\" id=\"filter\" placeholder=\"Filter\" \
             aria-label=\"Filter operations and schemas\" autocomplete=\"off\"><output id=\"found\"></output></p>",
        );
        self.html.constant("<ul class=\"parts\"><li><a href=\"#section-about\">About</a></li>");
        if extras.changes.is_some() {
            self.html.constant("<li><a href=\"#section-changes\">Changes</a></li>");
        }
        if !self.schemes.is_empty() {
            self.html.constant("<li><a href=\"#section-authentication\">Authentication</a></li>");
        }
        self.html.constant("</ul>");
        let count: usize = self.groups.iter().map(|group| group.operations.len()).sum();
        let groups = std::mem::take(&mut self.groups);
        for group in &groups {
            self.listed(group.title, &group.operations, count <= MANY_OPERATIONS);
        }
        self.groups = groups;
        let webhooks = std::mem::take(&mut self.webhooks);
        if !webhooks.is_empty() {
            self.listed("Webhooks", &webhooks, count <= MANY_OPERATIONS);
        }
        self.webhooks = webhooks;
        if self.schemas.len() > 0 {
            self.html.constant("<details><summary>Schemas</summary><ul>");
            for index in 0..self.schemas.len() {
                let Some(Named { name, anchor, .. }) = self.schemas.get(index) else { break };
                self.html.open("li", &[]);
                self.html.leaf("a", &[to(anchor)], name);
                self.html.close();
            }
            self.html.constant("</ul></details>");
        }
        self.html.close();
        self.html.constant("\n");
    }

    fn listed(&mut self, title: &str, operations: &[Operation<'a>], is_open: bool) {
        self.html.fold(is_open, "");
        self.html.leaf("summary", &[], title);
        self.html.open("ul", &[]);
        for operation in operations {
            self.html.open("li", &[]);
            let is_old = operation.is_deprecated();
            let to = to(&operation.anchor);
            match is_old {
                true => self.html.open("a", &[to, class("old")]),
                false => self.html.open("a", &[to]),
            }
            self.method(&operation.method);
            self.html.constant(" ");
            self.html.leaf("span", &[], operation.title());
            self.html.close();
            self.html.close();
        }
        self.html.close();
        self.html.close();
    }

    fn about(&mut self, extras: &Extras<'_>) {
        self.html.constant("<section id=\"section-about\" class=\"part\">");
        self.html.open("h1", &[]);
        self.html.text(self.info("title").unwrap_or("API"));
        if let Some(version) = self.info("version") {
            self.html.constant(" ");
            self.html.leaf("small", &[class("version")], version);
        }
        self.html.close();
        if let Some(summary) = self.info("summary") {
            self.html.leaf("p", &[class("summary")], summary);
        }
        self.facts_of_info(extras);
        if let Some(description) = self.info("description") {
            markdown(&mut self.html, description, 2);
        }
        self.external_docs(self.root);
        let servers = self.root.get("servers").and_then(Node::as_array).unwrap_or_default();
        if !servers.is_empty() {
            self.html.leaf("h2", &[], "Servers");
            self.servers(servers);
        }
        self.html.constant("</section>");
    }

    /// Contact, licence, terms and the description itself.
    fn facts_of_info(&mut self, extras: &Extras<'_>) {
        let info = self.root.get("info");
        let contact = info.and_then(|it| it.get("contact"));
        let license = info.and_then(|it| it.get("license"));
        let mail = contact.and_then(|it| it.text("email")).map(|it| format!("mailto:{it}"));
        let name = |of: Option<&'a Node>| of.and_then(|it| it.text("name"));
        let url = |of: Option<&'a Node>| of.and_then(|it| it.text("url"));
        let links = [
            ("Contact: ", name(contact).or(url(contact)), url(contact)),
            ("Mail: ", contact.and_then(|it| it.text("email")), mail.as_deref()),
            ("Licence: ", name(license), url(license)),
            (
                "",
                self.info("termsOfService").map(|_| "Terms of service"),
                self.info("termsOfService"),
            ),
            ("", extras.download.map(|_| "OpenAPI description"), extras.download),
        ];
        if links.iter().all(|(_, text, _)| text.is_none()) {
            return;
        }
        self.html.open("ul", &[class("facts")]);
        for (title, text, address) in links {
            let Some(text) = text else { continue };
            self.html.open("li", &[]);
            self.html.constant(title);
            self.out_link(text, address);
            self.html.close();
        }
        self.html.close();
    }

    /// A text that leads out of the page when its address is one that shows something.
    fn out_link(&mut self, text: &str, address: Option<&str>) {
        match address.and_then(Link::new) {
            Some(link) => {
                self.html.leaf("a", &[href(&link), set("rel", "noopener nofollow")], text);
            }
            None => self.html.text(text),
        }
    }

    pub(super) fn external_docs(&mut self, holder: &'a Node) {
        let Some(docs) = holder.get("externalDocs") else { return };
        let Some(address) = docs.text("url") else { return };
        self.html.open("p", &[]);
        self.html.constant("See ");
        self.out_link(docs.text("description").unwrap_or(address), Some(address));
        self.html.close();
    }

    pub(super) fn servers(&mut self, servers: &'a [Node]) {
        self.html.open("ul", &[class("servers")]);
        for server in servers {
            self.html.open("li", &[]);
            self.html.leaf("code", &[], server.text("url").unwrap_or_default());
            for key in ["name", "description"] {
                if let Some(text) = server.text(key) {
                    self.html.constant(" ");
                    self.html.text(text);
                }
            }
            let variables = server.get("variables").and_then(Node::as_object);
            for entry in variables.into_iter().flat_map(Object::iter) {
                self.html.constant("<p class=\"line\">");
                self.html.leaf("code", &[class("name")], &entry.key);
                for (key, title) in [("default", " default "), ("enum", " one of ")] {
                    if let Some(value) = entry.value.get(key) {
                        self.html.constant(title);
                        self.value(value);
                    }
                }
                if let Some(description) = entry.value.text("description") {
                    self.html.constant(" ");
                    self.html.text(description);
                }
                self.html.constant("</p>");
            }
            self.html.close();
        }
        self.html.close();
    }

    /// The security scheme of a name.
    pub(super) fn scheme(&self, name: &str) -> Option<&'a Node> {
        self.schemes.get(name).map(|(node, _)| *node)
    }

    pub(super) fn scheme_link(&mut self, name: &str) {
        match self.schemes.get(name) {
            Some((_, anchor)) => self.html.leaf("a", &[to(anchor)], name),
            None => self.html.leaf("code", &[], name),
        }
    }

    fn authentication(&mut self) {
        let section = self.root.pointer("/components/securitySchemes").and_then(Node::as_object);
        if self.schemes.is_empty() {
            return;
        }
        self.html.constant(
            "<section id=\"section-authentication\" class=\"part\"><h2>Authentication</h2>",
        );
        for entry in section.into_iter().flat_map(Object::iter) {
            let Some((node, anchor)) = self.schemes.get(entry.key.as_str()) else { continue };
            let (node, anchor) = (*node, anchor.clone());
            self.html.open("article", &[id(&anchor), class("scheme")]);
            self.html.leaf("h3", &[], &entry.key);
            self.html.open("p", &[class("line")]);
            self.how_to_log_in(node);
            self.marks(node);
            self.html.close();
            if let Some(description) = node.text("description") {
                markdown(&mut self.html, description, 4);
            }
            self.flows(node);
            self.html.close();
        }
        self.html.constant("</section>");
    }

    fn how_to_log_in(&mut self, scheme: &'a Node) {
        let html = &mut self.html;
        match scheme.text("type") {
            Some("apiKey") => {
                html.constant("A key in the ");
                html.text(scheme.text("in").unwrap_or("request"));
                html.constant(" ");
                html.leaf("code", &[], scheme.text("name").unwrap_or_default());
            }
            Some("http") => {
                html.constant("HTTP, ");
                html.leaf("code", &[], scheme.text("scheme").unwrap_or_default());
                if let Some(format) = scheme.text("bearerFormat") {
                    html.constant(", ");
                    html.text(format);
                }
            }
            Some("oauth2") => html.constant("OAuth 2"),
            Some("openIdConnect") => html.constant("OpenID Connect"),
            Some("mutualTLS") => html.constant("A certificate of the caller (mutual TLS)"),
            other => html.text(other.unwrap_or_default()),
        }
        for key in ["openIdConnectUrl", "oauth2MetadataUrl"] {
            if let Some(url) = scheme.text(key) {
                self.html.constant(" ");
                self.out_link(url, Some(url));
            }
        }
    }

    fn flows(&mut self, scheme: &'a Node) {
        let flows = scheme.get("flows").and_then(Node::as_object);
        for entry in flows.into_iter().flat_map(Object::iter) {
            let flow = &entry.value;
            self.html.open("p", &[class("label")]);
            self.html.constant("Flow ");
            self.html.leaf("code", &[], &entry.key);
            self.html.close();
            self.html.open("ul", &[class("facts")]);
            for (key, title) in [
                ("authorizationUrl", "authorisation "),
                ("deviceAuthorizationUrl", "device authorisation "),
                ("tokenUrl", "token "),
                ("refreshUrl", "refresh "),
            ] {
                if let Some(url) = flow.text(key) {
                    self.html.open("li", &[]);
                    self.html.constant(title);
                    self.out_link(url, Some(url));
                    self.html.close();
                }
            }
            self.html.close();
            self.html.open("ul", &[]);
            let scopes = flow.get("scopes").and_then(Node::as_object);
            for scope in scopes.into_iter().flat_map(Object::iter) {
                self.html.open("li", &[]);
                self.html.leaf("code", &[], &scope.key);
                self.html.constant(" ");
                self.html.text(scope.value.as_str().unwrap_or_default());
                self.html.close();
            }
            self.html.close();
        }
    }

    fn all_operations(&mut self) {
        let groups = std::mem::take(&mut self.groups);
        for group in &groups {
            self.html.open("section", &[id(&group.anchor), class("part group")]);
            self.html.leaf("h2", &[], group.title);
            if let Some(tag) = group.tag {
                if let Some(description) = tag.text("description") {
                    markdown(&mut self.html, description, 3);
                }
                self.external_docs(tag);
            }
            for operation in &group.operations {
                self.operation(operation);
                if self.html.is_full() {
                    break;
                }
            }
            self.html.close();
        }
        self.groups = groups;
        let webhooks = std::mem::take(&mut self.webhooks);
        if !webhooks.is_empty() {
            self.html.constant(
                "<section id=\"section-webhooks\" class=\"part group\"><h2>Webhooks</h2>",
            );
            self.html.constant("<p>Calls that the service makes to you.</p>");
            webhooks.iter().for_each(|webhook| self.operation(webhook));
            self.html.constant("</section>");
        }
        self.webhooks = webhooks;
    }

    /// Those that are found on the way come last, so their number is not known before.
    fn all_schemas(&mut self) {
        if self.schemas.len() == 0 {
            return;
        }
        self.html.constant("<section id=\"section-schemas\" class=\"part group\"><h2>Schemas</h2>");
        let mut index = 0;
        while let Some(named) = self.schemas.get(index).cloned() {
            self.named_schema(&named);
            index += 1;
            if self.html.is_full() {
                break;
            }
        }
        self.html.constant("</section>");
    }

    /// The anchors of operations by method and path.
    fn by_route(&self) -> HashMap<String, Anchor> {
        let operations = self.groups.iter().flat_map(|group| &group.operations);
        operations.map(|it| (format!("{} {}", it.method, it.path), it.anchor.clone())).collect()
    }
}

/// Nothing is loaded, and nothing runs but the script of this program.
fn policy() -> String {
    let hash = |text: &str| STANDARD.encode(Sha256::digest(text.as_bytes()));
    format!(
        "default-src 'none'; script-src 'sha256-{}'; style-src 'sha256-{}'; img-src data:; base-uri 'none'; form-action 'none'",
        hash(SCRIPT),
        hash(STYLE)
    )
}

/// The operations by their first tag: the tags that are declared in their order, then the others as they
/// come, at last those that have none.
fn groups<'a>(
    root: &'a Node,
    references: &References<'a>,
    anchors: &mut Anchors,
) -> (Vec<Group<'a>>, HashMap<&'a str, Anchor>) {
    let mut groups: Vec<Group<'a>> = Vec::new();
    let mut by_name: HashMap<&str, usize> = HashMap::new();
    let mut by_id = HashMap::new();
    let declared = root.get("tags").and_then(Node::as_array).unwrap_or_default();
    for tag in declared {
        let Some(name) = tag.text("name") else { continue };
        let title = tag.text("summary").unwrap_or(name);
        by_name.entry(name).or_insert(groups.len());
        let anchor = anchors.claim("tag", name);
        groups.push(Group { title, tag: Some(tag), anchor, operations: Vec::new() });
    }
    let mut without = Vec::new();
    let paths = root.get("paths").and_then(Node::as_object);
    for entry in paths.into_iter().flat_map(Object::iter) {
        let Some(item) = references.resolve(&entry.value) else { continue };
        for (method, node) in operations(item) {
            let operation = operation(method, &entry.key, item, node, anchors);
            if let Some(name) = node.text("operationId") {
                by_id.entry(name).or_insert_with(|| operation.anchor.clone());
            }
            let tags = node.get("tags").and_then(Node::as_array).unwrap_or_default();
            let Some(name) = tags.first().and_then(Node::as_str) else {
                without.push(operation);
                continue;
            };
            let index = *by_name.entry(name).or_insert_with(|| {
                let anchor = anchors.claim("tag", name);
                groups.push(Group { title: name, tag: None, anchor, operations: Vec::new() });
                groups.len() - 1
            });
            groups[index].operations.push(operation);
        }
    }
    groups.retain(|group| {
        !group.operations.is_empty() || group.tag.is_some_and(|it| it.text("description").is_some())
    });
    if !without.is_empty() {
        let title = if groups.is_empty() { "Operations" } else { "Other operations" };
        let anchor = anchors.claim("tag", "");
        groups.push(Group { title, tag: None, anchor, operations: without });
    }
    (groups, by_id)
}

fn operation<'a>(
    method: &str,
    path: &'a str,
    item: &'a Node,
    node: &'a Node,
    anchors: &mut Anchors,
) -> Operation<'a> {
    let method = method_name(method);
    let name = node.text("operationId").map_or_else(|| format!("{method} {path}"), str::to_owned);
    let anchor = anchors.claim("operation", &name);
    Operation { anchor, method, path, item, node, is_webhook: false }
}

fn webhooks<'a>(
    root: &'a Node,
    references: &References<'a>,
    anchors: &mut Anchors,
) -> Vec<Operation<'a>> {
    let all = root.get("webhooks").and_then(Node::as_object);
    let mut webhooks = Vec::new();
    for entry in all.into_iter().flat_map(Object::iter) {
        let Some(item) = references.resolve(&entry.value) else { continue };
        for (method, node) in operations(item) {
            let operation = operation(method, &entry.key, item, node, anchors);
            webhooks.push(Operation { is_webhook: true, ..operation });
        }
    }
    webhooks
}

fn schemes<'a>(
    root: &'a Node,
    references: &References<'a>,
    anchors: &mut Anchors,
) -> HashMap<&'a str, (&'a Node, Anchor)> {
    let section = root.pointer("/components/securitySchemes").and_then(Node::as_object);
    let mut schemes = HashMap::new();
    for entry in section.into_iter().flat_map(Object::iter) {
        if let Some(node) = references.resolve(&entry.value) {
            schemes.insert(entry.key.as_str(), (node, anchors.claim("authentication", &entry.key)));
        }
    }
    schemes
}
