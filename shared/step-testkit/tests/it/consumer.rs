//! A team's repository: the example, checked out alone, with the templates from a server.

use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;
use step_testkit::{repository, testbed_env};
use tempfile::TempDir;

use crate::{done, testbed, variable};

/// The example as a repository of its own, with a name of its own in the local AWS.
pub(crate) struct Consumer {
    folder: TempDir,
    name: String,
}

impl Consumer {
    /// Copies the example, gives the templates these `inputs`, and commits.
    pub(crate) fn new(inputs: &str) -> Self {
        let name = format!("orders-{:08x}", fastrand::u32(..));
        let consumer = Self { folder: tempfile::tempdir().unwrap(), name };
        consumer.serve_templates();
        consumer.copy_example();
        consumer.vendor_openapi_export();
        consumer.edit("landfall.toml", "\"orders\"", &format!("\"{}\"", consumer.name));
        consumer.edit("landfall.toml", "orders/database", &format!("{}/database", consumer.name));
        let include = "file: /ci-templates/landfall.yml";
        let with_inputs = format!("{include}\n    inputs: {inputs}");
        consumer.edit(".gitlab-ci.yml", include, &with_inputs);
        consumer.git(&["init", "--quiet", "--initial-branch=main"]);
        consumer.git(&["remote", "add", "origin", "https://gitlab.example.test/team/orders.git"]);
        consumer.git(&["add", "."]);
        consumer.git(&["commit", "--quiet", "--message=orders"]);
        consumer
    }

    /// The name of its service.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// Where it serves.
    pub(crate) fn url(&self) -> String {
        format!("{}/_alb/{}", testbed_env()["AWS_ENDPOINT_URL"], self.name)
    }

    /// Its commit.
    pub(crate) fn commit(&self) -> String {
        self.git(&["rev-parse", "HEAD"])
    }

    /// A path in its checkout.
    pub(crate) fn path(&self, path: &str) -> PathBuf {
        self.folder.path().join("orders").join(path)
    }

    /// gitlab-ci-local in the checkout, with nothing of the developer's environment.
    pub(crate) fn gitlab(&self) -> Command {
        let program = testbed().join("node/node_modules/.bin/gitlab-ci-local");
        assert!(program.is_file(), "gitlab-ci-local is missing: run `make up-pipeline`");
        let mut command = self.command(&program);
        command.args(["--state-dir", ".gcl", "--no-color"]);
        command
    }

    /// The whole pipeline, with all that it includes and extends.
    pub(crate) fn expanded(&self) -> Value {
        let preview = done(self.gitlab().arg("--preview"));
        let yaml = self.path("expanded.yml");
        std::fs::write(&yaml, &preview[preview.find("---").unwrap()..]).unwrap();
        let program =
            "import json, sys, yaml; print(json.dumps(yaml.safe_load(open(sys.argv[1]))))";
        let python = testbed().join("venv/bin/python");
        let json = done(Command::new(python).args(["-c", program]).arg(&yaml));
        serde_json::from_str(&json).unwrap()
    }

    fn command(&self, program: impl AsRef<std::ffi::OsStr>) -> Command {
        let mut command = Command::new(program);
        command.current_dir(self.path("")).env_clear().env("HOME", self.folder.path());
        for name in ["PATH", "DOCKER_HOST"] {
            command.envs(variable(name).map(|value| (name, value)));
        }
        command
    }

    #[track_caller]
    fn git(&self, args: &[&str]) -> String {
        done(self.command("git").args(args)).trim_end().to_owned()
    }

    /// A bare clone stands in for the GitLab project platform/landfall, with the tag that the
    /// example names.
    fn serve_templates(&self) {
        let source = self.folder.path().join("landfall");
        copy(&repository().join("ci-templates"), &source.join("ci-templates"));
        let server = self.folder.path().join("server");
        std::fs::create_dir(&server).unwrap();
        std::fs::create_dir(self.path("")).unwrap();
        let mut config = "[user]\n  name = test\n  email = test@example.test\n".to_owned();
        writeln!(config, "[url \"file://{}/\"]", server.display()).unwrap();
        for port in ["", ":443"] {
            writeln!(config, "  insteadOf = https://gitlab.example.test{port}/platform/").unwrap();
        }
        std::fs::write(self.folder.path().join(".gitconfig"), config).unwrap();
        let (source, bare) = (source.to_str().unwrap(), server.join("landfall.git"));
        let bare = bare.to_str().unwrap();
        self.git(&["init", "--quiet", "--initial-branch=main", source]);
        self.git(&["-C", source, "add", "."]);
        self.git(&["-C", source, "commit", "--quiet", "--message=templates"]);
        self.git(&["-C", source, "tag", env!("CARGO_PKG_VERSION")]);
        self.git(&["clone", "--quiet", "--bare", source, bare]);
        self.git(&["-C", bare, "config", "uploadpack.allowFilter", "true"]);
    }

    /// What git knows or would take: neither what was built nor what was handed over.
    fn copy_example(&self) {
        let example = repository().join("examples/orders");
        let list = ["ls-files", "--cached", "--others", "--exclude-standard"];
        for file in done(Command::new("git").args(list).current_dir(&example)).lines() {
            let to = self.path(file);
            std::fs::create_dir_all(to.parent().unwrap()).unwrap();
            std::fs::copy(example.join(file), to).unwrap();
        }
    }

    /// A team takes the crate by git. The container that compiles reaches no server of ours, so here the
    /// crate lies in the checkout, as cargo packages it.
    fn vendor_openapi_export(&self) {
        let target = self.folder.path().join("target");
        let args = ["package", "--quiet", "--offline", "--no-verify", "--allow-dirty"];
        let mut cargo = Command::new(env!("CARGO"));
        cargo.args(args).args(["--package", "openapi-export", "--target-dir"]).arg(&target);
        done(cargo.current_dir(repository()));
        let name = format!("openapi-export-{}", env!("CARGO_PKG_VERSION"));
        let archive = target.join("package").join(format!("{name}.crate"));
        done(Command::new("tar").arg("-xf").arg(archive).arg("-C").arg(self.path("")));
        self.edit("Cargo.toml", "../../shared/openapi-export", &name);
    }

    fn edit(&self, file: &str, from: &str, to: &str) {
        let text = std::fs::read_to_string(self.path(file)).unwrap();
        assert!(text.contains(from), "no {from} in {file}");
        std::fs::write(self.path(file), text.replace(from, to)).unwrap();
    }
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        std::fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
    }
}
