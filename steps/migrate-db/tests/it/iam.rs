//! IAM tokens, at a server that asks for the password in clear, as RDS does, and hands the session
//! on to the testbed's PostgreSQL.

use std::io;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use postgres_protocol::authentication::sasl::{ChannelBinding, ScramSha256};
use postgres_protocol::message::frontend;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use step_testkit::{Project, fresh_account};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

use crate::support::{Database, WithMigration, run, variable, wait};

/// What the server does with a password.
#[derive(Debug, Clone, Copy)]
enum Answer {
    Accept,
    Deny,
    /// It starts up, and accepts from then on.
    AcceptAfter(Duration),
}

/// A server like one of RDS with IAM.
struct Rds {
    port: u16,
    tokens: Arc<Mutex<Vec<String>>>,
}

impl Rds {
    fn start(answer: Answer) -> Self {
        let tokens = Arc::default();
        let (told, port) = std::sync::mpsc::channel();
        std::thread::spawn({
            let tokens = Arc::clone(&tokens);
            move || {
                wait(async {
                    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
                    told.send(listener.local_addr().unwrap().port()).unwrap();
                    let (acceptor, start) = (TlsAcceptor::from(Arc::new(config())), Instant::now());
                    loop {
                        let (client, _) = listener.accept().await.unwrap();
                        let (acceptor, tokens) = (acceptor.clone(), Arc::clone(&tokens));
                        // A client that goes away in the middle is its own business.
                        tokio::spawn(async move {
                            serve(client, acceptor, answer, start, &tokens).await
                        });
                    }
                });
            }
        });
        Self { port: port.recv().unwrap(), tokens }
    }

    fn tokens(&self) -> Vec<String> {
        self.tokens.lock().unwrap().clone()
    }

    fn url(&self, database: &Database) -> String {
        format!("postgres://app@127.0.0.1:{}/{}?sslmode=verify-full", self.port, database.name)
    }
}

fn config() -> rustls::ServerConfig {
    let folder = std::path::PathBuf::from(variable("LANDFALL_TEST_CA"));
    let certificate = CertificateDer::from_pem_file(folder.with_file_name("server.pem")).unwrap();
    let key = PrivateKeyDer::from_pem_file(folder.with_file_name("server.key")).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder = rustls::ServerConfig::builder_with_provider(provider);
    let builder = builder.with_safe_default_protocol_versions().unwrap().with_no_client_auth();
    builder.with_single_cert(vec![certificate], key).unwrap()
}

async fn serve(
    mut client: TcpStream,
    acceptor: TlsAcceptor,
    answer: Answer,
    start: Instant,
    tokens: &Mutex<Vec<String>>,
) -> io::Result<()> {
    client.read_exact(&mut [0; 8]).await?; // SSLRequest
    client.write_all(b"S").await?;
    let mut client = acceptor.accept(client).await?;
    let startup = body(&mut client).await?;
    let words: Vec<&[u8]> = startup[4..].split(|byte| *byte == 0).collect();
    let database = words.chunks(2).find(|pair| pair[0] == b"database").unwrap()[1];
    let database = String::from_utf8(database.to_vec()).unwrap();
    client.write_all(b"R\0\0\0\x08\0\0\0\x03").await?; // AuthenticationCleartextPassword
    client.read_u8().await?;
    let password = body(&mut client).await?;
    tokens.lock().unwrap().push(String::from_utf8_lossy(&password[..password.len() - 1]).into());
    let refusal = match answer {
        Answer::Deny => Some(("28000", "PAM authentication failed for user \"app\"")),
        Answer::AcceptAfter(time) if start.elapsed() < time => {
            Some(("57P03", "the database system is starting up"))
        }
        Answer::Accept | Answer::AcceptAfter(_) => None,
    };
    if let Some((code, message)) = refusal {
        let fields = format!("SFATAL\0VFATAL\0C{code}\0M{message}\0\0");
        client.write_u8(b'E').await?;
        client.write_u32(u32::try_from(fields.len()).unwrap() + 4).await?;
        client.write_all(fields.as_bytes()).await?;
        return client.shutdown().await;
    }
    let mut server = log_in(&database).await?;
    client.write_all(b"R\0\0\0\x08\0\0\0\0").await?; // AuthenticationOk
    tokio::io::copy_bidirectional(&mut client, &mut server).await.map(drop)
}

/// A session of the testbed's superuser, up to its acceptance.
async fn log_in(database: &str) -> io::Result<TcpStream> {
    let url = variable("LANDFALL_TEST_POSTGRES_URL");
    let (user, rest) = url.trim_start_matches("postgres://").split_once(':').unwrap();
    let (password, rest) = rest.split_once('@').unwrap();
    let mut server = TcpStream::connect(rest.split_once('/').unwrap().0).await?;
    let mut scram = ScramSha256::new(password.as_bytes(), ChannelBinding::unsupported());
    let mut out = Default::default();
    frontend::startup_message([("user", user), ("database", database)], &mut out)?;
    server.write_all(&out).await?;
    loop {
        assert_eq!(server.read_u8().await?, b'R');
        let message = body(&mut server).await?;
        let (kind, data) = message.split_at(4);
        out.clear();
        match kind[3] {
            0 => return Ok(server),
            10 => frontend::sasl_initial_response("SCRAM-SHA-256", scram.message(), &mut out)?,
            11 => {
                scram.update(data)?;
                frontend::sasl_response(scram.message(), &mut out)?;
            }
            12 => scram.finish(data)?,
            other => panic!("the server asks for {other}"),
        }
        server.write_all(&out).await?;
    }
}

/// The rest of a message, after its length.
async fn body(stream: &mut (impl AsyncRead + AsyncWrite + Unpin)) -> io::Result<Vec<u8>> {
    let length = stream.read_u32().await?;
    let mut body = vec![0; length as usize - 4];
    stream.read_exact(&mut body).await?;
    Ok(body)
}

fn project(account: &str, url: &str) -> Project {
    let config =
        format!("[env.dev]\naccount = \"{account}\"\n[env.dev.migrate-db]\ndatabase_iam = true\n");
    Project::new()
        .with_aws(account)
        .with_env("LANDFALL_ENV", "dev")
        .with_env("LANDFALL_DATABASE_CA", &variable("LANDFALL_TEST_CA"))
        .with_env("LANDFALL_DATABASE_URL", url)
        .with_file("landfall.toml", &config)
        .with("V1__a.sql", "CREATE TABLE a (id int);")
}

#[test]
fn a_token_is_the_password_of_every_connection_and_is_in_no_output() {
    let (database, rds, account) = (Database::new(), Rds::start(Answer::Accept), fresh_account());
    let ran = run(&project(&account, &rds.url(&database)), &["-vv"]).expect(0);
    assert_eq!(database.history(), ["V1__a"]);
    let tokens = rds.tokens();
    assert_eq!(tokens.len(), 2, "the second connection looks for a pooler");
    for token in tokens {
        let begin = format!("127.0.0.1:{}/?Action=connect&DBUser=app&", rds.port);
        assert!(token.starts_with(&begin), "{token}");
        assert!(token.contains("&X-Amz-Expires=900&"), "{token}");
        assert!(token.contains(&format!("Credential={account}%2F")), "{token}");
        assert!(token.contains("%2Feu-central-1%2Frds-db%2Faws4_request"), "{token}");
        let (_, signature) = token.rsplit_once("X-Amz-Signature=").unwrap();
        assert!(signature.len() == 64 && !ran.stderr.contains(signature), "{}", ran.stderr);
    }
}

#[test]
fn each_attempt_to_connect_has_a_token_of_its_own() {
    let rds = Rds::start(Answer::AcceptAfter(Duration::from_millis(2500)));
    let database = Database::new();
    run(&project(&fresh_account(), &rds.url(&database)), &["--wait-for-db", "30s"]).expect(0);
    let mut tokens = rds.tokens();
    assert!(tokens.len() > 3, "{tokens:?}");
    tokens.dedup();
    // Their time is told in seconds.
    assert!(tokens.len() >= 2, "{tokens:?}");
}

#[test]
fn a_token_that_is_not_accepted_ends_with_4_and_what_is_to_be_allowed() {
    let (database, rds) = (Database::new(), Rds::start(Answer::Deny));
    run(&project(&fresh_account(), &rds.url(&database)), &["--wait-for-db", "30s"])
        .expect(4)
        .says("PAM authentication failed")
        .says("allow rds-db:connect")
        .says("grant rds_iam");
    assert_eq!(rds.tokens().len(), 1, "it is not tried again");
}

#[test]
fn a_url_that_an_iam_token_does_not_fit_ends_with_2_before_aws_is_asked() {
    for (url, said) in [
        ("postgres://app:hunter2hunter2@127.0.0.1/x?sslmode=verify-full", "holds a password"),
        ("postgres://app@127.0.0.1/x?sslmode=disable", "only TLS may carry it"),
        ("sqlite:app.db", "a SQLite file"),
    ] {
        // Without credentials of any kind.
        let project =
            project("111111111111", url).with_env("AWS_ENDPOINT_URL", "http://127.0.0.1:1");
        let ran = run(&project, &[]).expect(2).says(said);
        assert!(!ran.stderr.contains("hunter2"), "{}", ran.stderr);
    }
    let project = project("111111111111", "sqlite:app.db");
    run(&project, &["--database-iam=false"]).expect(0);
}

#[test]
fn the_account_is_looked_at_before_a_token_is_made() {
    let (database, rds) = (Database::new(), Rds::start(Answer::Accept));
    let project = project(&fresh_account(), &rds.url(&database));
    let project = project.with_env("AWS_ACCESS_KEY_ID", "222222222222");
    run(&project, &[]).expect(8).says("belong to 222222222222");
    assert_eq!(rds.tokens(), [] as [&str; 0]);
}
