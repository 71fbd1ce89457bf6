//! Several services, and a task on a schedule, of one image.

use serde_json::{Value, json};
use step_testkit::{AwsProxy, aws_call};

use crate::support::{LASTS, Service, TEMPLATE, image};

const SETTINGS: &str = "timeout = \"60s\"\n\
    [env.dev.deploy-fargate.services.web]\nservice = \"app\"\ndesired_count = 1\n\
    [env.dev.deploy-fargate.services.worker]\nservice = \"worker\"\ndesired_count = 1\n\
    [env.dev.deploy-fargate.services.nightly]\nrule = \"nightly\"\n";

fn three() -> Service {
    three_of(TEMPLATE)
}

fn three_of(template: &str) -> Service {
    let own = template.split_once("  TaskDefinition:").unwrap().1;
    let worker = format!("  WorkerDefinition:{own}").replace("  Service:", "  Worker:");
    let worker = worker.replace("!Ref TaskDefinition", "!Ref WorkerDefinition");
    let worker = worker
        .replace("Family: app", "Family: worker")
        .replace("ServiceName: app", "ServiceName: worker");
    let template = format!("{template}{worker}").replace("BREAKER", "true");
    let mut service = Service::with_settings(&template, SETTINGS);
    service.names.push("worker".to_owned());
    let definition = json!({ "family": "nightly", "containerDefinitions": [{ "name": "app", "image": "bootstrap" }] });
    let registered = service.call("RegisterTaskDefinition", &definition);
    events(&service, "PutRule", &json!({ "Name": "nightly", "ScheduleExpression": "rate(1 day)" }));
    let target = json!({ "Id": "1", "Arn": format!("arn:aws:ecs:eu-central-1:{}:cluster/apps", service.account),
        "RoleArn": "arn:aws:iam::111111111111:role/events", "Input": "{\"kept\":true}",
        "EcsParameters": { "TaskDefinitionArn": registered["taskDefinition"]["taskDefinitionArn"], "TaskCount": 1, "OfTheFuture": 7 } });
    events(&service, "PutTargets", &json!({ "Rule": "nightly", "Targets": [target] }));
    service
}

fn events(service: &Service, operation: &str, body: &Value) -> Value {
    aws_call(&service.account, &format!("AWSEvents.{operation}"), body)
}

fn target(service: &Service) -> Value {
    events(service, "ListTargetsByRule", &json!({ "Rule": "nightly" }))["Targets"][0].clone()
}

#[test]
fn web_worker_and_schedule_get_one_image_in_one_run_and_then_are_unchanged() {
    let service = three();
    let image = image(LASTS);
    let ran = service.deploy(&[&image, "--output", "json"]).expect(0).says("worker: tasks: ");
    let report = ran.json();
    assert_eq!(report["outcome"], "deployed");
    let outcomes: Vec<&Value> = report["report"]["services"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| &one["outcome"])
        .collect();
    assert_eq!(outcomes, ["deployed", "deployed", "deployed"]);
    assert_eq!(service.running_images_of("app"), [image.as_str()]);
    assert_eq!(service.running_images_of("worker"), [image.as_str()]);
    let target = target(&service);
    assert!(
        target["EcsParameters"]["TaskDefinitionArn"].as_str().unwrap().ends_with("/nightly:2"),
        "{target}"
    );
    assert_eq!(target["EcsParameters"]["OfTheFuture"], 7);
    assert_eq!(target["Input"], "{\"kept\":true}");
    assert_eq!(service.container("nightly")["image"], image);

    let proxy = AwsProxy::start();
    let args = ["--env", "dev", &image, "--output", "json"];
    let again = service.project.run_through(&proxy, "deploy-fargate", &args).expect(0).json();
    assert_eq!(again["outcome"], "unchanged");
    assert_eq!(proxy.writes(), [] as [&str; 0]);
}

#[test]
fn when_one_service_fails_all_go_back() {
    let service = three();
    let good = image(LASTS);
    service.deploy(&[&good]).expect(0);
    // Both get the image; only one has the variable that lets it run.
    let divided =
        image("if [ \"$ROLE\" = web ]; then exec sleep infinity; fi; echo no queue; exit 9");
    let settings = service.project.read("landfall.toml");
    let web = "[env.dev.deploy-fargate.services.web.containers.app.environment]\nROLE = \"web\"\n";
    service.project.write("landfall.toml", &format!("{settings}{web}"));
    let ran = service.deploy(&[&divided, "--output", "json", "--junit", "junit.xml"]).expect(6);
    let ran = ran
        .says("error: worker: the deployment was rolled back: container app exited with 9")
        .says("| no queue");
    let report = ran.json();
    let services = report["report"]["services"].as_array().unwrap();
    let outcomes: Vec<&Value> = services.iter().map(|one| &one["outcome"]).collect();
    assert_eq!(outcomes, ["rolled_back", "rolled_back", "rolled_back"]);
    assert_eq!(service.running_images_of("app"), [good.as_str()]);
    assert_eq!(service.running_images_of("worker"), [good.as_str()]);
    assert!(
        target(&service)["EcsParameters"]["TaskDefinitionArn"]
            .as_str()
            .unwrap()
            .ends_with("/nightly:2")
    );
    let junit = service.project.read("junit.xml");
    assert!(junit.contains("tests=\"3\"") && junit.contains("no queue"), "{junit}");
}

#[test]
fn a_rule_is_not_switched_while_its_services_do_not_run() {
    let limits =
        "DeploymentConfiguration:\n        MaximumPercent: 150\n        MinimumHealthyPercent: 100";
    let service = three_of(&TEMPLATE.replace("DeploymentConfiguration:", limits));
    service.deploy(&[&image(LASTS)]).expect(0);
    let ran = service.deploy(&[&image("sleep 12345"), "--timeout", "4s", "--output", "json"]);
    let report = ran.expect(5).json();
    assert_eq!(report["outcome"], "timed_out");
    let revision = target(&service)["EcsParameters"]["TaskDefinitionArn"].clone();
    assert!(revision.as_str().unwrap().ends_with("/nightly:2"), "{revision}");
}

#[test]
fn a_rule_that_starts_no_task_is_named() {
    let service = three();
    let settings =
        service.project.read("landfall.toml").replace("rule = \"nightly\"", "rule = \"none\"");
    service.project.write("landfall.toml", &settings);
    service
        .deploy(&[&crate::support::unknown(1), "--dry-run"])
        .expect(2)
        .says("there is no EventBridge rule none that starts a task")
        .says("check `services.nightly.rule`");
}
