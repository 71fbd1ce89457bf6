//! `deploy-fargate` beside ecs-deploy and the AWS CLI with its waiter: a good deployment, one that is there
//! already, and one whose containers crash.
//!
//! Each program has a service of its own, on the same local AWS with real containers, and an image that is new
//! to it in each round. The CLI does what its documentation shows: it registers a revision, updates the service
//! and waits until the service is stable. Who deploys what runs already has nothing to do: ecs-deploy and the
//! CLI do it all the same. A crash is over when a program tells of it; how the others end is their business,
//! and printed.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, ensure};
use serde_json::{Value, json};
use step_testkit::{aws_call, fresh_account, testbed_env};

use super::aws::{counted, on_aws, version};
use super::comparison::{Comparison, Goal, in_turns};
use super::measure::Sample;
use crate::workspace::Programs;

const ROUNDS: usize = 5;
/// In megabytes.
const MEMORY_BUDGET: f64 = 60.0;
/// The repository of the images.
const REPOSITORY: &str = "landfall-bench";

/// Measures deployments; needs what `up bench deploy-fargate` installed and started.
pub(super) fn compare(programs: &Programs, testbed: &Path) -> anyhow::Result<Vec<Comparison>> {
    let ours = programs.find("deploy-fargate").context(
        "there is no release build of deploy-fargate: run `cargo build --release -p deploy-fargate`",
    )?;
    let scratch = tempfile::tempdir_in(testbed).context("make a scratch folder in the testbed")?;
    let ecr = "AmazonEC2ContainerRegistry_V20150921.CreateRepository";
    // The engine reaches the registry of one account: that of the testbed's own credentials.
    let env = testbed_env();
    aws_call(&env["AWS_ACCESS_KEY_ID"], ecr, &json!({ "repositoryName": REPOSITORY }));
    let images = Images::make()?;
    let peers = testbed.join("peers-aws/bin");
    let contenders = Contender::all(ours, &peers, scratch.path(), &images.good[1])?;
    let names: Vec<String> = contenders.iter().map(|one| one.name.clone()).collect();
    for one in &contenders {
        // Once before, for programs that are not in memory and the service's first task.
        one.deploy(&images.good[0], &[0])?;
    }
    let compared = |what: &str, measured| {
        Comparison::of_first(what, Goal::OfBestPeer(1.0), MEMORY_BUDGET, measured)
    };

    let what = "a new image";
    let turn = std::cell::Cell::new(0);
    let good = in_turns(what, &names, ROUNDS, |at| {
        turn.set(turn.get() + 1);
        // That which runs is always another.
        let round = (turn.get() - 1) / names.len() + 1;
        contenders[at].deploy(&images.good[round % images.good.len()], &[0])
    })?;
    let what_is_there = "the image that runs";
    let there = in_turns(what_is_there, &names, ROUNDS, |at| {
        contenders[at].deploy(&images.good[ROUNDS % images.good.len()], &[0])
    })?;
    let crash = "an image that crashes";
    let crashing = in_turns(crash, &names, 1, |at| {
        let sample = contenders[at].deploy(&images.crashes, &[0, 1, 6, 255])?;
        let (name, code) = (&contenders[at].name, sample.code);
        writeln!(std::io::stderr(), "{name}: ended with {code} for {crash}")?;
        Ok(sample)
    })?;
    Ok(vec![compared(what, good)?, compared(what_is_there, there)?, compared(crash, crashing)?])
}

/// What is deployed, pinned by digest.
struct Images {
    good: [String; 2],
    crashes: String,
}

impl Images {
    fn make() -> anyhow::Result<Self> {
        Ok(Self {
            good: [image("sleep infinity")?, image("sleep 1000000")?],
            crashes: image("echo no configuration found; exit 3")?,
        })
    }
}

fn image(script: &str) -> anyhow::Result<String> {
    let registry = &testbed_env()["LANDFALL_REGISTRY"];
    let tag = format!("{registry}/{REPOSITORY}:t{:016x}", fastrand::u64(..));
    let dockerfile =
        format!("FROM debian:bookworm-slim\nCMD [\"sh\", \"-c\", {}]\n", json!(script));
    let folder = tempfile::tempdir()?;
    fs::write(folder.path().join("Dockerfile"), dockerfile)?;
    docker(&["build", "--quiet", "--tag", &tag, &folder.path().display().to_string()])?;
    docker(&["push", "--quiet", &tag])?;
    let pinned = docker(&["inspect", "--format", "{{index .RepoDigests 0}}", &tag])?;
    docker(&["rmi", &tag])?;
    Ok(pinned.trim().to_owned())
}

fn docker(args: &[&str]) -> anyhow::Result<String> {
    let ran = Command::new("docker").args(args).output().context("start docker")?;
    let said = String::from_utf8_lossy(&ran.stderr);
    ensure!(ran.status.success(), "docker {}: {}\n{said}", args.join(" "), ran.status);
    Ok(String::from_utf8_lossy(&ran.stdout).into_owned())
}

/// A program that deploys, and its service.
struct Contender {
    name: String,
    account: String,
    /// What it runs; the image is put in the place of IMAGE.
    program: PathBuf,
    args: Vec<String>,
    folder: PathBuf,
}

impl Contender {
    fn all(ours: PathBuf, peers: &Path, scratch: &Path, image: &str) -> anyhow::Result<[Self; 3]> {
        let script = scratch.join("deploy.sh");
        fs::write(&script, CLI)?;
        let of = |name: String, program: PathBuf, args: &[&str]| -> anyhow::Result<Self> {
            Ok(Self {
                folder: scratch.to_owned(),
                account: service(image)?,
                program,
                args: args.iter().map(|one| (*one).to_owned()).collect(),
                name,
            })
        };
        let (aws, ecs) = (peers.join("aws"), peers.join("ecs"));
        let cli = version(&aws)?;
        let cli = cli.split_whitespace().next().unwrap_or_default().to_owned();
        let ecs_deploy = version(&ecs)?;
        Ok([
            of(version(&ours)?, ours, &["IMAGE", "--cluster", "apps", "--service", "app"])?,
            of(
                format!("ecs-deploy {}", ecs_deploy.rsplit(' ').next().unwrap_or_default()),
                ecs,
                &["deploy", "apps", "app", "--image", "app", "IMAGE", "--timeout", "120"],
            )?,
            of(
                format!("{cli}, its waiter"),
                "sh".into(),
                &[&script.display().to_string(), &aws.display().to_string(), "IMAGE"],
            )?,
        ])
    }

    fn command(&self, image: &str) -> Command {
        let mut command = on_aws(&self.program, &self.account);
        command.current_dir(&self.folder);
        command.args(self.args.iter().map(|one| if one == "IMAGE" { image } else { one }));
        command
    }

    fn deploy(&self, image: &str, good: &[i32]) -> anyhow::Result<Sample> {
        counted(self.command(image), &self.folder.join("log"), good)
            .with_context(|| self.name.clone())
    }
}

impl Drop for Contender {
    /// Its containers go with it.
    fn drop(&mut self) {
        let body = json!({ "cluster": "apps", "service": "app", "desiredCount": 0 });
        ecs(&self.account, "UpdateService", &body);
    }
}

/// As the user guide of the AWS CLI deploys an image.
const CLI: &str = r#"set -e
aws=$1 image=$2
"$aws" ecs describe-task-definition --task-definition app --query taskDefinition >current.json
python3 - "$image" <<'END' >next.json
import json, sys
current = json.load(open("current.json"))
current["containerDefinitions"][0]["image"] = sys.argv[1]
kept = "family containerDefinitions networkMode cpu memory requiresCompatibilities".split()
print(json.dumps({key: current[key] for key in kept if key in current}))
END
revision=$("$aws" ecs register-task-definition --cli-input-json file://next.json \
    --query taskDefinition.taskDefinitionArn --output text)
"$aws" ecs update-service --cluster apps --service app --task-definition "$revision" >/dev/null
"$aws" ecs wait services-stable --cluster apps --services app
"#;

/// Makes a service of one task, in an account of its own, which it returns.
fn service(image: &str) -> anyhow::Result<String> {
    let account = fresh_account();
    let call = |operation: &str, body| ecs(&account, operation, &body);
    call("CreateCluster", json!({ "clusterName": "apps" }));
    let definition = json!({
        "family": "app", "networkMode": "awsvpc", "requiresCompatibilities": ["FARGATE"],
        "cpu": "256", "memory": "512",
        "containerDefinitions": [{ "name": "app", "image": image, "essential": true }],
    });
    call("RegisterTaskDefinition", definition);
    let service = json!({
        "cluster": "apps", "serviceName": "app", "taskDefinition": "app", "desiredCount": 1,
        "launchType": "FARGATE",
        "networkConfiguration": { "awsvpcConfiguration": { "subnets": ["subnet-1"] } },
        "deploymentConfiguration": { "deploymentCircuitBreaker": { "enable": true, "rollback": true } },
    });
    let made = call("CreateService", service);
    ensure!(made["service"]["serviceName"] == "app", "the local AWS made no service: {made}");
    Ok(account)
}

fn ecs(account: &str, operation: &str, body: &Value) -> Value {
    aws_call(account, &format!("AmazonEC2ContainerServiceV20141113.{operation}"), body)
}
