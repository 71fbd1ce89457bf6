//! A command that calls an operation.

use super::example::{encoded, parameter_value};
use crate::document::{Node, Object};
use crate::references::References;

/// How long a body is that stands in the command, in bytes; longer ones are read from a file.
const MAX_BODY: usize = 1000;

/// What a command is made of.
#[derive(Debug)]
pub(super) struct Call<'a> {
    pub(super) method: &'a str,
    pub(super) path: &'a str,
    /// Without a reference, each.
    pub(super) parameters: &'a [&'a Node],
    pub(super) servers: &'a [Node],
    /// Media type and content of the body.
    pub(super) body: Option<(&'a str, Option<&'a str>)>,
    /// The media type that is asked for.
    pub(super) accept: Option<&'a str>,
    /// The security schemes that are wanted at once.
    pub(super) schemes: &'a [&'a Node],
}

/// A command for a shell.
pub(super) fn curl(call: &Call<'_>, references: &References<'_>) -> String {
    let mut parts = vec!["curl".to_owned()];
    if call.method == "HEAD" {
        parts.push("--head".to_owned());
    } else if call.method != "GET" || call.body.is_some() {
        parts.push(format!("--request {}", quoted(call.method)));
    }
    let mut query = Vec::new();
    let mut options = Vec::new();
    let mut path = call.path.to_owned();
    for parameter in call.parameters {
        let Some(name) = parameter.text("name") else { continue };
        let schema = parameter.get("schema");
        let value = parameter_value(parameter, schema, references);
        let or_name = || value.clone().unwrap_or_else(|| placeholder(name));
        let is_required = parameter.get("required").and_then(Node::as_bool) == Some(true);
        match parameter.text("in") {
            Some("path") => path = path.replace(&format!("{{{name}}}"), &encoded(&or_name())),
            Some("query") if is_required => {
                query.push(format!("{}={}", encoded(name), encoded(&or_name())));
            }
            Some("header") if is_required => {
                options.push(format!("--header {}", quoted(&format!("{name}: {}", or_name()))));
            }
            Some("cookie") if is_required => {
                options.push(format!("--cookie {}", quoted(&format!("{name}={}", or_name()))));
            }
            _ => {}
        }
    }
    call.schemes.iter().for_each(|scheme| authenticate(scheme, &mut options, &mut query));
    if let Some(media_type) = call.accept {
        options.push(format!("--header {}", quoted(&format!("Accept: {media_type}"))));
    }
    body(call, &mut options);
    let mut url = server(call.servers) + &path;
    if !query.is_empty() {
        url = format!("{url}?{}", query.join("&"));
    }
    parts.push(quoted(&without_globs(&url)));
    let command = parts.join(" ");
    std::iter::once(command).chain(options).collect::<Vec<_>>().join(" \\\n  ")
}

fn body(call: &Call<'_>, options: &mut Vec<String>) {
    let Some((media_type, content)) = call.body else { return };
    if media_type.starts_with("multipart/") {
        options.push("--form 'NAME=VALUE'".to_owned());
        return;
    }
    options.push(format!("--header {}", quoted(&format!("Content-Type: {media_type}"))));
    options.push(match content {
        Some(content) if content.len() <= MAX_BODY => format!("--data-raw {}", quoted(content)),
        _ => "--data-binary @body".to_owned(),
    });
}

fn authenticate(scheme: &Node, options: &mut Vec<String>, query: &mut Vec<String>) {
    let name = scheme.text("name").unwrap_or_default();
    let http = scheme.text("scheme").unwrap_or_default().to_ascii_lowercase();
    match (scheme.text("type"), scheme.text("in")) {
        (Some("apiKey"), Some("header")) => {
            options.push(format!("--header {}", quoted(&format!("{name}: KEY"))));
        }
        (Some("apiKey"), Some("query")) => query.push(format!("{}=KEY", encoded(name))),
        (Some("apiKey"), Some("cookie")) => {
            options.push(format!("--cookie {}", quoted(&format!("{name}=KEY"))));
        }
        (Some("http"), _) if http == "basic" => options.push("--user 'USER:PASSWORD'".to_owned()),
        (Some("http" | "oauth2" | "openIdConnect"), _) => {
            options.push("--header 'Authorization: Bearer TOKEN'".to_owned());
        }
        (Some("mutualTLS"), _) => options.push("--cert client.pem --key client.key".to_owned()),
        _ => {}
    }
}

/// The first server, its variables filled in. A path alone, or none, is on a host that only the caller
/// knows.
fn server(servers: &[Node]) -> String {
    let first = servers.first();
    let mut url = first.and_then(|it| it.text("url")).unwrap_or_default().to_owned();
    let variables = first.and_then(|it| it.get("variables")).and_then(Node::as_object);
    for entry in variables.into_iter().flat_map(Object::iter) {
        if let Some(default) = entry.value.text("default") {
            url = url.replace(&format!("{{{}}}", entry.key), default);
        }
    }
    let url = url.trim_end_matches('/');
    let is_whole = url.starts_with("https://") || url.starts_with("http://");
    if is_whole { url.to_owned() } else { format!("https://HOST{url}") }
}

/// A parameter's name as something to be filled in.
fn placeholder(name: &str) -> String {
    let letter = |it: char| if it.is_alphanumeric() { it.to_ascii_uppercase() } else { '_' };
    name.chars().map(letter).collect()
}

/// curl takes these for lists of addresses.
fn without_globs(url: &str) -> String {
    url.replace('{', "%7B").replace('}', "%7D").replace('[', "%5B").replace(']', "%5D")
}

/// A word of a shell.
fn quoted(text: &str) -> String {
    let is_plain = |it: char| it.is_ascii_alphanumeric() || "-_./:=@%,".contains(it);
    if !text.is_empty() && text.chars().all(is_plain) {
        return text.to_owned();
    }
    format!("'{}'", text.replace('\'', "'\\''"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::document::Sources;

    #[test]
    fn a_command_has_all_that_the_operation_wants() {
        let text = r#"{"parameters": [
            {"in": "path", "name": "order-id", "required": true},
            {"in": "path", "name": "part", "required": true, "example": "a b/c"},
            {"in": "query", "name": "q[]", "required": true, "schema": {"enum": ["x&y"]}},
            {"in": "query", "name": "page"},
            {"in": "header", "name": "X-Trace", "required": true, "schema": {"default": "it's"}}],
          "schemes": [{"type": "http", "scheme": "bearer"}, {"type": "apiKey", "in": "query", "name": "k"}],
          "servers": [{"url": "https://{stage}.example.com/v1/", "variables": {"stage": {"default": "dev"}}}]}"#;
        let root = Sources::default().read("a.json", text.into()).unwrap();
        let list = |key: &str| root.get(key).and_then(Node::as_array).unwrap();
        let (parameters, schemes): (Vec<_>, Vec<_>) =
            (list("parameters").iter().collect(), list("schemes").iter().collect());
        let call = Call {
            method: "POST",
            path: "/orders/{order-id}/{part}/{unknown}",
            parameters: &parameters,
            servers: list("servers"),
            body: Some(("application/json", Some("{\"a\": \"it's\"}"))),
            accept: Some("application/json"),
            schemes: &schemes,
        };
        assert_eq!(
            curl(&call, &References::new(&root)),
            "curl --request POST 'https://dev.example.com/v1/orders/ORDER_ID/a%20b%2Fc/%7Bunknown%7D?q%5B%5D=x%26y&k=KEY' \\\n  \
             --header 'X-Trace: it'\\''s' \\\n  \
             --header 'Authorization: Bearer TOKEN' \\\n  \
             --header 'Accept: application/json' \\\n  \
             --header 'Content-Type: application/json' \\\n  \
             --data-raw '{\"a\": \"it'\\''s\"}'"
        );
    }

    #[test]
    fn a_server_that_is_not_told_is_to_be_filled_in() {
        let call = |servers| Call {
            method: "GET",
            path: "/a",
            parameters: &[],
            servers,
            body: None,
            accept: None,
            schemes: &[],
        };
        let root = Sources::default().read("a.json", "[{\"url\": \"/v1\"}]".into()).unwrap();
        let references = References::new(&root);
        assert_eq!(curl(&call(&[]), &references), "curl https://HOST/a");
        assert_eq!(curl(&call(root.as_array().unwrap()), &references), "curl https://HOST/v1/a");
    }
}
