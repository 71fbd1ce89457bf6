//! What formatters say: differences.

/// A place where a file is other than it should be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Change {
    pub(super) path: String,
    /// The first line that is to change, from 1.
    pub(super) line: usize,
}

/// The changes of a unified diff: one for each hunk.
/// <https://www.gnu.org/software/diffutils/manual/html_node/Detailed-Unified.html>
pub(super) fn changes(diff: &str) -> Vec<Change> {
    let (mut path, mut changes) = ("", Vec::new());
    let mut lines = diff.lines();
    while let Some(line) = lines.next() {
        if let Some(name) = line.strip_prefix("+++ ") {
            path = name.split('\t').next().unwrap_or(name);
        }
        let Some((start, [mut old, mut new])) = line.strip_prefix("@@ -").and_then(hunk) else {
            continue;
        };
        let mut same = None;
        // A hunk ends after as many lines as it says: one of them may look like a header.
        for (index, line) in std::iter::from_fn(|| lines.next()).enumerate() {
            if line.starts_with(['-', '+']) {
                same.get_or_insert(index);
            }
            old = old.saturating_sub(usize::from(!line.starts_with('+')));
            new = new.saturating_sub(usize::from(!line.starts_with('-')));
            if (old, new) == (0, 0) {
                break;
            }
        }
        changes.push(Change { path: path.to_owned(), line: (start + same.unwrap_or(0)).max(1) });
    }
    changes
}

/// `START,COUNT +START,COUNT @@`: where it starts in the old file, and the counts.
fn hunk(header: &str) -> Option<(usize, [usize; 2])> {
    let (old, rest) = header.split_once(" +")?;
    let new = rest.split(' ').next()?;
    let (start, old) = old.split_once(',').unwrap_or((old, "1"));
    let (_, new) = new.split_once(',').unwrap_or((new, "1"));
    Some((start.parse().ok()?, [old.parse().ok()?, new.parse().ok()?]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_hunk_is_a_change_at_its_first_line_that_differs() {
        let diff = "diff a.go.orig a.go\n--- a.go.orig\n+++ a.go\n@@ -1,3 +1,3 @@\n a\n--- b\n+++ c\n d\n\
                    @@ -9 +9,2 @@\n-e\n+f\n+g\n--- b c.go\t2026\n+++ b c.go\t2026\n@@ -0,0 +1 @@\n+x\n";
        let change = |path: &str, line| Change { path: path.to_owned(), line };
        assert_eq!(changes(diff), [change("a.go", 2), change("a.go", 9), change("b c.go", 1)]);
    }
}
