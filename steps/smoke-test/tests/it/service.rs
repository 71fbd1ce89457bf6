//! A service to test, and the step in a folder of its own.

use std::future::pending;
use std::process::{Output, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use regex::Regex;
use serde_json::Value;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::process::{Child, Command};

/// What the service answers.
#[derive(Clone)]
pub(crate) enum Reply {
    /// Status, and the body.
    Say(u16, String),
    /// A redirect.
    Go(String),
    /// Nothing, for ever.
    Hang,
    /// The head of an answer, then nothing, for ever.
    HangInBody,
}

/// 200 with this body.
pub(crate) fn ok(body: &str) -> Reply {
    Reply::Say(200, body.to_owned())
}

/// An HTTP server that closes each connection after its answer.
pub(crate) struct Service {
    port: u16,
    asked: Arc<AtomicUsize>,
}

impl Service {
    /// Answers by path and by how many requests came before.
    pub(crate) async fn start(
        answer: impl Fn(&str, usize) -> Reply + Send + Sync + 'static,
    ) -> Self {
        Self::on(TcpListener::bind("127.0.0.1:0").await.unwrap(), answer)
    }

    pub(crate) fn on(
        listener: TcpListener,
        answer: impl Fn(&str, usize) -> Reply + Send + Sync + 'static,
    ) -> Self {
        let port = listener.local_addr().unwrap().port();
        let asked = Arc::new(AtomicUsize::new(0));
        let (counter, answer) = (asked.clone(), Arc::new(answer));
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (counter, answer) = (counter.clone(), answer.clone());
                tokio::spawn(serve(stream, move |path| {
                    answer(path, counter.fetch_add(1, Ordering::SeqCst))
                }));
            }
        });
        Self { port, asked }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// How many requests came.
    pub(crate) fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }
}

async fn serve(mut stream: TcpStream, answer: impl Fn(&str) -> Reply) -> Option<()> {
    let mut head = Vec::new();
    while !head.windows(4).any(|end| end == b"\r\n\r\n") {
        head.push(stream.read_u8().await.ok()?);
    }
    let head = String::from_utf8(head).ok()?;
    let raw = match answer(head.split(' ').nth(1)?) {
        Reply::Say(status, body) => format!(
            "HTTP/1.1 {status} X\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\
             connection: close\r\n\r\n{body}",
            body.len()
        ),
        Reply::Go(place) => format!(
            "HTTP/1.1 302 Found\r\nlocation: {place}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
        ),
        Reply::Hang => return pending().await,
        Reply::HangInBody => {
            stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhalf").await.ok()?;
            return pending().await;
        }
    };
    stream.write_all(raw.as_bytes()).await.ok()?;
    stream.shutdown().await.ok()
}

/// A port on which nothing listens.
pub(crate) async fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().port()
}

/// A folder to run the step in.
pub(crate) struct Project(TempDir);

impl Project {
    /// With a `smoke.toml`.
    pub(crate) fn new(checks: &str) -> Self {
        let project = Self(tempfile::tempdir().unwrap());
        project.write("smoke.toml", checks);
        project
    }

    pub(crate) fn write(&self, name: &str, content: &str) {
        let path = self.0.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, content).unwrap();
    }

    pub(crate) fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.0.path().join(name)).unwrap()
    }

    pub(crate) fn has(&self, name: &str) -> bool {
        self.0.path().join(name).exists()
    }

    pub(crate) fn junit(&self) -> String {
        self.read(".landfall/smoke-test.junit.xml")
    }

    /// Starts the step with nothing but these arguments: no variable gets in.
    pub(crate) fn spawn(&self, args: &[&str]) -> Child {
        Command::new(env!("CARGO_BIN_EXE_smoke-test"))
            .args(args)
            .current_dir(self.0.path())
            .env_clear()
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap()
    }

    pub(crate) async fn run(&self, args: &[&str]) -> Run {
        Run::of(self.spawn(args).wait_with_output().await.unwrap())
    }
}

/// How the step ended.
#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Run {
    pub(crate) fn of(output: Output) -> Self {
        let text = |bytes| String::from_utf8(bytes).unwrap();
        Self {
            code: output.status.code(),
            stdout: text(output.stdout),
            stderr: text(output.stderr),
        }
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap()
    }
}

/// Without what differs from run to run.
pub(crate) fn steady(text: &str) -> String {
    [
        (r"127\.0\.0\.1:\d+", "HOST"),
        (r"\d+ ms", "N ms"),
        (r"\d+(\.\d+)? s\b", "N s"),
        (r#"time="[0-9.]+""#, "time=\"N\""),
        (r"\d+ attempts?", "N attempts"),
    ]
    .iter()
    .fold(text.to_owned(), |text, (pattern, stand_in)| {
        Regex::new(pattern).unwrap().replace_all(&text, *stand_in).into_owned()
    })
}
