//! What comes over a wire, before anybody believes it.

use bytes::Bytes;

/// A request of any bytes, as a session or a single call has it.
pub(crate) fn requests(data: &[u8]) {
    said_why(dkv::server::fuzzed::request(data));
}

/// A request for a watch.
pub(crate) fn watch_requests(data: &[u8]) {
    said_why(dkv::server::fuzzed::watch(data));
}

/// A frame of another member, and an entry of a group's log.
pub(crate) fn peer_frames(data: &[u8]) {
    said_why(dkv::raft::fuzzed::frame(Bytes::copy_from_slice(data)));
    said_why(dkv::raft::fuzzed::entry(Bytes::copy_from_slice(data)));
}

/// Whether it was refused or not.
pub(super) fn said_why(result: dkv::base::Result<()>) {
    if let Err(refused) = result {
        assert!(!refused.message().is_empty(), "a refusal says why");
        assert!(refused.message().len() < 4_096, "{refused}");
        assert!(!refused.message().contains('\n'), "one line: {refused}");
    }
}
