//! The objects of OpenAPI and their fields, for each version, as the specifications list them:
//! <https://spec.openapis.org/oas/v3.0.4>, <https://spec.openapis.org/oas/v3.1.2> and
//! <https://spec.openapis.org/oas/v3.2.0>.
//!
//! It is a table instead of the published JSON Schemas: these answer a wrong field with a heap of
//! branches that did not match, and know no more than whether; the table also tells what kind of object
//! lies where, which everything else here needs.

use std::fmt;

use crate::document::{Node, Object};

/// A version of OpenAPI; what differs between patches is wording.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Version {
    V3_0,
    V3_1,
    V3_2,
}

impl Version {
    /// Of the text in `openapi`.
    pub(crate) fn of(text: &str) -> Option<Self> {
        let (minor, patch) = text.strip_prefix("3.")?.split_once('.')?;
        let patch = patch.split(['-', '+']).next().unwrap_or(patch);
        if patch.is_empty() || !patch.bytes().all(|it| it.is_ascii_digit()) {
            return None;
        }
        match minor {
            "0" => Some(Version::V3_0),
            "1" => Some(Version::V3_1),
            "2" => Some(Version::V3_2),
            _ => None,
        }
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Version::V3_0 => "3.0",
            Version::V3_1 => "3.1",
            Version::V3_2 => "3.2",
        })
    }
}

/// A kind of object, by its name in the specification.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Kind {
    OpenApi,
    Info,
    Contact,
    License,
    Server,
    ServerVariable,
    Components,
    Paths,
    PathItem,
    Operation,
    ExternalDocs,
    Parameter,
    RequestBody,
    MediaType,
    Encoding,
    Responses,
    Response,
    Callback,
    Example,
    Link,
    Header,
    Tag,
    Schema,
    Discriminator,
    Xml,
    SecurityScheme,
    OAuthFlows,
    OAuthFlow,
    SecurityRequirement,
}

impl Kind {
    /// The name in the specification.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Kind::OpenApi => "OpenAPI Object",
            Kind::Info => "Info Object",
            Kind::Contact => "Contact Object",
            Kind::License => "License Object",
            Kind::Server => "Server Object",
            Kind::ServerVariable => "Server Variable Object",
            Kind::Components => "Components Object",
            Kind::Paths => "Paths Object",
            Kind::PathItem => "Path Item Object",
            Kind::Operation => "Operation Object",
            Kind::ExternalDocs => "External Documentation Object",
            Kind::Parameter => "Parameter Object",
            Kind::RequestBody => "Request Body Object",
            Kind::MediaType => "Media Type Object",
            Kind::Encoding => "Encoding Object",
            Kind::Responses => "Responses Object",
            Kind::Response => "Response Object",
            Kind::Callback => "Callback Object",
            Kind::Example => "Example Object",
            Kind::Link => "Link Object",
            Kind::Header => "Header Object",
            Kind::Tag => "Tag Object",
            Kind::Schema => "Schema Object",
            Kind::Discriminator => "Discriminator Object",
            Kind::Xml => "XML Object",
            Kind::SecurityScheme => "Security Scheme Object",
            Kind::OAuthFlows => "OAuth Flows Object",
            Kind::OAuthFlow => "OAuth Flow Object",
            Kind::SecurityRequirement => "Security Requirement Object",
        }
    }

    /// Where in `components` objects of this kind are kept, so that others can point to them.
    pub(crate) fn section(self, version: Version) -> Option<&'static str> {
        match self {
            Kind::Schema => Some("schemas"),
            Kind::Response => Some("responses"),
            Kind::Parameter => Some("parameters"),
            Kind::Example => Some("examples"),
            Kind::RequestBody => Some("requestBodies"),
            Kind::Header => Some("headers"),
            Kind::SecurityScheme => Some("securitySchemes"),
            Kind::Link => Some("links"),
            Kind::Callback => Some("callbacks"),
            Kind::PathItem if version >= Version::V3_1 => Some("pathItems"),
            Kind::MediaType if version >= Version::V3_2 => Some("mediaTypes"),
            _ => None,
        }
    }

    /// The fields that the specifications list, of all versions.
    pub(crate) fn fields(self) -> &'static [Field] {
        fields(self)
    }

    /// The field of a name in a version.
    pub(crate) fn field(self, name: &str, version: Version) -> Option<&'static Field> {
        self.fields().iter().find(|field| field.name == name && field.is_in(version))
    }

    /// What a section of `components` holds.
    pub(crate) fn of_section(name: &str, version: Version) -> Option<Self> {
        match Kind::Components.field(name, version)?.shape {
            Shape::Map(Shape::OrReference(kind) | Shape::Is(kind)) => Some(*kind),
            Shape::Map(Shape::Schema) => Some(Kind::Schema),
            _ => None,
        }
    }

    /// What the value of a key has to be: of a field, or of a key that only has to fit a pattern.
    /// Nothing for extensions, and for what the specification does not know.
    pub(crate) fn shape(self, key: &str, version: Version) -> Option<Shape> {
        if let Some(field) = self.field(key, version) {
            return Some(field.shape);
        }
        if key.starts_with("x-") && self != Kind::SecurityRequirement {
            return None;
        }
        match self {
            Kind::Paths if key.starts_with('/') => Some(Shape::Is(Kind::PathItem)),
            Kind::Responses if key == "default" || is_status(key) => {
                Some(Shape::OrReference(Kind::Response))
            }
            // OpenAPI 3.0 and 3.2 want a Path Item, which has `$ref` itself.
            Kind::Callback => Some(Shape::OrReference(Kind::PathItem)),
            Kind::SecurityRequirement => Some(Shape::List(&Shape::String)),
            _ => None,
        }
    }
}

/// `200`, `4XX`: <https://spec.openapis.org/oas/v3.1.2#patterned-fields-0>
fn is_status(key: &str) -> bool {
    let bytes = key.as_bytes();
    bytes.len() == 3
        && matches!(bytes[0], b'1'..=b'5')
        && (key.ends_with("XX") || bytes[1..].iter().all(u8::is_ascii_digit))
}

/// What a value has to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shape {
    Any,
    String,
    Boolean,
    Number,
    /// A whole number that is not negative.
    Count,
    /// A URL or a reference to one, templates not allowed.
    Url,
    Email,
    /// One of these texts.
    Words(&'static [&'static str]),
    /// `type` of a Schema Object of 3.1: one or several of these texts.
    WordOrWords(&'static [&'static str]),
    Is(Kind),
    OrReference(Kind),
    /// A Schema Object; from 3.1 on a boolean is one.
    Schema,
    /// A Schema Object or a boolean.
    SchemaOrBoolean,
    List(&'static Shape),
    Map(&'static Shape),
}

/// A field of an object.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Field {
    pub(crate) name: &'static str,
    pub(crate) shape: Shape,
    since: Version,
    until: Version,
    required_until: Option<Version>,
}

impl Field {
    const fn of(name: &'static str, shape: Shape) -> Self {
        Self { name, shape, since: Version::V3_0, until: Version::V3_2, required_until: None }
    }

    const fn required(mut self) -> Self {
        self.required_until = Some(Version::V3_2);
        self
    }

    const fn required_until(mut self, version: Version) -> Self {
        self.required_until = Some(version);
        self
    }

    const fn since(mut self, version: Version) -> Self {
        self.since = version;
        self
    }

    const fn until(mut self, version: Version) -> Self {
        self.until = version;
        self
    }

    pub(crate) fn is_in(&self, version: Version) -> bool {
        self.since <= version && version <= self.until
    }

    pub(crate) fn is_required(&self, version: Version) -> bool {
        self.is_in(version) && self.required_until.is_some_and(|until| version <= until)
    }
}

/// The methods that are fields of a Path Item Object, of all versions.
pub(crate) const METHODS: [&str; 9] =
    ["get", "put", "post", "delete", "options", "head", "patch", "trace", "query"];

/// Whether the names of components may have a letter:
/// <https://spec.openapis.org/oas/v3.1.2#components-object>
pub(crate) fn is_component_letter(it: char) -> bool {
    it.is_ascii_alphanumeric() || matches!(it, '.' | '-' | '_')
}

/// A name in the letters that names of components may have.
pub(crate) fn component_name(name: &str) -> String {
    name.chars().map(|it| if is_component_letter(it) { it } else { '_' }).collect()
}

/// Whether messages of a media type, or of all that a range of them means, can be JSON.
pub(crate) fn is_json(media_type: &str) -> bool {
    let name = media_type.split(';').next().unwrap_or_default().trim();
    name.is_empty()
        || name.ends_with("/json")
        || name.ends_with("+json")
        || matches!(name, "*/*" | "application/*")
}

/// The operations of a Path Item Object with their methods, in the order of the document.
pub(crate) fn operations(item: &Node) -> impl Iterator<Item = (&str, &Node)> {
    let entries = item.as_object().into_iter().flat_map(Object::iter);
    entries.flat_map(|entry| {
        let additional = (entry.key == "additionalOperations").then(|| entry.value.as_object());
        let additional = additional.flatten().into_iter().flat_map(Object::iter);
        let own = METHODS.contains(&entry.key.as_str()).then_some(entry);
        own.into_iter().chain(additional).map(|entry| (entry.key.as_str(), &entry.value))
    })
}

fn fields(kind: Kind) -> &'static [Field] {
    use Kind as K;
    use Shape::{
        Any, Boolean, Count, Email, Is, List, Map, Number, OrReference, Schema, SchemaOrBoolean,
        String, Url, WordOrWords, Words,
    };
    use Version::{V3_0, V3_1, V3_2};
    const fn f(name: &'static str, shape: Shape) -> Field {
        Field::of(name, shape)
    }
    const SERVERS: Shape = List(&Is(K::Server));
    const SECURITY: Shape = List(&Is(K::SecurityRequirement));
    const PARAMETERS: Shape = List(&OrReference(K::Parameter));
    const EXAMPLES: Shape = Map(&OrReference(K::Example));
    const HEADERS: Shape = Map(&OrReference(K::Header));
    const CONTENT: Shape = Map(&Is(K::MediaType));
    const CONTENT_3_2: Shape = Map(&OrReference(K::MediaType));
    const OPERATION: Shape = Is(K::Operation);
    const DOCS: Shape = Is(K::ExternalDocs);
    const STYLES: Shape = Words(&[
        "matrix",
        "label",
        "form",
        "simple",
        "spaceDelimited",
        "pipeDelimited",
        "deepObject",
        "cookie",
    ]);
    match kind {
        K::OpenApi => {
            const {
                &[
                    f("openapi", String).required(),
                    f("$self", Url).since(V3_2),
                    f("info", Is(K::Info)).required(),
                    f("jsonSchemaDialect", Url).since(V3_1),
                    f("servers", SERVERS),
                    f("paths", Is(K::Paths)).required_until(V3_0),
                    f("webhooks", Map(&OrReference(K::PathItem))).since(V3_1),
                    f("components", Is(K::Components)),
                    f("security", SECURITY),
                    f("tags", List(&Is(K::Tag))),
                    f("externalDocs", DOCS),
                ]
            }
        }
        K::Info => {
            const {
                &[
                    f("title", String).required(),
                    f("summary", String).since(V3_1),
                    f("description", String),
                    f("termsOfService", Url),
                    f("contact", Is(K::Contact)),
                    f("license", Is(K::License)),
                    f("version", String).required(),
                ]
            }
        }
        K::Contact => const { &[f("name", String), f("url", Url), f("email", Email)] },
        K::License => {
            const { &[f("name", String).required(), f("identifier", String).since(V3_1), f("url", Url)] }
        }
        K::Server => {
            const {
                &[
                    f("url", String).required(),
                    f("description", String),
                    f("name", String).since(V3_2),
                    f("variables", Map(&Is(K::ServerVariable))),
                ]
            }
        }
        K::ServerVariable => {
            const {
                &[
                    f("enum", List(&String)),
                    f("default", String).required(),
                    f("description", String),
                ]
            }
        }
        K::Components => {
            const {
                &[
                    f("schemas", Map(&Schema)),
                    f("responses", Map(&OrReference(K::Response))),
                    f("parameters", Map(&OrReference(K::Parameter))),
                    f("examples", EXAMPLES),
                    f("requestBodies", Map(&OrReference(K::RequestBody))),
                    f("headers", HEADERS),
                    f("securitySchemes", Map(&OrReference(K::SecurityScheme))),
                    f("links", Map(&OrReference(K::Link))),
                    f("callbacks", Map(&OrReference(K::Callback))),
                    f("pathItems", Map(&OrReference(K::PathItem))).since(V3_1),
                    f("mediaTypes", CONTENT_3_2).since(V3_2),
                ]
            }
        }
        // Its keys are paths.
        K::Paths => &[],
        K::PathItem => {
            const {
                &[
                    f("$ref", String),
                    f("summary", String),
                    f("description", String),
                    f("get", OPERATION),
                    f("put", OPERATION),
                    f("post", OPERATION),
                    f("delete", OPERATION),
                    f("options", OPERATION),
                    f("head", OPERATION),
                    f("patch", OPERATION),
                    f("trace", OPERATION),
                    f("query", OPERATION).since(V3_2),
                    f("additionalOperations", Map(&OPERATION)).since(V3_2),
                    f("servers", SERVERS),
                    f("parameters", PARAMETERS),
                ]
            }
        }
        K::Operation => {
            const {
                &[
                    f("tags", List(&String)),
                    f("summary", String),
                    f("description", String),
                    f("externalDocs", DOCS),
                    f("operationId", String),
                    f("parameters", PARAMETERS),
                    f("requestBody", OrReference(K::RequestBody)),
                    f("responses", Is(K::Responses)).required_until(V3_0),
                    f("callbacks", Map(&OrReference(K::Callback))),
                    f("deprecated", Boolean),
                    f("security", SECURITY),
                    f("servers", SERVERS),
                ]
            }
        }
        K::ExternalDocs => const { &[f("description", String), f("url", Url).required()] },
        K::Parameter => {
            const {
                &[
                    f("name", String).required(),
                    f("in", Words(&["query", "header", "path", "cookie"])).required().until(V3_1),
                    f("in", Words(&["query", "querystring", "header", "path", "cookie"]))
                        .required()
                        .since(V3_2),
                    f("description", String),
                    f("required", Boolean),
                    f("deprecated", Boolean),
                    f("allowEmptyValue", Boolean),
                    f("style", STYLES),
                    f("explode", Boolean),
                    f("allowReserved", Boolean),
                    f("schema", Schema),
                    f("example", Any),
                    f("examples", EXAMPLES),
                    f("content", CONTENT).until(V3_1),
                    f("content", CONTENT_3_2).since(V3_2),
                ]
            }
        }
        K::Header => {
            const {
                &[
                    f("description", String),
                    f("required", Boolean),
                    f("deprecated", Boolean),
                    f("allowEmptyValue", Boolean).until(V3_0),
                    f("allowReserved", Boolean).until(V3_0),
                    f("style", Words(&["simple"])),
                    f("explode", Boolean),
                    f("schema", Schema),
                    f("example", Any),
                    f("examples", EXAMPLES),
                    f("content", CONTENT).until(V3_1),
                    f("content", CONTENT_3_2).since(V3_2),
                ]
            }
        }
        K::RequestBody => {
            const {
                &[
                    f("description", String),
                    f("content", CONTENT).required().until(V3_1),
                    f("content", CONTENT_3_2).required().since(V3_2),
                    f("required", Boolean),
                ]
            }
        }
        K::MediaType => {
            const {
                &[
                    f("schema", Schema),
                    f("itemSchema", Schema).since(V3_2),
                    f("example", Any),
                    f("examples", EXAMPLES),
                    f("encoding", Map(&Is(K::Encoding))),
                    f("prefixEncoding", List(&Is(K::Encoding))).since(V3_2),
                    f("itemEncoding", Is(K::Encoding)).since(V3_2),
                ]
            }
        }
        K::Encoding => {
            const {
                &[
                    f("contentType", String),
                    f("headers", HEADERS),
                    f("style", STYLES),
                    f("explode", Boolean),
                    f("allowReserved", Boolean),
                    f("encoding", Map(&Is(K::Encoding))).since(V3_2),
                    f("prefixEncoding", List(&Is(K::Encoding))).since(V3_2),
                    f("itemEncoding", Is(K::Encoding)).since(V3_2),
                ]
            }
        }
        // Its keys are status codes.
        K::Responses => const { &[f("default", OrReference(K::Response))] },
        K::Response => {
            const {
                &[
                    f("summary", String).since(V3_2),
                    f("description", String).required_until(V3_1),
                    f("headers", HEADERS),
                    f("content", CONTENT).until(V3_1),
                    f("content", CONTENT_3_2).since(V3_2),
                    f("links", Map(&OrReference(K::Link))),
                ]
            }
        }
        // Its keys are expressions.
        K::Callback => &[],
        K::Example => {
            const {
                &[
                    f("summary", String),
                    f("description", String),
                    f("dataValue", Any).since(V3_2),
                    f("serializedValue", String).since(V3_2),
                    f("value", Any),
                    f("externalValue", Url),
                ]
            }
        }
        K::Link => {
            const {
                &[
                    f("operationRef", Url),
                    f("operationId", String),
                    f("parameters", Map(&Any)),
                    f("requestBody", Any),
                    f("description", String),
                    f("server", Is(K::Server)),
                ]
            }
        }
        K::Tag => {
            const {
                &[
                    f("name", String).required(),
                    f("summary", String).since(V3_2),
                    f("description", String),
                    f("externalDocs", DOCS),
                    f("parent", String).since(V3_2),
                    f("kind", String).since(V3_2),
                ]
            }
        }
        // 3.0: https://spec.openapis.org/oas/v3.0.4#schema-object. From 3.1 on the keywords of
        // JSON Schema 2020-12, and any other.
        K::Schema => {
            const {
                &[
                    f("$ref", String).since(V3_1),
                    f("$id", Url).since(V3_1),
                    f("$schema", Url).since(V3_1),
                    f("$anchor", String).since(V3_1),
                    f("$dynamicRef", String).since(V3_1),
                    f("$dynamicAnchor", String).since(V3_1),
                    f("$vocabulary", Map(&Boolean)).since(V3_1),
                    f("$comment", String).since(V3_1),
                    f("$defs", Map(&Schema)).since(V3_1),
                    f("definitions", Map(&Schema)).since(V3_1),
                    f(
                        "type",
                        Words(&["array", "boolean", "integer", "number", "object", "string"]),
                    )
                    .until(V3_0),
                    f(
                        "type",
                        WordOrWords(&[
                            "null", "array", "boolean", "integer", "number", "object", "string",
                        ]),
                    )
                    .since(V3_1),
                    f("enum", List(&Any)),
                    f("const", Any).since(V3_1),
                    f("title", String),
                    f("description", String),
                    f("default", Any),
                    f("format", String),
                    f("multipleOf", Number),
                    f("maximum", Number),
                    f("minimum", Number),
                    f("exclusiveMaximum", Boolean).until(V3_0),
                    f("exclusiveMinimum", Boolean).until(V3_0),
                    f("exclusiveMaximum", Number).since(V3_1),
                    f("exclusiveMinimum", Number).since(V3_1),
                    f("maxLength", Count),
                    f("minLength", Count),
                    f("pattern", String),
                    f("maxItems", Count),
                    f("minItems", Count),
                    f("uniqueItems", Boolean),
                    f("maxContains", Count).since(V3_1),
                    f("minContains", Count).since(V3_1),
                    f("maxProperties", Count),
                    f("minProperties", Count),
                    f("required", List(&String)),
                    f("dependentRequired", Map(&List(&String))).since(V3_1),
                    f("properties", Map(&Schema)),
                    f("patternProperties", Map(&Schema)).since(V3_1),
                    f("additionalProperties", SchemaOrBoolean),
                    f("unevaluatedProperties", Schema).since(V3_1),
                    f("propertyNames", Schema).since(V3_1),
                    f("dependentSchemas", Map(&Schema)).since(V3_1),
                    f("items", Schema),
                    f("prefixItems", List(&Schema)).since(V3_1),
                    f("contains", Schema).since(V3_1),
                    f("unevaluatedItems", Schema).since(V3_1),
                    f("allOf", List(&Schema)),
                    f("anyOf", List(&Schema)),
                    f("oneOf", List(&Schema)),
                    f("not", Schema),
                    f("if", Schema).since(V3_1),
                    f("then", Schema).since(V3_1),
                    f("else", Schema).since(V3_1),
                    f("contentEncoding", String).since(V3_1),
                    f("contentMediaType", String).since(V3_1),
                    f("contentSchema", Schema).since(V3_1),
                    f("nullable", Boolean).until(V3_0),
                    f("discriminator", Is(K::Discriminator)),
                    f("readOnly", Boolean),
                    f("writeOnly", Boolean),
                    f("xml", Is(K::Xml)),
                    f("externalDocs", DOCS),
                    f("example", Any),
                    f("examples", List(&Any)).since(V3_1),
                    f("deprecated", Boolean),
                ]
            }
        }
        K::Discriminator => {
            const {
                &[
                    f("propertyName", String).required(),
                    f("mapping", Map(&String)),
                    f("defaultMapping", String).since(V3_2),
                ]
            }
        }
        K::Xml => {
            const {
                &[
                    f("name", String),
                    f("namespace", Url),
                    f("prefix", String),
                    f("attribute", Boolean),
                    f("wrapped", Boolean),
                    f("nodeType", Words(&["element", "attribute", "text", "cdata", "none"]))
                        .since(V3_2),
                ]
            }
        }
        K::SecurityScheme => {
            const {
                &[
                    f("type", Words(&["apiKey", "http", "oauth2", "openIdConnect"]))
                        .required()
                        .until(V3_0),
                    f("type", Words(&["apiKey", "http", "mutualTLS", "oauth2", "openIdConnect"]))
                        .required()
                        .since(V3_1),
                    f("description", String),
                    f("name", String),
                    f("in", Words(&["query", "header", "cookie"])),
                    f("scheme", String),
                    f("bearerFormat", String),
                    f("flows", Is(K::OAuthFlows)),
                    f("openIdConnectUrl", Url),
                    f("oauth2MetadataUrl", Url).since(V3_2),
                    f("deprecated", Boolean).since(V3_2),
                ]
            }
        }
        K::OAuthFlows => {
            const {
                &[
                    f("implicit", Is(K::OAuthFlow)),
                    f("password", Is(K::OAuthFlow)),
                    f("clientCredentials", Is(K::OAuthFlow)),
                    f("authorizationCode", Is(K::OAuthFlow)),
                    f("deviceAuthorization", Is(K::OAuthFlow)).since(V3_2),
                ]
            }
        }
        K::OAuthFlow => {
            const {
                &[
                    f("authorizationUrl", Url),
                    f("deviceAuthorizationUrl", Url).since(V3_2),
                    f("tokenUrl", Url),
                    f("refreshUrl", Url),
                    f("scopes", Map(&String)).required(),
                ]
            }
        }
        // Its keys are names of security schemes.
        K::SecurityRequirement => &[],
    }
}
