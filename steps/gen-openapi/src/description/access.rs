//! What references may lead to.
//!
//! A description may come from someone who is not trusted with the files and the network of the machine
//! that reads it: a `$ref` must not bring in `/etc/passwd`, or the credentials that a cloud hands out at
//! 169.254.169.254.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::{Path, PathBuf};

use step_core::Fail;
use url::{Host, Url};

use super::location::{Location, without_dots};

/// Where references may lead besides the folder that is worked in.
#[derive(Debug, Clone, Default)]
pub(crate) struct Access {
    /// Folders and URLs, by how they begin.
    pub(crate) allowed: Vec<String>,
    /// The folder that files have to lie in; when empty the repository's around the current folder,
    /// else the current folder.
    pub(crate) root: PathBuf,
}

/// The rules for the references of one description.
#[derive(Debug)]
pub(super) struct Guard {
    folders: Vec<PathBuf>,
    urls: Vec<Prefix>,
}

#[derive(Debug)]
enum Prefix {
    /// All public addresses of a scheme.
    Scheme(&'static str),
    Url(Url),
}

impl Guard {
    /// The rules for a description that lies at `start`, read in `folder`.
    ///
    /// # Errors
    /// Exit 2: what is allowed is written wrong.
    pub(super) fn new(access: &Access, start: &Location, folder: &Path) -> Result<Self, Fail> {
        let root = match access.root.as_os_str().is_empty() {
            true => repository(folder),
            false => real(&folder.join(&access.root)),
        };
        let mut guard = Self { folders: vec![root], urls: Vec::new() };
        match start {
            Location::File(path) if !guard.folders.iter().any(|it| path.starts_with(it)) => {
                guard.folders.push(repository(path.parent().unwrap_or(path)));
            }
            Location::Url(url) => {
                let mut origin = url.clone();
                origin.set_path("/");
                origin.set_query(None);
                guard.urls.push(Prefix::Url(origin));
            }
            Location::File(_) | Location::Git { .. } => {}
        }
        for prefix in &access.allowed {
            guard.allow(prefix, folder)?;
        }
        Ok(guard)
    }

    fn allow(&mut self, prefix: &str, folder: &Path) -> Result<(), Fail> {
        match prefix {
            "" => return Err(Fail::invalid("a prefix of allowed references is empty")),
            "http://" => self.urls.push(Prefix::Scheme("http")),
            "https://" => self.urls.push(Prefix::Scheme("https")),
            _ if prefix.contains("://") => {
                let url = prefix.parse().map_err(|err| {
                    Fail::invalid(format!("`{prefix}` allows no references: {err}"))
                        .help("write it as https://HOST/PATH")
                })?;
                self.urls.push(Prefix::Url(url));
            }
            _ => self.folders.push(real(&folder.join(prefix))),
        }
        Ok(())
    }

    /// Whether a document may be read.
    ///
    /// # Errors
    /// Why not.
    pub(super) fn check(&self, location: &Location) -> Result<(), String> {
        match location {
            Location::Git { .. } => Ok(()),
            Location::File(path) if self.folders.iter().any(|it| path.starts_with(it)) => Ok(()),
            Location::File(_) => Err("it lies outside of the repository".to_owned()),
            Location::Url(url) => {
                if !self.urls.iter().any(|prefix| prefix.covers(url)) {
                    return Err("the address is not among those that are allowed".to_owned());
                }
                let address = match url.host() {
                    Some(Host::Ipv4(address)) => Some(IpAddr::V4(address)),
                    Some(Host::Ipv6(address)) => Some(IpAddr::V6(address)),
                    _ => None,
                };
                address.map_or(Ok(()), |address| self.check_address(url, address))
            }
        }
    }

    /// Whether a host may be spoken to that has this address.
    ///
    /// # Errors
    /// The address is not a public one, and nobody named the host.
    pub(super) fn check_address(&self, url: &Url, address: IpAddr) -> Result<(), String> {
        let is_named = self.urls.iter().any(|it| matches!(it, Prefix::Url(_)) && it.covers(url));
        if is_named || is_public(address) {
            return Ok(());
        }
        Err(format!("its address {address} is not a public one"))
    }
}

impl Prefix {
    fn covers(&self, url: &Url) -> bool {
        match self {
            Prefix::Scheme(scheme) => url.scheme() == *scheme,
            Prefix::Url(prefix) => {
                let rest = url.path().strip_prefix(prefix.path());
                url.origin() == prefix.origin()
                    && rest.is_some_and(|rest| {
                        rest.is_empty() || rest.starts_with('/') || prefix.path().ends_with('/')
                    })
            }
        }
    }
}

/// The root of the repository around a folder, else the folder.
pub(super) fn repository(folder: &Path) -> PathBuf {
    let folder = real(folder);
    let root = folder.ancestors().find(|it| it.join(".git").exists()).map(Path::to_owned);
    root.unwrap_or(folder)
}

/// Where a path leads in the end.
fn real(path: &Path) -> PathBuf {
    path.canonicalize().unwrap_or_else(|_| without_dots(path))
}

/// Whether an address belongs to the public network, by the registries of IANA:
/// <https://www.iana.org/assignments/iana-ipv4-special-registry> and
/// <https://www.iana.org/assignments/iana-ipv6-special-registry>.
fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => match embedded(address) {
            Some(inner) => is_public_v4(inner),
            None => {
                let first = address.segments()[0];
                // Global unicast is 2000::/3; of it 2001:db8::/32 is for documentation.
                first & 0xE000 == 0x2000 && !(first == 0x2001 && address.segments()[1] == 0xDB8)
            }
        },
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    let [a, b, c, _] = address.octets();
    let is_special = address.is_private()
        || address.is_loopback()
        || address.is_link_local()
        || address.is_multicast()
        || address.is_documentation()
        || a == 0
        || a >= 240
        // Between a provider and its customers.
        || (a == 100 && b & 0xC0 == 64)
        || (a == 192 && b == 0 && c == 0)
        // Benchmarks.
        || (a == 198 && b & 0xFE == 18);
    !is_special
}

/// The address of version 4 that one of version 6 leads to: mapped, NAT64, or 6to4.
fn embedded(address: Ipv6Addr) -> Option<Ipv4Addr> {
    let segments = address.segments();
    let of = |high: u16, low: u16| Ipv4Addr::from(u32::from(high) << 16 | u32::from(low));
    match segments {
        [0, 0, 0, 0, 0, 0xFFFF, high, low] | [0x64, 0xFF9B, 0, 0, 0, 0, high, low] => {
            Some(of(high, low))
        }
        [0x2002, high, low, ..] => Some(of(high, low)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn guard(allowed: &[&str], start: &str) -> Guard {
        let allowed = allowed.iter().map(|it| (*it).to_owned()).collect();
        let access = Access { allowed, root: "/repository".into() };
        let start = Location::File("/repository/a.yaml".into()).join(start).unwrap();
        Guard::new(&access, &start, Path::new("/repository/api")).unwrap()
    }

    #[test]
    fn references_lead_where_they_are_allowed_to_and_nowhere_else() {
        for (allowed, start, location, expected) in [
            (&[][..], "a.yaml", "/repository/x/b.yaml", true),
            (&[], "a.yaml", "/repository-2/b.yaml", false),
            (&[], "a.yaml", "/etc/passwd", false),
            (&[], "/elsewhere/a.yaml", "/elsewhere/b.yaml", true),
            (&["../../shared"], "a.yaml", "/shared/b.yaml", true),
            (&["../../shared"], "a.yaml", "/shared-2/b.yaml", false),
            (&[], "a.yaml", "https://example.com/b", false),
            (&["https://example.com/b/"], "a.yaml", "https://example.com/b/c", true),
            (&["https://example.com/b"], "a.yaml", "https://example.com/b/c", true),
            (&["https://example.com/b"], "a.yaml", "https://example.com/bc", false),
            (&["https://example.com/b/"], "a.yaml", "https://example.com/b/../c", false),
            (&["https://example.com/b/"], "a.yaml", "https://example.com/b/%2e%2e/c", false),
            (&["https://example.com"], "a.yaml", "https://example.com.evil.org/", false),
            (&["https://example.com"], "a.yaml", "https://example.com@evil.org/", false),
            (&["https://example.com"], "a.yaml", "http://example.com/", false),
            (&["https://example.com"], "a.yaml", "https://example.com:444/", false),
            (&["https://"], "a.yaml", "https://example.com/", true),
            (&["http://"], "a.yaml", "http://169.254.169.254/latest/meta-data", false),
            (&["http://"], "a.yaml", "http://2852039166/latest/meta-data", false),
            (&["http://"], "a.yaml", "http://0xA9FEA9FE/latest/meta-data", false),
            (&["http://"], "a.yaml", "http://[::ffff:169.254.169.254]/", false),
            (&["http://"], "a.yaml", "http://[::1]/", false),
            (&["http://127.0.0.1:8080"], "a.yaml", "http://127.0.0.1:8080/a", true),
            (&["http://127.0.0.1:8080"], "a.yaml", "http://127.0.0.1:8081/a", false),
            (&[], "https://example.com/x/a.json", "https://example.com/b.json", true),
            (&[], "https://example.com/x/a.json", "https://example.org/b.json", false),
            (&[], "http://127.0.0.1:8080/a.json", "http://127.0.0.1:8080/b.json", true),
            (&[], "http://127.0.0.1:8080/a.json", "http://127.0.0.1:8081/b.json", false),
        ] {
            let guard = guard(allowed, start);
            let location = Location::File("/repository/a.yaml".into()).join(location).unwrap();
            assert_eq!(guard.check(&location).is_ok(), expected, "{location:?} by {allowed:?}");
        }
    }

    #[test]
    fn addresses_that_are_not_public_are_known() {
        for address in [
            "10.1.2.3",
            "172.16.0.1",
            "192.168.1.1",
            "127.0.0.1",
            "169.254.169.254",
            "0.0.0.0",
            "100.64.0.1",
            "198.18.0.1",
            "192.0.0.8",
            "224.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "fe80::1",
            "fc00::1",
            "fd00:ec2::254",
            "ff02::1",
            "::ffff:10.0.0.1",
            "64:ff9b::a00:1",
            "2002:a00:1::",
            "2001:db8::1",
            "::7f00:1",
        ] {
            assert!(!is_public(address.parse().unwrap()), "{address}");
        }
        for address in ["8.8.8.8", "172.32.0.1", "100.128.0.1", "2606:4700::1111", "::ffff:8.8.8.8"]
        {
            assert!(is_public(address.parse().unwrap()), "{address}");
        }
    }
}
