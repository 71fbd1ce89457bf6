//! The template of a step for GitLab: its script has to be one that the step understands.

use anyhow::{Context, bail};

use crate::workspace::Programs;

/// The words of the lines that run the step, of each job of its template: of `.STEP`, and of those
/// that run its commands, such as `.STEP-check`.
///
/// # Errors
/// There is no job `.STEP`, or the script of a job does not run the step.
pub fn script_lines(step: &str, template: &str) -> anyhow::Result<Vec<Vec<String>>> {
    let heads = template.lines().filter_map(|line| line.trim_end().strip_suffix(':'));
    let others = heads.filter(|head| head.starts_with(&format!(".{step}-")));
    let jobs = std::iter::once(format!(".{step}")).chain(others.map(str::to_owned));
    let lines = jobs.map(|job| lines_of(step, &job, template));
    Ok(lines.collect::<anyhow::Result<Vec<_>>>()?.into_iter().flatten().collect())
}

fn lines_of(step: &str, job: &str, template: &str) -> anyhow::Result<Vec<Vec<String>>> {
    let place = format!("ci-templates/{step}.yml");
    let head = format!("{job}:");
    let mut lines = template.lines().skip_while(|line| line.trim_end() != head);
    lines.next().with_context(|| format!("{place}: write a hidden job `{head}`"))?;
    let is_inside = |line: &&str| line.is_empty() || line.starts_with([' ', '#']);
    let commands =
        lines.take_while(is_inside).map(|line| line.trim_start().trim_start_matches("- "));
    let commands = commands.map(words).filter(|words| words.first().is_some_and(|w| w == step));
    let commands: Vec<_> = commands.collect();
    if commands.is_empty() {
        bail!("{place}: give `{head}` a `script:` with a line that begins with {step}");
    }
    Ok(commands)
}

/// Problems of a line of a script: the step itself is asked. clap reads from left to right, so a
/// flag or value that it does not know is an error before it reaches `--help`.
///
/// # Errors
/// The step is not built or does not start.
pub fn script_parses(
    programs: &Programs,
    step: &str,
    words: &[String],
) -> anyhow::Result<Vec<String>> {
    let args = words.iter().skip(1);
    let answer = programs.command(step)?.args(args).arg("--help").output();
    let answer = answer.with_context(|| format!("start {step}"))?;
    if answer.status.success() {
        return Ok(Vec::new());
    }
    let said = String::from_utf8_lossy(&answer.stderr);
    let said = said.lines().next().unwrap_or_default();
    Ok(vec![format!(
        "ci-templates/{step}.yml: {step} does not understand `{}`: {said}; mend the line",
        words.join(" ")
    )])
}

/// A line of shell as words, without their quotes.
fn words(line: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut quote = None;
    for c in line.chars() {
        match (c, quote) {
            ('"' | '\'', None) => {
                quote = Some(c);
                word.get_or_insert_default();
            }
            (c, Some(open)) if c == open => quote = None,
            (c, None) if c.is_whitespace() => words.extend(word.take()),
            (c, _) => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "\
include: [base.yml]

.greet-world:
  extends: .landfall
  script:
    - echo hello
    - greet-world --whom \"the world\" --report $FOLDER/x.json

.other:
  script:
    - other
";

    #[test]
    fn the_line_that_runs_the_step_is_split_into_words() {
        assert_eq!(
            script_lines("greet-world", GOOD).unwrap(),
            [["greet-world", "--whom", "the world", "--report", "$FOLDER/x.json"]]
        );
    }

    #[test]
    fn jobs_that_run_a_command_of_the_step_are_read_as_well() {
        let more =
            GOOD.replace(".other:", ".greet-world-twice:").replace("- other", "- greet-world 2");
        let lines = script_lines("greet-world", &more).unwrap();
        assert_eq!(lines[1], ["greet-world", "2"]);
        let two = more.replace("- greet-world 2", "- greet-world 2\n    - greet-world 3");
        assert_eq!(script_lines("greet-world", &two).unwrap()[2], ["greet-world", "3"]);
        let err = script_lines("greet-world", &more.replace("- greet-world 2", "- other"));
        let err = err.unwrap_err().to_string();
        assert!(err.contains("give `.greet-world-twice:` a `script:`"), "{err}");
    }

    #[test]
    fn a_template_without_job_or_script_is_told_what_to_write() {
        let err = script_lines("greet-world", &GOOD.replace(".greet-world:", "greet-world:"));
        assert!(err.unwrap_err().to_string().contains("write a hidden job `.greet-world:`"));
        let err = script_lines("greet-world", &GOOD.replace("- greet-world", "- greet"));
        assert!(err.unwrap_err().to_string().contains("a line that begins with greet-world"));
        // The line of another job does not count.
        let err = script_lines(
            "greet-world",
            &GOOD.replace("- greet-world", "- x").replace("- other", "- greet-world"),
        );
        assert!(err.is_err());
    }
}
