//! The arguments that all steps have in common.

use std::path::PathBuf;
use std::time::Duration;

use clap::{ArgAction, ValueEnum};

/// The options that every step takes.
///
/// Each can be given as a flag or as the variable that `--help` names; the flag wins.
#[derive(Debug, Clone, clap::Args)]
#[command(next_help_heading = "Options of every step")]
pub struct Common {
    /// Environment of landfall.toml to act on [in a GitLab job: its environment's name]
    #[arg(long, short, env = "LANDFALL_ENV", value_name = "NAME", global = true)]
    pub env: Option<String>,

    /// The project's configuration [default: landfall.toml, if there is one]
    #[arg(long, env = "LANDFALL_CONFIG", value_name = "FILE", global = true)]
    pub config: Option<PathBuf>,

    /// Show what would change, and change nothing
    #[arg(long, env = "LANDFALL_DRY_RUN", global = true, action = ArgAction::SetTrue,
          value_parser = clap::builder::FalseyValueParser::new())]
    pub dry_run: bool,

    /// Form of the report on stdout
    #[arg(
        long,
        env = "LANDFALL_OUTPUT",
        value_enum,
        default_value = "text",
        value_name = "FORM",
        global = true
    )]
    pub output: OutputForm,

    /// Also write the report to FILE, as JSON
    #[arg(long, env = "LANDFALL_REPORT", value_name = "FILE", global = true)]
    pub report: Option<PathBuf>,

    /// Say nothing but errors and the report
    #[arg(long, short, env = "LANDFALL_QUIET", global = true, action = ArgAction::SetTrue,
          value_parser = clap::builder::FalseyValueParser::new())]
    pub quiet: bool,

    /// Say more: -v the settings and every call to AWS, -vv what the libraries log
    #[arg(long, short, action = ArgAction::Count, global = true)]
    pub verbose: u8,

    /// Colours on stderr
    #[arg(
        long,
        env = "LANDFALL_COLOR",
        value_enum,
        default_value = "auto",
        value_name = "WHEN",
        global = true
    )]
    pub color: Color,

    /// Print completions for a shell and end
    #[arg(long, value_name = "SHELL", global = true, hide_short_help = true)]
    pub completions: Option<clap_complete::Shell>,

    /// Print the manual page (roff) and end
    #[arg(long, global = true, hide_short_help = true)]
    pub man: bool,

    /// What GitLab says of the job.
    #[command(flatten)]
    pub gitlab: GitLab,
}

impl Common {
    /// The environment's name: `--env`, `LANDFALL_ENV`, then the GitLab job's environment.
    pub fn environment(&self) -> Option<&str> {
        self.env.as_deref().or(self.gitlab.environment_name.as_deref())
    }
}

/// GitLab's predefined variables that the steps read as their last resort.
///
/// They enter through clap like everything else, as hidden flags, so that a test passes them as
/// arguments. Names and meaning: GitLab's "Predefined CI/CD variables reference".
#[derive(Debug, Clone, Default, clap::Args)]
pub struct GitLab {
    /// The job runs in GitLab CI.
    #[arg(long = "gitlab-ci", env = "GITLAB_CI", hide = true, global = true,
          num_args = 0..=1, default_missing_value = "true", value_parser = clap::builder::BoolishValueParser::new())]
    pub ci: Option<bool>,
    /// The full commit hash that is built.
    #[arg(long = "ci-commit-sha", env = "CI_COMMIT_SHA", hide = true, global = true)]
    pub commit_sha: Option<String>,
    /// Branch or tag name, lower case, at most 63 characters of `0-9a-z-`.
    #[arg(long = "ci-commit-ref-slug", env = "CI_COMMIT_REF_SLUG", hide = true, global = true)]
    pub commit_ref_slug: Option<String>,
    /// The tag's name, in a pipeline of a tag.
    #[arg(long = "ci-commit-tag", env = "CI_COMMIT_TAG", hide = true, global = true)]
    pub commit_tag: Option<String>,
    /// Time of the commit, ISO 8601.
    #[arg(long = "ci-commit-timestamp", env = "CI_COMMIT_TIMESTAMP", hide = true, global = true)]
    pub commit_timestamp: Option<String>,
    /// Number of the merge request in its project.
    #[arg(long = "ci-merge-request-iid", env = "CI_MERGE_REQUEST_IID", hide = true, global = true)]
    pub merge_request_iid: Option<String>,
    /// The branch that the merge request is for.
    #[arg(
        long = "ci-merge-request-target-branch-name",
        env = "CI_MERGE_REQUEST_TARGET_BRANCH_NAME",
        hide = true,
        global = true
    )]
    pub merge_request_target_branch: Option<String>,
    /// The commit at which the merge request left its target.
    #[arg(
        long = "ci-merge-request-diff-base-sha",
        env = "CI_MERGE_REQUEST_DIFF_BASE_SHA",
        hide = true,
        global = true
    )]
    pub merge_request_diff_base: Option<String>,
    /// The commit of the target that is merged already in what is checked out, in a pipeline of
    /// merged results.
    #[arg(
        long = "ci-merge-request-target-branch-sha",
        env = "CI_MERGE_REQUEST_TARGET_BRANCH_SHA",
        hide = true,
        global = true
    )]
    pub merge_request_target_commit: Option<String>,
    /// The project's main branch.
    #[arg(long = "ci-default-branch", env = "CI_DEFAULT_BRANCH", hide = true, global = true)]
    pub default_branch: Option<String>,
    /// The project's name.
    #[arg(long = "ci-project-name", env = "CI_PROJECT_NAME", hide = true, global = true)]
    pub project_name: Option<String>,
    /// The project's address.
    #[arg(long = "ci-project-url", env = "CI_PROJECT_URL", hide = true, global = true)]
    pub project_url: Option<String>,
    /// Number of the pipeline in the whole instance.
    #[arg(long = "ci-pipeline-id", env = "CI_PIPELINE_ID", hide = true, global = true)]
    pub pipeline_id: Option<String>,
    /// Number of the job in the whole instance.
    #[arg(long = "ci-job-id", env = "CI_JOB_ID", hide = true, global = true)]
    pub job_id: Option<String>,
    /// Address of the environment of the job.
    #[arg(long = "ci-environment-url", env = "CI_ENVIRONMENT_URL", hide = true, global = true)]
    pub environment_url: Option<String>,
    /// Name of the environment of the job.
    #[arg(long = "ci-environment-name", env = "CI_ENVIRONMENT_NAME", hide = true, global = true)]
    pub environment_name: Option<String>,
}

/// The form of the report on stdout.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum OutputForm {
    /// For people.
    Text,
    /// For programs: one JSON object.
    Json,
}

/// When to use colours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Color {
    /// On a terminal and in GitLab's job log, unless `NO_COLOR` is set.
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// Parses a duration as people write it: `90s`, `5m`, `1h 30m`; a bare number is seconds.
///
/// # Errors
/// Says which part is not a duration, or that it is longer than a year: no step works so long, and a
/// clock has an end.
pub fn duration(text: &str) -> Result<Duration, String> {
    let time = match text.parse() {
        Ok(seconds) => Ok(Duration::from_secs(seconds)),
        Err(_) => humantime::parse_duration(text),
    };
    match time {
        Ok(time) if time <= LONGEST => Ok(time),
        Ok(_) => Err("it is longer than 365 days; write for example 90s or 5m".to_owned()),
        Err(err) => Err(format!("{err}; write for example 90s or 5m")),
    }
}

/// 365 days.
const LONGEST: Duration = Duration::from_secs(365 * 24 * 60 * 60);

/// Parses `KEY=VALUE`; the value may hold further equals signs.
///
/// # Errors
/// There is no equals sign.
pub fn key_value(text: &str) -> Result<(String, String), String> {
    let (key, value) = text.split_once('=').ok_or("write it as KEY=VALUE")?;
    Ok((key.to_owned(), value.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_read_as_people_write_them() {
        assert_eq!(duration("45"), Ok(Duration::from_secs(45)));
        assert_eq!(duration("1m 30s"), Ok(Duration::from_secs(90)));
        assert!(duration("soon").unwrap_err().contains("for example 90s"));
    }

    #[test]
    fn a_duration_for_which_a_clock_has_no_time_is_a_mistake() {
        assert_eq!(duration("365days"), Ok(LONGEST));
        for text in
            ["366days", "31536001", "18446744073709551615", "18446744073709551616", "500years"]
        {
            assert!(duration(text).is_err(), "{text}");
        }
        assert!(duration("18446744073709551615").unwrap_err().contains("longer than 365 days"));
    }
}
