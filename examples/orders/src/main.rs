//! The example service: serves the API until it is told to end.

use std::error::Error;
use std::process::ExitCode;

use clap::Parser;
use orders::Database;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use utoipa::OpenApi;

/// Orders over HTTP.
#[derive(Parser)]
#[command(version, after_help = "With --openapi it prints the description of its API, and ends.")]
struct Args {
    /// Address to listen on.
    #[arg(long, env = "LISTEN", default_value = "0.0.0.0:8080")]
    listen: String,

    /// Where the orders are: postgres://USER:PASSWORD@HOST:PORT/DATABASE. TLS is verified, unless
    /// it ends with ?sslmode=disable. Give it as the variable: everybody sees a command line.
    #[arg(long, env = "DATABASE_URL", hide_env_values = true)]
    database_url: String,

    /// The commit that this service was built from; /healthz tells it.
    #[arg(long, env = "REVISION", default_value = "unknown")]
    revision: String,

    /// Fail at start, to see what a delivery does then.
    #[arg(long, env = "CRASH", default_value = "")]
    crash: String,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<ExitCode, Box<dyn Error>> {
    // Before anything that wants a database.
    openapi_export::print_if_asked(orders::Api::openapi);
    let args = Args::parse();
    if !args.crash.is_empty() {
        eprintln!("CRASH is set: the service ends at once, as it was told to");
        return Ok(ExitCode::from(42));
    }
    let database = Database::new(&args.database_url)?;
    let listener = TcpListener::bind(&args.listen).await?;
    println!("listening on {}, revision {}", args.listen, args.revision);
    axum::serve(listener, orders::router(args.revision, database))
        .with_graceful_shutdown(told_to_end())
        .await?;
    Ok(ExitCode::SUCCESS)
}

/// ECS sends SIGTERM, and kills 30 s later.
async fn told_to_end() {
    match signal(SignalKind::terminate()) {
        Ok(mut terminate) => _ = terminate.recv().await,
        Err(_) => std::future::pending().await,
    }
}
