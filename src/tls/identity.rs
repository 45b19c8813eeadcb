//! Whom a certificate names.

use std::fmt;

use uuid::Uuid;

use crate::base::types::NodeId;
use crate::base::{Error, Result};

/// Characters of a name: what a common name of a certificate may have (RFC 5280, A.1).
const NAME_CHARS_MAX: usize = 64;
/// Where the names of dkv begin.
const SCHEME: &str = "dkv://";

/// What the holder of a certificate may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A member of a cluster, and a server for clients.
    Node,
    /// A server for clients alone.
    Server,
    /// Whoever asks a server.
    Client,
}

impl Kind {
    /// As people write it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Node => "node",
            Self::Server => "server",
            Self::Client => "client",
        }
    }
}

/// The holder of a certificate, by the word of the authority that signed it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// What it may be.
    pub kind: Kind,
    /// What it is called.
    pub name: String,
    /// The one node that may be called so, if the certificate is bound to it.
    pub node: Option<NodeId>,
}

impl Identity {
    /// Reads `dkv://node/NAME`, `dkv://node/NAME/UUID` or `dkv://client/NAME`. `None` for
    /// what does not begin with `dkv://`.
    ///
    /// # Errors
    /// `Invalid` for anything else that begins so.
    pub fn from_uri(uri: &str) -> Result<Option<Self>> {
        let is_ours = uri
            .get(..SCHEME.len())
            .is_some_and(|start| start.eq_ignore_ascii_case(SCHEME));
        if !is_ours {
            return Ok(None);
        }
        let parts: Vec<&str> = uri[SCHEME.len()..].split('/').collect();
        let (kind, name, node) = match parts[..] {
            ["client", name] => (Kind::Client, name, None),
            ["node", name] => (Kind::Node, name, None),
            ["node", name, id] => (Kind::Node, name, Some(node_id(uri, id)?)),
            _ => return Err(strange(uri)),
        };
        check_name(name)?;
        Ok(Some(Self {
            kind,
            name: name.to_owned(),
            node,
        }))
    }

    /// What [`Identity::from_uri`] reads back; `None` for a server, which needs no name.
    pub fn uri(&self) -> Option<String> {
        match (self.kind, self.node) {
            (Kind::Server, _) => None,
            (Kind::Client, _) => Some(format!("{SCHEME}client/{}", self.name)),
            (Kind::Node, None) => Some(format!("{SCHEME}node/{}", self.name)),
            (Kind::Node, Some(id)) => Some(format!("{SCHEME}node/{}/{id}", self.name)),
        }
    }
}

impl fmt::Display for Identity {
    /// `client alice`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.kind.as_str(), self.name.escape_debug())
    }
}

/// Refuses a name that could not be told from something else in a log or in a file's name.
///
/// # Errors
/// `Invalid`, with what a name may be.
pub fn check_name(name: &str) -> Result<()> {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-' | '@');
    let fits = (1..=NAME_CHARS_MAX).contains(&name.len())
        && name.chars().all(is_plain)
        && name.starts_with(|c: char| c.is_ascii_alphanumeric());
    if fits {
        return Ok(());
    }
    Err(Error::invalid(format!(
        "`{}` is no name for a certificate: 1 to {NAME_CHARS_MAX} of a-z, A-Z, 0-9, `.`, `_`, \
         `-` and `@`, the first of them a letter or a digit",
        name.escape_debug()
    )))
}

fn node_id(uri: &str, text: &str) -> Result<NodeId> {
    let id = Uuid::try_parse(text).map_err(|_| strange(uri))?;
    // One way to write it: two texts that mean the same node would be two names.
    if id.hyphenated().to_string() != text {
        return Err(strange(uri));
    }
    Ok(NodeId(id.into_bytes()))
}

fn strange(uri: &str) -> Error {
    Error::invalid(format!(
        "the name `{}` in a certificate is not understood: `dkv://node/NAME`, \
         `dkv://node/NAME/UUID` and `dkv://client/NAME` are",
        uri.escape_debug()
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "6ba7b810-9dad-41d1-80b4-00c04fd430c8";

    #[test]
    fn names_are_read_as_they_are_written() {
        for uri in [
            "dkv://client/alice".to_owned(),
            "dkv://client/bob@example.com".to_owned(),
            "dkv://node/n1".to_owned(),
            format!("dkv://node/n1/{ID}"),
        ] {
            let identity = Identity::from_uri(&uri).unwrap().unwrap();
            assert_eq!(identity.uri().as_deref(), Some(&*uri));
        }
        let node = Identity::from_uri(&format!("dkv://node/n1/{ID}"));
        assert_eq!(node.unwrap().unwrap().node.unwrap().to_string(), ID);
        assert_eq!(Identity::from_uri("spiffe://example.com/n1").unwrap(), None);
        assert_eq!(Identity::from_uri("é").unwrap(), None);
    }

    #[test]
    fn what_begins_like_a_name_and_is_none_is_refused() {
        for uri in [
            "dkv://",
            "DKV://node/n1/x",
            "dkv://admin/alice",
            "dkv://client/",
            "dkv://client/alice/",
            "dkv://client/al%69ce",
            "dkv://client/alice?node",
            "dkv://client/-alice",
            "dkv://client/../n1",
            "dkv://node/n1/6BA7B810-9DAD-41D1-80B4-00C04FD430C8",
            "dkv://node/n1/6ba7b8109dad41d180b400c04fd430c8",
            "dkv://node/a b",
            "dkv:///node/n1",
        ] {
            assert!(Identity::from_uri(uri).is_err(), "{uri}");
        }
        let long = format!("dkv://client/{}", "a".repeat(65));
        assert!(Identity::from_uri(&long).is_err());
    }
}
