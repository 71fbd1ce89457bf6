//! What one check takes from the other, and from variables.

use crate::service::{Project, Reply, Service, ok};

const JOURNEY: &str = r#"
[[check]]
name = "log in"
path = "/login"
method = "POST"
headers = { Authorization = "Basic ${SMOKE_LOGIN}", Content-Type = "application/json" }
body = '{"user":"${SMOKE_USER}","price":"$${5}"}'
capture = { session_token = "$.token", id = "$.id" }

[[check]]
name = "read it"
path = "/orders/{{id}}?copy={{id}}"
headers = { Authorization = "Bearer {{session_token}}" }

[[check]]
name = "alone"
path = "/health"
"#;

const VARIABLES: [(&str, &str); 2] =
    [("SMOKE_LOGIN", "bG9naW46aHVudGVyMg"), ("SMOKE_USER", "a-user-of-tests")];

#[tokio::test]
async fn a_value_goes_from_one_check_to_the_next_and_variables_into_all() {
    let service = Service::start(|path, _| match path {
        "/login" => ok(r#"{"token":"a-session-nobody-may-see","id":"a/b c"}"#),
        "/orders/a%2Fb%20c?copy=a%2Fb%20c" | "/health" => ok("fine"),
        _ => Reply::Say(404, String::new()),
    });
    let (service, project) = (service.await, Project::new(JOURNEY));
    let run = project.run_with(&["--url", &service.url(), "--timeout", "9s"], &VARIABLES).await;
    assert_eq!(run.code, Some(0), "{run:?}");
    let seen = service.seen();
    assert_eq!(seen.len(), 3);
    let request = |path: &str| seen.iter().find(|head| head.contains(path)).unwrap();
    assert!(request("/login").contains("authorization: Basic bG9naW46aHVudGVyMg"));
    let body = r#"{"user":"a-user-of-tests","price":"${5}"}"#;
    assert!(request("/login").ends_with(body), "{}", request("/login"));
    assert!(request("/orders").contains("authorization: Bearer a-session-nobody-may-see"));
    // The one that needs nothing does not wait.
    assert!(seen[2].contains("/orders"), "{seen:?}");
}

#[tokio::test]
async fn secrets_from_variables_and_captures_are_masked_in_all_that_is_left_behind() {
    let service = Service::start(|path, _| match path {
        "/login" => ok(r#"{"token":"a-session-nobody-may-see","id":"a-user-of-tests"}"#),
        _ => Reply::Say(500, "no a-session-nobody-may-see bG9naW46aHVudGVyMg".to_owned()),
    });
    let (service, project) = (service.await, Project::new(JOURNEY));
    for form in ["text", "json"] {
        let args = ["--url", &service.url(), "--timeout", "2s", "--output", form, "-v"];
        let run = project.run_with(&args, &VARIABLES).await;
        assert_eq!(run.code, Some(3), "{run:?}");
        for text in [&run.stdout, &run.stderr, &project.files()] {
            for secret in ["a-session-nobody", "bG9naW46aHVudGVyMg", "a-user-of-tests"] {
                assert!(!text.contains(secret), "{secret} in {text}");
            }
        }
        assert!(run.stdout.contains("no [MASKED] [MASKED]"), "{}", run.stdout);
    }
}

#[tokio::test]
async fn a_check_whose_capture_is_missing_is_not_sent_and_says_so() {
    let service = Service::start(|path, _| match path {
        "/login" => ok(r#"{"token":{},"id":"7"}"#),
        _ => ok(""),
    });
    let (service, project) = (service.await, Project::new(JOURNEY));
    let args = ["--url", &service.url(), "--timeout", "2s", "--interval", "1s"];
    let run = project.run_with(&args, &VARIABLES).await;
    assert_eq!(run.code, Some(3), "{run:?}");
    assert!(run.stdout.contains("expected $.token to be one value, for `session_token`, got {}"));
    let told = "got no request, as nothing was captured for `id`";
    assert!(run.stdout.contains(told), "{}", run.stdout);
    assert!(service.seen().iter().all(|head| !head.contains("/orders")));
}

#[tokio::test]
async fn a_variable_that_is_not_set_is_an_error_before_anything_is_sent() {
    let (service, project) = (Service::start(|_, _| ok("")).await, Project::new(JOURNEY));
    let run = project.run_with(&["--url", &service.url()], &VARIABLES[1..]).await;
    assert_eq!(run.code, Some(2), "{run:?}");
    assert!(run.stderr.contains("the variable SMOKE_LOGIN, which the checks use, is not set"));
    assert!(run.stderr.contains("help: set SMOKE_LOGIN; in GitLab under"), "{}", run.stderr);
    let broken = [("SMOKE_LOGIN", "two\nlines-of-a-secret"), VARIABLES[1]];
    let run = project.run_with(&["--url", &service.url()], &broken).await;
    assert_eq!(run.code, Some(2), "{run:?}");
    assert!(run.stderr.contains("cannot be sent in the header authorization"), "{}", run.stderr);
    assert!(!run.stderr.contains("lines-of-a-secret"), "{}", run.stderr);
    assert_eq!(service.asked(), 0);
}

#[tokio::test]
async fn the_token_of_a_login_that_fails_is_masked() {
    let service = Service::start(|path, _| match path {
        "/login" => Reply::Say(500, r#"{"token":"a-session-nobody-may-see","id":7}"#.to_owned()),
        _ => ok(""),
    });
    let (service, project) = (service.await, Project::new(JOURNEY));
    for form in ["text", "json"] {
        let args = ["--url", &service.url(), "--timeout", "1s", "--output", form];
        let run = project.run_with(&args, &VARIABLES).await;
        assert_eq!(run.code, Some(3), "{run:?}");
        for text in [&run.stdout, &run.stderr, &project.files()] {
            assert!(!text.contains("a-session-nobody"), "{text}");
        }
        assert!(run.stdout.contains("[MASKED]"), "{}", run.stdout);
    }
}

#[tokio::test]
async fn a_capture_that_proves_who_asks_is_masked_whatever_its_name() {
    let service = Service::start(|path, _| match path {
        "/login" => ok(r#"{"a":"first-ticket-of-all","b":"second-ticket-of-all"}"#),
        _ => Reply::Say(500, "no first-ticket-of-all, second-ticket-of-all".to_owned()),
    });
    let project = Project::new(
        r#"
[[check]]
name = "log in"
path = "/login"
capture = { one = "$.a", two = "$.b" }

[[check]]
name = "read it"
path = "/orders"
headers = { Authorization = "Bearer {{one}}", Cookie = "ticket={{two}}" }
"#,
    );
    let run = project.run(&["--url", &service.await.url(), "--timeout", "1s"]).await;
    assert_eq!(run.code, Some(3), "{run:?}");
    assert!(run.stdout.contains("no [MASKED], [MASKED]"), "{}", run.stdout);
    for text in [&run.stdout, &run.stderr, &project.files()] {
        assert!(!text.contains("ticket-of-all"), "{text}");
    }
}

#[tokio::test]
async fn a_variable_is_masked_as_it_stands_in_an_address_and_in_json() {
    let service = Service::start(|path, _| {
        let echo = serde_json::json!({ "path": path, "said": "odd~and\"quoted\\secret" });
        Reply::Say(404, echo.to_string())
    });
    let project = Project::new(
        "[[check]]\nname = \"x\"\npath = \"/by/${SMOKE_CODE}\"\njson = { \"$\" = 1 }\n",
    );
    let code = [("SMOKE_CODE", "odd~and\"quoted\\secret")];
    let run = project.run_with(&["--url", &service.await.url(), "--timeout", "1s"], &code).await;
    assert_eq!(run.code, Some(3), "{run:?}");
    let told = r#"got {"path":"/by/[MASKED]","said":"[MASKED]"}"#;
    assert!(run.stdout.contains(told), "{}", run.stdout);
    for text in [&run.stdout, &run.stderr, &project.files()] {
        assert!(!text.contains("odd~") && !text.contains("secret\""), "{text}");
    }
}
