//! Getting this node's certificate from the cluster that it is about to join, for a token.

use std::io;
use std::path::Path;
use std::time::Duration;

use super::Waiting;
use super::tokens::Token;
use crate::base::host::SmallFile;
use crate::base::{Error, ErrorKind, Result};
use crate::proto::peer::EnrollReply;
use crate::server::peer::enroll;
use crate::server::settings::{ListenAddress, ServeConfig, TlsConfig};
use crate::tls::issue::{self, Folder, Issued};

/// A token, bytes, with room for blanks.
const TOKEN_BYTES_MAX: u64 = 4 << 10;
/// Permission bits of its file that let others read it, or put another in its place.
const TOKEN_MODE_WARNED: u32 = 0o077;

/// How long one question may take, and how long a node waits before it asks again.
const ASK_WITHIN: Duration = Duration::from_secs(10);
const ASK_AGAIN: Duration = Duration::from_millis(500);

/// Sees to it that a node that was given a token has a certificate, which stays in its
/// directory: whoever starts it again with the same words needs the token no more. Waits for
/// the member that made the token as long as that takes; may be dropped meanwhile.
///
/// # Errors
/// `Invalid` if the token cannot be read or the directory not written, and for an answer that
/// nobody gave who made the token; what the member says if it gives none.
pub(in crate::server) async fn certify(config: &ServeConfig, waiting: &Waiting) -> Result<()> {
    let Some(wanted) = Wanted::of(config) else {
        return Ok(());
    };
    if is_there(&wanted.tls.files.cert) {
        return Ok(());
    }
    let token = Token::read(&read(wanted.token)?)
        .map_err(|error| Error::invalid(format!("{}: {error}", wanted.token.display())))?;
    // Before the token is used up.
    issue::trust_beside(wanted.certs, &token.authority)?;
    let hosts = hosts(config);
    let (signing_request, key) = issue::new_request(&hosts)?;
    let request = token.request(wanted.name, signing_request);
    loop {
        let asked = enroll(wanted.join, &token.authority, request.clone(), ASK_WITHIN).await;
        match asked {
            Ok(reply) => return wanted.keep(&token, reply, key),
            Err(error) if may_change(&error) => {
                tracing::debug!(%error, "no certificate yet");
                waiting.for_others(format!(
                    "waiting for its certificate from {} (--join): {error}",
                    wanted.join
                ));
                tokio::time::sleep(ASK_AGAIN).await;
            }
            Err(error) => return Err(error),
        }
    }
}

/// What is needed to ask.
struct Wanted<'a> {
    tls: &'a TlsConfig,
    token: &'a Path,
    certs: &'a Path,
    name: &'a str,
    join: &'a str,
}

impl<'a> Wanted<'a> {
    fn of(config: &'a ServeConfig) -> Option<Self> {
        let tls = config.tls.as_ref()?;
        Some(Self {
            tls,
            token: tls.join_token.as_deref()?,
            certs: tls.certs.as_deref()?,
            name: config.node_id.as_deref()?,
            join: config.cluster.join.as_deref()?,
        })
    }

    /// Keeps what the member gave, if it is what was asked for; whom the directory trusts
    /// already stays.
    ///
    /// IMPORTANT: the certificate last. Without it the node would ask again at its next
    /// start, with a token that is used up; with it, everything else is there.
    fn keep(&self, token: &Token, reply: EnrollReply, key_pem: String) -> Result<()> {
        let unusable = |why: &dyn std::fmt::Display| {
            Error::invalid(format!(
                "{} (--join) answered, and nothing of that is kept: {why}",
                self.join
            ))
        };
        if !token.vouches(&reply) {
            return Err(unusable(
                &"it has not the token, so another member made that, or somebody is between: make \
                  one (dkv cluster token create) and --join the address that is printed with it",
            ));
        }
        let trusted = issue::trust_beside(self.certs, &token.authority)?;
        let issued = Issued {
            certificate_pem: reply.certificate,
            key_pem,
        };
        let (trust, revoked) = (trusted.as_ref().unwrap_or(&reply.authority), &reply.revoked);
        issue::check_received(&token.authority, self.name, &issued, trust, revoked)
            .map_err(|error| unusable(&error))?;
        let folder = Folder::create(self.certs)?;
        match trusted {
            None => folder.write_trust(&reply.authority, revoked)?,
            Some(_) if revoked.is_empty() => {}
            Some(_) if !issue::may_follow(self.certs, revoked)? => tracing::warn!(
                "{}/ca.crl is later than what the member has, or has lists of others, and stays: \
                 the nodes are to have the same (`dkv cert show` reads it)",
                self.certs.display()
            ),
            Some(_) => folder.write_revocations(revoked)?,
        }
        folder.write_pair(self.name, &issued)?;
        tracing::info!(
            certificate = %self.tls.files.cert.display(),
            "this node got its certificate from {}",
            self.join
        );
        Ok(())
    }
}

/// Nobody listens there yet, or it was busy. A refusal stays one.
fn may_change(error: &Error) -> bool {
    matches!(error.kind(), ErrorKind::Unavailable | ErrorKind::Timeout)
}

/// Where others call this node.
fn hosts(config: &ServeConfig) -> Vec<String> {
    let host = |address: &str| {
        let (host, _) = address.rsplit_once(':')?;
        Some(host.trim_matches(['[', ']']).to_owned())
    };
    let told = [&config.advertise, &config.cluster.peer_advertise];
    let told = told.into_iter().flatten().filter_map(|it| host(it));
    let listening = config.listen.iter().filter_map(|address| match address {
        ListenAddress::Tcp(address) if !address.ip().is_unspecified() => {
            Some(address.ip().to_string())
        }
        _ => None,
    });
    let here = ["localhost", "127.0.0.1", "::1"].map(str::to_owned);
    let mut hosts: Vec<String> = told.chain(listening).chain(here).collect();
    hosts.sort();
    hosts.dedup();
    hosts.retain(|host| issue::check_host(host).is_ok());
    hosts
}

#[allow(
    clippy::disallowed_methods,
    reason = "a file of the user, before the node has a disk"
)]
fn is_there(path: &Path) -> bool {
    path.exists()
}

fn read(path: &Path) -> Result<String> {
    let refused = |why: &dyn std::fmt::Display| {
        let path = path.display();
        Error::invalid(format!(
            "cannot read the token {path} (--join-token-file): {why}"
        ))
    };
    let file = SmallFile::read(path, TOKEN_BYTES_MAX).map_err(|error| match error.kind() {
        io::ErrorKind::InvalidInput => refused(&"it is no regular file"),
        io::ErrorKind::FileTooLarge => refused(&"it is too long to be one"),
        _ => refused(&error).with_source(error),
    })?;
    if file.mode & TOKEN_MODE_WARNED != 0 {
        let path = path.display();
        tracing::warn!(
            "the token {path} (--join-token-file) has mode {:04o}: others of this machine can \
             use it; `dkv cluster token create --out FILE` writes it for its owner alone",
            file.mode
        );
    }
    String::from_utf8(file.bytes).map_err(|_| refused(&"it is no text"))
}
