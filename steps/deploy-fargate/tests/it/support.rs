//! What the tests of this step share: images, services and what is seen behind the step's back.

use std::process::Command;

use serde_json::{Value, json};
use step_testkit::{Project, Ran, aws_call, fresh_account};

/// The one account whose registry the engine reaches by the local address.
pub(crate) const REGISTRY_ACCOUNT: &str = "111111111111";
/// All tests share a repository, so that the large base layer is pushed once.
const REPOSITORY: &str = "landfall-tests";

/// A service that runs on and on.
pub(crate) const LASTS: &str = "sleep infinity";
/// One that ends at once, with an error.
pub(crate) const CRASHES: &str = "echo no configuration found; exit 3";

pub(crate) const TEMPLATE: &str = "\
Resources:
  Cluster: {Type: AWS::ECS::Cluster, Properties: {ClusterName: apps}}
  Log: {Type: AWS::Logs::LogGroup, Properties: {LogGroupName: /apps}}
  TaskDefinition:
    Type: AWS::ECS::TaskDefinition
    Properties:
      Family: app
      NetworkMode: awsvpc
      RequiresCompatibilities: [FARGATE]
      Cpu: '256'
      Memory: '512'
      ContainerDefinitions:
        - Name: app
          Image: bootstrap
          Environment: [{Name: KEPT, Value: 'yes'}, {Name: API_TOKEN, Value: not-to-be-shown}]
          LogConfiguration:
            LogDriver: awslogs
            Options: {awslogs-group: !Ref Log, awslogs-region: eu-central-1, awslogs-stream-prefix: app}
  Service:
    Type: AWS::ECS::Service
    Properties:
      ServiceName: app
      Cluster: !Ref Cluster
      TaskDefinition: !Ref TaskDefinition
      LaunchType: FARGATE
      DesiredCount: 0
      DeploymentConfiguration:
        DeploymentCircuitBreaker: {Enable: BREAKER, Rollback: BREAKER}
      NetworkConfiguration: {AwsvpcConfiguration: {Subnets: [subnet-1]}}
";

/// Pushes an image whose container runs a shell script, and returns it pinned by digest.
pub(crate) fn image(script: &str) -> String {
    let command = format!("CMD [\"sh\", \"-c\", {}]\n", json!(script));
    let pushed = push(&format!("FROM debian:bookworm-slim\n{command}"), &tag());
    pushed["image"].as_str().unwrap().to_owned()
}

/// A tag that no other test uses.
pub(crate) fn tag() -> String {
    format!("t{:016x}", fastrand::u64(..))
}

/// Builds and pushes an image, and returns what push-ecr says.
pub(crate) fn push(dockerfile: &str, tag: &str) -> Value {
    let project = Project::new()
        .with_aws(REGISTRY_ACCOUNT)
        .with_file("landfall.toml", &format!("[service]\nname = \"{REPOSITORY}\"\n"))
        .with_file("Dockerfile", dockerfile);
    project.run("build-image", &["--ci-commit-sha", tag]).expect(0);
    project.run("push-ecr", &[]).expect(0);
    // The engine pulls it again when a task starts; the tags are not to pile up.
    let pushed = project.json(".landfall/pushed.json");
    let repository = pushed["repository"].as_str().unwrap();
    for name in [format!("{REPOSITORY}:{tag}"), format!("{repository}:{tag}")] {
        Command::new("docker").args(["rmi", &name]).output().unwrap();
    }
    pushed
}

/// A service of no tasks, in an account of its own. Its containers end with it.
pub(crate) struct Service {
    pub(crate) project: Project,
    pub(crate) account: String,
    pub(crate) names: Vec<String>,
}

impl Service {
    pub(crate) fn new(template: &str) -> Self {
        Self::with_settings(template, "desired_count = 1\ntimeout = \"60s\"\n")
    }

    /// One whose settings of deploy-fargate are these.
    pub(crate) fn with_settings(template: &str, settings: &str) -> Self {
        let account = fresh_account();
        let config = format!(
            "[service]\nname = \"app\"\n[env.dev]\naccount = \"{account}\"\ncluster = \"apps\"\n\
             service = \"app\"\n[env.dev.deploy-fargate]\n{settings}"
        );
        let project = Project::new()
            .with_aws(&account)
            // The registry belongs to another account: the images are not looked at.
            .with_env("LANDFALL_REGISTRY", "")
            .with_file("landfall.toml", &config)
            .with_file("infra.yml", template);
        project.run("deploy-stack", &["--env", "dev"]).expect(0);
        Self { project, account, names: vec!["app".to_owned()] }
    }

    pub(crate) fn deploy(&self, args: &[&str]) -> Ran {
        self.project.run("deploy-fargate", &[&["--env", "dev"], args].concat())
    }

    pub(crate) fn call(&self, operation: &str, body: &Value) -> Value {
        aws_call(&self.account, &format!("AmazonEC2ContainerServiceV20141113.{operation}"), body)
    }

    /// The service as ECS has it.
    pub(crate) fn described(&self, name: &str) -> Value {
        let body = json!({ "cluster": "apps", "services": [name] });
        self.call("DescribeServices", &body)["services"][0].clone()
    }

    /// The images that the tasks of the service run now, each once: after a rollback the task that ran on
    /// is there for a while beside the one that was started anew.
    pub(crate) fn running_images(&self) -> Vec<String> {
        self.running_images_of("app")
    }

    pub(crate) fn running_images_of(&self, name: &str) -> Vec<String> {
        let listed = self.call("ListTasks", &json!({ "cluster": "apps", "serviceName": name }));
        if listed["taskArns"].as_array().is_none_or(Vec::is_empty) {
            return Vec::new();
        }
        let body = json!({ "cluster": "apps", "tasks": listed["taskArns"] });
        let tasks = self.call("DescribeTasks", &body);
        let image = |task: &Value| task["containers"][0]["image"].as_str().unwrap().to_owned();
        let mut images: Vec<String> =
            tasks["tasks"].as_array().unwrap().iter().map(image).collect();
        images.sort();
        images.dedup();
        images
    }

    /// The container of the newest revision of a family.
    pub(crate) fn container(&self, family: &str) -> Value {
        let answer = self.call("DescribeTaskDefinition", &json!({ "taskDefinition": family }));
        answer["taskDefinition"]["containerDefinitions"][0].clone()
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        for name in &self.names {
            let body = json!({ "cluster": "apps", "service": name, "desiredCount": 0 });
            self.call("UpdateService", &body);
        }
    }
}

pub(crate) fn with_breaker() -> Service {
    Service::new(&TEMPLATE.replace("BREAKER", "true"))
}

pub(crate) fn without_breaker() -> Service {
    Service::new(&TEMPLATE.replace("BREAKER", "false"))
}

/// A reference to an image that nobody has pushed.
pub(crate) fn unknown(n: u8) -> String {
    format!("host/app@sha256:{n:064x}")
}
