//! What the step makes of the answers.

use crate::service::{Project, Reply, Service, free_port, ok, steady};

const TWO: &str = r#"
[[check]]
name = "health"
path = "/health"

[[check]]
name = "version"
path = "/version"
revision = "$.revision"
"#;

async fn orders() -> Service {
    Service::start(|path, _| match path {
        "/health" => ok("fine"),
        "/version" => ok(r#"{"revision":"abc123"}"#),
        _ => Reply::Say(404, String::new()),
    })
    .await
}

#[tokio::test]
async fn a_service_that_answers_as_expected_passes() {
    let (service, project) = (orders().await, Project::new(TWO));
    let run = project.run(&["--url", &service.url(), "--revision", "abc123"]).await;
    assert_eq!(run.code, Some(0), "{run:?}");
    assert_eq!(
        steady(&run.stdout),
        "2 of 2 checks passed at http://HOST/, revision abc123\n  \
         ok       health   200 in N ms\n  \
         ok       version  200 in N ms\n"
    );
    assert_eq!(
        steady(&run.stderr),
        "  smoke.toml: passed 1 of 1 times\nsmoke-test: passed (N s)\n"
    );
    assert_eq!(service.asked(), 2);
    assert!(
        project.junit().contains(r#"tests="2" skipped="0" failures="0" errors="0""#),
        "{}",
        project.junit()
    );
}

#[tokio::test]
async fn a_wrong_revision_fails_and_gitlab_is_told() {
    let (service, project) = (orders().await, Project::new(TWO));
    let args =
        ["--url", &service.url(), "--revision", "def456", "--timeout", "1s", "--interval", "300ms"];
    let run = project.run(&args).await;
    assert_eq!(run.code, Some(3), "{run:?}");
    assert_eq!(
        steady(&run.stdout),
        "1 of 2 checks passed at http://HOST/, revision def456\n  \
         ok       health   200 in N ms\n  \
         FAILED   version  expected $.revision to be the revision \"def456\", got \"abc123\" (200 in N ms, N attempts)\n                    \
         body: {\"revision\":\"abc123\"}\n"
    );
    assert_eq!(
        steady(&run.stderr),
        "  smoke.toml: waiting for version (revision)\n\
         error: 1 of 2 checks failed within 1s: version\n  \
         help: look into the service's log; if it only needs more time to start, raise --timeout\n\
         smoke-test: failed (N s)\n"
    );
    assert_eq!(
        steady(&project.junit()),
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
         <testsuites tests=\"2\" skipped=\"0\" failures=\"1\" errors=\"0\" time=\"N\">\n    \
         <testsuite name=\"smoke-test\" tests=\"2\" skipped=\"0\" errors=\"0\" failures=\"1\" time=\"N\">\n        \
         <testcase name=\"health\" classname=\"smoke-test\" time=\"N\" file=\"smoke.toml\"/>\n        \
         <testcase name=\"version\" classname=\"smoke-test\" time=\"N\" file=\"smoke.toml\">\n            \
         <failure message=\"expected $.revision to be the revision &quot;def456&quot;, got &quot;abc123&quot;\">\
         expected $.revision to be the revision &quot;def456&quot;, got &quot;abc123&quot;\n\
         body: {&quot;revision&quot;:&quot;abc123&quot;}</failure>\n        \
         </testcase>\n    \
         </testsuite>\n\
         </testsuites>\n"
    );
}

#[tokio::test]
async fn a_service_that_never_answers_is_unreachable() {
    let project = Project::new(TWO);
    let url = format!("http://127.0.0.1:{}", free_port().await);
    let start = std::time::Instant::now();
    let run = project.run(&["--url", &url, "--revision", "a", "--timeout", "1s"]).await;
    assert!(start.elapsed().as_secs() < 4, "{:?}", start.elapsed());
    assert_eq!(run.code, Some(4), "{run:?}");
    assert!(
        steady(&run.stderr).contains(
            "error: nothing answered at http://HOST/ within 1s: Connection refused (os error 111)\n  \
             help: check that the service runs and that its address can be reached from here\n"
        ),
        "{}",
        run.stderr
    );
    assert!(project.junit().contains(r#"failures="0" errors="2""#), "{}", project.junit());
}

#[tokio::test]
async fn a_name_that_is_not_in_dns_is_unreachable() {
    let project = Project::new("[[check]]\nname = \"x\"\npath = \"/\"\n");
    let run = project.run(&["--url", "http://no-such-host.invalid", "--timeout", "2s"]).await;
    assert_eq!(run.code, Some(4), "{run:?}");
}

#[tokio::test]
async fn https_to_a_port_that_speaks_no_tls_is_unreachable_and_no_panic() {
    let (service, project) = (orders().await, Project::new(TWO));
    let url = service.url().replace("http://", "https://");
    let run = project.run(&["--url", &url, "--revision", "a", "--timeout", "2s"]).await;
    assert_eq!(run.code, Some(4), "{run:?}");
    assert!(!run.stderr.contains("panicked"), "{}", run.stderr);
}

#[tokio::test]
async fn the_json_report_has_the_outcome_and_each_check() {
    let (service, project) = (orders().await, Project::new(TWO));
    let args = ["--url", &service.url(), "--output", "json", "--timeout", "2s"];
    let run = project.run(&[&args[..], &["--revision", "abc123"]].concat()).await;
    let passed = run.json();
    assert_eq!(passed["outcome"], "passed");
    assert_eq!(passed["report"]["checks"][1]["status"], 200);
    let run = project.run(&[&args[..], &["--revision", "other"]].concat()).await;
    let failed = run.json();
    assert_eq!((&failed["outcome"], &failed["exit_code"]), (&"failed".into(), &3.into()));
    let version = &failed["report"]["checks"][1];
    assert_eq!(version["state"], "failed");
    assert_eq!(version["mismatches"][0]["topic"], "revision");
    assert_eq!(version["mismatches"][0]["actual"], "\"abc123\"");
}

#[tokio::test]
async fn redirects_are_followed_unless_the_check_is_about_one() {
    let service = Service::start(|path, _| match path {
        "/old" => Reply::Go(302, "/new".to_owned()),
        "/new" => ok("here"),
        _ => Reply::Go(302, "/loop".to_owned()),
    });
    let service = service.await;
    let project = Project::new(
        "[[check]]\nname = \"followed\"\npath = \"/old\"\nbody_contains = \"here\"\n\
         [[check]]\nname = \"itself\"\npath = \"/old\"\nstatus = 302\nresponse_headers = { location = \"/new\" }\n",
    );
    let run = project.run(&["--url", &service.url(), "--timeout", "2s"]).await;
    assert_eq!(run.code, Some(0), "{run:?}");

    let project = Project::new("[[check]]\nname = \"loop\"\npath = \"/loop\"\n");
    let run = project.run(&["--url", &service.url(), "--timeout", "2s"]).await;
    assert_eq!(run.code, Some(3), "{run:?}");
    assert!(run.stdout.contains("got too many redirects"), "{}", run.stdout);
}

#[tokio::test]
async fn what_was_sent_as_credentials_is_masked_in_every_output() {
    let service =
        Service::start(|_, _| Reply::Say(403, "no entry for let\"me&in!".to_owned())).await;
    let project = Project::new(
        "[[check]]\nname = \"x\"\npath = \"/\"\n[check.headers]\nAuthorization = 'Bearer let\"me&in!'\n",
    );
    let args = ["--url", &service.url(), "--timeout", "2s", "--output", "json"];
    let run = project.run(&args).await;
    assert_eq!(run.code, Some(3), "{run:?}");
    for text in [&run.stdout, &run.stderr, &project.junit()] {
        assert!(!text.contains("me&"), "{text}");
    }
    assert!(project.junit().contains("no entry for [MASKED]"), "{}", project.junit());
}

/// Redirects each request to the other service.
async fn leading_to(other: &Service, status: u16) -> Service {
    let place = other.url() + "/there";
    Service::start(move |_, _| Reply::Go(status, place.clone())).await
}

#[tokio::test]
async fn a_redirect_to_another_host_gets_nothing_that_is_secret() {
    const KEY: [(&str, &str); 1] = [("SMOKE_KEY", "a-key-for-this-host")];
    let header = "headers = { X-Api-Key = \"${SMOKE_KEY}\" }\n";
    let plain_name = "headers = { X-Tenant = \"${SMOKE_KEY}\" }\n";
    let body = "method = \"POST\"\nbody = \"${SMOKE_KEY}\"\n";
    for (more, status) in [(header, 302), (plain_name, 302), (body, 307), (body, 308)] {
        let elsewhere = Service::start(|_, _| ok("")).await;
        let service = leading_to(&elsewhere, status).await;
        let project = Project::new(&format!("[[check]]\nname = \"x\"\npath = \"/\"\n{more}"));
        let run = project.run_with(&["--url", &service.url(), "--timeout", "1s"], &KEY).await;
        assert_eq!(run.code, Some(3), "{more} {run:?}");
        let told =
            format!("got a redirect to {}, which must not get what this check", elsewhere.url());
        assert!(run.stdout.contains(&told), "{}", run.stdout);
        assert_eq!(elsewhere.asked(), 0, "{more}");
    }
    // What goes along with none of these is followed: an address, `Authorization`, a body that is left out.
    let query = "path = \"/?key=${SMOKE_KEY}\"\n";
    let authorization = "path = \"/\"\nheaders = { Authorization = \"Bearer ${SMOKE_KEY}\" }\n";
    for lines in [query, authorization, &format!("path = \"/\"\n{body}")] {
        let elsewhere = Service::start(|_, _| ok("")).await;
        let service = leading_to(&elsewhere, 302).await;
        let project = Project::new(&format!("[[check]]\nname = \"x\"\n{lines}"));
        let run = project.run_with(&["--url", &service.url(), "--timeout", "2s"], &KEY).await;
        assert_eq!(run.code, Some(0), "{lines} {run:?}");
        assert!(service.seen()[0].contains(KEY[0].1), "{:?}", service.seen());
        assert!(!elsewhere.seen()[0].contains(KEY[0].1), "{:?}", elsewhere.seen());
    }
}

#[tokio::test]
async fn a_redirect_on_the_same_host_keeps_the_secrets() {
    let service = Service::start(|path, _| match path {
        "/old" => Reply::Go(307, "/new".to_owned()),
        _ => ok(""),
    });
    let service = service.await;
    let project = Project::new(
        "[[check]]\nname = \"x\"\npath = \"/old\"\nmethod = \"POST\"\nbody = \"${SMOKE_KEY}\"\n\
         headers = { X-Api-Key = \"${SMOKE_KEY}\" }\n",
    );
    let key = [("SMOKE_KEY", "a-key-for-this-host")];
    let run = project.run_with(&["--url", &service.url(), "--timeout", "2s"], &key).await;
    assert_eq!(run.code, Some(0), "{run:?}");
    assert_eq!(service.seen()[1].matches(key[0].1).count(), 2, "{:?}", service.seen());
}
