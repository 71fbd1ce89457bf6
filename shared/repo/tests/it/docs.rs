use step_testkit::repository;

use crate::{repo, workspace};

#[test]
fn every_step_has_a_manual_page_and_completions() {
    let out = tempfile::tempdir().expect("a folder");
    let said = repo(&repository(), ["docs".as_ref(), out.path().as_os_str()]);
    assert_eq!(said.code, 0, "{}", said.stderr);
    for step in workspace().steps() {
        let name = &step.name;
        for (path, part) in [
            (format!("man/man1/{name}.1"), format!(".TH {name} 1")),
            (format!("completions/bash/{name}"), "complete -F".to_owned()),
            (format!("completions/zsh/_{name}"), format!("#compdef {name}")),
            (format!("completions/fish/{name}.fish"), format!("complete -c {name}")),
        ] {
            let text = std::fs::read_to_string(out.path().join(&path)).expect("a file");
            assert!(text.contains(&part), "{path} has no `{part}`");
        }
    }
}
