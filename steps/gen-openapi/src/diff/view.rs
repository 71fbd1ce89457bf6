//! A schema as it is meant: with what it refers to, with the members of its `allOf`, and without what
//! differs between versions of OpenAPI in writing alone.

use std::cmp::Ordering;
use std::collections::{HashMap, HashSet};

use crate::document::{Entry, Node, Number, Value};
use crate::references::References;
use crate::spec::Version;

use super::ways::{Found, Named, Way, Ways};

/// One of the two documents.
#[derive(Debug)]
pub(super) struct Side<'a> {
    pub(super) root: &'a Node,
    pub(super) version: Version,
    pub(super) references: References<'a>,
}

macro_rules! keywords {
    ($($keyword:ident $text:literal),* $(,)?) => {
        /// A keyword of a schema that is compared.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(super) enum Keyword { $($keyword),* }

        const KEYWORDS: usize = [$($text),*].len();

        impl Keyword {
            fn of(text: &str) -> Option<Self> {
                match text {
                    $($text => Some(Keyword::$keyword),)*
                    _ => None,
                }
            }
        }
    };
}

keywords! {
    Type "type", Format "format", Enum "enum", Const "const", Default "default", Pattern "pattern",
    Maximum "maximum", Minimum "minimum",
    ExclusiveMaximum "exclusiveMaximum", ExclusiveMinimum "exclusiveMinimum",
    MaxLength "maxLength", MinLength "minLength", MaxItems "maxItems", MinItems "minItems",
    MaxProperties "maxProperties", MinProperties "minProperties",
    MaxContains "maxContains", MinContains "minContains",
    MultipleOf "multipleOf", UniqueItems "uniqueItems",
    OneOf "oneOf", AnyOf "anyOf", AllOf "allOf", Not "not", Discriminator "discriminator",
    Properties "properties", Required "required", AdditionalProperties "additionalProperties",
    UnevaluatedProperties "unevaluatedProperties", UnevaluatedItems "unevaluatedItems",
    PatternProperties "patternProperties", PropertyNames "propertyNames",
    DependentRequired "dependentRequired", DependentSchemas "dependentSchemas",
    Items "items", PrefixItems "prefixItems", Contains "contains",
    If "if", Then "then", Else "else",
    ContentEncoding "contentEncoding", ContentMediaType "contentMediaType",
    ContentSchema "contentSchema", Xml "xml", Nullable "nullable",
    ExtensibleEnum "x-extensible-enum",
}

impl Keyword {
    /// Whether several schemas that all have to match may each have it and still make one.
    fn merges(self) -> bool {
        matches!(
            self,
            Keyword::Type
                | Keyword::Default
                | Keyword::Maximum
                | Keyword::Minimum
                | Keyword::MaxLength
                | Keyword::MinLength
                | Keyword::MaxItems
                | Keyword::MinItems
                | Keyword::MaxProperties
                | Keyword::MinProperties
                | Keyword::AllOf
                | Keyword::Properties
                | Keyword::Required
                | Keyword::Nullable
                | Keyword::Xml
                | Keyword::ExtensibleEnum
        )
    }
}

/// How many schemas may make one. More are not looked at: a chain of them would be gone through again for
/// each of its members.
const MAX_LAYERS: usize = 512;

/// The members of `oneOf` or `anyOf`, besides null.
#[derive(Debug, Clone)]
pub(super) struct Alternatives<'a> {
    pub(super) keyword: Keyword,
    pub(super) found: Found<'a>,
    pub(super) members: Vec<Found<'a>>,
}

/// A schema as it is meant.
#[derive(Debug)]
pub(super) struct View<'a> {
    /// The schemas that all have to match and make one; the first is the one that was asked for.
    pub(super) layers: Vec<Found<'a>>,
    /// The way into each.
    inside: Vec<Way>,
    /// What is said by a keyword, and by which of the schemas.
    facts: Box<[Option<(usize, &'a Entry)>; KEYWORDS]>,
    /// The members of `allOf` that do not make one with the rest.
    pub(super) all_of: Vec<Found<'a>>,
    /// One at most of `oneOf` and of `anyOf`.
    pub(super) alternatives: Vec<Alternatives<'a>>,
    pub(super) types: Types,
    version: Version,
    /// Null is one of the alternatives.
    pub(super) null_member: bool,
    /// It is made of so many schemas that not all were looked at.
    pub(super) cut: bool,
    /// A schema that is true or false.
    pub(super) boolean: Option<bool>,
}

impl<'a> Side<'a> {
    /// What a reference leads to in the end; the value itself when it is none. Nothing when that is not
    /// there. Goes on only from references beside which nothing is said of values.
    pub(super) fn resolve(&self, found: Found<'a>, ways: &Ways<'a>) -> Option<Found<'a>> {
        let mut found = found;
        for _ in 0..64 {
            let Some(reference) = found.text("$ref") else { return Some(found) };
            if self.version > Version::V3_0 && says_more(found.node) {
                return Some(found);
            }
            found = ways.reference(reference, self.references.find(reference)?);
        }
        None
    }

    /// What a reference leads to, whatever stands beside it.
    pub(super) fn follow(&self, found: Found<'a>, ways: &Ways<'a>) -> Option<Found<'a>> {
        let mut found = found;
        for _ in 0..64 {
            let Some(reference) = found.text("$ref") else { return Some(found) };
            found = ways.reference(reference, self.references.find(reference)?);
        }
        None
    }
}

/// Whether there is anything beside a reference that values have to match.
fn says_more(node: &Node) -> bool {
    let Some(object) = node.as_object() else { return false };
    object.keys().filter_map(Keyword::of).any(|keyword| keyword != Keyword::ExtensibleEnum)
}

impl<'a> View<'a> {
    /// The schemas in `start`, which all have to match.
    pub(super) fn new(side: &Side<'a>, ways: &Ways<'a>, start: &[Found<'a>], merge: bool) -> Self {
        let mut view = Self {
            layers: Vec::with_capacity(1),
            inside: Vec::with_capacity(1),
            facts: Box::new([None; KEYWORDS]),
            all_of: Vec::new(),
            alternatives: Vec::new(),
            types: Types::ANY,
            version: side.version,
            null_member: false,
            cut: false,
            boolean: None,
        };
        view.collect(side, ways, start, merge);
        view
    }

    /// Whether it makes one with the members of its `allOf`: none says something that another one says
    /// otherwise.
    pub(super) fn is_simple(&self) -> bool {
        if self.cut {
            return false;
        }
        if self.layers.len() < 2 {
            return true;
        }
        let mut seen: [Option<&Node>; KEYWORDS] = [None; KEYWORDS];
        for layer in &self.layers {
            let Some(object) = layer.node.as_object() else { continue };
            for entry in object {
                let Some(keyword) = Keyword::of(&entry.key) else { continue };
                match seen[keyword as usize] {
                    Some(other) if !keyword.merges() && *other != entry.value => return false,
                    Some(_) => {}
                    None => seen[keyword as usize] = Some(&entry.value),
                }
            }
        }
        true
    }

    fn collect(&mut self, side: &Side<'a>, ways: &Ways<'a>, start: &[Found<'a>], merge: bool) {
        let mut open: Vec<Found<'a>> = start.iter().rev().copied().collect();
        let mut seen = HashSet::new();
        while let Some(found) = open.pop() {
            if !seen.insert(found.address()) {
                continue;
            }
            if self.layers.len() == MAX_LAYERS {
                self.cut = true;
                break;
            }
            if let Some(boolean) = found.node.as_bool() {
                self.boolean = Some(self.boolean.unwrap_or(true) && boolean);
            }
            if let Some(reference) = found.text("$ref") {
                if let Some(node) = side.references.find(reference) {
                    open.push(ways.reference(reference, node));
                }
                if side.version == Version::V3_0 {
                    continue;
                }
            }
            self.layers.push(found);
            self.inside.push(ways.enter(found));
            self.take(ways, found, merge, &mut open);
        }
    }

    /// Takes over what one of the schemas says.
    fn take(&mut self, ways: &Ways<'a>, layer: Found<'a>, merge: bool, open: &mut Vec<Found<'a>>) {
        let Some(object) = layer.node.as_object() else { return };
        let index = self.layers.len() - 1;
        for entry in object {
            let Some(keyword) = Keyword::of(&entry.key) else { continue };
            let found = Found::inside(self.inside[index], entry);
            match keyword {
                Keyword::AllOf if merge => open.extend(ways.items(found)),
                Keyword::AllOf => self.all_of.extend(ways.items(found)),
                Keyword::OneOf | Keyword::AnyOf => {
                    self.take_alternatives(ways, keyword, found, open);
                }
                Keyword::Type => self.types = self.types.and(Types::of(&entry.value)),
                _ => {}
            }
            let fact = &mut self.facts[keyword as usize];
            if fact.is_none_or(|(_, old)| is_tighter(keyword, &entry.value, &old.value)) {
                *fact = Some((index, entry));
            }
        }
    }

    /// Null among the alternatives is nothing but `nullable`, and one alternative is none.
    fn take_alternatives(
        &mut self,
        ways: &Ways<'a>,
        keyword: Keyword,
        found: Found<'a>,
        open: &mut Vec<Found<'a>>,
    ) {
        let mut members: Vec<Found<'a>> = ways.items(found).collect();
        let all = members.len();
        members.retain(|member| !is_null(member.node));
        self.null_member |= members.len() < all;
        if let [member] = members[..] {
            open.push(member);
        } else if !members.is_empty() && self.alternatives.iter().all(|it| it.keyword != keyword) {
            self.alternatives.push(Alternatives { keyword, found, members });
        }
    }

    pub(super) fn is_3_0(&self) -> bool {
        self.version == Version::V3_0
    }

    pub(super) fn get(&self, keyword: Keyword) -> Option<Found<'a>> {
        let (layer, entry) = self.facts[keyword as usize]?;
        Some(Found::inside(self.inside[layer], entry))
    }

    /// The schema itself.
    pub(super) fn place(&self, or: Found<'a>) -> Found<'a> {
        self.layers.first().copied().unwrap_or(or)
    }

    /// Whether a value may be null; nothing when any value is allowed.
    pub(super) fn is_nullable(&self) -> Option<bool> {
        let nullable = self.version == Version::V3_0
            && self.layers.iter().any(|layer| layer.flag("nullable") == Some(true));
        if nullable || self.null_member {
            return Some(true);
        }
        if self.types != Types::ANY {
            return Some(self.types.has(Types::NULL));
        }
        let listed = self.get(Keyword::Enum);
        if let Some(listed) = listed {
            let values = listed.node.as_array().unwrap_or_default();
            return Some(values.iter().any(|it| matches!(it.value, Value::Null)));
        }
        (!self.alternatives.is_empty()).then_some(false)
    }

    /// The values to which it is limited, besides null.
    pub(super) fn values(&self, ways: &Ways<'a>) -> Option<Vec<Found<'a>>> {
        let mut values: Vec<Found<'a>> = match (self.get(Keyword::Const), self.get(Keyword::Enum)) {
            (Some(only), _) => vec![only],
            (None, Some(list)) => ways.items(list).collect(),
            (None, None) => return None,
        };
        values.retain(|it| !matches!(it.node.value, Value::Null));
        Some(values)
    }

    /// The names of the properties that have to be there.
    pub(super) fn required(&self, ways: &Ways<'a>) -> Named<'a, Found<'a>> {
        let lists = self.layers.iter().filter_map(|layer| ways.get(*layer, "required"));
        let items = lists.flat_map(|list| ways.items(list));
        Named::new(items.filter_map(|item| Some((item.node.as_str()?, item))).collect())
    }

    /// The properties: each with all schemas that it has to match.
    pub(super) fn properties(&self, ways: &Ways<'a>) -> Named<'a, Vec<Found<'a>>> {
        let mut properties: Vec<(&'a str, Vec<Found<'a>>)> = Vec::new();
        let mut known: HashMap<&'a str, usize> = HashMap::new();
        let is_single = self.layers.len() == 1;
        for layer in &self.layers {
            let Some(list) = ways.get(*layer, "properties") else { continue };
            for (name, found) in ways.entries(list) {
                if is_single {
                    properties.push((name, vec![found]));
                    continue;
                }
                let next = properties.len();
                let index = *known.entry(name).or_insert(next);
                match properties.get_mut(index) {
                    Some((_, schemas)) => schemas.push(found),
                    None => properties.push((name, vec![found])),
                }
            }
        }
        Named::new(properties)
    }

    /// The lower limit of a number, and whether it is excluded itself.
    pub(super) fn lower(&self) -> Option<Limit<'a>> {
        self.limit(Keyword::Minimum, Keyword::ExclusiveMinimum, Ordering::Greater)
    }

    /// The upper limit of a number, and whether it is excluded itself.
    pub(super) fn upper(&self) -> Option<Limit<'a>> {
        self.limit(Keyword::Maximum, Keyword::ExclusiveMaximum, Ordering::Less)
    }

    fn limit(&self, plain: Keyword, exclusive: Keyword, tighter: Ordering) -> Option<Limit<'a>> {
        let limit = |found: Found<'a>, exclusive: bool| {
            let number = found.node.as_number()?;
            Some(Limit { found, number, exclusive })
        };
        let excluded = self.get(exclusive);
        let plain = self.get(plain).and_then(|found| {
            limit(found, excluded.is_some_and(|it| it.node.as_bool() == Some(true)))
        });
        let exclusive = excluded.and_then(|found| limit(found, true));
        match (plain, exclusive) {
            (Some(plain), Some(exclusive)) => {
                let is_tighter = order(exclusive.number, plain.number) == tighter;
                let is_equal = order(exclusive.number, plain.number) == Ordering::Equal;
                Some(if is_tighter || is_equal { exclusive } else { plain })
            }
            (plain, exclusive) => plain.or(exclusive),
        }
    }

    /// Whether it says anything of values, besides its alternatives.
    pub(super) fn is_only_alternatives(&self) -> bool {
        let quiet = [
            Keyword::OneOf,
            Keyword::AnyOf,
            Keyword::Discriminator,
            Keyword::Type,
            Keyword::Nullable,
            Keyword::Xml,
        ];
        let all = self.facts.iter().flatten().count();
        let known = quiet.iter().filter(|keyword| self.get(**keyword).is_some()).count();
        !self.alternatives.is_empty() && all == known
    }
}

/// A limit of a number.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limit<'a> {
    pub(super) found: Found<'a>,
    pub(super) number: &'a Number,
    pub(super) exclusive: bool,
}

/// Whether a value is only null.
fn is_null(node: &Node) -> bool {
    match node.get("type").map(|it| &it.value) {
        Some(Value::String(text)) => text == "null",
        Some(Value::Array(items)) => items.len() == 1 && items[0].as_str() == Some("null"),
        Some(_) => false,
        None => match (node.get("const"), node.get("enum").and_then(Node::as_array)) {
            (Some(only), _) => matches!(only.value, Value::Null),
            (None, Some([only])) => matches!(only.value, Value::Null),
            _ => false,
        },
    }
}

/// Whether of two limits that both hold the first one counts.
fn is_tighter(keyword: Keyword, one: &Node, other: &Node) -> bool {
    let (Some(one), Some(other)) = (one.as_number(), other.as_number()) else { return false };
    match keyword {
        Keyword::Maximum | Keyword::MaxLength | Keyword::MaxItems | Keyword::MaxProperties => {
            order(one, other).is_lt()
        }
        Keyword::Minimum | Keyword::MinLength | Keyword::MinItems | Keyword::MinProperties => {
            order(one, other).is_gt()
        }
        _ => false,
    }
}

/// The order of two numbers.
pub(super) fn order(one: &Number, other: &Number) -> Ordering {
    match (one.as_integer(), other.as_integer()) {
        (Some(one), Some(other)) => one.cmp(&other),
        _ => one.as_f64().total_cmp(&other.as_f64()),
    }
}

/// The types that a value may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Types(u8);

const TYPES: [(&str, u8); 7] = [
    ("null", 1),
    ("boolean", 2),
    ("object", 4),
    ("array", 8),
    ("string", 16),
    ("integer", 32),
    ("number", 64),
];

impl Types {
    pub(super) const NULL: u8 = 1;
    pub(super) const STRING: u8 = 16;
    const INTEGER: u8 = 32;
    const NUMBER: u8 = 64;
    /// All of them: nothing is said.
    pub(super) const ANY: Types = Types(127);

    /// Of the value of `type`.
    fn of(node: &Node) -> Self {
        let bit = |text: &str| TYPES.iter().find(|(name, _)| *name == text).map_or(0, |it| it.1);
        let bits = match &node.value {
            Value::String(text) => bit(text),
            Value::Array(items) => {
                items.iter().filter_map(Node::as_str).fold(0, |bits, text| bits | bit(text))
            }
            _ => 0,
        };
        if bits == 0 { Self::ANY } else { Self(with_integers(bits)) }
    }

    fn and(self, other: Self) -> Self {
        let both = Self(self.0 & other.0);
        // What contradicts itself says nothing that could be compared.
        if both.0 == 0 { self } else { both }
    }

    pub(super) fn has(self, bit: u8) -> bool {
        self.0 & bit != 0
    }

    pub(super) fn with_null(self) -> Self {
        Self(self.0 | Self::NULL)
    }

    pub(super) fn without_null(self) -> Self {
        Self(self.0 & !Self::NULL)
    }

    /// Whether all of another are among these.
    pub(super) fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    pub(super) fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// How many there are; a number may be whole and is one type.
    pub(super) fn count(self) -> u32 {
        self.shown().count_ones()
    }

    /// Whether these are written as a text without structure.
    pub(super) fn is_scalar(self) -> bool {
        self.0 & (4 | 8) == 0
    }

    fn shown(self) -> u8 {
        if self.has(Self::NUMBER) { self.0 & !Self::INTEGER } else { self.0 }
    }
}

/// Each integer is a number.
fn with_integers(bits: u8) -> u8 {
    if bits & Types::NUMBER != 0 { bits | Types::INTEGER } else { bits }
}

impl std::fmt::Display for Types {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.without_null() == Self::ANY.without_null() {
            return f.write_str("any");
        }
        let shown = self.shown();
        let names = TYPES.iter().filter(|(_, bit)| shown & bit != 0).map(|(name, _)| *name);
        f.write_str(&names.collect::<Vec<_>>().join(" or "))
    }
}
