//! Reads the documents that references lead to, each once.

use std::cell::OnceCell;
use std::collections::HashMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use reqwest::redirect::Policy;
use reqwest::{Client, Response, header};
use step_core::innermost;
use tokio::time::timeout;
use url::{Host, Url};

use super::access::Guard;
use super::location::Location;
use super::names::Names;
use crate::document::{At, Node, Sources};
use crate::input::{self, MAX_SIZE};

/// How many documents one description may be made of.
const MAX_DOCUMENTS: usize = 1000;

/// How large all of them may be together, in bytes.
const MAX_TOTAL: usize = 256 * 1024 * 1024;

/// How many redirects are followed.
const MAX_REDIRECTS: usize = 5;

/// How long an address may take to answer.
const FETCH_LIMIT: Duration = Duration::from_secs(30);

/// A document and where it lies.
#[derive(Debug)]
pub(super) struct Document {
    pub(super) location: Location,
    pub(super) root: Node,
    names: OnceCell<Names>,
}

impl Document {
    pub(super) fn new(location: Location, root: Node) -> Self {
        Self { location, root, names: OnceCell::new() }
    }

    /// The names of its schemas.
    pub(super) fn names(&self) -> &Names {
        self.names.get_or_init(|| Names::of(&self.root))
    }
}

/// Why a document is not there.
#[derive(Debug, Clone)]
pub(super) enum Failure {
    /// It must not be read.
    Refused(String),
    /// It cannot be read.
    Missing(String),
    /// What was read is no document; that is told at its place.
    Syntax(At, String),
    /// It was told already.
    Told,
}

/// The documents that were read, by where they lie.
#[derive(Debug)]
pub(super) struct Loader {
    guard: Guard,
    /// The folder that names are relative to.
    folder: PathBuf,
    known: HashMap<Location, Result<usize, Failure>>,
    documents: usize,
    bytes: usize,
    clients: HashMap<String, Client>,
}

impl Loader {
    /// `start` is the first document, which was read already.
    pub(super) fn new(guard: Guard, folder: PathBuf, start: Location, bytes: usize) -> Self {
        let known = HashMap::from([(start, Ok(0))]);
        Self { guard, folder, known, documents: 1, bytes, clients: HashMap::new() }
    }

    /// The name of a location in messages.
    pub(super) fn name(&self, location: &Location) -> String {
        location.name(&self.folder)
    }

    /// The number of the document at a location; what is read for it is put into `documents`.
    ///
    /// # Errors
    /// It is not there, or must not be read.
    pub(super) async fn load(
        &mut self,
        location: Location,
        sources: &mut Sources,
        documents: &mut Vec<Document>,
    ) -> Result<usize, Failure> {
        if let Some(known) = self.known.get(&location) {
            return known.clone();
        }
        let loaded = self.load_new(location.clone(), sources, documents).await;
        let again = match &loaded {
            Err(Failure::Syntax(..)) => Err(Failure::Told),
            other => other.clone(),
        };
        self.known.insert(location, again);
        loaded
    }

    async fn load_new(
        &mut self,
        location: Location,
        sources: &mut Sources,
        documents: &mut Vec<Document>,
    ) -> Result<usize, Failure> {
        self.guard.check(&location).map_err(Failure::Refused)?;
        let location = self.real(location)?;
        if let Some(known) = self.known.get(&location) {
            return known.clone();
        }
        self.guard.check(&location).map_err(Failure::Refused)?;
        if self.documents == MAX_DOCUMENTS {
            let message = format!("the description is made of more than {MAX_DOCUMENTS} documents");
            return Err(Failure::Refused(message));
        }
        self.documents += 1;
        let bytes = match &location {
            Location::Url(url) => self.fetch(url).await?,
            _ => {
                let read = location.input().read().await;
                read.map_err(|err| Failure::Missing(format!("{err:#}")))?
            }
        };
        self.bytes += bytes.len();
        if self.bytes > MAX_TOTAL {
            let limit = MAX_TOTAL / 1024 / 1024;
            let message = format!("the documents have more than {limit} MB together");
            return Err(Failure::Refused(message));
        }
        let name = location.name(&self.folder);
        let root = sources.read(&name, bytes);
        let root = root.map_err(|(at, message)| Failure::Syntax(at, message))?;
        documents.push(Document::new(location.clone(), root));
        let number = documents.len() - 1;
        self.known.insert(location, Ok(number));
        Ok(number)
    }

    /// Where a file lies in the end, through links.
    fn real(&self, location: Location) -> Result<Location, Failure> {
        let Location::File(path) = &location else { return Ok(location) };
        let shown = || location.name(&self.folder);
        let real = path.canonicalize().map_err(|err| match err.kind() {
            std::io::ErrorKind::NotFound => Failure::Missing(format!("there is no {}", shown())),
            _ => Failure::Missing(format!("{} cannot be read: {err}", shown())),
        })?;
        if !Path::is_file(&real) {
            return Err(Failure::Missing(format!("{} is no file", shown())));
        }
        Ok(Location::File(real))
    }

    async fn fetch(&mut self, url: &Url) -> Result<Vec<u8>, Failure> {
        let fetched = timeout(FETCH_LIMIT, self.fetch_through_redirects(url.clone())).await;
        fetched.unwrap_or_else(|_| {
            let limit = humantime::format_duration(FETCH_LIMIT);
            Err(Failure::Missing(format!("it took longer than {limit}")))
        })
    }

    async fn fetch_through_redirects(&mut self, mut url: Url) -> Result<Vec<u8>, Failure> {
        for _ in 0..=MAX_REDIRECTS {
            self.guard.check(&Location::Url(url.clone())).map_err(Failure::Refused)?;
            let client = self.client(&url).await?;
            let answer = client.get(url.clone()).send().await.map_err(missing)?;
            if !answer.status().is_redirection() {
                return body(answer).await;
            }
            let target = answer.headers().get(header::LOCATION).and_then(|it| it.to_str().ok());
            let target = target.and_then(|it| url.join(it).ok());
            url = target.ok_or_else(|| {
                Failure::Missing("the server redirects without saying where to".to_owned())
            })?;
        }
        Err(Failure::Missing(format!("the server redirects more than {MAX_REDIRECTS} times")))
    }

    /// A client that speaks to the addresses of the host that were checked, and no others: a name may
    /// lead elsewhere when it is asked again.
    async fn client(&mut self, url: &Url) -> Result<Client, Failure> {
        let port = url.port_or_known_default().unwrap_or_default();
        let key = format!("{}:{port}", url.host_str().unwrap_or_default());
        let addresses: Vec<SocketAddr> = match url.host() {
            Some(Host::Domain(host)) => {
                let found = tokio::net::lookup_host((host, port)).await;
                found.map_err(|err| Failure::Missing(format!("{host}: {err}")))?.collect()
            }
            _ => Vec::new(),
        };
        for address in &addresses {
            self.guard.check_address(url, address.ip()).map_err(Failure::Refused)?;
        }
        if let Some(client) = self.clients.get(&key) {
            return Ok(client.clone());
        }
        let builder = Client::builder().redirect(Policy::none()).timeout(FETCH_LIMIT);
        let builder = match url.host() {
            Some(Host::Domain(host)) => builder.resolve_to_addrs(host, &addresses),
            _ => builder,
        };
        let client = builder.build().map_err(missing)?;
        self.clients.insert(key, client.clone());
        Ok(client)
    }
}

async fn body(answer: Response) -> Result<Vec<u8>, Failure> {
    if !answer.status().is_success() {
        return Err(Failure::Missing(format!("the server answered {}", answer.status())));
    }
    let bytes = input::body(answer).await.map_err(missing)?;
    if bytes.len() > MAX_SIZE {
        let limit = MAX_SIZE / 1024 / 1024;
        return Err(Failure::Missing(format!("it is larger than {limit} MB")));
    }
    Ok(bytes)
}

#[expect(clippy::needless_pass_by_value, reason = "it is what map_err hands over")]
fn missing(err: reqwest::Error) -> Failure {
    Failure::Missing(innermost(&err))
}
