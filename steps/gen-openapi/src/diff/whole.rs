//! Compares what is said of the service as a whole: what it is called, its components.

use std::collections::HashSet;

use super::comparison::{Comparison, Of, Root};
use super::operations::named;
use super::view::Side;
use super::ways::{Found, Named, Values};

impl<'a> Comparison<'a> {
    /// Compares all that is no operation.
    pub(super) fn whole(&mut self) {
        let (base, head) = (self.ways.root(self.base.root), self.ways.root(self.head.root));
        self.text_changed("openapi", "openapi-version-changed", base, head);
        self.info(base, head);
        self.security_schemes();
        self.all_tags(base, head);
        self.components(base, head);
    }

    fn info(&mut self, base: Found<'a>, head: Found<'a>) {
        let (Some(was), Some(is)) = (self.ways.get(base, "info"), self.ways.get(head, "info"))
        else {
            return;
        };
        for (key, id) in [
            ("title", "api-title-changed"),
            ("version", "api-version-changed"),
            ("description", "api-description-changed"),
            ("termsOfService", "api-terms-of-service-changed"),
        ] {
            self.text_changed(key, id, was, is);
        }
        for (key, id) in [("contact", "api-contact-changed"), ("license", "api-license-changed")] {
            let (old, new) = (self.ways.get(was, key), self.ways.get(is, key));
            if old.map(|it| it.node) != new.map(|it| it.node) {
                self.other_changed(id, (old.or(Some(was)), new.or(Some(is))), "", "");
            }
        }
    }

    /// Compares the servers of an operation that has its own, or of its path.
    pub(super) fn own_servers(&mut self, old: (Found<'a>, Found<'a>), new: (Found<'a>, Found<'a>)) {
        let own = |it: &Self, (item, operation): (Found<'a>, Found<'a>)| {
            it.ways.get(operation, "servers").or_else(|| it.ways.get(item, "servers"))
        };
        let (was, is) = (own(self, old), own(self, new));
        if was.is_none() && is.is_none() {
            if !self.reversed {
                self.all_servers();
            }
            return;
        }
        let all = |side: &Side<'a>| self.ways.get(self.ways.root(side.root), "servers");
        let (was, is) = (was.or_else(|| all(&self.base)), is.or_else(|| all(&self.head)));
        self.servers("api-server", (was, is), (old.1, new.1));
    }

    /// Compares the servers of operations without their own.
    fn all_servers(&mut self) {
        let (base, head) = (self.ways.root(self.base.root), self.ways.root(self.head.root));
        let servers = (self.ways.get(base, "servers"), self.ways.get(head, "servers"));
        self.once(Of::Servers, Root::Service, (base, head), |it| {
            it.servers("server", servers, (base, head));
        });
    }

    /// Servers by their addresses; without any it is the address of the description.
    fn servers(
        &mut self,
        name: &str,
        lists: (Option<Found<'a>>, Option<Found<'a>>),
        holders: (Found<'a>, Found<'a>),
    ) {
        let list = |found: Option<Found<'a>>| {
            let items = found.into_iter().flat_map(|it| self.ways.items(it));
            let servers = items.filter_map(|it| Some((address(it.text("url")?), Some(it))));
            let servers: Vec<_> = servers.collect();
            Named::new(if servers.is_empty() { vec![("", None)] } else { servers })
        };
        let (olds, news) = (list(lists.0), list(lists.1));
        let places = (lists.0.unwrap_or(holders.0), lists.1.unwrap_or(holders.1));
        let show = |url: &str| format!("`{}`", if url.is_empty() { "/" } else { url });
        for (url, was) in &olds {
            match news.get(url) {
                Some(is) => {
                    if let (Some(was), Some(is)) = (was, is) {
                        self.variables(*was, *is);
                    }
                }
                None => {
                    let both = (was.or(Some(places.0)), Some(places.1));
                    self.other_changed(&format!("{name}-removed"), both, show(url), "");
                }
            }
        }
        for (url, is) in news.iter().filter(|(url, _)| !olds.has(url)) {
            let both = (Some(places.0), is.or(Some(places.1)));
            self.other_changed(&format!("{name}-added"), both, "", show(url));
        }
    }

    fn variables(&mut self, base: Found<'a>, head: Found<'a>) {
        let (olds, news) =
            (named(&self.ways, base, "variables"), named(&self.ways, head, "variables"));
        let quoted = |name: &str| format!("`{name}`");
        for (name, was) in &olds {
            let Some(is) = news.get(name) else {
                let places = (Some(*was), Some(head));
                self.other_changed("server-variable-removed", places, quoted(name), "");
                continue;
            };
            self.text_changed("default", "server-variable-default-changed", *was, *is);
            let values = |found: Found<'a>| -> Vec<Found<'a>> {
                let list = self.ways.get(found, "enum");
                list.into_iter().flat_map(|it| self.ways.items(it)).collect()
            };
            let (old, new) = (values(*was), values(*is));
            let (known, now) = (Values::new(&old), Values::new(&new));
            let text = |value: &Found<'a>| quoted(value.node.as_str().unwrap_or_default());
            // Without a list any value is allowed.
            for value in old.iter().filter(|it| !new.is_empty() && !now.has(it.node)) {
                let places = (Some(*value), Some(*is));
                self.other_changed("server-variable-enum-value-removed", places, text(value), "");
            }
            for value in new.iter().filter(|it| !old.is_empty() && !known.has(it.node)) {
                let places = (Some(*was), Some(*value));
                self.other_changed("server-variable-enum-value-added", places, "", text(value));
            }
        }
        for (name, is) in news.iter().filter(|(name, _)| !olds.has(name)) {
            self.other_changed("server-variable-added", (Some(base), Some(*is)), "", quoted(name));
        }
    }

    fn all_tags(&mut self, base: Found<'a>, head: Found<'a>) {
        let list = |found: Found<'a>| {
            let tags = self.ways.get(found, "tags");
            let tags = tags.into_iter().flat_map(|it| self.ways.items(it));
            Named::new(tags.filter_map(|it| Some((it.text("name")?, it))).collect())
        };
        let (olds, news) = (list(base), list(head));
        let quoted = |name: &str| format!("`{name}`");
        for (name, was) in &olds {
            match news.get(name) {
                None => {
                    self.other_changed("tag-removed", (Some(*was), Some(head)), quoted(name), "")
                }
                Some(is) if is.node != was.node => {
                    self.other_changed("tag-changed", (Some(*was), Some(*is)), "", quoted(name));
                }
                Some(_) => {}
            }
        }
        for (name, is) in news.iter().filter(|(name, _)| !olds.has(name)) {
            self.other_changed("tag-added", (Some(base), Some(*is)), "", quoted(name));
        }
    }

    /// Components that are gone. What that changes where they were used is told there.
    fn components(&mut self, base: Found<'a>, head: Found<'a>) {
        let (Some(was), is) =
            (self.ways.get(base, "components"), self.ways.get(head, "components"))
        else {
            return;
        };
        let sections: Vec<_> = self.ways.entries(was).collect();
        for (section, old) in sections {
            if section == "securitySchemes" || section.starts_with("x-") {
                continue;
            }
            let new = is.and_then(|it| self.ways.get(it, section));
            let keys = new.and_then(|it| it.node.as_object()).into_iter().flatten();
            let known: HashSet<&str> = keys.map(|entry| entry.key.as_str()).collect();
            let gone: Vec<_> =
                self.ways.entries(old).filter(|(name, _)| !known.contains(name)).collect();
            for (name, found) in gone {
                let place = new.or(is).unwrap_or(head);
                let (root, id) = match section {
                    "schemas" => (Root::Schema(name), "api-schema-removed"),
                    _ => (Root::Component(section, name), "api-component-removed"),
                };
                self.about(root, |it| it.other_changed(id, (Some(found), Some(place)), "", ""));
            }
        }
    }
}

/// An address without the slash at its end, which means nothing.
fn address(url: &str) -> &str {
    url.trim_end_matches('/')
}
