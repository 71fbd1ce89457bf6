//! The API of the example service.

use axum::extract::State;
use axum::routing::get;
use axum::{Json, Router};
use serde::Serialize;
use utoipa::{OpenApi, ToSchema};

/// All routes.
pub fn router(revision: String) -> Router {
    Router::new()
        .route("/healthz", get(health))
        .route("/orders", get(orders))
        .route("/openapi.json", get(async || Json(Api::openapi())))
        .with_state(revision)
}

/// The description of the API.
#[derive(OpenApi)]
#[openapi(info(title = "orders", description = "Orders over HTTP"), paths(health, orders))]
pub struct Api;

/// What the service says of itself.
#[derive(Serialize, ToSchema)]
struct Health {
    status: &'static str,
    /// The commit that it was built from.
    revision: String,
}

/// An order.
#[derive(Serialize, ToSchema)]
struct Order {
    id: u32,
    item: &'static str,
    quantity: u32,
}

#[utoipa::path(get, path = "/healthz", responses((status = 200, body = Health)))]
async fn health(State(revision): State<String>) -> Json<Health> {
    Json(Health { status: "ok", revision })
}

#[utoipa::path(get, path = "/orders", responses((status = 200, body = [Order])))]
async fn orders() -> Json<[Order; 2]> {
    Json([
        Order { id: 1, item: "anchor", quantity: 1 },
        Order { id: 2, item: "rope, 10 m", quantity: 4 },
    ])
}

#[cfg(test)]
mod tests {
    use axum::body::Body;
    use axum::http::Request;
    use http_body_util::BodyExt;
    use serde_json::{Value, json};
    use tower::ServiceExt;

    use super::*;

    async fn get_json(path: &str) -> Value {
        let request = Request::get(path).body(Body::empty()).unwrap();
        let answer = router("abc".to_owned()).oneshot(request).await.unwrap();
        assert_eq!(answer.status(), 200);
        serde_json::from_slice(&answer.into_body().collect().await.unwrap().to_bytes()).unwrap()
    }

    #[tokio::test]
    async fn health_tells_the_revision() {
        assert_eq!(get_json("/healthz").await, json!({ "status": "ok", "revision": "abc" }));
    }

    #[tokio::test]
    async fn the_description_names_every_route() {
        let api = get_json("/openapi.json").await;
        let paths: Vec<&String> = api["paths"].as_object().unwrap().keys().collect();
        assert_eq!(paths, ["/healthz", "/orders"]);
    }
}
