//! Checks that are programs. `hurl` is a script here that writes down what it was given.

use std::time::Instant;

use crate::service::{Project, Reply, Service, free_port, ok};

/// A check that runs this in a shell.
fn command(script: &str, more: &str) -> Project {
    Project::new(&format!(
        "[[check]]\nname = \"queue\"\ncommand = [\"sh\", \"-c\", '''{script}''']\n{more}"
    ))
}

#[tokio::test]
async fn a_command_that_ends_with_0_passes_and_knows_address_and_revision() {
    let project = command("test \"$LANDFALL_URL/$LANDFALL_REVISION\" = http://a.test/api/abc", "");
    let args = ["--url", "http://a.test/api/", "--revision", "abc"];
    let run = project.run(&args).await;
    assert_eq!(run.code, Some(0), "{run:?}");
    assert!(run.stdout.starts_with("1 of 1 check passed"), "{}", run.stdout);
    // It needs no address.
    let run = command("test -z \"$LANDFALL_URL\"", "").run(&[]).await;
    assert_eq!(run.code, Some(0), "{run:?}");
}

#[tokio::test]
async fn a_program_is_told_the_commit_of_the_job_when_nothing_else_is_known() {
    let commit = [("CI_COMMIT_SHA", "abc123")];
    let run = command("test \"$LANDFALL_REVISION\" = abc123", "").run_with(&[], &commit).await;
    assert_eq!(run.code, Some(0), "{run:?}");
    assert!(run.stdout.contains("revision abc123"), "{}", run.stdout);
    let run = command("test -z \"$LANDFALL_REVISION\"", "").run(&[]).await;
    assert_eq!(run.code, Some(0), "{run:?}");
    let (service, project) = (login().await, with_hurl("8.0.1", "exit 0"));
    let variables = [&PASSWORD[..], &commit].concat();
    let run = project.run_with(&["--url", &service.url()], &variables).await;
    assert_eq!(run.code, Some(0), "{run:?}");
    assert!(project.read("variables").contains("HURL_VARIABLE_revision=abc123\n"));
}

#[tokio::test]
async fn a_command_that_fails_shows_its_last_lines_everywhere() {
    let script =
        "for i in 1 2 3 4 5 6 7 8 9 10 11 12; do echo line $i; done; echo \"<why>\" >&2; exit 7";
    let project = command(script, "");
    let run = project.run(&["--timeout", "2s"]).await;
    assert_eq!(run.code, Some(3), "{run:?}");
    assert!(run.stdout.contains("expected exit status 0, got exit status: 7"), "{}", run.stdout);
    assert!(
        run.stdout.contains("| line 12\n") && run.stdout.contains("| <why>\n"),
        "{}",
        run.stdout
    );
    assert!(!run.stdout.contains("line 3\n"), "{}", run.stdout);
    assert!(project.junit().contains("| &lt;why&gt;"), "{}", project.junit());
    assert!(project.read(".landfall/smoke-test.html").contains("| &lt;why&gt;"));
}

#[tokio::test]
async fn a_command_is_made_again_until_it_passes() {
    let project = command("echo x >> tries; test $(wc -l < tries) -ge 3", "");
    let run = project.run(&["--interval", "20ms", "--timeout", "20s"]).await;
    assert_eq!(run.code, Some(0), "{run:?}");
    assert_eq!(project.read("tries").lines().count(), 3);
}

#[tokio::test]
async fn a_command_that_does_not_end_is_ended_with_its_children() {
    let script = "printf '\\033[31mred\\n' >&2; sleep 60 & echo $! > child; wait";
    let project = command(script, "timeout = \"500ms\"\n");
    let start = Instant::now();
    let run = project.run(&["--timeout", "1s"]).await;
    assert!(start.elapsed().as_secs() < 5, "{:?}", start.elapsed());
    assert_eq!(run.code, Some(3), "{run:?}");
    assert!(run.stdout.contains("got sh ran longer than 500ms"), "{}", run.stdout);
    assert!(run.stdout.contains(" [31mred"), "{}", run.stdout);
    assert!(!run.stdout.contains('\x1b') && !run.stderr.contains('\x1b'), "{run:?}");
    assert!(project.junit().contains("<error "), "{}", project.junit());
    let stat = format!("/proc/{}/stat", project.read("child").trim());
    let is_gone = || std::fs::read_to_string(&stat).map_or(true, |stat| stat.contains(") Z "));
    assert!(is_gone(), "the child still runs");
}

#[tokio::test]
async fn a_command_gets_a_secret_only_when_the_check_says_so() {
    let script = "env | grep -c ^QUEUE_ | grep -qx $EXPECTED";
    let secret = [("QUEUE_TOKEN", "a-token-of-the-queue")];
    for (more, is_passed) in [
        ("env = { EXPECTED = \"0\" }\n", true),
        ("env = { EXPECTED = \"1\" }\n", false),
        ("env = { EXPECTED = \"1\", QUEUE_TOKEN = true }\n", true),
    ] {
        let run = command(script, more).run_with(&["--timeout", "2s"], &secret).await;
        assert_eq!(run.code, Some(if is_passed { 0 } else { 3 }), "{more} {run:?}");
    }
    let project = command("echo it is $QUEUE_TOKEN; exit 1", "env = { QUEUE_TOKEN = true }\n");
    let run = project.run_with(&["--timeout", "2s"], &secret).await;
    assert!(run.stdout.contains("| it is [MASKED]"), "{}", run.stdout);
}

#[tokio::test]
async fn a_program_that_is_not_installed_ends_the_step_at_once() {
    let service = Service::start(|_, _| Reply::Hang).await;
    let project = Project::new(
        "[[check]]\nname = \"slow\"\npath = \"/\"\ntimeout = \"60s\"\n\
         [[check]]\nname = \"x\"\ncommand = [\"no-such-program\"]\n",
    );
    let start = Instant::now();
    let run = project.run(&["--url", &service.url(), "--timeout", "60s"]).await;
    assert!(start.elapsed().as_secs() < 10, "it waited for the other check");
    assert_eq!(run.code, Some(4), "{run:?}");
    assert!(run.stderr.contains("no-such-program is not installed"), "{}", run.stderr);
}

const HURL: &str = r#"
[[check]]
name = "log in"
path = "/login"
capture = { id = "$.id" }

[[check]]
name = "journey"
hurl = "smoke/journey.hurl"
variables = { id = "{{id}}", password = "${SMOKE_PASSWORD}", sku = "A-1" }
"#;

/// Writes down what it was given, and ends as it is told.
fn with_hurl(version: &str, end: &str) -> Project {
    let project = Project::new(HURL);
    project.write("smoke/journey.hurl", "GET {{url}}/orders/{{id}}\n");
    project.write_program(
        "bin/hurl",
        &format!(
            "if [ \"$1\" = --version ]; then echo asked >> versions; echo 'hurl {version} (x86_64) libcurl/8.0'; exit; fi\n\
             echo \"$@\" > args; env | grep ^HURL_ | sort > variables; {end}"
        ),
    );
    project
}

async fn login() -> Service {
    Service::start(|_, _| ok(r#"{"id":7}"#)).await
}

const PASSWORD: [(&str, &str); 2] =
    [("SMOKE_PASSWORD", "open-sesame-please"), ("HURL_VARIABLE_sku", "from outside")];

#[tokio::test]
async fn a_hurl_file_gets_its_variables_without_the_command_line() {
    let (service, project) = (login().await, with_hurl("8.0.1", "exit 0"));
    let args = ["--url", &service.url(), "--revision", "abc", "--timeout", "9s"];
    let run = project.run_with(&args, &PASSWORD).await;
    assert_eq!(run.code, Some(0), "{run:?}");
    assert_eq!(project.read("args"), "--no-output --no-color smoke/journey.hurl\n");
    let expected = format!(
        "HURL_SECRET_password=open-sesame-please\nHURL_VARIABLE_id=7\nHURL_VARIABLE_revision=abc\n\
         HURL_VARIABLE_sku=A-1\nHURL_VARIABLE_url={}\n",
        service.url()
    );
    assert_eq!(project.read("variables"), expected);
}

#[tokio::test]
async fn hurl_is_asked_for_its_version_once() {
    let project = with_hurl("8.0.1", "exit 0");
    let check = |name| format!("[[check]]\nname = \"{name}\"\nhurl = \"smoke/journey.hurl\"\n");
    project.write("smoke.toml", &["a", "b", "c"].map(check).concat());
    let run = project.run(&["--timeout", "9s"]).await;
    assert_eq!(run.code, Some(0), "{run:?}");
    assert_eq!(project.read("versions"), "asked\n");
}

#[tokio::test]
async fn a_hurl_file_whose_assertion_fails_is_a_failed_check() {
    let end = "echo 'error: Assert status code' >&2; echo ' --> journey.hurl:2:6' >&2; exit 4";
    let (service, project) = (login().await, with_hurl("8.0.1", end));
    let args = ["--url", &service.url(), "--timeout", "2s"];
    let run = project.run_with(&args, &PASSWORD).await;
    assert_eq!(run.code, Some(3), "{run:?}");
    let told = "expected exit status 0, got exit status: 4 (an assertion failed)";
    assert!(run.stdout.contains(told), "{}", run.stdout);
    assert!(run.stdout.contains("| error: Assert status code"), "{}", run.stdout);
    assert!(run.stdout.contains("|  --> journey.hurl:2:6"), "{}", run.stdout);
}

#[tokio::test]
async fn a_hurl_file_that_is_not_understood_is_a_mistake_in_the_configuration() {
    let end = "echo 'error: Parsing method' >&2; exit 2";
    let (service, project) = (login().await, with_hurl("8.0.1", end));
    let start = Instant::now();
    let run = project.run_with(&["--url", &service.url(), "--timeout", "60s"], &PASSWORD).await;
    assert!(start.elapsed().as_secs() < 10);
    assert_eq!(run.code, Some(2), "{run:?}");
    let told = "hurl does not understand smoke/journey.hurl:\nerror: Parsing method";
    assert!(run.stderr.contains(told), "{}", run.stderr);
}

#[tokio::test]
async fn a_missing_hurl_an_old_one_and_a_missing_file_are_told_before_anything_is_asked() {
    let service = login().await;
    let project = Project::new(HURL);
    let url = service.url();
    let run = project.run_with(&["--url", &url], &PASSWORD).await;
    assert_eq!(run.code, Some(2), "{run:?}");
    assert!(
        run.stderr.contains("`journey`: there is no file smoke/journey.hurl"),
        "{}",
        run.stderr
    );
    project.write("smoke/journey.hurl", "");
    let run = project.run_with(&["--url", &url], &PASSWORD).await;
    assert_eq!(run.code, Some(4), "{run:?}");
    assert!(
        run.stderr.contains("needs hurl, which cannot be run: hurl is not installed"),
        "{}",
        run.stderr
    );
    assert!(run.stderr.contains("https://hurl.dev/docs/installation.html"), "{}", run.stderr);
    let run = with_hurl("6.1.0", "exit 0").run_with(&["--url", &url], &PASSWORD).await;
    assert_eq!(run.code, Some(2), "{run:?}");
    assert!(run.stderr.contains("install Hurl 7.1 or newer"), "{}", run.stderr);
    assert_eq!(service.asked(), 0);
}

#[tokio::test]
async fn a_program_that_passes_does_not_hide_a_service_that_is_not_there() {
    let project = Project::new(
        "[[check]]\nname = \"a\"\ncommand = [\"true\"]\n[[check]]\nname = \"b\"\npath = \"/\"\n",
    );
    let url = format!("http://127.0.0.1:{}", free_port().await);
    let run = project.run(&["--url", &url, "--timeout", "2s"]).await;
    assert_eq!(run.code, Some(4), "{run:?}");
    assert!(run.stdout.contains("1 of 2 checks passed"), "{}", run.stdout);
}

#[tokio::test]
async fn an_address_of_its_own_that_does_not_answer_is_the_one_that_is_named() {
    let (service, port) = (login().await, free_port().await);
    let project = Project::new(&format!(
        "[[check]]\nname = \"a\"\npath = \"/\"\n\
         [[check]]\nname = \"b\"\nurl = \"http://127.0.0.1:{port}/other\"\n"
    ));
    let run = project.run(&["--url", &service.url(), "--timeout", "2s"]).await;
    assert_eq!(run.code, Some(4), "{run:?}");
    let told = format!("nothing answered at http://127.0.0.1:{port}/other within");
    assert!(run.stderr.contains(&told), "{}", run.stderr);
}

#[tokio::test]
async fn a_port_that_begins_as_that_of_the_service_is_not_taken_for_it() {
    let own = format!("http://127.0.0.1:{}/other", free_port().await);
    let project = Project::new(&format!("[[check]]\nname = \"b\"\nurl = \"{own}\"\n"));
    let run = project.run(&["--url", "http://127.0.0.1", "--timeout", "1s"]).await;
    assert_eq!(run.code, Some(4), "{run:?}");
    assert!(run.stderr.contains(&format!("nothing answered at {own} within")), "{}", run.stderr);
}

#[tokio::test]
async fn a_variable_that_a_program_is_to_get_has_to_be_set() {
    let run = command("true", "env = { NOT_THERE = true }\n").run(&[]).await;
    assert_eq!(run.code, Some(2), "{run:?}");
    assert!(run.stderr.contains("the variable NOT_THERE"), "{run:?}");
}
