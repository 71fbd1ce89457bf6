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
        let upstream = testbed_env()["AWS_ENDPOINT_URL"].trim_start_matches("http://").to_owned();
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let state = State { calls: Vec::new(), faults: faults.to_vec() };
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
        let reads = ["Describe", "Get", "List", "BatchGet"];
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
    if let Some(operation) = operation.as_deref().or(from_form) {
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
    }
    let mut server = TcpStream::connect(upstream)?;
    server.write_all(format!("{head}Connection: close\r\n\r\n").as_bytes())?;
    server.write_all(&body)?;
    std::io::copy(&mut server, &mut &client)?;
    client.shutdown(std::net::Shutdown::Both)
}

impl Fault {
    /// The answer in the protocol of the service: query (XML) or JSON.
    fn answer(&self, is_query: bool) -> String {
        let (kind, body) = if is_query {
            let error = format!("<Code>{}</Code><Message>injected</Message>", self.code);
            ("text/xml", format!("<ErrorResponse><Error>{error}</Error></ErrorResponse>"))
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
