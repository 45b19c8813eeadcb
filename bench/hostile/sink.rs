//! Takes every connection and reads whatever comes: an attack on it costs what the attacker
//! costs, and nothing else.

use dkv::base::{Error, Result};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

/// An empty `SETTINGS`: attacks in HTTP/2 wait for it.
const SETTINGS: &[u8] = &[0, 0, 0, 4, 0, 0, 0, 0, 0];

/// Prints where it is, and serves until its input ends.
pub(crate) async fn serve() -> Result<()> {
    let failed = |error: std::io::Error| Error::internal(error.to_string());
    let listener = TcpListener::bind("127.0.0.1:0").await.map_err(failed)?;
    println!("{}", listener.local_addr().map_err(failed)?);
    let mut input = tokio::io::stdin();
    let mut first = [0];
    let ended = input.read(&mut first);
    tokio::pin!(ended);
    loop {
        tokio::select! {
            _ = &mut ended => return Ok(()),
            accepted = listener.accept() => {
                let (mut stream, _) = accepted.map_err(failed)?;
                tokio::spawn(async move {
                    let _ = stream.write_all(SETTINGS).await;
                    let mut bytes = vec![0; 65_536];
                    while stream.read(&mut bytes).await.is_ok_and(|read| read > 0) {}
                });
            }
        }
    }
}
