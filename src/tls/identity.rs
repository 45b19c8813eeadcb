//! Whom a certificate names.

use std::fmt;

use crate::base::types::NodeId;

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

impl fmt::Display for Identity {
    /// `client alice`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.kind.as_str(), self.name.escape_debug())
    }
}
