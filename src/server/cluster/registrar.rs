//! Giving certificates to new nodes, for tokens.
//!
//! Invariant: who asks gets a certificate for the name it says, if that is no member's; of
//! what else it asks for only its key and its hosts count.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use super::tokens::{Token, Tokens};
use crate::base::host::{Host, Rng};
use crate::base::{Error, ErrorKind, Result};
use crate::proto::peer::{EnrollReply, EnrollRequest};
use crate::server::settings::TlsConfig;
use crate::tls::issue::{self, Folder, Request};

/// A request to be signed, bytes: a key and a few hosts.
const REQUEST_BYTES_MAX: usize = 16 << 10;

/// Gives certificates at one member. Clones are the same one.
#[derive(Clone)]
pub(in crate::server) struct Registrar {
    tokens: Tokens,
    rng: Arc<dyn Rng>,
    /// Where the authority's certificate and key may be.
    certs: Option<PathBuf>,
}

impl Registrar {
    /// Of a node with these settings.
    pub(in crate::server) fn new(host: &Host, tls: Option<&TlsConfig>) -> Self {
        Self {
            tokens: Tokens::new(host.clock.clone()),
            rng: host.rng.clone(),
            certs: tls.and_then(|tls| tls.certs.clone()),
        }
    }

    /// Whether a node may come that has no certificate yet.
    pub(in crate::server) fn expects_somebody(&self) -> bool {
        self.tokens.is_any_open()
    }

    /// Whether this member may have the authority's key.
    pub(in crate::server) fn signs(&self) -> bool {
        self.certs.is_some()
    }

    /// Makes a token, for the node called `name` or for any. Reads files: blocks.
    ///
    /// # Errors
    /// `Invalid` if this member cannot sign, and for times out of range; `LimitExceeded` if
    /// too many tokens are open.
    pub(in crate::server) fn create_token(
        &self,
        ttl: Duration,
        name: Option<String>,
    ) -> Result<Token> {
        let authority = self.folder()?.authority()?;
        self.tokens
            .create(authority.digest(), ttl, name, &*self.rng)
    }

    /// Gives a certificate. `is_member` tells whether a name is taken. Reads files: blocks.
    ///
    /// # Errors
    /// `Denied` without a good token, or for a member's name; `Invalid` for what cannot be
    /// signed. Only what was given uses the token up.
    pub(in crate::server) fn enroll(
        &self,
        asked: &EnrollRequest,
        is_member: impl Fn(&str) -> bool,
    ) -> Result<EnrollReply> {
        self.tokens.check(&asked.secret, &asked.name)?;
        if is_member(&asked.name) {
            let name = asked.name.escape_debug();
            return Err(Error::new(
                ErrorKind::Denied,
                format!(
                    "{name} is a member already: choose another --node-id, or remove that one \
                     first (dkv cluster remove {name})"
                ),
            ));
        }
        if asked.signing_request.len() > REQUEST_BYTES_MAX {
            return Err(Error::invalid(format!(
                "a signing request has {REQUEST_BYTES_MAX} bytes at most"
            )));
        }
        let folder = self.folder()?;
        let authority = folder.authority()?;
        let hosts = issue::hosts_of_request(&asked.signing_request)?;
        let request = Request::node(&asked.name, None, &hosts);
        let certificate = authority.sign_request(&request, &asked.signing_request, &*self.rng)?;
        let revoked = folder.revocations()?.unwrap_or_default();
        // Of several that bring the same one at once, one gets what it is good for.
        self.tokens.take(&asked.secret, &asked.name)?;
        tracing::info!(
            name = asked.name,
            ?hosts,
            "a node got its certificate for a token"
        );
        Ok(EnrollReply {
            certificate,
            authority: authority.certificate_pem().to_owned(),
            revoked,
        })
    }

    fn folder(&self) -> Result<Folder> {
        let Some(certs) = &self.certs else {
            return Err(Error::invalid(
                "this member signs no certificates: it was not started with --certs DIR, where the \
                 authority's key is; issue the certificate where that is (dkv cert node NAME)",
            ));
        };
        Folder::open(certs)
    }
}
