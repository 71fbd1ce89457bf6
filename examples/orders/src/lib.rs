//! The API of the example service.

mod database;

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::get;
use axum::{Json, Router};
use serde::Serialize;
use utoipa::{OpenApi, ToSchema};

pub use database::Database;
use database::Order;

/// All routes.
pub fn router(revision: String, database: Database) -> Router {
    Router::new()
        .route("/healthz", get(health))
        .with_state(revision)
        .route("/orders", get(orders))
        .with_state(Arc::new(database))
        .route("/openapi.json", get(async || Json(Api::openapi())))
}

/// The description of the API.
#[derive(OpenApi)]
#[openapi(
    info(
        title = "orders",
        description = "Orders over HTTP",
        contact(name = "The team of orders"),
        license(name = "MIT OR Apache-2.0", identifier = "MIT OR Apache-2.0"),
    ),
    servers((url = "/", description = "Where the description was got")),
    tags(
        (name = "operations", description = "For those who run the service"),
        (name = "orders", description = "What was ordered"),
    ),
    paths(health, orders)
)]
pub struct Api;

/// What the service says of itself.
#[derive(Serialize, ToSchema)]
struct Health {
    status: &'static str,
    /// The commit that it was built from.
    revision: String,
}

/// What went wrong.
#[derive(Serialize, ToSchema)]
struct Problem {
    error: &'static str,
}

/// Whether the process runs
#[utoipa::path(get, path = "/healthz", tag = "operations", responses(
    (status = 200, body = Health, description = "It runs"),
))]
async fn health(State(revision): State<String>) -> Json<Health> {
    // Of this process alone. Were the database asked here, the load balancer would end every task as
    // soon as the database is away, and new ones would not help.
    Json(Health { status: "ok", revision })
}

/// All orders
#[utoipa::path(get, path = "/orders", tag = "orders", responses(
    (status = 200, body = [Order], description = "The orders by their numbers"),
    (status = 503, body = Problem, description = "The database does not answer"),
))]
async fn orders(
    State(database): State<Arc<Database>>,
) -> Result<Json<Vec<Order>>, (StatusCode, Json<Problem>)> {
    match database.orders().await {
        Ok(orders) => Ok(Json(orders)),
        Err(err) => {
            // The log is for the team, the answer for everybody.
            let causes = std::iter::successors(err.source(), |err| err.source());
            let causes: String = causes.map(|cause| format!(": {cause}")).collect();
            eprintln!("cannot read the orders: {err}{causes}");
            let problem = Problem { error: "the database does not answer" };
            Err((StatusCode::SERVICE_UNAVAILABLE, Json(problem)))
        }
    }
}

#[cfg(test)]
mod tests {
    use axum::body::Body;
    use axum::http::Request;
    use http_body_util::BodyExt;
    use serde_json::{Value, json};
    use tower::ServiceExt;

    use super::*;

    /// The answer of a service whose database is away: nobody listens on port 1.
    async fn get(path: &str) -> (StatusCode, Value) {
        let database = Database::new("postgres://orders:hidden@127.0.0.1:1/orders").unwrap();
        let request = Request::get(path).body(Body::empty()).unwrap();
        let answer = router("abc".to_owned(), database).oneshot(request).await.unwrap();
        let status = answer.status();
        let body = answer.into_body().collect().await.unwrap().to_bytes();
        (status, serde_json::from_slice(&body).unwrap())
    }

    #[tokio::test]
    async fn health_tells_the_revision_also_while_the_database_is_away() {
        let health = json!({ "status": "ok", "revision": "abc" });
        assert_eq!(get("/healthz").await, (StatusCode::OK, health));
    }

    #[tokio::test]
    async fn while_the_database_is_away_orders_are_unavailable() {
        let problem = json!({ "error": "the database does not answer" });
        assert_eq!(get("/orders").await, (StatusCode::SERVICE_UNAVAILABLE, problem));
    }

    #[tokio::test]
    async fn the_description_names_every_route() {
        let (_, api) = get("/openapi.json").await;
        let paths: Vec<&String> = api["paths"].as_object().unwrap().keys().collect();
        assert_eq!(paths, ["/healthz", "/orders"]);
    }
}
