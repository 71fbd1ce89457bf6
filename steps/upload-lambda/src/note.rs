//! What is written into the description of an alias: the version that it had before. Pure.

/// The description with the version to go back to; what others wrote there stays.
pub(crate) fn with_previous(description: &str, version: &str) -> String {
    joined(own(description), &format!("{PREVIOUS}{version}]"))
}

/// The description of an alias that went back: going back once more is nothing to do.
pub(crate) fn with_rollback(description: &str, from: &str) -> String {
    joined(own(description), &format!("{ROLLED_BACK}{from}]"))
}

/// The version that the alias had before, as it is written down.
pub(crate) fn previous(description: &str) -> Option<&str> {
    marked(description, PREVIOUS)
}

/// The version that the alias was taken back from, if that was its last move.
pub(crate) fn rolled_back(description: &str) -> Option<&str> {
    marked(description, ROLLED_BACK)
}

const PREVIOUS: &str = "[previous version: ";
const ROLLED_BACK: &str = "[rolled back from version: ";
/// Lambda takes so many characters.
/// <https://docs.aws.amazon.com/lambda/latest/api/API_UpdateAlias.html>
const LONGEST: usize = 256;

fn marked<'a>(description: &'a str, mark: &str) -> Option<&'a str> {
    let (_, rest) = description.rsplit_once(mark)?;
    rest.strip_suffix(']').filter(|version| version.bytes().all(|byte| byte.is_ascii_digit()))
}

/// The description without what this step wrote.
fn own(description: &str) -> &str {
    let marks = [PREVIOUS, ROLLED_BACK].into_iter().filter_map(|mark| description.rfind(mark));
    marks.min().map_or(description, |start| &description[..start]).trim_end()
}

fn joined(text: &str, mark: &str) -> String {
    let room = LONGEST - mark.len() - 1;
    let text: String = text.chars().take(room).collect();
    if text.is_empty() { mark.to_owned() } else { format!("{text} {mark}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_before_is_written_beside_what_others_wrote() {
        let first = with_previous("for the shop", "5");
        assert_eq!(first, "for the shop [previous version: 5]");
        let second = with_previous(&first, "6");
        assert_eq!(second, "for the shop [previous version: 6]");
        assert_eq!(previous(&second), Some("6"));
        let back = with_rollback(&second, "7");
        assert_eq!(back, "for the shop [rolled back from version: 7]");
        assert_eq!((previous(&back), rolled_back(&back)), (None, Some("7")));
        assert_eq!(with_previous(&back, "6"), "for the shop [previous version: 6]");
        assert_eq!(with_previous("", "1"), "[previous version: 1]");
        assert_eq!(previous("of old [previous version: none]"), None);
        assert!(with_previous(&"x".repeat(300), "1").chars().count() <= LONGEST);
    }
}
