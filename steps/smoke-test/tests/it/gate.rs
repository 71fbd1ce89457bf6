//! The verdict that the step leaves, read by the gate of the next deployment.

use std::os::unix::net::UnixListener;
use std::process::Command;

use step_core::{Fail, Secret};
use verdict::{Key, Verdict};

use crate::service::{Project, Reply, Run, Service, ok};

const DIGEST: &str = "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
const CHECKS: &str = "[[check]]\nname = \"health\"\npath = \"/\"\n";
const FILES: [&str; 3] =
    [".landfall/verdict.json", ".landfall/smoke-test.junit.xml", ".landfall/smoke-test.html"];
const KEY: [(&str, &str); 1] =
    [("LANDFALL_VERDICT_KEY", "the key of verdicts, as long as it has to be")];

/// A project into which an image was deployed to qa.
fn project() -> Project {
    let project = Project::new(CHECKS);
    let deployment = format!(
        r#"{{"env":"qa","service":"s","task_definition":"t","image":"host/name@{DIGEST}","revision":"abc123"}}"#
    );
    project.write(".landfall/deployment.json", &deployment);
    project
}

fn read(project: &Project) -> Verdict {
    Verdict::read(&project.path(".landfall/verdict.json")).unwrap()
}

fn key(text: &str) -> Key {
    Key::new(&Secret::new(text)).unwrap()
}

fn refusal(result: Result<(), Fail>) -> String {
    result.unwrap_err().to_string()
}

#[tokio::test]
async fn a_service_that_passes_admits_its_image_to_the_next_environment() {
    let (service, project) = (Service::start(|_, _| ok("")).await, project());
    let run = project.run_with(&["--url", &service.url(), "--env", "qa"], &KEY).await;
    assert_eq!(run.code, Some(0), "{run:?}");
    let verdict = read(&project);
    let key = key(KEY[0].1);
    verdict.admits(DIGEST, "qa", Some(&key)).unwrap();
    assert!(refusal(verdict.admits(DIGEST, "dev", Some(&key))).contains("not from dev"));
    assert_eq!(verdict.revision.as_deref(), Some("abc123"));
    assert_eq!(verdict.checks.len(), 1);
    let time: jiff::Timestamp = verdict.time.parse().unwrap();
    assert!(jiff::Timestamp::now().duration_since(time).as_secs() < 60, "{time}");
    assert!(!project.files().contains(KEY[0].1) && !run.stderr.contains(KEY[0].1));
}

#[tokio::test]
async fn without_a_key_the_verdict_is_not_signed_and_refused_where_one_is_needed() {
    let (service, project) = (Service::start(|_, _| ok("")).await, project());
    let run = project.run(&["--url", &service.url(), "--env", "qa"]).await;
    assert_eq!(run.code, Some(0), "{run:?}");
    read(&project).admits(DIGEST, "qa", None).unwrap();
    let refused = refusal(read(&project).admits(DIGEST, "qa", Some(&key(KEY[0].1))));
    assert_eq!(refused, "the verdict is not signed");
}

#[tokio::test]
async fn failed_checks_leave_a_verdict_that_admits_nothing() {
    let answer = |_: &str, _| Reply::Say(500, String::new());
    let (service, project) = (Service::start(answer).await, project());
    let args = ["--url", &service.url(), "--env", "qa", "--timeout", "2s"];
    let run = project.run_with(&args, &KEY).await;
    assert_eq!(run.code, Some(3), "{run:?}");
    let refused = refusal(read(&project).admits(DIGEST, "qa", Some(&key(KEY[0].1))));
    assert_eq!(refused, "checks failed in qa: \"health\"");
}

#[tokio::test]
async fn too_few_passes_in_a_row_leave_a_verdict_that_admits_nothing() {
    let (service, project) = (Service::start(|_, _| ok("")).await, project());
    let args = ["--url", &service.url(), "--env", "qa", "--timeout", "2s", "--passes", "99"];
    let run = project.run(&args).await;
    assert_eq!(run.code, Some(3), "{run:?}");
    let refused = refusal(read(&project).admits(DIGEST, "qa", None));
    assert_eq!(refused, "checks failed in qa: \"all checks in a row\"");
}

#[tokio::test]
async fn a_deployment_to_another_environment_or_without_a_digest_is_not_judged() {
    let (service, project) = (Service::start(|_, _| ok("")).await, project());
    let run = project.run(&["--url", &service.url(), "--env", "prod"]).await;
    assert_eq!(run.code, Some(0), "{run:?}");
    assert_eq!((read(&project).digest, read(&project).revision), (None, None));
    let args = ["--url", &service.url(), "--env", "prod", "--digest", DIGEST];
    assert_eq!(project.run(&args).await.code, Some(0));
    read(&project).admits(DIGEST, "prod", None).unwrap();
    let run = project.run(&["--url", &service.url(), "--digest", "sha256:12"]).await;
    assert_eq!(run.code, Some(2), "{run:?}");
}

#[tokio::test]
async fn a_key_that_is_too_short_is_an_error_before_anything_is_asked() {
    let (service, project) = (Service::start(|_, _| ok("")).await, project());
    let short = [("LANDFALL_VERDICT_KEY", "hunter2")];
    let run = project.run_with(&["--url", &service.url()], &short).await;
    assert_eq!(run.code, Some(2), "{run:?}");
    assert!(run.stderr.contains("openssl rand -hex 32"), "{}", run.stderr);
    assert_eq!(service.asked(), 0);
}

#[tokio::test]
async fn a_run_that_does_not_end_leaves_no_result_of_an_earlier_one() {
    let answer = |_: &str, before| if before == 0 { ok("") } else { Reply::Hang };
    let (service, project) = (Service::start(answer).await, project());
    let args = ["--url", &service.url(), "--env", "qa", "--timeout", "60s"];
    assert_eq!(project.run(&args).await.code, Some(0));
    assert!(FILES.iter().all(|file| project.has(file)));
    let step = project.spawn(&args);
    service.wait_for(2).await;
    let pid = step.id().unwrap().to_string();
    assert!(Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());
    let run = Run::of(step.wait_with_output().await.unwrap());
    assert_eq!(run.code, Some(143), "{run:?}");
    assert!(!FILES.iter().any(|file| project.has(file)));
}

#[tokio::test]
async fn a_run_that_cannot_begin_leaves_no_result_of_an_earlier_one() {
    let project = project();
    project.write("smoke.toml", "[[check]]\nname = \"x\"\nhurl = \"gone.hurl\"\n");
    FILES.iter().for_each(|file| project.write(file, "of an earlier run"));
    assert_eq!(project.run(&["--dry-run"]).await.code, Some(2));
    assert!(FILES.iter().all(|file| project.has(file)), "a dry run removes nothing");
    let run = project.run(&[]).await;
    assert_eq!(run.code, Some(2), "{run:?}");
    assert!(run.stderr.contains("there is no file gone.hurl"), "{}", run.stderr);
    assert!(!FILES.iter().any(|file| project.has(file)));
}

#[tokio::test]
async fn a_result_that_cannot_be_written_is_an_error_and_not_a_green_job() {
    let (service, project) = (Service::start(|_, _| ok("")).await, project());
    project.write("folder/file", "");
    // Stands for `/dev/null`, which root could remove.
    let _socket = UnixListener::bind(project.path("socket")).unwrap();
    for flag in ["--verdict", "--junit", "--html"] {
        for path in ["folder", "socket"] {
            let run = project.run(&["--url", &service.url(), flag, path]).await;
            assert_eq!(run.code, Some(2), "{run:?}");
            assert!(run.stderr.contains(&format!("with {flag}")), "{}", run.stderr);
        }
    }
    assert!(project.has("folder/file") && project.has("socket"));
    assert_eq!(service.asked(), 0);
}
