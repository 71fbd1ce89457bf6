//! The tables that the step writes, and the SQL on them.

use crate::checksum::Width;
use crate::database::Edit;
use crate::plan::{Mark, REPEATABLES, Row, TABLE};
use crate::sql::Dialect;

/// Where the tables lie, and how their database writes SQL.
#[derive(Debug, Clone)]
pub(super) struct Tables {
    pub(super) dialect: Dialect,
    pub(super) history: String,
    pub(super) repeatables: String,
    pub(super) journal: String,
}

/// The journal of files that are not one transaction. Its rows go when their migration is recorded.
pub(super) const JOURNAL: &str = "landfall_migration_journal";

impl Tables {
    /// `prefix` is empty, or a schema with its quotes and its dot.
    pub(super) fn new(dialect: Dialect, prefix: &str) -> Self {
        let table = |name: &str| format!("{prefix}{name}");
        Self {
            dialect,
            history: table(TABLE),
            repeatables: table(REPEATABLES),
            journal: table(JOURNAL),
        }
    }

    /// The table of the history, as refinery makes it.
    pub(super) fn create_history(&self, width: Width) -> String {
        let version = match width {
            Width::Bits32 => "int4",
            Width::Bits64 => "int8",
        };
        format!(
            "CREATE TABLE IF NOT EXISTS {}(version {version} PRIMARY KEY, name VARCHAR(255), \
             applied_on VARCHAR(255), checksum VARCHAR(255))",
            self.history
        )
    }

    /// The table of the repeatable migrations.
    pub(super) fn create_repeatables(&self) -> String {
        format!(
            "CREATE TABLE IF NOT EXISTS {}(name VARCHAR(255) PRIMARY KEY, applied_on VARCHAR(255) \
             NOT NULL, checksum VARCHAR(255) NOT NULL)",
            self.repeatables
        )
    }

    /// The table of the journal.
    pub(super) fn create_journal(&self) -> String {
        format!(
            "CREATE TABLE IF NOT EXISTS {}(id VARCHAR(300) PRIMARY KEY, done int NOT NULL, digest \
             VARCHAR(255) NOT NULL, state VARCHAR(255) NOT NULL)",
            self.journal
        )
    }

    /// The statement that changes the history, as refinery writes it. More than one are one only in
    /// a transaction.
    pub(super) fn edit(&self, edit: &Edit) -> String {
        let text = |text: &str| self.literal(text);
        match edit {
            Edit::Insert(Row { version, name, applied_on, checksum }) => format!(
                "INSERT INTO {} (version, name, applied_on, checksum) VALUES ({version}, {}, {}, {})",
                self.history,
                text(name),
                text(applied_on),
                text(checksum)
            ),
            Edit::Update(row) => format!(
                "UPDATE {} SET name = {}, checksum = {} WHERE version = {}",
                self.history,
                text(&row.name),
                text(&row.checksum),
                row.version
            ),
            Edit::Delete(version) => {
                format!("DELETE FROM {} WHERE version = {version}", self.history)
            }
            Edit::Repeat(row) => format!(
                "{}; INSERT INTO {} (name, applied_on, checksum) VALUES ({}, {}, {})",
                self.edit(&Edit::ForgetRepeatable(row.name.clone())),
                self.repeatables,
                text(&row.name),
                text(&row.applied_on),
                text(&row.checksum)
            ),
            Edit::ForgetMark(id) => self.forget_mark(id),
            Edit::ForgetRepeatable(name) => {
                format!("DELETE FROM {} WHERE name = {}", self.repeatables, text(name))
            }
        }
    }

    /// What the journal says of all files.
    pub(super) fn marks(&self) -> String {
        format!("SELECT id, done, digest, state FROM {} ORDER BY id", self.journal)
    }

    /// What the journal says of a file.
    pub(super) fn find_mark(&self, id: &str) -> String {
        let id = self.literal(id);
        format!("SELECT done, digest, state FROM {} WHERE id = {id}", self.journal)
    }

    /// One statement that writes a mark over the last one.
    pub(super) fn mark(&self, mark: &Mark) -> String {
        let (verb, or_update) = match self.dialect {
            Dialect::Postgres => (
                "INSERT",
                " ON CONFLICT (id) DO UPDATE SET done = EXCLUDED.done, digest = EXCLUDED.digest, \
                 state = EXCLUDED.state",
            ),
            Dialect::Mysql | Dialect::Sqlite => ("REPLACE", ""),
        };
        format!(
            "{verb} INTO {} (id, done, digest, state) VALUES ({}, {}, {}, {}){or_update}",
            self.journal,
            self.literal(&mark.id),
            mark.done,
            self.literal(&mark.digest),
            self.literal(&mark.state)
        )
    }

    /// Removes the mark of a file that is done.
    pub(super) fn forget_mark(&self, id: &str) -> String {
        format!("DELETE FROM {} WHERE id = {}", self.journal, self.literal(id))
    }

    /// A text as a literal of SQL. Names of migrations are words, but rows may hold anything.
    fn literal(&self, text: &str) -> String {
        let text = match self.dialect {
            Dialect::Mysql => text.replace('\\', "\\\\"),
            Dialect::Postgres | Dialect::Sqlite => text.to_owned(),
        };
        format!("'{}'", text.replace('\'', "''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_text_of_a_row_ends_its_literal() {
        for (dialect, sql) in [
            (Dialect::Postgres, r"DELETE FROM landfall_migration_journal WHERE id = 'a''\'"),
            (Dialect::Mysql, r"DELETE FROM landfall_migration_journal WHERE id = 'a''\\'"),
        ] {
            assert_eq!(Tables::new(dialect, "").forget_mark(r"a'\"), sql);
        }
    }
}
