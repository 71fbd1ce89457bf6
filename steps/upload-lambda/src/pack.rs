//! The zip of a function, and what can be told of it before Lambda has it.

use std::path::{Path, PathBuf};

use lambda_package::{Architecture, Options, Package};
use step_core::{Exit, Fail, handover, output, write_atomically_from};

use crate::configuration::{Configuration, Wanted};

/// Packs a folder or a file for a function that is `wanted`, and has what `current` says where that is
/// silent. The zip that is written to `to` is left out.
///
/// # Errors
/// Exit 2: Lambda would not take it, or could not run it.
pub(crate) async fn pack(
    source: &Path,
    wanted: &Wanted,
    current: Option<(&Configuration, &str)>,
    to: Option<&Path>,
) -> anyhow::Result<Package> {
    let custom_runtime = wanted.is_custom_runtime(current.map(|(configuration, _)| configuration));
    let architecture =
        wanted.architecture.as_deref().or(current.map(|(_, architecture)| architecture));
    let architecture = match architecture {
        Some("arm64") => Some(Architecture::Arm64),
        Some("x86_64") => Some(Architecture::X86_64),
        _ => None,
    };
    let owned = PathBuf::from(source);
    let zip = to.and_then(|to| within(source, to));
    let work = tokio::task::spawn_blocking(move || {
        let left_out: Vec<&Path> =
            zip.as_deref().into_iter().chain([Path::new(handover::FOLDER)]).collect();
        let options =
            Options { architecture, custom_runtime, leave_out: &left_out, ..Options::default() };
        lambda_package::package(&owned, &options)
    });
    let what = format!("pack {}", source.display());
    let package = output::alive(&what, work).await?.map_err(|err| fail(&err))?;
    if let Some(handler) = handler(wanted, current.map(|(configuration, _)| configuration)) {
        check_handler(source, &package, handler)?;
    }
    Ok(package)
}

/// Writes a zip to where it was asked for.
///
/// # Errors
/// As those of [`step_core::write_atomically`].
pub(crate) fn save(package: &Package, to: &Path) -> anyhow::Result<()> {
    if to.starts_with(handover::FOLDER) {
        handover::prepare()?;
    }
    write_atomically_from(to, package.reader()?)
}

/// What the packager says, as this step ends.
fn fail(err: &lambda_package::Error) -> Fail {
    let exit = match err {
        lambda_package::Error::Write { .. } => Exit::Failed,
        _ => Exit::Invalid,
    };
    let cause = std::error::Error::source(err).map(|cause| format!(": {cause}"));
    Fail::new(exit, format!("{err}{}", cause.unwrap_or_default())).help(err.advice())
}

/// Where a zip lies in the folder that is packed into it, if it does.
fn within(source: &Path, zip: &Path) -> Option<PathBuf> {
    let folder = match zip.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    let zip = folder.canonicalize().ok()?.join(zip.file_name()?);
    zip.strip_prefix(source.canonicalize().ok()?).ok().map(Path::to_owned)
}

/// Runtime and handler of an interpreted language.
fn handler<'a>(
    wanted: &'a Wanted,
    current: Option<&'a Configuration>,
) -> Option<(&'static [&'static str], &'a str)> {
    let runtime = wanted.runtime.as_ref().or_else(|| current?.runtime.as_ref())?;
    let handler = wanted.handler.as_ref().or_else(|| current?.handler.as_ref())?;
    let endings: &[&str] = if runtime.starts_with("python") {
        &[".py", ".so", "/__init__.py", ".pyc"]
    } else if runtime.starts_with("nodejs") {
        &[".js", ".mjs", ".cjs", "/index.js", "/index.mjs", "/index.cjs", ".ts", ".mts"]
    } else if runtime.starts_with("ruby") {
        &[".rb"]
    } else {
        return None;
    };
    Some((endings, handler))
}

/// Lambda takes a handler that is not there, and fails at the first invocation. `app.handler` is what
/// `handler` names in `app.py`; only the file can be looked for.
fn check_handler(
    source: &Path,
    package: &Package,
    (endings, handler): (&[&str], &str),
) -> Result<(), Fail> {
    let module = handler.rsplit_once('.').map(|(module, _)| module);
    let Some(module) = module.filter(|module| !module.is_empty()) else {
        return Err(Fail::invalid(format!("the handler `{handler}` names no file"))
            .help("write it as FILE.FUNCTION, for example app.handler for handler in app.py"));
    };
    // A handler of a layer is named by its whole path.
    if module.starts_with('/') {
        return Ok(());
    }
    // Python's modules may be separated by dots.
    let stems = [module.to_owned(), module.replace('.', "/")];
    let is_it = |path: &str| {
        stems.iter().any(|stem| {
            let rest = path.strip_prefix(stem.as_str());
            rest.is_some_and(|rest| endings.iter().any(|ending| is_ending(rest, ending)))
        })
    };
    if package.entries().iter().any(|entry| is_it(&entry.path)) {
        return Ok(());
    }
    let top: Vec<&str> = package
        .entries()
        .iter()
        .map(|entry| entry.path.as_str())
        .filter(|path| !path.contains('/'))
        .take(8)
        .collect();
    let message = format!(
        "the handler `{handler}` is not in {}: there is no {module}{}",
        source.display(),
        endings[0]
    );
    Err(Fail::invalid(message).help(format!("at its top are: {}", top.join(", "))))
}

/// `.so` may have the name of a platform before it: `app.cpython-312-x86_64-linux-gnu.so`.
fn is_ending(rest: &str, ending: &str) -> bool {
    rest == ending || ending == ".so" && rest.starts_with('.') && rest.ends_with(ending)
}
