//! Security schemes, and where they are asked for.

use super::{Check, choice, shown};
use crate::document::{Node, Object};
use crate::spec::Version;
use crate::walk::Pointer;

/// The fields of a Security Scheme Object that belong to a type, and whether it needs them:
/// <https://spec.openapis.org/oas/v3.1.2#fixed-fields-23>
const SCHEMES: [(&str, &str, bool); 7] = [
    ("name", "apiKey", true),
    ("in", "apiKey", true),
    ("scheme", "http", true),
    ("bearerFormat", "http", false),
    ("flows", "oauth2", true),
    ("oauth2MetadataUrl", "oauth2", false),
    ("openIdConnectUrl", "openIdConnect", true),
];

/// The URLs that the flows need: <https://spec.openapis.org/oas/v3.2.0#oauth-flow-object>
const FLOWS: [(&str, &[&str]); 5] = [
    ("implicit", &["authorizationUrl"]),
    ("password", &["tokenUrl"]),
    ("clientCredentials", &["tokenUrl"]),
    ("authorizationCode", &["authorizationUrl", "tokenUrl"]),
    ("deviceAuthorization", &["deviceAuthorizationUrl", "tokenUrl"]),
];

const FLOW_URLS: [&str; 3] = ["authorizationUrl", "deviceAuthorizationUrl", "tokenUrl"];

impl<'a> Check<'a> {
    pub(super) fn security_scheme(&mut self, node: &Node, object: &Object, pointer: &Pointer<'_>) {
        let Some(of) = node.text("type") else { return };
        for (name, owner, is_needed) in SCHEMES {
            let entry = object.entry(name);
            match entry {
                None if owner == of && is_needed => {
                    let message =
                        format!("`{name}` is missing: security of the type {of} needs it");
                    self.major("missing-field", node.at, pointer, message, "");
                }
                Some(entry) if owner != of => {
                    let message =
                        format!("`{name}` is a field of the type {owner}; this is {}", shown(of));
                    let help = "leave it out, or change the type";
                    self.major("security-field", entry.at, &pointer.key(name), message, help);
                }
                _ => {}
            }
        }
        let scheme = node.text("scheme").filter(|_| of == "http");
        if let Some(scheme) = scheme.filter(|it| !it.eq_ignore_ascii_case("bearer"))
            && let Some(entry) = object.entry("bearerFormat")
        {
            let message =
                format!("`bearerFormat` is for the scheme bearer; this is {}", shown(scheme));
            let pointer = pointer.key("bearerFormat");
            self.major("security-field", entry.at, &pointer, message, "leave it out");
        }
    }

    pub(super) fn oauth_flow(&mut self, node: &Node, object: &Object, pointer: &Pointer<'_>) {
        let flow = FLOWS.iter().find(|(name, _)| Some(*name) == pointer.last_key());
        let Some((name, needed)) = flow else { return };
        for url in FLOW_URLS {
            match object.entry(url) {
                None if needed.contains(&url) => {
                    let message = format!("`{url}` is missing: the flow {name} needs it");
                    self.major("missing-field", node.at, pointer, message, "");
                }
                Some(entry) if !needed.contains(&url) => {
                    let message = format!("the flow {name} has no `{url}`");
                    let pointer = pointer.key(url);
                    self.major("security-field", entry.at, &pointer, message, "leave it out");
                }
                _ => {}
            }
        }
    }

    pub(super) fn security_requirement(&mut self, object: &'a Object, pointer: &Pointer<'_>) {
        for entry in object {
            let pointer = pointer.key(&entry.key);
            let Some(scheme) = self.scheme(&entry.key) else {
                // From 3.2 on it may be the URL of one.
                if self.version < Version::V3_2 || !entry.key.contains(['/', '#']) {
                    let message = format!("there is no security scheme `{}`", shown(&entry.key));
                    let help = self.schemes();
                    self.major("security-unknown", entry.at, &pointer, message, help);
                }
                continue;
            };
            // One that leads nowhere is told there.
            let Some(scheme) = self.references.resolve(scheme) else { continue };
            let scopes = entry.value.as_array().unwrap_or_default();
            self.scopes(scheme, scopes, &pointer);
        }
    }

    fn scopes(&mut self, scheme: &'a Node, scopes: &'a [Node], pointer: &Pointer<'_>) {
        let of = scheme.text("type");
        if matches!(of, Some("apiKey" | "http"))
            && self.version == Version::V3_0
            && let Some(scope) = scopes.first()
        {
            let message = "this kind of security has no scopes: the list has to be empty";
            self.major("security-scope", scope.at, pointer, message, "write []");
        }
        let flows = scheme.get("flows").and_then(Node::as_object);
        let Some(flows) = flows.filter(|_| of == Some("oauth2")) else { return };
        for (index, scope) in scopes.iter().enumerate() {
            let Some(name) = scope.as_str() else { continue };
            let has = |flow: &Node| flow.get("scopes").is_some_and(|it| it.get(name).is_some());
            if !flows.iter().any(|flow| has(&flow.value)) {
                let message = format!("no flow of this scheme has the scope `{}`", shown(name));
                let help = "add it to the `scopes` of the flow, or mend the name";
                self.major("security-scope", scope.at, &pointer.index(index), message, help);
            }
        }
    }

    fn scheme(&self, name: &str) -> Option<&'a Node> {
        self.root.get("components")?.get("securitySchemes")?.get(name)
    }

    fn schemes(&self) -> String {
        let schemes = self.root.get("components").and_then(|it| it.get("securitySchemes"));
        let names = schemes.and_then(Node::as_object).into_iter().flat_map(Object::keys);
        let names: Vec<_> = names.take(10).map(shown).collect();
        match names.is_empty() {
            true => "describe it in components.securitySchemes".to_owned(),
            false => {
                let names: Vec<&str> = names.iter().map(AsRef::as_ref).collect();
                format!("write {}, or describe it in components.securitySchemes", choice(&names))
            }
        }
    }
}
