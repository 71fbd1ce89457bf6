//! Lines to rules, and rules to a verdict about a path. No I/O.

use regex::Regex;
use thiserror::Error;

/// The rules of one `.dockerignore`, in the order of its lines.
#[derive(Debug, Clone, Default)]
pub struct Patterns {
    rules: Vec<Rule>,
}

/// One line of a `.dockerignore` that says something about paths.
#[derive(Debug, Clone)]
pub struct Rule {
    line: usize,
    text: String,
    pattern: String,
    negated: bool,
    matcher: Matcher,
}

/// A line that Docker refuses, or would refuse at the first path it is matched against.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("line {line}: bad pattern `{pattern}`: {reason}")]
pub struct PatternError {
    /// The line's number, from 1.
    pub line: usize,
    /// The line without the white space around it.
    pub pattern: String,
    /// What is wrong, and what to write instead.
    pub reason: String,
}

impl Patterns {
    /// Reads the text of a `.dockerignore`.
    ///
    /// A byte order mark is dropped, lines with `#` in column 1 and empty ones are skipped, the rest are
    /// trimmed, cleaned as a path (`./a//b/` is `a/b`) and freed of a leading `/`; `!` negates. From
    /// `ignorefile.ReadAll` and `patternmatcher.New`.
    ///
    /// # Errors
    /// The first line that is a lone `!`, or not a pattern that Docker could match.
    pub fn parse(text: &str) -> Result<Self, PatternError> {
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let rules = text
            .lines()
            .enumerate()
            .filter(|(_, line)| !line.starts_with('#') && !line.trim().is_empty())
            .map(|(index, line)| {
                let text = line.trim();
                Rule::parse(index + 1, text).map_err(|reason| PatternError {
                    line: index + 1,
                    pattern: text.to_owned(),
                    reason,
                })
            })
            .collect::<Result<_, _>>()?;
        Ok(Self { rules })
    }

    /// The rule that decides about `path`, which is relative to the context and separated by `/`: the one
    /// that last turned it from sent to excluded or back. `None`: no rule touches it and it is sent.
    ///
    /// Each rule is asked in turn, about the path and about its parents; a rule that could not change the
    /// verdict so far is not asked. That last part makes Docker's walk part from "the last match wins", and
    /// from `MatchesOrParentMatches`, which documents quote: a rule not asked about a directory does not
    /// reach what is below through it. After `*`, `!src/key`, `src`, the file `src/key` is sent: `src` was
    /// not asked about `src`, which `*` had excluded, and does not match `src/key` itself.
    #[must_use]
    pub fn matching(&self, path: &str) -> Option<&Rule> {
        let path = clean(path);
        if path == "." {
            return None; // the context itself always travels
        }
        let ends = path.match_indices('/').map(|(at, _)| at);
        let mut verdict = Verdict::default();
        for end in ends.chain([path.len()]).filter(|&end| end > 0) {
            verdict = self.verdict(&path[..end], &verdict);
        }
        self.rules.get(verdict.rule?)
    }

    /// Whether `path` is left out of the context: the [`matching`](Self::matching) rule is there and is not
    /// negated. A directory that is left out may hold files that are not.
    #[must_use]
    pub fn is_excluded(&self, path: &str) -> bool {
        self.matching(path).is_some_and(|rule| !rule.negated)
    }

    /// The rules in the order of the file.
    #[must_use]
    pub fn rules(&self) -> &[Rule] {
        &self.rules
    }

    /// The verdict about one cleaned path, given that about its parent directory (the default one for a
    /// path at the top).
    pub(crate) fn verdict(&self, path: &str, parent: &Verdict) -> Verdict {
        let mut verdict = Verdict::default();
        for (index, rule) in self.rules.iter().enumerate() {
            let would_turn = rule.negated == verdict.excluded;
            let hit = parent.hits.get(index) == Some(&true)
                || (would_turn && rule.matcher.is_match(path));
            verdict.hits.push(hit);
            if hit && would_turn {
                verdict.excluded = !verdict.excluded;
                verdict.rule = Some(index);
            }
        }
        verdict
    }

    /// Whether Docker looks into the excluded directory `dir`. With a wildcard in any negated pattern it
    /// looks into all of them; else only where a negated pattern leads. A last `/*` or `/**` is no wildcard
    /// here, which Docker does to save time and which makes `!a/*/**` reach nothing. From fsutil's filter.
    pub(crate) fn may_reinclude_below(&self, dir: &str) -> bool {
        let mut leads = self
            .rules
            .iter()
            .filter(|rule| rule.negated)
            .map(|rule| {
                let pattern = rule.pattern.strip_suffix("/**").unwrap_or(&rule.pattern);
                pattern.strip_suffix("/*").unwrap_or(pattern)
            })
            .peekable();
        leads.peek().is_some()
            && (leads.clone().any(|lead| lead.contains(['*', '[', ']', '?', '^', '\\']))
                || leads.any(|lead| is_at_or_below(lead, dir)))
    }
}

impl Rule {
    /// The number of its line, from 1.
    #[must_use]
    pub fn line(&self) -> usize {
        self.line
    }

    /// Its line as written, without the white space around it.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Whether it re-includes (`!`) instead of excluding.
    #[must_use]
    pub fn is_negated(&self) -> bool {
        self.negated
    }

    fn parse(line: usize, text: &str) -> Result<Self, String> {
        // Docker reads a line in two passes, by two packages. The second sees the `!` anew, so `/!a` and
        // `./!a` negate too, and takes `!/` for a lone `!`.
        let (bang, rest) = match text.strip_prefix('!') {
            Some(rest) => ("!", rest.trim()),
            None => ("", text),
        };
        let mut first = String::from(rest);
        if !rest.is_empty() {
            first = clean(rest);
            if first.len() > 1 && first.starts_with('/') {
                first.remove(0);
            }
        }
        let second = clean(format!("{bang}{first}").trim());
        let (negated, pattern) = match second.strip_prefix('!') {
            Some("") => return Err("`!` needs a path after it, for example `!docs/keep.md`".into()),
            Some(rest) => (true, rest),
            None => (false, second.as_str()),
        };
        check_syntax(pattern)?;
        Ok(Self {
            line,
            text: text.to_owned(),
            pattern: pattern.to_owned(),
            negated,
            matcher: Matcher::new(pattern)?,
        })
    }
}

/// What the rules say about one path, with what its children need to know.
#[derive(Debug, Default)]
pub(crate) struct Verdict {
    pub(crate) excluded: bool,
    rule: Option<usize>,
    hits: Vec<bool>,
}

/// A pattern in the form that answers soonest. The first three are not only faster: `**x` ends with `x`,
/// while `x**y` needs a `/` (or nothing) before its `y`; and `^` is a plain character in them alone.
#[derive(Debug, Clone)]
enum Matcher {
    Exact(String),
    Prefix(String),
    Suffix(String),
    Regex(Regex),
}

impl Matcher {
    fn new(pattern: &str) -> Result<Self, String> {
        let plain = |part: &&str| !part.contains(['*', '?', '[', ']', '\\']);
        if plain(&pattern) {
            Ok(Self::Exact(pattern.to_owned()))
        } else if let Some(end) = pattern.strip_prefix("**").filter(plain) {
            Ok(Self::Suffix(end.to_owned()))
        } else if let Some(start) = pattern.strip_suffix("**").filter(plain) {
            Ok(Self::Prefix(start.to_owned()))
        } else {
            Regex::new(&regex_source(pattern)).map(Self::Regex).map_err(|error| {
                format!("Docker matches it as a regular expression, which it breaks; escape special characters with `\\`: {error}")
            })
        }
    }

    fn is_match(&self, path: &str) -> bool {
        match self {
            Self::Exact(whole) => path == whole,
            Self::Prefix(start) => path.starts_with(start),
            Self::Suffix(end) => path.ends_with(end) || end.strip_prefix('/') == Some(path),
            Self::Regex(regex) => regex.is_match(path),
        }
    }
}

/// The regular expression that Docker makes of a pattern. It does not look out for brackets on the way, so
/// `*` and `?` within them end the class early and `^` outside them is an anchor; kept, as are the results.
fn regex_source(pattern: &str) -> String {
    let mut source = String::from("^");
    let mut in_class = false;
    let mut chars = pattern.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '*' if chars.next_if_eq(&'*').is_some() => {
                chars.next_if_eq(&'/');
                source += if chars.peek().is_some() { "(.*/)?" } else { ".*" };
            }
            '*' | '?' => {
                source += if in_class { r"\[^/]" } else { "[^/]" };
                source += if c == '*' { "*" } else { "" };
                in_class = false;
            }
            '[' if !in_class => {
                source.push('[');
                source.extend(chars.next_if_eq(&'^'));
                source += if chars.next_if_eq(&']').is_some() { r"\]" } else { "" };
                in_class = true;
            }
            ']' if in_class => {
                source.push(']');
                in_class = false;
            }
            // Raw, `--` would subtract in this dialect.
            '-' if in_class && source.ends_with('-') && !source.ends_with(r"\-") => {
                source += r"\-";
            }
            '^' | '-' => source.push(c),
            '\\' => match chars.next() {
                Some(c) if c.is_ascii_alphanumeric() => source.extend(['\\', c]),
                Some(c) => source += &regex::escape(c.encode_utf8(&mut [0; 4])),
                None => source.push('\\'),
            },
            _ => source += &regex::escape(c.encode_utf8(&mut [0; 4])),
        }
    }
    source + "$"
}

/// Refuses an unclosed or empty class, a range without both its ends, a `\` with nothing after it. As
/// Go's `filepath.Match(pattern, ".")`, with which Docker checks, it goes no further than the first `*` that
/// is not at the start: `lib*[_-]` is in use and holds. What comes after must make a regular expression.
fn check_syntax(pattern: &str) -> Result<(), String> {
    const UNCLOSED: &str = "`[` has no closing `]`; write `\\[` for the character itself";
    const EMPTY_END: &str = "`[...]` is empty or has a `-` or `]` that needs a `\\` before it";
    const LONE_ESCAPE: &str = "`\\` has nothing after it; write `\\\\` for the character itself";

    let mut chars = pattern.trim_start_matches('*').chars().peekable();
    while let Some(c) = chars.next() {
        if c == '*' {
            break;
        } else if c == '\\' {
            chars.next().ok_or(LONE_ESCAPE)?;
        } else if c == '[' {
            let range_end =
                |chars: &mut std::iter::Peekable<std::str::Chars<'_>>| match chars.next() {
                    Some('-' | ']') => Err(EMPTY_END),
                    Some('\\') => chars.next().map(drop).ok_or(LONE_ESCAPE),
                    Some(_) => Ok(()),
                    None => Err(UNCLOSED),
                };
            chars.next_if_eq(&'^');
            loop {
                range_end(&mut chars)?;
                if chars.next_if_eq(&'-').is_some() {
                    range_end(&mut chars)?;
                }
                if chars.next_if_eq(&']').is_some() {
                    break;
                }
            }
        }
    }
    Ok(())
}

/// The shortest path that means the same, by Go's `filepath.Clean`.
fn clean(path: &str) -> String {
    let root = if path.starts_with('/') { "/" } else { "" };
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match (part, parts.last()) {
            ("" | ".", _) => {}
            ("..", Some(&last)) if last != ".." => drop(parts.pop()),
            ("..", _) if !root.is_empty() => {}
            _ => parts.push(part),
        }
    }
    match (root, parts.as_slice()) {
        ("", []) => ".".to_owned(),
        _ => format!("{root}{}", parts.join("/")),
    }
}

/// Whether `path` is `dir` or something below it.
pub(crate) fn is_at_or_below(path: &str, dir: &str) -> bool {
    path.strip_prefix(dir).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn patterns(text: &str) -> Patterns {
        Patterns::parse(text).unwrap()
    }

    /// Rows of (the file's text, paths that are excluded, paths that are sent).
    fn check(rows: &[(&str, &[&str], &[&str])]) {
        for (text, excluded, sent) in rows {
            let patterns = patterns(text);
            for path in *excluded {
                assert!(patterns.is_excluded(path), "{text:?} excludes {path:?}");
            }
            for path in *sent {
                assert!(!patterns.is_excluded(path), "{text:?} sends {path:?}");
            }
        }
    }

    #[test]
    fn lines_are_read_as_docker_reads_them() {
        check(&[
            ("", &[], &["x", "x/y", "."]),
            ("\u{feff}# note\ntarget", &["target"], &["# note"]),
            ("\u{feff}target", &["target"], &[]),
            ("# x\n #x", &["#x"], &["x", "# x"]),
            ("  target\t\r\n\r\n\u{a0}dist\u{a0}", &["target", "dist"], &[]),
            ("/target\n//dist/", &["target", "dist"], &["x/target"]),
            ("./a//b/../c/", &["a/c", "a/c/d"], &["a", "a/b"]),
            ("..\n../a\n.\n/\n!.", &[], &["a", "b/a", "..a"]),
            ("*\n! keep", &["x"], &["keep"]),
            ("*\n  !/keep  ", &["x"], &["keep"]),
            ("*\n/!keep\n./!kept", &["x", "!keep"], &["keep", "kept"]),
            ("*\n!!keep", &["keep"], &["!keep"]),
            (r"\!a", &["!a"], &["a"]),
        ]);
    }

    #[test]
    fn wildcards_cross_directories_only_when_doubled() {
        check(&[
            ("*.log", &["x.log", ".log", "d.log/x"], &["d/x.log", "xlog"]),
            ("a/*/c", &["a/b/c", "a/b/c/d"], &["a/c", "a/b/b/c", "a/b"]),
            ("a?c", &["abc", "aüc"], &["ac", "a/c", "abbc"]),
            ("**", &["a", "a/b"], &["."]),
            ("**/", &["a", "a/b"], &[]),
            ("**/x", &["x", "a/x", "a/b/x", "x/y"], &["ax", "a/xb"]),
            ("**x", &["x", "ax", "a/bx"], &["xa"]),
            ("**/*.o", &["x.o", "a/b/x.o"], &["x.oo"]),
            ("a/**", &["a/b", "a/b/c"], &["a", "ab"]),
            ("a**", &["a", "ab", "a/b", "ab/c"], &["ba"]),
            ("a/**/z", &["a/z", "a/b/z", "a/b/c/z"], &["a/bz", "az"]),
            ("a**z", &["az", "a/z", "ab/z"], &["abz"]),
            ("**/a/**/b", &["a/b", "x/a/y/b"], &["a", "b/a"]),
        ]);
    }

    #[test]
    fn classes_and_escapes_are_those_of_go() {
        check(&[
            ("[a-c]x", &["ax", "cx"], &["dx", "x", "-x"]),
            ("[^a-c]x", &["dx", "-x"], &["ax", "x"]),
            ("[!a]x", &["!x", "ax"], &["bx"]),
            (r"[\]\-]x", &["]x", "-x"], &[r"\x"]),
            ("[&&~[]x", &["&x", "~x", "[x"], &["x"]),
            ("lib*[_-]", &["lib1_", "lib-"], &["lib1"]),
            ("lib*[]x]", &["lib1]", "libx"], &["lib1"]),
            ("lib*[+--]", &["lib+", "lib,", "lib-"], &["lib."]),
            (r"[\--a]", &["-", "A", "a"], &["b", "+"]),
            (r"\*x", &["*x"], &["ax"]),
            (r"a\?", &["a?"], &["ab"]),
            (r"\#x", &["#x"], &["x"]),
            ("a.b+(c)|{d}$", &["a.b+(c)|{d}$"], &["axb+(c)|{d}$"]),
            ("a]", &["a]"], &["a"]),
        ]);
    }

    #[test]
    fn what_docker_does_by_accident_is_kept() {
        check(&[
            ("^a", &["^a"], &["a"]),
            ("^a*", &["ab"], &["^a"]),
            ("[*]x", &["]x", "[^]x"], &["*x", "x"]),
            ("[?]x", &["[]x", "/]x"], &["?x"]),
            (r"a\d", &["a1"], &["ad"]),
            (r"a*\", &["ab$"], &[r"ab\", "ab"]),
        ]);
    }

    #[test]
    fn the_last_match_wins_and_takes_children_along() {
        check(&[
            ("docs\n!docs/keep.md", &["docs", "docs/x"], &["docs/keep.md"]),
            ("!docs/keep.md\ndocs", &["docs/keep.md"], &[]),
            ("docs\n!docs/in\ndocs/in/x", &["docs/a", "docs/in/x"], &["docs/in", "docs/in/y"]),
            ("*\n!src", &["x", "x/src"], &["src", "src/a/b"]),
            ("*\n!**/*.rs", &["a", "a/b"], &["x.rs", "a/b/x.rs", "x.rs/y"]),
            ("src/*\n!src/a", &["src/b"], &["src", "src/a/b"]),
        ]);
    }

    #[test]
    fn a_rule_not_asked_about_a_directory_does_not_reach_its_children() {
        // Seen with the client of Docker 28.2; MatchesOrParentMatches says the opposite of both.
        check(&[
            ("*\n!src/key\nsrc", &["src", "src/x"], &["src/key"]),
            ("a/b\n!a", &["a/b"], &["a", "a/c"]),
        ]);
    }

    #[test]
    fn the_deciding_rule_is_the_one_that_last_turned_the_verdict() {
        let patterns = patterns("# generated\n*\n\n  !src  \nsrc/*.log\n*.log");
        let rule = |path| patterns.matching(path).map(|r| (r.line(), r.text(), r.is_negated()));
        assert_eq!(rule("Makefile"), Some((2, "*", false)));
        assert_eq!(rule("src/main.rs"), Some((4, "!src", true)));
        assert_eq!(rule("./src//x.log"), Some((5, "src/*.log", false)));
        assert_eq!(rule("x.log"), Some((2, "*", false)));
        assert_eq!(rule("."), None);
        assert_eq!(patterns.rules().len(), 4);
    }

    #[test]
    fn a_malformed_line_is_refused_with_its_number_and_reason() {
        let refused = |text| Patterns::parse(text).unwrap_err().to_string();
        assert_eq!(
            refused("# note\nok\n ! \n"),
            "line 3: bad pattern `!`: `!` needs a path after it, for example `!docs/keep.md`"
        );
        assert_eq!(
            refused("a[b"),
            r"line 1: bad pattern `a[b`: `[` has no closing `]`; write `\[` for the character itself"
        );
        assert_eq!(
            refused(r"a\"),
            r"line 1: bad pattern `a\`: `\` has nothing after it; write `\\` for the character itself"
        );
        for text in ["!/", "[", "[]", "[]a]", "[-a]", "[a-]", "[^", "*[-a]", "[b-a]", "a*[", r"[\"]
        {
            assert_eq!(
                Patterns::parse(text).map_err(|error| error.line).err(),
                Some(1),
                "{text:?}"
            );
        }
    }

    #[test]
    fn paths_are_cleaned_as_go_cleans_them() {
        for (path, cleaned) in [
            ("", "."),
            ("./", "."),
            ("a/..", "."),
            ("a/../..", ".."),
            ("../../a", "../../a"),
            ("/..", "/"),
            ("//a/./b//", "/a/b"),
        ] {
            assert_eq!(clean(path), cleaned, "{path:?}");
        }
    }
}
