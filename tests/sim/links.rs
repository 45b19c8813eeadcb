//! Frames between nodes, over the simulated network's TCP: one connection for each lane and
//! direction, begun anew whenever the other end falls silent.
//!
//! The simulated TCP never repeats a lost segment: a connection that lost one is silent for good.
//! So every frame is acknowledged by a byte.
//!
//! The seam promises that frames of one lane arrive in order and each at most once, not that they
//! arrive ([`PeerTransport`]). So frames are lost here, one at a time and in the midst of others that
//! arrive, and half of the times the sender is told, as of a connection that broke: the seam
//! lets a transport say nothing. Nothing is sent twice and no frame overtakes another of its
//! lane: what counts on the promise would be right to fail. Lanes overtake each other
//! all the time, since each has a connection, and every segment a latency, of its own.

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use parking_lot::Mutex;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep, sleep_until, timeout};
use turmoil::net::{TcpListener, TcpStream};

use dkv::base::host::{Rng, SeededRng};
use dkv::base::types::NodeId;
use dkv::raft::{Lane, Peer, PeerTransport};

use crate::stage::{Event, Stage};

const PORT: u16 = 7_000;

/// Frames that wait for a connection, of one lane; more are dropped.
const WAITING_MAX: usize = 256;

/// Frames without an acknowledgement; fewer than the simulated network buffers.
const UNANSWERED_MAX: usize = 32;

/// How long an acknowledgement or a connection may take.
const SILENCE: Duration = Duration::from_millis(300);

/// How long after a failure a connection is tried again.
const AGAIN: Duration = Duration::from_millis(20);

const FRAME_BYTES_MAX: usize = 32 << 20;

const LANES: [Lane; 3] = [Lane::Data, Lane::Heartbeat, Lane::Snapshot];

/// Sender, lane and number of a connection.
const HELLO_BYTES: usize = 16 + 1 + 8;

type Ways = BTreeMap<(NodeId, Lane), mpsc::Sender<Bytes>>;

/// One node's end of the network, for one of its lives.
struct Links {
    ways: Ways,
    ear: Arc<Ear>,
}

#[derive(Default)]
struct Ear {
    peer: Mutex<Option<Arc<dyn Peer>>>,
    /// The connection that counts; what comes over an older one is out of order.
    latest: Mutex<BTreeMap<(NodeId, Lane), u64>>,
}

/// How much of what a machine sends is lost.
pub(crate) struct Weather {
    stage: Arc<Stage>,
    rng: Arc<SeededRng>,
    lost_percent: AtomicU64,
}

impl Weather {
    pub(crate) fn new(stage: &Arc<Stage>, rng: &Arc<SeededRng>) -> Self {
        Self {
            stage: stage.clone(),
            rng: rng.clone(),
            lost_percent: AtomicU64::new(0),
        }
    }

    /// From now on, so many of a hundred frames are lost.
    pub(crate) fn lose(&self, percent: u64) {
        self.lost_percent.store(percent, Ordering::SeqCst);
    }

    /// Whether the next frame is.
    fn takes(&self) -> bool {
        let percent = self.lost_percent.load(Ordering::SeqCst);
        percent > 0 && self.rng.below(100) < percent
    }
}

/// Opens the network to `others`, by the names of their machines. `life` is one more at each start.
pub(crate) async fn open(
    me: NodeId,
    life: u64,
    others: &BTreeMap<NodeId, String>,
    weather: &Arc<Weather>,
) -> io::Result<Arc<dyn PeerTransport>> {
    let listener = TcpListener::bind(("0.0.0.0", PORT)).await?;
    let ear = Arc::new(Ear::default());
    tokio::task::spawn_local(listen(listener, ear.clone()));
    let mut ways = Ways::new();
    for (other, machine) in others {
        for lane in LANES {
            let (frames, waiting) = mpsc::channel(WAITING_MAX);
            ways.insert((*other, lane), frames);
            let way = Way {
                me,
                lane,
                to: *other,
                machine: machine.clone(),
                number: life << 32,
                ear: ear.clone(),
                weather: weather.clone(),
            };
            tokio::task::spawn_local(way.run(waiting));
        }
    }
    Ok(Arc::new(Links { ways, ear }))
}

impl PeerTransport for Links {
    fn send(&self, to: NodeId, lane: Lane, frame: Bytes) {
        if let Some(frames) = self.ways.get(&(to, lane)) {
            // What does not fit is lost, as the seam allows.
            drop(frames.try_send(frame));
        }
    }

    fn receive_with(&self, peer: Arc<dyn Peer>) {
        *self.ear.peer.lock() = Some(peer);
    }
}

/// The sending side of one lane to one machine.
struct Way {
    me: NodeId,
    lane: Lane,
    to: NodeId,
    machine: String,
    number: u64,
    ear: Arc<Ear>,
    weather: Arc<Weather>,
}

impl Way {
    async fn run(mut self, mut waiting: mpsc::Receiver<Bytes>) {
        while let Some(first) = self.next(&mut waiting).await {
            self.number += 1;
            let connecting = TcpStream::connect((self.machine.as_str(), PORT));
            if let Ok(Ok(stream)) = timeout(SILENCE, connecting).await {
                // However it ended, the next frame begins another.
                drop(self.carry(stream, first, &mut waiting).await);
            }
            sleep(AGAIN).await;
            // A sender repeats what still matters, and hears that it must.
            while waiting.try_recv().is_ok() {}
            self.tell_of_loss();
        }
    }

    /// The next frame that is not lost. Frames are not lost by being asked for in vain.
    async fn next(&self, waiting: &mut mpsc::Receiver<Bytes>) -> Option<Bytes> {
        loop {
            let frame = waiting.recv().await?;
            if !self.weather.takes() {
                return Some(frame);
            }
            self.weather.stage.count(Event::Loss);
            if self.weather.rng.below(2) == 0 {
                self.tell_of_loss();
            }
        }
    }

    fn tell_of_loss(&self) {
        let peer = self.ear.peer.lock().clone();
        if let Some(peer) = peer {
            peer.lost(self.to, self.lane);
        }
    }

    async fn carry(
        &self,
        stream: TcpStream,
        first: Bytes,
        waiting: &mut mpsc::Receiver<Bytes>,
    ) -> io::Result<()> {
        let (mut answers, mut out) = stream.into_split();
        let mut bytes = Vec::with_capacity(HELLO_BYTES + 4 + first.len());
        bytes.extend_from_slice(&self.me.0);
        bytes.push(number_of(self.lane));
        bytes.extend_from_slice(&self.number.to_be_bytes());
        put(&mut bytes, &first);
        timeout(SILENCE, out.write_all(&bytes)).await??;
        let mut unanswered = 1;
        let mut until = Instant::now() + SILENCE;
        loop {
            tokio::select! {
                biased;
                answered = answers.read_u8() => {
                    answered?;
                    unanswered -= 1;
                    until = Instant::now() + SILENCE;
                }
                frame = self.next(waiting), if unanswered < UNANSWERED_MAX => {
                    let Some(frame) = frame else { return Ok(()) };
                    let mut bytes = Vec::with_capacity(4 + frame.len());
                    put(&mut bytes, &frame);
                    timeout(SILENCE, out.write_all(&bytes)).await??;
                    if unanswered == 0 {
                        until = Instant::now() + SILENCE;
                    }
                    unanswered += 1;
                }
                () = sleep_until(until), if unanswered > 0 => {
                    return Err(io::ErrorKind::TimedOut.into());
                }
            }
        }
    }
}

fn put(bytes: &mut Vec<u8>, frame: &Bytes) {
    let length = u32::try_from(frame.len()).expect("a frame is bounded");
    bytes.extend_from_slice(&length.to_be_bytes());
    bytes.extend_from_slice(frame);
}

fn number_of(lane: Lane) -> u8 {
    let at = LANES.iter().position(|it| *it == lane);
    u8::try_from(at.expect("all lanes are listed")).expect("they are few")
}

async fn listen(listener: TcpListener, ear: Arc<Ear>) {
    while let Ok((stream, _)) = listener.accept().await {
        // A connection ends when its sender begins another, or dies.
        tokio::task::spawn_local(hear(stream, ear.clone()));
    }
}

async fn hear(stream: TcpStream, ear: Arc<Ear>) -> io::Result<()> {
    let (mut input, mut output) = stream.into_split();
    let mut hello = [0; HELLO_BYTES];
    input.read_exact(&mut hello).await?;
    let from = NodeId(hello[..16].try_into().expect("16 bytes"));
    let lane = LANES[usize::from(hello[16])];
    let number = u64::from_be_bytes(hello[17..].try_into().expect("8 bytes"));
    loop {
        let length = input.read_u32().await? as usize;
        assert!(length <= FRAME_BYTES_MAX, "a frame of {length} bytes");
        let mut frame = vec![0; length];
        input.read_exact(&mut frame).await?;
        let latest = *ear
            .latest
            .lock()
            .entry((from, lane))
            .and_modify(|latest| *latest = number.max(*latest))
            .or_insert(number);
        if latest != number {
            return Ok(());
        }
        let peer = ear.peer.lock().clone();
        if let Some(peer) = peer {
            peer.receive(from, lane, frame.into());
        }
        output.write_all(&[1]).await?;
    }
}
