//! Every attack, by name.

use std::io;
use std::pin::Pin;

use super::plan::Plan;
use super::wire::Wire;
use super::{
    bombs, connections, floods, half_open, heads, lengths, readers, resets, slow, smuggling,
    streams,
};

/// What becomes of one connection: an error says that the target ended it.
pub(super) type Ending = Pin<Box<dyn Future<Output = io::Result<()>> + Send>>;

/// In what an attack speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Speaks {
    /// In bytes that TLS does not carry.
    Bytes,
    Http1,
    Http2,
}

macro_rules! catalogue {
    ($($(#[doc = $doc:literal])+ $attack:ident, $name:literal, $speaks:ident, $one:path;)+) => {
        /// What a hostile client does.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(crate) enum Attack {
            $($(#[doc = $doc])+ $attack,)+
        }

        impl Attack {
            pub(crate) const ALL: &[Self] = &[$(Self::$attack,)+];

            pub(crate) fn name(self) -> &'static str {
                match self {
                    $(Self::$attack => $name,)+
                }
            }

            pub(super) fn speaks(self) -> Speaks {
                match self {
                    $(Self::$attack => Speaks::$speaks,)+
                }
            }

            /// Does it on one connection, until that is cut or the plan is over.
            pub(super) fn one(self, wire: Wire, plan: Plan, number: usize) -> Ending {
                match self {
                    $(Self::$attack => Box::pin($one(wire, plan, number)),)+
                }
            }
        }
    };
}

catalogue! {
    /// Connects and says nothing.
    Idle, "idle", Bytes, connections::idle;
    /// Connects, hangs up, connects again.
    Churn, "churn", Http1, connections::churn;
    /// Sends half a ClientHello.
    StalledHandshake, "stalled-handshake", Bytes, connections::stalled_handshake;
    /// Sends what means nothing.
    Garbage, "garbage", Bytes, connections::garbage;
    /// Sends a request's head, a byte a second.
    SlowHead, "slow-head", Http1, slow::head;
    /// Sends megabytes of a value, and then a byte a second.
    SlowBody, "slow-body", Http1, slow::body;
    /// Sends the preface of HTTP/2, a byte a second.
    SlowPreface, "slow-preface", Http2, slow::preface;
    /// Asks for a large value over and over, and reads none.
    UnreadHttp1, "unread-http1", Http1, readers::http1;
    /// Asks for large values on many streams, with a window of nothing.
    ZeroWindow, "zero-window", Http2, readers::zero_window;
    /// Scans all there is on many streams, with a window of nothing.
    UnreadScans, "unread-scans", Http2, readers::scans;
    /// Lets a large value come a byte at a time.
    Dribble, "dribble", Http2, readers::dribble;
    /// Asks for gigabytes over a session and reads none of it.
    HungrySessions, "hungry-sessions", Http2, streams::hungry_sessions;
    /// Opens watches by the thousand.
    Watches, "watches", Http2, streams::watches;
    /// Begins requests and takes them back (CVE-2023-44487).
    RapidReset, "rapid-reset", Http2, resets::rapid;
    /// Makes the target take them back (CVE-2025-8671).
    MadeReset, "made-reset", Http2, resets::made;
    /// Pings; every second connection does not read what comes back.
    Pings, "pings", Http2, floods::pings;
    /// Changes its settings; every second connection does not read what comes back.
    Settings, "settings", Http2, floods::settings;
    /// Sends frames of data with nothing in them.
    EmptyData, "empty-data", Http2, floods::empty_data;
    /// Sends priorities of streams that are not there.
    Priorities, "priorities", Http2, floods::priorities;
    /// A head of HTTP/1.1 that does not end.
    EndlessHead, "endless-head", Http1, heads::endless;
    /// A head of HTTP/2 that does not end.
    Continuation, "continuation", Http2, heads::continuation;
    /// A head of HTTP/2 that ends after megabytes.
    HeaderList, "header-list", Http2, heads::list;
    /// A few bytes of head that mean megabytes (CVE-2016-6581).
    HpackBomb, "hpack-bomb", Http2, heads::hpack_bomb;
    /// Calls whose request never ends.
    HalfOpenCalls, "half-open-calls", Http2, half_open::calls;
    /// Sessions on which nothing is said.
    HalfOpenSessions, "half-open-sessions", Http2, half_open::sessions;
    /// The same by the thousand, on each connection.
    ManyStreams, "many-streams", Http2, half_open::many;
    /// Calls of whose long requests the larger part never comes.
    LongCalls, "long-calls", Http2, half_open::long_calls;
    /// Announces a message of 4 GiB.
    HugeMessage, "huge-message", Http2, lengths::message;
    /// Announces a body of 2^63 bytes.
    HugeBody, "huge-body", Http1, lengths::body;
    /// Sends a body in chunks that never end.
    EndlessChunks, "endless-chunks", Http1, lengths::chunks;
    /// Sends a value that is packed a hundred times smaller, over REST.
    GzipRest, "gzip-rest", Http1, bombs::rest;
    /// The same as a message of gRPC.
    GzipGrpc, "gzip-grpc", Http2, bombs::grpc;
    /// Requests that two readers may see the end of in different places.
    Smuggling, "smuggling", Http1, smuggling::all;
}

impl Attack {
    pub(crate) fn named(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|it| it.name() == name)
    }

    /// Its connections have room for little that is not read.
    pub(super) fn is_narrow(self) -> bool {
        matches!(self, Self::UnreadHttp1)
    }

    /// It needs large values in the store.
    pub(super) fn reads(self) -> bool {
        matches!(
            self,
            Self::UnreadHttp1
                | Self::ZeroWindow
                | Self::UnreadScans
                | Self::Dribble
                | Self::HungrySessions
        )
    }
}
