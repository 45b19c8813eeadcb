//! A connection of many clients: commands go out as they come, many in one write, and the
//! answers come back in their order.

use std::collections::VecDeque;

use bytes::{Bytes, BytesMut};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::sync::{mpsc, oneshot};

use super::connection::{Connection, Lost, read_some};
use super::resp::{self, Reply};
use crate::base::limits;

/// Commands that wait to be sent.
const QUEUE_LENGTH: usize = 1_024;

/// Commands that are taken from the queue at once.
const TAKEN_MAX: usize = 128;

/// Commands sent and not answered yet; beyond it the queue waits.
const UNANSWERED_MAX: usize = limits::SESSION_OUTCOMES_MAX;

/// Bytes that the socket has not taken yet; beyond it the queue waits.
const UNSENT_BYTES_MAX: usize = 1 << 20;

/// One connection, shared. The last clone that goes ends it.
#[derive(Clone)]
pub(super) struct Pipeline {
    queue: mpsc::Sender<Asked>,
}

struct Asked {
    command: Bytes,
    answer: oneshot::Sender<Result<Reply, Lost>>,
}

impl Pipeline {
    /// Connects when it is first asked, and anew after a connection was lost.
    pub(super) fn to(address: String) -> Self {
        let (queue, asked) = mpsc::channel(QUEUE_LENGTH);
        tokio::spawn(serve(address, asked));
        Self { queue }
    }

    /// Sends a command among others and waits for its reply.
    pub(super) async fn ask(&self, words: &[&[u8]]) -> Result<Reply, Lost> {
        let ended = || Lost::Broken("its task has ended".to_owned());
        let mut command = BytesMut::new();
        resp::encode(words, &mut command);
        let (answer, answered) = oneshot::channel();
        let asked = Asked {
            command: command.freeze(),
            answer,
        };
        self.queue.send(asked).await.map_err(|_| ended())?;
        answered.await.map_err(|_| ended())?
    }
}

async fn serve(address: String, mut queue: mpsc::Receiver<Asked>) {
    while let Some(first) = queue.recv().await {
        match Connection::open(&address).await {
            Ok(connection) => {
                let mut talk = Talk::begin(connection.into_socket(), first);
                if let Err(lost) = talk.go_on(&mut queue).await {
                    talk.fail(&lost);
                }
            }
            // Whoever went away meanwhile needs no answer; so below.
            Err(lost) => drop(first.answer.send(Err(lost))),
        }
    }
}

/// What is under way on one connection.
struct Talk {
    socket: TcpStream,
    unsent: BytesMut,
    come: BytesMut,
    unanswered: VecDeque<oneshot::Sender<Result<Reply, Lost>>>,
}

impl Talk {
    fn begin(socket: TcpStream, first: Asked) -> Self {
        let mut talk = Self {
            socket,
            unsent: BytesMut::new(),
            come: BytesMut::new(),
            unanswered: VecDeque::new(),
        };
        talk.take(first);
        talk
    }

    fn take(&mut self, asked: Asked) {
        self.unsent.extend_from_slice(&asked.command);
        self.unanswered.push_back(asked.answer);
    }

    /// Goes on until nobody can ask any more, or the connection is lost.
    async fn go_on(&mut self, queue: &mut mpsc::Receiver<Asked>) -> Result<(), Lost> {
        let mut taken = Vec::with_capacity(TAKEN_MAX);
        let (mut from, mut to) = self.socket.split();
        let mut lingers = false;
        loop {
            let has_room =
                self.unanswered.len() < UNANSWERED_MAX && self.unsent.len() < UNSENT_BYTES_MAX;
            // What is there is gathered first: one write then carries all of it.
            tokio::select! {
                biased;
                count = queue.recv_many(&mut taken, TAKEN_MAX), if has_room => {
                    if count == 0 {
                        return Ok(());
                    }
                    for asked in taken.drain(..) {
                        self.unsent.extend_from_slice(&asked.command);
                        self.unanswered.push_back(asked.answer);
                    }
                    // Those who were just answered are about to ask again: letting them run
                    // first makes one write of many, as dkv's own sessions do.
                    if std::mem::take(&mut lingers) {
                        tokio::task::yield_now().await;
                    }
                }
                written = to.write_buf(&mut self.unsent), if !self.unsent.is_empty() => {
                    written?;
                }
                read = read_some(&mut from, &mut self.come) => {
                    read?;
                    while let Some(reply) = resp::decode(&mut self.come)? {
                        let Some(answer) = self.unanswered.pop_front() else {
                            return Err(Lost::Broken("an answer came to nothing".to_owned()));
                        };
                        let _ = answer.send(Ok(reply));
                        lingers = true;
                    }
                }
            }
        }
    }

    /// What was sent may have been done, and nobody will know.
    fn fail(self, lost: &Lost) {
        for answer in self.unanswered {
            let _ = answer.send(Err(lost.clone()));
        }
    }
}
