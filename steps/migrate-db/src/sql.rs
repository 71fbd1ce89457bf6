//! SQL as statements: where each begins and ends, and what it must not be run with.
//!
//! A statement that cannot share a transaction has to be sent by itself, so a file has to be split.
//! Strings, comments, quoted names, parentheses and the bodies of routines and triggers may hold
//! semicolons that end nothing; which of these there are differs between the databases.

use std::hash::{Hash, Hasher};

use siphasher::sip::SipHasher13;

/// Whose SQL it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Dialect {
    /// PostgreSQL.
    Postgres,
    /// MySQL and MariaDB.
    Mysql,
    /// SQLite.
    Sqlite,
}

/// A statement of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Statement {
    /// Its text, without the semicolon.
    pub(crate) text: String,
    /// The line of the file on which its first word stands.
    pub(crate) line: usize,
    /// Its words outside of strings and comments, in upper case.
    words: Vec<String>,
    dialect: Dialect,
}

/// What a statement of MySQL defines, changes or drops.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Subject {
    /// As `SHOW CREATE` takes it: TABLE, VIEW, PROCEDURE, ...
    pub(crate) kind: String,
    /// As the statement writes it, with quotes and its database.
    pub(crate) name: String,
}

impl Statement {
    fn words(&self) -> Vec<&str> {
        self.words.iter().map(String::as_str).collect()
    }

    /// What it is, if it cannot be run in a transaction.
    pub(crate) fn needs_no_transaction(&self) -> Option<&'static str> {
        match self.dialect {
            Dialect::Postgres => self.needs_no_transaction_of_postgres(),
            // What defines something ends the transaction, and is run like that.
            Dialect::Mysql => None,
            Dialect::Sqlite => match self.words().as_slice() {
                ["VACUUM", ..] => Some("VACUUM"),
                ["PRAGMA", "JOURNAL_MODE", ..] => Some("PRAGMA journal_mode"),
                _ => None,
            },
        }
    }

    fn needs_no_transaction_of_postgres(&self) -> Option<&'static str> {
        let words = self.words();
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

    /// Whether it can be undone together with a mark in the journal, because both are in one
    /// transaction. In MySQL every statement that defines something ends the transaction.
    pub(crate) fn shares_transaction(&self) -> bool {
        let first = self.words.first().map_or("", String::as_str);
        match self.dialect {
            // A procedure may end the transaction that it runs in.
            Dialect::Postgres => {
                self.needs_no_transaction().is_none() && !matches!(first, "CALL" | "DO")
            }
            Dialect::Sqlite => self.needs_no_transaction().is_none() && first != "PRAGMA",
            Dialect::Mysql => matches!(
                first,
                "SELECT"
                    | "INSERT"
                    | "UPDATE"
                    | "DELETE"
                    | "REPLACE"
                    | "WITH"
                    | "SET"
                    | "USE"
                    | "DO"
                    | "VALUES"
                    | "TABLE"
                    | "SHOW"
            ),
        }
    }

    /// Whether it sets something for the statements that follow on the same connection, so that a
    /// run that goes on after it has to say it again.
    pub(crate) fn is_setting(&self) -> bool {
        match self.words().as_slice() {
            ["SET", ..] | ["RESET", ..] | ["USE", ..] => true,
            ["SELECT", rest @ ..] => rest.contains(&"SET_CONFIG"),
            ["PRAGMA" | "ATTACH", ..] => self.dialect == Dialect::Sqlite,
            _ => false,
        }
    }

    /// The name of the index that `CREATE` or `DROP INDEX CONCURRENTLY` is about, as the catalogue
    /// has it.
    pub(crate) fn index_name(&self) -> Option<String> {
        let kind = self.needs_no_transaction()?;
        if !kind.ends_with("INDEX CONCURRENTLY") {
            return None;
        }
        let mut is_after = false;
        let mut name = None;
        for (token, piece) in self.pieces() {
            match token {
                Token::Word(_) if !is_after => {
                    is_after = piece.eq_ignore_ascii_case("CONCURRENTLY");
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

    /// What a statement that defines something is about, so that one can look whether it was done.
    pub(crate) fn subject(&self) -> Option<Subject> {
        const KINDS: [&str; 7] =
            ["TABLE", "VIEW", "PROCEDURE", "FUNCTION", "TRIGGER", "EVENT", "INDEX"];
        let pieces: Vec<(Token, &str)> = self.pieces().collect();
        let word = |at: usize| {
            let (token, piece) = pieces.get(at)?;
            matches!(token, Token::Word(_)).then(|| piece.to_ascii_uppercase())
        };
        if !matches!(word(0)?.as_str(), "CREATE" | "ALTER" | "DROP" | "RENAME") {
            return None;
        }
        let find = |known: &[&str], from: usize| {
            (from..pieces.len())
                .find(|at| word(*at).is_some_and(|word| known.contains(&word.as_str())))
        };
        let mut at = find(&KINDS, 1)?;
        let mut kind = word(at)?;
        if kind == "INDEX" {
            at = find(&["ON"], at)?;
            kind = "TABLE".to_owned();
        }
        at += 1;
        while word(at).is_some_and(|word| matches!(word.as_str(), "IF" | "NOT" | "EXISTS")) {
            at += 1;
        }
        let name: String = pieces[at..]
            .iter()
            .enumerate()
            .take_while(|(n, (token, piece))| match token {
                Token::Word(_) | Token::Quoted(_) => n % 2 == 0,
                _ => n % 2 == 1 && *piece == ".",
            })
            .map(|(_, (_, piece))| *piece)
            .collect();
        (!name.is_empty()).then_some(Subject { kind, name })
    }

    /// What it is, if it begins or ends a transaction.
    pub(crate) fn controls_transaction(&self) -> Option<&'static str> {
        match self.words().as_slice() {
            ["BEGIN", ..] => Some("BEGIN"),
            ["START", "TRANSACTION", ..] => Some("START TRANSACTION"),
            ["COMMIT", ..] => Some("COMMIT"),
            ["END", ..] => Some("END"),
            ["ABORT", ..] => Some("ABORT"),
            ["PREPARE", "TRANSACTION", ..] => Some("PREPARE TRANSACTION"),
            ["ROLLBACK", "TO", ..] | ["ROLLBACK", "WORK" | "TRANSACTION", "TO", ..] => None,
            ["ROLLBACK", ..] => Some("ROLLBACK"),
            ["XA", ..] => Some("XA"),
            _ => None,
        }
    }

    /// Its tokens but blanks and comments, each with its text.
    fn pieces(&self) -> impl Iterator<Item = (Token, &str)> {
        let mut at = 0;
        std::iter::from_fn(move || {
            while at < self.text.len() {
                let token = token(&self.text, at, self.dialect);
                let piece = &self.text[at..at + token.len()];
                at += token.len();
                if !matches!(token, Token::Blank(_) | Token::Comment(_) | Token::Conditional(_)) {
                    return Some((token, piece));
                }
            }
            None
        })
    }
}

/// The statements of a file. Text that ends inside of a quote or comment is a statement as well: the
/// database says what is wrong with it.
pub(crate) fn split(sql: &str, dialect: Dialect) -> Vec<Statement> {
    let mut statements = Vec::new();
    let mut open = Open::new(dialect);
    let mut delimiter = ";";
    let (mut at, mut line, mut counted) = (0, 1, 0);
    while at < sql.len() {
        let rest = &sql[at..];
        if open.start.is_none() {
            line += line_at(&sql[counted..], at - counted) - 1;
            counted = at;
            open.line = line;
        }
        if dialect == Dialect::Mysql
            && open.start.is_none()
            && let Some((len, set)) = delimiter_command(rest)
        {
            delimiter = set;
            at += len;
            continue;
        }
        if rest.starts_with(delimiter) && (delimiter != ";" || !open.is_inside()) {
            statements.extend(open.close(sql, at));
            open = Open::new(dialect);
            at += delimiter.len();
            continue;
        }
        let mut token = token(sql, at, dialect);
        // `END$$`: a delimiter ends a word as well.
        if let Token::Word(len) = token
            && let Some(cut) = rest[..len].find(delimiter)
        {
            token = Token::Word(cut);
        }
        match token {
            Token::Blank(_) | Token::Comment(_) => {}
            Token::Word(len) => open.word(at, &rest[..len], &rest[len..]),
            Token::Quoted(_) | Token::Conditional(_) => open.quoted(at),
            Token::Char(_) => open.char(at, rest.chars().next().unwrap_or(' ')),
        }
        at += token.len();
    }
    statements.extend(open.close(sql, sql.len()));
    statements
}

/// `DELIMITER $$`, which mysql's own client understands and the server does not: its length up to
/// the end of the line, and the delimiter.
fn delimiter_command(rest: &str) -> Option<(usize, &str)> {
    const COMMAND: &str = "DELIMITER";
    let line = rest.lines().next()?;
    let is_command = line.get(..COMMAND.len())?.eq_ignore_ascii_case(COMMAND);
    let argument = line.get(COMMAND.len()..)?;
    let set = argument.split_whitespace().next().filter(|_| argument.starts_with([' ', '\t']))?;
    is_command.then_some((line.len(), set))
}

/// A statement that has not ended.
struct Open {
    dialect: Dialect,
    start: Option<usize>,
    line: usize,
    words: Vec<String>,
    parentheses: usize,
    /// How many blocks of a body are open: BEGIN, CASE, and in MySQL IF, LOOP and the like.
    blocks: usize,
    /// What stands before: a word in upper case, a character, or nothing of both.
    before: String,
}

impl Open {
    fn new(dialect: Dialect) -> Self {
        let (words, before) = (Vec::new(), String::new());
        Self { dialect, start: None, line: 1, words, parentheses: 0, blocks: 0, before }
    }

    fn quoted(&mut self, at: usize) {
        self.start.get_or_insert(at);
        self.before.clear();
    }

    fn word(&mut self, at: usize, word: &str, rest: &str) {
        self.start.get_or_insert(at);
        let word = word.to_ascii_uppercase();
        if self.has_body() {
            match word.as_str() {
                // `END IF`: the END has closed it.
                _ if self.before == "END" && word != "END" => {}
                "END" => self.blocks = self.blocks.saturating_sub(1),
                "BEGIN" => self.blocks += 1,
                "CASE" if self.blocks > 0 || self.dialect == Dialect::Mysql => self.blocks += 1,
                _ if self.dialect == Dialect::Mysql && self.opens_block(&word, rest) => {
                    self.blocks += 1;
                }
                _ => {}
            }
        }
        self.before.clone_from(&word);
        self.words.push(word);
    }

    /// Whether it is a statement that holds others: BEGIN opens a body only in what is created as
    /// a routine, a trigger or an event, as psql and sqlite3 see it, too.
    fn has_body(&self) -> bool {
        let is = |kinds: &[&str], among: usize| {
            self.words.iter().take(among).any(|word| kinds.contains(&word.as_str()))
        };
        self.words.first().is_some_and(|first| first == "CREATE")
            && match self.dialect {
                Dialect::Postgres => is(&["FUNCTION", "PROCEDURE"], 4),
                Dialect::Sqlite => is(&["TRIGGER"], 3),
                // DEFINER = somebody comes before.
                Dialect::Mysql => is(&["FUNCTION", "PROCEDURE", "TRIGGER", "EVENT"], 10),
            }
    }

    /// Whether a word of a body in MySQL begins a statement that ends with END. IF and REPEAT are
    /// functions as well, and IF stands in IF EXISTS.
    fn opens_block(&self, word: &str, rest: &str) -> bool {
        let begins_statement = if self.blocks > 0 {
            matches!(
                self.before.as_str(),
                ";" | ":" | "BEGIN" | "THEN" | "ELSE" | "DO" | "LOOP" | "REPEAT"
            )
        } else {
            matches!(
                self.before.as_str(),
                ")" | ":" | "ROW" | "DO" | "DETERMINISTIC" | "SQL" | "DATA" | "INVOKER" | "DEFINER"
            )
        };
        match word {
            "LOOP" | "WHILE" => true,
            "REPEAT" => !rest.trim_start().starts_with('('),
            "IF" => begins_statement && !has_arguments(rest),
            "FOR" => begins_statement,
            _ => false,
        }
    }

    fn char(&mut self, at: usize, c: char) {
        self.start.get_or_insert(at);
        match c {
            '(' => self.parentheses += 1,
            ')' => self.parentheses = self.parentheses.saturating_sub(1),
            _ => {}
        }
        self.before = c.to_string();
    }

    fn is_inside(&self) -> bool {
        self.parentheses > 0 || self.blocks > 0
    }

    fn close(&mut self, sql: &str, end: usize) -> Option<Statement> {
        let start = self.start?;
        Some(Statement {
            text: sql[start..end].trim_end().to_owned(),
            line: self.line,
            words: std::mem::take(&mut self.words),
            dialect: self.dialect,
        })
    }
}

/// Whether a list of several arguments follows: `IF(a, b, c)` is a function, `IF (a) THEN` is not.
fn has_arguments(rest: &str) -> bool {
    let (mut at, mut depth) = (0, 0_usize);
    while at < rest.len() {
        let token = token(rest, at, Dialect::Mysql);
        match (token, &rest[at..at + token.len()]) {
            (Token::Char(_), "(") => depth += 1,
            (Token::Char(_), ")") if depth <= 1 => return false,
            (Token::Char(_), ")") => depth -= 1,
            (Token::Char(_), ",") if depth == 1 => return true,
            (Token::Blank(_) | Token::Comment(_), _) => {}
            _ if depth == 0 => return false,
            _ => {}
        }
        at += token.len();
    }
    false
}

/// A digest of the first statements, for each number of them from none to all.
pub(crate) fn digests(statements: &[Statement]) -> Vec<String> {
    let mut hasher = SipHasher13::new();
    let mut digests = vec![hasher.finish().to_string()];
    digests.extend(statements.iter().map(|one| {
        one.text.replace("\r\n", "\n").hash(&mut hasher);
        hasher.finish().to_string()
    }));
    digests
}

/// The number of the line on which a byte stands.
pub(crate) fn line_at(sql: &str, at: usize) -> usize {
    1 + sql.as_bytes().iter().take(at).filter(|byte| **byte == b'\n').count()
}

/// A piece of SQL with its length in bytes.
#[derive(Debug, Clone, Copy)]
enum Token {
    Blank(usize),
    Comment(usize),
    /// `/*!50100`: what follows is no comment to MySQL.
    Conditional(usize),
    Word(usize),
    /// A string, a quoted name, or what dollars enclose.
    Quoted(usize),
    Char(usize),
}

impl Token {
    fn len(self) -> usize {
        let (Token::Blank(len)
        | Token::Comment(len)
        | Token::Conditional(len)
        | Token::Word(len)
        | Token::Quoted(len)
        | Token::Char(len)) = self;
        len
    }
}

/// The token that begins at `at`, where a character is.
fn token(sql: &str, at: usize, dialect: Dialect) -> Token {
    let rest = &sql[at..];
    let first = rest.chars().next().unwrap_or(' ');
    if first.is_whitespace() {
        return Token::Blank(first.len_utf8());
    }
    let mysql = dialect == Dialect::Mysql;
    // To MySQL `1--1` is a subtraction.
    let is_comment = rest.starts_with("--")
        && (!mysql || rest[2..].trim_start() != &rest[2..] || rest.len() == 2);
    if is_comment || (mysql && first == '#') {
        return Token::Comment(rest.find('\n').unwrap_or(rest.len()));
    }
    if mysql && (rest.starts_with("/*!") || rest.starts_with("/*M!")) {
        let mark = rest.find('!').map_or(0, |at| at + 1);
        let digits = rest[mark..].bytes().take_while(u8::is_ascii_digit).count();
        return Token::Conditional(mark + digits);
    }
    if rest.starts_with("/*") {
        return Token::Comment(block_comment(rest, dialect == Dialect::Postgres));
    }
    match (first, dialect) {
        ('\'', _) | ('"', Dialect::Mysql) => Token::Quoted(quoted(rest, first, mysql)),
        ('"', _) | ('`', Dialect::Mysql | Dialect::Sqlite) => {
            Token::Quoted(quoted(rest, first, false))
        }
        ('[', Dialect::Sqlite) => Token::Quoted(rest.find(']').map_or(rest.len(), |end| end + 1)),
        ('e' | 'E', Dialect::Postgres) if rest[1..].starts_with('\'') => {
            Token::Quoted(1 + quoted(&rest[1..], '\'', true))
        }
        ('$', Dialect::Postgres) => dollar_quoted(rest).map_or(Token::Char(1), Token::Quoted),
        (c, _) if is_word(c) => {
            // A dollar inside of a word is a part of it and opens no quote.
            let end = rest.find(|c: char| !is_word(c) && c != '$').unwrap_or(rest.len());
            Token::Word(end)
        }
        (c, _) => Token::Char(c.len_utf8()),
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

/// The length of a comment, which in PostgreSQL may hold comments.
fn block_comment(text: &str, nests: bool) -> usize {
    let (mut depth, mut at) = (0_usize, 0);
    while at < text.len() {
        let rest = &text.as_bytes()[at..];
        if rest.starts_with(b"/*") && (nests || depth == 0) {
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
    use super::*;

    fn texts(sql: &str) -> Vec<String> {
        texts_in(sql, Dialect::Postgres)
    }

    fn texts_in(sql: &str, dialect: Dialect) -> Vec<String> {
        split(sql, dialect).into_iter().map(|statement| statement.text).collect()
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
        let lines: Vec<usize> =
            split("-- head\n\nSELECT 1;\r\n/* x\n */ SELECT 2;", Dialect::Postgres)
                .iter()
                .map(|statement| statement.line)
                .collect();
        assert_eq!(lines, [3, 5]);
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
            assert_eq!(
                split(sql, Dialect::Postgres)[0].needs_no_transaction().is_some(),
                found,
                "{sql}"
            );
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
            assert_eq!(split(sql, Dialect::Postgres)[0].index_name().as_deref(), name, "{sql}");
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
            assert_eq!(
                split(sql, Dialect::Postgres)[0].controls_transaction().is_some(),
                found,
                "{sql}"
            );
        }
    }

    #[test]
    fn bodies_quotes_and_comments_of_mysql_hold_semicolons() {
        for one in [
            "SELECT 'a\\';b', \"c\\\";d\", `e;f`",
            "SELECT 1 # ; \n + 2 -- ; \n - 3",
            "SELECT 1--1",
            "SELECT 1 /* ; /* not nested; */ + 1",
            "/*!40101 SET NAMES utf8 */",
            "CREATE PROCEDURE p() BEGIN DECLARE i INT DEFAULT 0; WHILE i < 3 DO SET i = i + 1; \
             END WHILE; IF i > 1 THEN SELECT 1; ELSEIF i > 0 THEN SELECT 2; END IF; \
             l: LOOP LEAVE l; END LOOP l; REPEAT SET i = 1; UNTIL TRUE END REPEAT; \
             SELECT CASE WHEN i THEN IF(i, 1, 2) ELSE REPEAT('x', 2) END; \
             CASE i WHEN 1 THEN SELECT 1; ELSE BEGIN END; END CASE; END",
            "CREATE DEFINER=`root`@`localhost` TRIGGER t BEFORE INSERT ON a FOR EACH ROW \
             IF NEW.n > 1 THEN SET NEW.n = 1; END IF",
            "CREATE TRIGGER t BEFORE INSERT ON a FOR EACH ROW BEGIN SET NEW.n = 1; END",
            "CREATE FUNCTION f(a INT) RETURNS INT DETERMINISTIC RETURN IF(a > 1, 1, 2)",
            "CREATE PROCEDURE IF NOT EXISTS p() SELECT 1",
            "CREATE EVENT e ON SCHEDULE EVERY 1 HOUR DO BEGIN DELETE FROM a; DELETE FROM b; END",
        ] {
            let texts = |sql: &str| texts_in(sql, Dialect::Mysql);
            assert_eq!(texts(one), [one], "{one}");
            assert_eq!(texts(&format!("{one}\n;{one}\n;")), [one, one], "{one}");
        }
    }

    #[test]
    fn the_command_delimiter_says_what_ends_a_statement_of_mysql() {
        let sql = "SELECT 1;\nDELIMITER $$\nCREATE PROCEDURE p() BEGIN SELECT '$$'; END$$\n\
                   delimiter //\nSELECT 2; SELECT 3//\nDELIMITER ;\nSELECT 4;";
        let found = split(sql, Dialect::Mysql);
        let texts: Vec<&str> = found.iter().map(|one| one.text.as_str()).collect();
        assert_eq!(
            texts,
            [
                "SELECT 1",
                "CREATE PROCEDURE p() BEGIN SELECT '$$'; END",
                "SELECT 2; SELECT 3",
                "SELECT 4"
            ]
        );
        assert_eq!(found.iter().map(|one| one.line).collect::<Vec<_>>(), [1, 3, 5, 7]);
        // To the others it is a word.
        assert_eq!(texts_in("DELIMITER $$\nSELECT 1", Dialect::Sqlite).len(), 1);
    }

    #[test]
    fn triggers_and_names_of_sqlite_hold_semicolons() {
        for one in [
            "CREATE TEMP TRIGGER t AFTER INSERT ON a BEGIN INSERT INTO b SELECT CASE WHEN 1 THEN 2 \
             END; DELETE FROM c; END",
            "SELECT [a;b], `c;d`, \"e;f\", 'back\\'",
            "SELECT $1, '$x$ ;'",
        ] {
            let texts = |sql: &str| texts_in(sql, Dialect::Sqlite);
            assert_eq!(texts(&format!("{one};{one}")), [one, one], "{one}");
        }
    }

    #[test]
    fn what_a_statement_of_mysql_is_about_is_found() {
        for (sql, subject) in [
            ("CREATE TABLE IF NOT EXISTS `a b`.users (id int)", Some(("TABLE", "`a b`.users"))),
            ("create unique index i using btree on users (name)", Some(("TABLE", "users"))),
            ("ALTER ONLINE TABLE users ADD INDEX (name)", Some(("TABLE", "users"))),
            ("DROP INDEX i ON app.users", Some(("TABLE", "app.users"))),
            ("RENAME TABLE a TO b, c TO d", Some(("TABLE", "a"))),
            ("DROP TABLE IF EXISTS a, b", Some(("TABLE", "a"))),
            (
                "CREATE OR REPLACE ALGORITHM=MERGE DEFINER=x SQL SECURITY INVOKER VIEW v AS SELECT 1",
                Some(("VIEW", "v")),
            ),
            (
                "/*!50003 CREATE TRIGGER t BEFORE INSERT ON a FOR EACH ROW SET x=1 */",
                Some(("TRIGGER", "t")),
            ),
            ("DROP PROCEDURE p", Some(("PROCEDURE", "p"))),
            ("INSERT INTO a VALUES (1)", None),
            ("GRANT ALL ON a TO b", None),
        ] {
            let found = split(sql, Dialect::Mysql)[0].subject();
            let found = found.as_ref().map(|it| (it.kind.as_str(), it.name.as_str()));
            assert_eq!(found, subject, "{sql}");
        }
    }

    #[test]
    fn what_shares_a_transaction_with_its_mark_is_told_for_each_database() {
        use Dialect::{Mysql, Postgres, Sqlite};
        for (sql, dialect, shares) in [
            ("CREATE TABLE a (id int)", Postgres, true),
            ("CREATE TABLE a (id int)", Sqlite, true),
            ("CREATE TABLE a (id int)", Mysql, false),
            ("insert into a values (1)", Mysql, true),
            ("CALL p()", Mysql, false),
            ("CALL p()", Postgres, false),
            ("VACUUM", Sqlite, false),
            ("PRAGMA user_version = 3", Sqlite, false),
        ] {
            assert_eq!(split(sql, dialect)[0].shares_transaction(), shares, "{sql} {dialect:?}");
        }
    }
}
