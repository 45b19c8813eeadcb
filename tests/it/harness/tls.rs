//! Clients that speak TLS and show whatever they are given, and what becomes of them.

use std::io;
use std::path::Path;
use std::sync::Arc;

use dkv::proto::v1;
use dkv::tls::{self, Authorities, Cause, Connected, Crl, Failure, Side};
use hyper_util::rt::TokioIo;
use rustls::ClientConfig;
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tonic::transport::{Channel, Endpoint};
use tonic::{Code, Status};

use super::PATIENCE;
use super::pki::Shown;

pub(crate) const H2: &[u8] = b"h2";
pub(crate) const HTTP1: &[u8] = b"http/1.1";

/// What became of a question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// It was answered.
    Served,
    /// There was no secure connection.
    Tls(Cause),
    /// It was refused over one.
    Says(Code, String),
    /// Anything else.
    Odd(String),
}

impl Outcome {
    /// Whether it is what a table says: the words need only hold those of the table.
    pub(crate) fn is(&self, expected: &Self) -> bool {
        match (self, expected) {
            (Self::Says(code, words), Self::Says(expected, part)) => {
                code == expected && words.contains(part)
            }
            _ => self == expected,
        }
    }

    fn of_status(status: &Status, noted: &tls::Noted) -> Self {
        match noted.get() {
            Some(failure) => Self::Tls(failure.cause.clone()),
            None => Self::Says(status.code(), status.message().to_owned()),
        }
    }
}

impl From<Failure> for Outcome {
    fn from(failure: Failure) -> Self {
        Self::Tls(failure.cause)
    }
}

/// A client that trusts the authorities in a file.
#[derive(Clone)]
pub(crate) struct Dialler {
    config: Arc<ClientConfig>,
    pub(crate) host: &'static str,
}

impl Dialler {
    pub(crate) fn new(ca: &Path, shown: Option<&Shown>) -> Self {
        Self::with_list(ca, &Crl::None, shown)
    }

    pub(crate) fn with_list(ca: &Path, crl: &Crl, shown: Option<&Shown>) -> Self {
        let authorities = Authorities::read(ca, crl).unwrap();
        let config = tls::client_config(&authorities, None, &[]).unwrap();
        let mut config = Arc::unwrap_or_clone(config);
        if let Some(Shown { chain, key }) = shown {
            // Shown whatever is in it: nobody looks whether the two fit.
            let provider = config.crypto_provider().key_provider;
            let key = provider.load_private_key(key.clone_key()).unwrap();
            let certified = CertifiedKey::new(chain.clone(), key);
            let resolver = SingleCertAndKey::from(Arc::new(certified));
            config.client_auth_cert_resolver = Arc::new(resolver);
        }
        Self {
            config: Arc::new(config),
            host: "localhost",
        }
    }

    /// The same, that speaks this inside.
    pub(crate) fn speaking(&self, protocols: &[&[u8]]) -> Self {
        let mut config = ClientConfig::clone(&self.config);
        config.alpn_protocols = protocols.iter().map(|it| it.to_vec()).collect();
        Self {
            config: Arc::new(config),
            ..*self
        }
    }

    /// The same, that means another host.
    pub(crate) fn meaning(&self, host: &'static str) -> Self {
        Self {
            host,
            ..self.clone()
        }
    }

    /// Shakes hands: whether this client was let in shows later.
    pub(crate) async fn connect(&self, address: &str) -> Result<Connected<TcpStream>, Failure> {
        let stream = TcpStream::connect(address).await.unwrap();
        let name = tls::server_name(self.host).unwrap();
        // On the heap: TLS keeps its buffers in the future.
        Box::pin(within(tls::connect(
            &self.config,
            name,
            stream,
            Side::Client,
        )))
        .await
    }

    /// Asks over HTTP/1.1: the answer.
    pub(crate) async fn http(&self, address: &str, path: &str) -> Result<String, Outcome> {
        let mut stream = self.speaking(&[HTTP1]).connect(address).await?;
        let asked = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
        let mut answer = Vec::new();
        // A write that fails leaves to the read why.
        let _hung_up = stream.write_all(asked.as_bytes()).await;
        let read = within(stream.read_to_end(&mut answer)).await;
        let failed = stream.noted().get().cloned();
        match (failed, read) {
            (Some(failure), _) => Err(failure.into()),
            (None, Err(error)) if answer.is_empty() => Err(Outcome::Odd(error.to_string())),
            _ => Ok(String::from_utf8(answer).unwrap()),
        }
    }

    /// What becomes of such a question.
    pub(crate) async fn rest(&self, address: &str, path: &str) -> Outcome {
        match self.http(address, path).await {
            Ok(answer) if answer.starts_with("HTTP/1.1 200 ") => Outcome::Served,
            Ok(answer) if answer.starts_with("HTTP/1.1 404 ") => Outcome::Served,
            Ok(answer) => Outcome::Odd(answer),
            Err(outcome) => outcome,
        }
    }

    /// A connection for gRPC, and where it is noted what it died of.
    pub(crate) async fn channel(&self, address: &str) -> Result<(Channel, tls::Noted), Outcome> {
        let stream = self.connect(address).await?;
        let noted = stream.noted();
        let mut once = Some(TokioIo::new(stream));
        let connector = tower::service_fn(move |_| {
            std::future::ready(once.take().ok_or_else(|| io::Error::other("it ended")))
        });
        let endpoint = Endpoint::from_static("http://localhost");
        match Box::pin(within(endpoint.connect_with_connector(connector))).await {
            Ok(channel) => Ok((channel, noted)),
            Err(error) => Err(match noted.get() {
                Some(failure) => failure.clone().into(),
                None => Outcome::Odd(format!("{error:?}")),
            }),
        }
    }

    /// What becomes of a read over gRPC.
    pub(crate) async fn grpc(&self, address: &str) -> Outcome {
        let get = v1::GetRequest {
            key: "a".into(),
            ..v1::GetRequest::default()
        };
        self.call(address, async |channel| {
            v1::kv_client::KvClient::new(channel).get(get).await
        })
        .await
    }

    /// What becomes of a call.
    pub(crate) async fn call<T>(
        &self,
        address: &str,
        call: impl AsyncFnOnce(Channel) -> Result<T, Status>,
    ) -> Outcome {
        match self.speaking(&[H2]).channel(address).await {
            Err(outcome) => outcome,
            Ok((channel, noted)) => match within(call(channel)).await {
                Ok(_) => Outcome::Served,
                Err(status) => Outcome::of_status(&status, &noted),
            },
        }
    }
}

/// Waits, but not for ever.
pub(crate) async fn within<T>(future: impl Future<Output = T>) -> T {
    let done = tokio::time::timeout(PATIENCE, future).await;
    done.expect("this never ends")
}
