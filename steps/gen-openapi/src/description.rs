//! A description with all that it refers to, as one document that points only into itself.

mod access;
mod bundle;
pub(crate) mod discriminators;
mod load;
mod location;
mod names;

use anyhow::Context;
use findings::Severity;

use crate::document::{At, Node, Sources, Value};
use crate::input::Input;
use crate::problem::{Problem, unusable};
use crate::references::References;
use crate::spec::Version;
use crate::walk::Pointer;

pub(crate) use access::Access;
pub(crate) use bundle::{MAX_COPIED, beside, decode, encode, measure, section_of};

use access::Guard;
use load::Loader;
use location::Location;

/// A description that was read. References to other files are resolved: what they point to stands in
/// its `components`, or in their place.
#[derive(Debug)]
pub(crate) struct Description {
    pub(crate) root: Node,
    pub(crate) version: Version,
    /// The name of what it was read from, as it stands in findings.
    pub(crate) name: String,
}

impl Description {
    pub(crate) fn references(&self) -> References<'_> {
        References::new(&self.root)
    }
}

/// Reads a description. What is wrong with it is put into `problems`; without a result it is so wrong
/// that there is nothing to go on with.
///
/// # Errors
/// It cannot be read at all: see [`Input::read`].
pub(crate) async fn read(
    input: &Input,
    access: &Access,
    sources: &mut Sources,
    problems: &mut Vec<Problem>,
) -> anyhow::Result<Option<Description>> {
    let bytes = input.read().await?;
    read_bytes(input.to_string(), input, bytes, access, sources, problems).await
}

/// Reads a description whose text is there already. It is called `name`, and lies where `input` says.
///
/// # Errors
/// Exit 2: what is allowed to be referred to is written wrong.
pub(crate) async fn read_bytes(
    name: String,
    input: &Input,
    bytes: Vec<u8>,
    access: &Access,
    sources: &mut Sources,
    problems: &mut Vec<Problem>,
) -> anyhow::Result<Option<Description>> {
    let size = bytes.len();
    let root = match sources.read(&name, bytes) {
        Ok(root) => root,
        Err((at, message)) => {
            problems.push(Problem::syntax(at, message));
            return Ok(None);
        }
    };
    let version = match version(&root) {
        Ok(version) => version,
        Err(problem) => {
            problems.push(problem);
            return Ok(None);
        }
    };
    let folder = std::env::current_dir().and_then(|it| it.canonicalize());
    let folder = folder.context("find the current folder")?;
    let location = Location::of(input, &folder);
    let guard = Guard::new(access, &location, &folder)?;
    let loader = Loader::new(guard, folder, location.clone(), size);
    let root = bundle::bundle(root, location, version, loader, sources, problems).await;
    Ok(Some(Description { root, version, name }))
}

/// Reads a description that has to be usable.
///
/// # Errors
/// As [`read`]. Exit 2: something is so wrong with it that it cannot be worked with; all of that is told.
pub(crate) async fn read_usable(
    input: &Input,
    access: &Access,
    sources: &mut Sources,
) -> anyhow::Result<Description> {
    let mut problems = Vec::new();
    let read = read(input, access, sources, &mut problems).await?;
    usable(read, &problems, sources)
}

/// The description, when nothing is wrong with it.
///
/// # Errors
/// Exit 2: all that is wrong.
pub(crate) fn usable(
    read: Option<Description>,
    problems: &[Problem],
    sources: &Sources,
) -> anyhow::Result<Description> {
    match read {
        Some(description) if problems.is_empty() => Ok(description),
        _ => Err(unusable(problems, sources).into()),
    }
}

/// The version that a description says it has.
fn version(root: &Node) -> Result<Version, Problem> {
    let problem = |at: At, message: String| {
        Problem::new("openapi-version", Severity::Blocker, at, &Pointer::ROOT, message)
    };
    let Some(object) = root.as_object() else {
        let message = format!("a description is an object, not {}", root.kind());
        return Err(problem(root.at, message));
    };
    if let Some(swagger) = object.get("swagger") {
        let message = "Swagger 2.0 is not OpenAPI 3".to_owned();
        return Err(problem(swagger.at, message)
            .help("convert it, as with `npx swagger2openapi`, and keep the result"));
    }
    let Some(openapi) = object.get("openapi") else {
        let message = "this is no OpenAPI description: `openapi` is missing".to_owned();
        return Err(problem(root.at, message).help("write for example `openapi: 3.1.1` on top"));
    };
    match &openapi.value {
        Value::String(text) => Version::of(text).ok_or_else(|| {
            problem(openapi.at, format!("there is no OpenAPI {text}"))
                .help("3.0.x, 3.1.x and 3.2.x are known here")
        }),
        _ => {
            let message = format!("`openapi` is a string, not {}: quote it", openapi.kind());
            Err(problem(openapi.at, message))
        }
    }
}

#[cfg(test)]
mod tests;
