//! SQL of PostgreSQL as statements: where each begins and ends, and what it must not be run with.
//!
//! A simple query of several statements is one implicit transaction, so a file without a transaction
//! has to be sent statement by statement. Strings, comments, dollar quotes, parentheses and the
//! bodies of `BEGIN ATOMIC` may hold semicolons that end nothing.

/// A statement of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Statement {
    /// Its text, without the semicolon.
    pub(crate) text: String,
    /// The line of the file on which its first word stands.
    pub(crate) line: usize,
    /// Its words outside of strings and comments, in upper case.
    words: Vec<String>,
}

impl Statement {
    /// What it is, if it cannot be run in a transaction.
    pub(crate) fn needs_no_transaction(&self) -> Option<&'static str> {
        let words: Vec<&str> = self.words.iter().map(String::as_str).collect();
        let concurrently = words.contains(&"CONCURRENTLY");
        match words.as_slice() {
            ["CREATE", "INDEX", ..] | ["CREATE", "UNIQUE", "INDEX", ..] if concurrently => {
                Some("CREATE INDEX CONCURRENTLY")
            }
            ["DROP", "INDEX", "CONCURRENTLY", ..] => Some("DROP INDEX CONCURRENTLY"),
            ["REINDEX", ..] if concurrently => Some("REINDEX CONCURRENTLY"),
            ["ALTER", "TABLE", ..] if concurrently && words.contains(&"DETACH") => {
                Some("DETACH PARTITION CONCURRENTLY")
            }
            ["VACUUM", ..] => Some("VACUUM"),
            ["CREATE", "DATABASE", ..] => Some("CREATE DATABASE"),
            ["DROP", "DATABASE", ..] => Some("DROP DATABASE"),
            ["CREATE", "TABLESPACE", ..] => Some("CREATE TABLESPACE"),
            ["DROP", "TABLESPACE", ..] => Some("DROP TABLESPACE"),
            ["ALTER", "SYSTEM", ..] => Some("ALTER SYSTEM"),
            _ => None,
        }
    }

    /// What it is, if a procedure in it may end the transaction that it runs in.
    pub(crate) fn may_commit_itself(&self) -> Option<&'static str> {
        match self.words.first().map(String::as_str) {
            Some("CALL") => Some("CALL"),
            Some("DO") => Some("DO"),
            _ => None,
        }
    }

    /// The name of the index that `CREATE` or `DROP INDEX CONCURRENTLY` is about, as the catalogue
    /// has it.
    pub(crate) fn index_name(&self) -> Option<String> {
        let kind = self.needs_no_transaction()?;
        if !kind.ends_with("INDEX CONCURRENTLY") {
            return None;
        }
        let mut at = 0;
        let mut is_after = false;
        let mut name = None;
        while at < self.text.len() {
            let token = token(&self.text, at);
            let piece = &self.text[at..at + token.len()];
            at += token.len();
            match token {
                Token::Blank(_) | Token::Comment(_) => {}
                Token::Word(_) if !is_after => {
                    is_after = piece.eq_ignore_ascii_case("CONCURRENTLY")
                }
                Token::Word(_) => match piece.to_ascii_uppercase().as_str() {
                    "IF" | "NOT" | "EXISTS" => {}
                    "ON" | "CASCADE" | "RESTRICT" => break,
                    _ => name = Some(piece.to_lowercase()),
                },
                Token::Quoted(_) if is_after => {
                    name = Some(piece.trim_matches('"').replace("\"\"", "\""));
                }
                // A dot after a schema: the name is what follows. Anything else ends it.
                Token::Char(_) if piece == "." => name = None,
                _ => break,
            }
        }
        name
    }

    /// What it is, if it begins or ends a transaction.
    pub(crate) fn controls_transaction(&self) -> Option<&'static str> {
        match self.words.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
            ["BEGIN", ..] => Some("BEGIN"),
            ["START", "TRANSACTION", ..] => Some("START TRANSACTION"),
            ["COMMIT", ..] => Some("COMMIT"),
            ["END", ..] => Some("END"),
            ["ABORT", ..] => Some("ABORT"),
            ["PREPARE", "TRANSACTION", ..] => Some("PREPARE TRANSACTION"),
            ["ROLLBACK", "TO", ..] | ["ROLLBACK", "WORK" | "TRANSACTION", "TO", ..] => None,
            ["ROLLBACK", ..] => Some("ROLLBACK"),
            _ => None,
        }
    }
}

/// The statements of a file. Text that ends inside of a quote or comment is a statement as well: the
/// database says what is wrong with it.
pub(crate) fn split(sql: &str) -> Vec<Statement> {
    let mut statements = Vec::new();
    let mut open = Open::default();
    let mut lines = Lines { sql, at: 0, line: 1 };
    let mut at = 0;
    while let Some(c) = sql[at..].chars().next() {
        let token = token(sql, at);
        match token {
            Token::Blank(_) | Token::Comment(_) => {}
            Token::Word(_) => open.word(at, &sql[at..at + token.len()]),
            Token::Quoted(_) => open.begin(at),
            Token::Char(_) if c == ';' && !open.is_inside() => {
                statements.extend(open.close(at, &mut lines));
                open = Open::default();
            }
            Token::Char(_) => open.char(at, c),
        }
        at += token.len();
    }
    statements.extend(open.close(sql.len(), &mut lines));
    statements
}

/// A statement that has not ended.
#[derive(Default)]
struct Open {
    start: Option<usize>,
    words: Vec<String>,
    parentheses: usize,
    /// How many BEGIN and CASE of a function's body are open.
    blocks: usize,
}

impl Open {
    fn begin(&mut self, at: usize) {
        self.start.get_or_insert(at);
    }

    fn word(&mut self, at: usize, word: &str) {
        self.begin(at);
        let word = word.to_ascii_uppercase();
        // As psql does: BEGIN opens a body only in a function or procedure that is created.
        let is_routine = self.words.first().is_some_and(|first| first == "CREATE")
            && self.words.iter().take(4).any(|word| word == "FUNCTION" || word == "PROCEDURE");
        match word.as_str() {
            "BEGIN" if is_routine => self.blocks += 1,
            "CASE" if self.blocks > 0 => self.blocks += 1,
            "END" if self.blocks > 0 => self.blocks -= 1,
            _ => {}
        }
        self.words.push(word);
    }

    fn char(&mut self, at: usize, c: char) {
        self.begin(at);
        match c {
            '(' => self.parentheses += 1,
            ')' => self.parentheses = self.parentheses.saturating_sub(1),
            _ => {}
        }
    }

    fn is_inside(&self) -> bool {
        self.parentheses > 0 || self.blocks > 0
    }

    fn close(&mut self, end: usize, lines: &mut Lines<'_>) -> Option<Statement> {
        let start = self.start?;
        Some(Statement {
            text: lines.sql[start..end].trim_end().to_owned(),
            line: lines.at(start),
            words: std::mem::take(&mut self.words),
        })
    }
}

/// Counts lines from one statement to the next: from the start of a file of many statements each time
/// it would take minutes.
struct Lines<'a> {
    sql: &'a str,
    at: usize,
    line: usize,
}

impl Lines<'_> {
    /// The line of a byte that is not before the one that was asked for last.
    fn at(&mut self, at: usize) -> usize {
        self.line += line_at(&self.sql[self.at..], at - self.at) - 1;
        self.at = at;
        self.line
    }
}

/// The number of the line on which a byte stands.
pub(crate) fn line_at(sql: &str, at: usize) -> usize {
    1 + sql.as_bytes().iter().take(at).filter(|byte| **byte == b'\n').count()
}

/// A piece of SQL with its length in bytes.
enum Token {
    Blank(usize),
    Comment(usize),
    Word(usize),
    /// A string, a quoted name, or what dollars enclose.
    Quoted(usize),
    Char(usize),
}

impl Token {
    fn len(&self) -> usize {
        let (Token::Blank(len)
        | Token::Comment(len)
        | Token::Word(len)
        | Token::Quoted(len)
        | Token::Char(len)) = self;
        *len
    }
}

/// The token that begins at `at`, where a character is.
fn token(sql: &str, at: usize) -> Token {
    let rest = &sql[at..];
    let first = rest.chars().next().unwrap_or(' ');
    if first.is_whitespace() {
        return Token::Blank(first.len_utf8());
    }
    if rest.starts_with("--") {
        return Token::Comment(rest.find('\n').unwrap_or(rest.len()));
    }
    if rest.starts_with("/*") {
        return Token::Comment(block_comment(rest));
    }
    match first {
        '\'' => Token::Quoted(quoted(rest, '\'', false)),
        '"' => Token::Quoted(quoted(rest, '"', false)),
        'e' | 'E' if rest[1..].starts_with('\'') => {
            Token::Quoted(1 + quoted(&rest[1..], '\'', true))
        }
        '$' => dollar_quoted(rest).map_or(Token::Char(1), Token::Quoted),
        c if is_word(c) => {
            // A dollar inside of a word is a part of it and opens no quote.
            let end = rest.find(|c: char| !is_word(c) && c != '$').unwrap_or(rest.len());
            Token::Word(end)
        }
        c => Token::Char(c.len_utf8()),
    }
}

fn is_word(c: char) -> bool {
    c == '_' || c.is_alphanumeric()
}

/// The length of a string that begins with its quote; a doubled quote stands for itself.
fn quoted(text: &str, quote: char, backslashes: bool) -> usize {
    let mut chars = text.char_indices().skip(1).peekable();
    while let Some((at, c)) = chars.next() {
        if backslashes && c == '\\' {
            chars.next();
        } else if c == quote && chars.next_if(|(_, next)| *next == quote).is_none() {
            return at + 1;
        }
    }
    text.len()
}

/// The length of `$tag$...$tag$`, if that is what begins here.
fn dollar_quoted(text: &str) -> Option<usize> {
    let tag_end = 1 + text[1..].find(|c: char| !is_word(c))?;
    let is_tag =
        text[tag_end..].starts_with('$') && !text[1..].starts_with(|c: char| c.is_ascii_digit());
    let tag = is_tag.then(|| &text[..=tag_end])?;
    let body = &text[tag.len()..];
    Some(body.find(tag).map_or(text.len(), |end| tag.len() + end + tag.len()))
}

/// The length of a comment that may hold comments.
fn block_comment(text: &str) -> usize {
    let (mut depth, mut at) = (0_usize, 0);
    while at < text.len() {
        let rest = &text.as_bytes()[at..];
        if rest.starts_with(b"/*") {
            depth += 1;
            at += 2;
        } else if rest.starts_with(b"*/") {
            depth -= 1;
            at += 2;
            if depth == 0 {
                return at;
            }
        } else {
            at += 1;
        }
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn texts(sql: &str) -> Vec<String> {
        split(sql).into_iter().map(|statement| statement.text).collect()
    }

    #[test]
    fn only_semicolons_between_statements_end_them() {
        for one in [
            "SELECT 'a;b', E'it\\'s;', \"odd;name\"",
            "SELECT 'it''s; fine'",
            "SELECT 'back\\' -- ;\n, 1",
            "SELECT 1 /* ; /* nested; */ ; */ + 1",
            "DO $$ BEGIN RAISE NOTICE 'x;'; END $$",
            "DO $body$ BEGIN; $$ ; $$ $other$ ; END $body$",
            "CREATE RULE r AS ON INSERT TO t DO (DELETE FROM a; DELETE FROM b)",
            "CREATE OR REPLACE FUNCTION f() RETURNS int BEGIN ATOMIC SELECT 1; \
             SELECT CASE WHEN true THEN 1 ELSE 2 END; END",
            "CREATE PROCEDURE p() BEGIN ATOMIC INSERT INTO t VALUES (1); END",
            "SELECT a$b$, c -- ;\n FROM t",
            "SELECT $1 + $2",
            "SELECT 'größe;' AS größe",
        ] {
            assert_eq!(texts(one), [one], "{one}");
            assert_eq!(texts(&format!("{one};\n{one} ;")), [one, one], "{one}");
        }
    }

    #[test]
    fn comments_and_empty_statements_are_no_statements() {
        assert_eq!(texts("-- nothing;\n;; /* ; */\n"), [] as [&str; 0]);
        assert_eq!(texts("BEGIN; SELECT 1; COMMIT"), ["BEGIN", "SELECT 1", "COMMIT"]);
        assert_eq!(texts("SELECT 'open; SELECT 2;"), ["SELECT 'open; SELECT 2;"]);
        assert_eq!(texts("SELECT $x$ open;"), ["SELECT $x$ open;"]);
    }

    #[test]
    fn a_statement_knows_its_line() {
        let lines: Vec<usize> = split("-- head\n\nSELECT 1;\r\n/* x\n */ SELECT 2;")
            .iter()
            .map(|statement| statement.line)
            .collect();
        assert_eq!(lines, [3, 5]);
    }

    #[test]
    fn a_file_of_many_statements_is_split_in_time_that_grows_with_it() {
        let sql = "INSERT INTO t\nVALUES (1, 'a name');\n".repeat(50_000);
        let start = std::time::Instant::now();
        let statements = split(&sql);
        assert_eq!(statements.last().map(|it| it.line), Some(99_999));
        // Minutes, when each line is counted from the start.
        assert!(start.elapsed() < Duration::from_secs(20), "{:?}", start.elapsed());
    }

    #[test]
    fn what_cannot_run_in_a_transaction_is_found_and_nothing_else() {
        for (sql, found) in [
            ("create unique index concurrently if not exists i on t (a)", true),
            ("CREATE /* x */ INDEX\nCONCURRENTLY i ON t (a)", true),
            ("DROP INDEX CONCURRENTLY i", true),
            ("REINDEX (VERBOSE) TABLE CONCURRENTLY t", true),
            ("ALTER TABLE t DETACH PARTITION p CONCURRENTLY", true),
            ("VACUUM FULL t", true),
            ("CREATE INDEX i ON t (a)", false),
            ("-- concurrently\nCREATE INDEX i ON t (a)", false),
            ("COMMENT ON INDEX i IS 'made with CREATE INDEX CONCURRENTLY'", false),
            ("REFRESH MATERIALIZED VIEW CONCURRENTLY v", false),
            ("CREATE INDEX \"concurrently\" ON t (a)", false),
        ] {
            assert_eq!(split(sql)[0].needs_no_transaction().is_some(), found, "{sql}");
        }
    }

    #[test]
    fn the_name_of_an_index_is_as_the_catalogue_has_it() {
        for (sql, name) in [
            ("CREATE INDEX CONCURRENTLY By_Name ON t (a)", Some("by_name")),
            (
                "CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS \"By \"\"Name\" ON t (a)",
                Some("By \"Name"),
            ),
            ("DROP INDEX CONCURRENTLY IF EXISTS app.by_name CASCADE", Some("by_name")),
            ("CREATE INDEX CONCURRENTLY ON t (a)", None),
            ("CREATE INDEX by_name ON t (a)", None),
            ("VACUUM t", None),
        ] {
            assert_eq!(split(sql)[0].index_name().as_deref(), name, "{sql}");
        }
    }

    #[test]
    fn what_ends_a_transaction_is_found_and_nothing_else() {
        for (sql, found) in [
            ("commit", true),
            ("BEGIN ISOLATION LEVEL SERIALIZABLE", true),
            ("ROLLBACK", true),
            ("ROLLBACK TO SAVEPOINT a", false),
            ("SAVEPOINT a", false),
            ("DO $$ BEGIN COMMIT; END $$", false),
        ] {
            assert_eq!(split(sql)[0].controls_transaction().is_some(), found, "{sql}");
        }
    }
}
