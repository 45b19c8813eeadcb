//! What is at an address where something else was expected.

use std::fmt;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::tls::speaks_tls;

/// A question that most servers answer in a way that tells what they are. The old version
/// of HTTP needs no `Host`, at which Redis hangs up without a word.
const QUESTION: &[u8] = b"GET /version HTTP/1.0\r\n\r\n";

/// Who has not answered by then is silent.
const WITHIN: Duration = Duration::from_secs(2);

/// An answer longer than this is not read to its end, bytes.
const ANSWER_BYTES_MAX: usize = 4 << 10;

/// Bytes of an unknown answer that are shown.
const SHOWN_BYTES: usize = 32;

/// What answers at an address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Found {
    /// Nobody takes connections there.
    Nothing,
    /// Somebody does, and says nothing.
    Silent,
    Dkv,
    Etcd,
    /// Or what speaks its protocol.
    Redis,
    /// Whatever it says behind that.
    Tls,
    /// In words.
    Other(String),
}

/// In words that follow "there is".
impl fmt::Display for Found {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Nothing => "nothing that takes connections",
            Self::Silent => "a server that does not answer HTTP",
            Self::Dkv => "a dkv",
            Self::Etcd => "an etcd",
            Self::Redis => "a Redis, or what speaks its protocol",
            Self::Tls => "a server that speaks TLS",
            Self::Other(words) => words,
        })
    }
}

/// Asks what is at `address`; takes a few seconds if it does not answer.
pub(super) async fn found_at(address: &str) -> Found {
    let Ok(Ok(socket)) = timeout(WITHIN, TcpStream::connect(address)).await else {
        return Found::Nothing;
    };
    let mut answer = Vec::new();
    // Whatever came before the time was over, or the connection was, is what there is.
    let _ = timeout(WITHIN, ask(socket, &mut answer)).await;
    name(&answer)
}

async fn ask(mut socket: TcpStream, answer: &mut Vec<u8>) -> std::io::Result<()> {
    socket.write_all(QUESTION).await?;
    // Who does not speak HTTP keeps the connection, and is known by a few bytes.
    while answer.len() < ANSWER_BYTES_MAX && (answer.is_empty() || answer.starts_with(b"H")) {
        if socket.read_buf(answer).await? == 0 {
            break;
        }
    }
    Ok(())
}

fn name(answer: &[u8]) -> Found {
    let has = |part: &[u8]| answer.windows(part.len()).any(|window| window == part);
    let words = match answer {
        [] => return Found::Silent,
        start if speaks_tls(start) => return Found::Tls,
        [b'H', b'T', b'T', b'P', b'/', ..] if has(b"\"etcdserver\"") => return Found::Etcd,
        [b'H', b'T', b'T', b'P', b'/', ..] if has(b"there is no /version") && has(b"gRPC") => {
            return Found::Dkv;
        }
        [b'H', b'T', b'T', b'P', b'/', ..] => "an HTTP server",
        [b'-' | b'+', ..] => return Found::Redis,
        // A SETTINGS frame of stream 0.
        [0, 0, _, 4, 0, 0, 0, 0, 0, ..] => "a server of HTTP/2 alone",
        _ => {
            let shown = answer[..answer.len().min(SHOWN_BYTES)].escape_ascii();
            return Found::Other(format!("a server that answers HTTP with `{shown}`"));
        }
    };
    Found::Other(words.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn servers_are_known_by_their_answers() {
        let etcd = b"HTTP/1.1 200 OK\r\n\r\n{\"etcdserver\":\"3.4.23\",\"etcdcluster\":\"3.4.0\"}";
        let dkv =
            b"HTTP/1.1 404 Not Found\r\n\r\nthere is no /version; plain HTTP has GET /livez, \
            /readyz; everything else is gRPC over HTTP/2\n";
        let with_rest =
            b"HTTP/1.0 404 Not Found\r\n\r\n{\"error\":{\"kind\":\"NotFound\",\"message\":\
            \"there is no /version: /docs shows what there is, and gRPC goes over HTTP/2\"}}\n";
        for (answer, named) in [
            (&etcd[..], "an etcd"),
            (dkv, "a dkv"),
            (with_rest, "a dkv"),
            (b"HTTP/1.0 404 Not Found\r\n\r\n", "an HTTP server"),
            (
                b"-ERR wrong number of arguments for 'get' command\r\n",
                "a Redis",
            ),
            (b"\0\0\x12\x04\0\0\0\0\0\0\x03", "HTTP/2 alone"),
            (b"SSH-2.0-OpenSSH_9.2\r\n", "`SSH-2.0-OpenSSH_9.2\\r\\n`"),
            (b"\x15\x03\x03\0\x02\x02\x32", "speaks TLS"),
            (b"", "does not answer HTTP"),
        ] {
            let name = name(answer).to_string();
            assert!(name.contains(named), "{name}");
        }
    }

    #[tokio::test]
    async fn nobody_and_the_dumb_are_told_apart() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let dumb = tokio::spawn(async move { drop(listener.accept().await) });
        let found = found_at(&address).await.to_string();
        assert!(found.contains("does not answer HTTP"), "{found}");
        dumb.await.unwrap();
        assert_eq!(found_at(&address).await, Found::Nothing);
    }
}
