//! Whom a client trusts with TLS, and who it says it is.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::RwLock;
use tokio::io::{AsyncRead, AsyncWrite};

use crate::base::{Error, Result};
use crate::tls::{self, Authorities, Connected, Credentials, Failure, Files, Pem, Side};

/// How TLS is spoken. Files are read when the client is made, and anew for each connection
/// that is opened later; those that are then no good change nothing.
///
/// ```
/// use dkv::client::{ClientOptions, Pem, TlsOptions};
///
/// let tls = TlsOptions {
///     certificate: Some(Pem::from("certs/alice.crt")),
///     key: Some(Pem::from("certs/alice.key")),
///     ..TlsOptions::trusting("certs/ca.crt")
/// };
/// let options = ClientOptions {
///     tls: Some(tls),
///     ..ClientOptions::to("db.example:8080")
/// };
/// # assert!(options.tls.is_some());
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TlsOptions {
    /// The authorities whose servers are trusted. There are no others: it must be given.
    pub authorities: Option<Pem>,
    /// What those have revoked.
    pub revocations: Option<Pem>,
    /// The certificate that is shown to a server that asks for one, with those between it
    /// and its authority.
    pub certificate: Option<Pem>,
    /// The private key of that.
    pub key: Option<Pem>,
    /// The name or address that servers' certificates must have; `None`: the host that is
    /// dialled.
    pub server_name: Option<String>,
}

impl TlsOptions {
    /// Trusts the servers of these authorities, and shows nothing.
    pub fn trusting(authorities: impl Into<Pem>) -> Self {
        Self {
            authorities: Some(authorities.into()),
            ..Self::default()
        }
    }

    /// With what `dkv cert` wrote to a directory: `ca.crt`, and `ca.crl`, `client.crt` and
    /// `client.key` if they are there.
    pub fn in_dir(dir: impl AsRef<Path>) -> Self {
        let dir = dir.as_ref();
        let if_there = |name| Some(Pem::IfThere(dir.join(name)));
        Self {
            revocations: if_there("ca.crl"),
            certificate: if_there("client.crt"),
            key: if_there("client.key"),
            ..Self::trusting(Files::ca_in_dir(dir))
        }
    }

    /// Whom to trust, and what is shown: one may be good while the other is not.
    fn read(&self) -> (Result<Authorities>, Result<Option<Credentials>>) {
        let authorities = self.authorities.as_ref().ok_or_else(|| {
            Error::invalid(
                "TLS needs the certificate of the authority that the servers' certificates are \
                 of: give it with --ca FILE, or its directory with --certs DIR",
            )
        });
        let authorities =
            authorities.and_then(|it| Authorities::given(it, self.revocations.as_ref()));
        let mut credentials = self.credentials();
        // So that a certificate which is not for clients is refused before it is shown.
        if let (Ok(authorities), Ok(Some(shown))) = (&authorities, &credentials)
            && let Err(error) = tls::client_config(authorities, Some(shown), &[])
        {
            credentials = Err(error);
        }
        (authorities, credentials)
    }

    fn credentials(&self) -> Result<Option<Credentials>> {
        match (&self.certificate, &self.key) {
            (None, None) => Ok(None),
            (Some(certificate), Some(key)) => Credentials::given(certificate, key),
            (Some(_), None) => Err(Error::invalid(
                "a certificate is shown with its private key: give that with --key FILE",
            )),
            (None, Some(_)) => Err(Error::invalid(
                "a private key is of a certificate: give that with --cert FILE",
            )),
        }
    }

    fn may_change(&self) -> bool {
        let all = [
            &self.authorities,
            &self.revocations,
            &self.certificate,
            &self.key,
        ];
        all.into_iter().flatten().any(Pem::may_change)
    }
}

/// What was read.
struct Material {
    authorities: Authorities,
    credentials: Option<Credentials>,
}

/// TLS as a client speaks it: what was read last and was good.
pub(crate) struct Tls {
    options: Arc<TlsOptions>,
    current: RwLock<Arc<Material>>,
}

impl Tls {
    /// Reads the files.
    ///
    /// # Errors
    /// `Invalid`, naming the file or the flag, and what is wrong with it.
    pub(crate) async fn open(options: TlsOptions) -> Result<Self> {
        if let Some(name) = &options.server_name {
            tls::server_name(name)?;
        }
        let options = Arc::new(options);
        let (authorities, credentials) = read(&options).await?;
        let material = Material {
            authorities: authorities?,
            credentials: credentials?,
        };
        Ok(Self {
            options,
            current: RwLock::new(Arc::new(material)),
        })
    }

    /// The handshake with a server that was dialled as `host`, to speak `alpn`.
    pub(crate) async fn secure<S>(
        &self,
        host: &str,
        alpn: &[u8],
        stream: S,
        within: Duration,
    ) -> Result<Connected<S>, Failure>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let other = |error: Error| Failure {
            side: Side::Client,
            cause: tls::Cause::Other(error.message().to_owned()),
        };
        let Material {
            authorities,
            credentials,
        } = &*self.latest().await;
        let config = tls::client_config(authorities, credentials.as_ref(), &[alpn]);
        let config = config.map_err(other)?;
        let name = self.options.server_name.as_deref().unwrap_or(host);
        let name = tls::server_name(name).map_err(other)?;
        let shaking = tls::connect(&config, name, stream, Side::Client);
        tokio::time::timeout(within, shaking)
            .await
            .unwrap_or_else(|_| Err(Failure::timed_out(Side::Client, within)))
    }

    /// What the files say now. What is not good of it stays as it was: a certificate that has
    /// expired keeps nobody from being shut out.
    async fn latest(&self) -> Arc<Material> {
        let known = Arc::clone(&self.current.read());
        if !self.options.may_change() {
            return known;
        }
        let Ok((authorities, credentials)) = read(&self.options).await else {
            return known;
        };
        // Whoever was shut out stays so: a list that has gone may be being replaced.
        let authorities = authorities.and_then(|new| {
            new.check_after(&known.authorities)?;
            Ok(new)
        });
        let stays = |error: Error| {
            tracing::debug!(%error, "what was read of TLS before stays in force");
        };
        let new = Arc::new(Material {
            authorities: authorities.unwrap_or_else(|error| {
                stays(error);
                known.authorities.clone()
            }),
            credentials: credentials.unwrap_or_else(|error| {
                stays(error);
                known.credentials.clone()
            }),
        });
        *self.current.write() = Arc::clone(&new);
        new
    }
}

/// Reads where it may block.
async fn read(
    options: &Arc<TlsOptions>,
) -> Result<(Result<Authorities>, Result<Option<Credentials>>)> {
    let options = Arc::clone(options);
    tokio::task::spawn_blocking(move || options.read())
        .await
        .map_err(|_| Error::unavailable("the runtime is shutting down"))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::tls::fixture::{Certs, material};

    #[tokio::test]
    async fn a_revocation_counts_whatever_is_wrong_with_the_own_certificate() {
        let certs = Certs::new();
        let (server, client) = (certs.node("n1"), certs.client("client"));
        let tls = Tls::open(TlsOptions::in_dir(certs.path())).await.unwrap();
        let chain = material(&server).credentials.chain().to_vec();
        assert_eq!(tls.latest().await.authorities.still_trust(&chain), Ok(()));
        certs.revoke(&[&server]);
        fs::write(&client.cert, "half of").unwrap();
        let latest = tls.latest().await;
        let refused = latest.authorities.still_trust(&chain).unwrap_err();
        assert_eq!(refused.cause, tls::Cause::Revoked);
        let shown = latest.credentials.as_ref().unwrap();
        assert_eq!(shown.leaf.identity.name, "client");
        // Nor does a list from before let it in again.
        certs.revoke_as(0, Vec::new());
        let latest = tls.latest().await;
        latest.authorities.still_trust(&chain).unwrap_err();
    }
}
