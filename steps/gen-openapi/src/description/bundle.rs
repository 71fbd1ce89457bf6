//! Makes one document of a description and all that it refers to.
//!
//! First everything that is referred to is found and read, from the description on; what a reference
//! leads to is searched as the kind of object that stands in its place. Then each target gets a name in
//! `components`, or stands where its reference was when `components` has no place for its kind.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};
use std::sync::LazyLock;

use findings::Severity;
use percent_encoding::{AsciiSet, CONTROLS, percent_decode_str, utf8_percent_encode};

use super::discriminators;
use super::load::{Document, Failure, Loader};
use super::location::Location;
use super::names::Names;
use crate::document::{At, Entry, MAX_DEPTH, Node, Object, Sources, Text, Value, escape, unescape};
use crate::problem::Problem;
use crate::references::MAX_HOPS;
use crate::spec::{Kind, Version, is_component_letter};
use crate::validate::shown;
use crate::walk::{Pointer, walk, walk_mut};

/// The rule that a reference leads to something.
pub(crate) const UNRESOLVED: &str = "unresolved-reference";

/// The rule that a reference leads only to where it may.
pub(crate) const REFUSED: &str = "reference-refused";

/// How many values references may bring in: enough for any real description, and an end for those whose
/// parts are repeated without limit.
pub(crate) const MAX_COPIED: usize = 5_000_000;

/// How deep references that are replaced by their targets may lie in each other.
const MAX_IN_PLACE: usize = 32;

/// How many bytes the pointers to the references of a target may have.
const MAX_POINTERS: usize = 16 * 1024 * 1024;

/// How many problems are told.
pub(super) const MAX_PROBLEMS: usize = 1000;

/// Marks a reference that leads into the result, while others still lead into their documents. No
/// reference that leads anywhere begins like this.
const DONE: char = '\0';

/// Puts everything that `root` refers to into it. What cannot be had stays a reference, and is told.
pub(super) async fn bundle(
    root: Node,
    location: Location,
    version: Version,
    loader: Loader,
    sources: &mut Sources,
    problems: &mut Vec<Problem>,
) -> Node {
    let mut bundler = Bundler {
        version,
        documents: vec![Document::new(location, root)],
        loader,
        targets: Vec::new(),
        index: HashMap::new(),
        edges: HashMap::new(),
        problems: Vec::new(),
    };
    bundler.discover(sources).await;
    let root = bundler.assemble();
    problems.append(&mut bundler.problems);
    root
}

struct Bundler {
    version: Version,
    /// The first is the description.
    documents: Vec<Document>,
    loader: Loader,
    targets: Vec<Target>,
    index: HashMap<(usize, String, Kind), usize>,
    /// The target of each reference, by its document, its kind and its text.
    edges: HashMap<(usize, Kind, Text), usize>,
    problems: Vec<Problem>,
}

/// What references lead to.
#[derive(Debug)]
struct Target {
    document: usize,
    /// A JSON Pointer, not encoded for a URL.
    pointer: String,
    kind: Kind,
    /// The references in it that are replaced by their targets.
    in_place: Vec<InPlace>,
}

#[derive(Debug, Clone)]
struct InPlace {
    target: usize,
    at: At,
    pointer: String,
    depth: usize,
}

/// What becomes of a target.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Place {
    /// It stands in the description already, at this pointer.
    Own(String),
    /// It is put into `components`.
    Component { section: &'static str, name: String },
    /// It is in `components` already, as nothing but a reference, which it replaces.
    Entry { section: &'static str, name: String },
    /// Another target has the same value.
    Same(usize),
    /// It replaces its references.
    Replaces,
}

/// A reference as it was found in a document.
struct Found {
    kind: Kind,
    text: Text,
    at: At,
    pointer: String,
    depth: usize,
    is_mapping: bool,
}

impl Bundler {
    /// Finds and reads everything that is referred to.
    async fn discover(&mut self, sources: &mut Sources) {
        let mut queue = VecDeque::new();
        self.add(0, String::new(), Kind::OpenApi, &mut queue);
        let mut size = 0;
        while let Some(number) = queue.pop_front() {
            size += self.size(number);
            if size > MAX_COPIED {
                self.tell_size(number);
                return;
            }
            for found in self.references_in(number) {
                let document = self.targets[number].document;
                let key = (document, found.kind, found.text.clone());
                let target = match self.edges.get(&key) {
                    Some(target) => *target,
                    None => {
                        let Some(text) = self.reference_of(document, &found) else { continue };
                        let end = self.end_of(document, &text, sources).await;
                        let (at, pointer) = match end {
                            Ok(end) => end,
                            // What the description refers to in itself is checked with it.
                            Err(_) if document == 0 && text.starts_with('#') => continue,
                            Err(failure) => {
                                self.tell(&found, failure);
                                continue;
                            }
                        };
                        let target = self.add(at, pointer, found.kind, &mut queue);
                        self.edges.insert(key, target);
                        target
                    }
                };
                let Target { document, kind, .. } = self.targets[target];
                if document != 0 && kind.section(self.version).is_none() {
                    let Found { at, pointer, depth, .. } = found;
                    self.targets[number].in_place.push(InPlace { target, at, pointer, depth });
                }
            }
        }
    }

    fn add(
        &mut self,
        document: usize,
        pointer: String,
        kind: Kind,
        queue: &mut VecDeque<usize>,
    ) -> usize {
        let key = (document, pointer, kind);
        if let Some(known) = self.index.get(&key) {
            return *known;
        }
        let number = self.targets.len();
        let (document, pointer, kind) = key.clone();
        // What stands in the description is searched with it, but for what no kind leads to.
        if document != 0 || pointer.is_empty() && kind == Kind::OpenApi || is_apart(&pointer) {
            queue.push_back(number);
        }
        self.targets.push(Target { document, pointer, kind, in_place: Vec::new() });
        self.index.insert(key, number);
        number
    }

    fn node(&self, document: usize, pointer: &str) -> Option<&Node> {
        self.documents[document].root.pointer(pointer)
    }

    /// The references in a target that lead out of it and are not the description's own.
    fn references_in(&self, number: usize) -> Vec<Found> {
        let Target { document, pointer: above, kind, .. } = &self.targets[number];
        let Some(node) = self.node(*document, above) else { return Vec::new() };
        references(node, *kind, self.version, above, *document == 0)
    }

    /// The text of a reference; a mapping may hold the name of a schema instead. That of one that is
    /// not there means one of the description.
    fn reference_of(&self, document: usize, found: &Found) -> Option<Text> {
        if !found.is_mapping || looks_like_reference(&found.text) {
            return Some(found.text.clone());
        }
        let pointer = format!("/components/schemas/{}", escape(&found.text));
        self.node(document, &pointer).map(|_| format!("#{}", encode(&pointer)).into())
    }

    /// Where a reference leads in the end: through references that are nothing else.
    async fn end_of(
        &mut self,
        document: usize,
        text: &str,
        sources: &mut Sources,
    ) -> Result<(usize, String), Failure> {
        let (mut document, mut pointer) = self.step(document, text, sources).await?;
        for _ in 0..MAX_HOPS {
            let node = self.node(document, &pointer).and_then(Node::as_object);
            let only = node.filter(|it| document != 0 && it.len() == 1);
            let Some(text) = only.and_then(|it| it.get("$ref")?.as_str()).map(Text::from) else {
                return Ok((document, pointer));
            };
            // What is wrong with it is told there.
            let Ok(next) = self.step(document, &text, sources).await else {
                return Ok((document, pointer));
            };
            (document, pointer) = next;
        }
        Err(Failure::Missing("the references never end".to_owned()))
    }

    /// Where a reference leads.
    async fn step(
        &mut self,
        document: usize,
        text: &str,
        sources: &mut Sources,
    ) -> Result<(usize, String), Failure> {
        let (file, fragment) = text.split_once('#').unwrap_or((text, ""));
        let fragment = decode(fragment)
            .ok_or_else(|| Failure::Missing("its fragment is not UTF-8".to_owned()))?;
        let named = |it: usize| Some((it, self.names(it).ids.get(file)?.clone()));
        let (document, above) = if file.is_empty() {
            (document, String::new())
        } else if let Some(named) = named(document).or_else(|| named(0)) {
            named
        } else {
            let location =
                self.documents[document].location.join(file).map_err(Failure::Missing)?;
            let loaded = self.loader.load(location, sources, &mut self.documents).await?;
            (loaded, String::new())
        };
        let pointer = if fragment.is_empty() {
            above
        } else if fragment.starts_with('/') {
            above + &fragment
        } else {
            let anchor = self.names(document).anchors.get(&*fragment).cloned();
            anchor.ok_or_else(|| {
                let name = self.name(document);
                let anchor = shown(&fragment);
                Failure::Missing(format!("{name} has no schema with `$anchor: {anchor}`"))
            })?
        };
        if self.node(document, &pointer).is_none() {
            let name = self.name(document);
            let message = format!("{name} has nothing at #{}", shown(&pointer));
            return Err(Failure::Missing(message));
        }
        Ok((document, pointer))
    }

    /// How many values a target brings in.
    fn size(&self, number: usize) -> usize {
        let Target { document, pointer, .. } = &self.targets[number];
        let node = self.node(*document, pointer).filter(|_| *document != 0);
        node.map_or(0, |it| measure(it).0)
    }

    fn tell_size(&mut self, number: usize) {
        let Target { document, pointer, .. } = &self.targets[number];
        let at = self.node(*document, pointer).map_or(At::NOWHERE, |it| it.at);
        let message = format!("references bring in more than {MAX_COPIED} values");
        let problem = Problem::new(REFUSED, Severity::Blocker, at, &Pointer::ROOT, message);
        self.problems.push(problem);
        // Nothing is put together.
        self.edges.clear();
    }

    fn name(&self, document: usize) -> String {
        self.loader.name(&self.documents[document].location)
    }

    /// The names of a document; JSON Schema has them from OpenAPI 3.1 on.
    fn names(&self, document: usize) -> &Names {
        static NONE: LazyLock<Names> = LazyLock::new(Names::default);
        match self.version {
            Version::V3_0 => &NONE,
            Version::V3_1 | Version::V3_2 => self.documents[document].names(),
        }
    }

    fn tell(&mut self, found: &Found, failure: Failure) {
        if self.problems.len() >= MAX_PROBLEMS {
            return;
        }
        let text = shown(&found.text);
        let (rule, message, help) = match failure {
            Failure::Told => return,
            Failure::Syntax(at, message) => {
                self.problems.push(Problem::syntax(at, message));
                return;
            }
            Failure::Refused(why) => (
                REFUSED,
                format!("`{text}` is not read: {why}"),
                Some("allow it by its beginning, with `allow_references` in landfall.toml"),
            ),
            Failure::Missing(why) => {
                (UNRESOLVED, format!("`{text}` leads to nothing: {why}"), None)
            }
        };
        let problem = Problem::new(rule, Severity::Blocker, found.at, &found.pointer, message);
        self.problems.push(match help {
            Some(help) => problem.help(help),
            None => problem,
        });
    }
}

/// The references in a node, which stands at `above` in its document. Those of the description that
/// stay as they are (`is_own`) are left out.
fn references(node: &Node, kind: Kind, version: Version, above: &str, is_own: bool) -> Vec<Found> {
    let mut found = Vec::new();
    let mut pointers = 0;
    let mut put = |kind, node: &Node, pointer: &Pointer<'_>, is_mapping| {
        let Some(text) = node.as_str() else { return };
        let stays = (text.starts_with("#/") && !is_apart(text)) || text == "#";
        if is_own && stays || is_mapping && is_own && !looks_like_reference(text) {
            return;
        }
        let depth = std::iter::successors(pointer.parent(), |it| it.parent()).count();
        // Each may repeat a long key.
        let pointer = match pointers < MAX_POINTERS {
            true => format!("#{above}{}", &pointer.to_string()[1..]),
            false => String::new(),
        };
        pointers += pointer.len();
        found.push(Found { kind, text: text.into(), at: node.at, pointer, depth, is_mapping });
    };
    walk(node, kind, version, &Pointer::ROOT, &mut |visit| {
        if let Some(reference) = visit.node.get("$ref") {
            put(visit.kind, reference, visit.pointer, false);
        }
        if visit.kind == Kind::Discriminator {
            for entry in mapping(visit.node) {
                put(
                    Kind::Schema,
                    &entry.value,
                    &visit.pointer.key("mapping").key(&entry.key),
                    true,
                );
            }
        }
    });
    found
}

fn mapping(discriminator: &Node) -> impl Iterator<Item = &Entry> {
    discriminator.get("mapping").and_then(Node::as_object).into_iter().flatten()
}

/// Whether a text of a discriminator's mapping is a reference, not the name of a schema: the names that
/// `components` allows hold no slash.
fn looks_like_reference(text: &str) -> bool {
    text.contains(['/', '#'])
        || [".json", ".yaml", ".yml"].iter().any(|ending| text.ends_with(ending))
}

/// Whether a pointer leads into an extension, or beside all that the specification knows.
fn is_apart(pointer: &str) -> bool {
    let pointer = pointer.trim_start_matches('#');
    let first = pointer.split('/').nth(1).unwrap_or_default();
    !matches!(first, "components" | "paths" | "webhooks") || pointer.contains("/x-")
}

/// The second part: everything is read.
impl Bundler {
    /// The description with its targets.
    fn assemble(&mut self) -> Node {
        if self.edges.is_empty() {
            return self.documents.swap_remove(0).root;
        }
        let (places, renamed) = self.places();
        let mut root = std::mem::replace(&mut self.documents[0].root, Node::made(Value::Null));
        let mut assembly = Assembly {
            bundler: self,
            places: &places,
            whole: HashMap::new(),
            open: Vec::new(),
            copied: 0,
            problems: Vec::new(),
        };
        let targets = self.targets.iter().enumerate();
        let own = targets.filter(|(number, target)| {
            target.document == 0 && (*number == 0 || is_apart(&target.pointer))
        });
        for (number, target) in own.clone() {
            if let Some(node) = pointer_mut(&mut root, &target.pointer) {
                assembly.complete(number, node);
            }
        }
        for (number, place) in places.iter().enumerate() {
            if let Place::Component { section, name } | Place::Entry { section, name } = place {
                let value = assembly.whole(number).node;
                let entry = Entry { key: name.as_str().into(), at: value.at, value };
                match (section_of(&mut root, section), place) {
                    (Some(section), Place::Component { .. }) => section.push(entry),
                    (Some(section), _) => section.insert(entry.key, entry.value),
                    (None, _) => {}
                }
            }
        }
        let Assembly { problems, .. } = assembly;
        for (_, target) in own {
            if let Some(node) = pointer_mut(&mut root, &target.pointer) {
                settle(node, target.kind, self.version);
            }
        }
        self.problems.extend(problems);
        discriminators::keep(&mut root, self.version, &renamed);
        root
    }

    /// What becomes of each target; and the schemas that got another name than their own.
    fn places(&self) -> (Vec<Place>, BTreeMap<String, String>) {
        let mut naming = Naming::new(self);
        let mut places = vec![Place::Replaces; self.targets.len()];
        let mut is_placed = vec![false; self.targets.len()];
        for (number, target) in self.targets.iter().enumerate() {
            if target.document == 0 {
                places[number] = Place::Own(target.pointer.clone());
                is_placed[number] = true;
            }
        }
        for (section, kind, entry) in naming.entries() {
            let target = self.edges.get(&(0, kind, entry.1)).copied();
            if let Some(target) = target.filter(|target| !is_placed[*target]) {
                let name = entry.0.to_string();
                naming.same.entry((section, name.clone())).or_default().push(target);
                (places[target], is_placed[target]) = (Place::Entry { section, name }, true);
            }
        }
        for (number, target) in self.targets.iter().enumerate() {
            if let Some(section) = target.kind.section(self.version).filter(|_| !is_placed[number])
            {
                places[number] = naming.place(number, section);
            }
        }
        (places, naming.renamed)
    }

    /// Where a reference of a document leads, as far as that is known.
    fn edge(&self, document: usize, kind: Kind, text: &Text) -> Option<(usize, String)> {
        if let Some(target) = self.edges.get(&(document, kind, text.clone())) {
            let target = &self.targets[*target];
            return Some((target.document, target.pointer.clone()));
        }
        let fragment = text.strip_prefix('#').filter(|_| document == 0)?;
        Some((0, decode(fragment)?.into_owned()))
    }
}

/// Gives targets their names in `components`.
struct Naming<'a> {
    bundler: &'a Bundler,
    taken: HashSet<(&'static str, String)>,
    /// The targets that would like to have a name.
    same: HashMap<(&'static str, String), Vec<usize>>,
    /// The names that schemas would like to have, by those that they got.
    renamed: BTreeMap<String, String>,
    /// The number that the next of a name gets.
    next: HashMap<(&'static str, String), usize>,
    /// Places that hold the same.
    equal: HashSet<(Spot, Spot)>,
}

/// With how many others of its name a target is compared.
const MAX_COMPARED: usize = 20;

/// A document and a pointer into it.
type Spot = (usize, String);

impl<'a> Naming<'a> {
    fn new(bundler: &'a Bundler) -> Self {
        let mut naming = Self {
            bundler,
            taken: HashSet::new(),
            same: HashMap::new(),
            renamed: BTreeMap::new(),
            next: HashMap::new(),
            equal: HashSet::new(),
        };
        for (section, _, object) in naming.sections() {
            naming.taken.extend(object.keys().map(|name| (section, name.to_owned())));
        }
        naming
    }

    /// The sections that the description has.
    fn sections(&self) -> Vec<(&'static str, Kind, &'a Object)> {
        let bundler = self.bundler;
        let components = bundler.node(0, "/components");
        let fields = Kind::Components.fields().iter().filter(|it| it.is_in(bundler.version));
        let sections = fields.filter_map(|field| {
            let kind = Kind::of_section(field.name, bundler.version)?;
            Some((field.name, kind, components?.get(field.name)?.as_object()?))
        });
        sections.collect()
    }

    /// The components of the description that are nothing but a reference: name and text.
    fn entries(&self) -> Vec<(&'static str, Kind, (Text, Text))> {
        let mut entries = Vec::new();
        for (section, kind, object) in self.sections() {
            for entry in object {
                let only = entry.value.as_object().filter(|it| it.len() == 1);
                if let Some(text) = only.and_then(|it| it.get("$ref")?.as_str()) {
                    entries.push((section, kind, (entry.key.clone(), text.into())));
                }
            }
        }
        entries
    }

    fn place(&mut self, number: usize, section: &'static str) -> Place {
        let bundler = self.bundler;
        let target = &bundler.targets[number];
        let wanted = wanted_name(&target.pointer, &bundler.documents[target.document].location);
        let key = (section, wanted.clone());
        let here = (target.document, target.pointer.clone());
        let others = self.same.get(&key).into_iter().flatten().take(MAX_COMPARED);
        for other in others.copied().collect::<Vec<_>>() {
            let it = &bundler.targets[other];
            let there = (it.document, it.pointer.clone());
            if self.is_same(target.kind, there, here.clone()) {
                return Place::Same(other);
            }
        }
        let own = (0, format!("/components/{section}/{wanted}"));
        let is_there = bundler.node(own.0, &own.1).is_some();
        if is_there && self.is_same(target.kind, own.clone(), here) {
            return Place::Own(own.1);
        }
        let mut name = wanted.clone();
        while self.taken.contains(&(section, name.clone())) {
            let next = self.next.entry(key.clone()).or_insert(2);
            name = format!("{wanted}_{next}");
            *next += 1;
        }
        self.taken.insert((section, name.clone()));
        self.same.entry(key).or_default().push(number);
        if section == "schemas" && name != wanted {
            self.renamed.insert(name.clone(), wanted);
        }
        Place::Component { section, name }
    }

    /// Whether two places hold the same: equal values whose references lead to the same. Circles are
    /// the same when nothing in them differs.
    fn is_same(&mut self, kind: Kind, a: Spot, b: Spot) -> bool {
        let bundler = self.bundler;
        let mut assumed = HashSet::new();
        let mut open = vec![(kind, a, b)];
        while let Some((kind, a, b)) = open.pop() {
            let pair = (a.clone(), b.clone());
            if a == b || self.equal.contains(&pair) || !assumed.insert(pair) {
                continue;
            }
            let (first, second) = (bundler.node(a.0, &a.1), bundler.node(b.0, &b.1));
            let Some(first) = first.filter(|_| first == second) else { return false };
            for found in references(first, kind, bundler.version, "", false) {
                let edge = |document| bundler.edge(document, found.kind, &found.text);
                match (edge(a.0), edge(b.0)) {
                    (Some(a), Some(b)) => open.push((found.kind, a, b)),
                    (None, None) => {}
                    _ => return false,
                }
            }
        }
        self.equal.extend(assumed);
        true
    }
}

/// The last part of the pointer, else the name of the file, in the letters that `components` allows:
/// <https://spec.openapis.org/oas/v3.1.2#components-object>
fn wanted_name(pointer: &str, location: &Location) -> String {
    let last = pointer.rsplit('/').find(|part| !part.is_empty());
    let name = last.map_or_else(|| location.stem(), |it| unescape(it).to_string());
    let parts: Vec<&str> =
        name.split(|it| !is_component_letter(it)).filter(|it| !it.is_empty()).collect();
    if parts.is_empty() { "component".to_owned() } else { parts.join("_") }
}

/// Puts targets together.
struct Assembly<'a> {
    bundler: &'a Bundler,
    places: &'a [Place],
    whole: HashMap<usize, Whole>,
    /// The targets that are being put together, each in the one before.
    open: Vec<usize>,
    copied: usize,
    problems: Vec<Problem>,
}

/// A target whose references lead into the result.
#[derive(Debug, Clone)]
struct Whole {
    node: Node,
    size: usize,
    depth: usize,
}

impl Assembly<'_> {
    fn whole(&mut self, number: usize) -> Whole {
        if let Some(whole) = self.whole.get(&number) {
            return whole.clone();
        }
        let Target { document, pointer, .. } = &self.bundler.targets[number];
        let node = self.bundler.node(*document, pointer).cloned();
        let mut node = node.unwrap_or_else(|| Node::made(Value::Null));
        let (size, depth) = self.complete(number, &mut node);
        self.copied += size;
        let whole = Whole { node, size, depth };
        self.whole.insert(number, whole.clone());
        whole
    }

    /// Lets the references in a target lead into the result. Returns how many values it holds, and how
    /// deep they lie; of the description only what is new.
    fn complete(&mut self, number: usize, node: &mut Node) -> (usize, usize) {
        let Target { document, kind, in_place, .. } = &self.bundler.targets[number];
        let (mut size, mut depth) = if *document == 0 { (0, 0) } else { measure(node) };
        let mut replaced = HashSet::new();
        self.open.push(number);
        for it in in_place {
            if let Some(inner) = self.inner(it, size) {
                size += inner.size;
                depth = depth.max(it.depth + inner.depth);
                replaced.insert(it.target);
            }
        }
        self.open.pop();
        self.rewrite(*document, *kind, node, &replaced);
        (size, depth)
    }

    /// A target that replaces a reference, unless the result would have no end.
    fn inner(&mut self, it: &InPlace, size: usize) -> Option<Whole> {
        let place = |why: &str| {
            let message = format!("what this reference leads to cannot stand in its place: {why}");
            Problem::new(UNRESOLVED, Severity::Blocker, it.at, &it.pointer, message)
        };
        if self.open.contains(&it.target) {
            self.problems.push(place("it holds itself"));
            return None;
        }
        if self.open.len() > MAX_IN_PLACE {
            self.problems.push(place("too many references lie in each other"));
            return None;
        }
        let inner = self.whole(it.target);
        if it.depth + inner.depth > MAX_DEPTH {
            self.problems.push(place(&format!("it would be deeper than {MAX_DEPTH} levels")));
            return None;
        }
        if self.copied + size + inner.size > MAX_COPIED {
            self.problems.push(place(&format!("there would be more than {MAX_COPIED} values")));
            return None;
        }
        Some(inner)
    }

    fn rewrite(&self, document: usize, kind: Kind, node: &mut Node, replaced: &HashSet<usize>) {
        walk_mut(node, kind, self.bundler.version, &mut |kind, node| {
            if kind == Kind::Discriminator {
                self.rewrite_mapping(document, node);
            }
            let Some(text) = node.text("$ref").map(Text::from) else { return };
            let target = self.bundler.edges.get(&(document, kind, text.clone()));
            let whole = target.filter(|it| replaced.contains(it)).and_then(|it| self.whole.get(it));
            if let Some(whole) = whole {
                *node = match kind {
                    Kind::PathItem => beside(whole.node.clone(), node),
                    _ => whole.node.clone(),
                };
            } else if let Some(reference) = node.as_object_mut().and_then(|it| it.get_mut("$ref")) {
                self.redirect(document, target, reference);
            }
        });
    }

    fn rewrite_mapping(&self, document: usize, discriminator: &mut Node) {
        let mapping = discriminator.as_object_mut().and_then(|it| it.get_mut("mapping"));
        for entry in mapping.and_then(Node::as_object_mut).into_iter().flat_map(Object::iter_mut) {
            let Some(text) = entry.value.as_str() else { continue };
            let target = self.bundler.edges.get(&(document, Kind::Schema, text.into()));
            self.redirect(document, target, &mut entry.value);
        }
    }

    /// Lets a reference of a document lead into the result. One that leads to nothing must not be taken
    /// for one of the document that it is put into.
    fn redirect(&self, document: usize, target: Option<&usize>, reference: &mut Node) {
        let text = match target.map(|it| (&self.places[*it], it)) {
            Some((place, target)) if *place != Place::Replaces => self.text(*target),
            _ => match reference.as_str() {
                Some(text) if document != 0 && !text.starts_with(DONE) => {
                    format!("{DONE}{text}").into()
                }
                _ => return,
            },
        };
        reference.value = Value::String(text);
    }

    /// The reference that leads to a target in the result.
    fn text(&self, target: usize) -> Text {
        let text = match &self.places[target] {
            Place::Same(other) => return self.text(*other),
            Place::Own(pointer) => format!("#{}", encode(pointer)),
            Place::Component { section, name } | Place::Entry { section, name } => {
                format!("#/components/{section}/{}", encode(&escape(name)))
            }
            Place::Replaces => String::new(),
        };
        format!("{DONE}{text}").into()
    }
}

/// What stands in a fragment only encoded: <https://www.rfc-editor.org/rfc/rfc3986#section-3.5>
pub(crate) fn encode(pointer: &str) -> String {
    const SET: &AsciiSet = &CONTROLS.add(b' ').add(b'"').add(b'#').add(b'%').add(b'<').add(b'>');
    const FRAGMENT: &AsciiSet =
        &SET.add(b'[').add(b'\\').add(b']').add(b'^').add(b'`').add(b'{').add(b'|').add(b'}');
    utf8_percent_encode(pointer, FRAGMENT).to_string()
}

/// The JSON Pointer that a fragment of a URL holds.
pub(crate) fn decode(fragment: &str) -> Option<Cow<'_, str>> {
    percent_decode_str(fragment).decode_utf8().ok()
}

/// A target in the place of its reference. What stood beside the reference stays, and wins.
pub(crate) fn beside(mut target: Node, reference: &Node) -> Node {
    let siblings = reference.as_object().into_iter().flatten().filter(|it| it.key != "$ref");
    if let Some(object) = target.as_object_mut() {
        siblings.for_each(|it| object.insert(it.key.clone(), it.value.clone()));
    }
    target
}

/// A section of `components`, which is made when it is missing.
pub(crate) fn section_of<'a>(root: &'a mut Node, section: &str) -> Option<&'a mut Object> {
    root.as_object_mut()?.object_at("components")?.object_at(section)
}

fn pointer_mut<'a>(node: &'a mut Node, pointer: &str) -> Option<&'a mut Node> {
    pointer.split('/').skip(1).try_fold(node, |node, part| {
        let key = unescape(part);
        match &mut node.value {
            Value::Object(object) => object.get_mut(&key),
            Value::Array(items) => items.make_mut().get_mut(key.parse::<usize>().ok()?),
            _ => None,
        }
    })
}

/// Takes the marks off the references that lead into the result.
fn settle(node: &mut Node, kind: Kind, version: Version) {
    fn unmark(node: &mut Node) {
        if let Some(text) = node.as_str().and_then(|text| text.strip_prefix(DONE)) {
            node.value = Value::String(text.into());
        }
    }
    walk_mut(node, kind, version, &mut |kind, node| {
        let Some(object) = node.as_object_mut() else { return };
        if object.contains("$ref") {
            object.get_mut("$ref").into_iter().for_each(unmark);
        }
        if kind == Kind::Discriminator {
            let mapping = object.get_mut("mapping").and_then(Node::as_object_mut);
            mapping.into_iter().flat_map(Object::iter_mut).for_each(|it| unmark(&mut it.value));
        }
    });
}

/// How many values a value holds, itself included, and how deep they lie in it.
pub(crate) fn measure(node: &Node) -> (usize, usize) {
    let add = |(size, depth): (usize, usize), node: &Node| {
        let (inner, below) = measure(node);
        (size + inner, depth.max(below + 1))
    };
    match &node.value {
        Value::Array(items) => items.iter().fold((1, 0), add),
        Value::Object(object) => object.iter().map(|it| &it.value).fold((1, 0), add),
        _ => (1, 0),
    }
}
