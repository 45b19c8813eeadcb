//! Who sent a request.

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;

use http::Extensions;

use super::allowance::Allowances;
use super::crowd::Crowded;
use super::rate::Rate;
use crate::base::Result;
use crate::tls::Identity;

/// Who sent a request: every request that comes over a port carries it.
#[derive(Clone)]
pub(in crate::server) struct Caller {
    /// Where they are; nothing on a Unix socket.
    pub(in crate::server) remote: Option<SocketAddr>,
    /// Where they came to; nothing on a Unix socket.
    pub(in crate::server) local: Option<SocketAddr>,
    /// Whom their certificate names, if they gave one.
    pub(in crate::server) identity: Option<Arc<Identity>>,
    /// How fast their connection may ask.
    pub(in crate::server) rate: Option<Arc<Rate>>,
    /// What their connection may make the node hold.
    pub(in crate::server) allowances: Allowances,
}

impl Caller {
    /// Who sent a request with these extensions; nobody if it came over no port.
    pub(in crate::server) fn of(extensions: &Extensions) -> Option<&Self> {
        extensions.get()
    }

    /// How fast whoever sent a request with these extensions may ask.
    pub(in crate::server) fn rate_of(extensions: &Extensions) -> Option<&Arc<Rate>> {
        Self::of(extensions)?.rate.as_ref()
    }

    /// What the connection of whoever sent a request with these extensions may make the node
    /// hold.
    pub(in crate::server) fn allowances_of(extensions: &Extensions) -> Option<&Allowances> {
        Some(&Self::of(extensions)?.allowances)
    }

    /// Lets a request with these extensions be open.
    ///
    /// # Errors
    /// `LimitExceeded` if its address has too many open.
    pub(in crate::server) fn seat(extensions: &Extensions) -> Result<()> {
        match extensions.get::<Crowded>() {
            None => Ok(()),
            Some(_) => Err(Crowded::refusal()),
        }
    }

    /// Lets a request with these extensions in.
    ///
    /// # Errors
    /// `LimitExceeded` if its address has too many open, or it came too soon behind others.
    pub(in crate::server) fn admit(extensions: &Extensions) -> Result<()> {
        Self::seat(extensions)?;
        Self::rate_of(extensions).map_or(Ok(()), |rate| rate.take())
    }
}

impl fmt::Display for Caller {
    /// `127.0.0.1:4711, client alice`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.remote {
            Some(remote) => remote.fmt(f)?,
            None => f.write_str("a Unix socket")?,
        }
        match &self.identity {
            Some(identity) => write!(f, ", {identity}"),
            None => Ok(()),
        }
    }
}
