//! A new step: everything that it needs to run, to be tested and to be tidy.

use std::fmt;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail, ensure};
use regex::Regex;
use tempfile::TempDir;
use toml::{Table, Value};

/// A step that can be written.
#[derive(Debug)]
pub struct NewStep {
    root: PathBuf,
    name: String,
    describe: String,
}

impl NewStep {
    /// Makes sure that a step of this name can be written below `root`. Writes nothing.
    ///
    /// # Errors
    /// The name is not a step's name or is taken, or `root` is not the root of the repository.
    pub fn plan(root: &Path, name: &str, describe: Option<&str>) -> anyhow::Result<Self> {
        for entry in ["Cargo.toml", "steps", "ci-templates"] {
            ensure!(
                root.join(entry).exists(),
                "{} has no {entry}: run this in the root of the repository, or name it with --root",
                root.display()
            );
        }
        check_name(name)?;
        let lock = std::fs::read_to_string(root.join("Cargo.lock")).unwrap_or_default();
        let step = Self {
            root: root.to_owned(),
            name: name.to_owned(),
            describe: describe.map_or_else(|| in_words(name), sentence),
        };
        ensure!(
            !step.describe.contains(['\n', '"', '\\', '{', '}']),
            "the description is one line without quotes, braces and backslashes"
        );
        let taken = step.folder().exists()
            || step.template().exists()
            || root.join("shared").join(name).exists()
            || packages(&lock)?.iter().any(|package| package == name);
        ensure!(
            !taken,
            "the name {name} is taken, by a step, a crate or a dependency: choose another"
        );
        Ok(step)
    }

    /// Writes the step: all of it, or nothing.
    ///
    /// # Errors
    /// The folder cannot be written.
    pub fn write(&self) -> anyhow::Result<()> {
        // Written aside and moved, so that a full disk leaves no half step.
        let aside = TempDir::with_prefix_in(".new-step-", &self.root).context("write a folder")?;
        let (folder, template) = (aside.path().join("step"), aside.path().join("template.yml"));
        for (path, text) in FILES {
            let path = folder.join(path);
            let parent = path.parent().unwrap_or(&folder);
            std::fs::create_dir_all(parent)
                .and_then(|()| std::fs::write(&path, self.fill(text)))
                .with_context(|| format!("write {}", path.display()))?;
        }
        std::fs::write(&template, self.fill(TEMPLATE)).context("write the template")?;
        std::fs::rename(&folder, self.folder())
            .with_context(|| format!("write {}", self.folder().display()))?;
        if let Err(err) = std::fs::rename(&template, self.template()) {
            std::fs::remove_dir_all(self.folder())?;
            return Err(err).with_context(|| format!("write {}", self.template().display()));
        }
        Ok(())
    }

    fn folder(&self) -> PathBuf {
        self.root.join("steps").join(&self.name)
    }

    fn template(&self) -> PathBuf {
        self.root.join("ci-templates").join(format!("{}.yml", self.name))
    }

    fn fill(&self, text: &str) -> String {
        text.replace("{{name}}", &self.name)
            .replace("{{crate}}", &self.name.replace('-', "_"))
            .replace("{{describe}}", &self.describe)
    }
}

impl fmt::Display for NewStep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = &self.name;
        writeln!(f, "written: steps/{name} and ci-templates/{name}.yml")?;
        writeln!(f, "it runs:  cargo run -p {name} -- --dry-run")?;
        writeln!(f, "`make gen` writes its usage and its place in ci-templates/landfall.yml")
    }
}

const FILES: [(&str, &str); 5] = [
    ("Cargo.toml", include_str!("templates/Cargo.toml.txt")),
    ("README.md", include_str!("templates/README.md.txt")),
    ("src/main.rs", include_str!("templates/main.rs.txt")),
    ("src/lib.rs", include_str!("templates/lib.rs.txt")),
    ("tests/it/main.rs", include_str!("templates/it.rs.txt")),
];
const TEMPLATE: &str = include_str!("templates/template.yml.txt");

fn check_name(name: &str) -> anyhow::Result<()> {
    let shape = Regex::new("^[a-z][a-z0-9]*(-[a-z0-9]+)*$")?;
    if !shape.is_match(name) || name.len() > LONGEST {
        bail!(
            "`{name}` is not the name of a step: lower-case words with hyphens, at most {LONGEST} \
             characters, a verb and what it acts on, for example scan-image"
        );
    }
    ensure!(!RESERVED.contains(&name), "the name {name} means something else: choose another");
    Ok(())
}

const LONGEST: usize = 40;

/// Keywords of Rust, crates and folders of the toolchain, and what a shell does itself.
const RESERVED: [&str; 66] = [
    "abstract",
    "alias",
    "alloc",
    "as",
    "async",
    "await",
    "base",
    "become",
    "box",
    "break",
    "build",
    "cd",
    "command",
    "const",
    "continue",
    "core",
    "crate",
    "deps",
    "do",
    "dyn",
    "else",
    "enum",
    "eval",
    "examples",
    "exec",
    "exit",
    "export",
    "extern",
    "false",
    "final",
    "fn",
    "for",
    "if",
    "impl",
    "in",
    "incremental",
    "landfall",
    "let",
    "loop",
    "macro",
    "match",
    "mod",
    "move",
    "mut",
    "override",
    "priv",
    "proc-macro",
    "pub",
    "read",
    "ref",
    "return",
    "self",
    "set",
    "shift",
    "static",
    "std",
    "struct",
    "super",
    "test",
    "trait",
    "true",
    "try",
    "type",
    "use",
    "wait",
    "while",
];

/// The names of all packages in a Cargo.lock.
fn packages(lock: &str) -> anyhow::Result<Vec<String>> {
    let lock: Table = lock.parse().context("Cargo.lock")?;
    let packages = lock.get("package").and_then(Value::as_array).into_iter().flatten();
    Ok(packages.filter_map(|package| Some(package.get("name")?.as_str()?.to_owned())).collect())
}

/// `scan-image`: "Scan image".
fn in_words(name: &str) -> String {
    sentence(&name.replace('-', " "))
}

/// With a capital, without a full stop.
fn sentence(text: &str) -> String {
    let text = text.trim().trim_end_matches('.');
    let mut rest = text.chars();
    rest.next().map(|first| first.to_uppercase().chain(rest).collect()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tidy;

    fn root() -> TempDir {
        let root = tempfile::tempdir().unwrap();
        for folder in ["steps", "shared", "ci-templates"] {
            std::fs::create_dir(root.path().join(folder)).unwrap();
        }
        std::fs::write(root.path().join("Cargo.toml"), "[workspace]\n").unwrap();
        std::fs::write(root.path().join("Cargo.lock"), "[[package]]\nname = \"serde\"\n").unwrap();
        root
    }

    fn refusal(root: &TempDir, name: &str) -> String {
        NewStep::plan(root.path(), name, None).unwrap_err().to_string()
    }

    #[test]
    fn names_that_are_no_steps_names_are_refused() {
        let root = root();
        for name in [
            "",
            "Scan",
            "scan_image",
            "-scan",
            "scan-",
            "scan--x",
            "1st",
            "scan image",
            "../x",
            &"x".repeat(41),
        ] {
            assert!(refusal(&root, name).contains("is not the name of a step"), "{name}");
        }
        for name in ["match", "test", "exec", "deps"] {
            assert!(refusal(&root, name).contains("means something else"), "{name}");
        }
        for name in ["hello", "scan-image", "run-e2e-tests"] {
            assert!(NewStep::plan(root.path(), name, None).is_ok(), "{name}");
        }
    }

    #[test]
    fn a_name_that_is_taken_is_refused() {
        let root = root();
        std::fs::create_dir(root.path().join("steps/scan-image")).unwrap();
        std::fs::create_dir(root.path().join("shared/findings")).unwrap();
        std::fs::write(root.path().join("ci-templates/left-over.yml"), "").unwrap();
        for name in ["serde", "scan-image", "findings", "left-over"] {
            assert!(refusal(&root, name).contains("is taken"), "{name}");
        }
    }

    #[test]
    fn elsewhere_than_in_the_root_nothing_is_written() {
        let empty = tempfile::tempdir().unwrap();
        assert!(refusal(&empty, "hello").contains("has no Cargo.toml: run this in the root"));
        assert_eq!(std::fs::read_dir(empty.path()).unwrap().count(), 0);
    }

    #[test]
    fn a_template_that_cannot_be_written_leaves_no_step_behind() {
        let root = root();
        let step = NewStep::plan(root.path(), "hello", None).unwrap();
        std::fs::remove_dir(root.path().join("ci-templates")).unwrap();
        assert!(step.write().is_err());
        assert!(!root.path().join("steps/hello").exists());
        let left: Vec<_> = std::fs::read_dir(root.path()).unwrap().flatten().collect();
        assert_eq!(left.len(), 4, "{left:?}");
    }

    #[test]
    fn what_is_written_is_tidy() {
        let root = root();
        let step = NewStep::plan(root.path(), "scan-image", Some("looks at images.")).unwrap();
        step.write().unwrap();
        let read = |path: &str| std::fs::read_to_string(root.path().join(path)).unwrap();
        let readme = read("steps/scan-image/README.md");
        assert!(readme.contains("Looks at images. As it"), "{readme}");
        assert_eq!(tidy::readme("scan-image", &readme), [] as [&str; 0]);
        assert_eq!(
            tidy::actions_differ("scan-image", &readme, &Default::default()).unwrap(),
            [] as [&str; 0]
        );
        let manifest = read("steps/scan-image/Cargo.toml");
        assert_eq!(tidy::manifest_inherits("x", &manifest).unwrap(), [] as [&str; 0]);
        let main = read("steps/scan-image/src/main.rs");
        assert!(main.contains("use scan_image::{"), "{main}");
        assert_eq!(tidy::main_is_short("x", &main), [] as [&str; 0]);
        let lines = tidy::script_lines("scan-image", &read("ci-templates/scan-image.yml")).unwrap();
        assert_eq!(lines[0][0], "scan-image");
    }
}
