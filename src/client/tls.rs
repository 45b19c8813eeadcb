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

    fn read(&self) -> Result<Material> {
        let authorities = self.authorities.as_ref().ok_or_else(|| {
            Error::invalid(
                "TLS needs the certificate of the authority that the servers' certificates are \
                 of: give it with --ca FILE, or its directory with --certs DIR",
            )
        })?;
        let credentials = match (&self.certificate, &self.key) {
            (None, None) => None,
            (Some(certificate), Some(key)) => Credentials::given(certificate, key)?,
            (Some(_), None) => {
                return Err(Error::invalid(
                    "a certificate is shown with its private key: give that with --key FILE",
                ));
            }
            (None, Some(_)) => {
                return Err(Error::invalid(
                    "a private key is of a certificate: give that with --cert FILE",
                ));
            }
        };
        let material = Material {
            authorities: Authorities::given(authorities, self.revocations.as_ref())?,
            credentials,
        };
        // So that a certificate which is not for clients is refused before it is shown.
        tls::client_config(&material.authorities, material.credentials.as_ref(), &[])?;
        Ok(material)
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
        let material = read(&options).await?;
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

    /// What the files say now, if that is good.
    async fn latest(&self) -> Arc<Material> {
        let known = Arc::clone(&self.current.read());
        if !self.options.may_change() {
            return known;
        }
        match read(&self.options).await {
            // Whoever was shut out stays so: a list that has gone may be being replaced.
            Ok(new)
                if known.authorities.has_revocations() && !new.authorities.has_revocations() =>
            {
                known
            }
            Ok(new) => {
                let new = Arc::new(new);
                *self.current.write() = Arc::clone(&new);
                new
            }
            Err(error) => {
                tracing::debug!(%error, "what was read of TLS before stays in force");
                known
            }
        }
    }
}

/// Reads where it may block.
async fn read(options: &Arc<TlsOptions>) -> Result<Material> {
    let options = Arc::clone(options);
    tokio::task::spawn_blocking(move || options.read())
        .await
        .unwrap_or_else(|_| Err(Error::unavailable("the runtime is shutting down")))
}
