//! Folders to pack, and what Python's zipfile finds in the zip.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

use lambda_package::{Error, Options, Package};
use tempfile::TempDir;

/// A folder that is filled.
pub(crate) struct Tree {
    folder: TempDir,
}

impl Tree {
    pub(crate) fn new() -> Self {
        Self { folder: TempDir::new().unwrap() }
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn at(&self, path: &str) -> PathBuf {
        let path = self.folder.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        path
    }

    pub(crate) fn file(self, path: &str, content: impl AsRef<[u8]>) -> Self {
        self.with_mode(path, content, 0o644)
    }

    pub(crate) fn program(self, path: &str, content: impl AsRef<[u8]>) -> Self {
        self.with_mode(path, content, 0o755)
    }

    pub(crate) fn with_mode(self, path: &str, content: impl AsRef<[u8]>, mode: u32) -> Self {
        let file = self.at(path);
        fs::write(&file, content).unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(mode)).unwrap();
        self
    }

    pub(crate) fn folder(self, path: &str) -> Self {
        fs::create_dir_all(self.at(path)).unwrap();
        self
    }

    pub(crate) fn link(self, path: &str, target: &str) -> Self {
        symlink(target, self.at(path)).unwrap();
        self
    }

    pub(crate) fn pack(&self) -> Package {
        self.package(&Options::default()).unwrap()
    }

    pub(crate) fn package(&self, options: &Options) -> Result<Package, Error> {
        lambda_package::package(self.path(), options)
    }

    pub(crate) fn refused(&self, options: &Options) -> Error {
        self.package(options).unwrap_err()
    }
}

/// The names in a package.
pub(crate) fn names(package: &Package) -> Vec<&str> {
    package.entries().iter().map(|entry| entry.path.as_str()).collect()
}

/// What Python finds: for each entry its mode with the kind, whether it is deflated, its name, and the SHA-256 of
/// its content. Python checks every CRC-32.
pub(crate) fn read_by_python(zip: &Path) -> Vec<String> {
    const SCRIPT: &str = "
import hashlib, sys, zipfile
with zipfile.ZipFile(sys.argv[1]) as archive:
    assert archive.testzip() is None
    for info in archive.infolist():
        assert info.date_time == (1980, 1, 1, 0, 0, 0), info.date_time
        assert info.create_system == 3 and not info.extra and not info.comment
        content = archive.read(info)
        assert len(content) == info.file_size
        how = {0: 'stored', 8: 'deflated'}[info.compress_type]
        digest = hashlib.sha256(content).hexdigest()
        print(f'{info.external_attr >> 16:06o} {how} {digest} {info.filename}')
";
    let mut python = Command::new("python3");
    let output = python.args(["-c", SCRIPT]).arg(zip).env("PYTHONUTF8", "1").output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().lines().map(str::to_owned).collect()
}

/// Bytes that no compressor makes smaller, the same each time.
pub(crate) fn noise(length: usize) -> Vec<u8> {
    let mut random = fastrand::Rng::with_seed(7);
    std::iter::repeat_with(|| random.u8(..)).take(length).collect()
}

/// Text that repeats itself near and far, and not quite.
pub(crate) fn text(length: usize) -> Vec<u8> {
    let words =
        ["handler", "event", "return", "{\"statusCode\": 200}", "\n", "\u{e9}", "import ", "   "];
    let mut random = fastrand::Rng::with_seed(11);
    let mut text = Vec::new();
    while text.len() < length {
        text.extend(words[random.usize(..words.len())].as_bytes());
        if random.u8(..) < 20 {
            text.push(random.u8(..));
        }
    }
    text.truncate(length);
    text
}
