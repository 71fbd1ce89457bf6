//! prettier: the layout of what runs in browsers, and of Markdown and YAML.

use findings::Severity;

use super::{Adapter, Hit, Output, Unit, Unreadable, Wanted, told};

pub(super) const ADAPTER: Adapter = Adapter {
    name: "prettier",
    about: "JavaScript, TypeScript, CSS, HTML, JSON, YAML and Markdown: layout",
    files: &[
        "*.js",
        "*.mjs",
        "*.cjs",
        "*.jsx",
        "*.ts",
        "*.mts",
        "*.cts",
        "*.tsx",
        "*.vue",
        "*.css",
        "*.scss",
        "*.less",
        "*.html",
        "*.json",
        "*.jsonc",
        "*.json5",
        "*.yml",
        "*.yaml",
        "*.md",
        "*.mdx",
        "*.graphql",
        "*.hbs",
    ],
    wanted: Wanted::ByConfig,
    configs: &[
        ".prettierrc",
        ".prettierrc.json",
        ".prettierrc.json5",
        ".prettierrc.yaml",
        ".prettierrc.yml",
        ".prettierrc.toml",
        ".prettierrc.js",
        ".prettierrc.mjs",
        ".prettierrc.cjs",
        ".prettierrc.ts",
        "prettier.config.js",
        "prettier.config.mjs",
        "prettier.config.cjs",
        "prettier.config.ts",
    ],
    shared: &[("package.json", "\"prettier\"")],
    heeds: &[".editorconfig", ".prettierignore"],
    programs: &["prettier"],
    args: &["--list-different", "--ignore-unknown", "--", "{files}"],
    bare: &[],
    unit: Unit::Files,
    // With 2 it ends for a file that it cannot parse, which it tells, and for a wrong configuration.
    reads_others: false,
    hides_lines: false,
    exits: &[0, 1, 2],
    parse,
    fix: Some(&["--write", "--ignore-unknown", "--", "{files}"]),
    install: "npm install --save-dev prettier",
    rules: Some("https://prettier.io/docs/rationale"),
};

/// The names of the files, and on stderr what went wrong: <https://prettier.io/docs/cli>
fn parse(output: &Output) -> Result<Vec<Hit>, Unreadable> {
    let unformatted =
        output.stdout.lines().filter(|line| !line.trim().is_empty()).map(|path| Hit {
            help: Some("lint-check --fix, or prettier --write".to_owned()),
            ..Hit::new(path, "format", Severity::Major, "not as prettier formats it")
        });
    let errors = || output.stderr.lines().filter_map(|line| line.strip_prefix("[error] "));
    let broken: Vec<Hit> = errors().filter_map(broken).collect();
    let is_misconfigured = errors().any(|line| line.starts_with("Invalid configuration"));
    if is_misconfigured || (output.exit == 2 && broken.is_empty()) {
        return Err(Unreadable("it did not check all files".to_owned()));
    }
    told(unformatted.chain(broken).collect(), output)
}

/// `PATH: SyntaxError: MESSAGE (LINE:COLUMN)`
fn broken(line: &str) -> Option<Hit> {
    let (head, message) = line.split_once("SyntaxError: ")?;
    let (path, _kind) = head.rsplit_once(": ")?;
    let (message, place) = message.strip_suffix(')')?.rsplit_once(" (")?;
    let (line, column) = place.split(' ').next()?.split_once(':')?;
    let hit = Hit::new(path, "syntax", Severity::Blocker, message);
    Some(hit.at(line.parse().ok()?, column.parse().ok()))
}

#[cfg(test)]
mod tests {
    use super::super::printed;
    use super::*;

    /// Of prettier 3.9.
    const BROKEN: &str = "[error] web/syntax.js: SyntaxError: Unexpected token (1:7)\n[error] > 1 | let \
                          = ;;(\n[error]     |       ^\n[error]   2 |\n";

    #[test]
    fn its_output_is_read() {
        let hits = parse(&printed(2, "web/bad.js\n", BROKEN)).unwrap();
        let format =
            Hit::new("web/bad.js", "format", Severity::Major, "not as prettier formats it");
        let syntax = Hit::new("web/syntax.js", "syntax", Severity::Blocker, "Unexpected token");
        assert_eq!(
            hits,
            [
                Hit { help: Some("lint-check --fix, or prettier --write".into()), ..format },
                syntax.at(1, Some(7)),
            ]
        );
        assert_eq!(parse(&printed(0, "", "")).unwrap(), []);
    }

    #[test]
    fn a_wrong_configuration_is_no_result() {
        let said = "[error] Invalid configuration for file \"/tmp/repo/web/good.js\":\n[error] YAML Error in \
                    \"/tmp/repo/.prettierrc\":\n[error] Flow map must end with a } at line 2, column 1:\n";
        let output = printed(2, "", said);
        assert!(parse(&output).is_err());
        assert!(output.sentence().unwrap().contains(".prettierrc"));
        assert!(parse(&printed(2, "web/bad.js\n", &format!("{BROKEN}{said}"))).is_err());
        // It only warns of a value that is none, and formats all the same.
        assert!(parse(&printed(1, "", "[error] Invalid semi value.\n")).is_err());
    }
}
