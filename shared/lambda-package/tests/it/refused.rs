//! What cannot become a package, and what is said about it.

use std::error::Error as _;
use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::process::Command;

use lambda_package::{Error, LinkFault, Options};

use super::tree::Tree;

/// What a user reads: the error with its cause, and the advice.
fn told(error: &Error) -> String {
    let cause = error.source().map(|cause| format!(": {cause}")).unwrap_or_default();
    format!("{error}{cause}; {}", error.advice())
}

#[test]
fn a_source_that_is_missing() {
    let tree = Tree::new();
    let error = lambda_package::package(&tree.at("target/app"), &Options::default()).unwrap_err();
    assert!(matches!(error, Error::Missing { .. }));
    let expected =
        format!("{} is missing; build the function before", tree.at("target/app").display());
    assert!(told(&error).starts_with(&expected), "{}", told(&error));
}

#[test]
fn a_folder_without_a_file() {
    for tree in [Tree::new(), Tree::new().folder("a/b"), Tree::new().file(".lambdaignore", "x")] {
        let error = tree.refused(&Options::default());
        assert!(matches!(error, Error::Empty { ignored: false, .. }), "{error:?}");
    }
    let error = Tree::new().file(".lambdaignore", "*").file("a", "").refused(&Options::default());
    assert!(matches!(error, Error::Empty { ignored: true, .. }), "{error:?}");
    assert!(
        told(&error).ends_with("all are left out; let .lambdaignore leave out less"),
        "{}",
        told(&error)
    );
}

#[test]
fn a_line_of_the_ignore_file_that_is_no_pattern() {
    let error =
        Tree::new().file(".lambdaignore", "ok\n[\n").file("a", "").refused(&Options::default());
    assert!(matches!(error, Error::Ignore { .. }), "{error:?}");
    assert!(error.to_string().contains("/.lambdaignore: line 2: bad pattern `[`"), "{error}");
}

#[test]
fn links_that_would_not_lead_anywhere_at_lambda() {
    let cases = [
        ("a/link", "../../other", LinkFault::Outside),
        ("a/link", "/etc/hostname", LinkFault::Outside),
        ("link", "..", LinkFault::Outside),
        ("link", "gone", LinkFault::Broken),
        ("link", "ignored", LinkFault::Broken),
        ("link", "file/below", LinkFault::Broken),
        ("link", "link", LinkFault::Circle),
    ];
    for (path, target, expected) in cases {
        let tree = Tree::new()
            .file(".lambdaignore", "ignored")
            .file("ignored", "")
            .file("file", "")
            .link(path, target);
        let error = tree.refused(&Options::default());
        let Error::Link { fault, .. } = &error else { panic!("{target}: {error:?}") };
        assert_eq!(*fault, expected, "{target}");
        assert!(error.to_string().contains(&format!("{path} to {target} leads")), "{error}");
    }
    // Out of the folder and in again: at Lambda the folder has another name.
    let tree = Tree::new().file("file", "");
    let name = tree.path().file_name().unwrap().to_str().unwrap().to_owned();
    let error = tree.link("link", &format!("../{name}/file")).refused(&Options::default());
    assert!(matches!(error, Error::Link { fault: LinkFault::Outside, .. }), "{error:?}");
}

#[test]
fn links_by_way_of_others_are_kept() {
    let tree = Tree::new()
        .file("lib/v2/code.py", "")
        .link("lib/current", "v2")
        .link("app/lib", "../lib/current")
        .link("app/code.py", "lib/code.py")
        .link("app/all", "lib/../..")
        .link("self", ".");
    assert_eq!(tree.pack().entries().len(), 9);
}

#[test]
fn a_name_that_is_not_utf8() {
    let tree = Tree::new().file("a", "");
    fs::write(tree.path().join(OsStr::from_bytes(b"bad\xff")), "").unwrap();
    let error = tree.refused(&Options::default());
    assert!(
        matches!(&error, Error::Name { path } if path.ends_with(OsStr::from_bytes(b"bad\xff")))
    );
    assert!(told(&error).contains("is not UTF-8; rename it"), "{}", told(&error));
    let alone = tree.path().join(OsStr::from_bytes(b"bad\xff"));
    let error = lambda_package::package(&alone, &Options::default()).unwrap_err();
    assert!(matches!(error, Error::Name { .. }), "{error:?}");
}

#[test]
fn a_named_pipe() {
    let tree = Tree::new().file("a", "");
    assert!(Command::new("mkfifo").arg(tree.at("pipe")).status().unwrap().success());
    for source in [tree.path().to_owned(), tree.at("pipe")] {
        let error = lambda_package::package(&source, &Options::default()).unwrap_err();
        assert!(matches!(&error, Error::Special { path } if path.ends_with("pipe")), "{error:?}");
    }
}

#[test]
fn an_archive_alone() {
    let tree = Tree::new().file("a", "b");
    let zip = tree.at("function.zip");
    fs::copy(tree.pack().path(), &zip).unwrap();
    fs::write(tree.at("empty.zip"), b"PK\x05\x06\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0").unwrap();
    for zip in [zip, tree.at("empty.zip")] {
        let error = lambda_package::package(&zip, &Options::default()).unwrap_err();
        assert!(matches!(error, Error::Archive { .. }), "{error:?}");
    }
}

#[test]
fn more_than_lambda_takes_is_told_before_anything_is_read() {
    let tree = Tree::new().file("small", "x");
    let large = fs::File::create(tree.at("lib/large.bin")).unwrap();
    large.set_len(262_144_000 - 1).unwrap();
    let error = tree.refused(&Options::default());
    assert!(matches!(error, Error::TooLarge { unzipped: 262_144_000, .. }), "{error:?}");
    assert!(error.to_string().contains("largest file is lib/large.bin with 262143999"), "{error}");
}

#[test]
fn the_largest_package_has_room() {
    let tree = Tree::new();
    let large = fs::File::create(tree.at("large.bin")).unwrap();
    large.set_len(262_144_000 - 1).unwrap();
    let package = tree.pack();
    assert_eq!(package.unzipped(), 262_143_999);
    assert!(package.zipped() < 400_000, "{}", package.zipped());
}

#[test]
fn a_scratch_folder_that_is_not_there() {
    let scratch = Path::new("/nonexistent/scratch");
    let options = Options { scratch: Some(scratch), ..Options::default() };
    let error = Tree::new().file("a", "").refused(&options);
    assert!(matches!(&error, Error::Write { path, .. } if path == scratch), "{error:?}");
}
