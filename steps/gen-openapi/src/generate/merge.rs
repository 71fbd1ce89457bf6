//! Makes one description of several. The first gives the frame: `info`, servers, security, and the order
//! of things; what the others have is put behind that.

mod rename;

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use findings::Severity;
use landfall_toml::Collisions;

use crate::description::Description;
use crate::document::{At, Entry, Node, Object, Sources, Text, Value};
use crate::problem::Problem;
use crate::spec::{Kind, METHODS, Version, component_name, operations};
use crate::walk::{Pointer, walk, walk_mut};
use rename::Renames;

/// The rule that sources can be made one.
const COLLISION: &str = "merge-collision";

/// A description to merge.
#[derive(Debug)]
pub(super) struct Part {
    /// The name of its source.
    pub(super) name: String,
    pub(super) description: Description,
    pub(super) path_prefix: Option<String>,
}

/// How things are merged that are not the same.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rules {
    /// - Error: components and operation ids of one name are told.
    /// - Prefix: a source of which a component differs from an earlier one gets its name before all of
    ///   its components, but for those that are equal to earlier ones; before an operation id when that
    ///   is taken.
    /// - Rename: the later component, and the later operation id, gets a number.
    pub(super) collisions: Collisions,
    /// The servers are set anyhow, so those of the sources do not matter.
    pub(super) ignores_servers: bool,
}

/// Merges descriptions; one alone stays as it is, but for its prefix.
///
/// # Errors
/// What cannot be made one; all of it.
pub(super) fn merge(
    parts: Vec<Part>,
    rules: Rules,
    sources: &Sources,
) -> Result<Option<Description>, Vec<Problem>> {
    let mut parts = parts.into_iter().map(prefixed);
    let Some(first) = parts.next() else { return Ok(None) };
    let mut merger = Merger::new(first.description, rules, sources);
    for part in parts {
        merger.add(part);
    }
    merger.finish().map(Some)
}

/// With the prefix before each of its paths.
fn prefixed(mut part: Part) -> Part {
    let prefix = part.path_prefix.as_deref().unwrap_or_default().trim_matches('/');
    if prefix.is_empty() {
        return part;
    }
    let prefix = format!("/{prefix}");
    let Description { root, version, .. } = &mut part.description;
    rename::prefix_paths(root, *version, &prefix);
    part
}

/// The names of a section of `components` with what they stand for.
type Section = HashMap<Text, Node>;

struct Merger<'a> {
    frame: Description,
    rules: Rules,
    sources: &'a Sources,
    paths: Vec<Entry>,
    path_index: HashMap<Text, usize>,
    webhooks: Vec<Entry>,
    /// The sections of `components` in their order, and what they hold.
    components: Vec<(Text, Vec<Entry>)>,
    component_index: HashMap<Text, Section>,
    tags: Vec<Node>,
    operation_ids: HashMap<Text, At>,
    problems: Vec<Problem>,
}

impl<'a> Merger<'a> {
    fn new(frame: Description, rules: Rules, sources: &'a Sources) -> Self {
        let mut merger = Self {
            paths: entries(frame.root.get("paths")),
            path_index: HashMap::new(),
            webhooks: entries(frame.root.get("webhooks")),
            components: Vec::new(),
            component_index: HashMap::new(),
            tags: frame.root.get("tags").and_then(Node::as_array).unwrap_or_default().to_vec(),
            operation_ids: operation_ids(&frame).into_iter().collect(),
            problems: Vec::new(),
            frame,
            rules,
            sources,
        };
        let paths = merger.paths.iter().enumerate();
        merger.path_index = paths.map(|(index, entry)| (entry.key.clone(), index)).collect();
        for section in entries(merger.frame.root.get("components")) {
            if section.key.starts_with("x-") {
                continue;
            }
            let entries = entries(Some(&section.value));
            let index = entries.iter().map(|it| (it.key.clone(), it.value.clone())).collect();
            merger.component_index.insert(section.key.clone(), index);
            merger.components.push((section.key, entries));
        }
        merger
    }

    fn add(&mut self, mut part: Part) {
        if part.description.version != self.frame.version {
            let at = part.description.root.get("openapi").map_or(At::NOWHERE, |it| it.at);
            let (first, other) = (self.frame.version, part.description.version);
            let message =
                format!("the source {} has OpenAPI {other}, the first one {first}", part.name);
            let pointer = Pointer::ROOT;
            let problem =
                Problem::new(COLLISION, Severity::Blocker, at, &pointer.key("openapi"), message);
            self.problems.push(problem.help("convert all with `openapi`, or write one version"));
            return;
        }
        self.raise_patch(&part.description.root);
        let renames = self.renames(&part);
        rename::apply(&mut part.description, &renames);
        self.push_down(&mut part.description);
        self.add_components(&part);
        self.add_paths(&part);
        self.add_webhooks(&part.description.root);
        self.add_tags(&part.description.root);
        self.add_extensions(&part.description.root);
        self.operation_ids.extend(operation_ids(&part.description));
    }

    /// The highest patch of the version counts.
    fn raise_patch(&mut self, other: &Node) {
        let patch = |node: &Node| node.text("openapi")?.rsplit('.').next()?.parse::<u32>().ok();
        if let (Some(own), Some(theirs)) = (patch(&self.frame.root), patch(other)) {
            let openapi = other.get("openapi").filter(|_| theirs > own).cloned();
            if let (Some(openapi), Some(root)) = (openapi, self.frame.root.as_object_mut()) {
                root.insert("openapi", openapi);
            }
        }
    }

    /// The names that things of a part have to get.
    fn renames(&mut self, part: &Part) -> Renames {
        let mut renames = Renames::default();
        let components = Components::of(&part.description);
        let different = self.different(&components);
        match self.rules.collisions {
            Collisions::Error => {}
            Collisions::Prefix => {
                let any = !different.is_empty();
                let is_shared = |key: &(Text, Text)| {
                    self.component(&key.0, &key.1).is_some() && !different.contains(key)
                };
                for key in components.all.keys().filter(|key| any && !is_shared(key)) {
                    let new = format!("{}_{}", component_name(&part.name), key.1);
                    self.rename(&components, key, new, &mut renames);
                }
            }
            Collisions::Rename => {
                for key in different {
                    self.rename(&components, &key, key.1.to_string(), &mut renames);
                }
            }
        }
        self.rename_operations(part, &mut renames);
        renames
    }

    /// The components that have the name of another one, and are not the same: by their value, or
    /// because something differs that they refer to.
    fn different(&self, components: &Components<'_>) -> BTreeSet<(Text, Text)> {
        let mut different = BTreeSet::new();
        let mut users: HashMap<&(Text, Text), Vec<&(Text, Text)>> = HashMap::new();
        let mut open = Vec::new();
        for (key, component) in &components.all {
            let Some(other) = self.component(&key.0, &key.1) else { continue };
            if other == component.node {
                for used in &component.uses {
                    users.entry(used).or_default().push(key);
                }
            } else {
                open.push(key);
            }
        }
        while let Some(key) = open.pop() {
            if different.insert(key.clone()) {
                open.extend(users.get(key).into_iter().flatten());
            }
        }
        different
    }

    fn component(&self, section: &str, name: &str) -> Option<&Node> {
        self.component_index.get(section)?.get(name)
    }

    /// Gives a component a name that neither the merged components nor those of the part have.
    fn rename(
        &self,
        components: &Components<'_>,
        (section, name): &(Text, Text),
        wanted: String,
        renames: &mut Renames,
    ) {
        let new = free(wanted, |new| {
            let key = (section.clone(), Text::from(new));
            self.component(section, new).is_some()
                || components.all.contains_key(&key)
                || renames.given.contains(&key)
        });
        renames.given.insert((section.clone(), new.as_str().into()));
        renames.components.insert((section.clone(), name.clone()), new);
    }

    fn rename_operations(&mut self, part: &Part, renames: &mut Renames) {
        let ids: HashMap<Text, At> = operation_ids(&part.description).into_iter().collect();
        let mut given = HashSet::new();
        let mut taken: Vec<&Text> =
            ids.keys().filter(|id| self.operation_ids.contains_key(*id)).collect();
        taken.sort();
        let mut collisions = Vec::new();
        for id in taken {
            let new = match self.rules.collisions {
                Collisions::Error => {
                    collisions.push((id.clone(), ids[id], self.operation_ids[id]));
                    continue;
                }
                Collisions::Prefix => format!("{}_{id}", component_name(&part.name)),
                Collisions::Rename => id.to_string(),
            };
            let new = free(new, |new| {
                self.operation_ids.contains_key(new) || ids.contains_key(new) || given.contains(new)
            });
            given.insert(new.clone());
            renames.operations.insert(id.clone(), new);
        }
        for (id, at, other) in collisions {
            let what = format!("the operationId `{id}`");
            let pointer = pointer_of_id(&part.description, at);
            self.collide(at, pointer, &what, other, IN_SETTINGS);
        }
    }

    /// What a part says for all of its operations becomes theirs, where it is not what the first source
    /// says.
    fn push_down(&mut self, part: &mut Description) {
        let own = |key: &str| self.frame.root.get(key);
        let elsewhere = paths_with_servers_elsewhere(part);
        let Description { root, version, .. } = part;
        // Without `security` at the top everybody may call.
        let open = Node::array([]);
        let theirs = root.get("security").unwrap_or(&open).clone();
        if theirs != *own("security").unwrap_or(&open) {
            walk_mut(root, Kind::OpenApi, *version, &mut |kind, node| {
                if kind == Kind::Operation {
                    set_missing(node, "security", &theirs);
                }
            });
        }
        // A source without servers is reached where the others are.
        let servers = root.get("servers").filter(|it| Some(*it) != own("servers")).cloned();
        if let Some(servers) = servers.filter(|_| !self.rules.ignores_servers) {
            let paths = root.as_object_mut().and_then(|it| it.get_mut("paths"));
            for item in paths.and_then(Node::as_object_mut).into_iter().flat_map(Object::iter_mut) {
                if item.value.get("servers").is_some() || elsewhere.contains(&item.key) {
                    continue;
                }
                // What it leads to may be used elsewhere, too.
                if item.value.get("$ref").is_some() {
                    set_missing(&mut item.value, "servers", &servers);
                } else {
                    each_operation(&mut item.value, &mut |it| set_missing(it, "servers", &servers));
                }
            }
        }
    }

    fn add_components(&mut self, part: &Part) {
        for section in entries(part.description.root.get("components")) {
            if section.key.starts_with("x-") {
                self.add_extension_of_components(&section);
                continue;
            }
            let position = self.components.iter().position(|(name, _)| *name == section.key);
            let position = position.unwrap_or_else(|| {
                self.components.push((section.key.clone(), Vec::new()));
                self.components.len() - 1
            });
            for entry in entries(Some(&section.value)) {
                let known = self.component_index.entry(section.key.clone()).or_default();
                match known.get(&entry.key) {
                    None => {
                        known.insert(entry.key.clone(), entry.value.clone());
                        self.components[position].1.push(entry);
                    }
                    Some(other) if *other == entry.value => {}
                    Some(other) => {
                        let other = other.at;
                        let components = Pointer::ROOT.key("components");
                        let of_section = components.key(&section.key);
                        let pointer = of_section.key(&entry.key).to_string();
                        let what = format!("another `{}` of {}", entry.key, section.key);
                        self.collide(entry.at, pointer, &what, other, IN_SETTINGS);
                    }
                }
            }
        }
    }

    fn add_extension_of_components(&mut self, extension: &Entry) {
        let root = self.frame.root.as_object_mut();
        let Some(own) = root.and_then(|it| it.object_at("components")) else { return };
        match own.get(&extension.key) {
            None => own.insert(extension.key.clone(), extension.value.clone()),
            Some(other) if *other == extension.value => {}
            Some(other) => {
                let other = other.at;
                let components = Pointer::ROOT.key("components");
                let pointer = components.key(&extension.key).to_string();
                let what = format!("another `{}` of components", extension.key);
                self.collide(extension.at, pointer, &what, other, TAKE_OUT);
            }
        }
    }

    fn add_paths(&mut self, part: &Part) {
        for entry in entries(part.description.root.get("paths")) {
            match self.path_index.get(&entry.key) {
                None => {
                    self.path_index.insert(entry.key.clone(), self.paths.len());
                    self.paths.push(entry);
                }
                Some(index) => self.add_to_path(*index, entry),
            }
        }
    }

    /// Adds the operations of a path that an earlier source has, too.
    fn add_to_path(&mut self, index: usize, mut theirs: Entry) {
        let pointer = Pointer::ROOT;
        let paths = pointer.key("paths");
        let at_path = paths.key(&theirs.key);
        if theirs.key.starts_with("x-") {
            let other = &self.paths[index];
            if other.value != theirs.value {
                let (at, what) = (other.value.at, format!("another `{}` of paths", theirs.key));
                self.collide(theirs.at, at_path.to_string(), &what, at, TAKE_OUT);
            }
            return;
        }
        let mut own = self.paths[index].value.clone();
        for key in ["parameters", "servers"] {
            if own.get(key) != theirs.value.get(key) {
                for item in [&mut own, &mut theirs.value] {
                    push_down_in_item(item, key);
                }
            }
        }
        let (Some(object), Some(items)) = (own.as_object_mut(), theirs.value.as_object()) else {
            return;
        };
        let mut collisions = Vec::new();
        for entry in items {
            match object.entry(&entry.key) {
                None => object.push(entry.clone()),
                Some(other) if METHODS.contains(&entry.key.as_str()) => {
                    let what = format!("{} {}", entry.key.to_uppercase(), theirs.key);
                    collisions.push((
                        entry.at,
                        at_path.key(&entry.key).to_string(),
                        what,
                        other.at,
                    ));
                }
                Some(other) if other.value == entry.value => {}
                // Texts of the path: the first source's count.
                Some(_) if matches!(entry.key.as_str(), "summary" | "description") => {}
                Some(other) => {
                    let what = format!("another `{}` of the path {}", entry.key, theirs.key);
                    collisions.push((
                        entry.at,
                        at_path.key(&entry.key).to_string(),
                        what,
                        other.at,
                    ));
                }
            }
        }
        self.paths[index].value = own;
        for (at, pointer, what, other) in collisions {
            self.collide(at, pointer, &what, other, "give the sources different `path_prefix`es");
        }
    }

    fn add_webhooks(&mut self, root: &Node) {
        for entry in entries(root.get("webhooks")) {
            match self.webhooks.iter().find(|it| it.key == entry.key) {
                None => self.webhooks.push(entry),
                Some(other) if other.value == entry.value => {}
                Some(other) => {
                    let (at, what) = (other.at, format!("another webhook `{}`", entry.key));
                    let webhooks = Pointer::ROOT.key("webhooks");
                    let pointer = webhooks.key(&entry.key).to_string();
                    self.collide(entry.at, pointer, &what, at, TAKE_OUT);
                }
            }
        }
    }

    /// Of two tags of one name the first counts.
    fn add_tags(&mut self, root: &Node) {
        let known: HashSet<Text> =
            self.tags.iter().filter_map(|tag| tag.text("name").map(Text::from)).collect();
        let tags = root.get("tags").and_then(Node::as_array).unwrap_or_default();
        let is_new = |tag: &&Node| tag.text("name").is_none_or(|name| !known.contains(name));
        self.tags.extend(tags.iter().filter(is_new).cloned());
    }

    /// What stands at the top besides what is merged: extensions, and what changes how schemas are read.
    fn add_extensions(&mut self, root: &Node) {
        let merged = ["openapi", "info", "servers", "paths", "webhooks", "components", "security"];
        let first_counts = ["tags", "externalDocs", "$self"];
        for entry in root.as_object().into_iter().flatten() {
            let key = entry.key.as_str();
            if merged.contains(&key) || first_counts.contains(&key) {
                continue;
            }
            let Some(own) = self.frame.root.as_object_mut() else { return };
            let pointer = || Pointer::ROOT.key(key).to_string();
            match own.entry(key) {
                None if key == "jsonSchemaDialect" => {
                    let at = own.get("openapi").map_or(At::NOWHERE, |it| it.at);
                    let what = "another dialect (the default one)";
                    self.collide(entry.at, pointer(), what, at, TAKE_OUT);
                }
                None => own.push(entry.clone()),
                Some(other) if other.value == entry.value => {}
                Some(other) => {
                    let (at, what) = (other.at, format!("another `{key}`"));
                    self.collide(entry.at, pointer(), &what, at, TAKE_OUT);
                }
            }
        }
    }

    fn collide(&mut self, at: At, pointer: String, what: &str, other: At, help: &str) {
        let message = format!("{what} is in {} already", self.sources.place(other));
        let problem = Problem::new(COLLISION, Severity::Blocker, at, &pointer, message);
        self.problems.push(problem.help(help));
    }

    /// Puts all of it into the frame.
    fn finish(self) -> Result<Description, Vec<Problem>> {
        if !self.problems.is_empty() {
            return Err(self.problems);
        }
        let mut frame = self.frame;
        let Some(root) = frame.root.as_object_mut() else { return Ok(frame) };
        set_entries(root, "paths", self.paths);
        set_entries(root, "webhooks", self.webhooks);
        for (section, entries) in self.components {
            if let Some(components) = root.object_at("components") {
                set_entries(components, &section, entries);
            }
        }
        if !self.tags.is_empty() {
            let at = root.get("tags").map_or(At::NOWHERE, |it| it.at);
            root.insert("tags", Node { value: Value::Array(self.tags.into_iter().collect()), at });
        }
        Ok(frame)
    }
}

const IN_SETTINGS: &str =
    "rename one, or set `collisions` to \"prefix\" or \"rename\" in landfall.toml";
const TAKE_OUT: &str = "let it be the same in both, or take one out";

/// The components of a description.
struct Components<'a> {
    all: BTreeMap<(Text, Text), Component<'a>>,
}

struct Component<'a> {
    node: &'a Node,
    /// The components that it refers to: section and name.
    uses: Vec<(Text, Text)>,
}

impl<'a> Components<'a> {
    fn of(description: &'a Description) -> Self {
        let mut all = BTreeMap::new();
        let sections = description.root.get("components").and_then(Node::as_object);
        for section in sections.into_iter().flatten() {
            let Some(kind) = Kind::of_section(&section.key, description.version) else { continue };
            for entry in section.value.as_object().into_iter().flatten() {
                let uses = uses(&entry.value, kind, description.version);
                let component = Component { node: &entry.value, uses };
                all.insert((section.key.clone(), entry.key.clone()), component);
            }
        }
        Self { all }
    }
}

fn uses(node: &Node, kind: Kind, version: Version) -> Vec<(Text, Text)> {
    let mut uses = Vec::new();
    walk(node, kind, version, &Pointer::ROOT, &mut |visit| {
        uses.extend(visit.reference.and_then(rename::component_of));
        if visit.kind == Kind::Discriminator {
            for value in visit.node.get("mapping").and_then(Node::as_object).into_iter().flatten() {
                let text = value.value.as_str().unwrap_or_default();
                uses.push(rename::component_of(text).unwrap_or(("schemas".into(), text.into())));
            }
        }
        if visit.kind == Kind::SecurityRequirement {
            let names = visit.node.as_object().into_iter().flat_map(Object::keys);
            uses.extend(names.map(|name| ("securitySchemes".into(), name.into())));
        }
    });
    uses
}

/// The ids of all operations, with their places.
fn operation_ids(description: &Description) -> Vec<(Text, At)> {
    let mut ids = Vec::new();
    let Description { root, version, .. } = description;
    walk(root, Kind::OpenApi, *version, &Pointer::ROOT, &mut |visit| {
        if visit.kind == Kind::Operation {
            let id = visit.node.get("operationId");
            ids.extend(id.and_then(|id| Some((Text::from(id.as_str()?), id.at))));
        }
    });
    ids
}

/// The way to the operationId at a place.
fn pointer_of_id(description: &Description, at: At) -> String {
    let mut pointer = String::new();
    let Description { root, version, .. } = description;
    walk(root, Kind::OpenApi, *version, &Pointer::ROOT, &mut |visit| {
        let id = visit.node.get("operationId").filter(|_| visit.kind == Kind::Operation);
        if id.is_some_and(|id| id.at == at) {
            pointer = visit.pointer.key("operationId").to_string();
        }
    });
    pointer
}

/// The name itself when it is free, else with the first number behind that is.
fn free(wanted: String, is_taken: impl Fn(&str) -> bool) -> String {
    if !is_taken(&wanted) {
        return wanted;
    }
    let mut numbered = (2..).map(|number: u64| format!("{wanted}_{number}"));
    numbered.find(|name| !is_taken(name)).unwrap_or(wanted)
}

/// The paths that are references to items which have servers of their own.
fn paths_with_servers_elsewhere(description: &Description) -> HashSet<Text> {
    let references = description.references();
    let paths = description.root.get("paths").and_then(Node::as_object).into_iter().flatten();
    let has_servers = |item: &&Entry| {
        item.value.get("$ref").is_some()
            && references.resolve(&item.value).is_some_and(|it| it.get("servers").is_some())
    };
    paths.filter(has_servers).map(|item| item.key.clone()).collect()
}

fn entries(node: Option<&Node>) -> Vec<Entry> {
    node.and_then(Node::as_object).into_iter().flatten().cloned().collect()
}

fn set_entries(object: &mut Object, key: &str, entries: Vec<Entry>) {
    let old = object.get(key);
    if old.is_none() && entries.is_empty() {
        return;
    }
    let at = old.map_or(At::NOWHERE, |it| it.at);
    object.insert(key, Node { value: Value::Object(entries.into_iter().collect()), at });
}

fn set_missing(node: &mut Node, key: &str, value: &Node) {
    if let Some(object) = node.as_object_mut().filter(|object| !object.contains(key)) {
        object.insert(key, value.clone());
    }
}

/// The operations of a path, to change them.
fn each_operation(item: &mut Node, change: &mut dyn FnMut(&mut Node)) {
    for entry in item.as_object_mut().into_iter().flat_map(Object::iter_mut) {
        if METHODS.contains(&entry.key.as_str()) {
            change(&mut entry.value);
        } else if entry.key == "additionalOperations" {
            let more = entry.value.as_object_mut().into_iter().flat_map(Object::iter_mut);
            more.for_each(|it| change(&mut it.value));
        }
    }
}

/// Moves the parameters or servers of a path to its operations. Those of an operation win: parameters by
/// name and place.
fn push_down_in_item(item: &mut Node, key: &str) {
    let has_operations = operations(item).next().is_some();
    let removed = item.as_object_mut().filter(|_| has_operations).and_then(|it| it.remove(key));
    let Some(Entry { value, .. }) = removed else { return };
    each_operation(item, &mut |operation| {
        let own = operation.get(key).and_then(Node::as_array).map(<[Node]>::to_vec);
        match own {
            Some(own) if key == "parameters" => {
                let id =
                    |it: &Node| (it.text("name").map(Text::from), it.text("in").map(Text::from));
                let theirs = value.as_array().unwrap_or_default().iter();
                let inherited = theirs.filter(|it| {
                    it.get("$ref").is_some() || own.iter().all(|other| id(other) != id(it))
                });
                let all: Vec<Node> = inherited.filter(|it| !own.contains(it)).cloned().collect();
                let all = Node::array(all.into_iter().chain(own.clone()));
                if let Some(object) = operation.as_object_mut() {
                    object.insert(key, all);
                }
            }
            Some(_) => {}
            None => set_missing(operation, key, &value),
        }
    });
}

#[cfg(test)]
mod tests;
