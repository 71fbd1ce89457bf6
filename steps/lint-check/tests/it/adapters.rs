//! The linters themselves, as the testbed installs them: each is silent about a good file, finds what is
//! wrong in a bad one and where, mends what it can, and says itself what is wrong with its configuration.

use std::path::Path;
use std::process::Command;

use step_testkit::{Project, program};

/// A linter, and files for it.
#[derive(Default)]
struct Case {
    linter: &'static str,
    /// Its configuration, and what else has to be there.
    beside: &'static [(&'static str, &'static str)],
    path: &'static str,
    good: &'static str,
    bad: &'static str,
    /// Line and rule of what it finds in the bad file.
    found: &'static [(u64, &'static str)],
    /// What the bad file is like when it has been mended; empty when it cannot be.
    mended: &'static str,
}

impl Case {
    #[track_caller]
    fn check(&self) {
        let project = repository(self.beside).with_file(self.path, self.good);
        commit(&project);
        assert_eq!(self.findings(&project, &[]), [], "in the good file");
        project.write(self.path, self.bad);
        commit(&project);
        let found = self.findings(&project, &[]);
        let found: Vec<(u64, &str)> =
            found.iter().map(|(line, rule)| (*line, rule.as_str())).collect();
        assert_eq!(found, self.found, "in the bad file");
        if !self.mended.is_empty() {
            self.findings(&project, &["--fix"]);
            assert_eq!(project.read(self.path), self.mended);
        }
    }

    #[track_caller]
    fn findings(&self, project: &Project, args: &[&str]) -> Vec<(u64, String)> {
        let mut all = vec!["--all", "--only", self.linter, "--output", "json"];
        all.extend(args);
        let ran = project.run("lint-check", &all);
        assert!(matches!(ran.code, Some(0 | 3)), "{}\n{}", ran.stdout, ran.stderr);
        let report = ran.json();
        let linters = report["report"]["linters"].as_array().expect("linters");
        let names: Vec<&str> = linters.iter().filter_map(|it| it["name"].as_str()).collect();
        assert_eq!(names, [self.linter], "{}", ran.stderr);
        let findings = report["report"]["findings"].as_array().expect("findings");
        let found = |it: &serde_json::Value| {
            assert_eq!(it["path"], self.path, "{it}");
            let rule = it["rule"].as_str().expect("a rule");
            let rule = rule.strip_prefix(&format!("{}/", self.linter)).unwrap_or(rule);
            (it["line"].as_u64().expect("a line"), rule.to_owned())
        };
        findings.iter().map(found).collect()
    }
}

/// A repository with files, and with the linters of the testbed and of the toolchain.
fn repository(files: &[(&str, &str)]) -> Project {
    let mut project = Project::new().with_linters();
    for (path, text) in files {
        project.write(path, text);
    }
    // What programs keep in the home folder, which is the same.
    project.write(".gitignore", ".*/\ntarget/\n!.gitlab/\n");
    git(&project, &["init", "--quiet"]);
    let path = [toolchain(), steps()].map(|it| it.display().to_string()).join(":");
    let others = project.command("lint-check");
    let others = others.get_envs().find_map(|(name, value)| (name == "PATH").then_some(value?));
    let others = others.and_then(|it| it.to_str()).expect("PATH").to_owned();
    project.set_env("PATH", &format!("{path}:{others}"));
    project
}

/// Where cargo is, and rustfmt and clippy beside it: without a home folder rustup finds none.
fn toolchain() -> &'static Path {
    Path::new(env!("CARGO")).parent().expect("a folder")
}

/// Where the steps are that check something themselves.
fn steps() -> &'static Path {
    Box::leak(program("lint-check").into_boxed_path()).parent().expect("a folder")
}

fn commit(project: &Project) {
    git(project, &["add", "--all"]);
    git(project, &["commit", "--quiet", "--allow-empty", "--message", "all"]);
}

fn git(project: &Project, args: &[&str]) {
    let who = ["-c", "user.name=A", "-c", "user.email=a@example.com"];
    let status = Command::new("git").args(who).args(args).current_dir(project.path("")).status();
    assert!(status.expect("git").success(), "git {args:?}");
}

#[test]
fn ruff_finds_an_unused_import_and_removes_it() {
    Case {
        linter: "ruff",
        path: "src/a b.py",
        good: "print(1)\n",
        bad: "import os\n\nprint(1)\nif True:\n    print(name)\n",
        found: &[(1, "F401"), (5, "F821")],
        mended: "\nprint(1)\nif True:\n    print(name)\n",
        ..Case::default()
    }
    .check();
}

#[test]
fn ruff_formats_where_it_is_configured() {
    Case {
        linter: "ruff-format",
        beside: &[(
            "pyproject.toml",
            "[project]\nname = \"a\"\n\n[tool.ruff]\nline-length = 100\n",
        )],
        path: "a.py",
        good: "x = 1\n",
        bad: "x = 1\ny=2\n",
        found: &[(2, "unformatted")],
        mended: "x = 1\ny = 2\n",
    }
    .check();
}

#[test]
fn python_that_cannot_be_parsed_is_found() {
    Case {
        linter: "ruff",
        path: "a.py",
        good: "x = 1\n",
        bad: "x = 1\ndef f(:\n    pass\n",
        found: &[(2, "invalid-syntax"), (2, "invalid-syntax")],
        ..Case::default()
    }
    .check();
}

#[test]
fn shellcheck_finds_what_is_not_quoted() {
    Case {
        linter: "shellcheck",
        path: "run.sh",
        good: "#!/bin/sh\necho \"$1\"\n",
        bad: "#!/bin/sh\necho $1\ncd /tmp\n",
        found: &[(2, "SC2086"), (3, "SC2164")],
        ..Case::default()
    }
    .check();
}

#[test]
fn hadolint_finds_an_image_without_a_tag_and_what_is_no_instruction() {
    Case {
        linter: "hadolint",
        // It is no Dockerfile, though its name begins like one.
        beside: &[("Dockerfile.dockerignore", "target\n")],
        path: "images/Dockerfile",
        good: "FROM debian:12\nCOPY a /b\n",
        bad: "FROM debian\nCOPY a /b\nWORKDIR app\n",
        found: &[(1, "DL3006"), (3, "DL3000")],
        ..Case::default()
    }
    .check();
}

#[test]
fn yamllint_without_a_configuration_finds_a_key_that_is_there_twice_and_no_long_line() {
    Case {
        linter: "yamllint",
        path: "a.yml",
        good: "a: a very long line a very long line a very long line a very long line a very long line a very \
               long line\n",
        bad: "a: 1\nb: 2\na: 3\n",
        found: &[(3, "key-duplicates")],
        ..Case::default()
    }
    .check();
}

#[test]
fn yamllint_heeds_its_configuration() {
    Case {
        linter: "yamllint",
        beside: &[(".yamllint", "rules: {document-start: enable}\n")],
        path: "a.yml",
        good: "---\na: 1\na: 2\n",
        bad: "a: 1\n",
        found: &[(1, "document-start")],
        ..Case::default()
    }
    .check();
}

#[test]
fn sqlfluff_finds_a_keyword_of_another_case_and_mends_it() {
    Case {
        linter: "sqlfluff",
        beside: &[("setup.cfg", "[sqlfluff]\ndialect = postgres\n")],
        path: "a.sql",
        good: "SELECT a FROM t\n",
        bad: "SELECT a\nfrom t\n",
        found: &[(2, "CP01")],
        mended: "SELECT a\nFROM t\n",
    }
    .check();
}

#[test]
fn cfn_lint_finds_a_property_that_there_is_not_and_looks_at_templates_alone() {
    Case {
        linter: "cfn-lint",
        beside: &[("compose.yml", "services: {}\n")],
        path: "infra.yml",
        good: "AWSTemplateFormatVersion: \"2010-09-09\"\nResources:\n  Bucket:\n    Type: AWS::S3::Bucket\n",
        bad: "AWSTemplateFormatVersion: \"2010-09-09\"\nResources:\n  Bucket:\n    Type: AWS::S3::Bucket\n    \
              Properties:\n      BucketNam: x\n",
        found: &[(6, "E3002")],
        ..Case::default()
    }
    .check();
}

#[test]
fn gitlab_ci_finds_what_is_not_in_the_schema_and_its_line() {
    Case {
        linter: "gitlab-ci",
        path: ".gitlab-ci.yml",
        good: "a: &a\n  script: [make]\nbuild:\n  script: [make, !reference [.b, script]]\n.b:\n  script: [x]\n",
        bad: "build:\n  script: [make]\ntest:\n  script: [make]\n  when: sometimes\n",
        found: &[(5, "schema")],
        ..Case::default()
    }
    .check();
}

#[test]
fn typos_finds_a_misspelt_word_and_mends_it() {
    Case {
        linter: "typos",
        path: "a.txt",
        good: "this is the text\n",
        bad: "this is\nteh text\n",
        found: &[(2, "typo")],
        mended: "this is\nthe text\n",
        ..Case::default()
    }
    .check();
}

#[test]
fn eslint_finds_what_its_configuration_says_and_mends_it() {
    Case {
        linter: "eslint",
        beside: &[(
            "eslint.config.mjs",
            "export default [{ files: [\"**/*.js\"], rules: { \"no-var\": \"warn\", eqeqeq: \"error\" } }];\n",
        )],
        path: "src/a.js",
        good: "let x = 1;\n",
        bad: "var x = 1;\nif (x == 1) x++;\n",
        found: &[(1, "no-var"), (2, "eqeqeq")],
        mended: "let x = 1;\nif (x == 1) x++;\n",
    }
    .check();
}

#[test]
fn biome_finds_mistakes_and_layout_and_mends_the_layout() {
    Case {
        linter: "biome",
        beside: &[("biome.json", "{}\n")],
        path: "src/a.js",
        good: "export const a = 1;\n",
        bad: "export const a = (b) => {\n\tdebugger; return b == 1 }\n",
        found: &[(1, "format"), (2, "suspicious/noDebugger"), (2, "suspicious/noDoubleEquals")],
        mended: "export const a = (b) => {\n\tdebugger;\n\treturn b == 1;\n};\n",
    }
    .check();
}

#[test]
fn prettier_finds_a_file_that_it_would_write_otherwise_and_writes_it() {
    Case {
        linter: "prettier",
        beside: &[("package.json", "{\n  \"prettier\": {\n    \"semi\": false\n  }\n}\n")],
        path: "src/a.js",
        good: "let x = 1\n",
        bad: "let x=1;\n",
        found: &[(1, "format")],
        mended: "let x = 1\n",
    }
    .check();
}

#[test]
fn prettier_finds_what_it_cannot_parse() {
    Case {
        linter: "prettier",
        beside: &[(".prettierrc", "{}\n")],
        path: "src/a.js",
        good: "let x = 1;\n",
        bad: "let x = 1;\nlet = ;;(\n",
        found: &[(2, "syntax")],
        ..Case::default()
    }
    .check();
}

#[test]
fn markdownlint_finds_a_heading_without_a_space_and_mends_it() {
    Case {
        linter: "markdownlint",
        beside: &[(".markdownlint.json", "{}\n")],
        path: "a.md",
        good: "# A\n\ntext\n",
        bad: "# A\n\n##B\n\ntext\n",
        found: &[(3, "MD018")],
        mended: "# A\n\n## B\n\ntext\n",
    }
    .check();
}

#[test]
fn more_findings_of_markdownlint_than_fit_into_a_pipe_are_all_told() {
    let text = format!("# A\n\n{}", "text  text  \n#B\n".repeat(2000));
    let project = repository(&[(".markdownlint.json", "{}\n"), ("a.md", &text)]);
    commit(&project);
    let case = Case { linter: "markdownlint", path: "a.md", ..Case::default() };
    let found = case.findings(&project, &[]);
    assert_eq!(found.iter().filter(|(_, rule)| rule == "MD018").count(), 2000);
}

const CARGO: (&str, &str) =
    ("rs/Cargo.toml", "[package]\nname = \"a\"\nversion = \"0.1.0\"\nedition = \"2024\"\n");
const CARGO_LOCK: (&str, &str) =
    ("rs/Cargo.lock", "version = 4\n\n[[package]]\nname = \"a\"\nversion = \"0.1.0\"\n");

#[test]
fn rustfmt_finds_the_line_that_it_would_write_otherwise_and_writes_it() {
    Case {
        linter: "rustfmt",
        beside: &[CARGO],
        path: "rs/src/main.rs",
        good: "fn main() {}\n",
        bad: "fn main() {\n    let a = 1;\n    let b  = 2;\n}\n",
        found: &[(3, "format")],
        mended: "fn main() {\n    let a = 1;\n    let b = 2;\n}\n",
    }
    .check();
}

#[test]
fn clippy_finds_a_mistake_and_mends_it() {
    Case {
        linter: "clippy",
        beside: &[CARGO, CARGO_LOCK],
        path: "rs/src/main.rs",
        good: "fn main() {}\n",
        bad: "fn main() {\n    let a: &[u8] = &[];\n    if a.len() == 0 {\n        std::process::abort();\n    \
              }\n}\n",
        found: &[(3, "len_zero")],
        mended: "fn main() {\n    let a: &[u8] = &[];\n    if a.is_empty() {\n        \
                 std::process::abort();\n    }\n}\n",
    }
    .check();
}

#[test]
fn rust_that_does_not_compile_is_found() {
    Case {
        linter: "clippy",
        beside: &[CARGO, CARGO_LOCK],
        path: "rs/src/main.rs",
        good: "fn main() {}\n",
        bad: "fn main() {\n    let a: u8 = \"\";\n}\n",
        found: &[(2, "E0308")],
        ..Case::default()
    }
    .check();
}

#[test]
fn migrations_are_checked_by_migrate_db() {
    Case {
        linter: "squawk",
        path: "migrations/V1__a.sql",
        good: "SET lock_timeout = '1s';\nSET statement_timeout = '5s';\nCREATE TABLE a (id bigint PRIMARY KEY);\n",
        bad: "ALTER TABLE a\n    ADD COLUMN b bigint NOT NULL;\n",
        found: &[(2, "adding-required-field")],
        ..Case::default()
    }
    .check();
}

#[test]
fn the_migrations_of_a_service_are_checked_in_its_folder() {
    Case {
        linter: "squawk",
        beside: &[
            ("orders/landfall.toml", "[defaults.migrate-db.check.rules]\nadding-required-field = \"off\"\n"),
            ("landfall.toml", ""),
        ],
        path: "orders/migrations/V1__a.sql",
        good: "SET lock_timeout = '1s';\nSET statement_timeout = '5s';\nCREATE TABLE a (id bigint PRIMARY KEY);\n",
        bad: "SET lock_timeout = '1s';\nSET statement_timeout = '5s';\nALTER TABLE a ADD COLUMN b bigint NOT NULL;\nALTER TABLE a \
              ALTER COLUMN c TYPE text;\n",
        found: &[(4, "changing-column-type")],
        ..Case::default()
    }
    .check();
}

#[test]
fn shellcheck_follows_what_a_script_sources_from_beside_it() {
    Case {
        linter: "shellcheck",
        beside: &[("bin/lib.sh", "# shellcheck shell=sh\nlib_name=x\nexport lib_name\n")],
        path: "bin/run.sh",
        good: "#!/bin/sh\n# shellcheck source=lib.sh\n. \"$(dirname \"$0\")/lib.sh\"\necho \"$lib_name\"\n",
        bad: "#!/bin/sh\n# shellcheck source=lib.sh\n. \"$(dirname \"$0\")/lib.sh\"\necho \"$lib_name\" $1\n",
        found: &[(4, "SC2086")],
        ..Case::default()
    }
    .check();
}

#[test]
fn a_module_of_go_inside_of_another_is_one_of_its_own() {
    let project = repository(&[
        ("go.mod", "module a\n"),
        ("tools/go.mod", "module b\n"),
        ("tools/main.go", "package main\n"),
        // It stands in for golangci-lint: it tells in which folder it runs.
        (
            "node_modules/.bin/golangci-lint",
            "#!/bin/sh\nprintf '{\"Issues\":[{\"FromLinter\":\"x\",\"Text\":\"y\",\"Pos\":{\"Filename\":\"go.mod\",\"Line\":1}}]}'\nexit 1\n",
        ),
    ]);
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    let program = project.path("node_modules/.bin/golangci-lint");
    std::fs::set_permissions(program, mode).expect("permissions");
    commit(&project);
    let ran = project.run("lint-check", &["--all", "--only", "golangci-lint"]).expect(3);
    assert!(ran.stdout.starts_with("go.mod\n  1: major"), "{}", ran.stdout);
    assert!(ran.stdout.contains("\ntools/go.mod\n  1: major"), "{}", ran.stdout);
}

/// Of a project only what is in the files to check is told, and mended.
#[test]
fn of_a_project_only_what_is_asked_for_is_told_and_mended() {
    let bad = "pub fn f( ) {}\n";
    let project = repository(&[CARGO, ("rs/src/lib.rs", "pub mod a;\npub mod b;\n")])
        .with_file("rs/src/a.rs", bad)
        .with_file("rs/src/b.rs", bad);
    commit(&project);
    let args = ["--all", "--only", "rustfmt", "rs/src/a.rs"];
    let ran = project.run("lint-check", &args).expect(3);
    assert!(ran.stdout.contains("rs/src/a.rs\n  1: major"), "{}", ran.stdout);
    assert!(!ran.stdout.contains("b.rs"), "{}", ran.stdout);
    project.run("lint-check", &[&args[..], &["--fix"]].concat()).expect(0);
    assert_eq!(project.read("rs/src/a.rs"), "pub fn f() {}\n");
    assert_eq!(project.read("rs/src/b.rs"), bad);
}

/// Not a finding, and not silence: the linter did not do its work, and says why.
#[test]
fn a_wrong_configuration_is_told_in_the_words_of_the_linter() {
    let cases = [
        ("biome", "biome.json", "{\"foo\": 1}\n", "unknown key `foo`"),
        ("cfn-lint", ".cfnlintrc", "foo: bar\n", "Invalid configuration key 'foo'"),
        ("eslint", "eslint.config.mjs", "export default [{ rules: { nope: 2 } }]\n", "\"nope\""),
        ("hadolint", ".hadolint.yaml", "foo: [\n", "Error parsing your config file"),
        ("markdownlint", ".markdownlint.json", "{\n", "Unable to parse"),
        ("prettier", ".prettierrc", "{\"semi\": 5\n", ".prettierrc"),
        ("ruff", "ruff.toml", "foo = 1\n", "unknown field `foo`"),
        ("ruff-format", "ruff.toml", "foo = 1\n", "unknown field `foo`"),
        ("sqlfluff", ".sqlfluff", "[sqlfluff]\ndialect = nope\n", "Unknown dialect"),
        ("typos", "typos.toml", "foo = 1\n", "unknown field `foo`"),
        ("yamllint", ".yamllint", "rules: {foo: 1}\n", "no such rule: \"foo\""),
        ("rustfmt", "Cargo.toml", "[package\n", "unclosed table"),
        ("clippy", "Cargo.toml", "[package\n", "unclosed table"),
    ];
    for (linter, path, text, says) in cases {
        let project = repository(&[
            ("a.js", "let x = 1;\n"),
            ("Dockerfile", "FROM debian:12\n"),
            ("a.md", "# A\n"),
            ("a.py", "x = 1\n"),
            ("a.sql", "SELECT a FROM t\n"),
            ("a.yml", "AWSTemplateFormatVersion: \"2010-09-09\"\n"),
            ("src/main.rs", "fn main() {}\n"),
            (path, text),
        ]);
        commit(&project);
        let ran = project.run("lint-check", &["--all", "--only", linter]);
        assert_eq!(ran.code, Some(1), "{linter}\n{}\n{}", ran.stdout, ran.stderr);
        let ran = ran.says("linters did not do their work").says(says);
        assert!(ran.stdout.contains(says), "{linter}: {}", ran.stdout);
    }
}

const SAFE: &str = "SET lock_timeout = '1s';\nSET statement_timeout = '5s';\n\
                    CREATE TABLE a (id bigint PRIMARY KEY);\n";

#[test]
fn migrations_are_compared_with_the_target_as_it_is_now() {
    let project = repository(&[("migrations/V1__a.sql", SAFE)]);
    commit(&project);
    git(&project, &["branch", "--move", "main"]);
    git(&project, &["checkout", "--quiet", "-b", "topic"]);
    project.write("migrations/V2__b.sql", &SAFE.replace(" a ", " b "));
    commit(&project);
    let args = ["--all", "--only", "squawk"];
    project.run("lint-check", &args).expect(0);
    // Somebody else is quicker.
    git(&project, &["checkout", "--quiet", "main"]);
    project.write("migrations/V3__c.sql", &SAFE.replace(" a ", " c "));
    commit(&project);
    git(&project, &["checkout", "--quiet", "topic"]);
    let ran = project.run("lint-check", &args).expect(3);
    assert!(ran.stdout.contains("V2__b.sql"), "{}", ran.stdout);
}

#[test]
fn migrations_of_no_service_are_named_and_not_checked() {
    let path = "services/orders/migrations/V1__a.sql";
    let project = repository(&[(path, "ALTER TABLE a ADD COLUMN b bigint NOT NULL;\n")]);
    commit(&project);
    let args = ["--all", "--only", "squawk"];
    let ran = project.run("lint-check", &args).expect(0);
    assert!(ran.stdout.starts_with("nothing to check: no linter"), "{}", ran.stdout);
    let list = project.run("lint-check", &["list"]).expect(0).stdout;
    let why = format!("squawk         does not run: {path} is in no folder of migrations");
    assert!(list.contains(&why), "{list}");
    // The folder is the one that landfall.toml names.
    project.write("services/orders/landfall.toml", "");
    commit(&project);
    project.run("lint-check", &args).expect(3);
    project
        .write("services/landfall.toml", "[defaults.migrate-db]\nfolder = \"orders/migrations\"\n");
    std::fs::remove_file(project.path("services/orders/landfall.toml")).expect("removed");
    commit(&project);
    let ran = project.run("lint-check", &args).expect(3);
    assert!(ran.stdout.starts_with(path), "{}", ran.stdout);
    project.write("migrations/V1__a.sql", SAFE);
    std::fs::remove_file(project.path("services/landfall.toml")).expect("removed");
    commit(&project);
    project.run("lint-check", &args).expect(0);
    let list = project.run("lint-check", &["list"]).expect(0).stdout;
    assert!(list.contains(&format!("; not checked: {path} is in no folder")), "{list}");
}

/// A description that refers to another file.
const REFERS: &str = r##"{"openapi": "3.1.0", "info": {"title": "a", "version": "1"}, "paths": {"/a":
{"get": {"responses": {"200": {"$ref": "common.json#/answer"}}}}}}"##;

fn rules(ran: &step_testkit::Ran) -> Vec<String> {
    let report = ran.json();
    let findings = report["report"]["findings"].as_array().expect("findings").iter();
    let shown = |it: &serde_json::Value| format!("{} {}", it["path"], it["rule"]);
    findings.map(|it| shown(it).replace('"', "")).collect()
}

#[test]
fn a_description_is_checked_again_when_a_file_changes_that_it_refers_to() {
    let good = r#"{"answer": {"description": "fine"}}"#;
    let project = repository(&[("api/openapi.json", REFERS), ("api/common.json", good)]);
    commit(&project);
    let args = ["--all", "--only", "gen-openapi", "--output", "json", "--fail-on", "blocker"];
    let invalid = "api/openapi.json gen-openapi/invalid";
    let before = rules(&project.run("lint-check", &args).expect(0));
    assert!(!before.is_empty() && !before.iter().any(|it| it == invalid), "{before:?}");
    project.write("api/common.json", r#"{"answer": {"description": 7}}"#);
    commit(&project);
    let after = rules(&project.run("lint-check", &args));
    assert!(after.iter().any(|it| it.ends_with("gen-openapi/invalid")), "{after:?}");
}

#[test]
fn the_descriptions_of_a_service_are_checked_by_its_settings_and_together() {
    let rule = "operation-summary";
    let project = repository(&[
        (
            "orders/landfall.toml",
            "[defaults.gen-openapi.lint.rules]\noperation-summary = \"off\"\n",
        ),
        ("orders/openapi.json", REFERS),
        ("orders/common.json", r#"{"answer": {"description": "fine"}}"#),
        // It is accepted in the other one alone.
        ("orders/.openapi-lint-ignore", "operation-id-missing #/paths/~1a/get\n"),
        ("orders/other.json", &REFERS.replace("\"/a\"", "\"/b\"")),
        ("landfall.toml", ""),
    ]);
    commit(&project);
    let all = ["--only", "gen-openapi", "--output", "json", "--fail-on", "blocker"];
    let found = rules(&project.run("lint-check", &[&all[..], &["--all"]].concat()));
    assert!(found.iter().any(|it| it.starts_with("orders/openapi.json ")), "{found:?}");
    assert!(!found.iter().any(|it| it.contains(rule)), "{found:?}");
    // One of them does not make the entries for the other superfluous.
    let ignore = "orders/.openapi-lint-ignore";
    let args = [&all[..], &["--all", "--no-cache", "orders/other.json", ignore]].concat();
    let found = rules(&project.run("lint-check", &args));
    assert!(found.iter().all(|it| it.starts_with("orders/other.json ")), "{found:?}");
}

#[test]
fn a_script_is_checked_again_when_one_changes_that_it_sources() {
    let script = "#!/bin/sh\n# shellcheck source=lib.sh\n. ./lib.sh\necho \"$lib_name\"\n";
    let project = repository(&[("run.sh", script), ("lib.sh", "#!/bin/sh\nlib_name=x\n")]);
    commit(&project);
    let args = ["--all", "--only", "shellcheck"];
    assert!(!project.run("lint-check", &args).stdout.contains("SC2154"));
    project.write("lib.sh", "#!/bin/sh\nother=x\n");
    commit(&project);
    let ran = project.run("lint-check", &args).expect(3);
    assert!(ran.stdout.contains("SC2154"), "{}", ran.stdout);
}

#[test]
fn a_package_beside_a_workspace_is_checked() {
    let package = |name: &str| format!("[package]\nname = \"{name}\"\nedition = \"2024\"\n");
    let bad = "pub fn f( ) {}\n";
    let project = repository(&[("Cargo.toml", &package("outer")), ("src/lib.rs", "")]);
    project.write("tools/Cargo.toml", &package("inner"));
    project.write("tools/src/lib.rs", bad);
    commit(&project);
    let args = ["--all", "--only", "rustfmt"];
    let ran = project.run("lint-check", &args).expect(3);
    assert!(ran.stdout.contains("tools/src/lib.rs\n  1: major"), "{}", ran.stdout);
    // Of a workspace it would be a member, unless that excludes it.
    let excluding = format!("{}[workspace]\nexclude = [\"tools\"]\n", package("outer"));
    project.write("Cargo.toml", &excluding);
    commit(&project);
    project.run("lint-check", &args).expect(3);
    project.write("Cargo.toml", &excluding.replace("exclude", "members"));
    commit(&project);
    let ran = project.run("lint-check", &args).expect(3);
    assert_eq!(ran.stdout.matches("tools/src/lib.rs\n").count(), 1, "{}", ran.stdout);
}

#[test]
fn arguments_for_rustfmt_count_when_it_mends() {
    let project = repository(&[
        CARGO,
        (
            "landfall.toml",
            "[defaults.lint-check.linters.rustfmt]\nargs = [\"--config\", \"hard_tabs=true\"]\n",
        ),
        ("rs/src/main.rs", "fn main() {\n    f();\n}\n"),
    ]);
    commit(&project);
    project.run("lint-check", &["--all", "--only", "rustfmt", "--fix"]).expect(0);
    assert_eq!(project.read("rs/src/main.rs"), "fn main() {\n\tf();\n}\n");
}

#[test]
fn a_configuration_of_yamllint_in_a_folder_below_is_not_its_own() {
    let project = repository(&[
        ("docs/.yamllint", "rules: {}\n"),
        (
            "a.yml",
            "a: a very long line a very long line a very long line a very long line a very long line\n",
        ),
    ]);
    commit(&project);
    project.run("lint-check", &["--all", "--only", "yamllint", "--fail-on", "info"]).expect(0);
}

#[test]
fn a_description_is_known_by_what_stands_far_behind() {
    let components = format!("{{\"components\": {{\"x-long\": \"{}\"}},\n", "x".repeat(10_000));
    let project = repository(&[("api.json", &REFERS.replacen('{', &components, 1))]);
    commit(&project);
    let list = project.run("lint-check", &["list"]).expect(0).stdout;
    assert!(
        list.contains("gen-openapi    OpenAPI") && list.contains("api.json is there"),
        "{list}"
    );
}

const ESLINT: &str =
    "export default [{ files: [\"**/*.js\"], rules: { \"no-var\": \"error\" } }];\n";

#[test]
fn what_is_configured_in_a_folder_is_run_there_and_for_its_files_alone() {
    let project = repository(&[
        ("svc/a/eslint.config.mjs", ESLINT),
        ("svc/a/src/a.js", "var a=1\n"),
        ("svc/b/.prettierrc", "{}\n"),
        ("svc/b/b.js", "var b=1\n"),
        ("c.js", "var c=1\n"),
    ]);
    commit(&project);
    let args = ["--all", "--only", "eslint,prettier", "-v"];
    let ran = project.run("lint-check", &args).expect(3);
    assert_eq!(ran.stdout.matches(": major: ").count(), 2, "{}", ran.stdout);
    assert!(ran.stdout.contains("svc/a/src/a.js\n  1:1: major: "), "{}", ran.stdout);
    assert!(ran.stdout.contains("svc/b/b.js\n  1: major: "), "{}", ran.stdout);
    assert!(ran.stderr.contains("-- eslint.config.mjs src/a.js (in svc/a)"), "{}", ran.stderr);
    project.run("lint-check", &["--all", "--only", "eslint,prettier", "--fix"]).expect(0);
    assert_eq!(project.read("svc/a/src/a.js"), "let a=1\n");
    assert_eq!(project.read("svc/b/b.js"), "var b = 1;\n");
    assert_eq!(project.read("c.js"), "var c=1\n");
}

#[test]
fn a_file_is_checked_again_when_what_its_configuration_extends_has_changed() {
    let project = repository(&[
        ("eslint.config.mjs", "import shared from \"./shared.mjs\";\nexport default shared;\n"),
        ("shared.mjs", "export default [];\n"),
        ("a.js", "var a = 1;\n"),
        ("ruff.toml", "extend = \"base.toml\"\n"),
        ("base.toml", "[lint]\nselect = []\n"),
        ("a.py", "import os\n"),
        (".markdownlint.json", "{\"extends\": \"md.json\"}\n"),
        ("md.json", "{\"MD018\": false}\n"),
        ("a.md", "# A\n\n##B\n"),
    ]);
    commit(&project);
    let args = ["--all", "--only", "eslint,ruff,markdownlint"];
    project.run("lint-check", &args).expect(0);
    project.write("shared.mjs", ESLINT);
    project.write("base.toml", "[lint]\nselect = [\"F\"]\n");
    project.write("md.json", "{\"MD018\": true}\n");
    let ran = project.run("lint-check", &args).expect(3);
    for rule in ["eslint/no-var", "ruff/F401", "markdownlint/MD018"] {
        assert!(ran.stdout.contains(rule), "{}", ran.stdout);
    }
}

#[test]
fn ruff_leaves_no_cache_of_its_own() {
    use std::os::unix::ffi::OsStrExt;
    let project = repository(&[("ruff.toml", ""), ("a.py", "x = 1\n")]);
    commit(&project);
    // With such a name beside it could not write one.
    let odd = std::ffi::OsStr::from_bytes(b"odd\xFF.txt");
    std::fs::write(project.path("").join(odd), "x\n").expect("a file");
    let args = ["--all", "--only", "ruff,ruff-format"];
    project.run("lint-check", &args).expect(0);
    project.run("lint-check", &[&args[..], &["--fix", "--no-cache"]].concat()).expect(0);
    assert!(!project.path(".ruff_cache").exists());
}

#[test]
fn a_file_that_ruff_cannot_read_is_a_blocker() {
    let project = repository(&[("a.py", "x = 1\n")]);
    std::fs::write(project.path("a.py"), b"x = \"\xFF\"\n").expect("a file");
    commit(&project);
    let ran = project.run("lint-check", &["--all", "--only", "ruff"]).expect(3);
    assert!(
        ran.stdout.contains(": blocker: ") && ran.stdout.contains("[ruff/E902]"),
        "{}",
        ran.stdout
    );
}
