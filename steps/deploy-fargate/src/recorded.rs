//! States and faults of AWS that the local AWS cannot produce, played by a stand-in that answers the
//! calls, with a clock that does not make anybody wait.
//!
//! The answers have the form of the ECS API reference; what they say is written down for each test.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, Region};
use aws_credential_types::Credentials;
use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::body::SdkBody;
use landfall_toml::OnPause;
use serde_json::{Value, json};
use step_aws::Aws;
use step_core::{Exit, Fail, Report};
use tokio::time::Instant;

use crate::settings::{Command, Settings, Target, Unit};
use crate::{Ctx, Deployed, Outcome, bring, roll_back, run_once, wait_only};

const OLD: &str = "arn:aws:ecs:eu-central-1:111111111111:task-definition/orders:7";
const NEW: &str = "arn:aws:ecs:eu-central-1:111111111111:task-definition/orders:8";
const DEPLOYMENT: &str = "arn:aws:ecs:eu-central-1:111111111111:service-deployment/apps/orders/x";

/// What the stand-in does, look by look.
#[derive(Debug, Default)]
struct World {
    /// States of the service deployment; the last one stays. Without any there is none.
    statuses: VecDeque<&'static str>,
    /// How many looks the older list takes to say that our deployment is complete.
    completes_after: usize,
    /// Stopped tasks of our deployment: reason, stop code, exit code.
    stopped: Vec<(&'static str, &'static str, Option<i32>)>,
    events: Vec<&'static str>,
    /// A hook waits for an answer.
    pauses: bool,
    /// It goes on waiting although it was answered.
    is_deaf: bool,
    /// A newer deployment is there.
    superseded: bool,
    /// History of successful deployments: time and task definition.
    history: Vec<(u32, &'static str)>,
    balancer: bool,
    /// CodeDeploy deploys the service, in these steps; the last one stays.
    code_deploy: VecDeque<Step>,
    /// Answers in place of the usual ones, by operation.
    refuses: Vec<(&'static str, u16, &'static str, &'static str)>,
    /// From call to call: what fails, and how.
    faults: Vec<(std::ops::Range<usize>, Kind)>,
    /// No call gets through between these times.
    outage: Option<(Duration, Duration)>,
    start: Option<Instant>,

    /// Another deployment of CodeDeploy is under way.
    is_other_active: bool,
    specification: String,
    calls: Vec<String>,
    looks: usize,
    is_updated: bool,
    is_back: bool,
}

/// How far a deployment of CodeDeploy is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    Status(&'static str),
    /// The event that comes last has succeeded.
    Shifted,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Throttle,
    Fault,
    Reset,
    Silence,
}

#[derive(Debug, Clone)]
struct StandIn(Arc<Mutex<World>>);

impl StandIn {
    fn world(&self) -> MutexGuard<'_, World> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl HttpClient for StandIn {
    fn http_connector(
        &self,
        _: &HttpConnectorSettings,
        _: &RuntimeComponents,
    ) -> SharedHttpConnector {
        SharedHttpConnector::new(self.clone())
    }
}

impl HttpConnector for StandIn {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let body = request.body().bytes().unwrap_or_default().to_vec();
        let target = request.headers().get("x-amz-target").unwrap_or("Sts.GetCallerIdentity");
        let operation = target.rsplit('.').next().unwrap_or_default().to_owned();
        let form = String::from_utf8_lossy(&body);
        let action = form.split('&').find_map(|pair| pair.strip_prefix("Action="));
        let operation = action.map_or(operation, str::to_owned);
        let body = serde_json::from_slice(&body).unwrap_or_default();
        let answer = self.world().answer(&operation, &body);
        HttpConnectorFuture::new(async move {
            match answer {
                Ok((status, body)) => {
                    let status = status
                        .try_into()
                        .map_err(|_| ConnectorError::other("status".into(), None))?;
                    Ok(HttpResponse::new(status, SdkBody::from(body)))
                }
                Err(Kind::Silence) => std::future::pending().await,
                Err(_) => Err(ConnectorError::io("connection reset by peer".into())),
            }
        })
    }
}

impl World {
    fn answer(&mut self, operation: &str, body: &Value) -> Result<(u16, String), Kind> {
        let nth = self.calls.len();
        self.calls.push(operation.to_owned());
        let now = self.start.get_or_insert_with(Instant::now).elapsed();
        if self.outage.is_some_and(|(from, to)| now >= from && now < to) {
            return Err(Kind::Reset);
        }
        let is_query = operation == "GetCallerIdentity" || operation.starts_with("DescribeTarget");
        let error = |status, code: &str, message: &str| {
            let xml = format!("<Error><Code>{code}</Code><Message>{message}</Message></Error>");
            let json = json!({ "__type": code, "message": message }).to_string();
            Ok((
                status,
                if is_query { format!("<ErrorResponse>{xml}</ErrorResponse>") } else { json },
            ))
        };
        match self.faults.iter().find(|(calls, _)| calls.contains(&nth)) {
            Some((_, Kind::Throttle)) => return error(400, "ThrottlingException", "Rate exceeded"),
            Some((_, Kind::Fault)) => return error(500, "ServerException", "internal"),
            Some((_, kind)) => return Err(*kind),
            None => {}
        }
        if let Some((_, status, code, message)) =
            self.refuses.iter().find(|(of, ..)| *of == operation)
        {
            return error(*status, code, message);
        }
        let answer = match operation {
            "GetCallerIdentity" => return Ok((200, IDENTITY.to_owned())),
            "DescribeTargetHealth" => return Ok((200, UNHEALTHY.to_owned())),
            "DescribeTargetGroups" => return Ok((200, TARGET_GROUPS.to_owned())),
            "DescribeServices" => {
                self.looks += usize::from(self.is_updated);
                json!({ "services": [self.service()] })
            }
            "DescribeTaskDefinition" => definition(body["taskDefinition"].as_str().unwrap()),
            "RegisterTaskDefinition" => json!({ "taskDefinition": { "taskDefinitionArn": NEW } }),
            "UpdateService" => {
                self.is_back = body["taskDefinition"] == OLD && self.is_updated;
                self.is_updated = true;
                json!({ "service": self.service() })
            }
            "ListServiceDeployments" if !self.history.is_empty() => {
                let brief = |(time, revision): &(u32, &str)| json!({ "createdAt": time, "targetServiceRevisionArn": format!("rev/{revision}") });
                json!({ "serviceDeployments": self.history.iter().map(brief).collect::<Vec<_>>() })
            }
            "ListServiceDeployments" if self.statuses.is_empty() => {
                json!({ "serviceDeployments": [] })
            }
            "ListServiceDeployments" => json!({ "serviceDeployments": [
                { "serviceDeploymentArn": "other", "targetServiceRevisionArn": "service-revision/apps/orders/1" },
                { "serviceDeploymentArn": DEPLOYMENT, "targetServiceRevisionArn": "service-revision/apps/orders/2" },
            ] }),
            "DescribeServiceRevisions" => {
                let arn = body["serviceRevisionArns"][0].as_str().unwrap();
                json!({ "serviceRevisions": [{ "taskDefinition": arn.trim_start_matches("rev/") }] })
            }
            "DescribeServiceDeployments" => self.service_deployment(),
            "ContinueServiceDeployment" if self.is_deaf => {
                json!({ "serviceDeploymentArn": DEPLOYMENT })
            }
            "ContinueServiceDeployment" => {
                self.pauses = false;
                self.statuses = if body["action"] == "CONTINUE" {
                    VecDeque::from(["IN_PROGRESS", "SUCCESSFUL"])
                } else {
                    self.is_back = true;
                    VecDeque::from(["ROLLBACK_IN_PROGRESS", "ROLLBACK_SUCCESSFUL"])
                };
                json!({ "serviceDeploymentArn": DEPLOYMENT })
            }
            "ListDeployments" => {
                json!({ "deployments": if self.is_other_active { vec!["d-1"] } else { vec![] } })
            }
            "CreateDeployment" => {
                self.specification = body["revision"]["appSpecContent"]["content"].to_string();
                self.is_updated = true;
                json!({ "deploymentId": "d-2" })
            }
            "GetDeployment" => {
                json!({ "deploymentInfo": self.shift(body["deploymentId"].as_str().unwrap()) })
            }
            "BatchGetDeploymentTargets" => {
                let is_through = self.code_deploy.front() == Some(&Step::Shifted);
                let after = if is_through { "Succeeded" } else { "Pending" };
                json!({ "deploymentTargets": [{ "deploymentTargetType": "ECSTarget", "ecsTarget": {
                    "lifecycleEvents": [
                        { "lifecycleEventName": "AllowTraffic", "status": "InProgress" },
                        { "lifecycleEventName": "AfterAllowTraffic", "status": after },
                    ],
                    "taskSetsInfo": [{ "desiredCount": 1, "runningCount": 1, "trafficWeight": 10.0, "taskSetLabel": "Green" }],
                } }] })
            }
            "StopDeployment" => {
                self.is_other_active = false;
                self.code_deploy = VecDeque::from([Step::Status("Stopped")]);
                json!({ "status": "Succeeded" })
            }
            "ContinueDeployment" => {
                self.is_other_active = false;
                self.code_deploy = VecDeque::from([Step::Status("InProgress"), Step::Shifted]);
                json!({})
            }
            "StopServiceDeployment" => {
                self.is_back = true;
                json!({ "serviceDeploymentArn": DEPLOYMENT })
            }
            "ListTasks" if body["desiredStatus"] == "STOPPED" => {
                let arns: Vec<String> =
                    (0..self.stopped.len()).map(|n| format!("task/apps/stopped{n}")).collect();
                json!({ "taskArns": arns })
            }
            "ListTasks" => json!({ "taskArns": ["task/apps/running"] }),
            "DescribeTasks" if body["tasks"][0] == "task/apps/running" => {
                json!({ "tasks": [self.running()] })
            }
            "DescribeTasks" => json!({ "tasks": self.stopped_tasks() }),
            "RunTask" => {
                json!({ "tasks": [], "failures": [{ "reason": "Capacity is unavailable at this time" }] })
            }
            other => return error(400, "InvalidAction", other),
        };
        Ok((200, answer.to_string()))
    }

    fn service(&self) -> Value {
        let current = if self.is_updated && !self.is_back { NEW } else { OLD };
        let deployment = |id: &str, status: &str, revision: &str, rollout: &str, created: u32| {
            json!({ "id": id, "status": status, "taskDefinition": revision, "rolloutState": rollout,
                    "desiredCount": 1, "runningCount": i32::from(rollout == "COMPLETED"), "createdAt": created })
        };
        let state = if self.looks > self.completes_after { "COMPLETED" } else { "IN_PROGRESS" };
        if !self.code_deploy.is_empty() {
            return self.service_of_code_deploy();
        }
        let deployments = match (self.is_updated, self.is_back, self.superseded && self.looks > 0) {
            (false, ..) => json!([deployment("ecs-svc/1", "PRIMARY", OLD, "COMPLETED", 1)]),
            (true, true, _) => json!([
                deployment("ecs-svc/2", "ACTIVE", NEW, "FAILED", 2),
                deployment("ecs-svc/1", "PRIMARY", OLD, "COMPLETED", 1),
            ]),
            (true, false, true) => json!([
                deployment("ecs-svc/3", "PRIMARY", "arn:newer:9", "IN_PROGRESS", 3),
                deployment("ecs-svc/2", "ACTIVE", NEW, "IN_PROGRESS", 2),
            ]),
            (true, false, false) => json!([
                deployment("ecs-svc/1", "ACTIVE", OLD, "COMPLETED", 1),
                deployment("ecs-svc/2", "PRIMARY", NEW, state, 2),
            ]),
        };
        let events: Vec<Value> = self
            .events
            .iter()
            .filter(|_| self.is_updated)
            .enumerate()
            .map(|(n, text)| json!({ "id": n.to_string(), "message": text }))
            .collect();
        let balancers = if self.balancer {
            json!([{ "targetGroupArn": "tg/orders/1", "containerName": "app", "containerPort": 80 }])
        } else {
            json!([])
        };
        json!({
            "serviceArn": "service/apps/orders", "serviceName": "orders", "clusterArn": "apps", "status": "ACTIVE",
            "taskDefinition": current, "desiredCount": 1, "deployments": deployments, "events": events,
            "loadBalancers": balancers,
            "deploymentConfiguration": { "deploymentCircuitBreaker": { "enable": true, "rollback": true } },
        })
    }

    fn service_of_code_deploy(&self) -> Value {
        let is_shifted = self.is_updated && self.code_deploy.front() == Some(&Step::Shifted);
        let set = |id: &str, is_primary: bool, revision: &str, created: u32| {
            let status = if is_primary { "PRIMARY" } else { "ACTIVE" };
            json!({ "id": id, "status": status, "taskDefinition": revision, "computedDesiredCount": 1,
                    "runningCount": 1, "stabilityStatus": "STEADY_STATE", "createdAt": created })
        };
        let mut sets = vec![set("ecs-svc/1", !is_shifted, OLD, 1)];
        if self.is_updated && !self.is_back {
            sets.push(set("ecs-svc/2", is_shifted, NEW, 2));
        }
        json!({
            "serviceArn": "service/apps/orders", "serviceName": "orders", "clusterArn": "cluster/apps",
            "status": "ACTIVE", "desiredCount": 1, "taskSets": sets,
            "deploymentController": { "type": "CODE_DEPLOY" },
            "loadBalancers": [{ "targetGroupArn": "tg/orders/1", "containerName": "app", "containerPort": 80 }],
        })
    }

    /// A deployment of CodeDeploy: ours is `d-2`, and `d-3` is its way back.
    fn shift(&mut self, id: &str) -> Value {
        if id == "d-3" {
            self.is_back = true;
            return json!({ "deploymentId": id, "status": "Succeeded" });
        }
        if self.code_deploy.len() > 1 {
            self.code_deploy.pop_front();
        }
        match self.code_deploy.front() {
            Some(Step::Status("Stopped")) => {
                json!({ "status": "Stopped", "rollbackInfo": { "rollbackDeploymentId": "d-3" } })
            }
            Some(Step::Status("Failed")) => json!({
                "status": "Failed", "errorInformation": { "code": "HEALTH_CONSTRAINTS", "message": "said by CodeDeploy" },
                "rollbackInfo": { "rollbackDeploymentId": "d-3" },
            }),
            Some(Step::Status(status)) => json!({ "status": status }),
            Some(Step::Shifted) | None => json!({ "status": "InProgress" }),
        }
    }

    fn service_deployment(&mut self) -> Value {
        let status = if self.statuses.len() > 1 {
            self.statuses.pop_front()
        } else {
            self.statuses.front().copied()
        };
        if status.is_some_and(|status| status.starts_with("ROLLBACK_S")) {
            self.is_back = true;
        }
        let hook = if self.pauses { "AWAITING_ACTION" } else { "SUCCEEDED" };
        json!({ "serviceDeployments": [{
            "serviceDeploymentArn": DEPLOYMENT, "status": status, "lifecycleStage": "POST_TEST_TRAFFIC_SHIFT",
            "statusReason": "said by ECS",
            "lifecycleHookDetails": [{ "hookId": "hook-1", "targetType": "PAUSE", "status": hook }],
        }] })
    }

    fn running(&self) -> Value {
        let (revision, digest) = if self.is_updated && !self.is_back { (NEW, 2) } else { (OLD, 1) };
        let image = image(digest);
        json!({ "taskArn": "task/apps/running", "taskDefinitionArn": revision, "startedBy": "ecs-svc/2",
                "containers": [{ "name": "app", "image": image, "imageDigest": image.split_once('@').unwrap().1 }] })
    }

    fn stopped_tasks(&self) -> Vec<Value> {
        let of = |(n, (reason, code, exit)): (usize, &(&str, &str, Option<i32>))| {
            json!({ "taskArn": format!("task/apps/stopped{n}"), "taskDefinitionArn": NEW, "startedBy": "ecs-svc/2",
                    "stoppedReason": reason, "stopCode": code, "stoppedAt": 10 + n,
                    "containers": [{ "name": "app", "exitCode": exit }] })
        };
        self.stopped.iter().enumerate().map(of).collect()
    }
}

fn image(n: u8) -> String {
    format!("host/orders@sha256:{n:064x}")
}

fn definition(arn: &str) -> Value {
    let n = if arn == NEW { 2 } else { 1 };
    json!({ "taskDefinition": {
        "taskDefinitionArn": arn, "family": "orders", "revision": 6 + n, "status": "ACTIVE", "networkMode": "awsvpc",
        "containerDefinitions": [{ "name": "app", "image": image(n), "portMappings": [{ "containerPort": 80 }],
            "healthCheck": { "command": ["CMD-SHELL", "curl -f localhost"] } }],
    } })
}

const IDENTITY: &str = "<GetCallerIdentityResponse><GetCallerIdentityResult><Account>111111111111</Account>\
    <Arn>arn:aws:iam::111111111111:user/test</Arn></GetCallerIdentityResult></GetCallerIdentityResponse>";
const TARGET_GROUPS: &str = "<DescribeTargetGroupsResponse><DescribeTargetGroupsResult><TargetGroups><member>\
    <TargetType>ip</TargetType></member></TargetGroups></DescribeTargetGroupsResult></DescribeTargetGroupsResponse>";
const UNHEALTHY: &str = "<DescribeTargetHealthResponse><DescribeTargetHealthResult><TargetHealthDescriptions><member>\
    <TargetHealth><State>unhealthy</State><Description>Health checks failed with these codes: [502]</Description>\
    </TargetHealth></member></TargetHealthDescriptions></DescribeTargetHealthResult></DescribeTargetHealthResponse>";

/// A run against a world, and what it was asked.
struct Run {
    ctx: Ctx,
    stand_in: StandIn,
}

impl Run {
    async fn new(world: World) -> Self {
        Self::with(world, |_| {}, None).await
    }

    async fn with(world: World, set: impl FnOnce(&mut Settings), command: Option<Command>) -> Self {
        let stand_in = StandIn(Arc::new(Mutex::new(world)));
        // As Aws::connect sets them.
        let timeouts =
            TimeoutConfig::builder().operation_attempt_timeout(Duration::from_secs(30)).build();
        let config = aws_config::defaults(BehaviorVersion::latest())
            // The SDK's allowance for retries is one for each service and region in a process: no run
            // is to live on what another left.
            .region(Region::new(format!("eu-central-{}", fastrand::u32(..))))
            .credentials_provider(Credentials::new("a", "b", None, None, "test"))
            .retry_config(RetryConfig::standard().with_max_attempts(4))
            .timeout_config(timeouts)
            .http_client(stand_in.clone())
            .load()
            .await;
        let unit = Unit {
            name: "orders".into(),
            cluster: "apps".into(),
            target: Target::Service("orders".into()),
            image: Some(image(2)),
            ..Unit::default()
        };
        let mut settings = Settings {
            units: vec![unit],
            revision: None,
            env: None,
            dry_run: false,
            check: false,
            registry: None,
            crashes: 2,
            busy: landfall_toml::Busy::TakeOver,
            on_pause: OnPause::Wait,
            before: Vec::new(),
            after: Vec::new(),
            on_fail: landfall_toml::OnFail::Keep,
            require_verdict: None,
            verdict: verdict::DEFAULT_FILE.into(),
            verdict_key: None,
            rollback_on_cancel: false,
            wait_only: None,
            junit: None,
            dotenv: None,
            timeout: Duration::from_secs(900),
        };
        set(&mut settings);
        Self { ctx: Ctx::new(Aws::with_config(config, None), settings, command), stand_in }
    }

    async fn deploy(&self) -> anyhow::Result<Deployed> {
        bring(&self.ctx, || Ok(())).await
    }

    fn calls(&self) -> Vec<String> {
        self.stand_in.world().calls.clone()
    }

    fn writes(&self) -> Vec<String> {
        let is_read = |call: &String| {
            ["Describe", "List", "Get", "BatchGet"].iter().any(|read| call.starts_with(read))
        };
        self.calls().into_iter().filter(|call| !is_read(call)).collect()
    }
}

async fn deployed(world: World) -> (Deployed, Run) {
    let run = Run::new(world).await;
    let report = run.deploy().await.unwrap();
    (report, run)
}

fn statuses<const N: usize>(statuses: [&'static str; N]) -> World {
    World { statuses: statuses.into(), completes_after: 1000, ..World::default() }
}

#[tokio::test(start_paused = true)]
async fn the_service_deployment_is_followed_to_its_end_although_the_list_says_completed() {
    let world = World {
        completes_after: 0,
        ..statuses(["PENDING", "IN_PROGRESS", "IN_PROGRESS", "SUCCESSFUL"])
    };
    let (report, run) = deployed(world).await;
    assert_eq!(report.outcome, Outcome::Deployed);
    assert_eq!(run.writes(), ["RegisterTaskDefinition", "UpdateService"]);
    let looks = run.calls().iter().filter(|call| *call == "DescribeServiceDeployments").count();
    assert_eq!(looks, 4);
}

#[tokio::test(start_paused = true)]
async fn a_rollback_of_ecs_is_waited_for_and_is_no_success() {
    let (report, run) = deployed(statuses([
        "IN_PROGRESS",
        "ROLLBACK_REQUESTED",
        "ROLLBACK_IN_PROGRESS",
        "ROLLBACK_SUCCESSFUL",
    ]))
    .await;
    assert_eq!(report.outcome, Outcome::RolledBack);
    let fail = report.verdict().unwrap_err();
    assert_eq!(
        (fail.exit(), fail.to_string().as_str()),
        (Exit::RolledBack, "the deployment was rolled back: said by ECS")
    );
    assert_eq!(run.writes(), ["RegisterTaskDefinition", "UpdateService"]);
}

#[tokio::test(start_paused = true)]
async fn a_deployment_that_was_stopped_for_a_newer_one_is_superseded() {
    let world =
        World { superseded: true, ..statuses(["IN_PROGRESS", "STOP_REQUESTED", "STOPPED"]) };
    let (report, run) = deployed(world).await;
    assert_eq!(report.outcome, Outcome::Superseded);
    assert_eq!(report.verdict().unwrap_err().exit(), Exit::Superseded);
    assert_eq!(run.writes(), ["RegisterTaskDefinition", "UpdateService"]);
}

const UNHEALTHY_TASK: (&str, &str, Option<i32>) = (
    "Task failed ELB health checks in (target-group tg/orders/1)",
    "ServiceSchedulerInitiated",
    Some(143),
);

#[tokio::test(start_paused = true)]
async fn failing_health_checks_are_shown_with_what_the_load_balancer_says_and_ecs_rolls_back() {
    let world =
        World { stopped: vec![UNHEALTHY_TASK; 2], balancer: true, ..statuses(["IN_PROGRESS"]) };
    let start = Instant::now();
    let (report, run) = deployed(world).await;
    assert!(start.elapsed() < Duration::from_secs(10));
    assert_eq!(report.outcome, Outcome::RolledBack);
    let shown = report.verdict().unwrap_err().to_string();
    for part in [
        "Task failed ELB health checks",
        "the health check of app: CMD-SHELL curl -f localhost",
        "codes: [502]",
    ] {
        assert!(shown.contains(part), "no `{part}` in {shown}");
    }
    assert_eq!(run.writes(), ["RegisterTaskDefinition", "UpdateService", "StopServiceDeployment"]);
}

#[tokio::test(start_paused = true)]
async fn where_a_service_deployment_may_not_be_stopped_the_service_is_updated() {
    let world = World {
        stopped: vec![UNHEALTHY_TASK; 2],
        refuses: vec![("StopServiceDeployment", 400, "AccessDeniedException", "no")],
        ..statuses(["IN_PROGRESS"])
    };
    let (report, run) = deployed(world).await;
    assert_eq!(report.outcome, Outcome::RolledBack);
    assert_eq!(run.writes().last().unwrap(), "UpdateService");
}

#[tokio::test(start_paused = true)]
async fn where_service_deployments_may_not_be_read_the_list_of_the_service_tells() {
    let world = World {
        completes_after: 3,
        refuses: vec![("ListServiceDeployments", 400, "AccessDeniedException", "no")],
        ..World::default()
    };
    let (report, run) = deployed(world).await;
    assert_eq!(report.outcome, Outcome::Deployed);
    assert_eq!(run.calls().iter().filter(|call| *call == "ListServiceDeployments").count(), 1);
}

#[tokio::test(start_paused = true)]
async fn where_a_service_deployment_may_be_listed_and_not_read_the_list_of_the_service_tells() {
    let world = World {
        refuses: vec![("DescribeServiceDeployments", 400, "AccessDeniedException", "no")],
        completes_after: 3,
        ..statuses(["IN_PROGRESS"])
    };
    let (report, run) = deployed(world).await;
    assert_eq!(report.outcome, Outcome::Deployed);
    let looks = run.calls().iter().filter(|call| *call == "DescribeServiceDeployments").count();
    assert_eq!(looks, 1);
}

#[tokio::test(start_paused = true)]
async fn a_network_interface_or_a_place_that_is_missing_is_waited_for_and_told_when_time_is_up() {
    let interface = (
        "Timeout waiting for network interface provisioning to complete.",
        "TaskFailedToStart",
        None,
    );
    let world = World { stopped: vec![interface; 9], ..statuses(["IN_PROGRESS"]) };
    let start = Instant::now();
    let (report, run) = deployed(world).await;
    assert_eq!(start.elapsed().as_secs(), 900);
    let fail = report.verdict().unwrap_err();
    assert_eq!(fail.exit(), Exit::TimedOut);
    assert!(fail.to_string().contains("Timeout waiting for network interface"), "{fail}");
    assert!(fail.help_text().unwrap().contains("--wait-only ecs-svc/2"));
    assert_eq!(run.writes(), ["RegisterTaskDefinition", "UpdateService"]);

    let unplaced = "(service orders) was unable to place a task. Reason: Capacity is unavailable at this time.";
    let (report, _) = deployed(World { events: vec![unplaced], ..statuses(["IN_PROGRESS"]) }).await;
    assert!(report.verdict().unwrap_err().to_string().contains(unplaced));
}

#[tokio::test(start_paused = true)]
async fn a_deployment_that_pauses_is_continued_or_rolled_back_or_waited_for_as_is_set() {
    let paused = || World { pauses: true, ..statuses(["IN_PROGRESS"]) };
    for (on_pause, outcome, writes) in [
        (OnPause::Continue, Outcome::Deployed, 3),
        (OnPause::RollBack, Outcome::RolledBack, 3),
        (OnPause::Wait, Outcome::TimedOut, 2),
    ] {
        let run = Run::with(paused(), |settings| settings.on_pause = on_pause, None).await;
        assert_eq!(run.deploy().await.unwrap().outcome, outcome, "{on_pause:?}");
        assert_eq!(run.writes().len(), writes, "{on_pause:?}: {:?}", run.writes());
    }
}

#[tokio::test(start_paused = true)]
async fn a_hook_is_answered_once_and_one_that_waits_on_ends_with_the_time() {
    let world = World { pauses: true, is_deaf: true, ..statuses(["IN_PROGRESS"]) };
    let run = Run::with(world, |settings| settings.on_pause = OnPause::Continue, None).await;
    assert_eq!(run.deploy().await.unwrap().outcome, Outcome::TimedOut);
    let answers = ["RegisterTaskDefinition", "UpdateService", "ContinueServiceDeployment"];
    assert_eq!(run.writes(), answers);
}

#[tokio::test(start_paused = true)]
async fn who_only_waits_takes_nothing_back_and_sees_a_later_success() {
    let world = World {
        is_updated: true,
        stopped: vec![UNHEALTHY_TASK; 2],
        ..statuses(["IN_PROGRESS", "IN_PROGRESS", "IN_PROGRESS", "SUCCESSFUL"])
    };
    let wait = |settings: &mut Settings| settings.wait_only = Some("ecs-svc/2".to_owned());
    let run = Run::with(world, wait, None).await;
    assert_eq!(wait_only(&run.ctx).await.unwrap().outcome, Outcome::Deployed);
    assert_eq!(run.writes(), [] as [&str; 0]);
}

#[tokio::test(start_paused = true)]
async fn of_several_services_one_that_cannot_be_followed_goes_back_too() {
    let world = World {
        refuses: vec![("ListTasks", 400, "AccessDeniedException", "no")],
        ..statuses(["IN_PROGRESS"])
    };
    let twice = |settings: &mut Settings| settings.units.extend(settings.units.clone());
    let run = Run::with(world, twice, None).await;
    let fail = run.deploy().await.unwrap().verdict().unwrap_err();
    assert!(fail.to_string().contains("ecs:ListTasks"), "{fail}");
    assert!(run.writes().contains(&"StopServiceDeployment".to_owned()), "{:?}", run.writes());
}

#[tokio::test(start_paused = true)]
async fn a_network_that_is_lost_for_a_minute_in_the_middle_is_waited_for() {
    for from in [1, 3, 8] {
        let from = Duration::from_secs(from);
        let world = World {
            outage: Some((from, from + Duration::from_secs(60))),
            ..statuses(["IN_PROGRESS", "IN_PROGRESS", "IN_PROGRESS", "IN_PROGRESS", "SUCCESSFUL"])
        };
        assert_eq!(deployed(world).await.0.outcome, Outcome::Deployed, "from {from:?}");
    }
}

/// One fault is what the SDK repeats for; more of them are the step's to wait out.
#[tokio::test(start_paused = true)]
async fn whatever_fails_at_whatever_call_the_outcome_is_right() {
    let good = || statuses(["PENDING", "IN_PROGRESS", "SUCCESSFUL"]);
    let crashing =
        || World { stopped: vec![UNHEALTHY_TASK; 2], balancer: true, ..statuses(["IN_PROGRESS"]) };
    for (world, outcome) in
        [(&good as &dyn Fn() -> World, Outcome::Deployed), (&crashing, Outcome::RolledBack)]
    {
        let (report, run) = deployed(world()).await;
        assert_eq!(report.outcome, outcome);
        let calls = run.calls();
        let first_write = calls.iter().position(|call| call == "RegisterTaskDefinition").unwrap();
        for (nth, call) in calls.iter().enumerate() {
            for (kind, counts) in [
                (Kind::Throttle, [5].as_slice()),
                (Kind::Fault, &[5]),
                (Kind::Reset, &[1, 5]),
                (Kind::Silence, &[5]),
            ] {
                for &times in counts {
                    let world = World { faults: vec![(nth..nth + times, kind)], ..world() };
                    let run = Run::new(world).await;
                    let what = format!("{kind:?} x {times} at {nth}, {call}");
                    match run.deploy().await {
                        Ok(report) => assert_eq!(report.outcome, outcome, "{what}"),
                        // Before the first write a fault that lasts ends the step, in vain.
                        Err(err) => {
                            assert_eq!(
                                Fail::of(&err).map(Fail::exit),
                                Some(Exit::Unreachable),
                                "{what}: {err:#}"
                            );
                            assert!(times > 1 && nth < first_write, "{what}: {err:#}");
                            assert_eq!(run.writes(), [] as [&str; 0], "{what}");
                        }
                    }
                }
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_clock_that_is_wrong_is_named() {
    let skewed = (
        "DescribeServices",
        403,
        "InvalidSignatureException",
        "Signature expired: 20260101T000000Z is now earlier than 20260101T000500Z",
    );
    let run = Run::new(World { refuses: vec![skewed], ..World::default() }).await;
    let err = run.deploy().await.unwrap_err();
    let fail = Fail::of(&err).unwrap();
    assert_eq!(fail.exit(), Exit::Unreachable);
    assert!(fail.help_text().unwrap().contains("clock"), "{fail:?}");
}

#[tokio::test(start_paused = true)]
async fn rollback_skips_what_failed_and_goes_back_to_the_last_success() {
    // Revision 6 was never deployed with success; 7 runs.
    let world =
        World { history: vec![(1, "orders:4"), (3, OLD), (2, "orders:5")], ..World::default() };
    let run =
        Run::with(world, |settings| settings.dry_run = true, Some(Command::Rollback { to: None }))
            .await;
    let report = roll_back(&run.ctx, None).await.unwrap();
    assert_eq!(
        report.services[0].changes[0].to_string(),
        format!("task definition: {OLD} -> orders:5")
    );
    assert_eq!(run.writes(), [] as [&str; 0]);
}

#[tokio::test(start_paused = true)]
async fn a_task_for_which_there_is_no_capacity_ends_with_4() {
    let run = Run::new(World::default()).await;
    let err = run_once(&run.ctx, &["true".to_owned()]).await.unwrap_err();
    assert_eq!(Fail::of(&err).unwrap().exit(), Exit::Unreachable);
    assert!(err.to_string().contains("Capacity is unavailable"), "{err:#}");
}

#[tokio::test(start_paused = true)]
async fn a_task_definition_that_ecs_refuses_ends_with_2_in_its_words() {
    let refused =
        ("RegisterTaskDefinition", 400, "ClientException", "Invalid CPU or memory value specified");
    let run = Run::new(World { refuses: vec![refused], ..World::default() }).await;
    let err = run.deploy().await.unwrap_err();
    assert_eq!(Fail::of(&err).unwrap().exit(), Exit::Invalid);
    assert!(format!("{err:#}").contains("Invalid CPU or memory value specified"), "{err:#}");
}

fn shifting<const N: usize>(steps: [Step; N]) -> World {
    World { code_deploy: steps.into(), ..World::default() }
}

#[tokio::test(start_paused = true)]
async fn codedeploy_is_followed_until_all_traffic_is_shifted() {
    let (report, run) = deployed(shifting([
        Step::Status("Created"),
        Step::Status("Created"),
        Step::Status("InProgress"),
        Step::Shifted,
    ]))
    .await;
    assert_eq!(report.outcome, Outcome::Deployed);
    assert_eq!(report.services[0].task_definition, NEW);
    assert_eq!(report.services[0].deployment.as_deref(), Some("d-2"));
    assert_eq!(run.writes(), ["RegisterTaskDefinition", "CreateDeployment"]);
    let specification = run.stand_in.world().specification.clone();
    for part in [NEW, "ContainerName", "app"] {
        assert!(specification.contains(part), "{specification}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_codedeploy_took_back_is_no_success() {
    let steps = [Step::Status("InProgress"), Step::Status("InProgress"), Step::Status("Failed")];
    let (report, run) = deployed(shifting(steps)).await;
    assert_eq!(report.outcome, Outcome::RolledBack);
    let fail = report.verdict().unwrap_err();
    assert!(fail.to_string().contains("said by CodeDeploy"), "{fail}");
    assert!(!run.writes().contains(&"UpdateService".to_owned()), "{:?}", run.writes());
}

#[tokio::test(start_paused = true)]
async fn tasks_that_crash_stop_codedeploy_and_the_traffic_goes_back() {
    let world = World {
        stopped: vec![UNHEALTHY_TASK; 2],
        balancer: true,
        ..shifting([Step::Status("Created"), Step::Status("InProgress")])
    };
    let start = Instant::now();
    let (report, run) = deployed(world).await;
    assert!(start.elapsed() < Duration::from_secs(15), "{:?}", start.elapsed());
    assert_eq!(report.outcome, Outcome::RolledBack);
    assert_eq!(run.writes(), ["RegisterTaskDefinition", "CreateDeployment", "StopDeployment"]);
}

#[tokio::test(start_paused = true)]
async fn a_shift_that_waits_for_somebody_is_answered_as_is_set() {
    for (on_pause, outcome, last) in [
        (OnPause::Continue, Outcome::Deployed, "ContinueDeployment"),
        (OnPause::RollBack, Outcome::RolledBack, "StopDeployment"),
        (OnPause::Wait, Outcome::TimedOut, "CreateDeployment"),
    ] {
        let world = shifting([Step::Status("InProgress"), Step::Status("Ready")]);
        let run = Run::with(world, |settings| settings.on_pause = on_pause, None).await;
        assert_eq!(run.deploy().await.unwrap().outcome, outcome, "{on_pause:?}");
        assert!(run.writes().contains(&last.to_owned()), "{on_pause:?}: {:?}", run.writes());
    }
}

#[tokio::test(start_paused = true)]
async fn codedeploy_has_one_deployment_at_a_time_and_another_is_dealt_with_as_is_set() {
    let busy = || World {
        is_other_active: true,
        ..shifting([Step::Status("InProgress"), Step::Status("InProgress")])
    };
    let run = Run::with(busy(), |settings| settings.busy = landfall_toml::Busy::Refuse, None).await;
    let err = run.deploy().await.unwrap_err();
    assert_eq!(Fail::of(&err).unwrap().exit(), Exit::Refused);
    assert_eq!(run.writes(), [] as [&str; 0]);

    let run = Run::new(busy()).await;
    let _as_the_world_says = run.deploy().await;
    assert_eq!(run.writes()[0], "StopDeployment", "{:?}", run.writes());
    // All traffic is shifted, only the old tasks wait for their end.
    let over = World { is_other_active: true, ..shifting([Step::Shifted]) };
    let run = Run::new(over).await;
    let _as_the_world_says = run.deploy().await;
    assert_eq!(run.writes()[0], "ContinueDeployment", "{:?}", run.writes());
}

#[tokio::test(start_paused = true)]
async fn a_deployment_group_that_is_missing_is_named_with_the_keys_to_set() {
    let refused = (
        "ListDeployments",
        400,
        "DeploymentGroupDoesNotExistException",
        "No Deployment Group found",
    );
    let world = World { refuses: vec![refused], ..shifting([Step::Status("Created")]) };
    let run = Run::new(world).await;
    let err = run.deploy().await.unwrap_err();
    let fail = Fail::of(&err).unwrap();
    assert_eq!(fail.exit(), Exit::Invalid);
    assert!(err.to_string().contains("DgpECS-apps-orders"), "{err:#}");
    assert!(fail.help_text().unwrap().contains("deploy-fargate.codedeploy"), "{fail:?}");
}
