//! The same content makes the same bytes, whatever else differs.

use std::fs;
use std::io::Write;
use std::num::NonZeroUsize;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, UNIX_EPOCH};

use lambda_package::Options;
use tempfile::TempDir;

use super::tree::{Tree, noise, text};

/// Sizes of one block, of several, and many small ones that threads finish out of order.
fn files() -> Vec<(String, Vec<u8>)> {
    let mut files = vec![
        ("large/text".to_owned(), text(2_000_000)),
        ("large/noise".to_owned(), noise(900_000)),
        ("large/both".to_owned(), [text(500_000), noise(300_000), text(700_000)].concat()),
        ("\u{e9}clair".to_owned(), text(10)),
        ("I".to_owned(), text(11)),
        ("i".to_owned(), text(12)),
    ];
    files.extend((0..200).map(|number| (format!("small/{number}"), text(number * 37))));
    files
}

fn planted(files: &[(String, Vec<u8>)]) -> Tree {
    let tree = files.iter().fold(Tree::new(), |tree, (path, content)| tree.file(path, content));
    tree.program("run", "#!/bin/sh\n").link("link", "large/text").folder("empty")
}

fn hash(tree: &Tree, threads: usize) -> String {
    let options = Options { threads: NonZeroUsize::new(threads), ..Options::default() };
    tree.package(&options).unwrap().code_sha256().to_owned()
}

/// Any change of this is one that makes every function look changed: a reason to say so in the changelog.
#[test]
fn the_bytes_are_those_of_every_machine_and_release() {
    assert_eq!(hash(&planted(&files()), 2), "PXYYWtVTYRvOvsrmGMUAn70uPOw1ENlwL5ngBELmDjo=");
}

#[test]
fn the_number_of_threads_does_not_matter() {
    let tree = planted(&files());
    let one = hash(&tree, 1);
    for threads in [2, 2, 3, 7, 16] {
        assert_eq!(hash(&tree, threads), one, "{threads} threads");
    }
}

#[test]
fn the_order_in_which_files_were_made_does_not_matter() {
    let mut files = files();
    let one = hash(&planted(&files), 2);
    files.reverse();
    assert_eq!(hash(&planted(&files), 2), one);
    fastrand::Rng::with_seed(1).shuffle(&mut files);
    assert_eq!(hash(&planted(&files), 2), one);
}

#[test]
fn times_and_all_modes_but_the_owners_right_to_execute_do_not_matter() {
    let tree = planted(&files());
    let one = hash(&tree, 2);
    for (path, mode) in [("run", 0o700), ("I", 0o666), ("small/7", 0o655), ("empty", 0o700)] {
        let path = tree.at(path);
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        let time = UNIX_EPOCH + Duration::from_secs(1_234_567_891);
        fs::File::open(&path).unwrap().set_modified(time).unwrap();
    }
    assert_eq!(hash(&tree, 2), one);
    fs::set_permissions(tree.at("I"), fs::Permissions::from_mode(0o744)).unwrap();
    assert_ne!(hash(&tree, 2), one);
}

#[test]
fn what_the_folder_is_called_and_that_it_is_a_link_does_not_matter() {
    let tree = Tree::new().file("app/a", "1").link("other", "app");
    let pack = |path| lambda_package::package(&tree.at(path), &Options::default()).unwrap();
    assert_eq!(pack("app").code_sha256(), pack("other").code_sha256());
}

#[test]
fn any_change_of_content_changes_the_hash() {
    let one = hash(&planted(&files()), 2);
    for change in [
        planted(&files()).file("small/5", text(5 * 37 + 1)),
        planted(&files()).file("new", ""),
        planted(&files()).folder("new"),
        planted(&files()).link("new", "I"),
    ] {
        assert_ne!(hash(&change, 2), one);
    }
}

/// What the next test runs in processes of its own; by itself it packs the sources.
#[test]
fn the_folder_src_where_the_process_works_is_packed() {
    let package = lambda_package::package(Path::new("src"), &Options::default()).unwrap();
    assert!(!package.entries().is_empty());
    writeln!(std::io::stdout(), "CodeSha256={}", package.code_sha256()).unwrap();
}

#[test]
fn umask_locale_and_time_zone_do_not_matter() {
    let machine = |umask: &str, locale: &str, zone: &str| {
        let folder = TempDir::new().unwrap();
        let files = folder.path().join("files");
        for (path, content) in files_to_copy() {
            let path = files.join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, content).unwrap();
        }
        // cp makes files as the umask lets it.
        let script = format!(
            "umask {umask} && cp -r files src && exec \"$0\" --exact --nocapture \
             same_bytes::the_folder_src_where_the_process_works_is_packed"
        );
        let mut shell = Command::new("sh");
        shell
            .args(["-c", &script])
            .arg(std::env::current_exe().unwrap())
            .current_dir(folder.path());
        shell.env("LC_ALL", locale).env("TZ", zone).env("TMPDIR", folder.path());
        let output = shell.output().unwrap();
        let said = String::from_utf8(output.stdout).unwrap();
        let hash = said.lines().find_map(|line| line.split_once("CodeSha256=")).map(|it| it.1);
        hash.unwrap_or_else(|| panic!("{said}")).to_owned()
    };
    let one = machine("022", "C", "UTC");
    assert_eq!(machine("077", "tr_TR.UTF-8", "Asia/Kathmandu"), one);
    assert_eq!(machine("000", "C.UTF-8", "America/St_Johns"), one);
}

fn files_to_copy() -> Vec<(String, Vec<u8>)> {
    files().into_iter().take(30).collect()
}
