//! A connection of one client: it asks, waits for the answer, and asks again.

use std::io;

use bytes::BytesMut;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::resp::{self, NotResp, Reply};

/// What is read at once, bytes, at least.
const READ_BYTES: usize = 16 << 10;

/// Why a connection is of no use any more.
#[derive(Debug, Clone, thiserror::Error)]
pub(super) enum Lost {
    /// Nothing was sent.
    #[error("cannot connect: {0}")]
    Unreachable(String),
    /// What was sent may have been done.
    #[error("the connection was lost: {0}")]
    Broken(String),
    /// What was sent may have been done.
    #[error("no answer in time")]
    Late,
    /// The other side is not a Redis.
    #[error("what came is not the protocol of Redis: {0}")]
    NotResp(#[from] NotResp),
}

impl From<io::Error> for Lost {
    fn from(error: io::Error) -> Self {
        Self::Broken(error.to_string())
    }
}

/// One connection, with one command under way at a time.
pub(super) struct Connection {
    socket: TcpStream,
    command: BytesMut,
    come: BytesMut,
}

impl Connection {
    pub(super) async fn open(address: &str) -> Result<Self, Lost> {
        let unreachable = |error: io::Error| Lost::Unreachable(error.to_string());
        let socket = TcpStream::connect(address).await.map_err(unreachable)?;
        // A command waits for nothing that could be sent with it.
        socket.set_nodelay(true).map_err(unreachable)?;
        Ok(Self {
            socket,
            command: BytesMut::new(),
            come: BytesMut::new(),
        })
    }

    /// The socket alone, before anything was asked.
    pub(super) fn into_socket(self) -> TcpStream {
        self.socket
    }

    /// Sends a command and reads its reply.
    ///
    /// # Errors
    /// After an error, or if it was not waited for, the connection must not be used again:
    /// the next reply may be this command's.
    pub(super) async fn ask(&mut self, words: &[&[u8]]) -> Result<Reply, Lost> {
        self.command.clear();
        resp::encode(words, &mut self.command);
        self.socket.write_all(&self.command).await?;
        loop {
            if let Some(reply) = resp::decode(&mut self.come)? {
                return Ok(reply);
            }
            read_some(&mut self.socket, &mut self.come).await?;
        }
    }
}

/// Reads what has come, at least a byte.
pub(super) async fn read_some(
    from: &mut (impl AsyncReadExt + Unpin),
    come: &mut BytesMut,
) -> io::Result<()> {
    come.reserve(READ_BYTES);
    match from.read_buf(come).await? {
        0 => Err(io::Error::new(
            io::ErrorKind::UnexpectedEof,
            "the server has closed it",
        )),
        _ => Ok(()),
    }
}
