//! The files here beside those of the target branch. Pure: git has been asked already.

use std::collections::{HashMap, HashSet};

use findings::{Finding, Source};

use super::git::Base;
use super::rules::{EDITED_AFTER_MERGE, LATE_VERSION, Rules, VERSION_COLLISION};
use super::{Id, Local, Places};

/// What does not fit the target branch.
pub(crate) fn check(files: &[Local], base: &Base, rules: &Rules, places: &Places) -> Vec<Finding> {
    let here: HashSet<&Id> = files.iter().map(|file| &file.id).collect();
    let newest = base.tip.paths.keys().chain(here.iter().copied()).map(|id| id.0).max();
    let mut check = Check { here, newest: newest.unwrap_or(0), base, rules, places };
    let mut found = check.deleted(files);
    for file in files {
        if let Some(finding) = check.edited(file) {
            found.push(finding);
        } else if base.is_new(&file.id) && !base.tip.paths.contains_key(&file.id) {
            found.extend(check.collision(file).or_else(|| check.late(file)));
        }
    }
    found
}

struct Check<'a> {
    here: HashSet<&'a Id>,
    /// The highest version that is taken.
    newest: i64,
    base: &'a Base,
    rules: &'a Rules,
    places: &'a Places,
}

impl Check<'_> {
    /// Migrations that were merged and that this branch takes away.
    fn deleted(&self, files: &[Local]) -> Vec<Finding> {
        let by_version: HashMap<i64, &Local> = files.iter().map(|file| (file.id.0, file)).collect();
        let is_gone = |id: &Id| !self.here.contains(id) && !self.base.is_new(id);
        let gone = self.base.tip.paths.iter().filter(|(id, _)| is_gone(id));
        gone.filter_map(|(id, path)| {
            let what = match by_version.get(&id.0) {
                Some(other) => format!("is renamed to {}", self.places.inside(&other.path)),
                None => "is deleted".to_owned(),
            };
            self.edit(path, &what)
        })
        .collect()
    }

    /// A migration that was merged and that this branch changes.
    fn edited(&self, file: &Local) -> Option<Finding> {
        let Base { tip, merge_base, .. } = self.base;
        let is_ours = self.base.is_new(&file.id) || merge_base.changed.contains(&file.id);
        // Where it is as on the branch, both made the same change: merging does nothing.
        if is_ours && tip.changed.contains(&file.id) {
            return self.edit(&file.path, "is changed");
        }
        None
    }

    fn edit(&self, path: &str, what: &str) -> Option<Finding> {
        let message = format!("a migration that is on {} already {what}", self.base.name);
        let help = "databases that have it refuse the next run: put it back as it was, and write \
                    what is to change into a new migration";
        self.finding(EDITED_AFTER_MERGE, path, message, help)
    }

    /// A new migration with the version of another one.
    fn collision(&mut self, file: &Local) -> Option<Finding> {
        let version = file.id.0;
        // If the other is here as well, the folder itself is wrong, which is told already.
        let other = self.same_version(file).find(|(id, _)| self.base.is_new(id))?;
        let other = self.places.inside(other.1);
        let name = &self.base.name;
        let message =
            format!("has the same version {version} as {other}, which is on {name} already");
        let help = format!("rename it to {}", self.next(file));
        self.finding(VERSION_COLLISION, &file.path, message, &help)
    }

    /// The migrations of the target branch that have the version of a file and are not here.
    fn same_version(&self, file: &Local) -> impl Iterator<Item = (&Id, &String)> {
        let version = file.id.0;
        let same = self.base.tip.paths.range((version, String::new())..);
        let same = same.take_while(move |(id, _)| id.0 == version);
        same.filter(|(id, _)| !self.here.contains(id))
    }

    /// A new migration that would be applied after a later one.
    fn late(&mut self, file: &Local) -> Option<Finding> {
        let (newest, path) = self.base.tip.paths.last_key_value()?;
        let version = file.id.0;
        // What another one was renamed to is told as an edit.
        if version >= newest.0 || self.same_version(file).next().is_some() {
            return None;
        }
        let (other, name) = (self.places.inside(path), &self.base.name);
        let message =
            format!("the version {version} comes below {other}, which is on {name} already");
        let help = format!(
            "databases that have that one refuse it: rename it to {}, or allow files out of order: \
             migrate-db.out_of_order in landfall.toml",
            self.next(file)
        );
        self.finding(LATE_VERSION, &file.path, message, &help)
    }

    /// The name of a file with a version above all; each is given once.
    fn next(&mut self, file: &Local) -> String {
        self.newest = self.newest.saturating_add(1);
        format!("V{}__{}.sql", self.newest, file.id.1)
    }

    fn finding(&self, rule: &str, path: &str, message: String, help: &str) -> Option<Finding> {
        let severity = self.rules.level(rule)?;
        let place = Source::new(self.places.inside(path), "").line(1);
        Some(Finding::new(rule, severity, message, place).help(help))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::path::Path;

    use super::*;
    use crate::check::git::Tree;
    use crate::files::{Key, parse_name};

    fn local(path: &str) -> Local {
        let key = parse_name(path.rsplit('/').next().unwrap()).unwrap();
        let Some(Key::Version(version, name)) = key else { panic!("{path}") };
        Local { id: (version, name), path: path.to_owned() }
    }

    /// Paths, those that are other here marked with `*`.
    fn tree(paths: &[&str]) -> Tree {
        let mut tree = Tree::default();
        for path in paths {
            let file = local(path.trim_end_matches('*'));
            if path.ends_with('*') {
                tree.changed.insert(file.id.clone());
            }
            tree.paths.insert(file.id, file.path);
        }
        tree
    }

    /// `path rule` of each finding.
    fn found(merge_base: &[&str], tip: &[&str], here: &[&str]) -> Vec<String> {
        let base =
            Base { name: "origin/main".into(), tip: tree(tip), merge_base: tree(merge_base) };
        let files: Vec<Local> = here.iter().map(|path| local(path)).collect();
        let places = Places::new(Path::new("db"), None);
        let rules = Rules::new(&BTreeMap::new(), false).unwrap();
        let found = check(&files, &base, &rules, &places);
        found.iter().map(|it| format!("{} {}", it.place().path(), it.rule())).collect()
    }

    #[test]
    fn files_are_held_against_the_branch_that_they_are_for() {
        const A: &str = "V1__a.sql";
        const B: &str = "V2__b.sql";
        let none: &[&str] = &[];
        for (what, merge_base, tip, here, expected) in [
            ("nothing is other", vec![A, B], vec![A, B], vec![A, B], none),
            ("one is added", vec![A], vec![A], vec![A, B], none),
            ("the branch moved on", vec![A], vec![A, B], vec![A], none),
            ("the branch changed a file", vec![A], vec!["V1__a.sql*"], vec![A], none),
            ("the branch deleted a file", vec![A, B], vec![A], vec![A, B], none),
            (
                "a merged file is changed",
                vec!["V1__a.sql*", B],
                vec!["V1__a.sql*", B],
                vec![A, B],
                &["db/V1__a.sql edited-after-merge"],
            ),
            ("both made one change", vec!["V1__a.sql*"], vec![A], vec![A], none),
            (
                "a merged file is deleted",
                vec![A, B],
                vec![A, B],
                vec![B],
                &["db/V1__a.sql edited-after-merge"],
            ),
            ("both deleted it", vec![A, B], vec![B], vec![B], none),
            (
                "a merged file is renamed",
                vec![A],
                vec![A],
                vec!["V1__c.sql"],
                &["db/V1__a.sql edited-after-merge"],
            ),
            (
                "a merged file is renamed that is not the newest",
                vec![A, B],
                vec![A, B],
                vec!["V1__c.sql", B],
                &["db/V1__a.sql edited-after-merge"],
            ),
            ("a merged file is moved", vec![A], vec![A], vec!["old/V1__a.sql"], none),
            (
                "a version is taken meanwhile",
                vec![A],
                vec![A, B],
                vec![A, "V2__c.sql"],
                &["db/V2__c.sql version-collision"],
            ),
            ("the same file came by another way", vec![A], vec![A, B], vec![A, B], none),
            (
                "a file of one name and other content",
                vec![A],
                vec![A, "V2__b.sql*"],
                vec![A, B],
                &["db/V2__b.sql edited-after-merge"],
            ),
            (
                "a file comes late",
                vec![A, "V5__e.sql"],
                vec![A, "V5__e.sql"],
                vec![A, "V3__c.sql", "V5__e.sql", "V6__f.sql"],
                &["db/V3__c.sql late-version"],
            ),
            (
                "a file became late",
                vec![A],
                vec![A, "V5__e.sql"],
                vec![A, B],
                &["db/V2__b.sql late-version"],
            ),
        ] {
            assert_eq!(found(&merge_base, &tip, &here), expected, "{what}");
        }
    }

    #[test]
    fn each_file_that_has_to_move_is_told_a_version_of_its_own() {
        let base = Base {
            name: "origin/main".into(),
            tip: tree(&["V1__a.sql", "V2__b.sql", "V7__g.sql"]),
            merge_base: tree(&["V1__a.sql"]),
        };
        let files = ["V1__a.sql", "V2__x.sql", "V3__y.sql", "V8__z.sql"].map(local);
        let rules = Rules::new(&BTreeMap::new(), false).unwrap();
        let found = check(&files, &base, &rules, &Places::new(Path::new("db"), None));
        let shown: Vec<String> = found.iter().map(ToString::to_string).collect();
        assert_eq!(
            shown,
            [
                "db/V2__x.sql:1: critical: has the same version 2 as db/V2__b.sql, which is on \
                 origin/main already [version-collision]\n  help: rename it to V9__x.sql",
                "db/V3__y.sql:1: major: the version 3 comes below db/V7__g.sql, which is on \
                 origin/main already [late-version]\n  help: databases that have that one refuse \
                 it: rename it to V10__y.sql, or allow files out of order: \
                 migrate-db.out_of_order in landfall.toml",
            ]
        );
    }
}
