//! The orders in the database.

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use rustls::{ClientConfig, RootCertStore};
use serde::Serialize;
use tokio::sync::Mutex;
use tokio::time::timeout;
use tokio_postgres::config::SslMode;
use tokio_postgres::{Client, Config};
use tokio_postgres_rustls::MakeRustlsConnect;
use utoipa::ToSchema;

/// An order.
#[derive(Serialize, ToSchema)]
pub(crate) struct Order {
    id: i64,
    item: String,
    quantity: i32,
}

/// One connection, made when it is first needed and again when it was lost.
pub struct Database {
    config: Config,
    tls: MakeRustlsConnect,
    client: Mutex<Option<Arc<Client>>>,
}

/// Shorter than the patience of who asks.
const PATIENCE: Duration = Duration::from_secs(5);

impl Database {
    /// Takes the URL, and connects to nothing yet: the service starts without its database.
    ///
    /// # Errors
    /// The URL is not understood. What the driver says of it is kept back: it may quote a password.
    pub fn new(url: &str) -> Result<Self, &'static str> {
        // TLS is always verified here: the driver does not know the word for it.
        let url = url.replace("sslmode=verify-full", "sslmode=require");
        let mut config: Config = url
            .parse()
            .map_err(|_| "the database's URL is not postgres://USER:PASSWORD@HOST:PORT/DATABASE")?;
        if config.get_ssl_mode() == SslMode::Prefer {
            config.ssl_mode(SslMode::Require);
        }
        config.application_name("orders");
        let mut roots = RootCertStore::empty();
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        let tls = ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
        Ok(Self { config, tls: MakeRustlsConnect::new(tls), client: Mutex::default() })
    }

    /// All orders.
    pub(crate) async fn orders(&self) -> Result<Vec<Order>, Box<dyn Error + Send + Sync>> {
        let orders = timeout(PATIENCE, async {
            let client = self.client().await?;
            let rows = client.query("SELECT id, item, quantity FROM orders ORDER BY id", &[]);
            let order = |row: &tokio_postgres::Row| {
                Ok(Order {
                    id: row.try_get("id")?,
                    item: row.try_get("item")?,
                    quantity: row.try_get("quantity")?,
                })
            };
            rows.await?.iter().map(order).collect::<Result<Vec<_>, tokio_postgres::Error>>()
        });
        let orders = orders.await.map_err(Box::from).and_then(|orders| orders.map_err(Box::from));
        if orders.is_err() {
            // The next request tries another connection. Who holds the lock is making one.
            _ = self.client.try_lock().map(|mut client| client.take());
        }
        orders
    }

    async fn client(&self) -> Result<Arc<Client>, tokio_postgres::Error> {
        let mut slot = self.client.lock().await;
        if let Some(client) = slot.as_ref().filter(|client| !client.is_closed()) {
            return Ok(Arc::clone(client));
        }
        let (client, connection) = self.config.connect(self.tls.clone()).await?;
        tokio::spawn(async move {
            if let Err(err) = connection.await {
                eprintln!("the connection to the database is lost: {err}");
            }
        });
        Ok(Arc::clone(slot.insert(Arc::new(client))))
    }
}
