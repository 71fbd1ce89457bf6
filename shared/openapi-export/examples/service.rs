//! A service that would need a database to start.

use utoipa::OpenApi;

/// The description of the API.
#[derive(OpenApi)]
#[openapi(info(title = "orders", version = "1.2.3"), paths(health))]
struct Api;

#[utoipa::path(get, path = "/healthz", responses((status = 200, description = "It runs")))]
#[expect(dead_code, reason = "only its description counts here")]
fn health() {}

fn main() {
    openapi_export::print_if_asked(Api::openapi);
    panic!("there is no database");
}
