//! The local AWS: accounts of one's own, and a proxy that counts and fails on demand.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};

use crate::testbed_env;

/// An account that no other test uses: the local AWS keeps each account's resources apart.
pub fn fresh_account() -> String {
    format!("9{:011}", fastrand::u64(0..100_000_000_000))
}

/// Calls the local AWS as `account`, for what no step does: preparing, looking behind, cleaning.
/// `target` is the name of the operation in the JSON protocol, `SERVICE_VERSION.Operation`.
pub fn aws_call(account: &str, target: &str, body: &serde_json::Value) -> serde_json::Value {
    let credential = format!("{account}/20260101/eu-central-1/any/aws4_request");
    let output = std::process::Command::new("curl")
        .args(["-sS", "-m", "20", &testbed_env()["AWS_ENDPOINT_URL"]])
        .args(["-H", "Content-Type: application/x-amz-json-1.1"])
        .args(["-H", &format!("X-Amz-Target: {target}")])
        .args(["-H", &format!("Authorization: AWS4-HMAC-SHA256 Credential={credential}, SignedHeaders=host, Signature=0")])
        .args(["-d", &body.to_string()])
        .output()
        .expect("curl");
    let text = String::from_utf8_lossy(&output.stdout);
    serde_json::from_str(&text).unwrap_or_else(|err| panic!("{target}: {err}: {text}"))
}

/// Calls the local AWS by the REST protocol, as [`aws_call`] does by the JSON protocol: `PUT
/// /2015-03-31/functions/NAME/code`.
pub fn aws_rest(
    account: &str,
    service: &str,
    method: &str,
    path: &str,
    body: Option<&str>,
) -> serde_json::Value {
    let credential = format!("{account}/20260101/eu-central-1/{service}/aws4_request");
    let url = format!("{}{path}", testbed_env()["AWS_ENDPOINT_URL"]);
    let mut curl = std::process::Command::new("curl");
    curl.args(["-sS", "-m", "60", "-X", method, &url])
        .args(["-H", "Content-Type: application/json"])
        .args(["-H", &format!("Authorization: AWS4-HMAC-SHA256 Credential={credential}, SignedHeaders=host, Signature=0")]);
    if let Some(body) = body {
        curl.args(["-d", body]);
    }
    let output = curl.output().expect("curl");
    let text = String::from_utf8_lossy(&output.stdout);
    // What is deleted answers with nothing, and S3 with XML.
    serde_json::from_str(&text).unwrap_or_else(|_| serde_json::Value::from(text))
}

/// A proxy before the local AWS that notes every call: the proof that a step wrote nothing.
#[derive(Debug)]
pub struct AwsProxy {
    url: String,
    state: Arc<Mutex<State>>,
}

#[derive(Debug, Default)]
struct State {
    calls: Vec<String>,
    faults: Vec<Fault>,
    lost: Vec<&'static str>,
    rewrites: Vec<Rewrite>,
}

/// A text in the answers of an operation that becomes another: states that the emulator never has.
#[derive(Debug, Clone, Copy)]
pub struct Rewrite {
    /// The operation: `GetFunction`.
    pub operation: &'static str,
    /// How many answers are left as they are before.
    pub after: usize,
    /// What is replaced.
    pub from: &'static str,
    /// What stands for it.
    pub to: &'static str,
}

/// Answers that AWS gives under load or to the wrong role, which the emulator never gives.
#[derive(Debug, Clone)]
pub struct Fault {
    /// The operation that fails: `DescribeServices`.
    pub operation: &'static str,
    /// How many calls of it succeed before.
    pub after: usize,
    /// How many then fail.
    pub times: usize,
    /// The status of the answer; 0 for none: the connection is closed after the call was read.
    pub status: u16,
    /// The code of the error: `ThrottlingException`.
    pub code: &'static str,
}

impl AwsProxy {
    /// Starts it on a free port. It ends with the test's process.
    pub fn start() -> Self {
        Self::failing(&[])
    }

    /// Starts it with faults.
    pub fn failing(faults: &[Fault]) -> Self {
        Self::with(State { faults: faults.to_vec(), ..State::default() })
    }

    /// Starts it so that the first call of each of these operations is done, and its answer is lost.
    pub fn losing_answers(operations: &[&'static str]) -> Self {
        Self::with(State { lost: operations.to_vec(), ..State::default() })
    }

    /// Starts it so that it changes answers.
    pub fn rewriting(rewrites: &[Rewrite]) -> Self {
        Self::with(State { rewrites: rewrites.to_vec(), ..State::default() })
    }

    fn with(state: State) -> Self {
        let upstream = testbed_env()["AWS_ENDPOINT_URL"].trim_start_matches("http://").to_owned();
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let state = Arc::new(Mutex::new(state));
        let shared = Arc::clone(&state);
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let (state, upstream) = (Arc::clone(&shared), upstream.clone());
                // A client that goes away in the middle is its own business.
                std::thread::spawn(move || _ = forward(client, &upstream, &state));
            }
        });
        Self { url, state }
    }

    /// Its address, for `AWS_ENDPOINT_URL`.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The operations that were called, in order: `DescribeServices`, ...
    pub fn calls(&self) -> Vec<String> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).calls.clone()
    }

    /// The calls that are no reads.
    pub fn writes(&self) -> Vec<String> {
        let reads = ["Describe", "Get", "List", "BatchGet", "Head"];
        let is_write = |call: &String| !reads.iter().any(|read| call.starts_with(read));
        self.calls().into_iter().filter(is_write).collect()
    }
}

/// Passes one request on, and its answer back. One request a connection keeps it simple.
fn forward(mut client: TcpStream, upstream: &str, state: &Mutex<State>) -> std::io::Result<()> {
    let mut reader = BufReader::new(client.try_clone()?);
    let mut head = String::new();
    let mut length = 0;
    let mut operation = None;
    let mut is_lost = false;
    let mut rewrite = None;
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line)? == 0 {
            return Ok(());
        }
        let lower = line.to_ascii_lowercase();
        if let Some(value) = lower.strip_prefix("content-length:") {
            length = value.trim().parse().unwrap_or(0);
        } else if lower.starts_with("x-amz-target:") {
            operation = line.trim().rsplit('.').next().map(str::to_owned);
        }
        if line.trim().is_empty() {
            break;
        }
        if !lower.starts_with("connection:") {
            head.push_str(&line);
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    // The query protocol (CloudFormation, STS) names the operation in its form.
    let form = String::from_utf8_lossy(&body);
    let from_form = form.split('&').find_map(|pair| pair.strip_prefix("Action="));
    let request_line = head.lines().next().unwrap_or_default();
    let from_path = || rest_operation(request_line);
    if let Some(operation) = operation.as_deref().or(from_form).or_else(from_path) {
        let mut state = state.lock().unwrap_or_else(PoisonError::into_inner);
        let before = state.calls.iter().filter(|call| *call == operation).count();
        state.calls.push(operation.to_owned());
        let fault = state.faults.iter().find(|fault| {
            let affected = fault.after..fault.after + fault.times;
            fault.operation == operation && affected.contains(&before)
        });
        if let Some(fault) = fault {
            if fault.status == 0 {
                return client.shutdown(std::net::Shutdown::Both);
            }
            return client.write_all(fault.answer(from_form.is_some()).as_bytes());
        }
        is_lost = before == 0 && state.lost.contains(&operation);
        let affected = |one: &&Rewrite| one.operation == operation && before >= one.after;
        rewrite = state.rewrites.iter().find(affected).copied();
    }
    let mut server = TcpStream::connect(upstream)?;
    server.write_all(format!("{head}Connection: close\r\n\r\n").as_bytes())?;
    server.write_all(&body)?;
    if is_lost {
        // It is read to its end, so that it is sure that the call was done.
        std::io::copy(&mut server, &mut std::io::sink())?;
        return client.shutdown(std::net::Shutdown::Both);
    }
    if let Some(rewrite) = rewrite {
        let mut answer = String::new();
        server.read_to_string(&mut answer)?;
        client.write_all(rewrite.apply(&answer).as_bytes())?;
    } else {
        std::io::copy(&mut server, &mut &client)?;
    }
    client.shutdown(std::net::Shutdown::Both)
}

/// The operations whose errors are XML.
const S3: [&str; 6] = [
    "HeadObject",
    "CreateMultipartUpload",
    "CompleteMultipartUpload",
    "UploadPart",
    "ListMultipartUploads",
    "ListParts",
];

impl Rewrite {
    /// The answer with another body, and the length of that.
    fn apply(&self, answer: &str) -> String {
        let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((answer, ""));
        let body = body.replace(self.from, self.to);
        let is_kept = |line: &&str| !line.to_ascii_lowercase().starts_with("content-length:");
        let head: Vec<&str> = head.lines().filter(is_kept).collect();
        format!("{}\r\nContent-Length: {}\r\n\r\n{body}", head.join("\r\n"), body.len())
    }
}

/// The operation of a request of Lambda, S3 or CloudWatch, which name it by method and path.
fn rest_operation(request_line: &str) -> Option<&'static str> {
    let (method, rest) = request_line.split_once(' ')?;
    let target = rest.split(' ').next()?;
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let has = |name: &str| query.split('&').any(|pair| pair.split('=').next() == Some(name));
    let parts: Vec<&str> = path.trim_matches('/').split('/').collect();
    Some(match (method, parts.as_slice()) {
        ("POST", [_, "functions"]) => "CreateFunction",
        ("GET", [_, "functions", _]) => "GetFunction",
        ("DELETE", [_, "functions", _]) => "DeleteFunction",
        ("GET", [_, "functions", _, "configuration"]) => "GetFunctionConfiguration",
        ("PUT", [_, "functions", _, "code"]) => "UpdateFunctionCode",
        ("PUT", [_, "functions", _, "configuration"]) => "UpdateFunctionConfiguration",
        ("POST", [_, "functions", _, "versions"]) => "PublishVersion",
        ("GET", [_, "functions", _, "versions"]) => "ListVersionsByFunction",
        ("POST", [_, "functions", _, "invocations"]) => "Invoke",
        ("POST", [_, "functions", _, "aliases"]) => "CreateAlias",
        ("GET", [_, "functions", _, "aliases"]) => "ListAliases",
        ("GET", [_, "functions", _, "aliases", _]) => "GetAlias",
        ("PUT", [_, "functions", _, "aliases", _]) => "UpdateAlias",
        ("POST", [_, "layers", _, "versions"]) => "PublishLayerVersion",
        ("GET", [_, "layers", _, "versions"]) => "ListLayerVersions",
        ("GET", [_, "layers", _, "versions", _]) => "GetLayerVersion",
        ("DELETE", [_, "layers", _, "versions", _]) => "DeleteLayerVersion",
        ("POST", ["service", _, "operation", "GetMetricData"]) => "GetMetricData",
        ("HEAD", [_, _, ..]) => "HeadObject",
        ("POST", [_, _, ..]) if has("uploads") => "CreateMultipartUpload",
        ("POST", [_, _, ..]) if has("uploadId") => "CompleteMultipartUpload",
        ("PUT", [_, _, ..]) if has("partNumber") => "UploadPart",
        ("GET", [_]) if has("uploads") => "ListMultipartUploads",
        ("GET", [_, _, ..]) if has("uploadId") => "ListParts",
        _ => return None,
    })
}

impl Fault {
    fn xml(&self) -> String {
        format!("<Error><Code>{}</Code><Message>injected</Message></Error>", self.code)
    }

    /// The answer in the protocol of the service: query (XML), that of S3 (XML) or JSON.
    fn answer(&self, is_query: bool) -> String {
        let (kind, body) = if is_query {
            ("text/xml", format!("<ErrorResponse>{}</ErrorResponse>", self.xml()))
        } else if S3.contains(&self.operation) {
            ("application/xml", self.xml())
        } else {
            let body = serde_json::json!({ "__type": self.code, "message": "injected" });
            ("application/x-amz-json-1.1", body.to_string())
        };
        format!(
            "HTTP/1.1 {} injected\r\nContent-Type: {kind}\r\nContent-Length: {}\r\n\
             Connection: close\r\n\r\n{body}",
            self.status,
            body.len()
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn operations_of_rest_are_told_by_method_and_path() {
        let line = |line: &str| rest_operation(&format!("{line} HTTP/1.1"));
        assert_eq!(line("GET /2015-03-31/functions/a?Qualifier=live"), Some("GetFunction"));
        assert_eq!(line("PUT /2015-03-31/functions/a/aliases/live"), Some("UpdateAlias"));
        assert_eq!(line("PUT /b/upload-lambda/k.zip?partNumber=1&uploadId=x"), Some("UploadPart"));
        assert_eq!(line("GET /b?prefix=k&uploads"), Some("ListMultipartUploads"));
        assert_eq!(line("POST /"), None);
    }
}
