//! What a port allows a connection.

use std::num::NonZeroU32;
use std::time::Duration;

use crate::base::limits;

/// What a port speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::server) enum Speaks {
    /// HTTP/1.1 and HTTP/2, as the caller begins.
    Both,
    /// HTTP/2 alone.
    Http2,
}

/// What a port allows a connection.
#[derive(Debug, Clone)]
pub(in crate::server) struct Limits {
    pub(in crate::server) speaks: Speaks,
    /// Until it has said what it speaks.
    pub(in crate::server) greeting: Duration,
    /// For a handshake of TLS.
    pub(in crate::server) handshake: Duration,
    /// For what is under way, once its caller is not trusted any more.
    pub(in crate::server) distrust: Duration,
    /// For the head of a request over HTTP/1.1, and between two of them.
    pub(in crate::server) head: Duration,
    /// Without an open request. Its end is announced first, and ...
    pub(in crate::server) idle: Duration,
    /// ... so long later it comes, whether the caller agreed or not.
    pub(in crate::server) farewell: Duration,
    /// The names and values of a request's head.
    pub(in crate::server) head_bytes: u32,
    /// Requests open at once, over HTTP/2.
    pub(in crate::server) streams: u32,
    /// Windows of HTTP/2.
    pub(in crate::server) stream_window_bytes: u32,
    /// See `stream_window_bytes`.
    pub(in crate::server) connection_window_bytes: u32,
    /// HTTP/2: between two pings, ...
    pub(in crate::server) ping_every: Duration,
    /// ... each of which is answered in this time.
    pub(in crate::server) pong_within: Duration,
    /// Requests in a second.
    pub(in crate::server) rate: Option<NonZeroU32>,
}

/// HTTP/2 windows: room for what one session may have under way.
const WINDOW_BYTES: u32 = 4 << 20;

impl Limits {
    /// What clients may do.
    pub(in crate::server) fn of_clients(rate: Option<NonZeroU32>) -> Self {
        Self {
            speaks: Speaks::Both,
            greeting: Duration::from_millis(limits::CONNECTION_GREETING_MS),
            handshake: Duration::from_millis(limits::HANDSHAKE_MS),
            distrust: Duration::from_millis(limits::CONNECTION_DISTRUST_MS),
            head: Duration::from_millis(limits::REQUEST_HEAD_MS),
            idle: Duration::from_millis(limits::CONNECTION_IDLE_MS),
            farewell: Duration::from_millis(limits::CONNECTION_FAREWELL_MS),
            head_bytes: limits::REQUEST_HEAD_BYTES_MAX,
            streams: limits::CONNECTION_STREAMS_MAX,
            stream_window_bytes: WINDOW_BYTES,
            connection_window_bytes: 2 * WINDOW_BYTES,
            ping_every: Duration::from_secs(30),
            pong_within: Duration::from_secs(20),
            rate,
        }
    }
}
