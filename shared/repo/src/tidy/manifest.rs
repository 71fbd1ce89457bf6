//! Cargo.toml and Cargo.lock: one place for each decision, and the borders between the crates.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::Context;
use toml::{Table, Value};

/// Problems of the manifest of a package: what the workspace decides has to be inherited.
///
/// # Errors
/// It is no TOML.
pub fn manifest_inherits(place: &str, text: &str) -> anyhow::Result<Vec<String>> {
    let manifest: Table = text.parse().with_context(|| place.to_owned())?;
    let mut problems = Vec::new();
    let package = manifest.get("package").and_then(Value::as_table);
    for key in ["version", "edition", "rust-version", "license"] {
        if !package.and_then(|package| package.get(key)).is_some_and(is_inherited) {
            problems.push(format!("{place}: write `{key}.workspace = true` in [package]"));
        }
    }
    if !manifest.get("lints").is_some_and(is_inherited) {
        problems.push(format!("{place}: write `workspace = true` in [lints]"));
    }
    for (name, dependency) in dependencies(&manifest) {
        let decides = |key: &str| dependency.get(key).is_some();
        let own = ["version", "path", "git"].iter().any(|key| decides(key));
        if !is_inherited(dependency) || own {
            problems.push(format!(
                "{place}: write `{name} = {{ workspace = true }}`, and its version in \
                 [workspace.dependencies] of the root"
            ));
        }
    }
    Ok(problems)
}

/// Problems of steps that depend on steps; `packages` are the steps with their dependencies.
pub fn steps_are_apart(packages: &[(&str, &[String])]) -> Vec<String> {
    let steps: BTreeSet<&str> = packages.iter().map(|(name, _)| *name).collect();
    let mut problems = Vec::new();
    for (name, dependencies) in packages {
        for other in dependencies.iter().filter(|other| steps.contains(other.as_str())) {
            problems.push(format!(
                "steps/{name}/Cargo.toml: {name} depends on the step {other}: move what both need \
                 to a crate below shared/, or hand it over in a file"
            ));
        }
    }
    problems
}

/// Problems of step-core's dependencies, direct and indirect, in a Cargo.lock.
///
/// # Errors
/// It is no TOML, or does not know step-core.
pub fn core_is_bare(lock: &str) -> anyhow::Result<Vec<String>> {
    let lock: Table = lock.parse().context("Cargo.lock")?;
    let packages = lock.get("package").and_then(Value::as_array).context("Cargo.lock")?;
    // Of several versions of a crate the dependencies are taken together: too strict at worst.
    let mut needs: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for package in packages {
        let Some(name) = package.get("name").and_then(Value::as_str) else { continue };
        let names = package.get("dependencies").and_then(Value::as_array).into_iter().flatten();
        // "name", or "name version" where there are several
        let names = names.filter_map(|name| name.as_str()?.split(' ').next());
        needs.entry(name).or_default().extend(names);
    }
    let mut found = BTreeSet::new();
    let mut open = vec!["step-core"];
    needs.contains_key("step-core").then_some(()).context("Cargo.lock knows no step-core")?;
    while let Some(name) = open.pop() {
        if found.insert(name) {
            open.extend(needs.get(name).into_iter().flatten());
        }
    }
    let problems = found.into_iter().filter(|name| is_foreign(name));
    Ok(problems
        .map(|name| {
            format!(
                "shared/step-core/Cargo.toml: step-core needs {name}: AWS belongs into step-aws, \
                 Docker into step-docker, a database into a crate of its own"
            )
        })
        .collect())
}

/// Whether a crate speaks to a service, which step-core does not.
fn is_foreign(name: &str) -> bool {
    let databases = ["sqlx", "tokio-postgres", "postgres", "mysql_async", "rusqlite", "mongodb"];
    name.starts_with("aws-") || name == "bollard" || name == "reqwest" || databases.contains(&name)
}

fn is_inherited(value: &Value) -> bool {
    value.get("workspace").and_then(Value::as_bool) == Some(true)
}

/// The dependencies of all kinds, those for certain platforms included.
fn dependencies(manifest: &Table) -> Vec<(&String, &Value)> {
    let platforms = manifest.get("target").and_then(Value::as_table).into_iter().flatten();
    let tables = platforms.filter_map(|(_, table)| table.as_table());
    let tables = std::iter::once(manifest).chain(tables);
    let kinds = ["dependencies", "dev-dependencies", "build-dependencies"];
    tables
        .flat_map(|table| kinds.iter().filter_map(|kind| table.get(*kind)?.as_table()))
        .flatten()
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "\
[package]
name = \"x\"
version.workspace = true
edition.workspace = true
rust-version.workspace = true
license.workspace = true
publish.workspace = true
[dependencies]
serde = { workspace = true, features = [\"rc\"] }
[lints]
workspace = true
";

    #[test]
    fn a_manifest_that_inherits_everything_has_no_problem() {
        assert_eq!(manifest_inherits("x/Cargo.toml", GOOD).unwrap(), [] as [&str; 0]);
    }

    #[test]
    fn what_a_manifest_decides_itself_is_named() {
        for (part, instead, problem) in [
            ("version.workspace = true\ne", "version = \"1.0.0\"\ne", "`version.workspace = true`"),
            ("edition.workspace = true", "edition = \"2021\"", "`edition.workspace = true`"),
            ("[lints]\nworkspace = true", "", "in [lints]"),
            ("{ workspace = true, f", "{ version = \"1\", f", "`serde = { workspace = true }`"),
            ("[lints]", "[target.'cfg(unix)'.dependencies]\nrustix = \"1\"\n[lints]", "`rustix = "),
        ] {
            let problems = manifest_inherits("x/Cargo.toml", &GOOD.replace(part, instead)).unwrap();
            assert_eq!(problems.len(), 1, "{part}: {problems:?}");
            assert!(problems[0].contains(problem), "{problems:?}");
        }
    }

    #[test]
    fn a_step_that_depends_on_a_step_is_named() {
        let needs = ["serde".to_owned(), "push-ecr".to_owned()];
        let problems = steps_are_apart(&[("build-image", &needs), ("push-ecr", &[])]);
        assert_eq!(problems.len(), 1);
        assert!(problems[0].contains("build-image depends on the step push-ecr"), "{problems:?}");
    }

    #[test]
    fn aws_is_found_in_the_core_even_behind_another_crate() {
        let lock = "\
[[package]]
name = \"step-core\"
dependencies = [\"anyhow\", \"helper 1.0.0\"]
[[package]]
name = \"helper\"
dependencies = [\"aws-config\"]
[[package]]
name = \"step-aws\"
dependencies = [\"bollard\"]
";
        let problems = core_is_bare(lock).unwrap();
        assert_eq!(problems.len(), 1, "{problems:?}");
        assert!(problems[0].contains("step-core needs aws-config"), "{problems:?}");
        assert!(core_is_bare(&lock.replace("step-core", "core")).is_err());
    }
}
