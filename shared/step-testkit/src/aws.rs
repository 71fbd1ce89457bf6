//! The local AWS: accounts of one's own, and a proxy that counts.

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
    calls: Arc<Mutex<Vec<String>>>,
}

impl AwsProxy {
    /// Starts it on a free port. It ends with the test's process.
    pub fn start() -> Self {
        let upstream = testbed_env()["AWS_ENDPOINT_URL"].trim_start_matches("http://").to_owned();
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let calls = Arc::new(Mutex::new(Vec::new()));
        let noted = Arc::clone(&calls);
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let (noted, upstream) = (Arc::clone(&noted), upstream.clone());
                // A client that goes away in the middle is its own business.
                std::thread::spawn(move || _ = forward(client, &upstream, &noted));
            }
        });
        Self { url, calls }
    }

    /// Its address, for `AWS_ENDPOINT_URL`.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The operations that were called, in order: `DescribeServices`, ...
    pub fn calls(&self) -> Vec<String> {
        self.calls.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The calls that are no reads.
    pub fn writes(&self) -> Vec<String> {
        let reads = ["Describe", "Get", "List", "BatchGet"];
        let is_write = |call: &String| !reads.iter().any(|read| call.starts_with(read));
        self.calls().into_iter().filter(is_write).collect()
    }
}

/// Passes one request on, and its answer back. One request a connection keeps it simple.
fn forward(client: TcpStream, upstream: &str, calls: &Mutex<Vec<String>>) -> std::io::Result<()> {
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
        calls.lock().unwrap_or_else(PoisonError::into_inner).push(operation.to_owned());
    }
    let mut server = TcpStream::connect(upstream)?;
    server.write_all(format!("{head}Connection: close\r\n\r\n").as_bytes())?;
    server.write_all(&body)?;
    std::io::copy(&mut server, &mut &client)?;
    client.shutdown(std::net::Shutdown::Both)
}
