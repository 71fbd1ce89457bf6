//! refinery's checksums: SipHash-1-3 over name, version and SQL.
//!
//! refinery's version numbers have 32 bits, or 64 with its feature `int8-versions`, and the width
//! changes every checksum; so do the line endings of the file. A history that either refinery wrote
//! is accepted, from a checkout with either kind of line ending.
//!
//! refinery-core computes one width only, as it was built: both are computed here, and tests compare
//! them with what refinery-core of either kind says.

use std::hash::{Hash, Hasher};

use siphasher::sip::SipHasher13;

use crate::files::{Migration, Repeatable};

/// The width of the version numbers in a history: refinery reads a column of its own width only.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Width {
    /// `int4`: refinery as it is by default.
    Bits32,
    /// `int8`: refinery with `int8-versions`.
    Bits64,
}

/// What a history of this width records for a migration.
///
/// The SQL is hashed with the line endings that git keeps (LF), so that a checkout with CRLF and one
/// without record the same.
pub(crate) fn canonical(migration: &Migration, width: Width) -> String {
    let sql = lf(&migration.script.sql);
    checksum(&migration.name, migration.version, &sql, width).to_string()
}

/// What is recorded for a repeatable migration, whatever its line endings.
pub(crate) fn repeatable(repeatable: &Repeatable) -> String {
    let mut hasher = SipHasher13::new();
    (&repeatable.name, lf(&repeatable.script.sql)).hash(&mut hasher);
    hasher.finish().to_string()
}

fn lf(sql: &str) -> String {
    sql.replace("\r\n", "\n")
}

/// Whether a recorded checksum is that of the migration, in any width and line ending.
pub(crate) fn matches(migration: &Migration, recorded: &str) -> bool {
    let sql = &migration.script.sql;
    let lf = lf(sql);
    let crlf = lf.replace('\n', "\r\n");
    [&lf, sql, &crlf].into_iter().any(|sql| {
        [Width::Bits32, Width::Bits64].into_iter().any(|width| {
            checksum(&migration.name, migration.version, sql, width).to_string() == recorded
        })
    })
}

fn checksum(name: &str, version: i64, sql: &str, width: Width) -> u64 {
    let mut hasher = SipHasher13::new();
    name.hash(&mut hasher);
    match (width, i32::try_from(version)) {
        (Width::Bits32, Ok(version)) => version.hash(&mut hasher),
        _ => version.hash(&mut hasher),
    }
    sql.hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn migration(sql: &str) -> Migration {
        let mut migration = Migration::example(7, "add_users");
        migration.script.sql = sql.into();
        migration
    }

    #[test]
    fn the_checksums_are_those_of_refinery() {
        let sql = "CREATE TABLE users (id int);\n";
        let ours = migration(sql);
        let wide = refinery_core::Migration::unapplied("V7__add_users", sql).unwrap();
        let narrow = refinery_core_i32::Migration::unapplied("V7__add_users", sql).unwrap();
        assert_eq!(canonical(&ours, Width::Bits64), wide.checksum().to_string());
        assert_eq!(canonical(&ours, Width::Bits32), narrow.checksum().to_string());
        assert_ne!(wide.checksum(), narrow.checksum());
    }

    #[test]
    fn line_endings_do_not_make_another_migration_and_anything_else_does() {
        let (lf, crlf) =
            (migration("SELECT 1;\nSELECT 2;\n"), migration("SELECT 1;\r\nSELECT 2;\r\n"));
        for width in [Width::Bits32, Width::Bits64] {
            assert_eq!(canonical(&lf, width), canonical(&crlf, width));
            assert!(matches(&crlf, &canonical(&lf, width)));
        }
        let by_refinery =
            refinery_core::Migration::unapplied("V7__add_users", &crlf.script.sql).unwrap();
        assert!(matches(&lf, &by_refinery.checksum().to_string()));
        assert!(!matches(&migration("SELECT 1;\nSELECT 3;\n"), &canonical(&lf, Width::Bits32)));
        assert!(!matches(&lf, "garbage"));
    }
}
