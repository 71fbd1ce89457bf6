//! What a description is compared with when nothing is named: the file as it was when the branch left
//! its target.

use std::fmt;
use std::path::Path;
use std::str::FromStr;

use step_core::Fail;
use step_git::Repository;

use crate::description::Description;
use crate::document::{Node, Object};
use crate::input::Input;
use crate::settings::Settings;

use super::Options;

/// What is compared with.
#[derive(Debug)]
pub(super) enum Base {
    Input(Input),
    /// The file was not there yet.
    Nothing {
        revision: String,
        path: String,
    },
}

impl Base {
    pub(super) fn input(&self) -> Option<&Input> {
        match self {
            Base::Input(input) => Some(input),
            Base::Nothing { .. } => None,
        }
    }
}

impl fmt::Display for Base {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Base::Input(input) => input.fmt(f),
            Base::Nothing { revision, path } => {
                write!(f, "nothing, as {path} is not in {revision} yet")
            }
        }
    }
}

/// What a description is compared with.
///
/// # Errors
/// Exit 2: there is nothing to compare with; exit 4: the branch cannot be fetched.
pub(super) async fn input(
    options: &Options,
    settings: &Settings<'_>,
    head: &Input,
) -> anyhow::Result<Base> {
    if let Some(input) = &options.base {
        return Ok(Base::Input(input.clone()));
    }
    if let Some(text) = &settings.file.diff.base {
        let input = Input::from_str(text)
            .map_err(|err| Fail::invalid(format!("gen-openapi.diff.base: {err}")))?;
        return Ok(Base::Input(input));
    }
    let file = match head {
        Input::File(path) => path.clone(),
        _ => settings.description(),
    };
    in_git(&file, settings).await
}

/// A file as it was at the commit at which the branch left its target.
async fn in_git(file: &Path, settings: &Settings<'_>) -> anyhow::Result<Base> {
    let fail = |why: &str| {
        Fail::invalid(format!("there is nothing to compare {} with: {why}", file.display()))
            .help("name it with --base: a file, a URL, or git:REVISION:PATH")
    };
    let folder = match file.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    let Some(repository) = Repository::around(folder, "--base").await? else {
        return Err(fail("this is no git repository").into());
    };
    let Some(target) = repository.target(None, &settings.common.gitlab).await? else {
        return Err(fail("git knows no branch that this one is for").into());
    };
    let revision = repository.merge_base(&target).await?;
    let name = file.file_name().unwrap_or_default().to_string_lossy();
    let path = format!("{}{name}", repository.prefix());
    if repository.has(&revision, &path).await? {
        return Ok(Base::Input(Input::Git { folder: folder.to_owned(), revision, path }));
    }
    Ok(Base::Nothing { revision, path })
}

/// A description like another one, without operations.
pub(super) fn nothing_of(head: &Description, name: String) -> Description {
    let kept = |entry: &&crate::document::Entry| {
        !matches!(entry.key.as_str(), "paths" | "webhooks" | "x-webhooks")
    };
    let entries = head.root.as_object().into_iter().flatten().filter(kept).cloned();
    let object: Object = entries.collect();
    let root = Node { value: crate::document::Value::Object(object), at: head.root.at };
    Description { root, version: head.version, name }
}
