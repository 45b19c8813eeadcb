//! How HTTP is spoken on a port.

use hyper_util::rt::TokioTimer;
use hyper_util::server::conn::auto::Builder;

use super::limits::{Limits, Speaks};
use super::turns::Executor;
use crate::base::limits;

/// Speaks HTTP on a connection.
pub(super) type Protocol = Builder<Executor>;

/// What the connection starts is done by `executor`.
///
/// IMPORTANT: every bound is named here. Without a timer no time limit of HTTP/1.1 holds, and
/// some of HTTP/2 are off where a builder is told `None`.
pub(super) fn protocol(allows: &Limits, executor: Executor) -> Protocol {
    let mut protocol = Builder::new(executor);
    let head_bytes = usize::try_from(allows.head_bytes).unwrap_or(usize::MAX);
    protocol
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(allows.head)
        .max_headers(limits::REQUEST_HEAD_FIELDS_MAX)
        // The largest piece that is read at once, too.
        .max_buf_size(head_bytes);
    protocol
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(allows.streams)
        .max_header_list_size(allows.head_bytes)
        .max_pending_accept_reset_streams(limits::STREAM_RESETS_PENDING_MAX)
        .max_local_error_reset_streams(limits::STREAM_RESETS_FOR_ERRORS_MAX)
        .initial_stream_window_size(allows.stream_window_bytes)
        .initial_connection_window_size(allows.connection_window_bytes)
        .keep_alive_interval(allows.ping_every)
        .keep_alive_timeout(allows.pong_within);
    match allows.speaks {
        Speaks::Both => protocol,
        Speaks::Http2 => protocol.http2_only(),
    }
}
