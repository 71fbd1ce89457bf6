//! When the step tries again, and when it stops.

use std::process::Command;
use std::time::{Duration, Instant};

use tokio::net::TcpListener;
use tokio::time::sleep;

use crate::service::{Project, Reply, Run, Service, free_port, ok};

const ONE: &str = "[[check]]\nname = \"health\"\npath = \"/health\"\n";

#[tokio::test]
async fn a_service_that_starts_late_passes() {
    let (project, port) = (Project::new(ONE), free_port().await);
    let url = format!("http://127.0.0.1:{port}");
    let args = ["--url", &url, "--interval", "200ms", "--timeout", "20s"];
    let late = async {
        sleep(Duration::from_secs(2)).await;
        Service::on(TcpListener::bind(("127.0.0.1", port)).await.unwrap(), |_, _| ok(""))
    };
    let (run, service) = tokio::join!(project.run(&args), late);
    assert_eq!(run.code, Some(0), "{run:?}");
    assert_eq!(service.asked(), 1);
    assert!(run.stderr.contains("waiting for health (Connection refused"), "{}", run.stderr);
}

#[tokio::test]
async fn a_service_that_says_503_at_first_passes() {
    let answer = |_: &str, before| if before < 3 { Reply::Say(503, String::new()) } else { ok("") };
    let (service, project) = (Service::start(answer).await, Project::new(ONE));
    let args = ["--url", &service.url(), "--interval", "50ms", "--timeout", "20s"];
    let run = project.run(&args).await;
    assert_eq!(run.code, Some(0), "{run:?}");
    assert_eq!(service.asked(), 4);
    assert!(run.stderr.contains("waiting for health (503)"), "{}", run.stderr);
}

#[tokio::test]
async fn a_failure_between_two_passes_starts_the_count_again() {
    // One round in three fails, until the 7th.
    let answer = |_: &str, before| match before {
        2 | 5 => Reply::Say(500, String::new()),
        _ => ok(""),
    };
    let (service, project) = (Service::start(answer).await, Project::new(ONE));
    let args = ["--url", &service.url(), "--interval", "20ms", "--timeout", "20s", "--passes", "3"];
    let run = project.run(&args).await;
    assert_eq!(run.code, Some(0), "{run:?}");
    assert_eq!(service.asked(), 9);
}

#[tokio::test]
async fn too_few_passes_in_a_row_are_a_failure_that_gitlab_sees() {
    let (service, project) = (Service::start(|_, _| ok("")).await, Project::new(ONE));
    let args =
        ["--url", &service.url(), "--interval", "400ms", "--timeout", "1s", "--passes", "100"];
    let run = project.run(&args).await;
    assert_eq!(run.code, Some(3), "{run:?}");
    assert!(run.stderr.contains("of 100 times in a row within 1s"), "{}", run.stderr);
    assert!(
        project.junit().contains("tests=\"2\" skipped=\"0\" failures=\"1\""),
        "{}",
        project.junit()
    );
}

#[tokio::test]
async fn a_service_that_hangs_is_given_up_at_the_deadline() {
    for (reply, code, told) in [
        (Reply::Hang, 4, "got no answer after"),
        (Reply::HangInBody, 3, "got half an answer after"),
    ] {
        let service = Service::start(move |_, _| reply.clone()).await;
        let project = Project::new(ONE);
        let start = Instant::now();
        let run = project.run(&["--url", &service.url(), "--timeout", "1s"]).await;
        assert!(start.elapsed().as_secs() < 4, "{:?}", start.elapsed());
        assert_eq!(run.code, Some(code), "{run:?}");
        assert!(run.stdout.contains(told), "{}", run.stdout);
        assert!(project.junit().contains("<error "), "{}", project.junit());
    }
}

#[tokio::test]
async fn the_end_of_time_does_not_hide_what_was_wrong_before() {
    let answer =
        |_: &str, before| if before == 0 { Reply::Say(502, String::new()) } else { Reply::Hang };
    let (service, project) = (Service::start(answer).await, Project::new(ONE));
    let args = ["--url", &service.url(), "--interval", "100ms", "--timeout", "1s"];
    let run = project.run(&args).await;
    assert_eq!(run.code, Some(3), "{run:?}");
    assert!(run.stdout.contains("expected status 200, got 502 (502 in "), "{}", run.stdout);
    assert!(run.stdout.contains(" ms, 2 attempts)"), "{}", run.stdout);
}

const TWO: &str =
    "[[check]]\nname = \"a\"\npath = \"/a\"\n[[check]]\nname = \"b\"\npath = \"/b\"\n";

#[tokio::test]
async fn a_check_that_hangs_at_the_end_is_named_when_nothing_else_fails() {
    let answer = |path: &str, before| match (path, before < 2) {
        ("/a", true) => Reply::Say(502, String::new()),
        ("/b", false) => Reply::Hang,
        _ => ok(""),
    };
    let (service, project) = (Service::start(answer).await, Project::new(TWO));
    let args = ["--url", &service.url(), "--interval", "100ms", "--timeout", "1s"];
    let run = project.run(&args).await;
    assert_eq!(run.code, Some(3), "{run:?}");
    assert!(run.stdout.contains("1 of 2 checks passed"), "{}", run.stdout);
    assert!(run.stdout.contains("FAILED   b  expected an answer, got no answer after"));
    assert!(run.stderr.contains("1 of 2 checks failed within 1s: b"), "{}", run.stderr);
}

#[tokio::test]
async fn a_check_that_the_end_of_time_cuts_off_is_not_blamed_for_what_another_did() {
    let answer = |path: &str, before| match (path, before < 2) {
        ("/a", _) => Reply::Say(502, String::new()),
        (_, true) => ok(""),
        (_, false) => Reply::Hang,
    };
    let (service, project) = (Service::start(answer).await, Project::new(TWO));
    let args = ["--url", &service.url(), "--interval", "100ms", "--timeout", "1s"];
    let run = project.run(&args).await;
    assert_eq!(run.code, Some(3), "{run:?}");
    assert!(run.stderr.contains("1 of 2 checks failed within 1s: a"), "{}", run.stderr);
}

#[tokio::test]
async fn a_round_that_the_end_of_time_cuts_off_leaves_those_that_passed_and_says_who_was_late() {
    let answer = |_: &str, before| if before < 2 { ok("") } else { Reply::Hang };
    let (service, project) = (Service::start(answer).await, Project::new(ONE));
    let args = ["--url", &service.url(), "--interval", "50ms", "--timeout", "1s", "--passes", "3"];
    let run = project.run(&args).await;
    assert_eq!(run.code, Some(3), "{run:?}");
    let told = "all checks passed 2 of 3 times in a row within 1s; then time was up before an answer to health";
    assert!(run.stderr.contains(told), "{}", run.stderr);
}

#[tokio::test]
async fn an_interrupt_ends_the_step_at_once() {
    let (service, project) = (Service::start(|_, _| Reply::Hang).await, Project::new(ONE));
    let step = project.spawn(&["--url", &service.url(), "--timeout", "60s"]);
    service.wait_for(1).await;
    let pid = step.id().unwrap().to_string();
    assert!(Command::new("kill").args(["-INT", &pid]).status().unwrap().success());
    let start = Instant::now();
    let run = Run::of(step.wait_with_output().await.unwrap());
    assert!(start.elapsed().as_secs() < 3, "{:?}", start.elapsed());
    assert_eq!(run.code, Some(130), "{run:?}");
}
