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
use crate::tls::issue::{self, Authority, Folder, Request};
use crate::tls::{self, Found, Kept, Moment, check_name};

/// Names of files that `--certs` reads for others than nodes.
const TAKEN: [&str; 2] = ["client", "server"];

/// A request to be signed, bytes: a key and a few hosts.
const REQUEST_BYTES_MAX: usize = 16 << 10;

/// Gives certificates at one member. Clones are the same one.
#[derive(Clone)]
pub(in crate::server) struct Registrar {
    tokens: Tokens,
    rng: Arc<dyn Rng>,
    /// Where the authority's certificate and key may be.
    certs: Option<PathBuf>,
    /// What this member shows to those who come.
    shows: Option<Arc<Kept>>,
}

impl Registrar {
    /// Of a node with these settings.
    pub(in crate::server) fn new(
        host: &Host,
        tls: Option<&TlsConfig>,
        shows: Option<Arc<Kept>>,
    ) -> Self {
        Self {
            tokens: Tokens::new(host.clock.clone()),
            rng: host.rng.clone(),
            certs: tls.and_then(|tls| tls.certs.clone()),
            shows,
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
    /// `Invalid` if this member cannot sign, or shows a certificate that no node with a token
    /// would take, and for times out of range; `LimitExceeded` if too many tokens are open.
    pub(in crate::server) fn create_token(
        &self,
        ttl: Duration,
        name: Option<String>,
    ) -> Result<Token> {
        let authority = self.folder()?.authority()?;
        self.check_shown(&authority)?;
        self.tokens
            .create(authority.digest(), ttl, name, &*self.rng)
    }

    /// Gives a certificate. `is_member` tells whether a name is taken. Reads files: blocks.
    ///
    /// # Errors
    /// `Denied` without a good token, for a member's name, and for one that has a certificate;
    /// `Invalid` for what cannot be signed. Only what was given uses the token up.
    pub(in crate::server) fn enroll(
        &self,
        asked: &EnrollRequest,
        is_member: impl Fn(&str) -> bool,
    ) -> Result<EnrollReply> {
        self.tokens.check(asked)?;
        check_name(&asked.name)?;
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
        // Of several that bring the same one at once, one gets what it is good for.
        let _alone = folder.lock()?;
        self.tokens.check(asked)?;
        let authority = folder.authority()?;
        check_free(&folder, &authority, &asked.name)?;
        let hosts = issue::hosts_of_request(&asked.signing_request)?;
        let request = Request::node(&asked.name, None, &hosts);
        let certificate = authority.sign_request(&request, &asked.signing_request, &*self.rng)?;
        let revoked = folder.revocations()?.unwrap_or_default();
        // IMPORTANT: before anybody has it, so that it can be revoked when the node is gone.
        folder.write_certificate(&asked.name, &certificate)?;
        let kept = folder.path(&format!("{}.crt", asked.name));
        let serial = Found::read(&kept)?.serial;
        let token = self.tokens.take(asked)?;
        tracing::info!(
            name = asked.name,
            serial,
            ?hosts,
            kept = %kept.display(),
            "a node got its certificate for a token"
        );
        Ok(token.vouch(EnrollReply {
            certificate,
            authority: authority.certificate_pem().to_owned(),
            revoked,
            ..EnrollReply::default()
        }))
    }

    /// A node with a token knows this member by its authority alone, which must be shown.
    fn check_shown(&self, authority: &Authority) -> Result<()> {
        let Some(shows) = &self.shows else {
            return Ok(());
        };
        let material = shows.current();
        let chain = material.credentials.chain();
        tls::check_enrolling(authority.digest(), chain).map_err(|why| {
            let cert = shows.files().cert.display();
            Error::invalid(format!(
                "no node with a token would know this member: {cert} is not of the authority in \
                 the first certificate of ca.crt beside ca.key, or does not hold that behind its \
                 own ({why}); `dkv cert rotate {cert}` issues it anew"
            ))
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

/// A certificate that is in force must stay where it can be revoked by its name.
fn check_free(folder: &Folder, authority: &Authority, name: &str) -> Result<()> {
    let (cert, key) = (format!("{name}.crt"), format!("{name}.key"));
    let denied = |message: String| Err(Error::new(ErrorKind::Denied, message));
    if TAKEN.iter().any(|taken| taken.eq_ignore_ascii_case(name)) {
        return denied(format!(
            "`{name}` is no name for a node: its certificate would be taken for that of a {}; \
             choose another --node-id",
            name.to_ascii_lowercase()
        ));
    }
    if folder.has(&key) {
        return denied(format!(
            "{name} has a certificate already: give it {cert} and {key} of {}, or choose another \
             --node-id",
            folder.dir().display()
        ));
    }
    if !folder.has(&cert) {
        return Ok(());
    }
    let found = Found::read(&folder.path(&cert))?;
    let ledger = folder.ledger()?;
    let is_revoked = ledger.is_some_and(|it| it.revoked_at(&found.serial).is_some());
    if is_revoked || found.not_after < Moment::now() || !authority.has_signed(&found) {
        return Ok(());
    }
    denied(format!(
        "{name} has a certificate already, which is valid until {}: if it is lost, revoke it (dkv \
         cert revoke {name}, where {} is); or choose another --node-id",
        found.not_after,
        folder.dir().display()
    ))
}
