//! Security schemes that protect less than they seem to.

use super::{Linter, Rule};
use crate::document::{Node, Object};
use crate::walk::Pointer;

impl Linter<'_, '_> {
    pub(super) fn security_scheme(&mut self, node: &Node, pointer: &Pointer<'_>) {
        match (node.text("type"), node.text("in"), node.text("scheme")) {
            (Some("apiKey"), Some("query"), _) => {
                let message = "the key stands in the address";
                self.tell(Rule::SecurityKeyQuery, node.at, pointer, message);
            }
            (Some("http"), _, Some(scheme))
                if scheme.eq_ignore_ascii_case("basic") && self.is_insecure =>
            {
                let message = "passwords are sent to a server of http://";
                self.tell(Rule::SecurityBasicHttp, node.at, pointer, message);
            }
            _ => {}
        }
    }

    pub(super) fn oauth_flows(&mut self, object: &Object, pointer: &Pointer<'_>) {
        if let Some(entry) = object.entry("implicit") {
            let message = "the implicit flow is offered";
            self.tell(Rule::SecurityImplicit, entry.at, &pointer.key("implicit"), message);
        }
    }
}
