//! Every attack, each on a node of its own.

use crate::attacks::{Attack, Plan, TWO_HOSTS, smuggled};
use crate::harness::Node;
use crate::siege::Siege;

const MIB: u64 = 1 << 20;

#[track_caller]
#[allow(clippy::print_stderr, reason = "figures, for who looks at a test")]
fn survives(siege: &Siege) {
    let mut node = Node::start();
    let began = std::time::Instant::now();
    let (seen, tally) = siege.lay(&mut node);
    eprintln!(
        "{}: {tally:?} in {:.1?}; {} MiB before, {} at most, {} ms of processor time",
        siege.attack.name(),
        began.elapsed(),
        seen.before.resident_bytes / MIB,
        seen.after.peak_bytes / MIB,
        seen.after.cpu_ms - seen.before.cpu_ms,
    );
    let faults = seen.faults();
    // One that took too much was stopped early.
    let has_struck = tally.struck >= siege.connections as u64;
    assert!(has_struck || !faults.is_empty(), "no attack: {tally:?}");
    assert!(
        faults.is_empty(),
        "{}: {}; {tally:?}\n{}",
        siege.attack.name(),
        faults.join("; "),
        seen.log
    );
}

macro_rules! sieges {
    ($($name:ident: $attack:ident $(, $field:ident: $value:expr)*;)+) => {
        /// Those that have a test.
        const TESTED: &[Attack] = &[$(Attack::$attack,)+];

        $(
            #[test]
            fn $name() {
                survives(&Siege { $($field: $value,)* ..Siege::of(Attack::$attack) });
            }
        )+
    };
}

/// What the node's limits do not bound yet: so much for each of a debug build, and as many as
/// attackers like.
/// IMPORTANT: whoever bounds one of them puts the bound in its place.
mod not_bounded_yet {

    /// An open stream of HTTP/2, without end on one connection.
    pub(super) const STREAM_BYTES: u64 = 80 << 10;

    /// `WATCHES_MAX` bounds these: about 200 MiB, with what a stream takes.
    pub(super) const WATCH_BYTES: u64 = 3 << 10;
}

use not_bounded_yet::{STREAM_BYTES, WATCH_BYTES};

/// `REST_BODIES_BYTES_MAX`, one way, and as much again: a buffer that grows has room to spare.
const BODIES_BYTES: u64 = 2 * 256 * MIB;

/// `CONNECTION_BYTES_MAX`, one way, and as much again: what is held, and what encodes it.
const CALLS_BYTES: u64 = 2 * 64 * MIB;

/// A connection of which nothing is held may have one answer more.
const ANSWER_BYTES: u64 = 3 * MIB;

sieges! {
    a_node_stands_idle_connections: Idle;
    a_node_stands_connections_that_come_and_go: Churn;
    a_node_stands_stalled_handshakes: StalledHandshake;
    a_node_stands_garbage: Garbage;
    a_node_stands_slow_heads: SlowHead;
    a_node_stands_slow_bodies: SlowBody, connections: 40, allowed_bytes: BODIES_BYTES;
    a_node_stands_slow_prefaces: SlowPreface;
    a_node_stands_answers_unread_over_http1: UnreadHttp1, connections: 50, allowed_bytes: BODIES_BYTES;
    a_node_stands_windows_of_nothing: ZeroWindow, connections: 3, allowed_bytes: 3 * CALLS_BYTES;
    a_node_stands_scans_unread: UnreadScans, connections: 2, allowed_bytes: 2 * CALLS_BYTES;
    a_node_stands_answers_read_by_the_byte: Dribble, connections: 20, allowed_bytes: 4 * CALLS_BYTES + 20 * ANSWER_BYTES;
    a_node_stands_hungry_sessions: HungrySessions, connections: 20, allowed_bytes: CALLS_BYTES + 20 * ANSWER_BYTES;
    a_node_stands_watches_by_the_thousand: Watches, connections: 4, allowed_bytes: 40_000 * WATCH_BYTES;
    a_node_stands_rapid_resets: RapidReset, connections: 20;
    a_node_stands_resets_it_was_made_to_send: MadeReset, connections: 20;
    a_node_stands_pings: Pings, connections: 20;
    a_node_stands_settings: Settings, connections: 20;
    a_node_stands_empty_data: EmptyData, connections: 20;
    a_node_stands_priorities: Priorities, connections: 20;
    a_node_stands_endless_heads: EndlessHead, connections: 50;
    a_node_stands_continuations: Continuation, connections: 20;
    a_node_stands_long_header_lists: HeaderList, connections: 20;
    a_node_stands_hpack_bombs: HpackBomb, connections: 20;
    a_node_stands_half_open_calls: HalfOpenCalls, connections: 10, allowed_bytes: 10 * 250 * STREAM_BYTES;
    a_node_stands_half_open_sessions: HalfOpenSessions, connections: 10, allowed_bytes: 10 * 250 * STREAM_BYTES;
    a_node_stands_thousands_of_streams: ManyStreams, connections: 1, allowed_bytes: 3_000 * STREAM_BYTES;
    a_node_stands_long_calls_half_sent: LongCalls, connections: 6, allowed_bytes: CALLS_BYTES;
    a_node_stands_messages_of_4_gib: HugeMessage;
    a_node_stands_huge_bodies: HugeBody;
    a_node_stands_endless_chunks: EndlessChunks, connections: 20, allowed_bytes: BODIES_BYTES;
    // Each holds 1 MiB, packed, in a buffer that grows.
    a_node_stands_packed_values: GzipRest, connections: 50, allowed_bytes: 2 * 50 * MIB;
    a_node_stands_packed_messages: GzipGrpc, connections: 20;
    a_node_stands_ambiguous_requests: Smuggling;
}

#[test]
fn every_attack_has_a_test() {
    assert_eq!(TESTED, Attack::ALL);
    for attack in Attack::ALL {
        assert_eq!(Attack::named(attack.name()), Some(*attack));
    }
}

#[test]
fn no_ambiguous_request_is_answered_twice() {
    let mut node = Node::start();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let (plan, _stop) = Plan::new(node.address().parse().unwrap(), 1);
    let findings = runtime.block_on(smuggled(&plan)).unwrap();
    let (known, new): (Vec<String>, Vec<String>) = findings
        .into_iter()
        .partition(|finding| finding.contains(&format!("{TWO_HOSTS:?}")[1..40]));
    assert!(new.is_empty(), "\n{}", new.join("\n"));
    // Once it is refused: no finding is known.
    assert_eq!(
        known.len(),
        1,
        "a second Host is refused now: expect no finding"
    );
    node.assert_healthy();
}
