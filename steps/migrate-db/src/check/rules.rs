//! The rules: ours, and those of squawk for PostgreSQL, each with how bad it is what it finds.

use std::collections::BTreeMap;

use findings::{Finding, Severity, Source};
use landfall_toml::{Level, nearest};
use squawk_linter::{Linter, Rule, Version, Violation};
use squawk_syntax::ast::{self, AstNode};
use squawk_syntax::{Parse, SourceFile};
use step_core::Fail;

/// A file whose name, encoding, version or directive makes `up` refuse the whole folder.
pub(crate) const UNUSABLE_FILE: &str = "unusable-file";
/// A statement for which `up` refuses the file.
pub(crate) const UNUSABLE_STATEMENT: &str = "unusable-statement";
/// A migration that was merged and is changed, renamed or deleted.
pub(crate) const EDITED_AFTER_MERGE: &str = "edited-after-merge";
/// A new migration with the version of one that was merged.
pub(crate) const VERSION_COLLISION: &str = "version-collision";
/// A new migration below one that was merged.
pub(crate) const LATE_VERSION: &str = "late-version";
/// SQL that squawk does not understand. The server may be newer than its parser, or older.
pub(crate) const SYNTAX_ERROR: &str = "syntax-error";

const OURS: [(&str, Severity); 6] = [
    (UNUSABLE_FILE, Severity::Blocker),
    (UNUSABLE_STATEMENT, Severity::Blocker),
    (EDITED_AFTER_MERGE, Severity::Critical),
    (VERSION_COLLISION, Severity::Critical),
    (LATE_VERSION, Severity::Major),
    (SYNTAX_ERROR, Severity::Major),
];

/// How bad it is what a rule of squawk finds; None: the rule is off unless it is switched on.
///
/// Data that is lost is critical. Locks that stop an application while a table is read or rewritten,
/// and changes that break the version that still runs, are major: they fail the check, and are let
/// through by a comment in the file that a reviewer sees. What breaks only clients that lean on the
/// very object, or is over in a moment, is minor: shown, no failure.
///
/// The match names all rules, so that a new version of squawk does not bring one in silence.
fn default_severity(rule: Rule) -> Option<Severity> {
    match rule {
        Rule::BanDropDatabase => Some(Severity::Blocker),

        Rule::BanDropTable
        | Rule::BanDropColumn
        | Rule::BanDropSchema
        | Rule::BanTruncateCascade => Some(Severity::Critical),

        // Locks.
        Rule::RequireConcurrentIndexCreation
        | Rule::RequireConcurrentPartitionDetach
        | Rule::RequireConcurrentReindex
        | Rule::ConstraintMissingNotValid
        | Rule::AddingFieldWithDefault
        | Rule::AddingForeignKeyConstraint
        | Rule::AddingNotNullableField
        | Rule::AddingSerialPrimaryKeyField
        | Rule::ChangingColumnType
        | Rule::DisallowedUniqueConstraint
        | Rule::BanAlterDomainWithAddConstraint
        // Breaks the version that still runs, or fails on a table with rows.
        | Rule::RenamingColumn
        | Rule::RenamingTable
        | Rule::AddingRequiredField
        | Rule::BanSetSchema
        | Rule::BanDropExtension
        // The server refuses it.
        | Rule::BanDuplicateColumnAssignments => Some(Severity::Major),

        // The lock is held for a moment, and `lock_timeout` bounds the wait for it.
        Rule::RequireConcurrentIndexDeletion
        // Often dropped to be made anew in the same transaction.
        | Rule::BanDropView
        | Rule::BanDropFunction
        | Rule::BanDropType
        | Rule::BanDropDomain
        | Rule::BanDropSequence
        | Rule::RenamingObject
        // Loosens a guarantee; what writes today goes on writing.
        | Rule::BanDropNotNull
        | Rule::BanDropDefault
        | Rule::BanDropConstraint
        | Rule::BanDropGeneratedExpression
        | Rule::BanAlterIdentity
        // Two long names may be cut to one.
        | Rule::IdentifierTooLong
        // An ignore comment with an unknown rule: it ignores nothing.
        | Rule::UnusedIgnore => Some(Severity::Minor),

        // Wrong here: the step itself sets both time-outs for each migration.
        Rule::RequireLockTimeout
        | Rule::RequireStatementTimeout
        | Rule::RequireTimeoutSettings
        // Wrong here: a migration that fails is rolled back, and one without a transaction goes on with
        // the statement that failed. IF NOT EXISTS would hide an invalid index.
        | Rule::PreferRobustStmts
        // Told by `unusable-statement`, which knows how the step runs a file.
        | Rule::TransactionNesting
        | Rule::BanUncommittedTransaction
        | Rule::BanConcurrentIndexCreationInTransaction
        // Taste: types and habits that a team decides for itself. No release fails by them.
        | Rule::PreferBigintOverInt
        | Rule::PreferBigintOverSmallint
        | Rule::PreferIdentity
        | Rule::PreferTextField
        | Rule::PreferTimestampTz
        | Rule::BanCharField
        | Rule::BanCreateDomainWithConstraint
        | Rule::RequireEnumValueOrdering
        | Rule::RequireTableSchema
        // PostgreSQL 19 and later only.
        | Rule::PreferRepack
        // Off in squawk as well: what most migrations do.
        | Rule::BanDropTrigger
        | Rule::BanAlterGeneratedExpression
        | Rule::BanDropIndex
        | Rule::BanSetDefault
        | Rule::BanDisableTrigger
        | Rule::BanReplicaIdentity
        | Rule::BanDropPolicy
        | Rule::BanRevoke
        | Rule::BanReplaceViewFunction
        | Rule::BanAlterPolicyCondition
        | Rule::BanAlterPolicyRoles
        | Rule::BanCreatePolicy
        | Rule::BanAlterFunctionOptions
        | Rule::BanAlterViewOptions
        | Rule::BanAlterRoleOptions
        | Rule::BanAlterDatabaseOptions
        | Rule::BanAlterRowLevelSecurity
        | Rule::BanNewWriteRestriction
        | Rule::BanAddEnumValue
        | Rule::BanAddCompositeAttribute
        | Rule::BanAddColumn
        | Rule::BanDetachInheritance
        | Rule::BanAlterSequenceValues
        | Rule::BanAlterSystemOptions
        | Rule::BanAlterExtension => None,
    }
}

/// All rules by name, each with how bad it is what it finds; None: off.
#[derive(Debug)]
pub(crate) struct Rules {
    levels: BTreeMap<String, Option<Severity>>,
    /// Those of squawk that are on.
    squawk: Vec<Rule>,
}

impl Rules {
    /// The rules as landfall.toml has them. Where files may come out of order, late ones are none.
    ///
    /// # Errors
    /// Exit 2: there is no rule of such a name.
    pub(crate) fn new(
        configured: &BTreeMap<String, Level>,
        out_of_order: bool,
    ) -> anyhow::Result<Self> {
        let ours = OURS.map(|(name, severity)| (name.to_owned(), Some(severity)));
        let squawk = enum_iterator::all::<Rule>().map(|it| (it.to_string(), default_severity(it)));
        let mut rules: BTreeMap<_, _> = ours.into_iter().chain(squawk).collect();
        if out_of_order {
            rules.insert(LATE_VERSION.to_owned(), None);
        }
        for (name, level) in configured {
            let rule = Rule::try_from(name.as_str());
            // As squawk writes it: some rules have two names, some stand for others.
            let names: Vec<String> = match rule {
                Ok(rule) if rule.expands_to().is_empty() => vec![rule.to_string()],
                Ok(rule) => rule.expands_to().iter().map(ToString::to_string).collect(),
                Err(_) if rules.contains_key(name) => vec![name.clone()],
                Err(_) => return Err(unknown(name, &rules).into()),
            };
            rules.extend(names.into_iter().map(|name| (name, Severity::of_level(*level))));
        }
        let is_on = |rule: &Rule| rules.get(&rule.to_string()).is_some_and(Option::is_some);
        let squawk = enum_iterator::all::<Rule>().filter(is_on).collect();
        Ok(Self { levels: rules, squawk })
    }

    /// How bad it is what a rule finds; None: it is off.
    pub(crate) fn level(&self, name: &str) -> Option<Severity> {
        self.levels.get(name).copied().flatten()
    }

    /// What squawk finds in a file.
    pub(crate) fn lint(
        &self,
        source: &Source<'_>,
        sql: &str,
        no_transaction: bool,
    ) -> Vec<Finding> {
        let parse = SourceFile::parse(sql);
        let mut linter = Linter::from(self.squawk.iter().copied());
        linter.settings.assume_in_transaction = !no_transaction;
        if linter.rules.contains(&Rule::PreferRepack)
            && let Ok(version) = "19".parse::<Version>()
        {
            linter.settings.pg_version = version;
        }
        let covered = constraints_with_own_rule(&parse);
        let is_told = |it: &Violation| {
            it.code == Rule::ConstraintMissingNotValid
                && covered.contains(&usize::from(it.text_range.end()))
        };
        let violations = linter.lint(&parse, sql).into_iter().filter(|it| !is_told(it));
        let found = violations.filter_map(|it| {
            let rule = it.code.to_string();
            let range = usize::from(it.text_range.start())..usize::from(it.text_range.end());
            let finding = Finding::new(&*rule, self.level(&rule)?, it.message, source.span(range));
            let meant = format!("if it is meant so: `-- squawk-ignore {rule}` in the line above");
            Some(finding.help(match it.help {
                _ if it.code == Rule::UnusedIgnore => {
                    format!("it ignores nothing: the rules are listed at {DOCS}")
                }
                Some(help) => format!("{}; {meant}", help.trim_end_matches('.')),
                None => meant,
            }))
        });
        self.syntax_error(source, &parse).into_iter().chain(found).collect()
    }

    /// The first error alone: those after it follow from it.
    fn syntax_error(&self, source: &Source<'_>, parse: &Parse<SourceFile>) -> Option<Finding> {
        let severity = self.level(SYNTAX_ERROR)?;
        let error = parse.errors().into_iter().next()?;
        let range = usize::from(error.range().start())..usize::from(error.range().end());
        let finding = Finding::new(SYNTAX_ERROR, severity, error.message(), source.span(range));
        Some(finding.help(
            "if the server takes it all the same: syntax-error = \"info\" in landfall.toml: \
             migrate-db.check.rules",
        ))
    }
}

/// Where the constraints end that have a rule of their own: what the general one says of them is said
/// already, and NOT VALID, which it advises, is not to be had for a unique constraint.
fn constraints_with_own_rule(parse: &Parse<SourceFile>) -> Vec<usize> {
    let mut ends = Vec::new();
    for statement in parse.tree().stmts() {
        let ast::Stmt::AlterTable(table) = statement else { continue };
        for action in table.actions() {
            if let ast::AlterTableAction::AddConstraint(add) = action
                && let Some(
                    ast::Constraint::ForeignKeyConstraint(_)
                    | ast::Constraint::UniqueConstraint(_)
                    | ast::Constraint::PrimaryKeyConstraint(_),
                ) = add.constraint()
            {
                ends.push(usize::from(add.syntax().text_range().end()));
            }
        }
    }
    ends
}

/// Whether a comment in a file lets through what a rule finds.
pub(super) fn can_be_ignored(rule: &str) -> bool {
    OURS.iter().all(|(name, _)| *name != rule)
}

fn unknown(name: &str, rules: &BTreeMap<String, Option<Severity>>) -> Fail {
    let near = nearest(name, rules.keys().map(String::as_str));
    let near = near.map_or_else(String::new, |near| format!("; did you mean `{near}`?"));
    Fail::invalid(format!("landfall.toml: migrate-db.check.rules: there is no rule `{name}`{near}"))
        .help(format!("the rules of squawk are listed at {DOCS}"))
}

const DOCS: &str = "https://squawkhq.com/docs/";

#[cfg(test)]
mod tests {
    use super::*;

    fn rules(configured: &[(&str, Level)]) -> anyhow::Result<Rules> {
        let configured = configured.iter().map(|(name, level)| ((*name).to_owned(), *level));
        Rules::new(&configured.collect(), false)
    }

    /// `line severity rule` of each finding.
    fn found_by(rules: &Rules, sql: &str) -> Vec<String> {
        let source = Source::new("V1__a.sql", sql);
        let found = rules.lint(&source, sql, sql.contains("no-transaction"));
        found
            .iter()
            .map(|it| format!("{} {} {}", it.place().line(), it.severity(), it.rule()))
            .collect()
    }

    fn found(sql: &str) -> Vec<String> {
        found_by(&rules(&[]).unwrap(), sql)
    }

    #[test]
    fn what_loses_data_locks_a_table_or_breaks_the_running_version_is_found_on_its_line() {
        for (statement, finding) in [
            ("DROP TABLE users;", "critical ban-drop-table"),
            ("ALTER TABLE users DROP COLUMN name;", "critical ban-drop-column"),
            ("TRUNCATE users CASCADE;", "critical ban-truncate-cascade"),
            ("DROP SCHEMA app CASCADE;", "critical ban-drop-schema"),
            ("DROP DATABASE app;", "blocker ban-drop-database"),
            ("CREATE INDEX i ON users (name);", "major require-concurrent-index-creation"),
            ("REINDEX TABLE users;", "major require-concurrent-reindex"),
            (
                "ALTER TABLE users DETACH PARTITION u2025;",
                "major require-concurrent-partition-detach",
            ),
            (
                "ALTER TABLE users ADD CONSTRAINT c CHECK (age > 0);",
                "major constraint-missing-not-valid",
            ),
            (
                "ALTER TABLE users ADD CONSTRAINT f FOREIGN KEY (team) REFERENCES teams (id);",
                "major adding-foreign-key-constraint",
            ),
            (
                "ALTER TABLE users ADD CONSTRAINT u UNIQUE (name);",
                "major disallowed-unique-constraint",
            ),
            ("ALTER TABLE users ADD PRIMARY KEY (id);", "major adding-serial-primary-key-field"),
            ("ALTER TABLE users ALTER COLUMN id TYPE bigint;", "major changing-column-type"),
            (
                "ALTER TABLE users ADD COLUMN key uuid DEFAULT gen_random_uuid();",
                "major adding-field-with-default",
            ),
            ("ALTER TABLE users ADD COLUMN name text NOT NULL;", "major adding-required-field"),
            (
                "ALTER TABLE users ALTER COLUMN name SET NOT NULL;",
                "major adding-not-nullable-field",
            ),
            ("ALTER TABLE users RENAME COLUMN name TO title;", "major renaming-column"),
            ("ALTER TABLE users RENAME TO people;", "major renaming-table"),
            ("ALTER TABLE users SET SCHEMA app;", "major ban-set-schema"),
            ("DROP INDEX i;", "minor require-concurrent-index-deletion"),
            ("DROP VIEW v;", "minor ban-drop-view"),
            ("ALTER TABLE users ALTER COLUMN name DROP NOT NULL;", "minor ban-drop-not-null"),
        ] {
            let sql = format!("-- Why.\r\nSELECT 1;\r\n\r\n{statement}\r\nSELECT 2;\r\n");
            assert_eq!(found(&sql), [format!("4 {finding}")], "{statement}");
        }
    }

    #[test]
    fn what_harms_nobody_is_not_found() {
        for sql in [
            "CREATE TABLE users (id int PRIMARY KEY, name varchar(20), at timestamp);",
            "CREATE TABLE users (id serial PRIMARY KEY, team int REFERENCES teams (id));",
            // Nobody uses a table that is made in the same transaction.
            "CREATE TABLE users (id int);\nCREATE INDEX i ON users (id);\n\
             ALTER TABLE users ADD CONSTRAINT u UNIQUE (id);",
            "-- landfall: no-transaction\nCREATE INDEX CONCURRENTLY i ON users (name);",
            "-- landfall: no-transaction\nDROP INDEX CONCURRENTLY i;",
            "ALTER TABLE users ADD COLUMN name text;",
            "ALTER TABLE users ADD COLUMN age int NOT NULL DEFAULT 0;",
            "ALTER TABLE users ADD COLUMN at timestamptz DEFAULT now();",
            "ALTER TABLE users ADD CONSTRAINT c CHECK (age > 0) NOT VALID;",
            "ALTER TABLE users VALIDATE CONSTRAINT c;",
            "ALTER TABLE users ALTER COLUMN name SET DEFAULT '';",
            "CREATE TYPE mood AS ENUM ('good');",
            "ALTER TYPE mood ADD VALUE 'bad';",
            "CREATE OR REPLACE VIEW v AS SELECT id FROM users;",
            "CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS \
             $$ BEGIN DELETE FROM users; RETURN NEW; END $$;",
            "INSERT INTO users (id) VALUES (1) ON CONFLICT DO NOTHING;",
            "UPDATE users SET name = 'DROP TABLE users;' WHERE id = 1;",
            "GRANT SELECT ON users TO app;",
            "COMMENT ON TABLE users IS 'DROP TABLE users';",
        ] {
            assert_eq!(found(sql), [] as [&str; 0], "{sql}");
        }
    }

    #[test]
    fn the_mode_of_the_file_decides_what_is_safe() {
        let sql = "CREATE TABLE users (id int);\nCREATE INDEX i ON users (id);\n";
        assert_eq!(found(sql), [] as [&str; 0]);
        // The table is seen by others as soon as it is made.
        assert_eq!(
            found(&format!("-- landfall: no-transaction\n{sql}")),
            ["3 major require-concurrent-index-creation"]
        );
    }

    #[test]
    fn a_comment_of_squawk_lets_a_statement_through_and_one_that_does_nothing_is_told() {
        assert_eq!(
            found("-- squawk-ignore ban-drop-table\nDROP TABLE a;\nDROP TABLE b;\n"),
            ["3 critical ban-drop-table"]
        );
        assert_eq!(
            found("-- squawk-ignore-file ban-drop-table\nDROP TABLE a;\nDROP TABLE b;\n"),
            [] as [&str; 0]
        );
        let both = "-- squawk-ignore adding-foreign-key-constraint\n\
                    ALTER TABLE users ADD CONSTRAINT f FOREIGN KEY (team) REFERENCES teams (id);\n";
        assert_eq!(found(both), [] as [&str; 0], "the general rule does not step in");
        assert_eq!(
            found("-- squawk-ignore ban-drop-tabel\nDROP TABLE a;\n"),
            ["1 minor unused-ignore", "2 critical ban-drop-table"]
        );
    }

    #[test]
    fn a_syntax_error_is_told_once_with_its_line() {
        assert_eq!(found("SELECT 1;\nCREATE TABEL a (id int);\n")[0], "2 major syntax-error");
        let count = found("CREATE TABEL a (;\nSELCT 1;\nALTER TABLE;\n").len();
        assert_eq!(count, 1);
        let info = rules(&[("syntax-error", Level::Info)]).unwrap();
        assert_eq!(found_by(&info, "SELCT 1;\n"), ["1 info syntax-error"]);
    }

    #[test]
    fn an_unknown_name_in_a_comment_is_told_with_where_the_names_are() {
        let sql = "-- squawk-ignore x\n";
        let found = rules(&[]).unwrap().lint(&Source::new("a.sql", sql), sql, false);
        let shown = "a.sql:1:18: minor: unknown name x [unused-ignore]\n  help: it ignores nothing: \
                     the rules are listed at https://squawkhq.com/docs/";
        assert_eq!(found[0].to_string(), shown);
        let off = rules(&[("unused-ignore", Level::Off)]).unwrap();
        assert_eq!(found_by(&off, sql), [] as [&str; 0]);
    }

    #[test]
    fn rules_are_switched_by_name() {
        let sql = "DROP TABLE a;\nCREATE TABLE b (c char(3), at timestamp);\n";
        assert_eq!(found(sql), ["1 critical ban-drop-table"]);
        let chosen = rules(&[
            ("ban-drop-table", Level::Off),
            ("ban-char-field", Level::Blocker),
            // Another name of prefer-timestamp-tz.
            ("prefer-timestamptz", Level::Info),
        ]);
        assert_eq!(
            found_by(&chosen.unwrap(), sql),
            ["2 blocker ban-char-field", "2 info prefer-timestamp-tz"]
        );
        let timeouts = rules(&[("require-timeout-settings", Level::Minor)]).unwrap();
        assert_eq!(
            found_by(&timeouts, "ALTER TABLE a ADD COLUMN b int;"),
            ["1 minor require-lock-timeout", "1 minor require-statement-timeout"]
        );
        let repack = rules(&[("prefer-repack", Level::Minor)]).unwrap();
        let vacuum = "-- landfall: no-transaction\nVACUUM FULL a;";
        assert_eq!(found_by(&repack, vacuum), ["2 minor prefer-repack"]);
        assert_eq!(found(vacuum), [] as [&str; 0]);
    }

    #[test]
    fn the_readme_lists_the_rules_that_are_on_with_their_severities() {
        let readme = include_str!("../../README.md");
        let rows = |start: &str, name: &str| {
            let name = format!("`{name}`");
            readme.lines().filter(|row| row.starts_with(start) && row.contains(&name)).count()
        };
        for rule in enum_iterator::all::<Rule>() {
            let name = rule.to_string();
            for severity in Severity::ALL {
                let count = usize::from(default_severity(rule) == Some(severity));
                assert_eq!(rows(&format!("| {severity}"), &name), count, "{name} {severity}");
            }
        }
        for (name, severity) in OURS {
            let row = readme.lines().find(|row| row.starts_with(&format!("| `{name}`")));
            assert!(row.is_some_and(|row| row.contains(&format!("| {severity} |"))), "{name}");
        }
    }

    #[test]
    fn an_unknown_rule_is_an_error_with_the_nearest_name() {
        for (name, near) in [
            ("ban-drop-colum", "did you mean `ban-drop-column`?"),
            ("late-versoin", "did you mean `late-version`?"),
        ] {
            let err = rules(&[(name, Level::Off)]).unwrap_err();
            let message = err.to_string();
            assert!(message.contains(&format!("no rule `{name}`; {near}")), "{message}");
            assert_eq!(Fail::of(&err).unwrap().exit(), step_core::Exit::Invalid);
        }
    }

    #[test]
    fn late_files_are_no_finding_where_they_are_allowed_unless_the_rule_says_so() {
        assert_eq!(rules(&[]).unwrap().level(LATE_VERSION), Some(Severity::Major));
        let none = BTreeMap::new();
        assert_eq!(Rules::new(&none, true).unwrap().level(LATE_VERSION), None);
        let set = BTreeMap::from([(LATE_VERSION.to_owned(), Level::Minor)]);
        assert_eq!(Rules::new(&set, true).unwrap().level(LATE_VERSION), Some(Severity::Minor));
    }
}
