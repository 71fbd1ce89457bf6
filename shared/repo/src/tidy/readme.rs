//! The README of a step.

use crate::generate::{BEGIN, END};

/// Problems of a step's README: what a reader looks for has to be there.
pub fn readme(step: &str, text: &str) -> Vec<String> {
    let place = format!("steps/{step}/README.md");
    let title = format!("# {step}");
    let is_prose = |line: &&str| !line.starts_with(['#', '`']);
    let purpose = text.lines().skip(1).take_while(is_prose);
    let purpose: usize = purpose.map(|line| line.split_whitespace().count()).sum();
    let pipeline = fences(text, "yaml").any(|block| block.contains(&format!(".{step}")));
    let make = fences(text, "make").any(|block| {
        block.lines().any(|line| {
            line.strip_prefix('\t').is_some_and(|command| first_word(command) == Some(step))
        })
    });
    let has_heading = |heading: &str| text.lines().any(|line| line == heading);
    let usage = text.split_once("\n## Usage\n").is_some_and(|(_, usage)| {
        usage.find(BEGIN).is_some_and(|begin| usage[begin..].contains(END))
    });
    let wanted = [
        (text.lines().next() == Some(&title), format!("begin with `{title}`")),
        (purpose >= 10, "say below the title what the step is for".to_owned()),
        (pipeline, format!("show in a ```yaml block a job that extends `.{step}`")),
        (make, format!("show in a ```make block a target that runs `{step}`")),
        (has_heading("## IAM actions"), "add `## IAM actions`, if only to say: none".to_owned()),
        (has_heading("## Exit codes"), "add `## Exit codes`: when does which one come?".to_owned()),
        (usage, format!("end with `## Usage` and the lines {BEGIN} and {END}; then `make gen`")),
    ];
    let unmet = wanted.into_iter().filter(|(met, _)| !met);
    unmet.map(|(_, what_to_do)| format!("{place}: {what_to_do}")).collect()
}

/// The content of the fenced blocks of a language.
fn fences<'a>(text: &'a str, language: &str) -> impl Iterator<Item = &'a str> {
    let opening = format!("```{language}\n");
    let starts: Vec<usize> =
        text.match_indices(&opening).map(|(at, _)| at + opening.len()).collect();
    starts.into_iter().filter_map(|start| text[start..].split("```").next())
}

fn first_word(command: &str) -> Option<&str> {
    command.trim_start_matches('@').split_whitespace().next()
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "\
# greet-world

Writes a greeting into a file, unless it stands there already, and says so.

```yaml
greet:
  extends: [.greet-world, .env-dev]
```

```make
greet:
\t@greet-world --env $(ENV)
```

## IAM actions

None.

## Exit codes

Those of every step.

## Usage

<!-- usage:begin -->
<!-- usage:end -->
";

    #[test]
    fn a_readme_with_everything_has_no_problem() {
        assert_eq!(readme("greet-world", GOOD), [] as [&str; 0]);
    }

    #[test]
    fn each_part_that_is_missing_is_named() {
        for (part, instead, problem) in [
            ("# greet-world\n", "# Greetings\n", "begin with `# greet-world`"),
            (
                "Writes a greeting into a file, unless it stands there already, and says so.",
                "Hi.",
                "say below the title",
            ),
            ("[.greet-world,", "[.greet,", "a job that extends `.greet-world`"),
            ("\t@greet-world", "\t@greet", "a target that runs `greet-world`"),
            ("## IAM actions\n", "## Rights\n", "add `## IAM actions`"),
            ("## Exit codes\n", "", "add `## Exit codes`"),
            ("<!-- usage:end -->", "", "end with `## Usage`"),
        ] {
            let problems = readme("greet-world", &GOOD.replace(part, instead));
            assert_eq!(problems.len(), 1, "{problems:?}");
            assert!(problems[0].contains(problem), "{problems:?}");
        }
    }
}
