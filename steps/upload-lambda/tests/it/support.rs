//! An account of one's own with functions of one's own.

use serde_json::{Value, json};
use step_testkit::{AwsProxy, Project, Ran, aws_rest, fresh_account};

pub(crate) struct Lambda {
    pub(crate) project: Project,
    pub(crate) account: String,
}

/// What a test's function answers: its code, and one of its variables.
pub(crate) fn code(marker: &str) -> String {
    format!(
        "import os\n\ndef handler(event, context):\n    \
         return {{'code': '{marker}', 'level': os.environ.get('LEVEL'), 'event': event}}\n"
    )
}

/// Code that fails at every invocation.
pub(crate) const BROKEN: &str = "def handler(event, context):\n    print('looking for the table')\n    raise KeyError('table')\n";

impl Lambda {
    /// A project with the function `hello`, whose code is `one`. `settings` are more lines of its table.
    pub(crate) fn new(settings: &str) -> Self {
        let account = fresh_account();
        let project = Project::new().with_aws(&account).with_file("hello/app.py", &code("one"));
        let lambda = Self { project, account };
        lambda.configure(settings);
        lambda
    }

    /// Writes landfall.toml.
    pub(crate) fn configure(&self, settings: &str) {
        self.project.write("landfall.toml", &self.configuration(settings));
    }

    pub(crate) fn configuration(&self, settings: &str) -> String {
        let account = &self.account;
        format!(
            "[env.dev]\naccount = \"{account}\"\n\
             [env.dev.upload-lambda]\ntimeout = \"30s\"\n\
             [env.dev.upload-lambda.functions.hello.configuration]\n\
             role = \"arn:aws:iam::{account}:role/hello\"\nruntime = \"python3.11\"\n\
             handler = \"app.handler\"\ntimeout = \"20s\"\nenvironment = {{ LEVEL = \"info\" }}\n\
             [env.dev.upload-lambda.functions.hello]\nsource = \"hello\"\ncreate = true\n{settings}"
        )
    }

    /// Another content of the code.
    pub(crate) fn change(&self, content: &str) {
        self.project.write("hello/app.py", content);
    }

    pub(crate) fn run(&self, args: &[&str]) -> Ran {
        self.project.run("upload-lambda", &[args, &["--env", "dev"]].concat())
    }

    pub(crate) fn run_through(&self, proxy: &AwsProxy, args: &[&str]) -> Ran {
        self.project.run_through(proxy, "upload-lambda", &[args, &["--env", "dev"]].concat())
    }

    pub(crate) fn deploy(&self) -> Ran {
        self.run(&["--output", "json"])
    }

    pub(crate) fn call(&self, method: &str, path: &str, body: Option<&Value>) -> Value {
        aws_rest(
            &self.account,
            "lambda",
            method,
            &format!("/2015-03-31/functions/{path}"),
            body.map(Value::to_string).as_deref(),
        )
    }

    /// What an invocation of `hello` answers, by alias or version.
    pub(crate) fn answer(&self, qualifier: &str) -> Value {
        self.call("POST", &format!("hello/invocations?Qualifier={qualifier}"), Some(&json!({})))
    }

    pub(crate) fn alias(&self) -> Value {
        self.call("GET", "hello/aliases/live", None)
    }

    /// Moves the alias as another would.
    pub(crate) fn move_alias(&self, version: &str) {
        let body = json!({ "FunctionVersion": version, "RoutingConfig": {} });
        self.call("PUT", "hello/aliases/live", Some(&body));
    }

    pub(crate) fn versions(&self) -> Vec<String> {
        let listed = self.call("GET", "hello/versions", None);
        let versions = listed["Versions"].as_array().unwrap();
        versions.iter().map(|version| version["Version"].as_str().unwrap().to_owned()).collect()
    }

    /// Deploys versions, the code of each named after its number.
    pub(crate) fn with_versions(self, count: usize) -> Self {
        for number in 1..=count {
            self.change(&code(&number.to_string()));
            self.deploy().expect(0);
        }
        self
    }
}

/// The calls besides that of the account guard.
pub(crate) fn calls(proxy: &AwsProxy) -> Vec<String> {
    proxy.calls().into_iter().filter(|call| call != "GetCallerIdentity").collect()
}
