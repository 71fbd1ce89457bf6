//! The keys of `landfall.toml`. Their descriptions are what an editor shows.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::num::NonZeroU16;
use std::path::PathBuf;
use std::time::Duration;

use indexmap::IndexMap;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer};

/// Configuration of a project that is delivered by landfall.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Landfall {
    /// What is delivered.
    pub service: Service,
    /// What all environments share. Each environment may set the same keys again.
    pub defaults: Environment,
    /// The environments by name: `[env.dev]`, `[env.qa]`, `[env.prod]`, ...
    pub env: BTreeMap<String, Environment>,
}

/// What is delivered.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Service {
    /// Name of the service: the default for the names of its image, repository and stack.
    pub name: Option<String>,
}

/// An environment, or what all of them share.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Environment {
    /// The AWS account, 12 digits. Before its first write a step makes sure that it is in it.
    pub account: Option<AccountId>,
    /// The AWS region, for example eu-central-1.
    pub region: Option<String>,
    /// ARN of the role that a GitLab job assumes with its ID token (LANDFALL_ID_TOKEN).
    pub role: Option<String>,
    /// Name of the ECS cluster.
    pub cluster: Option<String>,
    /// Name of the ECS service.
    pub service: Option<String>,
    /// Address of the running service.
    pub url: Option<String>,
    /// Settings of build-image.
    #[serde(rename = "build-image")]
    pub build_image: BuildImage,
    /// Settings of push-ecr.
    #[serde(rename = "push-ecr")]
    pub push_ecr: PushEcr,
    /// Settings of deploy-stack.
    #[serde(rename = "deploy-stack")]
    pub deploy_stack: DeployStack,
    /// Settings of deploy-fargate.
    #[serde(rename = "deploy-fargate")]
    pub deploy_fargate: DeployFargate,
    /// Settings of gen-openapi.
    #[serde(rename = "gen-openapi")]
    pub gen_openapi: GenOpenapi,
    /// Settings of lint-check.
    #[serde(rename = "lint-check")]
    pub lint_check: LintCheck,
    /// Settings of migrate-db.
    #[serde(rename = "migrate-db")]
    pub migrate_db: MigrateDb,
    /// Settings of smoke-test.
    #[serde(rename = "smoke-test")]
    pub smoke_test: SmokeTest,
    /// Settings of upload-lambda.
    #[serde(rename = "upload-lambda")]
    pub upload_lambda: UploadLambda,
}

/// Settings of build-image.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct BuildImage {
    /// The Dockerfile. Default: `Dockerfile` in the context.
    pub file: Option<PathBuf>,
    /// Folder that is sent to the builder. Default: the current one.
    pub context: Option<PathBuf>,
    /// Stage of the Dockerfile to build. Default: the last.
    pub target: Option<String>,
    /// Platform, for example linux/arm64. Default: that of the engine.
    pub platform: Option<String>,
    /// Values for ARG.
    pub build_args: BTreeMap<String, String>,
    /// Labels beside those of the Open Container Initiative, which are always set.
    pub labels: BTreeMap<String, String>,
}

/// Settings of push-ecr.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct PushEcr {
    /// Name of the repository. Default: the service's name.
    pub repository: Option<String>,
    /// Where the registry is reached, `HOST` or `HOST:PORT`, when not by the name that ECR gives
    /// it: through a proxy, or in an emulator.
    pub registry: Option<String>,
    /// Whether a repository that is created lets a tag move. Default: false, a tag is immutable.
    pub mutable_tags: Option<bool>,
}

/// Settings of deploy-stack.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct DeployStack {
    /// Name of the stack. Default: the service's name and the environment's, `orders-dev`.
    pub stack: Option<String>,
    /// The template. Default: `infra.yml`.
    pub template: Option<PathBuf>,
    /// Values for the template's parameters. What is not named keeps its value.
    pub parameters: BTreeMap<String, String>,
    /// Tags of the stack, which its resources inherit.
    pub tags: BTreeMap<String, String>,
    /// What the template may do, for example CAPABILITY_IAM.
    pub capabilities: Vec<String>,
    /// How long to wait, for example "30m".
    pub timeout: Option<Span>,
}

/// Settings of deploy-fargate.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct DeployFargate {
    /// The container that gets the image. Default: the only one.
    pub container: Option<String>,
    /// How many tasks the service should run. Leave it out where auto scaling decides.
    pub desired_count: Option<u16>,
    /// How long to wait, for example "15m".
    pub timeout: Option<Span>,
    /// The task definition: a JSON file as RegisterTaskDefinition takes it. Default: what the service
    /// runs now.
    pub task_definition: Option<PathBuf>,
    /// CPU of the task, for example "512" or "0.5 vCPU". Default: as in the task definition.
    pub cpu: Option<String>,
    /// Memory of the task, for example "1024" or "1 GB". Default: as in the task definition.
    pub memory: Option<String>,
    /// What is set in the containers of the task definition, by name.
    pub containers: BTreeMap<String, FargateContainer>,
    /// Programs with their arguments that run once in the new image before anything changes, for
    /// example [["migrate-db"]].
    pub before: Vec<Vec<String>>,
    /// Programs with their arguments that run on the machine of the step when the image runs, for
    /// example [["smoke-test"]].
    pub after: Vec<Vec<String>>,
    /// What becomes of a deployment when a program of `after` fails. Default: keep.
    pub on_fail: Option<OnFail>,
    /// What to do when the service is deploying something else already. Default: take-over.
    pub busy: Option<Busy>,
    /// What to do when a deployment pauses at a hook. Default: wait.
    pub on_pause: Option<OnPause>,
    /// The environment in which the image has to have passed its checks: without a verdict of
    /// smoke-test that says so, it is not deployed.
    pub require_verdict: Option<String>,
    /// How CodeDeploy deploys the service, where it does.
    pub codedeploy: CodeDeploy,
    /// Several services of one image, by name: all are deployed, or none. What one does not set is
    /// as it is here.
    pub services: IndexMap<String, FargateService>,
}

/// One of several services that deploy-fargate deploys together.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct FargateService {
    /// Name of the ECS service.
    pub service: Option<String>,
    /// In place of a service: name of the EventBridge rule that starts the task.
    pub rule: Option<String>,
    /// Name of the ECS cluster. Default: that of the environment.
    pub cluster: Option<String>,
    /// The container that gets the image. Default: the only one.
    pub container: Option<String>,
    /// How many tasks the service should run. Leave it out where auto scaling decides.
    pub desired_count: Option<u16>,
    /// The task definition: a JSON file. Default: what the service runs now.
    pub task_definition: Option<PathBuf>,
    /// CPU of the task. Default: as in the task definition.
    pub cpu: Option<String>,
    /// Memory of the task. Default: as in the task definition.
    pub memory: Option<String>,
    /// What is set in the containers of the task definition, by name.
    pub containers: BTreeMap<String, FargateContainer>,
    /// How CodeDeploy deploys it, where it does. What is not set is as for all.
    pub codedeploy: CodeDeploy,
}

/// How CodeDeploy deploys a service whose deploymentController is CODE_DEPLOY.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct CodeDeploy {
    /// Name of its application. Default: `AppECS-CLUSTER-SERVICE`, as the console of ECS makes it.
    pub application: Option<String>,
    /// Name of its deployment group. Default: `DgpECS-CLUSTER-SERVICE`.
    pub deployment_group: Option<String>,
    /// Lambda functions that a deployment calls, by the event before or after which it does, for
    /// example AfterAllowTestTraffic.
    pub hooks: BTreeMap<String, String>,
}

/// What deploy-fargate sets in a container of a task definition.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct FargateContainer {
    /// The image, `HOST/NAME@sha256:...`; a tag is resolved where the registry is ECR.
    pub image: Option<String>,
    /// Variables, beside those of the task definition.
    pub environment: BTreeMap<String, String>,
    /// Secrets, beside those of the task definition: name of the variable, and the ARN of the secret
    /// or parameter.
    pub secrets: BTreeMap<String, String>,
    /// CPU units of the container.
    pub cpu: Option<u32>,
    /// The most memory of the container, in MiB.
    pub memory: Option<u32>,
}

/// What deploy-fargate does when the service is deploying something else already.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Busy {
    /// Wait for its end first.
    Wait,
    /// Replace it.
    TakeOver,
    /// Change nothing and fail.
    Refuse,
}

/// What becomes of a deployment when a program that has to succeed after it fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum OnFail {
    /// It stays.
    Keep,
    /// It goes back to what ran before.
    Rollback,
}

/// What deploy-fargate does when a deployment pauses at a hook.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum OnPause {
    /// Wait until somebody continues it or rolls it back.
    Wait,
    /// Continue it.
    Continue,
    /// Roll it back.
    RollBack,
}

/// Settings of lint-check.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct LintCheck {
    /// Linters by name: those that are known, and others that say how they are run.
    pub linters: IndexMap<String, LinterSettings>,
    /// Files that are not checked, as patterns of gitignore.
    pub exclude: Vec<String>,
    /// The file of findings that are accepted. Default: `.lint-baseline.json`, if there is one.
    pub baseline: Option<PathBuf>,
    /// How long a linter may run, for example "10m". Default: 5m.
    pub timeout: Option<Span>,
}

/// Settings of a linter.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct LinterSettings {
    /// Whether it runs: `false` for never; `true` for always, so that it is an error when it is not
    /// installed. Default: when the repository has files for it.
    pub enabled: Option<bool>,
    /// The version that it has to have, or how that begins: "0.11".
    pub version: Option<String>,
    /// Arguments besides those that it is run with.
    pub args: Vec<String>,
    /// The files that it checks, as patterns of gitignore. Default: those of its kind.
    pub files: Option<Vec<String>>,
    /// How long it may run. Default: `timeout` of all.
    pub timeout: Option<Span>,
    /// Names of linters that have to end before it begins.
    pub after: Vec<String>,
    /// For a linter that is not known: the program and its arguments; `{files}` stands for the files.
    pub command: Option<Vec<String>>,
    /// For a linter that is not known: the program and its arguments with which it mends.
    pub fix: Option<Vec<String>>,
    /// For a linter that is not known: what it prints. Default: lines.
    pub format: Option<LinterFormat>,
    /// For `lines`: a regular expression with the groups `path`, `line`, `column`, `severity`, `rule`
    /// and `message`. Default: that of compilers, `path:line:column: message`.
    pub pattern: Option<String>,
    /// How bad it is what it finds, where it does not say that itself. Default: major.
    pub severity: Option<Level>,
    /// Its configuration files.
    pub configs: Vec<String>,
}

/// What a linter prints.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum LinterFormat {
    /// A line for each finding.
    Lines,
    /// XML of Checkstyle.
    Checkstyle,
    /// SARIF 2.1.0.
    Sarif,
    /// JSON of GitLab's Code Quality.
    CodeQuality,
    /// Nothing that is read: a finding for each file, or for the run, when it does not end with 0.
    Exit,
}

/// Settings of migrate-db. The database's URL is no setting, for it holds a password; where it is
/// kept is one.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct MigrateDb {
    /// Folder of the migrations. Default: `migrations`.
    pub folder: Option<PathBuf>,
    /// Whether a file below the newest applied version may still be applied. Default: false.
    pub out_of_order: Option<bool>,
    /// How long a statement may wait for a lock, for example "5s". Default: 10s.
    pub lock_timeout: Option<Span>,
    /// How long a statement may run, for example "10m". Default: what the database allows.
    pub statement_timeout: Option<Span>,
    /// Name or ARN of the secret in AWS Secrets Manager that holds the database's URL, or the JSON
    /// that RDS writes.
    pub database_secret: Option<String>,
    /// Name of the parameter in the SSM Parameter Store that holds the same.
    pub database_parameter: Option<String>,
    /// Whether the password is an IAM token of RDS, made before each connecting. Default: false.
    pub database_iam: Option<bool>,
    /// The kind of the database, for `migrate-db check`. Default: that of the database's URL, else
    /// postgres.
    pub engine: Option<Engine>,
    /// Settings of `migrate-db check`.
    pub check: MigrateDbCheck,
    /// The databases by name, where there are several. What one does not set is as it is here; its
    /// folder is that of here and its name, `migrations/NAME`.
    pub databases: IndexMap<String, MigrateDatabase>,
}

/// Settings of migrate-db for one database of several.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct MigrateDatabase {
    /// Folder of the migrations. Default: `migrations/NAME`.
    pub folder: Option<PathBuf>,
    /// Whether a file below the newest applied version may still be applied. Default: false.
    pub out_of_order: Option<bool>,
    /// How long a statement may wait for a lock, for example "5s". Default: 10s.
    pub lock_timeout: Option<Span>,
    /// How long a statement may run, for example "10m". Default: what the database allows.
    pub statement_timeout: Option<Span>,
    /// Name or ARN of the secret in AWS Secrets Manager that holds the database's URL, or the JSON
    /// that RDS writes.
    pub database_secret: Option<String>,
    /// Name of the parameter in the SSM Parameter Store that holds the same.
    pub database_parameter: Option<String>,
    /// Name of the environment variable that holds the URL.
    pub url_variable: Option<String>,
    /// Whether the password is an IAM token of RDS, made before each connecting. Default: false.
    pub database_iam: Option<bool>,
}

/// A kind of database.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Engine {
    /// PostgreSQL.
    Postgres,
    /// MySQL or MariaDB.
    Mysql,
    /// SQLite.
    Sqlite,
}

/// Settings of `migrate-db check`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct MigrateDbCheck {
    /// How bad it is what a rule finds, or "off".
    pub rules: BTreeMap<String, Level>,
}

/// How bad a finding is, in the words of GitLab.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// The rule is not applied.
    Off,
    /// Good to know.
    Info,
    /// Worth a look.
    Minor,
    /// To be mended, or accepted on purpose.
    Major,
    /// Harm that is hard to undo.
    Critical,
    /// Nothing works with it.
    Blocker,
}

/// Settings of gen-openapi.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct GenOpenapi {
    /// The file of the description, that is written and checked; its ending says whether it is JSON or
    /// YAML. Default: `openapi.json`.
    pub file: Option<PathBuf>,
    /// What the description is made of, by name. Without any, the file is written by hand.
    pub sources: IndexMap<String, OpenapiSource>,
    /// What becomes of things of one name that are not the same. Default: error.
    pub collisions: Option<Collisions>,
    /// The title of the description. Default: that of the first source.
    pub title: Option<String>,
    /// The version of the description. Default: the tag of the pipeline without its `v`, else that of
    /// the first source.
    pub version: Option<String>,
    /// The URLs at which the service is reached. Default: those of the sources.
    pub servers: Option<Vec<String>>,
    /// The version of OpenAPI to convert to: "3.0", for API Gateway. Default: as the sources are.
    pub openapi: Option<String>,
    /// Folders and URLs that references may point to besides the repository, by how they begin.
    pub allow_references: Vec<String>,
    /// Settings of `gen-openapi lint`.
    pub lint: OpenapiLint,
    /// Settings of `gen-openapi diff`.
    pub diff: OpenapiDiff,
}

/// Where a description comes from: exactly one of `command`, `serve`, `url` and `file`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct OpenapiSource {
    /// A program that prints it, with its arguments; or that writes the `file`.
    pub command: Option<Vec<String>>,
    /// A service to start, with its arguments, until the `url` answers.
    pub serve: Option<Vec<String>>,
    /// The address.
    pub url: Option<String>,
    /// The file, JSON or YAML.
    pub file: Option<PathBuf>,
    /// The folder in which a program runs. Default: the current one.
    pub folder: Option<PathBuf>,
    /// Variables that a program gets; values of its own, or `true` for those of the step. Besides them
    /// it gets what no program works without, as PATH and HOME.
    pub env: IndexMap<String, EnvValue>,
    /// How long a program may run, or a service may take to answer, for example "2m". Default: 60s.
    pub timeout: Option<Span>,
    /// What is put before each path, for example "/orders".
    pub path_prefix: Option<String>,
}

/// A variable of a program.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum EnvValue {
    /// `true`: it is passed on.
    Passed(bool),
    /// Its value.
    Value(String),
}

/// What becomes of two components of one name that are not the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Collisions {
    /// Nothing is written.
    Error,
    /// When a component of a source differs from an earlier one, all of its components get its name in
    /// front, but for those that are equal to earlier ones.
    Prefix,
    /// The later one gets a number.
    Rename,
}

/// Settings of `gen-openapi lint`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct OpenapiLint {
    /// How bad it is what a rule finds, or "off".
    pub rules: BTreeMap<String, Level>,
    /// The file of findings that are accepted. Default: `.openapi-lint-ignore`, if there is one.
    pub ignore_file: Option<PathBuf>,
}

/// Settings of `gen-openapi diff`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct OpenapiDiff {
    /// What the description is compared with: a file, a URL, or git:REVISION:PATH. Default: the file
    /// as it was when the branch left its target.
    pub base: Option<String>,
    /// How bad a kind of change is.
    pub changes: BTreeMap<String, ChangeLevel>,
    /// The file of changes that are accepted. Default: `.openapi-diff-ignore`, if there is one.
    pub ignore_file: Option<PathBuf>,
}

/// How bad a change is for those who call the service.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum ChangeLevel {
    /// Not told.
    Off,
    /// Nobody is hurt.
    Safe,
    /// It may hurt: that depends on the caller.
    Dangerous,
    /// Callers stop working.
    Breaking,
}

/// Settings of smoke-test.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct SmokeTest {
    /// The file of checks. Default: `smoke.toml`.
    pub file: Option<PathBuf>,
    /// How long to wait until all checks pass, for example "2m".
    pub timeout: Option<Span>,
    /// How many rounds in a row have to pass. Default: 1.
    pub passes: Option<NonZeroU16>,
    /// How long to wait between two rounds, for example "5s". Default: 2s.
    pub interval: Option<Span>,
}

/// Settings of upload-lambda.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct UploadLambda {
    /// The functions, by the names under which they are chosen.
    pub functions: IndexMap<String, LambdaFunction>,
    /// The layers that are published from here, by name.
    pub layers: IndexMap<String, LambdaLayer>,
    /// The bucket through which zips of more than 50 MB go.
    pub s3_bucket: Option<String>,
    /// How long Lambda may take to settle after a write, for example "10m". Default: 5m.
    pub timeout: Option<Span>,
}

/// A function of upload-lambda.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct LambdaFunction {
    /// Its name in AWS. Default: the name under which it stands here.
    pub name: Option<String>,
    /// The code: a folder, or a file.
    pub source: Option<PathBuf>,
    /// The code: an image, HOST/NAME@sha256:..., or "pushed" for the one that push-ecr pushed.
    pub image: Option<String>,
    /// The alias by which it is called. With one, each upload is a version, and the alias moves to it.
    pub alias: Option<String>,
    /// How the alias moves: "10%@5m", "10%@5m,50%@10m", or "linear:10%@1m". Default: at once.
    pub canary: Option<String>,
    /// Whether a function that is missing is created. Default: false.
    pub create: Option<bool>,
    /// How many versions are kept, besides those that an alias uses. Default: all.
    pub keep: Option<u16>,
    /// How it is told that a version is good.
    pub check: LambdaCheck,
    /// Its configuration. What is not named stays as it is.
    pub configuration: LambdaConfiguration,
}

/// How upload-lambda tells that a version of a function is good.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct LambdaCheck {
    /// A file with the JSON that the version is invoked with, before the alias moves.
    pub payload: Option<PathBuf>,
    /// What the answer holds: "$.status=ok", a JSONPath and a value.
    pub expect: Vec<String>,
    /// A program with its arguments that ends with 0 when all is well. It runs after the alias moved,
    /// and at the end of each part of a canary.
    pub command: Option<Vec<String>>,
    /// The share of failed invocations that is borne while the alias moves, for example "1%".
    pub error_rate: Option<String>,
}

/// The configuration of a function.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct LambdaConfiguration {
    /// Whether what is not named goes back to Lambda's defaults. Default: false, it stays as it is.
    pub replace: Option<bool>,
    /// ARN of the role that it runs as.
    pub role: Option<String>,
    /// The runtime, for example python3.12 or provided.al2023.
    pub runtime: Option<String>,
    /// What of the code is called, for example app.handler.
    pub handler: Option<String>,
    /// What it runs on.
    pub architecture: Option<LambdaArchitecture>,
    /// Memory in MB.
    pub memory: Option<i32>,
    /// How long an invocation may take, for example "30s".
    pub timeout: Option<Span>,
    /// Size of /tmp in MB.
    pub ephemeral_storage: Option<i32>,
    /// Whether X-Ray traces all invocations: "active", or "pass_through".
    pub tracing: Option<LambdaTracing>,
    /// Whether versions start from a snapshot.
    pub snap_start: Option<bool>,
    /// The layers in their order: names of layers that are published from here, and ARNs of versions.
    pub layers: Option<Vec<String>>,
    /// The subnets of the VPC that it is in.
    pub subnets: Option<Vec<String>>,
    /// The security groups that it is in.
    pub security_groups: Option<Vec<String>>,
    /// Its variables; values of its own, or `true` for those of the step. Others stay.
    pub environment: IndexMap<String, EnvValue>,
}

/// What a function runs on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum LambdaArchitecture {
    /// Intel and AMD, 64 bits.
    #[serde(rename = "x86_64")]
    X86_64,
    /// Graviton.
    Arm64,
}

impl LambdaArchitecture {
    /// As Lambda's API and `landfall.toml` name it.
    pub fn as_str(self) -> &'static str {
        match self {
            LambdaArchitecture::X86_64 => "x86_64",
            LambdaArchitecture::Arm64 => "arm64",
        }
    }
}

/// Whether X-Ray traces invocations.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum LambdaTracing {
    /// A sample of all.
    Active,
    /// Those that the caller traces.
    PassThrough,
}

/// A layer that upload-lambda publishes.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct LambdaLayer {
    /// Its name in AWS. Default: the name under which it stands here.
    pub name: Option<String>,
    /// The folder whose content lies in /opt.
    pub source: Option<PathBuf>,
    /// The runtimes that it is for.
    pub runtimes: Vec<String>,
    /// The architectures that it is for.
    pub architectures: Vec<LambdaArchitecture>,
    /// How many versions are kept. Default: all.
    pub keep: Option<u16>,
}

/// An AWS account: 12 digits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccountId(String);

impl AccountId {
    /// The 12 digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::str::FromStr for AccountId {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.len() == 12 && text.bytes().all(|byte| byte.is_ascii_digit()) {
            Ok(Self(text.to_owned()))
        } else {
            Err(format!("`{text}` is not an AWS account: it has 12 digits"))
        }
    }
}

impl std::fmt::Display for AccountId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for AccountId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(AccountVisitor)
    }
}

struct AccountVisitor;

impl serde::de::Visitor<'_> for AccountVisitor {
    type Value = AccountId;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("an account: 12 digits in quotes")
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<AccountId, E> {
        text.parse().map_err(E::custom)
    }
}

impl JsonSchema for AccountId {
    fn schema_name() -> Cow<'static, str> {
        "AccountId".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "pattern": "^[0-9]{12}$" })
    }
}

/// A length of time as people write it: `90s`, `15m`, `1h 30m`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span(pub Duration);

impl<'de> Deserialize<'de> for Span {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        step_core::duration(&text).map(Self).map_err(serde::de::Error::custom)
    }
}

impl JsonSchema for Span {
    fn schema_name() -> Cow<'static, str> {
        "Span".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "examples": ["90s", "15m", "1h 30m"] })
    }
}
