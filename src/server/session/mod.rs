//! The hot path: many logical requests on one stream.
//!
//! Everything that has arrived is taken at once, its writes are submitted as one group
//! per shard, its reads are answered from the applied state, and the replies that are
//! ready leave together. There is no task and no channel per request.
//!
//! Invariant: a session holds a bounded number of frames and about one message of
//! replies; who does not read is not read from.

pub(super) mod fuzzed;
mod groups;
mod outbox;
mod rounds;
mod stream;
mod tag;

pub(super) use stream::{Session, wait_broken_off};
