//! A consumer's whole pipeline on real containers, against the local AWS.

use std::io::Write;
use std::process::Command;
use std::time::Instant;

use step_testkit::{repository, testbed_env};

use crate::consumer::Consumer;
use crate::{base_image, done, testbed, variable};

#[test]
fn a_commit_goes_from_source_to_serving_and_a_second_pipeline_changes_nothing() {
    let service = Service(Consumer::new(&format!("{{image: \"{}\"}}", base_image())));
    let Service(consumer) = &service;
    done(database().arg(consumer.name()));

    service.run_pipeline();
    assert_eq!(
        service.outcomes(),
        [
            "stack-dev created",
            "build-image built",
            "push-dev pushed",
            "migrate-dev migrated",
            "deploy-dev deployed",
            "smoke-dev passed"
        ]
    );
    let get =
        |path| done(Command::new("curl").args(["-fsS", "-m", "10"]).arg(consumer.url() + path));
    let health = get("/healthz");
    // The rows that a migration brought.
    let orders: serde_json::Value = serde_json::from_str(&get("/orders")).unwrap();
    assert_eq!(orders[0]["item"], "anchor");
    assert!(health.contains(&format!("\"revision\":\"{}\"", consumer.commit())), "{health}");

    service.run_pipeline();
    assert_eq!(
        service.outcomes(),
        [
            "stack-dev unchanged",
            "build-image unchanged",
            "push-dev unchanged",
            "migrate-dev unchanged",
            "deploy-dev unchanged",
            "smoke-dev passed"
        ]
    );
}

/// Stands in for RDS: makes a database, and the secret that holds its URL.
fn database() -> Command {
    Command::new(repository().join("shared/step-testkit/testbed/database"))
}

/// A consumer whose service may run in the local AWS; it is removed at the end.
struct Service(Consumer);

impl Service {
    #[track_caller]
    fn run_pipeline(&self) {
        let Self(consumer) = self;
        let start = Instant::now();
        let mut gitlab = consumer.gitlab();
        gitlab.args(["--helper-image", "landfall-testbed/gitlab-ci-helper:1"]);
        gitlab.args(["--pull-policy", "if-not-present", "--network", "host"]);
        gitlab.arg("--no-artifacts-to-source");
        let variables = testbed_env();
        let (socket, elsewhere) = match variables.get("DOCKER_HOST").map(String::as_str) {
            Some(host) if !host.starts_with("unix://") => ("/var/run/docker.sock", Some(host)),
            Some(host) => (host.trim_start_matches("unix://"), None),
            None => ("/var/run/docker.sock", None),
        };
        if elsewhere.is_none() {
            gitlab.args(["--volume", &format!("{socket}:/var/run/docker.sock")]);
        }
        for (key, value) in &variables {
            if key != "DOCKER_HOST" || elsewhere.is_some() {
                gitlab.args(["--variable", &format!("{key}={value}")]);
            }
        }
        gitlab.args(["--variable", &format!("LANDFALL_URL={}", consumer.url())]);
        // GitLab tells the time of the commit, gitlab-ci-local that of the pipeline.
        let time = ["log", "-1", "--format=%cI"];
        let time = done(Command::new("git").args(time).current_dir(consumer.path("")));
        gitlab.args(["--variable", &format!("CI_COMMIT_TIMESTAMP={}", time.trim_end())]);
        self.give_rust(&mut gitlab);
        done(&mut gitlab);
        // With --nocapture, or when the test fails.
        _ = writeln!(std::io::stderr(), "the pipeline took {:.1} s", start.elapsed().as_secs_f32());
    }

    /// The Rust of this machine, with the crates that it has, in the image that stands in for
    /// rust:*. What was compiled is kept for the next time.
    fn give_rust(&self, gitlab: &mut Command) {
        let sysroot = done(Command::new("rustc").args(["--print", "sysroot"]));
        let home = variable("CARGO_HOME").or_else(|| Some(variable("HOME")? + "/.cargo")).unwrap();
        let compiled = testbed().join("cache/pipeline-target");
        std::fs::create_dir_all(&compiled).unwrap();
        gitlab.args(["--variable", "RUST_IMAGE=landfall-testbed/rust:1"]);
        gitlab.args(["--volume", &format!("{}:/opt/rust:ro", sysroot.trim_end())]);
        gitlab.args(["--volume", &format!("{home}/registry:/opt/cargo/registry:ro")]);
        gitlab.args(["--volume", &format!("{}:/var/cache/target", compiled.display())]);
    }

    /// Job and outcome, as the reports in the jobs' artifacts tell.
    fn outcomes(&self) -> Vec<String> {
        let reports = [
            ("stack-dev", "deploy-stack"),
            ("build-image", "build-image"),
            ("push-dev", "push-ecr"),
            ("migrate-dev", "migrate-db"),
            ("deploy-dev", "deploy-fargate"),
            ("smoke-dev", "smoke-test"),
        ];
        let outcome = |(job, step): (&str, &str)| {
            let file = format!(".gcl/artifacts/{job}/.landfall/reports/{step}.json");
            let report = std::fs::read_to_string(self.0.path(&file)).expect(&file);
            let report: serde_json::Value = serde_json::from_str(&report).unwrap();
            format!("{job} {}", report["outcome"].as_str().unwrap())
        };
        reports.into_iter().map(outcome).collect()
    }
}

impl Drop for Service {
    /// As good as it can: the test has passed or failed already.
    fn drop(&mut self) {
        let variables = testbed_env();
        let account = &variables["AWS_ACCESS_KEY_ID"];
        let region = &variables["AWS_REGION"];
        let scope = format!("{account}/20260101/{region}/cloudformation/aws4_request");
        let signed = format!("Credential={scope}, SignedHeaders=host, Signature=0");
        let mut delete = Command::new("curl");
        delete.args(["-sS", "-m", "60", &variables["AWS_ENDPOINT_URL"]]);
        delete.args(["-H", &format!("Authorization: AWS4-HMAC-SHA256 {signed}")]);
        delete.args(["-d", "Action=DeleteStack", "-d", "Version=2010-05-15"]);
        _ = delete.args(["-d", &format!("StackName={}-dev", self.0.name())]).output();
        _ = database().args(["--drop", self.0.name()]).output();
        let list = ["image", "ls", "--format", "{{.Repository}}:{{.Tag}}"];
        let Ok(images) = Command::new("docker").args(list).output() else { return };
        let images = String::from_utf8_lossy(&images.stdout).into_owned();
        let ours = images.lines().filter(|image| image.contains(self.0.name()));
        _ = Command::new("docker").args(["image", "rm", "--force"]).args(ours).output();
    }
}
