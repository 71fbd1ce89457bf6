//! Compares request bodies and responses.

use std::collections::HashMap;

use super::comparison::{Comparison, Of, Root};
use super::kinds::Role;
use super::operations::named;
use super::ways::{Found, Named, Ways};

impl<'a> Comparison<'a> {
    pub(super) fn request_bodies(&mut self, base: Found<'a>, head: Found<'a>) {
        let was =
            self.ways.get(base, "requestBody").and_then(|it| self.base.follow(it, &self.ways));
        let is = self.ways.get(head, "requestBody").and_then(|it| self.head.follow(it, &self.ways));
        match (was, is) {
            (None, None) => {}
            (None, Some(is)) => {
                let id = if is.flag("required") == Some(true) {
                    "request-body-added-required"
                } else {
                    "request-body-added-optional"
                };
                self.other_changed(id, (Some(base), Some(is)), "", "");
            }
            (Some(was), None) => {
                self.other_changed("request-body-removed", (Some(was), Some(head)), "", "");
            }
            (Some(was), Some(is)) => {
                let places = (Some(was), Some(is));
                let required = |it: Found<'a>| it.flag("required") == Some(true);
                if required(was) != required(is) {
                    let id = if required(is) {
                        "request-body-became-required"
                    } else {
                        "request-body-became-optional"
                    };
                    self.other_changed(id, places, "", "");
                }
                self.once(Of::RequestBody, Root::RequestBody, (was, is), |it| {
                    it.request_media(was, is);
                });
            }
        }
    }

    fn request_media(&mut self, base: Found<'a>, head: Found<'a>) {
        let media = Media::of(&self.ways, base, head);
        let ranges: Vec<_> = named(&self.ways, head, "content").into_list();
        let ranges: Vec<_> = ranges.into_iter().filter(|(name, _)| name.ends_with('*')).collect();
        for (name, found) in media.removed {
            // What is taken as one of a range is taken.
            let range = ranges.iter().find(|(range, _)| is_within(range, &essence(name)));
            if let Some((_, range)) = range {
                self.about(Root::RequestMedia(name), |it| {
                    it.media(Role::RequestBody, "request-body", found, *range);
                    it.encodings(found, *range);
                });
                continue;
            }
            let places = (Some(found), Some(head));
            self.other_changed("request-body-media-type-removed", places, name, "");
        }
        for (name, found) in media.added {
            let places = (Some(base), Some(found));
            self.other_changed("request-body-media-type-added", places, "", name);
        }
        for (old, was, (name, is)) in media.both {
            self.about(Root::RequestMedia(name), |it| {
                it.media_parameters("request-body", (old, was), (name, is));
                it.media(Role::RequestBody, "request-body", was, is);
                it.encodings(was, is);
            });
        }
    }

    /// How the parts of a form are written.
    fn encodings(&mut self, base: Found<'a>, head: Found<'a>) {
        let (was, is) = (named(&self.ways, base, "encoding"), named(&self.ways, head, "encoding"));
        let id = "request-body-encoding-changed";
        for (part, old) in &was {
            let new = is.get(part).copied();
            if new.is_none_or(|new| new.node != old.node) {
                let places = (Some(*old), new.or(Some(head)));
                self.other_changed(id, places, "", format!("`{part}`"));
            }
        }
        for (part, new) in is.iter().filter(|(part, _)| !was.has(part)) {
            self.other_changed(id, (Some(base), Some(*new)), "", format!("`{part}`"));
        }
    }

    /// The schemas of a media type.
    fn media(&mut self, role: Role, name: &str, base: Found<'a>, head: Found<'a>) {
        let follow = |it: &Self| (it.base.follow(base, &it.ways), it.head.follow(head, &it.ways));
        let (Some(base), Some(head)) = follow(self) else { return };
        let schemas = |it: &Self, key: &str| (it.ways.get(base, key), it.ways.get(head, key));
        let schema = schemas(self, "schema");
        let item = schemas(self, "itemSchema");
        match schema {
            (Some(was), Some(is)) => self.schemas(was, is, role),
            (None, Some(is)) => {
                let id = format!("{name}-media-type-schema-added");
                self.other_changed(&id, (Some(base), Some(is)), "", "");
            }
            (Some(was), None) => {
                let id = format!("{name}-media-type-schema-removed");
                self.other_changed(&id, (Some(was), Some(head)), "", "");
            }
            (None, None) => {}
        }
        match item {
            (Some(was), Some(is)) => self.schemas(was, is, role.inside()),
            (None, Some(is)) => {
                let id = format!("{name}-media-type-item-schema-added");
                self.other_changed(&id, (Some(base), Some(is)), "", "");
            }
            (Some(was), None) => {
                let untyped = role == Role::ResponseBody && schema.1.is_none();
                let end = if untyped { "-untyped" } else { "" };
                let id = format!("{name}-media-type-item-schema-removed{end}");
                self.other_changed(&id, (Some(was), Some(head)), "", "");
            }
            (None, None) => {}
        }
    }

    pub(super) fn responses(&mut self, base: Found<'a>, head: Found<'a>) {
        let list = |found: Found<'a>| {
            let all = named(&self.ways, found, "responses").into_list().into_iter();
            Named::new(all.filter(|(status, _)| !status.starts_with("x-")).collect())
        };
        let (olds, news) = (list(base), list(head));
        // `2XX` stands for every status that is not there itself, `default` for the failures left.
        let range = |status: &str| status.get(..1).map(|first| format!("{first}XX"));
        let covering = |list: &Named<'a, Found<'a>>, status: &str| {
            let found = list.get(status).or_else(|| list.get(&range(status)?));
            let is_failure = success(status) == "non-success";
            found.or_else(|| is_failure.then(|| list.get("default"))?).copied()
        };
        for (status, was) in &olds {
            match covering(&news, status) {
                Some(is) => self.response(status, *was, is),
                None => {
                    let id = format!("response-{}-status-removed", success(status));
                    self.other_changed(&id, (Some(*was), Some(head)), status, "");
                }
            }
        }
        for (status, is) in &news {
            if !olds.has(status) {
                match covering(&olds, status) {
                    Some(was) => self.response(status, was, *is),
                    // What was one status and is a range now was compared above.
                    None if olds.iter().any(|(old, _)| range(old).as_deref() == Some(*status)) => {}
                    None => {
                        let id = format!("response-{}-status-added", success(status));
                        self.other_changed(&id, (Some(base), Some(*is)), "", status);
                    }
                }
            }
        }
    }

    fn response(&mut self, status: &'a str, base: Found<'a>, head: Found<'a>) {
        let followed = (self.base.follow(base, &self.ways), self.head.follow(head, &self.ways));
        let (Some(base), Some(head)) = followed else { return };
        self.once(Of::Response, Root::Response(status), (base, head), |it| {
            it.headers(status, base, head);
            it.response_media(status, base, head);
            it.links(base, head);
        });
    }

    fn response_media(&mut self, status: &'a str, base: Found<'a>, head: Found<'a>) {
        let media = Media::of(&self.ways, base, head);
        let mut both: Vec<_> =
            media.both.iter().map(|(old, was, new)| ((*old, *was), *new)).collect();
        match (&media.removed[..], &media.added[..]) {
            ([(old, was)], [(new, is)]) if are_related(old, new) => {
                let id = format!("response-media-type-name-{}", how(old, new));
                self.other_changed(&id, (Some(*was), Some(*is)), old, new);
                both.push(((old, *was), (new, *is)));
            }
            (removed, added) => {
                for (name, found) in removed {
                    let places = (Some(*found), Some(head));
                    self.other_changed("response-media-type-removed", places, name, "");
                }
                for (name, found) in added {
                    let places = (Some(base), Some(*found));
                    self.other_changed("response-media-type-added", places, "", name);
                }
            }
        }
        for ((old, was), (new, is)) in both {
            self.about(Root::ResponseMedia { status, name: new }, |it| {
                if essence(old) == essence(new) {
                    it.media_parameters("response", (old, was), (new, is));
                }
                it.media(Role::ResponseBody, "response-body", was, is);
            });
        }
    }

    /// `charset=utf-8` and the like.
    fn media_parameters(
        &mut self,
        name: &str,
        old: (&'a str, Found<'a>),
        new: (&'a str, Found<'a>),
    ) {
        let id = |end: &str| format!("{name}-media-type-parameter-{end}");
        let (was, is) = (parameters(old.0), parameters(new.0));
        let places = (Some(old.1), Some(new.1));
        let quoted = |(key, value): &(String, String)| format!("`{key}={value}`");
        for one in &was {
            match is.iter().find(|(key, _)| *key == one.0) {
                None => {
                    self.other_changed(&id("removed"), places, quoted(one), "");
                }
                Some(other) if other.1 != one.1 => {
                    self.other_changed(&id("changed"), places, quoted(one), quoted(other));
                }
                Some(_) => {}
            }
        }
        for other in is.iter().filter(|it| !was.iter().any(|one| one.0 == it.0)) {
            self.other_changed(&id("added"), places, "", quoted(other));
        }
    }

    fn headers(&mut self, status: &'a str, base: Found<'a>, head: Found<'a>) {
        let list = |found: Found<'a>| -> Vec<(&'a str, Found<'a>)> {
            let all = named(&self.ways, found, "headers").into_list();
            // https://spec.openapis.org/oas/v3.1.2#response-object
            all.into_iter().filter(|(name, _)| !name.eq_ignore_ascii_case("content-type")).collect()
        };
        let (olds, news) = (list(base), list(head));
        let by_name = |list: &[(&'a str, Found<'a>)]| -> HashMap<String, Found<'a>> {
            list.iter().map(|(name, found)| (name.to_ascii_lowercase(), *found)).collect()
        };
        let (known, now) = (by_name(&olds), by_name(&news));
        for (name, was) in &olds {
            let root = Root::Header { status, name };
            let Some(was) = self.base.follow(*was, &self.ways) else { continue };
            let now = now.get(&name.to_ascii_lowercase());
            match now.and_then(|it| self.head.follow(*it, &self.ways)) {
                Some(is) => self.once(Of::Header, root, (was, is), |it| it.header(was, is)),
                None => {
                    let id = if was.flag("required") == Some(true) {
                        "required-response-header-removed"
                    } else {
                        "optional-response-header-removed"
                    };
                    self.about(root, |it| it.other_changed(id, (Some(was), Some(head)), "", ""));
                }
            }
        }
        for (name, is) in
            news.iter().filter(|(name, _)| !known.contains_key(&name.to_ascii_lowercase()))
        {
            self.about(Root::Header { status, name }, |it| {
                it.other_changed("response-header-added", (Some(base), Some(*is)), "", "");
            });
        }
    }

    fn header(&mut self, base: Found<'a>, head: Found<'a>) {
        let places = (Some(base), Some(head));
        let is = |found: Found<'a>, key: &str| found.flag(key) == Some(true);
        for (key, set, unset) in [
            ("required", "response-header-became-required", "response-header-became-optional"),
            ("deprecated", "response-header-deprecated", "response-header-reactivated"),
            ("explode", "response-header-explode-changed", "response-header-explode-changed"),
        ] {
            let (was, now) = (is(base, key), is(head, key));
            if was != now {
                self.other_changed(if now { set } else { unset }, places, was, now);
            }
        }
        self.parameter_values(Role::ResponseHeader, "response-header", (base, head));
    }

    fn links(&mut self, base: Found<'a>, head: Found<'a>) {
        let (was, is) = (named(&self.ways, base, "links"), named(&self.ways, head, "links"));
        let quoted = |name: &str| format!("`{name}`");
        for (name, old) in &was {
            let new = is.get(name).copied();
            match new {
                None => {
                    let places = (Some(*old), Some(head));
                    self.other_changed("response-link-removed", places, quoted(name), "");
                }
                Some(new) => {
                    let followed =
                        (self.base.follow(*old, &self.ways), self.head.follow(new, &self.ways));
                    if !matches!(followed, (Some(old), Some(new)) if leads_to_same(old, new)) {
                        let places = (Some(*old), Some(new));
                        self.other_changed("response-link-changed", places, "", quoted(name));
                    }
                }
            }
        }
        for (name, new) in is.iter().filter(|(name, _)| !was.has(name)) {
            self.other_changed("response-link-added", (Some(base), Some(*new)), "", quoted(name));
        }
    }
}

fn leads_to_same(one: Found<'_>, other: Found<'_>) -> bool {
    ["operationId", "operationRef", "parameters", "requestBody", "server"]
        .iter()
        .all(|key| one.node.get(key) == other.node.get(key))
}

fn success(status: &str) -> &'static str {
    if status.starts_with('2') { "success" } else { "non-success" }
}

/// Media types of the base and of the head that belong together, and those that do not.
struct Media<'a> {
    both: Vec<(&'a str, Found<'a>, (&'a str, Found<'a>))>,
    removed: Vec<(&'a str, Found<'a>)>,
    added: Vec<(&'a str, Found<'a>)>,
}

impl<'a> Media<'a> {
    fn of(ways: &Ways<'a>, base: Found<'a>, head: Found<'a>) -> Self {
        let (olds, news) = (named(ways, base, "content"), named(ways, head, "content"));
        let pairs = olds.iter().filter_map(|(name, was)| {
            let is = news.get(name)?;
            Some((*name, *was, (*name, *is)))
        });
        let mut both: Vec<_> = pairs.collect();
        let rest = |list: &Named<'a, Found<'a>>, other: &Named<'a, Found<'a>>| {
            list.iter().filter(|(name, _)| !other.has(name)).copied().collect::<Vec<_>>()
        };
        let (mut removed, mut added) = (rest(&olds, &news), rest(&news, &olds));
        // Nobody writes that many by hand.
        if removed.len() * added.len() < 10_000 {
            removed.retain(|(old, was)| {
                let index = added.iter().position(|(new, _)| essence(old) == essence(new));
                if let Some(index) = index {
                    both.push((*old, *was, added.remove(index)));
                }
                index.is_none()
            });
        }
        Self { both, removed, added }
    }
}

/// `application/json` of `Application/JSON; charset=utf-8`
fn essence(name: &str) -> String {
    name.split(';').next().unwrap_or(name).trim().to_ascii_lowercase()
}

fn parameters(name: &str) -> Vec<(String, String)> {
    let parts = name.split(';').skip(1).filter_map(|part| part.split_once('='));
    parts.map(|(key, value)| (key.trim().to_ascii_lowercase(), value.trim().to_owned())).collect()
}

/// What a media type is written in: `json` of `application/problem+json`.
fn syntax(essence: &str) -> &str {
    let subtype = essence.split_once('/').map_or(essence, |it| it.1);
    subtype.rsplit('+').next().unwrap_or(subtype)
}

fn is_within(range: &str, essence: &str) -> bool {
    match range.strip_suffix('*') {
        Some("*/") => true,
        Some(prefix) => essence.starts_with(prefix),
        None => essence.contains('+') && range == format!("application/{}", syntax(essence)),
    }
}

/// Whether what understands one of two media types may understand the other.
fn are_related(old: &str, new: &str) -> bool {
    let (old, new) = (essence(old), essence(new));
    is_within(&old, &new) || is_within(&new, &old) || syntax(&old) == syntax(&new)
}

fn how(old: &str, new: &str) -> &'static str {
    let (old, new) = (essence(old), essence(new));
    if is_within(&new, &old) {
        "generalized"
    } else if is_within(&old, &new) {
        "specialized"
    } else {
        "changed"
    }
}

#[cfg(test)]
mod tests {
    use super::{are_related, how};

    #[test]
    fn media_types_are_wider_or_narrower_than_others() {
        assert_eq!(how("application/hal+json", "application/json"), "generalized");
        assert_eq!(how("text/*", "text/plain"), "specialized");
        assert_eq!(how("application/hal+json", "application/problem+json"), "changed");
        assert!(are_related("application/hal+json", "application/problem+json"));
        assert!(!are_related("application/json", "text/csv"));
    }
}
