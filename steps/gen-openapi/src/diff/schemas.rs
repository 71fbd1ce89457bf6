//! Compares schemas.

use std::cmp::Ordering;
use std::fmt;

use crate::document::{Node, Number, Object, Value};

use super::change::Level;
use super::comparison::{Comparison, Of, Root, Segment};
use super::kinds::{Direction, Role};
use super::lifecycle::{Life, Names, Removal};
use super::view::{Alternatives, Keyword, Limit, Side, Types, View, order};
use super::ways::{Found, Named, Values};

/// The limits besides those of numbers: keyword, how the names of their kinds begin, and what holds when
/// nothing is said.
const LIMITS: [(Keyword, &str, Option<i128>); 8] = [
    (Keyword::MaxLength, "max-length", None),
    (Keyword::MinLength, "min-length", Some(0)),
    (Keyword::MaxItems, "max-items", None),
    (Keyword::MinItems, "min-items", Some(0)),
    (Keyword::MaxProperties, "max-properties", None),
    (Keyword::MinProperties, "min-properties", Some(0)),
    (Keyword::MaxContains, "max-contains", None),
    (Keyword::MinContains, "min-contains", Some(1)),
];

/// Formats of which one allows all that the other one does, the wider one last.
const WIDER_FORMATS: [(&str, &str); 11] = [
    ("int8", "int16"),
    ("int8", "int32"),
    ("int8", "int64"),
    ("int16", "int32"),
    ("int16", "int64"),
    ("int32", "int64"),
    ("float", "double"),
    ("email", "idn-email"),
    ("hostname", "idn-hostname"),
    ("uri", "iri"),
    ("uri", "uri-reference"),
];

/// Patterns that anything matches.
const ANYTHING: [&str; 6] = [".*", "^.*$", ".*$", "^.*", "^", "^[\\s\\S]*$"];

/// Whether a schema, or one that it is made of, refers to another one.
fn leads_elsewhere(node: &Node) -> bool {
    let members = |key| node.get(key).and_then(Node::as_array).unwrap_or_default();
    let mut parts = ["allOf", "anyOf", "oneOf"].into_iter().flat_map(members);
    node.text("$ref").is_some() || parts.any(leads_elsewhere)
}

/// What is said of a property besides its schema.
#[derive(Debug, Clone, Copy, Default)]
struct Marks<'a> {
    read_only: bool,
    write_only: bool,
    has_default: bool,
    life: Life<'a>,
}

impl<'a> Comparison<'a> {
    /// Compares two schemas; those that stand elsewhere are compared once.
    pub(super) fn schemas(&mut self, base: Found<'a>, head: Found<'a>, role: Role) {
        let is_reference = |found: Found<'a>| found.text("$ref").is_some();
        if !is_reference(base) && !is_reference(head) {
            // What these refer to may lie in itself, as `{anyOf: [{$ref: …}, {type: 'null'}]}`.
            if leads_elsewhere(base.node) || leads_elsewhere(head.node) {
                return self.later_here(Of::Schema(role), base, head);
            }
            return self.schemas_here(&[base], &[head], role);
        }
        let resolved = (self.base.resolve(base, &self.ways), self.head.resolve(head, &self.ways));
        let (Some(old), Some(new)) = resolved else { return };
        let name = head.text("$ref").or(base.text("$ref")).map(|it| Root::Schema(last(it)));
        self.later(Of::Schema(role), name, (vec![old], vec![new]));
    }

    /// Compares two schemas, each of which may be several that all have to match.
    fn all_schemas(&mut self, base: Vec<Found<'a>>, head: Vec<Found<'a>>, role: Role) {
        match (&base[..], &head[..]) {
            ([base], [head]) => self.schemas(*base, *head, role),
            _ => self.later(Of::Schema(role), None, (base, head)),
        }
    }

    /// Compares two schemas.
    pub(super) fn schemas_here(&mut self, base: &[Found<'a>], head: &[Found<'a>], role: Role) {
        let (Some(first_base), Some(first_head)) = (base.first(), head.first()) else { return };
        let view = |side: &Side<'a>, start: &[Found<'a>], merge: bool| {
            View::new(side, &self.ways, start, merge)
        };
        let mut old = view(&self.base, base, true);
        let mut new = view(&self.head, head, true);
        if !old.is_simple() || !new.is_simple() {
            old = view(&self.base, base, false);
            new = view(&self.head, head, false);
        }
        if old.cut || new.cut {
            self.not_compared((Some(*first_base), Some(*first_head)));
        }
        let places = (old.place(*first_base), new.place(*first_head));
        let both = Both { old: &old, new: &new, places, role };
        self.views(&both);
    }

    fn views(&mut self, both: &Both<'a, '_>) {
        let (is_false, was_false) =
            (both.new.boolean == Some(false), both.old.boolean == Some(false));
        if is_false != was_false {
            let name = if is_false { "schema-became-false" } else { "schema-became-not-false" };
            return self.schema_changed(both.role, name, both.places, "", "");
        }
        if self.wrapped(both) || !self.types(both) {
            return;
        }
        self.formats(both);
        self.values(both);
        self.defaults(both);
        self.patterns(both);
        self.limits(both);
        self.multiples(both);
        self.all_of(both);
        self.alternatives(both);
        self.excluded(both);
        self.discriminators(both);
        self.properties(both);
        self.other_properties(both);
        self.dependents(both);
        self.items(both);
        self.conditions(both);
        self.contents(both);
    }

    /// Compares the types; whether the rest is worth comparing.
    fn types(&mut self, both: &Both<'a, '_>) -> bool {
        let Both { old, new, role, .. } = *both;
        let at = both.at(Keyword::Type);
        let (mut was, mut is) = (old.types.without_null(), new.types.without_null());
        let mut any = Types::ANY.without_null();
        if was.is_empty() == is.is_empty() {
            self.nullable(both);
        } else {
            // One is nothing but null: then that is a type like the others.
            let all = |view: &View<'a>| match view.is_nullable() {
                Some(true) => view.types.with_null(),
                _ => view.types,
            };
            (was, is, any) = (all(old), all(new), Types::ANY);
        }
        if was == is {
            return true;
        }
        let as_text = self.as_text && any != Types::ANY;
        let to_text = as_text && was.is_scalar() && is.has(Types::STRING);
        let from_text = as_text && is.is_scalar() && was.has(Types::STRING);
        let single = was.count() == 1 && is.count() == 1;
        let name = if is.contains(was) || to_text {
            if single || is == any { "type-generalized" } else { "list-of-types-widened" }
        } else if was.contains(is) || from_text {
            if single || was == any { "type-specialized" } else { "list-of-types-narrowed" }
        } else {
            "type-changed"
        };
        self.schema_changed(role, name, at, was, is);
        name != "type-changed"
    }

    fn nullable(&mut self, both: &Both<'a, '_>) {
        if let (Some(was), Some(is)) = (both.old.is_nullable(), both.new.is_nullable())
            && was != is
        {
            let name = if is { "became-nullable" } else { "became-not-nullable" };
            self.schema_changed(both.role, name, both.places, "", "");
        }
    }

    fn formats(&mut self, both: &Both<'a, '_>) {
        if both.is_same_content() {
            return;
        }
        let (was, is) = both.texts(Keyword::Format);
        let name = match (was, is) {
            (None, Some(_)) => "format-added",
            (Some(_), None) => "format-removed",
            (Some(was), Some(is)) if was != is => {
                let wider = |one, other| WIDER_FORMATS.contains(&(one, other));
                match (wider(was, is), wider(is, was)) {
                    (true, _) => "format-generalized",
                    (_, true) => "format-specialized",
                    _ => "format-changed",
                }
            }
            _ => return,
        };
        let at = both.at(Keyword::Format);
        self.schema_changed(both.role, name, at, was.unwrap_or_default(), is.unwrap_or_default());
    }

    /// `enum` and `const`; an enum of one value is a constant.
    fn values(&mut self, both: &Both<'a, '_>) {
        let Both { old, new, places, role } = *both;
        let (was, is) = (old.values(&self.ways), new.values(&self.ways));
        let keyword = |view: &View<'a>| match view.get(Keyword::Const) {
            Some(found) => Some(found),
            None => view.get(Keyword::Enum),
        };
        let at = (keyword(old).unwrap_or(places.0), keyword(new).unwrap_or(places.1));
        let is_const = |view: &View<'a>| view.get(Keyword::Const).is_some();
        match (was, is) {
            (None, Some(is)) => {
                let name = if is_const(new) { "const-added" } else { "became-enum" };
                self.schema_changed(role, name, at, "", list(&is));
            }
            (Some(was), None) => {
                let name = if is_const(old) { "const-removed" } else { "became-not-enum" };
                self.schema_changed(role, name, at, list(&was), "");
            }
            (Some(was), Some(is)) => {
                let (known, now) = (Values::new(&was), Values::new(&is));
                if let ([was], [is]) = (&was[..], &is[..]) {
                    if was.node != is.node {
                        let name = "const-changed";
                        self.schema_changed(
                            role,
                            name,
                            (*was, *is),
                            Short(was.node),
                            Short(is.node),
                        );
                    }
                } else {
                    for value in was.iter().filter(|value| !now.has(value.node)) {
                        let places = (*value, at.1);
                        self.schema_changed(
                            role,
                            "enum-value-removed",
                            places,
                            Short(value.node),
                            "",
                        );
                    }
                    let open = |view: &View<'a>| {
                        view.get(Keyword::ExtensibleEnum)
                            .is_some_and(|it| it.node.as_bool() != Some(false))
                    };
                    let name = if open(old) {
                        "x-extensible-enum-value-added"
                    } else {
                        "enum-value-added"
                    };
                    for value in is.iter().filter(|value| !known.has(value.node)) {
                        self.schema_changed(role, name, (at.0, *value), "", Short(value.node));
                    }
                }
            }
            (None, None) => {}
        }
        self.extensible_values(both);
    }

    /// The values of `x-extensible-enum`, to which more may be added:
    /// <https://opensource.zalando.com/restful-api-guidelines/#112>
    fn extensible_values(&mut self, both: &Both<'a, '_>) {
        let (was, is) = both.get(Keyword::ExtensibleEnum);
        let (Some(was), Some(is)) = (was, is) else { return };
        let olds: Vec<_> = self.ways.items(was).collect();
        let news: Vec<_> = self.ways.items(is).collect();
        let (known, now) = (Values::new(&olds), Values::new(&news));
        for value in olds.iter().copied().filter(|it| !now.has(it.node)) {
            let name = "x-extensible-enum-value-removed";
            self.schema_changed(both.role, name, (value, is), Short(value.node), "");
        }
        for value in news.iter().copied().filter(|it| !known.has(it.node)) {
            let name = "x-extensible-enum-value-added";
            self.schema_changed(both.role, name, (was, value), "", Short(value.node));
        }
    }

    fn defaults(&mut self, both: &Both<'a, '_>) {
        let name = match both.get(Keyword::Default) {
            (None, Some(_)) => "default-value-added",
            (Some(_), None) => "default-value-removed",
            (Some(was), Some(is)) if was.node != is.node => "default-value-changed",
            _ => return,
        };
        self.keyword_changed(both, Keyword::Default, name);
    }

    fn patterns(&mut self, both: &Both<'a, '_>) {
        let (was, is) = both.texts(Keyword::Pattern);
        let says = |pattern: Option<&'a str>| pattern.filter(|it| !ANYTHING.contains(it));
        let name = match (says(was), says(is)) {
            (None, Some(_)) => "pattern-added",
            (Some(_), None) if is.is_some() => "pattern-generalized",
            (Some(_), None) => "pattern-removed",
            (Some(was), Some(is)) if was != is => "pattern-changed",
            _ => return,
        };
        self.keyword_changed(both, Keyword::Pattern, name);
    }

    fn limits(&mut self, both: &Both<'a, '_>) {
        let Both { old, new, .. } = *both;
        self.limit(both, (old.upper(), new.upper()), "max", true);
        self.limit(both, (old.lower(), new.lower()), "min", false);
        for (keyword, name, default) in LIMITS {
            let limit = |view: &View<'a>| {
                let found = view.get(keyword)?;
                let number = found.node.as_number()?;
                // A limit that holds anyhow is none.
                let says = default.is_none() || number.as_integer() != default;
                says.then_some((found, number))
            };
            let (was, is) = (limit(old), limit(new));
            let is_below =
                |number: &Number| number.as_integer().is_some_and(|it| Some(it) < default);
            let how = match (was, is) {
                (None, Some((_, is))) if is_below(is) => "decreased",
                (Some((_, was)), None) if is_below(was) => "increased",
                (None, Some(_)) => "set",
                (Some(_), None) => "unset",
                (Some((_, was)), Some((_, is))) => match order(was, is) {
                    Ordering::Less => "increased",
                    Ordering::Greater => "decreased",
                    Ordering::Equal => continue,
                },
                (None, None) => continue,
            };
            let text = |limit: Option<(Found<'a>, &Number)>| match limit {
                Some((_, number)) => number.to_string(),
                None => default.map(|it| it.to_string()).unwrap_or_default(),
            };
            let name = format!("{name}-{how}");
            self.schema_changed(both.role, &name, both.at(keyword), text(was), text(is));
        }
        let unique = |view: &View<'a>| {
            view.get(Keyword::UniqueItems).and_then(|it| it.node.as_bool()) == Some(true)
        };
        if unique(old) != unique(new) {
            let name = if unique(new) { "unique-items-set" } else { "unique-items-unset" };
            self.keyword_changed(both, Keyword::UniqueItems, name);
        }
    }

    /// A limit of a number, which may be excluded itself.
    fn limit(
        &mut self,
        both: &Both<'a, '_>,
        (was, is): (Option<Limit<'a>>, Option<Limit<'a>>),
        name: &str,
        is_upper: bool,
    ) {
        let Some(shown) = is.or(was) else { return };
        let how = match (was, is) {
            (None, Some(_)) => "set",
            (Some(_), None) => "unset",
            (Some(was), Some(is)) => {
                // Excluding the limit itself is like moving it a little.
                let excluded = if is_upper {
                    is.exclusive.cmp(&was.exclusive)
                } else {
                    was.exclusive.cmp(&is.exclusive)
                };
                match order(was.number, is.number).then(excluded) {
                    Ordering::Less => "increased",
                    Ordering::Greater => "decreased",
                    Ordering::Equal => return,
                }
            }
            (None, None) => return,
        };
        let exclusive = if shown.exclusive { "exclusive-" } else { "" };
        let places =
            (was.map_or(both.places.0, |it| it.found), is.map_or(both.places.1, |it| it.found));
        let text =
            |limit: Option<Limit<'a>>| limit.map(|it| it.number.to_string()).unwrap_or_default();
        let name = format!("{exclusive}{name}-{how}");
        self.schema_changed(both.role, &name, places, text(was), text(is));
    }

    fn multiples(&mut self, both: &Both<'a, '_>) {
        let name = match both.numbers(Keyword::MultipleOf) {
            (None, Some(_)) => "multiple-of-set",
            (Some(_), None) => "multiple-of-unset",
            (Some(was), Some(is)) if was != is => {
                let is_multiple = |one: f64, other: f64| {
                    let ratio = one / other;
                    ratio.is_finite()
                        && ratio.round() >= 1.0
                        && (ratio - ratio.round()).abs() < 1e-9
                };
                let (was, is) = (was.as_f64(), is.as_f64());
                match (is_multiple(was, is), is_multiple(is, was)) {
                    (true, _) => "multiple-of-generalized",
                    (_, true) => "multiple-of-specialized",
                    _ => "multiple-of-changed",
                }
            }
            _ => return,
        };
        self.keyword_changed(both, Keyword::MultipleOf, name);
    }

    /// The members of `allOf` that do not make one schema.
    fn all_of(&mut self, both: &Both<'a, '_>) {
        let Both { old, new, role, .. } = *both;
        if old.all_of.is_empty() && new.all_of.is_empty() {
            return;
        }
        let at = both.at(Keyword::AllOf);
        let matches = self.matches(&old.all_of, &new.all_of, None);
        for member in matches.removed {
            let name = self.name_of(&self.base, member);
            self.schema_changed(role, "all-of-removed", (member, at.1), name, "");
        }
        for member in matches.added {
            let name = self.name_of(&self.head, member);
            self.schema_changed(role, "all-of-added", (at.0, member), "", name);
        }
        for (was, is) in matches.both {
            // They are of the same value.
            self.schemas(was, is, role);
        }
    }

    /// The members of `oneOf` or `anyOf`.
    fn alternatives(&mut self, both: &Both<'a, '_>) {
        let (olds, news) = (&both.old.alternatives, &both.new.alternatives);
        if let ([was], [is]) = (&olds[..], &news[..]) {
            return self.both_alternatives(both, Some(was), Some(is));
        }
        for keyword in [Keyword::OneOf, Keyword::AnyOf] {
            let of = |list: &'_ [Alternatives<'a>]| {
                list.iter().find(|it| it.keyword == keyword).cloned()
            };
            self.both_alternatives(both, of(olds).as_ref(), of(news).as_ref());
        }
    }

    fn both_alternatives(
        &mut self,
        both: &Both<'a, '_>,
        was: Option<&Alternatives<'a>>,
        is: Option<&Alternatives<'a>>,
    ) {
        let Both { places, role, .. } = *both;
        match (was, is) {
            (None, None) => {}
            (None, Some(is)) => {
                let name = format!("{}-constraint-added", prefix(is.keyword));
                self.schema_changed(role, &name, (places.0, is.found), "", "");
            }
            (Some(was), None) => {
                let name = format!("{}-constraint-removed", prefix(was.keyword));
                self.schema_changed(role, &name, (was.found, places.1), "", "");
            }
            (Some(was), Some(is)) => {
                if was.keyword != is.keyword {
                    let name = match is.keyword {
                        Keyword::AnyOf => "one-of-became-any-of",
                        _ => "any-of-became-one-of",
                    };
                    self.schema_changed(role, name, (was.found, is.found), "", "");
                }
                self.members(both, was, is);
            }
        }
    }

    fn members(&mut self, both: &Both<'a, '_>, was: &Alternatives<'a>, is: &Alternatives<'a>) {
        let role = both.role;
        let discriminator =
            both.new.get(Keyword::Discriminator).and_then(|it| it.text("propertyName"));
        let matches = self.matches(&was.members, &is.members, discriminator);
        for member in matches.removed {
            let name = self.name_of(&self.base, member);
            let kind = format!("{}-removed", prefix(was.keyword));
            self.schema_changed(role, &kind, (member, is.found), name, "");
        }
        for member in matches.added {
            let name = self.name_of(&self.head, member);
            let kind = format!("{}-added", prefix(is.keyword));
            self.schema_changed(role, &kind, (was.found, member), "", name);
        }
        for (was, is) in matches.both {
            let name = is.text("$ref").map(last).or(is.text("title")).unwrap_or("a member");
            self.within(Segment::Member(name), |it| it.schemas(was, is, role.inside()));
        }
    }

    /// A schema that is one of several now, or the other way round; whether that is all there is.
    fn wrapped(&mut self, both: &Both<'a, '_>) -> bool {
        let Both { old, new, places, role } = *both;
        let is_plain = |view: &View<'a>| view.alternatives.is_empty() && !view.layers.is_empty();
        match (&old.alternatives[..], &new.alternatives[..]) {
            ([], [is]) if is_plain(old) && new.is_only_alternatives() && old.says() => {
                // What has a single alternative is that one.
                let kept = old.layers.iter().find_map(|layer| {
                    let is_kept = |it: &&Found<'a>| {
                        self.is_same(*layer, **it) || points_to(&self.base, **it, *layer)
                    };
                    Some((*layer, *is.members.iter().find(is_kept)?))
                });
                let end = if kept.is_some() { "-original-preserved" } else { "" };
                let name = format!("wrapped-in-{}{end}", prefix(is.keyword));
                self.schema_changed(role, &name, (places.0, is.found), "", "");
                self.kept(both, kept);
                true
            }
            ([was], []) if is_plain(new) && old.is_only_alternatives() && new.says() => {
                let kept = new.layers.iter().find_map(|layer| {
                    let is_kept = |it: &&Found<'a>| {
                        self.is_same(**it, *layer) || points_to(&self.head, **it, *layer)
                    };
                    Some((*was.members.iter().find(is_kept)?, *layer))
                });
                let name = if kept.is_some() { "unwrapped-member-kept" } else { "unwrapped" };
                self.schema_changed(role, name, (was.found, places.1), "", "");
                self.kept(both, kept);
                true
            }
            _ => false,
        }
    }

    /// Compares what is left of a schema that is one of several now, or the other way round.
    fn kept(&mut self, both: &Both<'a, '_>, kept: Option<(Found<'a>, Found<'a>)>) {
        let Some((was, is)) = kept else { return };
        if both.old.null_member || both.new.null_member {
            self.nullable(both);
        }
        self.schemas(was, is, both.role);
    }

    /// Whether a schema of the base and one of the head are the same as they are written.
    fn is_same(&self, base: Found<'a>, head: Found<'a>) -> bool {
        let was = self.base.follow(base, &self.ways);
        let is = self.head.follow(head, &self.ways);
        matches!((was, is), (Some(was), Some(is)) if was.node == is.node)
    }

    /// Which members of the base and of the head belong together.
    fn matches(
        &self,
        base: &[Found<'a>],
        head: &[Found<'a>],
        discriminator: Option<&str>,
    ) -> Matches<'a> {
        let by_name = |list: &[Found<'a>]| {
            let names = list.iter().filter_map(|it| Some((it.text("$ref")?, *it)));
            Named::new(names.collect())
        };
        let (olds, news) = (by_name(base), by_name(head));
        let mut both: Vec<_> =
            olds.iter().filter_map(|(name, was)| Some((*was, *news.get(name)?))).collect();
        let rest = |list: &[Found<'a>], other: &Named<'a, Found<'a>>| -> Vec<Found<'a>> {
            let is_left = |it: &&Found<'a>| !it.text("$ref").is_some_and(|name| other.has(name));
            list.iter().filter(is_left).copied().collect()
        };
        let (mut removed, mut added) = (rest(base, &news), rest(head, &olds));
        let mut pair = |is_pair: &dyn Fn(Found<'a>, Found<'a>) -> bool| {
            // So many that differ have nothing to do with each other.
            if removed.len() * added.len() > 100_000 {
                return;
            }
            removed.retain(|was| {
                let index = added.iter().position(|is| is_pair(*was, *is));
                if let Some(index) = index {
                    both.push((*was, added.remove(index)));
                }
                index.is_none()
            });
        };
        let equal = |was: Option<&str>, is: Option<&str>| was.is_some() && was == is;
        pair(&|was, is| {
            was.text("$ref").is_none() && is.text("$ref").is_none() && was.node == is.node
        });
        if let Some(property) = discriminator {
            pair(&|was, is| {
                let value = |side: &Side<'a>, it| {
                    let schema =
                        side.follow(it, &self.ways)?.node.get("properties")?.get(property)?;
                    match schema.get("const") {
                        Some(only) => only.as_str(),
                        None => schema.get("enum")?.as_array()?.first()?.as_str(),
                    }
                };
                equal(value(&self.base, was), value(&self.head, is))
            });
        }
        pair(&|was, is| self.is_same(was, is));
        pair(&|was, is| equal(was.text("title"), is.text("title")));
        // What is left over alone on both sides is likely the same, changed.
        let is_named = |it: &Found<'a>| it.text("$ref").is_some();
        if let ([was], [is]) = (&removed[..], &added[..])
            && !is_named(was)
            && !is_named(is)
        {
            both.push((*was, *is));
            removed.clear();
            added.clear();
        }
        Matches { both, removed, added }
    }

    /// What a schema is called.
    fn name_of(&self, side: &Side<'a>, found: Found<'a>) -> String {
        if let Some(reference) = found.text("$ref") {
            return format!("`{}`", last(reference));
        }
        match found.text("title") {
            Some(title) => format!("`{title}`"),
            None => {
                let view = View::new(side, &self.ways, &[found], true);
                match view.values(&self.ways) {
                    Some(values) => list(&values),
                    None => view.types.without_null().to_string(),
                }
            }
        }
    }

    fn excluded(&mut self, both: &Both<'a, '_>) {
        let name = match both.get(Keyword::Not) {
            (None, Some(_)) => "not-added",
            (Some(_), None) => "not-removed",
            (Some(was), Some(is)) if !self.is_same(was, is) => "not-changed",
            _ => return,
        };
        let at = both.at(Keyword::Not);
        self.schema_changed(both.role, name, at, "", "");
    }

    fn discriminators(&mut self, both: &Both<'a, '_>) {
        let role = both.role;
        let at = both.at(Keyword::Discriminator);
        let name = |found: Found<'a>| found.text("propertyName").unwrap_or_default();
        let quoted = |text: &str| format!("`{text}`");
        let (was, is) = match both.get(Keyword::Discriminator) {
            (None, None) => return,
            (None, Some(is)) => {
                return self.schema_changed(role, "discriminator-added", at, "", quoted(name(is)));
            }
            (Some(was), None) => {
                let was = quoted(name(was));
                return self.schema_changed(role, "discriminator-removed", at, was, "");
            }
            (Some(was), Some(is)) => (was, is),
        };
        if name(was) != name(is) {
            let (was, is) = (quoted(name(was)), quoted(name(is)));
            self.schema_changed(role, "discriminator-property-name-changed", at, was, is);
        }
        let fallback = |found: Found<'a>| found.text("defaultMapping").map(last);
        if fallback(was) != fallback(is) {
            let show = |it: Option<&str>| it.map_or_else(|| "unknown".to_owned(), quoted);
            let (was, is) = (show(fallback(was)), show(fallback(is)));
            self.schema_changed(role, "discriminator-default-mapping-changed", at, was, is);
        }
        let mapping = |found: Option<Found<'a>>| found.map(|it| it.node).and_then(Node::as_object);
        let (old, new) = (self.ways.get(was, "mapping"), self.ways.get(is, "mapping"));
        let (olds, news) = (mapping(old), mapping(new));
        let target = |list: Option<&'a Object>, key: &str| list?.get(key)?.as_str().map(last);
        let old_entries: Vec<_> = old.into_iter().flat_map(|it| self.ways.entries(it)).collect();
        for (value, found) in old_entries {
            let was = found.node.as_str().map(last);
            match target(news, value) {
                None => {
                    let places = (found, new.unwrap_or(is));
                    let name = "discriminator-mapping-deleted";
                    self.schema_changed(role, name, places, quoted(value), "");
                }
                Some(target) if was != Some(target) => {
                    let place = new.and_then(|it| self.ways.get(it, value)).unwrap_or(is);
                    let was = quoted(was.unwrap_or_default());
                    let name = "discriminator-mapping-changed";
                    self.schema_changed(role, name, (found, place), was, quoted(target));
                }
                Some(_) => {}
            }
        }
        let new_entries: Vec<_> = new.into_iter().flat_map(|it| self.ways.entries(it)).collect();
        for (value, found) in new_entries {
            if target(olds, value).is_none() {
                let places = (old.unwrap_or(was), found);
                self.schema_changed(role, "discriminator-mapping-added", places, "", quoted(value));
            }
        }
    }

    fn properties(&mut self, both: &Both<'a, '_>) {
        let Both { old, new, .. } = *both;
        let (olds, news) = (old.properties(&self.ways), new.properties(&self.ways));
        if olds.is_empty()
            && news.is_empty()
            && old.get(Keyword::Required).is_none()
            && new.get(Keyword::Required).is_none()
        {
            return;
        }
        let (was, is) = (old.required(&self.ways), new.required(&self.ways));
        for (number, (name, base)) in olds.iter().enumerate() {
            let name = *name;
            let was_required = was.has(name);
            self.within(Segment::Property(name), |it| match news.get_near(name, number) {
                None => it.property_removed(both, base, was_required),
                Some(head) => {
                    let is_required = is.has(name);
                    it.property(both, base, head, (was_required, is_required));
                }
            });
        }
        for (number, (name, head)) in news.iter().enumerate() {
            if olds.get_near(name, number).is_none() {
                let is_required = is.has(name);
                let place = old.get(Keyword::Properties).unwrap_or(both.places.0);
                self.within(Segment::Property(name), |it| {
                    it.property_added(both.role, place, head, is_required);
                });
            }
        }
        self.unlisted_required(both, (&was, &is), (&olds, &news));
    }

    /// Names in `required` that are no listed properties.
    fn unlisted_required(
        &mut self,
        both: &Both<'a, '_>,
        (was, is): (&Named<'a, Found<'a>>, &Named<'a, Found<'a>>),
        (olds, news): (&Named<'a, Vec<Found<'a>>>, &Named<'a, Vec<Found<'a>>>),
    ) {
        let role = both.role.inside();
        let is_unlisted = |name: &str| !olds.has(name) && !news.has(name);
        let at = both.at(Keyword::Required);
        for (name, found) in is.iter().filter(|it| !was.has(it.0) && is_unlisted(it.0)) {
            self.within(Segment::Property(name), |it| {
                it.schema_changed(role, "became-required", (at.0, *found), "", "");
            });
        }
        for (name, found) in was.iter().filter(|it| !is.has(it.0) && is_unlisted(it.0)) {
            self.within(Segment::Property(name), |it| {
                it.schema_changed(role, "became-optional", (*found, at.1), "", "");
            });
        }
    }

    fn property_removed(&mut self, both: &Both<'a, '_>, base: &[Found<'a>], required: bool) {
        let Both { new, places, .. } = *both;
        let role = both.role.inside();
        let marks = self.marks(&self.base, base);
        let Some(first) = base.first() else { return };
        if self.is_hidden(role, marks) {
            return;
        }
        let place = new.get(Keyword::Properties).unwrap_or(places.1);
        let is_closed = |keyword| {
            new.get(keyword).is_some_and(|it: Found<'a>| it.node.as_bool() == Some(false))
        };
        // Where the service sends it, it is not refused.
        let sent = self.direction(role) == Direction::Response;
        let closed = !sent
            && (is_closed(Keyword::AdditionalProperties)
                || is_closed(Keyword::UnevaluatedProperties));
        let (name, date) = match marks.life.removal(self.today) {
            Removal::AfterSunset(date) => ("removed-with-deprecation", date.to_string()),
            Removal::BeforeSunset(date) => ("removed-before-sunset", date.to_string()),
            _ => {
                let name = match role.direction() {
                    Direction::Request if closed => "removed-from-closed-object",
                    Direction::Request => "removed",
                    Direction::Response if required => "removed-required",
                    Direction::Response => "removed-optional",
                };
                (name, String::new())
            }
        };
        // Where the service sends it, it was not always there.
        let most =
            if sent && !required && name == "removed" { Level::Dangerous } else { Level::Breaking };
        self.at_most(most, |it| it.schema_changed(role, name, (*first, place), date, ""));
    }

    fn property_added(&mut self, role: Role, place: Found<'a>, head: &[Found<'a>], required: bool) {
        let role = role.inside();
        let marks = self.marks(&self.head, head);
        let Some(first) = head.first() else { return };
        if self.is_hidden(role, marks) {
            return;
        }
        let name = match (required, marks.has_default) {
            (true, true) => "added-required-with-default",
            (true, false) => "added-required",
            (false, _) => "added-optional",
        };
        self.schema_changed(role, name, (place, *first), "", "");
    }

    fn property(
        &mut self,
        both: &Both<'a, '_>,
        base: &[Found<'a>],
        head: &[Found<'a>],
        (was_required, is_required): (bool, bool),
    ) {
        let role = both.role.inside();
        let (Some(old), Some(new)) = (base.first(), head.first()) else { return };
        let places = (*old, *new);
        let (was, is) = (self.marks(&self.base, base), self.marks(&self.head, head));
        let (was_hidden, is_hidden) = (self.is_hidden(role, was), self.is_hidden(role, is));
        if !(was_hidden && is_hidden) {
            self.modes(role, places, (was, is), (was_required, is_required));
        }
        if was_hidden || is_hidden {
            return;
        }
        if is_required && !was_required {
            let name =
                if is.has_default { "became-required-with-default" } else { "became-required" };
            self.schema_changed(role, name, places, "", "");
        }
        if was_required && !is_required {
            self.schema_changed(role, "became-optional", places, "", "");
        }
        self.lives(&Names::OfSchema(role), places, (was.life, is.life));
        self.all_schemas(base.to_vec(), head.to_vec(), role);
    }

    /// `readOnly` and `writeOnly`.
    fn modes(
        &mut self,
        role: Role,
        places: (Found<'a>, Found<'a>),
        (was, is): (Marks<'a>, Marks<'a>),
        (was_required, is_required): (bool, bool),
    ) {
        let mut changed = |was: bool, is: bool, mode: &str| {
            if was != is {
                // What becomes hidden counts as it was before.
                let required = if is { was_required } else { is_required };
                let required = if required { "required" } else { "optional" };
                let not = if is { "" } else { "not-" };
                let name = format!("{required}-became-{not}{mode}");
                self.schema_changed(role, &name, places, "", "");
            }
        };
        changed(was.read_only, is.read_only, "read-only");
        changed(was.write_only, is.write_only, "write-only");
    }

    /// Whether a property is not sent in the direction that is compared.
    fn is_hidden(&self, role: Role, marks: Marks<'a>) -> bool {
        match self.direction(role) {
            Direction::Request => marks.read_only,
            Direction::Response => marks.write_only,
        }
    }

    /// What is said of a property, in itself or in what it refers to.
    fn marks(&self, side: &Side<'a>, schemas: &[Found<'a>]) -> Marks<'a> {
        let mut marks = Marks::default();
        let mut open: Vec<&'a Node> = schemas.iter().map(|it| it.node).collect();
        let mut left = 16;
        while let Some(node) = open.pop() {
            left -= 1;
            if left == 0 {
                break;
            }
            let Some(object) = node.as_object() else { continue };
            for entry in object {
                let is_true = entry.value.as_bool() == Some(true);
                match entry.key.as_str() {
                    "readOnly" => marks.read_only |= is_true,
                    "writeOnly" => marks.write_only |= is_true,
                    "default" => marks.has_default = true,
                    "$ref" => {
                        let target = entry.value.as_str().and_then(|it| side.references.find(it));
                        open.extend(target);
                    }
                    "allOf" => open.extend(entry.value.as_array().unwrap_or_default()),
                    key => marks.life.take(key, &entry.value),
                }
            }
        }
        marks
    }

    fn other_properties(&mut self, both: &Both<'a, '_>) {
        let role = both.role;
        let (was, is) = both.get(Keyword::AdditionalProperties);
        let at = both.at(Keyword::AdditionalProperties);
        let name = match (Openness::of(was), Openness::of(is)) {
            (Openness::Closed, Openness::Closed) | (Openness::Open, Openness::Open) => None,
            (Openness::Open | Openness::Schema(_), Openness::Closed) => {
                Some("additional-properties-closed")
            }
            (Openness::Closed, Openness::Open | Openness::Schema(_)) => {
                Some("additional-properties-opened")
            }
            (Openness::Open, Openness::Schema(_)) => Some("additional-properties-schema-added"),
            (Openness::Schema(_), Openness::Open) => Some("additional-properties-schema-removed"),
            (Openness::Schema(was), Openness::Schema(is)) => {
                self.within(Segment::Additional, |it| it.schemas(was, is, role.inside()));
                None
            }
        };
        if let Some(name) = name {
            self.schema_changed(role, name, at, "", "");
        }
        self.restriction(
            both,
            Keyword::UnevaluatedProperties,
            "unevaluated-properties",
            "unevaluatedProperties",
        );
        self.restriction(both, Keyword::UnevaluatedItems, "unevaluated-items", "unevaluatedItems");
        self.restriction(both, Keyword::PropertyNames, "property-names", "propertyNames");
        self.named(both, Keyword::PatternProperties, "pattern-property", Segment::Pattern);
    }

    /// A schema that restricts values when it is there.
    fn restriction(
        &mut self,
        both: &Both<'a, '_>,
        keyword: Keyword,
        name: &str,
        segment: &'static str,
    ) {
        let role = both.role;
        let (was, is) = both.get(keyword);
        // An item has to be there, whatever it is.
        let says = |found: Option<Found<'a>>| {
            found.filter(|it| keyword == Keyword::Contains || restricts(it.node))
        };
        let how = match (says(was), says(is)) {
            (None, Some(_)) => "added",
            (Some(_), None) => "removed",
            (Some(was), Some(is)) => {
                let segment = Segment::Keyword(segment);
                return self.within(segment, |it| it.schemas(was, is, role.inside()));
            }
            (None, None) => return,
        };
        let at = both.at(keyword);
        self.schema_changed(role, &format!("{name}-{how}"), at, "", "");
    }

    /// Schemas by names, each of which restricts values when it is there.
    fn named(
        &mut self,
        both: &Both<'a, '_>,
        keyword: Keyword,
        name: &str,
        segment: fn(&'a str) -> Segment<'a>,
    ) {
        let role = both.role;
        let (was, is) = both.get(keyword);
        if was.is_none() && is.is_none() {
            return;
        }
        let at = both.at(keyword);
        let (olds, news) = (self.ways.named(was), self.ways.named(is));
        for (key, was) in &olds {
            match news.get(key) {
                None => {
                    let kind = format!("{name}-removed");
                    self.schema_changed(role, &kind, (*was, at.1), format!("`{key}`"), "");
                }
                Some(is) => {
                    self.within(segment(key), |it| it.schemas(*was, *is, role.inside()));
                }
            }
        }
        for (key, is) in news.iter().filter(|(key, _)| !olds.has(key)) {
            self.schema_changed(
                role,
                &format!("{name}-added"),
                (at.0, *is),
                "",
                format!("`{key}`"),
            );
        }
    }

    /// `dependentRequired` and `dependentSchemas`.
    fn dependents(&mut self, both: &Both<'a, '_>) {
        self.named(both, Keyword::DependentSchemas, "dependent-schema", Segment::Member);
        let role = both.role;
        let (was, is) = both.get(Keyword::DependentRequired);
        let at = both.at(Keyword::DependentRequired);
        let (olds, news) = (self.ways.named(was), self.ways.named(is));
        for (key, was) in &olds {
            let name = format!("`{key}`");
            match news.get(key) {
                None => {
                    let kind = "dependent-required-removed";
                    self.schema_changed(role, kind, (*was, at.1), name, "");
                }
                Some(is) if !same_items(was.node, is.node) => {
                    self.schema_changed(role, "dependent-required-changed", (*was, *is), "", name);
                }
                Some(_) => {}
            }
        }
        for (key, is) in news.iter().filter(|(key, _)| !olds.has(key)) {
            let name = format!("`{key}`");
            self.schema_changed(role, "dependent-required-added", (at.0, *is), "", name);
        }
    }

    fn items(&mut self, both: &Both<'a, '_>) {
        let role = both.role;
        let (was, is) = both.get(Keyword::Items);
        let says = |found: Option<Found<'a>>| found.filter(|it| restricts(it.node));
        let at = both.at(Keyword::Items);
        match (says(was), says(is)) {
            (None, Some(_)) => self.schema_changed(role, "items-added", at, "", ""),
            (Some(_), None) => self.schema_changed(role, "items-removed", at, "", ""),
            (Some(was), Some(is)) => {
                self.within(Segment::Items, |it| it.schemas(was, is, role.inside()));
            }
            (None, None) => {}
        }
        self.prefix_items(both);
        self.restriction(both, Keyword::Contains, "contains", "contains");
    }

    fn prefix_items(&mut self, both: &Both<'a, '_>) {
        let role = both.role;
        let (was, is) = both.get(Keyword::PrefixItems);
        let at = both.at(Keyword::PrefixItems);
        let items = |found: Option<Found<'a>>| -> Vec<Found<'a>> {
            found.into_iter().flat_map(|it| self.ways.items(it)).collect()
        };
        let (olds, news) = (items(was), items(is));
        for index in 0..olds.len().max(news.len()) {
            match (olds.get(index), news.get(index)) {
                (Some(was), Some(is)) => {
                    self.within(Segment::Item(index), |it| it.schemas(*was, *is, role.inside()));
                }
                (Some(was), None) => {
                    let number = index + 1;
                    self.schema_changed(role, "prefix-items-removed", (*was, at.1), number, "");
                }
                (None, Some(is)) => {
                    let number = index + 1;
                    self.schema_changed(role, "prefix-items-added", (at.0, *is), "", number);
                }
                (None, None) => {}
            }
        }
    }

    /// `if`, `then` and `else`; the latter mean nothing without the first.
    fn conditions(&mut self, both: &Both<'a, '_>) {
        let role = both.role;
        let name = match both.get(Keyword::If) {
            (None, None) => return,
            (None, Some(_)) => "if-added",
            (Some(_), None) => "if-removed",
            (Some(was), Some(is)) => {
                if !self.is_same(was, is) {
                    self.schema_changed(role, "if-changed", (was, is), "", "");
                }
                self.restriction(both, Keyword::Then, "then", "then");
                self.restriction(both, Keyword::Else, "else", "else");
                return;
            }
        };
        let at = both.at(Keyword::If);
        self.schema_changed(role, name, at, "", "");
    }

    fn contents(&mut self, both: &Both<'a, '_>) {
        for (keyword, name, default) in [
            (Keyword::ContentEncoding, "content-encoding-changed", "plain text"),
            (Keyword::ContentMediaType, "content-media-type-changed", "any text"),
        ] {
            let (was, is) = both.texts(keyword);
            if was != is && !both.is_same_content() {
                let at = both.at(keyword);
                let (was, is) = (was.unwrap_or(default), is.unwrap_or(default));
                self.schema_changed(both.role, name, at, was, is);
            }
        }
        self.restriction(both, Keyword::ContentSchema, "content-schema", "contentSchema");
        let xml = both.get(Keyword::Xml);
        if xml.0.map(|it| it.node) != xml.1.map(|it| it.node) {
            let at = both.at(Keyword::Xml);
            self.schema_changed(both.role, "xml-changed", at, "", "");
        }
    }

    /// A keyword whose value came, went or changed.
    fn keyword_changed(&mut self, both: &Both<'a, '_>, keyword: Keyword, name: &str) {
        let (was, is) = both.get(keyword);
        let text = |found: Option<Found<'a>>| {
            found.map(|it| Short(it.node).to_string()).unwrap_or_default()
        };
        self.schema_changed(both.role, name, both.at(keyword), text(was), text(is));
    }
}

/// Two schemas that are compared.
#[derive(Clone, Copy)]
struct Both<'a, 'v> {
    old: &'v View<'a>,
    new: &'v View<'a>,
    places: (Found<'a>, Found<'a>),
    role: Role,
}

impl<'a> Both<'a, '_> {
    fn get(&self, keyword: Keyword) -> (Option<Found<'a>>, Option<Found<'a>>) {
        (self.old.get(keyword), self.new.get(keyword))
    }

    /// Where a keyword stands, or the schema that lacks it.
    fn at(&self, keyword: Keyword) -> (Found<'a>, Found<'a>) {
        let (was, is) = self.get(keyword);
        (was.unwrap_or(self.places.0), is.unwrap_or(self.places.1))
    }

    /// Whether one is of OpenAPI 3.0 and says with a format what the other one says of the content of a
    /// text: <https://spec.openapis.org/oas/v3.1.2#migrating-binary-descriptions-from-oas-3-0>
    fn is_same_content(&self) -> bool {
        let (before, after) = match (self.old.is_3_0(), self.new.is_3_0()) {
            (true, false) => (self.old, self.new),
            (false, true) => (self.new, self.old),
            _ => return false,
        };
        let text = |view: &View<'a>, keyword| view.get(keyword).and_then(|it| it.node.as_str());
        let content = (
            text(after, Keyword::ContentEncoding),
            text(after, Keyword::ContentMediaType),
            text(after, Keyword::Format),
        );
        match text(before, Keyword::Format) {
            Some("byte") => content == (Some("base64"), None, None),
            Some("binary") => content == (None, Some("application/octet-stream"), None),
            _ => false,
        }
    }

    fn texts(&self, keyword: Keyword) -> (Option<&'a str>, Option<&'a str>) {
        let (was, is) = self.get(keyword);
        (was.and_then(|it| it.node.as_str()), is.and_then(|it| it.node.as_str()))
    }

    fn numbers(&self, keyword: Keyword) -> (Option<&'a Number>, Option<&'a Number>) {
        let (was, is) = self.get(keyword);
        (was.and_then(|it| it.node.as_number()), is.and_then(|it| it.node.as_number()))
    }
}

/// Members that belong together, and those that do not.
struct Matches<'a> {
    both: Vec<(Found<'a>, Found<'a>)>,
    removed: Vec<Found<'a>>,
    added: Vec<Found<'a>>,
}

/// Whether an object may have properties that are not listed.
enum Openness<'a> {
    Open,
    Closed,
    Schema(Found<'a>),
}

impl<'a> Openness<'a> {
    fn of(found: Option<Found<'a>>) -> Self {
        let Some(found) = found else { return Openness::Open };
        match &found.node.value {
            Value::Bool(false) => Openness::Closed,
            Value::Object(object) if !object.is_empty() => Openness::Schema(found),
            _ => Openness::Open,
        }
    }
}

/// Whether a reference, read in one of the documents, points to a schema of it.
fn points_to(side: &Side<'_>, reference: Found<'_>, schema: Found<'_>) -> bool {
    let target = reference.text("$ref").and_then(|it| side.references.find(it));
    target.is_some_and(|it| std::ptr::eq(it, schema.node))
}

/// Whether there are values that do not match a schema.
fn restricts(schema: &Node) -> bool {
    match &schema.value {
        Value::Bool(boolean) => !boolean,
        Value::Object(object) => !object.is_empty(),
        _ => false,
    }
}

/// How the names of the kinds of a keyword begin.
fn prefix(keyword: Keyword) -> &'static str {
    if keyword == Keyword::AnyOf { "any-of" } else { "one-of" }
}

/// The name of what a reference points to.
pub(super) fn last(reference: &str) -> &str {
    reference.rsplit('/').next().unwrap_or(reference)
}

/// Whether two lists have the same items, in any order.
pub(super) fn same_items(one: &Node, other: &Node) -> bool {
    let (one, other) = (one.as_array().unwrap_or_default(), other.as_array().unwrap_or_default());
    one.iter().all(|it| other.contains(it)) && other.iter().all(|it| one.contains(it))
}

fn list(values: &[Found<'_>]) -> String {
    const SHOWN: usize = 8;
    let shown = values.iter().take(SHOWN).map(|it| Short(it.node).to_string());
    let mut text = shown.collect::<Vec<_>>().join(", ");
    if values.len() > SHOWN {
        text.push_str(&format!(" and {} more", values.len() - SHOWN));
    }
    text
}

/// A value in a message, in one line, not too long.
pub(super) struct Short<'a>(pub(super) &'a Node);

impl fmt::Display for Short<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const LONGEST: usize = 80;
        match &self.0.value {
            Value::Null => f.write_str("null"),
            Value::Bool(it) => write!(f, "{it}"),
            Value::Number(it) => write!(f, "{it}"),
            Value::String(text) if text.chars().count() > LONGEST => {
                let start: String = text.chars().take(LONGEST).collect();
                write!(f, "`{start}…`")
            }
            Value::String(text) => write!(f, "`{text}`"),
            Value::Array(items) if items.is_empty() => f.write_str("[]"),
            Value::Array(_) => f.write_str("[…]"),
            Value::Object(object) if object.is_empty() => f.write_str("{}"),
            Value::Object(_) => f.write_str("{…}"),
        }
    }
}

impl View<'_> {
    /// Whether it says anything of values.
    fn says(&self) -> bool {
        self.types.without_null() != Types::ANY.without_null()
            || self.layers.iter().any(|it| it.node.get("properties").is_some())
            || self.get(Keyword::Enum).is_some()
            || self.get(Keyword::Const).is_some()
    }
}
