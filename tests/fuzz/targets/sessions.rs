//! Sessions: every frame that came whole is answered once, whatever comes behind it.

use std::sync::LazyLock;
use std::time::Duration;

use bytes::Bytes;
use dkv::proto::v1::Requests;
use dkv::proto::v1::request_frame::Request;
use dkv::server::fuzzed::Sessions;
use prost::Message;
use tokio::runtime::Runtime;

/// Far longer than any answer takes.
const PATIENCE: Duration = Duration::from_secs(60);

static SESSIONS: LazyLock<(Runtime, Sessions)> = LazyLock::new(|| {
    let runtime = Runtime::new().expect("a runtime can be made");
    let sessions = Sessions::open().expect("an empty directory can be opened");
    (runtime, sessions)
});

/// Bytes as the body of a session's stream.
pub(crate) fn session_frames(data: &[u8]) {
    let Some(mut asked) = asked(data) else {
        return;
    };
    let (runtime, sessions) = &*SESSIONS;
    let played = sessions.play(Bytes::copy_from_slice(data));
    let answered = runtime.block_on(async { tokio::time::timeout(PATIENCE, played).await });
    let mut answered = answered.expect("a session ends that nobody speaks in any more");
    asked.sort_unstable();
    answered.sort_unstable();
    assert_eq!(answered, asked, "requests and answers");
}

/// The numbers of the requests that came whole; `None` if one may wait, for as long as it likes.
fn asked(data: &[u8]) -> Option<Vec<u64>> {
    let mut asked = Vec::new();
    let mut rest = data;
    while let Some((head, behind)) = rest.split_first_chunk::<5>() {
        let [compressed, length @ ..] = *head;
        let length = u32::from_be_bytes(length) as usize;
        if compressed != 0 || length > behind.len() {
            break;
        }
        let (message, behind) = behind.split_at(length);
        let Ok(requests) = Requests::decode(message) else {
            break;
        };
        for frame in requests.frames {
            if matches!(frame.request, Some(Request::Acquire(it)) if it.wait_ms > 0) {
                return None;
            }
            asked.push(frame.id);
        }
        rest = behind;
    }
    Some(asked)
}
