//! Compares what callers have to authenticate with.

use crate::document::Node;

use super::comparison::{Comparison, Of, Root};
use super::operations::named;
use super::view::Side;
use super::ways::{Found, Named, Values, Ways};

/// Of what the security is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Whose {
    Service,
    Operation,
}

impl Whose {
    fn id(self, end: &str) -> String {
        match self {
            Whose::Service => format!("api-global-security-{end}"),
            Whose::Operation => format!("api-security-{end}"),
        }
    }
}

/// One of the alternatives: all of its schemes are needed.
#[derive(Debug)]
struct Requirement<'a> {
    /// With their scopes, by name.
    schemes: Vec<(&'a str, Found<'a>)>,
    found: Found<'a>,
}

impl<'a> Requirement<'a> {
    fn all(ways: &Ways<'a>, list: Option<Found<'a>>) -> Vec<Self> {
        let items = list.into_iter().flat_map(|it| ways.items(it));
        let requirement = |found| {
            let mut schemes: Vec<_> = ways.entries(found).collect();
            schemes.sort_by_key(|it| it.0);
            Self { schemes, found }
        };
        items.map(requirement).collect()
    }

    fn has_same_schemes(&self, other: &Self) -> bool {
        let names = |it: &Self| it.schemes.iter().map(|it| it.0.to_owned()).collect::<Vec<_>>();
        names(self) == names(other)
    }

    /// Whether the scopes are the same, too.
    fn is_same(&self, other: &Self, ways: &Ways<'a>) -> bool {
        let scopes = |it: &Self| {
            let scopes = |(_, list): &(&str, Found<'a>)| {
                let mut texts: Vec<_> = ways.items(*list).map(|it| it.node.as_str()).collect();
                texts.sort_unstable();
                texts.dedup();
                texts
            };
            it.schemes.iter().map(scopes).collect::<Vec<_>>()
        };
        self.has_same_schemes(other) && scopes(self) == scopes(other)
    }

    /// Whether what another one asks for is enough: schemes and scopes are among those of it.
    fn asks_no_more_than(&self, other: &Self, ways: &Ways<'a>) -> bool {
        self.schemes.iter().all(|(name, scopes)| {
            let known = other.schemes.iter().find(|(it, _)| it == name);
            known.is_some_and(|(_, known)| {
                let known = Values::new(&ways.items(*known).collect::<Vec<_>>());
                ways.items(*scopes).all(|scope| known.has(scope.node))
            })
        })
    }

    fn is_none(&self) -> bool {
        self.schemes.is_empty()
    }

    fn name(&self) -> String {
        let names = self.schemes.iter().map(|(name, _)| format!("`{name}`"));
        names.collect::<Vec<_>>().join(" with ")
    }
}

impl<'a> Comparison<'a> {
    /// Compares the security that holds for operations without their own.
    pub(super) fn global_security(&mut self) {
        let (base, head) = (self.ways.root(self.base.root), self.ways.root(self.head.root));
        let both = (self.ways.get(base, "security"), self.ways.get(head, "security"));
        self.once(Of::Security, Root::Service, (base, head), |it| {
            it.security(Whose::Service, both, (base, head));
        });
    }

    /// Compares lists of alternatives.
    pub(super) fn security(
        &mut self,
        whose: Whose,
        lists: (Option<Found<'a>>, Option<Found<'a>>),
        holders: (Found<'a>, Found<'a>),
    ) {
        let was = Requirement::all(&self.ways, lists.0);
        let is = Requirement::all(&self.ways, lists.1);
        let places = (lists.0.unwrap_or(holders.0), lists.1.unwrap_or(holders.1));
        let is_free =
            |list: &[Requirement<'a>]| list.is_empty() || list.iter().any(Requirement::is_none);
        let names = |list: &[Requirement<'a>]| {
            let named = list.iter().filter(|it| !it.is_none()).map(Requirement::name);
            named.collect::<Vec<_>>().join(" or ")
        };
        match (is_free(&was), is_free(&is)) {
            (true, false) => {
                let id = whose.id("became-required");
                self.other_changed(&id, (Some(places.0), Some(places.1)), "", names(&is));
                return;
            }
            (false, true) => {
                let id = whose.id("became-optional");
                self.other_changed(&id, (Some(places.0), Some(places.1)), names(&was), "");
                return;
            }
            _ => {}
        }
        let mut olds: Vec<_> = was.iter().filter(|it| !it.is_none()).collect();
        let mut news: Vec<_> = is.iter().filter(|it| !it.is_none()).collect();
        // Alternatives may differ in nothing but their scopes: what is the same goes first.
        olds.retain(|old| match news.iter().position(|new| new.is_same(old, &self.ways)) {
            Some(place) => {
                news.remove(place);
                false
            }
            None => true,
        });
        for old in olds {
            let is_enough = |new: &Requirement<'a>| new.asks_no_more_than(old, &self.ways);
            // To call without any is not to be known to the service.
            let is_taken = is.iter().filter(|it| !it.is_none()).any(is_enough);
            match news.iter().position(|new| new.has_same_schemes(old)) {
                Some(place) if !is_taken || is_enough(news[place]) => {
                    self.scopes(whose, old, news.remove(place));
                }
                _ if is_taken => {}
                _ => {
                    let both = (Some(old.found), Some(places.1));
                    self.other_changed(&whose.id("removed"), both, old.name(), "");
                }
            }
        }
        for new in news {
            let both = (Some(places.0), Some(new.found));
            self.other_changed(&whose.id("added"), both, "", new.name());
        }
    }

    fn scopes(&mut self, whose: Whose, old: &Requirement<'a>, new: &Requirement<'a>) {
        for ((_, was), (_, is)) in old.schemes.iter().zip(&new.schemes) {
            let quoted = |node: &Node| format!("`{}`", node.as_str().unwrap_or_default());
            let olds: Vec<_> = self.ways.items(*was).collect();
            let news: Vec<_> = self.ways.items(*is).collect();
            let (known, now) = (Values::new(&olds), Values::new(&news));
            let removed = olds.into_iter().filter(|it| !now.has(it.node));
            let added = news.into_iter().filter(|it| !known.has(it.node));
            for scope in removed {
                let places = (Some(scope), Some(*is));
                self.other_changed(&whose.id("scope-removed"), places, quoted(scope.node), "");
            }
            for scope in added {
                let places = (Some(*was), Some(scope));
                self.other_changed(&whose.id("scope-added"), places, "", quoted(scope.node));
            }
        }
    }

    /// Compares the security schemes by their names.
    pub(super) fn security_schemes(&mut self) {
        let list = |side: &Side<'a>| {
            let components = self.ways.get(self.ways.root(side.root), "components");
            let schemes = components.map(|it| named(&self.ways, it, "securitySchemes"));
            let schemes = schemes.map(Named::into_list).unwrap_or_default().into_iter();
            let target = |scheme| side.follow(scheme, &self.ways).unwrap_or(scheme);
            Named::new(schemes.map(|(name, scheme)| (name, target(scheme))).collect())
        };
        let (olds, news) = (list(&self.base), list(&self.head));
        let (old_root, new_root) = (self.ways.root(self.base.root), self.ways.root(self.head.root));
        for (name, was) in &olds {
            let new = news.get(name).copied();
            self.about(Root::SecurityScheme(name), |it| match new {
                Some(is) => it.security_scheme(*was, is),
                None => {
                    let places = (Some(*was), Some(new_root));
                    it.other_changed("api-security-component-removed", places, "", "");
                }
            });
        }
        for (name, is) in news.iter().filter(|(name, _)| !olds.has(name)) {
            self.about(Root::SecurityScheme(name), |it| {
                let places = (Some(old_root), Some(*is));
                it.other_changed("api-security-component-added", places, "", "");
            });
        }
    }

    fn security_scheme(&mut self, base: Found<'a>, head: Found<'a>) {
        if self.text_changed("type", "api-security-component-type-changed", base, head) {
            return;
        }
        for (key, id) in [
            ("scheme", "api-security-component-scheme-changed"),
            ("name", "api-security-component-name-changed"),
            ("in", "api-security-component-in-changed"),
            ("bearerFormat", "api-security-component-bearer-format-changed"),
            ("openIdConnectUrl", "api-security-component-open-id-connect-url-changed"),
        ] {
            // https://www.rfc-editor.org/rfc/rfc9110#section-11.1, and the names of headers
            let is_header = base.text("in") == Some("header") && head.text("in") == Some("header");
            let is_same = match (base.text(key), head.text(key)) {
                (Some(was), Some(is)) => was.eq_ignore_ascii_case(is),
                _ => false,
            };
            if !(is_same && (key == "scheme" || key == "name" && is_header)) {
                self.text_changed(key, id, base, head);
            }
        }
        self.flows(base, head);
    }

    fn flows(&mut self, base: Found<'a>, head: Found<'a>) {
        let (olds, news) = (named(&self.ways, base, "flows"), named(&self.ways, head, "flows"));
        let quoted = |name: &str| format!("`{name}`");
        for (name, was) in &olds {
            match news.get(name) {
                None => {
                    let places = (Some(*was), Some(head));
                    let id = "api-security-component-oauth-flow-removed";
                    self.other_changed(id, places, quoted(name), "");
                }
                Some(is) => {
                    for (key, id) in [
                        ("authorizationUrl", "api-security-component-oauth-url-changed"),
                        ("deviceAuthorizationUrl", "api-security-component-oauth-url-changed"),
                        ("tokenUrl", "api-security-component-oauth-token-url-changed"),
                        ("refreshUrl", "api-security-component-oauth-refresh-url-changed"),
                    ] {
                        self.text_changed(key, id, *was, *is);
                    }
                    self.known_scopes(*was, *is);
                }
            }
        }
        for (name, is) in news.iter().filter(|(name, _)| !olds.has(name)) {
            let places = (Some(base), Some(*is));
            let id = "api-security-component-oauth-flow-added";
            self.other_changed(id, places, "", quoted(name));
        }
    }

    fn known_scopes(&mut self, base: Found<'a>, head: Found<'a>) {
        let (olds, news) = (named(&self.ways, base, "scopes"), named(&self.ways, head, "scopes"));
        let quoted = |name: &str| format!("`{name}`");
        for (name, was) in &olds {
            match news.get(name) {
                None => {
                    let places = (Some(*was), Some(head));
                    let id = "api-security-component-oauth-scope-removed";
                    self.other_changed(id, places, quoted(name), "");
                }
                Some(is) if is.node != was.node => {
                    let places = (Some(*was), Some(*is));
                    let id = "api-security-component-oauth-scope-changed";
                    self.other_changed(id, places, "", quoted(name));
                }
                Some(_) => {}
            }
        }
        for (name, is) in news.iter().filter(|(name, _)| !olds.has(name)) {
            let places = (Some(base), Some(*is));
            let id = "api-security-component-oauth-scope-added";
            self.other_changed(id, places, "", quoted(name));
        }
    }

    /// Tells that a text is another, when it is.
    pub(super) fn text_changed(
        &mut self,
        key: &str,
        id: &str,
        base: Found<'a>,
        head: Found<'a>,
    ) -> bool {
        let (was, is) = (base.text(key), head.text(key));
        if was == is {
            return false;
        }
        let show =
            |text: Option<&str>| text.map_or_else(|| "nothing".to_owned(), |it| format!("`{it}`"));
        let places =
            (self.ways.get(base, key).or(Some(base)), self.ways.get(head, key).or(Some(head)));
        self.other_changed(id, places, show(was), show(is));
        true
    }
}
