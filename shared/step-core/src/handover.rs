//! What one step leaves for the next: small JSON files under `.landfall/`.
//!
//! Files, not variables: they work alike in a GitLab job (as artefacts), under `make` and by hand.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::Context;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::{Exit, Fail, FailContext, output, write_atomically};

/// A file that one step writes and others read.
pub trait Handover: Serialize + DeserializeOwned {
    /// The file's name in the hand-over folder.
    const FILE: &'static str;
    /// The step that writes it.
    const WRITTEN_BY: &'static str;

    /// Writes the file into the default folder.
    ///
    /// # Errors
    /// Names the path.
    fn hand_over(&self) -> anyhow::Result<PathBuf> {
        prepare()?;
        let path = Path::new(FOLDER).join(Self::FILE);
        write_atomically(&path, (serde_json::to_string_pretty(self)? + "\n").as_bytes())?;
        Ok(path)
    }

    /// Removes the file, if it is there: what it says is true no more.
    ///
    /// # Errors
    /// Names the path.
    fn take_back() -> anyhow::Result<()> {
        let path = Path::new(FOLDER).join(Self::FILE);
        match std::fs::remove_file(&path) {
            Err(err) if err.kind() != std::io::ErrorKind::NotFound => {
                Err(err).with_context(|| format!("remove {}", path.display()))
            }
            _ => Ok(()),
        }
    }

    /// Reads what the earlier step left; `None` when it left nothing.
    ///
    /// # Errors
    /// The file is there but is not readable as what it should be.
    fn receive() -> anyhow::Result<Option<Self>> {
        let path = Path::new(FOLDER).join(Self::FILE);
        let text = match std::fs::read_to_string(&path) {
            Ok(text) => text,
            Err(err) if err.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(err) => return Err(err).with_context(|| format!("read {}", path.display())),
        };
        serde_json::from_str(&text).map(Some).or_fail(|| {
            Fail::new(Exit::Invalid, format!("{} is not what was expected", path.display()))
                .help(format!("delete it and run {} again", Self::WRITTEN_BY))
        })
    }
}

/// Makes the folder, and makes sure that files can be written into it: called before the first
/// write of a step, for what is done but cannot be told to the next step is half done. The folder
/// hides itself from git.
///
/// # Errors
/// Exit 2: the folder is not writable.
pub fn prepare() -> anyhow::Result<()> {
    let hidden = Path::new(FOLDER).join(".gitignore");
    write_atomically(&hidden, b"*\n").or_fail(|| {
        Fail::invalid(format!("files for the next step cannot be written into {FOLDER}/"))
            .help("make the folder writable for the user who runs this step")
    })
}

/// The folder of all hand-over files, below the current one.
pub const FOLDER: &str = ".landfall";

/// `stack.json`: the outputs of the stack.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StackOutputs {
    /// Name of the stack.
    pub stack: String,
    /// Output key to value.
    pub outputs: BTreeMap<String, String>,
}

impl Handover for StackOutputs {
    const FILE: &'static str = "stack.json";
    const WRITTEN_BY: &'static str = "deploy-stack";
}

/// `image.json`: the image that was built, on the engine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BuiltImage {
    /// Reference on the engine, `name:tag`.
    pub reference: String,
    /// Image id: the digest of its configuration, `sha256:...`.
    pub id: String,
    /// The revision that it was built from, a commit hash.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub revision: Option<String>,
}

impl Handover for BuiltImage {
    const FILE: &'static str = "image.json";
    const WRITTEN_BY: &'static str = "build-image";
}

/// `pushed.json`: the image as the registry has it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PushedImage {
    /// Environment of landfall.toml whose registry it is.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub env: Option<String>,
    /// `HOST/NAME@sha256:...`: what to deploy. It can never mean anything else.
    pub image: String,
    /// Digest of the manifest, `sha256:...`.
    pub digest: String,
    /// `HOST/NAME`.
    pub repository: String,
    /// The tag that points to the digest.
    pub tag: String,
    /// The revision that it was built from, a commit hash.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub revision: Option<String>,
}

impl PushedImage {
    /// Warns when the image was pushed for another environment than that to which it goes.
    pub fn warn_of_another_environment(&self, here: Option<&str>) {
        if let (Some(there), Some(here)) = (self.env.as_deref(), here)
            && there != here
        {
            output::warn(format!("the image was pushed for {there} and goes to {here}"));
        }
    }
}

impl Handover for PushedImage {
    const FILE: &'static str = "pushed.json";
    const WRITTEN_BY: &'static str = "push-ecr";
}

/// `deployment.json`: what runs now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Deployment {
    /// Environment of landfall.toml.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub env: Option<String>,
    /// ARN of the service.
    pub service: String,
    /// ARN of the task definition.
    pub task_definition: String,
    /// The image that was deployed, by digest.
    pub image: String,
    /// The revision that it was built from, a commit hash.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub revision: Option<String>,
}

impl Handover for Deployment {
    const FILE: &'static str = "deployment.json";
    const WRITTEN_BY: &'static str = "deploy-fargate";
}
