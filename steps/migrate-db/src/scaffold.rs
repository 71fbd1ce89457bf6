//! `new`: the next migration, to be filled in.

use std::path::PathBuf;

use step_core::{Fail, write_atomically};

use crate::files::{self, Files, Migration};
use crate::settings::Settings;

/// Writes an empty migration with the next version, and returns its path.
///
/// # Errors
/// Exit 2: the name cannot be made one, or the folder holds something wrong.
pub(crate) fn write(settings: &Settings, name: &str) -> anyhow::Result<PathBuf> {
    let words = snake(name);
    if words.is_empty() {
        return Err(Fail::invalid(format!("`{name}` is no name: say in words what it does")).into());
    }
    let known = if settings.folder.exists() {
        files::read(&settings.folder, true)?
    } else {
        Files::default()
    };
    let now = jiff::Timestamp::now().strftime("%Y%m%d%H%M%S").to_string();
    let version = next(&known.migrations, now.parse()?);
    let path = settings.folder.join(format!("V{version}__{words}.sql"));
    if !settings.dry_run {
        write_atomically(&path, format!("-- {}\n", name.trim()).as_bytes())?;
    }
    Ok(path)
}

/// One more than the newest; the time, where the newest is one.
fn next(known: &[Migration], now: i64) -> i64 {
    let newest = known.last().map_or(0, |migration| migration.version);
    if newest >= FIRST_TIME { now.max(newest + 1) } else { newest + 1 }
}

/// The smallest number that is a time of 14 digits.
const FIRST_TIME: i64 = 10_000_000_000_000;

/// `Add users & teams`: add_users_teams.
fn snake(name: &str) -> String {
    let lower = name.to_lowercase();
    let words: Vec<&str> =
        lower.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).collect();
    words.join("_")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_next_version_follows_the_kind_of_the_newest() {
        let known = |version| vec![Migration::example(1, "a"), Migration::example(version, "b")];
        let now = 20_260_131_120_000;
        assert_eq!(next(&[], now), 1);
        assert_eq!(next(&known(9), now), 10);
        assert_eq!(next(&known(20_260_101_000_000), now), now);
        assert_eq!(next(&known(20_270_101_000_000), now), 20_270_101_000_001);
    }

    #[test]
    fn words_become_a_name() {
        assert_eq!(snake("Add users & Teams!"), "add_users_teams");
        assert_eq!(snake("--"), "");
    }
}
