//! `docs`: a page for people who call the service. One HTML file that loads nothing: no script, style,
//! font or image from elsewhere, so that it can be opened from a folder, and tells nobody that it was.

mod changelog;
mod curl;
mod example;
mod html;
mod markdown;
mod operation;
mod page;
mod schema;

use std::fmt;
use std::path::{Component, Path, PathBuf};

use serde::Serialize;
use step_core::{Fail, Report, holds, write_atomically};

use crate::description;
use crate::diff;
use crate::document::{Form, Sources};
use crate::input::{Input, reads_stdin_once};
use crate::settings::Settings;
use page::{Extras, Rendered, render};

/// The options of `docs`.
#[derive(Debug, Clone, Default, clap::Args)]
pub(crate) struct Options {
    /// The description: a file, - for standard input, a URL, or git:REVISION:PATH [landfall.toml:
    /// gen-openapi.file] [default: openapi.json]
    #[arg(value_name = "INPUT")]
    input: Option<Input>,

    /// The page [default: openapi.html]
    #[arg(long, value_name = "FILE")]
    to: Option<PathBuf>,

    /// Also write the description with all that it refers to, and link to it from the page; its ending
    /// says whether it is JSON or YAML
    #[arg(long, value_name = "FILE")]
    description: Option<PathBuf>,

    /// Also show what changed since an earlier description: a file, a URL, or git:REVISION:PATH
    #[arg(long, value_name = "INPUT")]
    base: Option<Input>,
}

/// Writes the page.
///
/// # Errors
/// Exit 2: the description cannot be used, or would make too large a page. Exit 4 and 5: see
/// [`Input::read`]. Exit 1: a file cannot be written.
pub(crate) async fn run(options: &Options, settings: &Settings<'_>) -> anyhow::Result<Written> {
    let input = options.input.clone().unwrap_or_else(|| Input::File(settings.description()));
    let page = options.to.clone().unwrap_or_else(|| "openapi.html".into());
    let written = [&page].into_iter().chain(&options.description);
    does_not_replace(written, &[Some(&input), options.base.as_ref()])?;
    reads_stdin_once([&input].into_iter().chain(&options.base))?;
    let access = settings.access();
    let mut sources = Sources::default();
    let description = description::read_usable(&input, &access, &mut sources).await?;
    let download = options.description.as_deref().map(|file| address(&page, file)).transpose()?;
    let changes = match &options.base {
        Some(base) => {
            let rules = diff::rules(settings)?;
            let base = description::read_usable(base, &access, &mut sources).await?;
            Some(diff::compare(&base, &description, &rules))
        }
        None => None,
    };
    let extras = Extras { download: download.as_deref(), changes: changes.as_deref() };
    let Rendered { html, operations, schemas, cut } = render(&description, &extras);
    let html = html.ok_or_else(too_large)?;
    let mut files = vec![(page, html)];
    if let Some(file) = &options.description {
        let form = Form::of_name(&file.to_string_lossy()).unwrap_or(Form::Json);
        files.push((file.clone(), form.write(&description.root)));
    }
    let bytes = files[0].1.len();
    let outcome = write(&files, settings.common.dry_run)?;
    let files = files.into_iter().map(|(file, _)| file).collect();
    Ok(Written { outcome, files, operations, schemas, cut, bytes })
}

/// The report.
#[derive(Debug, Serialize)]
pub struct Written {
    outcome: Outcome,
    files: Vec<PathBuf>,
    operations: usize,
    schemas: usize,
    /// How many examples and values are so long that not all of them is shown.
    cut: usize,
    /// Of the page.
    bytes: usize,
}

/// What became of the files.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum Outcome {
    Written,
    Unchanged,
    /// `--dry-run`: they would be written.
    Planned,
}

impl Report for Written {
    fn outcome(&self) -> &str {
        match self.outcome {
            Outcome::Written => "written",
            Outcome::Unchanged => "unchanged",
            Outcome::Planned => "planned",
        }
    }
}

impl fmt::Display for Written {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let files: Vec<String> = self.files.iter().map(|it| it.display().to_string()).collect();
        write!(f, "{} {}", self.outcome(), files.join(", "))?;
        let count = |number: usize, one: &str, more: &str| {
            format!("{number} {}", if number == 1 { one } else { more })
        };
        let operations = count(self.operations, "operation", "operations");
        let schemas = count(self.schemas, "schema", "schemas");
        write!(f, "\n  {operations}, {schemas}, {}", size(self.bytes))?;
        if self.cut > 0 {
            let cut = count(self.cut, "example or value", "examples and values");
            write!(f, "\n  cut, for they are long: {cut}")?;
        }
        Ok(())
    }
}

fn size(bytes: usize) -> String {
    match bytes {
        ..1_000_000 => format!("{} KB", bytes.div_ceil(1000)),
        _ => format!("{:.1} MB", bytes as f64 / 1e6),
    }
}

/// Writes what differs.
fn write(files: &[(PathBuf, String)], dry_run: bool) -> anyhow::Result<Outcome> {
    let mut outcome = Outcome::Unchanged;
    for (file, text) in files.iter().filter(|(file, text)| !holds(file, text.as_bytes())) {
        outcome = if dry_run { Outcome::Planned } else { Outcome::Written };
        if !dry_run {
            write_atomically(file, text.as_bytes())?;
        }
    }
    Ok(outcome)
}

/// Nothing is written over what it is made of.
fn does_not_replace<'a>(
    written: impl IntoIterator<Item = &'a PathBuf>,
    inputs: &[Option<&Input>],
) -> Result<(), Fail> {
    let file_of = |input: &Input| match input {
        Input::File(file) => file.canonicalize().ok(),
        _ => None,
    };
    let read: Vec<PathBuf> = inputs.iter().copied().flatten().filter_map(file_of).collect();
    for file in written {
        if file.canonicalize().is_ok_and(|file| read.contains(&file)) {
            let message = format!("{} would replace what it is made of", file.display());
            return Err(Fail::invalid(message)
                .help("name another file with --to, as openapi.html, or with --description"));
        }
    }
    Ok(())
}

/// The address of a file as the page has it.
fn address(page: &Path, file: &Path) -> Result<String, Fail> {
    let plain = |path: &Path| -> PathBuf {
        path.components().filter(|part| *part != Component::CurDir).collect()
    };
    let (page, file) = (plain(page), plain(file));
    let folder = page.parent().unwrap_or(Path::new(""));
    let below = file.strip_prefix(folder).ok().filter(|_| page != file);
    let parts = below.map(|below| below.components().map(part).collect::<Option<Vec<_>>>());
    parts.flatten().map(|parts| format!("./{}", parts.join("/"))).ok_or_else(|| {
        let message = format!("{} does not lie beside {}", file.display(), page.display());
        Fail::invalid(message).help("the page links to it: write both into one folder")
    })
}

fn part(component: Component<'_>) -> Option<String> {
    match component {
        Component::Normal(name) => Some(example::encoded(&name.to_string_lossy())),
        _ => None,
    }
}

fn too_large() -> Fail {
    Fail::invalid("the page would become larger than 64 MB")
        .help("make pages of parts of the description")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::description::Description;

    fn description(text: &str) -> Description {
        let root = Sources::default().read("a.yaml", text.into()).unwrap();
        let version = crate::spec::Version::of(root.text("openapi").unwrap()).unwrap();
        Description { root, version, name: "a.yaml".to_owned() }
    }

    fn page(text: &str) -> String {
        render(&description(text), &Extras::default()).html.unwrap()
    }

    /// What stands on a page, without the elements.
    fn words(page: &str) -> String {
        let body = page.split_once("<main").unwrap().1.split_once("</main>").unwrap().0;
        let mut text = String::new();
        for part in body.split('<').skip(1) {
            let (tag, rest) = part.split_once('>').unwrap();
            // These stand inside of words.
            text.push_str(if tag == "wbr" { "" } else { " " });
            text.push_str(rest);
        }
        text.split_whitespace().collect::<Vec<_>>().join(" ")
    }

    const HEAD: &str = "openapi: 3.1.0\ninfo: {title: Orders, version: '1'}\n";

    #[test]
    fn an_operation_says_what_to_send_and_what_comes_back() {
        let page = page(&format!(
            "{HEAD}{}",
            "
servers: [{url: 'https://api.example.com'}]
security: [{key: []}]
paths:
  /orders/{id}:
    parameters: [{name: id, in: path, required: true, description: 'Its *number*', schema: {type: integer, minimum: 1}}]
    put:
      operationId: changeOrder
      summary: Change an order
      tags: [orders]
      deprecated: true
      parameters: [{name: dry, in: query, schema: {type: boolean, default: false}}]
      requestBody:
        required: true
        content: {application/json: {schema: {$ref: '#/components/schemas/Order'}}}
      responses:
        '200': {description: Changed, headers: {ETag: {schema: {type: string}}}, content: {application/json: {schema: {$ref: '#/components/schemas/Order'}, example: {item: anchor}}}}
        default: {description: Something else}
components:
  securitySchemes: {key: {type: apiKey, in: header, name: X-Key}}
  schemas:
    Order:
      type: object
      required: [item]
      properties:
        item: {type: string, maxLength: 20, description: What it is}
        state: {enum: [new, paid], default: new}
        next: {anyOf: [{$ref: '#/components/schemas/Order'}, {type: 'null'}]}
        lines: {type: array, items: {type: object, properties: {count: {type: integer, exclusiveMinimum: 0}}}}
      additionalProperties: false
"
        ));
        assert!(page.contains("<article id=\"operation-changeOrder\" class=\"operation\">"));
        assert!(page.contains("<a href=\"#operation-changeOrder\" class=\"old\">"));
        let words = words(&page);
        for text in [
            "Change an order PUT /orders/{id} deprecated changeOrder",
            "Authentication key",
            "id required path integer Its number ≥ 1",
            "dry query boolean default false",
            "Request body required application/json Order",
            "200 Changed Header Type Description ETag string application/json Order",
            "default Something else",
            "curl --request PUT https://api.example.com/orders/ID \\ --header &#39;X-Key: KEY&#39; \\ \
             --header &#39;Accept: application/json&#39; \\ --header &#39;Content-Type: application/json&#39; \\ \
             --data-raw",
            "Response 200 application/json { &quot;item&quot;: &quot;anchor&quot; }",
            "key A key in the header X-Key",
            "item string required What it is characters ≤ 20",
            "state value default &quot;new&quot; one of &quot;new&quot; &quot;paid&quot;",
            "next Order or null",
            "lines array of object made of Each item count integer &gt; 0",
            "No other properties.",
        ] {
            assert!(words.contains(text), "no {text:?} in {words}");
        }
    }

    #[test]
    fn circles_end_in_links() {
        let page = page(&format!(
            "{HEAD}{}",
            "
components:
  schemas:
    Tree: {type: object, properties: {children: {type: array, items: {$ref: '#/components/schemas/Tree'}}}}
    All: {allOf: [{$ref: '#/components/schemas/All'}]}
    Far: {$ref: '#/components/schemas/Tree/properties/children'}
    Lost: {$ref: '#/components/schemas/Nobody'}
"
        ));
        let words = words(&page);
        assert!(words.contains("Tree object children array of Tree"), "{words}");
        assert!(words.contains("All All"), "{words}");
        // What has no name of its own is called by its place.
        assert!(
            words.contains("components/schemas/Tree/properties/children array of Tree"),
            "{words}"
        );
        assert!(words.contains("Lost #/components/schemas/Nobody"), "{words}");
        assert!(page.contains("<article id=\"schema-Tree\""));
    }

    #[test]
    fn callbacks_webhooks_and_flows_are_shown() {
        let page = page(&format!(
            "{HEAD}{}",
            "
paths:
  /a:
    post:
      callbacks:
        done:
          '{$request.body#/url}':
            post:
              description: When it is done
              callbacks: {again: {x: {post: {}}}}
              responses: {'204': {description: Taken}}
      responses: {'202': {description: Later, links: {look: {operationId: look}}}}
  /b: {get: {operationId: look, responses: {'200': {description: \"First.\\n\\nThen `more`.\"}}}}
webhooks:
  paid: {post: {summary: An order was paid, requestBody: {content: {application/json: {schema: {type: object, properties: {id: {type: integer}}}}}}}}
components:
  securitySchemes:
    login: {type: oauth2, flows: {clientCredentials: {tokenUrl: 'https://a.example/token', scopes: {read: To read}}}}
"
        ));
        let words = words(&page);
        for text in [
            "Callback done POST {$request.body#/url} When it is done Responses 204 Taken",
            "Leads to look",
            "200 First. Then more .",
            "Webhooks Calls that the service makes to you. An order was paid POST paid",
            "Request application/json made from the schema { &quot;id&quot;: 1 }",
            "OAuth 2 Flow clientCredentials token https://a.example/token read To read",
        ] {
            assert!(words.contains(text), "no {text:?} in {words}");
        }
        assert!(page.contains("<a href=\"#operation-look\">look</a>"));
    }

    #[test]
    fn a_short_description_of_a_response_is_shown_wherever_its_line_is() {
        let page = page(&format!(
            "{HEAD}paths: {{/a: {{get: {{responses: {{'200': {{description: \"\\n\\n  Taken.\\n\"}}}}}}}}}}\n"
        ));
        assert!(words(&page).contains("200 Taken."), "{}", words(&page));
    }

    #[test]
    fn operations_stand_below_their_first_tag_in_the_order_of_the_tags() {
        let page = page(&format!(
            "{HEAD}{}",
            "
tags: [{name: b, description: The second letter}, {name: empty}]
paths:
  /1: {get: {tags: [a, b]}, post: {}}
  /2: {get: {tags: [b]}}
"
        ));
        let words = words(&page);
        let order = ["b The second letter /2 GET", "a /1 GET", "Other operations /1 POST"];
        let places: Vec<_> = order.map(|text| words.find(text)).into_iter().collect();
        assert!(places.is_sorted() && places.iter().all(Option::is_some), "{words}");
        assert!(!words.contains("empty"));
    }

    #[test]
    fn a_page_loads_nothing_and_runs_only_its_own_script() {
        let page = page(HEAD);
        assert_eq!(page.matches("<script").count(), 1);
        for mark in ["<img", "<iframe", "<link rel=\"stylesheet", " src=", "@import", "url("] {
            assert!(!page.contains(mark), "{mark}");
        }
        assert!(page.contains("default-src &#39;none&#39;; script-src &#39;sha256-"), "{page}");
    }

    #[test]
    fn the_description_and_the_changes_are_linked_to() {
        let description = description(&format!("{HEAD}paths: {{/a: {{get: {{}}}}}}\n"));
        let extras = Extras { download: Some("./openapi.json"), changes: Some(&[]) };
        let page = render(&description, &extras).html.unwrap();
        assert!(page.contains("<a href=\"#section-changes\">"), "{page}");
        assert!(page.contains("<section id=\"section-changes\""), "{page}");
        assert!(page.contains("<a href=\"./openapi.json\""), "{page}");
    }

    #[test]
    fn what_is_not_as_the_specification_wants_it_does_no_harm() {
        for text in [
            "info: 1\npaths: 2\ncomponents: 3\n",
            "paths: {/a: {get: 1, post: {parameters: {x: 1}, requestBody: [], responses: [1]}}}\n",
            "paths: {/a: {get: {tags: [[1]], security: [1], responses: {'200': {$ref: '#/no'}}}}}\n",
            "components: {schemas: {A: 1, B: {type: [1], enum: 1, items: [], allOf: {}}}}\n",
            "webhooks: []\nservers: [1, {url: 2}]\ntags: [1, {name: 2}]\nsecurity: 1\n",
        ] {
            assert!(page(&format!("openapi: 3.1.0\n{text}")).contains("</main>"));
        }
    }

    #[test]
    fn the_description_is_linked_to_by_its_way_from_the_page() {
        let to = |page: &str, file: &str| address(Path::new(page), Path::new(file));
        assert_eq!(to("public/index.html", "public/openapi.json").unwrap(), "./openapi.json");
        assert_eq!(to("index.html", "api/v 1.yaml").unwrap(), "./api/v%201.yaml");
        assert_eq!(to("./index.html", "openapi.json").unwrap(), "./openapi.json");
        assert_eq!(to("index.html", "./openapi.json").unwrap(), "./openapi.json");
        assert!(to("public/index.html", "openapi.json").is_err());
        assert!(to("a/index.html", "a/../x.json").is_err());
        assert!(to("a.html", "a.html").is_err());
    }
}
