//! What would change, and whether all is there for it.

use serde_json::json;
use step_testkit::{AwsProxy, Project, aws_call, fresh_account, repository};

use crate::support::{
    LASTS, REGISTRY_ACCOUNT, Service, TEMPLATE, image, push, tag, unknown, with_breaker,
};

#[test]
fn a_dry_run_shows_the_difference_and_writes_nothing() {
    let service = with_breaker();
    let pinned = unknown(1);
    let proxy = AwsProxy::start();
    let args = ["--env", "dev", &pinned, "--dry-run"];
    let ran = service.project.run_through(&proxy, "deploy-fargate", &args).expect(0);
    let expected = [
        "app: planned".to_owned(),
        format!("  container app: bootstrap -> {pinned}"),
        "  a new revision of the task definition:".to_owned(),
        "    --- app:1".to_owned(),
        "    +++ to be registered".to_owned(),
        "    @@ -6,5 +6,5 @@".to_owned(),
        "             \"KEPT\": \"yes\"".to_owned(),
        "           },".to_owned(),
        "    -      \"image\": \"bootstrap\",".to_owned(),
        format!("    +      \"image\": \"{pinned}\","),
        "           \"logConfiguration\": {".to_owned(),
        "             \"logDriver\": \"awslogs\",".to_owned(),
        "  tasks: 0 -> 1\n".to_owned(),
    ];
    assert_eq!(ran.stdout, expected.join("\n"));
    assert_eq!(proxy.writes(), [] as [&str; 0]);
    assert!(!service.project.path(".landfall/deployment.json").exists());
    service.deploy(&[&pinned, "--check"]).expect(3).says("something would change");
}

#[test]
fn check_ends_with_0_when_nothing_would_change() {
    let service = with_breaker();
    let image = image(LASTS);
    service.deploy(&[&image]).expect(0);
    service.deploy(&[&image, "--check"]).expect(0);
    service.deploy(&[&image, "--check", "--desired-count", "2"]).expect(3);
}

#[test]
fn what_landfall_toml_sets_is_in_the_new_revision_and_secrets_are_not_shown() {
    let settings = "desired_count = 1\ntimeout = \"60s\"\ncpu = \"0.5 vCPU\"\nmemory = \"1024\"\n\
        [env.dev.deploy-fargate.containers.app]\nmemory = 300\n\
        environment = { LEVEL = \"debug\", API_TOKEN = \"another-secret\" }\n";
    let service = Service::with_settings(&TEMPLATE.replace("BREAKER", "true"), settings);
    let image = image(LASTS);
    let ran = service.deploy(&[&image]).expect(0).says("\"LEVEL\": \"debug\"");
    let ran = ran.says("\"API_TOKEN\": \"[MASKED], changed\"");
    for secret in ["not-to-be-shown", "another-secret"] {
        assert!(!ran.stderr.contains(secret), "{}", ran.stderr);
    }
    let container = service.container("app");
    assert_eq!(
        container["environment"],
        json!([
            { "name": "KEPT", "value": "yes" },
            { "name": "API_TOKEN", "value": "another-secret" },
            { "name": "LEVEL", "value": "debug" },
        ])
    );
    assert_eq!(container["memory"], 300);
    let again = service.deploy(&[&image, "--output", "json"]).expect(0).json();
    assert_eq!(again["outcome"], "unchanged");
}

#[test]
fn a_task_definition_file_is_deployed_with_all_its_fields_and_then_is_unchanged() {
    let service = with_breaker();
    let file = json!({
        "family": "app", "networkMode": "awsvpc", "requiresCompatibilities": ["FARGATE"],
        "cpu": "256", "memory": "512", "pidMode": "task",
        "containerDefinitions": [{ "name": "app", "image": "replaced",
            "portMappings": [{ "containerPort": 80 }], "environment": [{ "name": "EMPTY", "value": "" }] }],
    });
    service.project.write("task.json", &file.to_string());
    let image = image(LASTS);
    let args = [image.as_str(), "--task-definition", "task.json", "--output", "json"];
    assert_eq!(service.deploy(&args).expect(0).json()["outcome"], "deployed");
    let answer = service.call("DescribeTaskDefinition", &json!({ "taskDefinition": "app" }));
    assert_eq!(answer["taskDefinition"]["pidMode"], "task");
    assert_eq!(service.container("app")["environment"], json!([{ "name": "EMPTY", "value": "" }]));
    assert_eq!(service.deploy(&args).expect(0).json()["outcome"], "unchanged");
    service.project.write("task.json", "{ \"family\": \"app\" }");
    service.deploy(&args).expect(2).says("task.json: `containerDefinitions` is missing");
    service.project.write("task.json", "{");
    service.deploy(&args).expect(2).says("task.json is no JSON");
    // ECS's own words, and the file to mend.
    service.project.write(
        "task.json",
        &json!({ "family": "app", "containerDefinitions": [{ "name": "app" }, { "name": "b" }] })
            .to_string(),
    );
    service
        .deploy(&[&args[..], &["--container", "app"]].concat())
        .expect(2)
        .says("Container definition 1 (b): image is required.")
        .says("mend task.json");
}

/// A service in the account whose registry can be asked. Other tests use the account, too.
fn beside_the_registry() -> (Project, String) {
    let name = tag();
    let template = TEMPLATE.replace("BREAKER", "true").replace("apps", &name);
    let config = format!(
        "[service]\nname = \"{name}\"\n[env.dev]\naccount = \"{REGISTRY_ACCOUNT}\"\ncluster = \"{name}\"\n\
         service = \"app\"\n[env.dev.deploy-fargate]\ndesired_count = 1\ntimeout = \"60s\"\n"
    );
    let project = Project::new()
        .with_aws(REGISTRY_ACCOUNT)
        .with_file("landfall.toml", &config)
        .with_file("infra.yml", &template.replace("Family: app", &format!("Family: {name}")));
    project.run("deploy-stack", &["--env", "dev"]).expect(0);
    (project, name)
}

#[test]
fn a_tag_of_ecr_is_resolved_and_an_image_that_is_gone_is_found_before_anything_changes() {
    let (project, name) = beside_the_registry();
    let tag = tag();
    let pushed = push("FROM debian:bookworm-slim\nCMD [\"sleep\", \"infinity\"]\n", &tag);
    let repository = pushed["repository"].as_str().unwrap();
    let tagged = format!("{repository}:{tag}");
    let args = ["--env", "dev", &tagged, "--output", "json"];
    let report = project.run("deploy-fargate", &args).expect(0).json();
    assert_eq!(report["report"]["services"][0]["image"], pushed["image"]);
    assert_eq!(project.run("deploy-fargate", &args).expect(0).json()["outcome"], "unchanged");

    let proxy = AwsProxy::start();
    let missing = format!("{repository}@sha256:{:064x}", 0);
    project
        .run_through(&proxy, "deploy-fargate", &["--env", "dev", &missing])
        .expect(2)
        .says(&format!("image {missing}: {missing} is not in ECR"))
        .says("nothing was changed");
    assert_eq!(proxy.writes(), [] as [&str; 0]);
    let missing = format!("{repository}:none");
    project.run("deploy-fargate", &["--env", "dev", &missing]).expect(2).says("none is not in ECR");
    let body = json!({ "cluster": name, "service": "app", "desiredCount": 0 });
    aws_call(REGISTRY_ACCOUNT, "AmazonEC2ContainerServiceV20141113.UpdateService", &body);
}

#[test]
fn verify_names_all_that_is_missing_and_writes_nothing() {
    let service = with_breaker();
    let arn =
        |kind: &str| format!("arn:aws:{kind}:eu-central-1:{}:secret:none-123456", service.account);
    let file = json!({
        "family": "app", "networkMode": "awsvpc", "requiresCompatibilities": ["FARGATE"],
        "cpu": "256", "memory": "512",
        "executionRoleArn": format!("arn:aws:iam::{}:role/none", service.account),
        "containerDefinitions": [{ "name": "app", "image": unknown(1),
            "secrets": [{ "name": "URL", "valueFrom": arn("secretsmanager") }, { "name": "P", "valueFrom": "/none" }],
            "logConfiguration": { "logDriver": "awslogs", "options": {
                "awslogs-group": "/none", "awslogs-stream-prefix": "app", "awslogs-region": "eu-central-1" } } }],
    });
    service.project.write("task.json", &file.to_string());
    let proxy = AwsProxy::start();
    let args = ["verify", "--env", "dev", "--task-definition", "task.json"];
    let ran = service.project.run_through(&proxy, "deploy-fargate", &args).expect(3);
    for missing in [
        "unknown  image host/app@sha256:",
        "role/none: there is no such role",
        "missing  secret URL of app: there is no secret arn:",
        "missing  secret P of app: there is no parameter /none",
        "missing  log group /none: it is missing",
    ] {
        assert!(ran.stdout.contains(missing), "no `{missing}` in {}", ran.stdout);
    }
    assert_eq!(proxy.writes(), [] as [&str; 0]);
    // The same stops a deployment.
    service
        .deploy(&["--task-definition", "task.json"])
        .expect(2)
        .says("there is no secret")
        .says("nothing was changed");
    let good = service.deploy(&["verify", &unknown(1)][..1]);
    good.expect(2).says("no image to deploy");
    let good =
        service.project.run("deploy-fargate", &["verify", &unknown(1), "--env", "dev"]).expect(0);
    assert!(good.stdout.contains("ok       log group /apps"), "{}", good.stdout);
}

/// The example's stack: with roles, a secret, a log group and a load balancer.
#[test]
fn all_that_the_example_needs_is_found_and_a_port_that_is_missing_is_named() {
    let account = fresh_account();
    let secret = json!({ "Name": "orders/database", "SecretString": "postgres://x", "ClientRequestToken": "0".repeat(32) });
    aws_call(&account, "secretsmanager.CreateSecret", &secret);
    let template = std::fs::read_to_string(repository().join("examples/orders/infra.yml")).unwrap();
    let config = format!(
        "[env.dev]\naccount = \"{account}\"\ncluster = \"orders\"\nservice = \"orders\"\n\
         [env.dev.deploy-stack]\nstack = \"orders\"\ncapabilities = [\"CAPABILITY_IAM\"]\n\
         parameters = {{ Name = \"orders\", DatabaseSecret = \"orders/database\" }}\n"
    );
    let project = Project::new()
        .with_aws(&account)
        .with_env("LANDFALL_REGISTRY", "")
        .with_file("landfall.toml", &config)
        .with_file("infra.yml", &template);
    project.run("deploy-stack", &["--env", "dev"]).expect(0);
    let verify = ["verify", "--env", "dev", &unknown(1)];
    let ran = project.run("deploy-fargate", &verify).expect(0);
    for found in [
        "executionRoleArn",
        "secret DATABASE_URL of app",
        "log group /landfall/orders",
        "target group orders",
    ] {
        let line = ran.stdout.lines().find(|line| line.contains(found));
        assert!(line.is_some_and(|line| line.starts_with("ok ")), "{found}: {}", ran.stdout);
    }
    let without_port = json!({ "family": "orders", "containerDefinitions": [{ "name": "app", "image": unknown(1) }] });
    project.write("task.json", &without_port.to_string());
    let ran =
        project.run("deploy-fargate", &[&verify[..], &["--task-definition", "task.json"]].concat());
    let ran = ran.expect(3);
    assert!(
        ran.stdout.contains("the task definition has no port 8080 in a container app"),
        "{}",
        ran.stdout
    );
}

#[test]
fn an_image_that_was_pushed_for_another_environment_is_not_taken_in_silence() {
    let service = with_breaker();
    let digest = format!("sha256:{:064x}", 1);
    let pushed = json!({
        "env": "qa", "image": format!("host/app@{digest}"), "digest": digest,
        "repository": "host/app", "tag": "abc",
    });
    service.project.write(".landfall/pushed.json", &pushed.to_string());
    service.deploy(&["--dry-run"]).expect(0).says("the image was pushed for qa and goes to dev");
}

#[test]
fn wrong_input_ends_with_2_and_says_what_to_do() {
    let service = with_breaker();
    let pinned = unknown(1);
    service.deploy(&[]).expect(2).says("no image to deploy").says("run push-ecr before");
    service.deploy(&["host/app:latest"]).expect(2).says("host/app:latest is not pinned by digest");
    service
        .deploy(&[&pinned, "--service", "none"])
        .expect(2)
        .says("there is no service none in the cluster apps");
    service.deploy(&[&pinned, "--cluster", "none"]).expect(2).says("there is no cluster none");
    service
        .deploy(&[&pinned, "--container", "web"])
        .expect(2)
        .says("there is no container `web`")
        .says("the task definition has: app");
    service
        .deploy(&[&pinned, "--ci-aws-ecs-task-definition", "none"])
        .expect(2)
        .says("there is no task definition none");
    let project = Project::new().with_aws(&service.account);
    project.run("deploy-fargate", &[&pinned]).expect(2).says("no cluster is named");
    let project = Project::new().with_aws("222222222222").with_file(
        "landfall.toml",
        "[env.dev]\naccount = \"333333333333\"\ncluster = \"apps\"\nservice = \"app\"\n",
    );
    project.run("deploy-fargate", &[&pinned, "--env", "dev"]).expect(8).says("wrong account");
}

#[test]
fn a_controller_that_is_not_driven_is_refused_with_the_way_out() {
    let service = with_breaker();
    let legacy = |kind: &str| {
        json!({ "cluster": "apps", "serviceName": kind.to_lowercase(), "taskDefinition": "app", "desiredCount": 0,
                "deploymentController": { "type": kind } })
    };
    service.call("CreateService", &legacy("EXTERNAL"));
    service
        .deploy(&[&unknown(1), "--service", "external"])
        .expect(8)
        .says("external is deployed by an own controller (EXTERNAL)")
        .says("ECS or CODE_DEPLOY");
    // What would change is told without asking CodeDeploy.
    service.call("CreateService", &legacy("CODE_DEPLOY"));
    let args = [&unknown(1), "--service", "code_deploy", "--dry-run"];
    let told = service.deploy(&args).expect(0).stdout;
    assert!(told.contains("a new revision of the task definition"), "{told}");
}
