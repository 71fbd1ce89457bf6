//! Each expectation, met and not met by the same service; and answers that are no use.

use serde_json::Value;

use crate::service::{Project, Reply, Service, ok};

const HEADERS: &str = "content-type: application/json; x\r\nvary: a\r\nvary: b\r\n";
const BODY: &str = r#"{"revision":"abc123","items":[{"sku":"a"},{"sku":"b"}],"n":1}"#;

async fn orders() -> Service {
    Service::start(|path, _| match path {
        "/gone" => Reply::Say(404, String::new()),
        _ => Reply::Raw(HEADERS.to_owned(), BODY.into()),
    })
    .await
}

/// Checks with the lines of each, named by their first line.
fn checks(all: &[&str]) -> String {
    let check = |lines: &&str| {
        let name = lines.lines().next().unwrap().replace('\'', "|");
        let path = if lines.contains("404") { "/gone" } else { "/" };
        format!("[[check]]\nname = '{name}'\npath = '{path}'\n{lines}\n")
    };
    all.iter().map(check).collect()
}

#[tokio::test]
async fn what_is_as_expected_passes() {
    let service = orders().await;
    let project = Project::new(&checks(&[
        "status = 200",
        "status = '2xx'",
        "status = [404, 410]",
        "body_contains = 'abc'",
        "body_matches = 'sku.:.b'",
        "json = { '$.n' = 1, '$.items[*].sku' = ['a', 'b'] }",
        "response_headers = { Vary = 'a, b', Content-Type = { matches = '^application/json' } }",
        "max_latency = '9s'",
        "revision = '$.revision'",
    ]));
    let run = project.run(&["--url", &service.url(), "--revision", "abc123"]).await;
    assert_eq!(run.code, Some(0), "{run:?}");
    assert_eq!(service.asked(), 9);
}

#[tokio::test]
async fn what_is_not_as_expected_fails_with_both_sides() {
    let service = orders().await;
    let wrong = [
        ("status = 201", "expected status 201, got 200"),
        ("status = ['3xx', '400-403'] # 404", "expected status 300-399 or 400-403, got 404"),
        ("body_contains = 'xyz'", "expected the body to contain \"xyz\", got "),
        ("body_matches = '^abc'", "expected the body to match /^abc/, got "),
        ("json = { '$.n' = 2 }", "expected $.n to be 2, got 1"),
        ("json = { '$.items[*].sku' = 'a' }", "to be \"a\", got [\"a\",\"b\"]"),
        ("response_headers = { Vary = 'a' }", "expected header vary to be \"a\", got \"a, b\""),
        ("response_headers = { X = 'a' }", "expected header x to be \"a\", got none"),
        ("max_latency = '1ns'", "expected an answer within 1ns, got "),
        ("revision = '$.revision'", "to be the revision \"def456\", got \"abc123\""),
        ("tls_days_left = 0", "valid for 0 more days, got an answer without TLS"),
    ];
    let project = Project::new(&checks(&wrong.map(|(lines, _)| lines)));
    let url = service.url();
    let args = ["--url", &url, "--revision", "def456", "--timeout", "2s", "--output", "json"];
    let run = project.run(&args).await;
    assert_eq!(run.code, Some(3), "{run:?}");
    let report = run.json();
    let said = |check: &Value| {
        let mismatch = &check["mismatches"][0];
        let side = |name: &str| mismatch[name].as_str().unwrap().to_owned();
        format!("expected {}, got {}", side("expected"), side("actual"))
    };
    let all = report["report"]["checks"].as_array().unwrap();
    assert_eq!(all.len(), wrong.len());
    for (check, (lines, expected)) in all.iter().zip(wrong) {
        assert_eq!(check["state"], "failed", "{lines}");
        assert!(said(check).contains(expected), "{lines} said: {}", said(check));
    }
    assert!(project.junit().contains("failures=\"11\" errors=\"0\""), "{}", project.junit());
}

#[tokio::test]
async fn a_body_without_end_is_not_read_to_the_end() {
    let service = Service::start(|_, _| Reply::Flood(100)).await;
    let project = Project::new("[[check]]\nname = \"x\"\npath = \"/\"\n");
    let run = project.run(&["--url", &service.url(), "--timeout", "1s"]).await;
    assert_eq!(run.code, Some(3), "{run:?}");
    assert!(run.stdout.contains("got a body of more than 8 MiB"), "{}", run.stdout);
    assert!(run.stdout.len() < 1000 && project.files().len() < 10_000);
}

#[tokio::test]
async fn a_body_that_is_no_text_matters_only_where_it_is_read() {
    let answer = |_: &str, _| Reply::Raw(String::new(), b"caf\xe9 \x00\xff".to_vec());
    let service = Service::start(answer).await;
    let project = Project::new(&checks(&["status = 200", "body_contains = 'caf'"]));
    let run = project.run(&["--url", &service.url(), "--timeout", "1s"]).await;
    assert_eq!(run.code, Some(3), "{run:?}");
    assert!(run.stdout.contains("1 of 2 checks passed"), "{}", run.stdout);
    assert!(run.stdout.contains("the body to be UTF-8, got \"caf\u{fffd}"), "{}", run.stdout);
    assert!(run.stdout.contains("whose byte 3 is none"), "{}", run.stdout);
}

#[tokio::test]
async fn the_clock_of_the_service_is_compared_with_this_machines() {
    let service = Service::start(|path, _| {
        let date = match path {
            "/old" => "Sun, 06 Nov 1994 08:49:37 GMT".to_owned(),
            _ => jiff::fmt::rfc2822::DateTimePrinter::new()
                .timestamp_to_rfc9110_string(&jiff::Timestamp::now())
                .unwrap(),
        };
        Reply::Raw(format!("date: {date}\r\n"), Vec::new())
    })
    .await;
    for (path, warnings) in [("/old", 1), ("/new", 0)] {
        let project = Project::new(&format!("[[check]]\nname = \"x\"\npath = \"{path}\"\n"));
        let args = ["--url", &service.url(), "--passes", "3", "--interval", "10ms"];
        let run = project.run(&args).await;
        assert_eq!(run.code, Some(0), "{run:?}");
        let said = run.stderr.matches("warning: the clock of this machine is").count();
        assert_eq!(said, warnings, "{}", run.stderr);
    }
}

#[tokio::test]
async fn nothing_of_an_answer_is_markup_in_the_html_report() {
    let hostile = "<script>alert(1)</script>\" onload='x' \u{202e}&amp;";
    let service = Service::start(move |_, _| ok(hostile)).await;
    let project = Project::new(&checks(&["json = { '$.n' = '<b>1</b>' }"]));
    let run = project.run(&["--url", &service.url(), "--timeout", "2s"]).await;
    assert_eq!(run.code, Some(3), "{run:?}");
    let html = project.read(".landfall/smoke-test.html");
    for part in ["<script", "onload='", "<b>", "\u{202e}"] {
        assert!(!html.contains(part), "{part} in {html}");
    }
    for part in ["&lt;script&gt;alert(1)&lt;/script&gt;", "&amp;amp;", "default-src 'none'"] {
        assert!(html.contains(part), "no {part} in {html}");
    }
    // Every element that was opened is closed, but for those that have no end.
    let count = |part: &str| html.matches(part).count();
    assert_eq!((count("<tr>"), count("<td")), (count("</tr>"), count("</td>")));
    assert!(!html.contains("src=") && !html.contains("href="), "it loads something: {html}");
}
