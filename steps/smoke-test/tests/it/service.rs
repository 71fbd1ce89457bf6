//! A service to test, and the step in a folder of its own.

use std::future::pending;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::{Output, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use regex::Regex;
use serde_json::Value;
use tempfile::TempDir;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::process::{Child, Command};
use tokio::time::{sleep, timeout};
use tokio_rustls::TlsAcceptor;

/// What the service answers.
#[derive(Clone)]
pub(crate) enum Reply {
    /// Status, and the body.
    Say(u16, String),
    /// The headers, each with its line break, and the body; the status is 200.
    Raw(String, Vec<u8>),
    /// A redirect: its status, and where to.
    Go(u16, String),
    /// A body of so many megabytes.
    Flood(usize),
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
    seen: Arc<Mutex<Vec<String>>>,
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
        Self::serve(listener, None, answer)
    }

    /// Speaks TLS.
    pub(crate) async fn start_tls(
        acceptor: TlsAcceptor,
        answer: impl Fn(&str, usize) -> Reply + Send + Sync + 'static,
    ) -> Self {
        Self::serve(TcpListener::bind("127.0.0.1:0").await.unwrap(), Some(acceptor), answer)
    }

    fn serve(
        listener: TcpListener,
        acceptor: Option<TlsAcceptor>,
        answer: impl Fn(&str, usize) -> Reply + Send + Sync + 'static,
    ) -> Self {
        let port = listener.local_addr().unwrap().port();
        let seen = Arc::<Mutex<Vec<String>>>::default();
        let (all, answer) = (seen.clone(), Arc::new(answer));
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (all, answer, acceptor) = (all.clone(), answer.clone(), acceptor.clone());
                let answer = move |path: &str, request: String| {
                    let mut all = all.lock().unwrap();
                    all.push(request);
                    answer(path, all.len() - 1)
                };
                tokio::spawn(async move {
                    match acceptor {
                        Some(acceptor) => serve(acceptor.accept(stream).await.ok()?, answer).await,
                        None => serve(stream, answer).await,
                    }
                });
            }
        });
        Self { port, seen }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// The requests that came, with their bodies.
    pub(crate) fn seen(&self) -> Vec<String> {
        self.seen.lock().unwrap().clone()
    }

    /// How many requests came.
    pub(crate) fn asked(&self) -> usize {
        self.seen.lock().unwrap().len()
    }

    /// Waits until so many requests came.
    pub(crate) async fn wait_for(&self, requests: usize) {
        let come = async {
            while self.asked() < requests {
                sleep(Duration::from_millis(20)).await;
            }
        };
        timeout(Duration::from_secs(30), come).await.unwrap();
    }
}

async fn serve(
    mut stream: impl AsyncRead + AsyncWrite + Unpin,
    answer: impl Fn(&str, String) -> Reply,
) -> Option<()> {
    let mut head = Vec::new();
    while !head.windows(4).any(|end| end == b"\r\n\r\n") {
        head.push(stream.read_u8().await.ok()?);
    }
    let head = String::from_utf8(head).ok()?;
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
    let mut body = vec![0; length.map_or(0, |length| length.parse().unwrap())];
    stream.read_exact(&mut body).await.ok()?;
    let path = head.split(' ').nth(1)?.to_owned();
    let raw = match answer(&path, head + &String::from_utf8_lossy(&body)) {
        Reply::Say(status, body) => format!(
            "HTTP/1.1 {status} X\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\
             connection: close\r\n\r\n{body}",
            body.len()
        )
        .into_bytes(),
        Reply::Raw(headers, body) => {
            let length = body.len();
            let head = format!("HTTP/1.1 200 X\r\n{headers}content-length: {length}\r\n\r\n");
            [head.into_bytes(), body].concat()
        }
        Reply::Go(status, place) => format!(
            "HTTP/1.1 {status} X\r\nlocation: {place}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
        )
        .into_bytes(),
        Reply::Flood(megabytes) => {
            let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n", megabytes << 20);
            stream.write_all(head.as_bytes()).await.ok()?;
            for _ in 0..megabytes {
                stream.write_all(&vec![b'x'; 1 << 20]).await.ok()?;
            }
            return Some(());
        }
        Reply::Hang => return pending().await,
        Reply::HangInBody => {
            stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhalf").await.ok()?;
            return pending().await;
        }
    };
    stream.write_all(&raw).await.ok()?;
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
        self.path(name).exists()
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub(crate) fn junit(&self) -> String {
        self.read(".landfall/smoke-test.junit.xml")
    }

    /// Writes a program.
    pub(crate) fn write_program(&self, name: &str, script: &str) {
        self.write(name, &format!("#!/bin/sh\n{script}\n"));
        let path = self.0.path().join(name);
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755)).unwrap();
    }

    /// Starts the step with nothing but these arguments: no variable gets in.
    pub(crate) fn spawn(&self, args: &[&str]) -> Child {
        self.spawn_with(args, &[])
    }

    /// The same with variables. `PATH` is the project's `bin` and the system's own.
    pub(crate) fn spawn_with(&self, args: &[&str], variables: &[(&str, &str)]) -> Child {
        let bin = self.0.path().join("bin");
        Command::new(env!("CARGO_BIN_EXE_smoke-test"))
            .args(args)
            .current_dir(self.0.path())
            .env_clear()
            .env("PATH", format!("{}:/usr/bin:/bin", bin.display()))
            .envs(variables.iter().copied())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap()
    }

    pub(crate) async fn run(&self, args: &[&str]) -> Run {
        self.run_with(args, &[]).await
    }

    pub(crate) async fn run_with(&self, args: &[&str], variables: &[(&str, &str)]) -> Run {
        Run::of(self.spawn_with(args, variables).wait_with_output().await.unwrap())
    }

    /// All that the step leaves behind.
    pub(crate) fn files(&self) -> String {
        let file = |name| self.read(&format!(".landfall/{name}"));
        ["smoke-test.junit.xml", "smoke-test.html", "verdict.json"].map(file).concat()
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
