//! The build context: the files that Docker would send, as a stream.

use std::fs::File;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use bytes::Bytes;
use dockerignore::{Entry, Patterns};
use step_core::Fail;
use tar::{EntryType, Header};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;

use crate::shown;

/// A folder with a Dockerfile, not yet read.
#[derive(Debug)]
pub(crate) struct Context {
    folder: PathBuf,
    dockerfile: PathBuf,
}

impl Context {
    /// Takes a folder and the path of its Dockerfile (`FOLDER/Dockerfile` when none is named).
    ///
    /// # Errors
    /// Exit 2: one of them does not exist, or the Dockerfile lies outside of the folder.
    pub(crate) fn open(folder: &Path, dockerfile: Option<&Path>) -> anyhow::Result<Self> {
        if !folder.is_dir() {
            return Err(Fail::invalid(format!("the context {} is not a folder", shown(folder)))
                .help("name the folder to send to the builder: build-image CONTEXT")
                .into());
        }
        let dockerfile = dockerfile.map_or_else(|| folder.join("Dockerfile"), Path::to_owned);
        if !dockerfile.is_file() {
            return Err(Fail::invalid(format!("there is no {}", shown(&dockerfile)))
                .help("write one, or name it with --file or `file` in [defaults.build-image]")
                .into());
        }
        let context = Self { folder: folder.to_owned(), dockerfile };
        context.dockerfile_name()?;
        Ok(context)
    }

    /// The path of the Dockerfile.
    pub(crate) fn dockerfile(&self) -> &Path {
        self.dockerfile.strip_prefix("./").unwrap_or(&self.dockerfile)
    }

    /// The Dockerfile's path in the context, as the builder knows it.
    pub(crate) fn dockerfile_name(&self) -> anyhow::Result<String> {
        let folder = self.folder.canonicalize()?;
        let file = self.dockerfile.canonicalize()?;
        let inside = file.strip_prefix(&folder).ok().and_then(Path::to_str);
        Ok(inside.map(str::to_owned).ok_or_else(|| {
            Fail::invalid(format!("{} is outside of the context", shown(&self.dockerfile)))
                .help("move it into the context, or name a folder that holds both as the context")
        })?)
    }

    /// The files to send, in the order of their paths. Dockerfile and ignore file always travel, the
    /// steps' own hand-over folder never does.
    ///
    /// # Errors
    /// Exit 2: a line of the ignore file is wrong. Exit 1: a file cannot be read.
    pub(crate) fn files(&self) -> anyhow::Result<Files> {
        let ignore_file = dockerignore::ignore_file_for(&self.folder, &self.dockerfile);
        let patterns = match &ignore_file {
            None => Patterns::default(),
            Some(path) => {
                let text = std::fs::read_to_string(path)
                    .with_context(|| format!("read {}", shown(path)))?;
                Patterns::parse(&text).map_err(|err| {
                    Fail::invalid(format!(
                        "{}:{}: bad pattern `{}`: {}",
                        shown(path),
                        err.line,
                        err.pattern,
                        err.reason
                    ))
                })?
            }
        };
        let name = self.dockerfile_name()?;
        let mut always = vec![Path::new(&name)];
        let ignored_by =
            ignore_file.as_deref().and_then(|path| path.strip_prefix(&self.folder).ok());
        always.extend(ignored_by);
        let entries = dockerignore::walk(&self.folder, &patterns, &always);
        let entries =
            entries.with_context(|| format!("read the context {}", shown(&self.folder)))?;
        Ok(Files(entries.into_iter().filter(|entry| !is_handover(&entry.path)).collect()))
    }
}

/// What the steps leave for each other changes with every run: in an image it would be of no use,
/// and no `COPY . .` would ever be unchanged.
fn is_handover(path: &str) -> bool {
    Path::new(path).starts_with(step_core::handover::FOLDER)
}

/// The files of a context.
#[derive(Debug)]
pub(crate) struct Files(Vec<Entry>);

impl Files {
    /// How many files and links there are.
    pub(crate) fn count(&self) -> usize {
        self.0.iter().filter(|entry| !entry.metadata.is_dir()).count()
    }

    /// Their size.
    pub(crate) fn bytes(&self) -> u64 {
        self.0
            .iter()
            .filter(|entry| entry.metadata.is_file())
            .map(|entry| entry.metadata.len())
            .sum()
    }

    /// Starts to write them as a tar archive; the stream ends with an error if a file cannot be
    /// read. At most a few chunks wait in memory for the engine.
    pub(crate) fn stream(self) -> ReceiverStream<io::Result<Bytes>> {
        let (sender, receiver) = mpsc::channel(CHUNKS_WAITING);
        tokio::task::spawn_blocking(move || {
            let chunks = Chunks { sender: sender.clone(), buffer: Vec::with_capacity(CHUNK) };
            if let Err(err) = write_archive(&self.0, chunks) {
                // Nobody listens any more: the build has failed, and says so itself.
                let _gone = sender.blocking_send(Err(err));
            }
        });
        ReceiverStream::new(receiver)
    }
}

const CHUNK: usize = 256 * 1024;
const CHUNKS_WAITING: usize = 8;

fn write_archive(entries: &[Entry], chunks: Chunks) -> io::Result<()> {
    let mut archive = tar::Builder::new(chunks);
    for entry in entries {
        append(&mut archive, entry).map_err(|err| {
            io::Error::new(err.kind(), format!("{}: {err}", shown(&entry.source)))
        })?;
    }
    archive.into_inner()?.flush()
}

/// Times and modes stay as they are (web servers build their ETags from them); owners do not: the
/// builder makes everything root's.
fn append(archive: &mut tar::Builder<Chunks>, entry: &Entry) -> io::Result<()> {
    let mut header = Header::new_gnu();
    header.set_metadata(&entry.metadata);
    header.set_uid(0);
    header.set_gid(0);
    if entry.metadata.is_symlink() {
        header.set_entry_type(EntryType::Symlink);
        header.set_size(0);
        return archive.append_link(&mut header, &entry.path, std::fs::read_link(&entry.source)?);
    }
    if !entry.metadata.is_file() {
        return archive.append_data(&mut header, &entry.path, io::empty());
    }
    let file = File::open(&entry.source)?;
    let size = file.metadata()?.len();
    header.set_size(size);
    let mut content = Exactly { file: file.take(size), missing: size };
    archive.append_data(&mut header, &entry.path, &mut content)?;
    if content.missing > 0 {
        return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "it shrank while it was read"));
    }
    Ok(())
}

/// Counts what is read: an archive whose header lies about a size is a broken one.
struct Exactly {
    file: io::Take<File>,
    missing: u64,
}

impl Read for Exactly {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.file.read(buffer)?;
        self.missing -= read as u64;
        Ok(read)
    }
}

/// Hands what is written to the stream in pieces of a useful size.
struct Chunks {
    sender: mpsc::Sender<io::Result<Bytes>>,
    buffer: Vec<u8>,
}

impl Write for Chunks {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.buffer.extend_from_slice(bytes);
        if self.buffer.len() >= CHUNK {
            self.flush()?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        let chunk = std::mem::replace(&mut self.buffer, Vec::with_capacity(CHUNK));
        self.sender
            .blocking_send(Ok(chunk.into()))
            .map_err(|_| io::Error::from(io::ErrorKind::BrokenPipe))
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt, symlink};

    use futures_util::TryStreamExt;

    use super::*;

    fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for (name, content) in files {
            let path = folder.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, content).unwrap();
        }
        folder
    }

    #[tokio::test]
    async fn the_archive_holds_what_the_ignore_file_leaves() {
        let folder = folder(&[
            ("Dockerfile", "FROM scratch"),
            (".dockerignore", "*\n!app\n"),
            ("app/run.sh", "#!/bin/sh"),
            ("target/big", "x"),
        ]);
        let script = folder.path().join("app/run.sh");
        std::fs::set_permissions(&script, std::fs::Permissions::from_mode(0o755)).unwrap();
        symlink("run.sh", folder.path().join("app/link")).unwrap();

        let files = Context::open(folder.path(), None).unwrap().files().unwrap();
        assert_eq!(files.count(), 4);
        let chunks: Vec<Bytes> = files.stream().try_collect().await.unwrap();
        let bytes = chunks.concat();
        let mut archive = tar::Archive::new(bytes.as_slice());
        let mut found = Vec::new();
        for entry in archive.entries().unwrap() {
            let entry = entry.unwrap();
            assert_eq!((entry.header().uid().unwrap(), entry.header().gid().unwrap()), (0, 0));
            let path = entry.path().unwrap().to_string_lossy().into_owned();
            found.push(format!(
                "{} {:o}",
                path.trim_end_matches('/'),
                entry.header().mode().unwrap() & 0o777
            ));
        }
        assert_eq!(
            found,
            [".dockerignore 644", "Dockerfile 644", "app 755", "app/link 777", "app/run.sh 755"]
        );
    }

    #[test]
    fn a_missing_dockerfile_is_named() {
        let folder = folder(&[]);
        let err = Context::open(folder.path(), None).unwrap_err();
        assert!(err.to_string().ends_with("/Dockerfile"), "{err}");
        assert_eq!(Fail::of(&err).unwrap().exit(), step_core::Exit::Invalid);
    }

    #[test]
    fn a_dockerfile_outside_of_the_context_is_refused() {
        let folder = folder(&[("Dockerfile", "FROM scratch"), ("app/x", "")]);
        let context = folder.path().join("app");
        let err = Context::open(&context, Some(&folder.path().join("Dockerfile"))).unwrap_err();
        assert!(err.to_string().ends_with("outside of the context"));
    }

    #[test]
    fn a_bad_pattern_is_shown_with_file_and_line() {
        let folder = folder(&[("Dockerfile", ""), (".dockerignore", "ok\n[a-\n")]);
        let err = Context::open(folder.path(), None).unwrap().files().unwrap_err();
        assert!(err.to_string().contains(".dockerignore:2: bad pattern `[a-`"), "{err}");
    }
}
