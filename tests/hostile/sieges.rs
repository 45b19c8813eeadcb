//! Every attack, each on a node of its own.

use crate::attacks::{Attack, Plan, smuggled};
use crate::harness::Node;
use crate::siege::Siege;

const MIB: u64 = 1 << 20;

#[track_caller]
fn survives(siege: &Siege) {
    let mut node = Node::start();
    let (seen, tally) = siege.lay(&mut node);
    eprintln!(
        "{}: {tally:?}; {} MiB before, {} at most, {} ms of processor time",
        siege.attack.name(),
        seen.before.resident_bytes / MIB,
        seen.after.peak_bytes / MIB,
        seen.after.cpu_ms - seen.before.cpu_ms,
    );
    assert!(tally.opened > 0, "nothing was attacked: {tally:?}");
    let faults = seen.faults();
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

// `allowed_bytes` names the limit that allows them.
sieges! {
    a_node_stands_idle_connections: Idle;
    a_node_stands_connections_that_come_and_go: Churn;
    a_node_stands_stalled_handshakes: StalledHandshake;
    a_node_stands_garbage: Garbage;
    a_node_stands_slow_heads: SlowHead;
    // REST_BODIES_BYTES_MAX.
    a_node_stands_slow_bodies: SlowBody, connections: 100, allowed_bytes: 256 * MIB;
    a_node_stands_slow_prefaces: SlowPreface;
    // REST_BODIES_BYTES_MAX, on the way out.
    a_node_stands_answers_unread_over_http1: UnreadHttp1, allowed_bytes: 256 * MIB;
    a_node_stands_windows_of_nothing: ZeroWindow, connections: 50;
    a_node_stands_scans_unread: UnreadScans, connections: 50;
    a_node_stands_answers_read_by_the_byte: Dribble, connections: 20;
    a_node_stands_hungry_sessions: HungrySessions, connections: 50;
    // WATCHES_MAX, of which so many are 40,000.
    a_node_stands_watches_by_the_thousand: Watches, connections: 4, allowed_bytes: 120 * MIB;
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
    a_node_stands_half_open_calls: HalfOpenCalls, connections: 50;
    a_node_stands_half_open_sessions: HalfOpenSessions, connections: 50;
    a_node_stands_messages_of_4_gib: HugeMessage;
    a_node_stands_huge_bodies: HugeBody;
    // REST_BODIES_BYTES_MAX.
    a_node_stands_endless_chunks: EndlessChunks, connections: 20, allowed_bytes: 256 * MIB;
    // REST_BODIES_BYTES_MAX holds what is packed.
    a_node_stands_packed_values: GzipRest, connections: 50, allowed_bytes: 50 * MIB;
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
    assert!(findings.is_empty(), "\n{}", findings.join("\n"));
    node.assert_healthy();
}
