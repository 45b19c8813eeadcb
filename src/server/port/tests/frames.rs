//! HTTP/2 by hand (RFC 9113), for what no library would send.

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;

use super::world::{Port, within};

pub(super) const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

pub(super) const DATA: u8 = 0;
pub(super) const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const PING: u8 = 6;
pub(super) const GO_AWAY: u8 = 7;
const CONTINUATION: u8 = 9;

const END_STREAM: u8 = 1;
const ACK: u8 = 1;
const END_HEADERS: u8 = 4;

/// The largest frame that need not be agreed on.
const FRAME_BYTES: usize = 16_384;

/// A frame that came.
#[derive(Debug)]
pub(super) struct Frame {
    pub(super) of_type: u8,
    pub(super) stream: u32,
    pub(super) payload: Vec<u8>,
}

impl Frame {
    /// Why a connection ends, if this says so.
    pub(super) fn goes_away_for(&self) -> Option<u32> {
        let code = self.payload.get(4..8).filter(|_| self.of_type == GO_AWAY)?;
        Some(u32::from_be_bytes(code.try_into().unwrap()))
    }
}

/// A connection of HTTP/2.
pub(super) struct Talk<S = TcpStream> {
    stream: S,
    /// Answers pings, and what is set.
    is_polite: bool,
}

impl Talk {
    pub(super) async fn begin(port: &Port) -> Self {
        Self::over(port.connect().await).await
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Talk<S> {
    pub(super) async fn over(mut stream: S) -> Self {
        stream.write_all(PREFACE).await.unwrap();
        stream.write_all(&frame(SETTINGS, 0, 0, &[])).await.unwrap();
        Self {
            stream,
            is_polite: true,
        }
    }

    pub(super) fn impolite(mut self) -> Self {
        self.is_polite = false;
        self
    }

    /// Sends these bytes, even if nobody reads them any more.
    pub(super) async fn send(&mut self, bytes: &[u8]) {
        let _hung_up = within(self.stream.write_all(bytes)).await;
    }

    /// The next frame; nothing once the port hangs up.
    pub(super) async fn next(&mut self) -> Option<Frame> {
        let mut head = [0; 9];
        within(self.stream.read_exact(&mut head)).await.ok()?;
        let length = u32::from_be_bytes([0, head[0], head[1], head[2]]);
        let mut payload = vec![0; length as usize];
        within(self.stream.read_exact(&mut payload)).await.ok()?;
        let stream = u32::from_be_bytes(head[5..9].try_into().unwrap());
        let (of_type, flags) = (head[3], head[4]);
        if self.is_polite && matches!(of_type, SETTINGS | PING) && flags & ACK == 0 {
            let answer = match of_type {
                PING => frame(PING, ACK, 0, &payload),
                _ => frame(SETTINGS, ACK, 0, &[]),
            };
            self.send(&answer).await;
        }
        Some(Frame {
            of_type,
            stream,
            payload,
        })
    }

    /// Every frame until the port hangs up.
    pub(super) async fn rest(&mut self) -> Vec<Frame> {
        let mut frames = Vec::new();
        while let Some(frame) = self.next().await {
            frames.push(frame);
        }
        frames
    }

    /// Reads until such a frame comes.
    pub(super) async fn until(&mut self, of_type: u8) -> Frame {
        loop {
            let frame = self.next().await.expect("the port hung up");
            if frame.of_type == of_type {
                return frame;
            }
        }
    }
}

fn frame(of_type: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    let head = [&length[1..], &[of_type, flags], &stream.to_be_bytes()].concat();
    [&head, payload].concat()
}

/// A request for a path, which ends with its head; with a field of so many bytes.
pub(super) fn request(stream: u32, path: &str, field_bytes: usize) -> Vec<u8> {
    // GET, http, and two fields of which the name is in the table of RFC 7541.
    let mut block = vec![0x82, 0x86];
    for (name, value) in [(0x04, path), (0x01, "localhost")] {
        block.extend([name, u8::try_from(value.len()).unwrap()]);
        block.extend(value.as_bytes());
    }
    if field_bytes > 0 {
        block.extend([0, 1, b'x']);
        prefixed(&mut block, field_bytes);
        block.resize(block.len() + field_bytes, b'y');
    }
    let mut bytes = Vec::new();
    let mut pieces = block.chunks(FRAME_BYTES).peekable();
    let mut of_type = HEADERS;
    while let Some(piece) = pieces.next() {
        let mut flags = if of_type == HEADERS { END_STREAM } else { 0 };
        if pieces.peek().is_none() {
            flags |= END_HEADERS;
        }
        bytes.extend(frame(of_type, flags, stream, piece));
        of_type = CONTINUATION;
    }
    bytes
}

/// A length in the form of RFC 7541, section 5.1, with a prefix of 7 bits.
fn prefixed(block: &mut Vec<u8>, length: usize) {
    if length < 127 {
        block.push(u8::try_from(length).unwrap());
        return;
    }
    block.push(127);
    let mut left = length - 127;
    while left >= 128 {
        block.push(u8::try_from(left % 128 + 128).unwrap());
        left /= 128;
    }
    block.push(u8::try_from(left).unwrap());
}

/// Takes a request back.
pub(super) fn reset(stream: u32) -> Vec<u8> {
    const CANCEL: u32 = 8;
    frame(RST_STREAM, 0, stream, &CANCEL.to_be_bytes())
}
