//! Info, servers and tags.

use std::net::IpAddr;

use super::{Linter, Rule};
use crate::document::{Node, Object};
use crate::validate::shown;
use crate::walk::Pointer;

impl<'a> Linter<'a, '_> {
    pub(super) fn open_api(&mut self, object: &'a Object, pointer: &Pointer<'_>) {
        let servers = object.get("servers").and_then(Node::as_array).unwrap_or_default();
        // One that only has components, or only webhooks, is reached nowhere.
        let has_paths =
            object.get("paths").and_then(Node::as_object).is_some_and(|it| !it.is_empty());
        if servers.is_empty() && has_paths {
            let at = self.root.at;
            self.tell(Rule::ServersMissing, at, pointer, "the description names no servers");
        }
    }

    pub(super) fn info(&mut self, node: &Node, object: &Object, pointer: &Pointer<'_>) {
        for (rule, key) in [
            (Rule::InfoDescription, "description"),
            (Rule::InfoContact, "contact"),
            (Rule::InfoLicense, "license"),
        ] {
            if !object.contains(key) {
                self.tell(rule, node.at, pointer, format!("`info` has no `{key}`"));
            }
        }
    }

    pub(super) fn server(&mut self, node: &Node, pointer: &Pointer<'_>) {
        let Some(url) = node.get("url") else { return };
        let Some(text) = url.as_str() else { return };
        let pointer = pointer.key("url");
        if is_local(text) {
            let message = format!("`{}` is the machine itself", shown(text));
            self.tell(Rule::ServerLocal, url.at, &pointer, message);
        } else if is_insecure(text) {
            let message = format!("`{}` is not encrypted", shown(text));
            self.tell(Rule::ServerInsecure, url.at, &pointer, message);
        }
        // Alone it is the server that the description comes from.
        if text.len() > 1 && text.ends_with('/') {
            let message = format!("`{}` ends with a slash", shown(text));
            self.tell(Rule::ServerTrailingSlash, url.at, &pointer, message);
        }
    }

    pub(super) fn tag(&mut self, node: &Node, pointer: &Pointer<'_>) {
        if node.get("description").is_none() {
            let name = node.text("name").map(shown).unwrap_or_default();
            let message = format!("the tag `{name}` has no description");
            self.tell(Rule::TagDescription, node.at, pointer, message);
        }
    }
}

/// Whether a server is reached over http://, and not on the machine itself.
pub(super) fn is_insecure(url: &str) -> bool {
    url.get(..7).is_some_and(|it| it.eq_ignore_ascii_case("http://")) && !is_local(url)
}

fn is_local(url: &str) -> bool {
    let Some((_, rest)) = url.split_once("://") else { return false };
    let authority = rest.split(['/', '?', '#']).next().unwrap_or(rest);
    let host = authority.rsplit('@').next().unwrap_or(authority);
    let host = match host.strip_prefix('[') {
        Some(address) => address.split(']').next().unwrap_or(address),
        None => host.split(':').next().unwrap_or(host),
    };
    let host = host.to_ascii_lowercase();
    let is_own = |it: IpAddr| it.is_loopback() || it.is_unspecified();
    host == "localhost" || host.ends_with(".localhost") || host.parse().is_ok_and(is_own)
}
