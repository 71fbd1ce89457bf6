//! A server that crashes in the middle: what it had committed without flushing is lost.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use step_testkit::Project;
use tempfile::TempDir;
use tokio_postgres::NoTls;

use crate::support::{WithMigration, run, wait};

/// A PostgreSQL of the test's own, which flushes its log as one in production does.
struct Server {
    folder: TempDir,
    port: u16,
    process: Child,
}

impl Server {
    fn new() -> Self {
        // Where the server's user, which is not root, gets to it.
        let folder = tempfile::tempdir_in("/tmp").unwrap();
        let everybody = Command::new("chmod").arg("777").arg(folder.path()).status();
        assert!(everybody.unwrap().success());
        let data = folder.path().join("data");
        let made = as_nobody("initdb", &data)
            .args(["--auth=trust", "--username=app", "--no-sync"])
            .stdout(Stdio::null())
            .status();
        assert!(made.unwrap().success());
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let process = start(&data, port);
        Self { folder, port, process }
    }

    fn url(&self) -> String {
        format!("postgres://app@127.0.0.1:{}/postgres", self.port)
    }

    /// All of its processes end at once, and nothing is flushed; then it starts again.
    fn crash(&mut self) {
        let quit = Command::new("kill").args(["-QUIT", &self.process.id().to_string()]).status();
        assert!(quit.unwrap().success());
        self.process.wait().unwrap();
        self.process = start(&self.folder.path().join("data"), self.port);
    }

    fn texts(&self, sql: &str) -> Vec<String> {
        wait(async {
            let (client, connection) = tokio_postgres::connect(&self.url(), NoTls).await.unwrap();
            tokio::spawn(connection);
            client.query(sql, &[]).await.unwrap().iter().map(|row| row.get(0)).collect()
        })
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ended = Command::new("kill").args(["-QUIT", &self.process.id().to_string()]).status();
        let _ended = self.process.wait();
    }
}

fn start(data: &Path, port: u16) -> Child {
    let mut server = as_nobody("postgres", data);
    server.arg("-p").arg(port.to_string());
    // The log's own writer comes late, so that more is lost.
    server.args(["-k", "", "-h", "127.0.0.1", "-c", "wal_writer_delay=10s"]);
    server.stderr(Stdio::null()).spawn().unwrap()
}

/// A program of PostgreSQL with its data. It refuses to run as root.
fn as_nobody(program: &str, data: &Path) -> Command {
    let is_root = std::fs::metadata("/proc/self")
        .is_ok_and(|it| std::os::unix::fs::MetadataExt::uid(&it) == 0);
    let program = bin().join(program);
    let mut command = if is_root {
        let mut command = Command::new("setpriv");
        command.args(["--reuid=65534", "--regid=65534", "--clear-groups"]).arg(program);
        command
    } else {
        Command::new(program)
    };
    command.arg("-D").arg(data).current_dir("/");
    command
}

/// The folder of the newest PostgreSQL: that in the PATH, or Debian's.
fn bin() -> PathBuf {
    let path = std::env::vars().find(|(name, _)| name == "PATH").unwrap().1;
    let in_path = path.split(':').map(PathBuf::from).find(|folder| folder.join("initdb").is_file());
    let debian = || {
        let versions = std::fs::read_dir("/usr/lib/postgresql").ok()?.flatten();
        versions.map(|version| version.path().join("bin")).max()
    };
    in_path.or_else(debian).expect("PostgreSQL is missing: run `make up-pipeline`")
}

#[test]
fn a_server_that_crashes_keeps_each_migration_whole_or_not_at_all() {
    let mut server = Server::new();
    let project = Project::new().with_env("DATABASE_URL", &server.url());
    let project = (1..=300).fold(project, |project, n| {
        let sql = format!("CREATE TABLE t{n} (id int);\nSELECT pg_sleep(0.01);\n");
        project.with(&format!("V{n}__t{n}.sql"), &sql)
    });
    let tables = "SELECT relname::text FROM pg_class WHERE relname ~ '^t[0-9]+$' ORDER BY 1";
    let names = "SELECT name FROM refinery_schema_history ORDER BY 1";
    run(&project, &["--wait-for-db", "30s", "--target", "3"]).expect(0);
    let mut is_done = false;
    for millis in [150, 300, 450] {
        let mut step = project.start("migrate-db", &["--wait-for-db", "30s"]);
        step.wait_for("applied V");
        wait(async { tokio::time::sleep(Duration::from_millis(millis)).await });
        server.crash();
        let ran = step.signal("CONT");
        is_done |= ran.code == Some(0);
        if ran.code != Some(0) {
            assert_eq!(ran.code, Some(4), "{}", ran.stderr);
        }
        run(&project, &["status", "--wait-for-db", "30s"]).expect(0);
        assert_eq!(server.texts(tables), server.texts(names));
        // What a run that came to its end has applied is on the disk.
        assert!(server.texts(names).len() >= 3);
    }
    assert!(!is_done, "no crash hit");
    run(&project, &[]).expect(0);
    server.crash();
    run(&project, &["status", "--check", "--wait-for-db", "30s"]).expect(0);
    assert_eq!(server.texts(names).len(), 300);
    assert_eq!(server.texts(tables), server.texts(names));
}
