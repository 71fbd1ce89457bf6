//! Two descriptions beside each other, and what was found to differ.
//!
//! What several operations share, a component, is compared once for each thing that it is the schema of
//! (a [`Unit`]). Which operations a change concerns is told in the end, by what uses what. So circles
//! end by themselves, and a schema that thousands of operations use costs no more than any other.

use std::collections::{HashMap, VecDeque};
use std::fmt::{self, Display, Write};
use std::sync::Arc;

use jiff::civil::Date;

use crate::description::Description;

use super::change::{Change, Level, Operation, Spot};
use super::kinds::{self, Direction, Kind, Role};
use super::rules::Rules;
use super::view::Side;
use super::ways::{Found, Ways};

/// How many times schemas that all have to match are compared together. Where these point to each other
/// there is no end to how they can be put together.
const MAX_TOGETHER: usize = 20_000;

/// The kind of a change that says that something was not compared.
const NOT_COMPARED: &str = "schema-not-compared";

/// Two descriptions beside each other.
#[derive(Debug)]
pub(super) struct Comparison<'a> {
    pub(super) base: Side<'a>,
    pub(super) head: Side<'a>,
    pub(super) ways: Ways<'a>,
    pub(super) today: Date,
    /// What is compared once; the first one is the document.
    units: Vec<Unit<'a>>,
    known: HashMap<Key, usize>,
    open: VecDeque<(usize, Task<'a>)>,
    /// How many of them are of several schemas that all have to match.
    together: usize,
    /// How many of these are compared.
    pub(super) most_together: usize,
    /// That some were not compared was told.
    is_cut: bool,
    current: usize,
    subject: Subject<'a>,
    /// The service is the one that calls: in webhooks and callbacks.
    pub(super) reversed: bool,
    /// Values are written as text outside of a body, where a number is a text like any other.
    pub(super) as_text: bool,
    /// The highest level that changes have which are found now.
    most: Level,
    operations: Vec<Compared>,
}

/// Something that is compared once, however often it is used.
#[derive(Debug, Default)]
struct Unit<'a> {
    drafts: Vec<Draft<'a>>,
    /// The units that it uses.
    uses: Vec<usize>,
}

/// A change of which it is not yet told whom it concerns.
#[derive(Debug)]
struct Draft<'a> {
    kind: &'static Kind,
    level: Level,
    direction: Direction,
    it: String,
    old: String,
    new: String,
    base: Option<Found<'a>>,
    head: Option<Found<'a>>,
}

/// An operation that was compared.
#[derive(Debug)]
struct Compared {
    operation: Operation,
    unit: usize,
    /// It may change in any way.
    unstable: bool,
}

/// What tells a unit from all others.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Key {
    base: Vec<usize>,
    head: Vec<usize>,
    of: Of,
    reversed: bool,
    as_text: bool,
}

/// What a unit is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Of {
    Schema(Role),
    Parameter,
    RequestBody,
    Response,
    Header,
    Callback,
    /// What holds for operations that say nothing of their own.
    Security,
    Servers,
}

/// A comparison that is put off, so that it does not lie in the one that needs it.
#[derive(Debug)]
struct Task<'a> {
    base: Vec<Found<'a>>,
    head: Vec<Found<'a>>,
    of: Of,
    subject: Subject<'a>,
    reversed: bool,
    as_text: bool,
}

/// What is being compared, for messages.
#[derive(Debug, Clone)]
pub(super) struct Subject<'a> {
    root: Root<'a>,
    path: Vec<Segment<'a>>,
}

/// What a message is about.
#[derive(Debug, Clone, Copy)]
pub(super) enum Root<'a> {
    Service,
    Operation,
    Parameter { location: &'a str, name: &'a str },
    RequestBody,
    RequestMedia(&'a str),
    Response(&'a str),
    ResponseMedia { status: &'a str, name: &'a str },
    Header { status: &'a str, name: &'a str },
    Schema(&'a str),
    SecurityScheme(&'a str),
    Component(&'a str, &'a str),
    Webhook(&'a str),
    Callback(&'a str),
}

/// A step into a schema.
#[derive(Debug, Clone, Copy)]
pub(super) enum Segment<'a> {
    Property(&'a str),
    Items,
    Item(usize),
    /// Any other property.
    Additional,
    Pattern(&'a str),
    /// A schema that is not of a part of the value, by its keyword.
    Keyword(&'static str),
    Member(&'a str),
}

impl<'a> Comparison<'a> {
    pub(super) fn new(base: &'a Description, head: &'a Description, today: Date) -> Self {
        let side = |description: &'a Description| Side {
            root: &description.root,
            version: description.version,
            references: description.references(),
        };
        Self {
            base: side(base),
            head: side(head),
            ways: Ways::new(),
            today,
            units: vec![Unit::default()],
            known: HashMap::new(),
            open: VecDeque::new(),
            together: 0,
            most_together: MAX_TOGETHER,
            is_cut: false,
            current: 0,
            subject: Subject { root: Root::Service, path: Vec::new() },
            reversed: false,
            as_text: false,
            most: Level::Breaking,
            operations: Vec::new(),
        }
    }

    /// Compares an operation, or says that it came or went.
    pub(super) fn operation(
        &mut self,
        operation: Operation,
        unstable: bool,
        compare: impl FnOnce(&mut Self),
    ) {
        let unit = self.units.len();
        self.units.push(Unit::default());
        self.operations.push(Compared { operation, unit, unstable });
        self.inside_of(unit, Root::Operation, self.reversed, compare);
    }

    /// Compares something that several may use, unless that was done before.
    pub(super) fn once(
        &mut self,
        of: Of,
        root: Root<'a>,
        (base, head): (Found<'a>, Found<'a>),
        compare: impl FnOnce(&mut Self),
    ) {
        if let Some(unit) = self.unit(of, &[base], &[head]) {
            self.inside_of(unit, root, self.reversed, compare);
        }
    }

    /// Like [`Self::once`], for what may lie in itself: it is compared later.
    pub(super) fn later(
        &mut self,
        of: Of,
        root: Option<Root<'a>>,
        both: (Vec<Found<'a>>, Vec<Found<'a>>),
    ) {
        let subject = match root {
            Some(root) => Subject { root, path: Vec::new() },
            None => self.subject.clone(),
        };
        self.put_off(of, subject, both);
    }

    /// Like [`Self::later`], for what stands where it is compared.
    pub(super) fn later_here(&mut self, of: Of, base: Found<'a>, head: Found<'a>) {
        self.put_off(of, self.subject.clone(), (vec![base], vec![head]));
    }

    fn put_off(
        &mut self,
        of: Of,
        subject: Subject<'a>,
        (base, head): (Vec<Found<'a>>, Vec<Found<'a>>),
    ) {
        let Some(unit) = self.unit(of, &base, &head) else { return };
        if base.len() > 1 || head.len() > 1 {
            if self.together == self.most_together {
                return self.not_compared((base.first().copied(), head.first().copied()));
            }
            self.together += 1;
        }
        let (reversed, as_text) = (self.reversed, self.as_text);
        self.open.push_back((unit, Task { base, head, of, subject, reversed, as_text }));
    }

    /// Tells that not all was compared; the first time that is so.
    pub(super) fn not_compared(&mut self, places: (Option<Found<'a>>, Option<Found<'a>>)) {
        if !std::mem::replace(&mut self.is_cut, true) {
            self.other_changed(NOT_COMPARED, places, "", "");
        }
    }

    /// The unit that is to be compared, if that is not done yet. What is compared now uses it.
    fn unit(&mut self, of: Of, base: &[Found<'a>], head: &[Found<'a>]) -> Option<usize> {
        // Schemas that all have to match are the same in any order and however they are referred to.
        let addresses = |side: &Side<'a>, found: &[Found<'a>]| {
            let target = |it: Found<'a>| match of {
                Of::Schema(_) => side.resolve(it, &self.ways).unwrap_or(it),
                _ => it,
            };
            let mut addresses: Vec<_> = found.iter().map(|it| target(*it).address()).collect();
            addresses.sort_unstable();
            addresses.dedup();
            addresses
        };
        let (base, head) = (addresses(&self.base, base), addresses(&self.head, head));
        let key = Key { base, head, of, reversed: self.reversed, as_text: self.as_text };
        let next = self.units.len();
        let unit = *self.known.entry(key).or_insert(next);
        self.units[self.current].uses.push(unit);
        if unit < next {
            return None;
        }
        self.units.push(Unit::default());
        Some(unit)
    }

    fn inside_of(
        &mut self,
        unit: usize,
        root: Root<'a>,
        reversed: bool,
        compare: impl FnOnce(&mut Self),
    ) {
        let subject = std::mem::replace(&mut self.subject, Subject { root, path: Vec::new() });
        let before = (self.current, self.reversed, self.as_text);
        (self.current, self.reversed) = (unit, reversed);
        compare(self);
        (self.current, self.reversed, self.as_text) = before;
        self.subject = subject;
    }

    /// Compares what was put off, and what that puts off.
    pub(super) fn work(&mut self) {
        while let Some((unit, task)) = self.open.pop_front() {
            let Task { base, head, of, subject, reversed, as_text } = task;
            self.inside_of(unit, subject.root, reversed, |it| {
                it.subject.path = subject.path;
                it.as_text = as_text;
                match (of, &base[..], &head[..]) {
                    (Of::Schema(role), _, _) => it.schemas_here(&base, &head, role),
                    (Of::Callback, [base], [head]) => it.callback_here(*base, *head),
                    _ => {}
                }
            });
        }
    }

    /// Compares something of which messages are about something else.
    pub(super) fn about<R>(&mut self, root: Root<'a>, compare: impl FnOnce(&mut Self) -> R) -> R {
        let subject = std::mem::replace(&mut self.subject, Subject { root, path: Vec::new() });
        let result = compare(self);
        self.subject = subject;
        result
    }

    /// Compares something inside of a schema.
    pub(super) fn within<R>(
        &mut self,
        segment: Segment<'a>,
        compare: impl FnOnce(&mut Self) -> R,
    ) -> R {
        self.subject.path.push(segment);
        let result = compare(self);
        self.subject.path.pop();
        result
    }

    /// Finds changes that are no worse than a level, whatever their kinds.
    pub(super) fn at_most<R>(&mut self, level: Level, compare: impl FnOnce(&mut Self) -> R) -> R {
        let before = std::mem::replace(&mut self.most, level);
        let result = compare(self);
        self.most = before;
        result
    }

    pub(super) fn direction(&self, role: Role) -> Direction {
        if self.reversed { role.direction().reversed() } else { role.direction() }
    }

    /// A change of a schema.
    pub(super) fn schema_changed(
        &mut self,
        role: Role,
        name: &str,
        places: (Found<'a>, Found<'a>),
        old: impl Display,
        new: impl Display,
    ) {
        let kind = kinds::of_schema(role, name);
        debug_assert!(kind.is_some(), "there is no kind {name} of {role:?}");
        if let Some(kind) = kind {
            let direction = self.direction(role);
            self.changed(kind, direction, (Some(places.0), Some(places.1)), old, new);
        }
    }

    /// A change of anything else.
    pub(super) fn other_changed(
        &mut self,
        id: &str,
        places: (Option<Found<'a>>, Option<Found<'a>>),
        old: impl Display,
        new: impl Display,
    ) {
        let kind = kinds::of_id(id);
        debug_assert!(kind.is_some(), "there is no kind {id}");
        if let Some(kind) = kind {
            let direction =
                if id.contains("response") { Direction::Response } else { Direction::Request };
            let direction = if self.reversed { direction.reversed() } else { direction };
            self.changed(kind, direction, places, old, new);
        }
    }

    fn changed(
        &mut self,
        kind: &'static Kind,
        direction: Direction,
        (base, head): (Option<Found<'a>>, Option<Found<'a>>),
        old: impl Display,
        new: impl Display,
    ) {
        let draft = Draft {
            kind,
            level: if self.reversed { kind.reversed } else { kind.level }.min(self.most),
            direction,
            it: self.subject.to_string(),
            old: old.to_string(),
            new: new.to_string(),
            base,
            head,
        };
        self.units[self.current].drafts.push(draft);
    }

    /// All changes: those of the whole first, then by operations in their order, the worst first.
    pub(super) fn finish(self, rules: &Rules) -> Vec<Change> {
        let users = self.users();
        let mut changes: Vec<(Vec<u32>, Change)> = Vec::new();
        let mut known = HashMap::new();
        // Many units are used by the same operations.
        let mut lists: HashMap<Vec<u32>, Arc<[Operation]>> = HashMap::new();
        for (unit, users) in self.units.iter().zip(users) {
            let unstable =
                !users.is_empty() && users.iter().all(|it| self.operations[*it as usize].unstable);
            for draft in &unit.drafts {
                let spot = |found: Option<Found<'a>>| {
                    found.map(|it| Spot { pointer: self.ways.text(it), at: it.at })
                };
                let (base, head) = (spot(draft.base), spot(draft.head));
                let pointer = |spot: &Option<Spot>| {
                    spot.as_ref().map(|it| it.pointer.clone()).unwrap_or_default()
                };
                let (old, new) = (draft.old.clone(), draft.new.clone());
                let Some(level) = rules.level(&draft.kind.id, draft.level) else { continue };
                let level = if unstable { Level::Safe } else { level };
                let key = (&draft.kind.id, level, pointer(&base), pointer(&head), old, new);
                if let Some(index) = known.get(&key) {
                    let (known_users, _): &mut (Vec<u32>, Change) = &mut changes[*index];
                    known_users.extend(&users);
                    continue;
                }
                known.insert(key, changes.len());
                let change = Change {
                    id: &draft.kind.id,
                    level,
                    operations: Arc::from([]),
                    message: draft.kind.message(&draft.it, &draft.old, &draft.new),
                    advice: draft.kind.advice(level, draft.direction),
                    base,
                    head,
                };
                changes.push((users.clone(), change));
            }
        }
        for (users, change) in &mut changes {
            users.sort_unstable();
            users.dedup();
            let list = lists.entry(users.clone()).or_insert_with(|| {
                users.iter().map(|it| self.operations[*it as usize].operation.clone()).collect()
            });
            change.operations = Arc::clone(list);
        }
        changes.sort_by(|(one, a), (other, b)| {
            one.first().cmp(&other.first()).then_with(|| b.level.cmp(&a.level))
        });
        changes.into_iter().map(|(_, change)| change).collect()
    }

    /// For each unit with changes the operations that use it, in their order.
    fn users(&self) -> Vec<Vec<u32>> {
        let counts = self.with_changes();
        let mut users = vec![Vec::new(); self.units.len()];
        let mut seen = vec![u32::MAX; self.units.len()];
        for (number, compared) in (0u32..).zip(&self.operations) {
            let mut open = vec![compared.unit];
            while let Some(unit) = open.pop() {
                if seen[unit] == number || !counts[unit] {
                    continue;
                }
                seen[unit] = number;
                if !self.units[unit].drafts.is_empty() {
                    users[unit].push(number);
                }
                open.extend(&self.units[unit].uses);
            }
        }
        users
    }

    /// Which units have changes, or use one that has.
    fn with_changes(&self) -> Vec<bool> {
        let mut used_by: Vec<Vec<usize>> = vec![Vec::new(); self.units.len()];
        for (number, unit) in self.units.iter().enumerate() {
            for used in &unit.uses {
                used_by[*used].push(number);
            }
        }
        let mut counts = vec![false; self.units.len()];
        let has = |(number, unit): (usize, &Unit<'a>)| (!unit.drafts.is_empty()).then_some(number);
        let mut open: Vec<usize> = self.units.iter().enumerate().filter_map(has).collect();
        while let Some(unit) = open.pop() {
            if !std::mem::replace(&mut counts[unit], true) {
                open.extend(&used_by[unit]);
            }
        }
        counts
    }
}

/// `property `owner.name` of schema `Pet``
impl Display for Subject<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut path = String::new();
        for segment in &self.path {
            segment.write(&mut path)?;
        }
        match self.path.last() {
            None => return self.root.fmt(f),
            Some(Segment::Property(_)) => write!(f, "property `{path}` of ")?,
            Some(_) => write!(f, "`{path}` of ")?,
        }
        self.root.fmt(f)
    }
}

impl Segment<'_> {
    fn write(self, path: &mut String) -> fmt::Result {
        let dot = if path.is_empty() { "" } else { "." };
        match self {
            Segment::Property(name) => write!(path, "{dot}{name}"),
            Segment::Items => path.write_str("[]"),
            Segment::Item(index) => write!(path, "[{index}]"),
            Segment::Additional => write!(path, "{dot}*"),
            Segment::Pattern(pattern) => write!(path, "{dot}/{pattern}/"),
            Segment::Keyword(keyword) => write!(path, "({keyword})"),
            Segment::Member(name) => write!(path, "({name})"),
        }
    }
}

impl Display for Root<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Root::Service => f.write_str("the service"),
            Root::Operation => f.write_str("the operation"),
            Root::Parameter { location, name } => write!(f, "{location} parameter `{name}`"),
            Root::RequestBody => f.write_str("the request body"),
            Root::RequestMedia(name) => write!(f, "the request body ({name})"),
            Root::Response(status) => write!(f, "response {status}"),
            Root::ResponseMedia { status, name } => write!(f, "response {status} ({name})"),
            Root::Header { status, name } => write!(f, "header `{name}` of response {status}"),
            Root::Schema(name) => write!(f, "schema `{name}`"),
            Root::SecurityScheme(name) => write!(f, "security scheme `{name}`"),
            Root::Component(section, name) => write!(f, "`{name}` of {section}"),
            Root::Webhook(name) => write!(f, "webhook `{name}`"),
            Root::Callback(name) => write!(f, "callback `{name}`"),
        }
    }
}
