//! Handshakes between two ends in one process, and what each end says when they fail.

mod files;
mod issuing;
mod keeping;
mod refusals;
mod strangers;

use std::sync::Arc;
use std::time::Duration;

use rustls::{ClientConfig, ServerConfig};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};

use super::fixture::material;
use super::{
    Accepted, Authorities, ClientAuth, Connected, Credentials, Failure, Files, Side, accept,
    client_config, connect, server_config, server_name,
};

/// Far beyond what a busy machine needs.
const PATIENCE: Duration = Duration::from_secs(60);

/// How each end fared; a client that got in has heard from the server.
type Met = (
    Result<Accepted<DuplexStream>, Failure>,
    Result<Connected<DuplexStream>, Failure>,
);

fn serving(files: &Files, auth: ClientAuth) -> Arc<ServerConfig> {
    server_config(&material(files), auth, &[b"h2", b"http/1.1"]).unwrap()
}

/// A client that trusts the authorities of `trusted` and shows what is in `shown`.
fn dialling(trusted: &Files, shown: Option<&Files>) -> Arc<ClientConfig> {
    let authorities = Authorities::read(&trusted.ca, &trusted.crl).unwrap();
    let shown = shown.map(|files| Credentials::read(&files.cert, &files.key).unwrap());
    client_config(&authorities, shown.as_ref(), &[b"h2"]).unwrap()
}

/// Both ends shake hands, then the server says a byte and the client reads it.
async fn meet(server: &Arc<ServerConfig>, client: &Arc<ClientConfig>, host: &str) -> Met {
    let (near, far) = duplex(16 << 10);
    let serve = async {
        let mut accepted = accept(server, far).await?;
        accepted.stream.write_all(b"!").await.unwrap();
        accepted.stream.flush().await.unwrap();
        Ok(accepted)
    };
    let dial = async {
        let name = server_name(host).unwrap();
        let mut connected = connect(client, name, near, Side::Client).await?;
        let mut byte = [0];
        match connected.read_exact(&mut byte).await {
            Ok(_) => Ok(connected),
            Err(error) => Err(Failure::of_handshake(Side::Client, &error)),
        }
    };
    let both = async { tokio::join!(serve, dial) };
    tokio::time::timeout(PATIENCE, both).await.unwrap()
}
