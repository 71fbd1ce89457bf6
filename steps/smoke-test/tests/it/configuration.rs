//! Where the step learns what to ask, and whom.

use crate::service::{Project, Reply, Service, ok, steady};

const ONE: &str = "[[check]]\nname = \"health\"\npath = \"/health\"\n";
const VERSION: &str = "[[check]]\nname = \"version\"\npath = \"/\"\nrevision = \"$.revision\"\n";

#[tokio::test]
async fn an_unknown_key_is_told_with_its_line() {
    let project = Project::new("[[check]]\nname = \"health\"\npaht = \"/health\"\n");
    let run = project.run(&["--url", "http://127.0.0.1:1"]).await;
    assert_eq!(run.code, Some(2));
    assert_eq!(run.stdout, "");
    assert_eq!(
        steady(&run.stderr),
        "error: smoke.toml:3:1: unknown key `paht` in [check]; did you mean `path`?\n\
         smoke-test: invalid (N s)\n"
    );
}

#[tokio::test]
async fn without_an_address_the_step_says_how_to_give_one() {
    let run = Project::new(ONE).run(&[]).await;
    assert_eq!(run.code, Some(2));
    assert_eq!(
        steady(&run.stderr),
        "error: the address of the service is not known\n  \
         help: use --url, set `url` of the environment in landfall.toml, or give the stack an output `Url`\n\
         smoke-test: invalid (N s)\n"
    );
}

#[tokio::test]
async fn without_a_file_the_step_says_how_to_name_it() {
    let run = Project::new(ONE).run(&["--file", "other.toml"]).await;
    assert_eq!(run.code, Some(2));
    assert!(run.stderr.contains("other.toml") && run.stderr.contains("--file"), "{}", run.stderr);
}

#[tokio::test]
async fn a_dry_run_lists_the_checks_and_asks_nothing() {
    let service = Service::start(|_, _| ok("")).await;
    let project = Project::new(&format!(
        "{ONE}[[check]]\nname = \"elsewhere\"\nmethod = \"HEAD\"\nurl = \"https://example.com/\"\n"
    ));
    let run = project.run(&["--url", &service.url(), "--dry-run"]).await;
    assert_eq!(run.code, Some(0), "{run:?}");
    assert_eq!(
        steady(&run.stdout),
        "2 checks planned at http://HOST/\n  \
         planned  health     GET http://HOST/health\n  \
         planned  elsewhere  HEAD https://example.com/\n"
    );
    assert_eq!(service.asked(), 0);
    assert!(!project.has(".landfall"));
}

#[tokio::test]
async fn landfall_toml_names_file_address_and_time() {
    let service = Service::start(|_, _| Reply::Say(500, String::new())).await;
    let project = Project::new("this is not read");
    project.write("checks/dev.toml", ONE);
    let url = service.url();
    project.write(
        "landfall.toml",
        &format!(
            "[env.dev]\nurl = \"{url}\"\n[env.dev.smoke-test]\nfile = \"checks/dev.toml\"\ntimeout = \"1s\"\n"
        ),
    );
    let run = project.run(&["--env", "dev", "--junit", "result.xml"]).await;
    assert_eq!(run.code, Some(3), "{run:?}");
    assert!(run.stderr.contains("failed within 1s"), "{}", run.stderr);
    assert!(project.read("result.xml").contains("classname=\"smoke-test.dev\""));
}

#[tokio::test]
async fn the_stack_tells_the_address_unless_it_is_of_another_environment() {
    let service = Service::start(|_, _| ok("")).await;
    let project = Project::new(ONE);
    project.write("landfall.toml", "[service]\nname = \"orders\"\n[env.dev]\n[env.prod]\n");
    let outputs = format!(r#"{{"stack":"orders-dev","outputs":{{"Url":"{}"}}}}"#, service.url());
    project.write(".landfall/stack.json", &outputs);
    let run = project.run(&["--env", "dev", "--timeout", "2s"]).await;
    assert_eq!(run.code, Some(0), "{run:?}");
    let run = project.run(&["--env", "prod", "--timeout", "2s"]).await;
    assert_eq!(run.code, Some(2), "{run:?}");
    assert!(
        run.stderr.contains("of stack orders-dev, not of orders-prod: ignored"),
        "{}",
        run.stderr
    );
    assert_eq!(service.asked(), 1);
}

#[tokio::test]
async fn the_deployment_tells_the_revision_unless_it_is_of_another_environment() {
    let service = Service::start(|_, _| ok(r#"{"revision":"abc123"}"#)).await;
    let project = Project::new(VERSION);
    project.write(
        ".landfall/deployment.json",
        r#"{"env":"dev","service":"s","task_definition":"t","image":"i","revision":"abc123"}"#,
    );
    let url = service.url();
    let run = project.run(&["--url", &url, "--env", "dev", "--timeout", "2s"]).await;
    assert_eq!(run.code, Some(0), "{run:?}");
    let run = project.run(&["--url", &url, "--env", "prod", "--timeout", "2s"]).await;
    assert_eq!(run.code, Some(2), "{run:?}");
    assert!(
        run.stderr.contains("the last deployment was to dev, not to prod: ignored"),
        "{}",
        run.stderr
    );
    assert!(run.stderr.contains("use --revision"), "{}", run.stderr);
}

#[tokio::test]
async fn landfall_toml_names_the_rounds_and_a_flag_wins() {
    let service = Service::start(|_, _| ok("")).await;
    let project = Project::new(ONE);
    let settings = "[defaults.smoke-test]\npasses = 4\ninterval = \"10ms\"\n";
    project.write("landfall.toml", settings);
    let run = project.run(&["--url", &service.url()]).await;
    assert_eq!(run.code, Some(0), "{run:?}");
    assert_eq!(service.asked(), 4);
    let run = project.run(&["--url", &service.url(), "--passes", "2"]).await;
    assert_eq!(run.code, Some(0), "{run:?}");
    assert_eq!(service.asked(), 6);
    project.write("landfall.toml", "[defaults.smoke-test]\npasses = 0\n");
    let run = project.run(&["--url", &service.url()]).await;
    assert_eq!(run.code, Some(2), "{run:?}");
    assert!(run.stderr.contains("landfall.toml:2:10: "), "{}", run.stderr);
}

#[tokio::test]
async fn a_variable_can_hold_the_beginning_of_an_address() {
    let service = Service::start(|path, _| match path {
        "/api/orders/a%2Fb" => ok(""),
        _ => Reply::Say(404, String::new()),
    });
    let service = service.await;
    let project =
        Project::new("[[check]]\nname = \"x\"\nurl = \"${ORDERS_URL}/orders/${ORDER}\"\n");
    for base in ["/api", "/api/"].map(|path| service.url() + path) {
        let variables = [("ORDERS_URL", &*base), ("ORDER", "a/b")];
        let run = project.run_with(&["--timeout", "1s"], &variables).await;
        assert_eq!(run.code, Some(0), "{run:?}");
    }
}

#[tokio::test]
async fn an_address_that_is_none_is_told_at_once_with_its_check() {
    let service = Service::start(|_, _| ok("{\"id\":7}")).await;
    for (url, value, why) in [
        ("${PLACE}/health", "orders.example.com", "it begins with http:// or https://"),
        ("${PLACE}/orders/{{id}}", "ftp://orders.example.com", "it begins with http:// or"),
        ("https://${PLACE}/health", "orders.example.com:8443", ""),
        ("https://orders.example.com:${PLACE}/", "many", "invalid port number"),
    ] {
        let project = Project::new(&format!(
            "[[check]]\nname = \"first\"\npath = \"/\"\ncapture = {{ id = \"$.id\" }}\n\
             [[check]]\nname = \"second\"\nurl = \"{url}\"\n"
        ));
        let run = project.run_with(&["--url", &service.url()], &[("PLACE", value)]).await;
        assert_eq!(run.code, Some(2), "{run:?}");
        let told = format!("error: check `second`: {url} is not an http address: {why}");
        assert!(run.stderr.contains(&told), "{}", run.stderr);
        assert!(run.stderr.contains("help: a variable that begins an address"), "{}", run.stderr);
    }
    assert_eq!(service.asked(), 0);
}

#[tokio::test]
async fn a_time_without_an_end_is_a_mistake_and_no_panic() {
    let project = Project::new(ONE);
    let forever = "18446744073709551615";
    let run = project.run(&["--url", "http://127.0.0.1:1", "--timeout", forever]).await;
    assert_eq!(run.code, Some(2), "{run:?}");
    assert!(run.stderr.contains("longer than 365 days"), "{}", run.stderr);
    project.write("landfall.toml", &format!("[defaults.smoke-test]\ntimeout = \"{forever}\"\n"));
    let run = project.run(&["--url", "http://127.0.0.1:1"]).await;
    assert_eq!(run.code, Some(2), "{run:?}");
    assert!(
        run.stderr.contains("landfall.toml:2:11: it is longer than 365 days"),
        "{}",
        run.stderr
    );
}
