//! `generate`: with real programs, services, repositories and files.

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use step_testkit::Project;

use crate::run;

const ORDERS: &str = r#"{
  "openapi": "3.1.0",
  "info": {
    "title": "Orders",
    "version": "1"
  },
  "paths": {
    "/orders": {
      "get": {
        "operationId": "list",
        "responses": {
          "200": {
            "description": "all"
          }
        }
      }
    }
  }
}
"#;

const USERS: &str = "openapi: 3.1.0
info: {title: Users, version: '1'}
paths: {/users: {get: {operationId: users, responses: {'200': {description: all}}}}}
";

fn project(landfall: &str) -> Project {
    Project::new().with_file("landfall.toml", landfall).with_file("orders.json", ORDERS)
}

/// A source that runs a shell.
fn shell(script: &str) -> String {
    format!(
        "[defaults.gen-openapi.sources.orders]\ntimeout = \"2s\"\ncommand = [\"sh\", \"-c\", '''{script}''']\n"
    )
}

/// A source that starts a shell, and waits for a free port to answer.
fn service(script: &str) -> (String, u16) {
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let script = script.replace("PORT", &port.to_string());
    let toml = format!(
        "[defaults.gen-openapi.sources.orders]\ntimeout = \"3s\"\nurl = \"http://127.0.0.1:{port}/orders.json\"\nserve = [\"sh\", \"-c\", '''{script}''']\n"
    );
    (toml, port)
}

/// Whether the process runs whose number is in a file; one that waits to be collected does not.
fn runs(file: &Path) -> bool {
    let pid = std::fs::read_to_string(file).unwrap();
    let stat = std::fs::read_to_string(format!("/proc/{}/stat", pid.trim()));
    stat.is_ok_and(|text| !text.contains(") Z "))
}

#[track_caller]
fn assert_ends(project: &Project, file: &str) {
    let file = project.path(file);
    let start = Instant::now();
    while runs(&file) {
        assert!(start.elapsed() < Duration::from_secs(5), "it still runs");
        std::thread::yield_now();
    }
}

#[test]
fn a_file_is_written_once_and_then_left_alone() {
    let project = project("[defaults.gen-openapi.sources.orders]\nfile = \"orders.json\"\n");
    let ran = run(&project, &["--dry-run"]).expect(0);
    assert_eq!(
        ran.stdout,
        format!(
            "planned openapi.json: OpenAPI 3.1.0, Orders, 1\n  from orders\n  1 path, 1 operation, 0 components, {} bytes\n",
            ORDERS.len()
        )
    );
    assert!(!project.path("openapi.json").exists());
    run(&project, &["--check"]).expect(3).says("openapi.json is not what would be written");
    assert!(run(&project, &[]).expect(0).stdout.starts_with("written openapi.json: "));
    assert_eq!(project.read("openapi.json"), ORDERS, "the bytes are the same");
    assert!(run(&project, &["generate"]).expect(0).stdout.starts_with("unchanged openapi.json: "));
    run(&project, &["--check"]).expect(0);
    project.write("openapi.json", &ORDERS.replace("Orders", "Others"));
    run(&project, &["--check"]).expect(3).says("is not what would be written, from line 4 on");
    let ran = run(&project, &["--output", "json", "--to", "api/openapi.yaml"]).expect(0);
    let json = ran.json();
    assert_eq!(json["outcome"], "written");
    assert_eq!(json["report"]["file"], "api/openapi.yaml");
    assert_eq!(json["report"]["operations"], 1);
    assert!(project.read("api/openapi.yaml").starts_with("openapi: \"3.1.0\"\n"));
}

#[test]
fn what_cannot_be_written_or_read_is_said_with_what_to_do() {
    let project = project("");
    run(&project, &[]).expect(2).says("--from");
    run(&project, &["--from", "orders.json", "--to", "-"]).expect(2).says("stdout is the report");
    run(&project, &["--from", "orders.json", "--to", "a.txt"]).expect(2).says("name it .json");
    run(&project, &["--from", "nobody.json"])
        .expect(2)
        .says("nobody.json cannot be read")
        .says("name a file that is there");
    run(&project, &["--from", "-", "--from", "-"]).expect(2).says("read only once");
    run(&project, &["--from", "orders.json", "--set-version", ""]).expect(2).says("--set-version");
    run(&project, &["--from", "orders.json", "--to", "/dev/zero"]).expect(2).says("neither JSON");
    run(&project, &["--from", "ftp://example.com/a.json"]).expect(2).says("ftp:// is not read");
    run(&project, &["--from", "orders.json", "validate"]).expect(2).says("behind its name");
    project.write("swagger.yaml", "swagger: '2.0'\n");
    run(&project, &["--from", "swagger.yaml"])
        .expect(2)
        .says("swagger.yaml:1:10")
        .says("Swagger 2.0");
}

#[test]
fn the_commit_and_the_tag_and_the_settings_are_written_into_it() {
    let project = project("[defaults.gen-openapi]\ntitle = \"T\"\nservers = [\"https://a\"]\n");
    let from = ["--from", "orders.json", "--revision"];
    let gitlab = ["--ci-commit-tag", "v1.2.3", "--ci-commit-sha", "abc"];
    run(&project, &[&from[..], &gitlab].concat()).expect(0);
    let json = project.json("openapi.json");
    let info = serde_json::json!({"title": "T", "version": "1.2.3", "x-revision": "abc"});
    assert_eq!(json["info"], info);
    assert_eq!(json["servers"], serde_json::json!([{"url": "https://a"}]));
    let keys: Vec<&String> = json.as_object().unwrap().keys().collect();
    assert_eq!(keys, ["openapi", "info", "servers", "paths"]);
    run(&project, &[&from[..], &gitlab, &["--set-version", "9"]].concat()).expect(0);
    assert_eq!(project.json("openapi.json")["info"]["version"], "9");
    run(&project, &["--from", "orders.json", "--revision"]).expect(2).says("no commit is known");
}

#[test]
fn without_git_it_is_git_that_is_missed() {
    let project = project("").with_env("PATH", "/nowhere");
    for args in [&["--from", "git:main:orders.json"][..], &["--from", "orders.json", "--revision"]]
    {
        run(&project, args).expect(4).says("git is not installed");
    }
}

#[test]
fn sorting_leaves_what_only_people_understand_as_it_is() {
    let text = "openapi: 3.0.3\ninfo: {title: t, version: '1'}\npaths: {}\ncomponents:\n  x-order: {b: 1, a: 2}\n  \
        schemas: {B: {}, A: {}}\n";
    let project = project("").with_file("a.yaml", text);
    run(&project, &["--from", "a.yaml", "--to", "b.yaml", "--sort"]).expect(0);
    let written = project.read("b.yaml");
    let (order, schemas) = written.split_once("schemas:").unwrap();
    assert!(order.contains("b: 1\n    a: 2"), "{written}");
    assert!(schemas.find("A:") < schemas.find("B:"), "{written}");
}

#[test]
fn sources_are_obtained_side_by_side_and_made_one() {
    // Each waits for the other: one after the other they would wait until they are ended.
    let toml = "[defaults.gen-openapi.sources.orders]\ncommand = [\"sh\", \"-c\", \"touch a; until test -e b; do sleep 0.05; done; cat orders.json\"]\ntimeout = \"10s\"\n\
        [defaults.gen-openapi.sources.users]\nfile = \"users.yaml\"\npath_prefix = \"/v1\"\n\
        [defaults.gen-openapi.sources.more]\ncommand = [\"sh\", \"-c\", \"touch b; until test -e a; do sleep 0.05; done; sed s/users/more/g users.yaml > made.yaml\"]\nfile = \"made.yaml\"\n";
    let project = project(toml).with_file("users.yaml", USERS);
    let ran = run(&project, &["--sort"]).expect(0);
    assert!(
        ran.stdout.contains("from orders, users, more\n  3 paths, 3 operations"),
        "{}",
        ran.stdout
    );
    let json = project.json("openapi.json");
    let paths: Vec<&String> = json["paths"].as_object().unwrap().keys().collect();
    assert_eq!(paths, ["/more", "/orders", "/v1/users"]);
    let ran =
        run(&project, &["--from", "orders.json", "--from", "made.yaml", "--from", "made.yaml"])
            .expect(2);
    ran.says("made.yaml:3:17: blocker: GET /more is in made.yaml:3:17 already [merge-collision]");
}

#[test]
fn a_program_that_prints_something_else_is_told() {
    let project = project(&shell("echo starting; echo again; cat orders.json"));
    run(&project, &[])
        .expect(2)
        .says("source orders: its program prints more to stdout than the description:\n  starting\n  again")
        .says("let it print its logs to stderr");
    project.write("landfall.toml", &shell("cat orders.json; echo done"));
    run(&project, &[]).expect(2).says("than the description:\n  done");
    project.write("landfall.toml", &shell("echo openapi: 3.0.3; echo done in 3 s"));
    run(&project, &[]).expect(2).says("orders:2:").says("print its logs to stderr");
    project.write("landfall.toml", &shell("true"));
    run(&project, &[]).expect(2).says("printed nothing");
    project.write("landfall.toml", &shell("echo loading >&2; cat orders.json"));
    run(&project, &[]).expect(0);
}

#[test]
fn a_program_that_fails_or_hangs_or_is_missing_is_told_and_leaves_nothing_behind() {
    let project = project(&shell("echo no database >&2; exit 7"));
    run(&project, &[]).expect(2).says("source orders: sh failed (exit status: 7): no database");
    project.write("landfall.toml", &shell("sleep 60 & echo $! > pid; echo waiting >&2; wait"));
    let start = Instant::now();
    run(&project, &[])
        .expect(5)
        .says("sh ran longer than 2s: waiting")
        .says("timeout in landfall.toml");
    assert!(start.elapsed() < Duration::from_secs(10));
    assert_ends(&project, "pid");
    // One that leaves something running does not keep the step from going on.
    project.write("landfall.toml", &shell("sleep 60 & echo $! > pid; cat orders.json"));
    run(&project, &[]).expect(0);
    assert_ends(&project, "pid");
    let missing = shell("").replace("\"sh\"", "\"no-such-program\"");
    project.write("landfall.toml", &missing);
    run(&project, &[]).expect(4).says("no-such-program is not installed");
}

#[test]
fn an_interrupted_step_ends_its_programs() {
    let project = project(&shell("echo $$ > pid; exec sleep 60").replace("2s", "60s"));
    let running = project.start("gen-openapi", &[]);
    let start = Instant::now();
    while std::fs::read_to_string(project.path("pid")).unwrap_or_default().is_empty() {
        assert!(start.elapsed() < Duration::from_secs(10), "it does not start");
        std::thread::yield_now();
    }
    assert_eq!(running.signal("TERM").code, Some(143));
    assert_ends(&project, "pid");
}

#[test]
fn a_program_gets_only_the_variables_that_it_needs() {
    let script = "sed \"s/Orders/$(env | cut -d= -f1 | sort | tr '\\n' ' ')/\" orders.json";
    let toml = shell(script)
        + "[defaults.gen-openapi.sources.orders.env]\nDATABASE_URL = true\nMODE = \"openapi\"\n";
    let project = project(&toml)
        .with_env("DATABASE_URL", "postgres://u:pw@h/d")
        .with_env("AWS_SECRET_ACCESS_KEY", "x")
        .with_env("OTHER", "x")
        .with_env("LC_ALL", "C");
    run(&project, &[]).expect(0);
    let json = project.json("openapi.json");
    let names: Vec<&str> = json["info"]["title"].as_str().unwrap().split_whitespace().collect();
    let own = ["PWD", "OLDPWD", "SHLVL", "_"];
    let names: Vec<&str> = names.into_iter().filter(|it| !own.contains(it)).collect();
    assert_eq!(names, ["DATABASE_URL", "HOME", "LC_ALL", "MODE", "PATH"]);
}

#[test]
fn a_service_is_started_until_it_answers_and_ended_with_all_that_it_started() {
    let (toml, _) = service(
        "sleep 60 & echo $! > pid; sleep 0.3; python3 -m http.server --bind 127.0.0.1 PORT & echo $! > server; wait",
    );
    let project = project(&toml);
    run(&project, &[]).expect(0);
    assert_eq!(project.read("openapi.json"), ORDERS);
    assert_ends(&project, "pid");
    assert_ends(&project, "server");
}

#[test]
fn a_service_that_gets_never_ready_is_told() {
    let (toml, port) = service("echo $$ > pid; echo listening nowhere; exec sleep 60");
    let project = project(&toml);
    let ran = run(&project, &[]).expect(5);
    ran.says("did not answer with a description within 3s: ").says("listening nowhere");
    assert_ends(&project, "pid");
    // It answers, but not with a description.
    let script = "rm -f orders.json; exec python3 -m http.server --bind 127.0.0.1 PORT";
    project.write("landfall.toml", &service(script).0);
    run(&project, &[]).expect(5).says("the last answer is 404 Not Found");
    // It ends by itself.
    project.write("landfall.toml", &service("echo the port is taken; exit 3").0);
    run(&project, &[]).expect(2).says("sh ended (exit status: 3): the port is taken");
    // Somebody else has the port.
    let listener = std::net::TcpListener::bind(("127.0.0.1", port)).unwrap();
    project.write("landfall.toml", &toml);
    run(&project, &[]).expect(2).says("something answers at ").says("stop it");
    drop(listener);
}

#[test]
fn what_is_referred_to_is_put_into_the_file() {
    let project = project("")
        .with_file("repository/.git/HEAD", "ref: refs/heads/main\n")
        .with_file("repository/api/openapi.yaml", "openapi: 3.0.3\ninfo: {title: t, version: '1'}\npaths: {}\ncomponents:\n  schemas:\n    A: {$ref: ../shared/a.yaml}\n    B: {$ref: ../../outside.yaml}\n")
        .with_file("repository/shared/a.yaml", "type: string\n")
        .with_file("outside.yaml", "type: integer\n");
    let from = ["--from", "repository/api/openapi.yaml"];
    // The current folder is the root when no repository is around it.
    run(&project, &from).expect(0);
    assert_eq!(project.json("openapi.json")["components"]["schemas"]["B"]["type"], "integer");
    let inside = |args: &[&str]| {
        let mut command = project.command("gen-openapi");
        let output = command.current_dir(project.path("repository")).args(args).output().unwrap();
        (output.status.code(), String::from_utf8(output.stderr).unwrap())
    };
    let (code, said) = inside(&["--from", "api/openapi.yaml"]);
    assert_eq!(code, Some(2), "{said}");
    assert!(said.contains("api/openapi.yaml:7:15: blocker: `../../outside.yaml` is not read: it lies outside of the repository [reference-refused]"), "{said}");
    assert!(said.contains("at #/components/schemas/B"), "{said}");
    let (code, said) =
        inside(&["--from", "api/openapi.yaml", "--allow-reference", "../outside.yaml"]);
    assert_eq!(code, Some(0), "{said}");
}

#[test]
fn what_the_specification_does_not_allow_is_not_written() {
    let project = project("").with_file("a.yaml", "openapi: 3.0.3\ninfo: {title: t}\npaths: {}\n");
    let ran = run(&project, &["--from", "a.yaml"]).expect(2).says("a.yaml:2:7: ").says("`version`");
    ran.says("--no-validate");
    assert!(!project.path("openapi.json").exists());
    run(&project, &["--from", "a.yaml", "--no-validate"]).expect(0);
    assert_eq!(project.json("openapi.json")["info"]["title"], "t");
}

#[test]
fn a_commit_is_read_with_all_that_it_refers_to() {
    let project = project("")
        .with_file("api/openapi.yaml", "openapi: 3.0.3\ninfo: {title: t, version: '1'}\npaths: {}\ncomponents: {schemas: {A: {$ref: ../shared/a.yaml}}}\n")
        .with_file("shared/a.yaml", "type: string\n");
    let git = |args: &[&str]| {
        let mut git = Command::new("git");
        git.current_dir(project.path("")).env("GIT_CONFIG_GLOBAL", "/dev/null");
        let git = git.args(["-c", "user.name=t", "-c", "user.email=t@example.test"]).args(args);
        assert!(git.output().unwrap().status.success(), "{args:?}");
    };
    git(&["init", "-q", "-b", "main"]);
    git(&["add", "-A"]);
    git(&["commit", "-q", "-m", "one"]);
    project.write("shared/a.yaml", "type: integer\n");
    run(&project, &["--from", "git:main:api/openapi.yaml"]).expect(0);
    assert_eq!(project.json("openapi.json")["components"]["schemas"]["A"]["type"], "string");
    run(&project, &["--from", "api/openapi.yaml"]).expect(0);
    assert_eq!(project.json("openapi.json")["components"]["schemas"]["A"]["type"], "integer");
}

#[test]
fn conversion_to_3_0_says_all_that_is_lost() {
    let lossy = "openapi: 3.1.0\ninfo: {title: t, version: '1', summary: s}\npaths: {}\ncomponents:\n  schemas:\n    A: {type: [string, 'null'], examples: [a, b]}\n    B: {prefixItems: [{}]}\n";
    let project = project("[defaults.gen-openapi]\nopenapi = \"3.0\"\n").with_file("a.yaml", lossy);
    run(&project, &["--from", "a.yaml"])
        .expect(2)
        .says("a.yaml:2:32: minor: OpenAPI 3.0 has no `summary`")
        .says("a.yaml:6:33: minor: OpenAPI 3.0 has no `examples`")
        .says("a.yaml:7:9: blocker: OpenAPI 3.0 has no `prefixItems`: all items of an array have one schema");
    project.write("a.yaml", &lossy.replace("    B: {prefixItems: [{}]}\n", ""));
    run(&project, &["--from", "a.yaml"]).expect(2);
    let ran = run(&project, &["--from", "a.yaml", "--allow-loss"]).expect(0);
    ran.says("warning: left out:\na.yaml:2:32");
    assert_eq!(
        project.json("openapi.json")["components"]["schemas"]["A"],
        serde_json::json!({"type": "string", "nullable": true, "example": "a"})
    );
    assert_eq!(project.json("openapi.json")["openapi"], "3.0.3");
}
