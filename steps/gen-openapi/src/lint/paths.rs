//! How paths are written.

use std::collections::BTreeMap;

use super::{Linter, Rule};
use crate::document::Object;
use crate::validate::shown;
use crate::walk::Pointer;

impl<'a> Linter<'a, '_> {
    pub(super) fn paths(&mut self, object: &'a Object, pointer: &Pointer<'_>) {
        let paths = object.iter().filter(|entry| entry.key.starts_with('/'));
        for entry in paths.clone() {
            let (path, at, pointer) = (entry.key.as_str(), entry.at, pointer.key(&entry.key));
            if path.len() > 1 && path.ends_with('/') {
                let message = format!("the path `{}` ends with a slash", shown(path));
                self.tell(Rule::PathTrailingSlash, at, &pointer, message);
            }
            if path.contains('?') {
                let message = format!("the path `{}` has a query string", shown(path));
                self.tell(Rule::PathQuery, at, &pointer, message);
            }
            if self.is_on(Rule::PathKebabCase) && !path.split('/').all(is_kebab_case) {
                let message = format!("the path `{}` is not kebab-case", shown(path));
                self.tell(Rule::PathKebabCase, at, &pointer, message);
            }
        }
        if !self.is_on(Rule::PathAmbiguous) {
            return;
        }
        let mut tree = Tree::default();
        for entry in paths.clone() {
            tree.insert(&entry.key);
        }
        for entry in paths {
            if let Some(other) = tree.other(&entry.key) {
                let message =
                    format!("what fits `{}` may also fit `{}`", shown(&entry.key), shown(other));
                self.tell(Rule::PathAmbiguous, entry.at, &pointer.key(&entry.key), message);
            }
        }
    }
}

/// Parameters are named as the service wants.
fn is_kebab_case(segment: &str) -> bool {
    let mut is_name = false;
    segment.chars().all(|it| {
        match it {
            '{' => is_name = true,
            '}' => is_name = false,
            _ => {}
        }
        is_name
            || it == '}'
            || it == '.'
            || it == '-'
            || it.is_ascii_lowercase()
            || it.is_ascii_digit()
    })
}

/// Paths by their segments.
#[derive(Default)]
struct Tree<'a> {
    fixed: BTreeMap<&'a str, Tree<'a>>,
    parameter: Option<Box<Tree<'a>>>,
    path: Option<&'a str>,
}

/// How many segments are compared for one path.
const STEPS: usize = 500;

impl<'a> Tree<'a> {
    fn insert(&mut self, path: &'a str) {
        let mut tree = self;
        // Longer ones would make a tree too deep to be dropped.
        for segment in path.split('/').take(100) {
            tree = match is_parameter(segment) {
                true => tree.parameter.get_or_insert_default(),
                false => tree.fixed.entry(segment).or_default(),
            };
        }
        tree.path = Some(path);
    }

    /// Another path that has a parameter where this one has a fixed segment, and fits all the same.
    fn other(&self, path: &str) -> Option<&'a str> {
        let segments: Vec<&str> = path.split('/').take(100).collect();
        let mut steps = STEPS;
        self.search(&segments, false, false, path, &mut steps)
    }

    fn search(
        &self,
        segments: &[&str],
        is_wider: bool,
        is_narrower: bool,
        path: &str,
        steps: &mut usize,
    ) -> Option<&'a str> {
        if *steps == 0 {
            return None;
        }
        *steps -= 1;
        let [segment, rest @ ..] = segments else {
            // Two that cross each other are told once.
            return self.path.filter(|other| is_wider && (!is_narrower || *other < path));
        };
        let parameter = self.parameter.as_deref();
        if is_parameter(segment) {
            let same = parameter.and_then(|it| it.search(rest, is_wider, is_narrower, path, steps));
            return same.or_else(|| {
                let mut fixed = self.fixed.values();
                fixed.find_map(|it| it.search(rest, is_wider, true, path, steps))
            });
        }
        let same = self.fixed.get(segment);
        let same = same.and_then(|it| it.search(rest, is_wider, is_narrower, path, steps));
        same.or_else(|| {
            let parameter = parameter.filter(|_| !segment.is_empty())?;
            parameter.search(rest, true, is_narrower, path, steps)
        })
    }
}

fn is_parameter(segment: &str) -> bool {
    segment.len() > 2 && segment.starts_with('{') && segment.find('}') == Some(segment.len() - 1)
}
