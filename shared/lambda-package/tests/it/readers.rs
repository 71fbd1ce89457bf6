//! What unzip and Python read back is what was packed.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use lambda_package::{EntryKind, Options, Package};
use proptest::prelude::*;
use sha2::{Digest, Sha256};
use tempfile::TempDir;

use super::tree::{Tree, names, noise, read_by_python, text};

/// What deflates in one piece.
const BLOCK: usize = 256 * 1024;

#[test]
fn unzip_restores_contents_modes_links_and_empty_folders() {
    let tree = Tree::new()
        .with_mode("app/run", "#!/bin/sh\n", 0o700)
        .with_mode("app/data.json", "{}", 0o666)
        .with_mode("bootstrap", "not executable here", 0o600)
        .file("large", text(3 * BLOCK + 1))
        .file("photo", noise(BLOCK + 77))
        .file("caf\u{e9} \u{1f9e9}.txt", "name")
        .file("with space/-dash", "")
        .folder("empty/within")
        .link("app/latest", "data.json")
        .link("top", "app")
        .link("with space/up", "../app/run");
    let folder = unzip(&tree.pack());
    let mut found = Vec::new();
    for (path, mode) in
        [("app/run", 0o755), ("app/data.json", 0o644), ("bootstrap", 0o755), ("large", 0o644)]
    {
        let file = folder.path().join(path);
        assert_eq!(fs::read(&file).unwrap(), fs::read(tree.at(path)).unwrap(), "{path}");
        found.push((path, mode, fs::metadata(&file).unwrap().permissions().mode() & 0o777));
    }
    assert!(found.iter().all(|(_, expected, found)| expected == found), "{found:?}");
    assert_eq!(difference(tree.path(), folder.path()), "");
    assert_eq!(fs::read_link(folder.path().join("top")).unwrap(), Path::new("app"));
    let up = folder.path().join("with space/up");
    assert_eq!(fs::read_link(up).unwrap(), Path::new("../app/run"));
    assert!(folder.path().join("empty/within").is_dir());
    let mode = fs::metadata(folder.path().join("empty")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o755);
}

#[test]
fn files_around_the_size_of_a_block_are_read_back() {
    let sizes = [0, 1, 2, 32_767, 32_769, BLOCK - 1, BLOCK, BLOCK + 1, 2 * BLOCK, 2 * BLOCK + 1];
    for content in [text, noise] {
        let mut tree = Tree::new();
        for size in sizes {
            tree = tree.file(&format!("{size:07}"), content(size));
        }
        let package = tree.pack();
        let listed = read_by_python(package.path());
        for (size, line) in sizes.into_iter().zip(listed) {
            let digest = hex(&Sha256::digest(content(size)));
            assert!(line.ends_with(&format!("{digest} {size:07}")), "{line}");
        }
        assert_eq!(difference(tree.path(), unzip(&package).path()), "");
    }
}

#[test]
fn what_deflating_makes_no_smaller_is_stored_wherever_it_stands() {
    let tree = Tree::new()
        .file("a-text", text(2 * BLOCK))
        .file("b-noise", noise(3 * BLOCK + 5))
        .file("c-text", text(100))
        .file("d-short", "ab")
        .file("e-noise", noise(2 * BLOCK));
    let package = tree.pack();
    let how: Vec<bool> =
        read_by_python(package.path()).iter().map(|line| line.contains("stored")).collect();
    assert_eq!(how, [false, true, false, true, true]);
    assert_eq!(difference(tree.path(), unzip(&package).path()), "");
    let stored = package.entries().iter().find(|entry| entry.path == "e-noise").unwrap();
    assert_eq!((stored.size, stored.compressed), (2 * BLOCK as u64, 2 * BLOCK as u64));
}

#[test]
fn a_large_file_that_is_stored_in_the_end_leaves_nothing_behind_the_end() {
    let size = 20 * BLOCK as u64;
    let package = Tree::new().file("noise", noise(20 * BLOCK)).pack();
    let (local, central, end) = (30 + 5, 46 + 5, 22);
    assert_eq!(package.zipped(), local + size + central + end);
}

#[test]
fn blocks_cost_next_to_nothing() {
    let tree = Tree::new().file("text", text(20 * BLOCK));
    let ours = tree.pack().zipped();
    let zip = TempDir::new().unwrap();
    let file = zip.path().join("peer.zip");
    let done = Command::new("zip").arg("-qr").arg(&file).arg(".").current_dir(tree.path()).status();
    assert!(done.unwrap().success());
    let theirs = fs::metadata(file).unwrap().len();
    assert!(ours * 100 < theirs * 103, "{ours} bytes, and zip makes {theirs}");
}

#[test]
fn the_package_says_what_is_in_it() {
    let tree =
        Tree::new().file("a/b.txt", "0123456789".repeat(10)).program("c", "x").link("d", "a/b.txt");
    let package = tree.pack();
    let kinds: Vec<_> =
        package.entries().iter().map(|it| (&*it.path, it.kind, it.mode, it.size)).collect();
    assert_eq!(
        kinds,
        [
            ("a", EntryKind::Folder, 0o755, 0),
            ("a/b.txt", EntryKind::File, 0o644, 100),
            ("c", EntryKind::File, 0o755, 1),
            ("d", EntryKind::Link, 0o777, 7),
        ]
    );
    assert_eq!(package.unzipped(), 108);
    let bytes = package.bytes().unwrap();
    assert_eq!(package.zipped(), bytes.len() as u64);
    assert_eq!(package.sha256()[..], Sha256::digest(&bytes)[..]);
    assert_eq!(package.code_sha256(), BASE64_STANDARD.encode(Sha256::digest(&bytes)));
    assert!(package.fits_direct_upload());
    let json = serde_json::to_value(&package.entries()[3]).unwrap();
    assert_eq!(json["kind"], "link");
}

#[test]
fn the_temporary_file_lies_where_it_is_asked_for_and_goes_with_the_package() {
    let scratch = TempDir::new().unwrap();
    let options = Options { scratch: Some(scratch.path()), ..Options::default() };
    let package = Tree::new().file("a", "b").package(&options).unwrap();
    assert!(package.path().starts_with(scratch.path()));
    drop(package);
    assert_eq!(fs::read_dir(scratch.path()).unwrap().count(), 0);
}

#[test]
fn the_ignore_file_decides_like_that_of_docker_and_is_left_out_itself() {
    let tree = Tree::new()
        .file(".lambdaignore", "# tests\n**/*_test.py\nnode_modules/*\n!node_modules/kept\n")
        .file("app.py", "")
        .file("app_test.py", "")
        .file("lib/x_test.py", "")
        .file("lib/x.py", "")
        .file("node_modules/dropped/index.js", "")
        .file("node_modules/kept/index.js", "")
        .file(".landfall/image.json", "{}")
        .file("sub/.lambdaignore", "kept: only the one at the top counts");
    let left_out = [Path::new(".landfall")];
    let options = Options { leave_out: &left_out, ..Options::default() };
    let package = tree.package(&options).unwrap();
    let expected = [
        "app.py",
        "lib",
        "lib/x.py",
        "node_modules",
        "node_modules/kept",
        "node_modules/kept/index.js",
        "sub",
        "sub/.lambdaignore",
    ];
    assert_eq!(names(&package), expected);
}

#[test]
fn a_file_alone_keeps_its_name() {
    let tree = Tree::new().file("index.mjs", "export const handler = () => {}");
    let package = lambda_package::package(&tree.at("index.mjs"), &Options::default()).unwrap();
    assert_eq!(names(&package), ["index.mjs"]);
}

/// Paths and what they hold, for both to be made on disk and to be found by Python.
#[derive(Debug, Clone)]
enum Node {
    File(Vec<u8>, bool),
    Link(String),
}

fn node() -> impl Strategy<Value = Node> {
    let size =
        prop_oneof![8 => 0..2000_usize, 1 => BLOCK - 3..BLOCK + 3, 1 => 2 * BLOCK..3 * BLOCK];
    let content = (size, any::<bool>())
        .prop_map(|(size, repeats)| if repeats { text(size) } else { noise(size) });
    (content, any::<bool>()).prop_map(|(content, executable)| Node::File(content, executable))
}

fn nodes() -> impl Strategy<Value = BTreeMap<String, Node>> {
    let path = proptest::collection::vec("[a-cA é.-]{0,3}[a-z]", 1..4).prop_map(|it| it.join("/"));
    let files = proptest::collection::vec((path, node(), any::<bool>()), 1..12);
    files.prop_map(|files| {
        let mut nodes = BTreeMap::<String, Node>::new();
        for (path, node, has_link) in files {
            let clashes = nodes.keys().any(|other| {
                Path::new(other).starts_with(&path) || Path::new(&path).starts_with(other)
            });
            if !clashes {
                let name = path.rsplit('/').next().unwrap_or_default().to_owned();
                if has_link && !nodes.keys().any(|it| it.starts_with(&format!("{path}~"))) {
                    nodes.insert(format!("{path}~"), Node::Link(name));
                }
                nodes.insert(path, node);
            }
        }
        nodes
    })
}

fn planted<'a>(nodes: impl Iterator<Item = (&'a String, &'a Node)>) -> Tree {
    nodes.fold(Tree::new(), |tree, (path, node)| match node {
        Node::File(content, true) => tree.with_mode(path, content, 0o711),
        Node::File(content, false) => tree.with_mode(path, content, 0o640),
        Node::Link(target) => tree.link(path, target),
    })
}

fn expected(nodes: &BTreeMap<String, Node>) -> BTreeMap<String, String> {
    let mut lines = BTreeMap::new();
    for (path, node) in nodes {
        let (mode, content) = match node {
            Node::File(content, true) => ("100755", content.clone()),
            Node::File(content, false) => ("100644", content.clone()),
            Node::Link(target) => ("120777", target.clone().into_bytes()),
        };
        lines.insert(path.clone(), format!("{mode} {}", hex(&Sha256::digest(content))));
        for folder in Path::new(path).ancestors().skip(1).filter(|it| !it.as_os_str().is_empty()) {
            let line = format!("040755 {}", hex(&Sha256::digest("")));
            lines.insert(format!("{}/", folder.display()), line);
        }
    }
    lines
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_tree_is_read_back_as_it_was_and_has_one_hash(nodes in nodes()) {
        let one = planted(nodes.iter());
        let other = planted(nodes.iter().rev());
        let threads = |number| Options { threads: std::num::NonZeroUsize::new(number), ..Options::default() };
        let package = one.package(&threads(1)).unwrap();
        let again = other.package(&threads(7)).unwrap();
        prop_assert_eq!(package.code_sha256(), again.code_sha256());
        let found: BTreeMap<String, String> = read_by_python(package.path())
            .iter()
            .map(|line| {
                let [mode, _, digest, name] = line.splitn(4, ' ').collect::<Vec<_>>()[..] else { panic!("{line}") };
                (name.to_owned(), format!("{mode} {digest}"))
            })
            .collect();
        prop_assert_eq!(found, expected(&nodes));
    }
}

fn unzip(package: &Package) -> TempDir {
    let folder = TempDir::new().unwrap();
    for option in ["-tq", "-q"] {
        let mut unzip = Command::new("unzip");
        unzip.arg(option).arg(package.path()).current_dir(folder.path()).env("LC_ALL", "C.UTF-8");
        let output = unzip.output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    }
    folder
}

/// What `diff` finds different, links not followed.
fn difference(one: &Path, other: &Path) -> String {
    let diff = Command::new("diff").args(["-r", "--no-dereference"]).arg(one).arg(other).output();
    String::from_utf8_lossy(&diff.unwrap().stdout).into_owned()
}

fn hex(digest: &[u8]) -> String {
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}
