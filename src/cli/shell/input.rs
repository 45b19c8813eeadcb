//! Standard input as a script, read so that Ctrl-C is heard meanwhile.

use std::io::{self, Read};
use std::mem;

use tokio::sync::mpsc;

use crate::base::host::{Host, Patience, Progress, Step};
use crate::cli::session::Session;

/// How much is read at once, bytes.
const CHUNK_BYTES: usize = 64 << 10;

/// What a thread of its own reads: nothing else can wait for a pipe and for a signal, and the
/// thread may be left waiting at the end.
pub(super) struct Input {
    session: Session,
    chunks: mpsc::Receiver<io::Result<Vec<u8>>>,
    chunk: io::Cursor<Vec<u8>>,
}

/// Ctrl-C, as the error of a reader.
#[derive(Debug, thiserror::Error)]
#[error("interrupted")]
pub(super) struct Interrupted;

impl Input {
    /// Begins to read.
    pub(super) fn open(session: Session) -> Self {
        let (send, chunks) = mpsc::channel(1);
        let reading = Box::new(Reading { send });
        Host::system().spawn.drive("stdin", reading);
        Self {
            session,
            chunks,
            chunk: io::Cursor::default(),
        }
    }
}

impl Read for Input {
    /// # Errors
    /// Those of standard input, and [`Interrupted`].
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.chunk.read(buffer)?;
        if read > 0 || buffer.is_empty() {
            return Ok(read);
        }
        let chunk = self
            .session
            .block_on(async { Ok(self.chunks.recv().await) });
        match chunk {
            Ok(Some(chunk)) => self.chunk = io::Cursor::new(chunk?),
            Ok(None) => {}
            // The reader of lines would try again after the kind of that name.
            Err(_) => return Err(io::Error::other(Interrupted)),
        }
        self.chunk.read(buffer)
    }
}

/// Whether a reader was interrupted, and did not fail.
pub(super) fn is_interrupted(error: &io::Error) -> bool {
    error
        .get_ref()
        .is_some_and(|inner| inner.is::<Interrupted>())
}

struct Reading {
    send: mpsc::Sender<io::Result<Vec<u8>>>,
}

impl Step for Reading {
    fn step(&mut self, _: Patience) -> Progress {
        let mut chunk = vec![0; CHUNK_BYTES];
        let read = match io::stdin().read(&mut chunk) {
            Ok(0) => return Progress::Finished,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => return Progress::Worked,
            read => read,
        };
        let sent = self.send.blocking_send(read.map(|bytes| {
            chunk.truncate(bytes);
            mem::take(&mut chunk)
        }));
        match sent {
            Ok(()) => Progress::Worked,
            Err(_) => Progress::Finished,
        }
    }
}
