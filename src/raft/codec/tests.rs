//! What is stored and sent, byte for byte, and what becomes of anything else.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use super::*;
use crate::base::ErrorKind;
use crate::base::host::{Rng, SeededRng};
use crate::base::types::NodeId;

const ALICE: NodeId = NodeId([1; 16]);
const BOB: NodeId = NodeId([2; 16]);

/// One voter.
const MEMBERSHIP: &str = "0a120a1001010101010101010101010101010101\
    12230a10010101010101010101010101010101011205616c6963651a03613a372203613a38";

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").unwrap();
        text
    })
}

fn member(name: &str) -> Member {
    Member {
        name: name.to_owned(),
        peer_address: "a:7".to_owned(),
        client_address: "a:8".to_owned(),
        ..Member::default()
    }
}

fn alone() -> Membership {
    let members = BTreeMap::from([(ALICE, member("alice"))]);
    Membership::new(vec![BTreeSet::from([ALICE])], members).unwrap()
}

/// Two sets of voters, a learner, and everything that a member can be.
fn changing() -> Membership {
    let bob = Member {
        wants_vote: true,
        leaving: true,
        ..member("bob")
    };
    let learner = (NodeId([3; 16]), Member::default());
    let members = BTreeMap::from([(ALICE, member("alice")), (BOB, bob), learner]);
    let voters = vec![BTreeSet::from([ALICE]), BTreeSet::from([ALICE, BOB])];
    Membership::new(voters, members).unwrap()
}

fn entry(term: u64, index: u64, payload: Payload) -> Entry {
    Entry::new(LogId::new_term_index(term, index), payload)
}

fn check_entry(entry: &Entry, expected: &str) {
    let bytes = encode_entry(entry);
    assert_eq!(hex(&bytes), expected);
    let index = index_of(entry.log_id.index());
    assert_eq!(decode_entry(index, bytes).unwrap(), *entry);
}

#[test]
fn entries_have_these_bytes() {
    check_entry(&entry(7, 0, Payload::Blank), "08071001");
    let proposal = Payload::Normal(Proposal(Bytes::from_static(b"alice")));
    check_entry(&entry(300, 41, proposal), "08ac021a05616c696365");
    let membership = entry(1, 0, Payload::Membership(alone()));
    check_entry(&membership, &format!("08012239{MEMBERSHIP}"));
}

#[test]
fn votes_and_positions_have_these_bytes() {
    let vote = Vote::new_committed(3, BOB);
    let stored = store_vote(&vote);
    let bytes = stored.encode_to_vec();
    assert_eq!(hex(&bytes), format!("08031210{}1801", "02".repeat(16)));
    assert_eq!(read_vote(Some(stored)).unwrap(), vote);
    let asked = Vote::new(3, BOB);
    assert_eq!(read_vote(Some(store_vote(&asked))).unwrap(), asked);

    let id = LogId::new_term_index(3, 8);
    assert_eq!(hex(&store_log_id(Some(&id)).encode_to_vec()), "08031009");
    assert_eq!(
        read_log_id(Some(store_log_id(Some(&id)))).unwrap(),
        Some(id)
    );
    assert_eq!(hex(&store_log_id(None).encode_to_vec()), "");
    assert_eq!(read_log_id(Some(store_log_id(None))).unwrap(), None);
    assert_eq!(read_log_id(None).unwrap(), None);
}

#[test]
fn the_state_of_a_log_has_these_bytes() {
    let state = storage::RaftState {
        vote: Some(store_vote(&Vote::new_committed(3, BOB))),
        committed: Some(store_log_id(Some(&LogId::new_term_index(3, 8)))),
        purged: Some(store_log_id(Some(&LogId::new_term_index(2, 4)))),
    };
    let vote = format!("0a1608031210{}1801", "02".repeat(16));
    let expected = format!("{vote}1204080310091a0408021005");
    assert_eq!(hex(&state.encode_to_vec()), expected);
}

#[test]
fn a_mark_has_these_bytes() {
    let first = LogId::new_term_index(1, 0);
    let membership = StoredMembership::new(Some(first), alone());
    let mark = encode_mark(Some(&first), &membership);
    let expected = format!("0a04080110011241 0a0408011001 1239{MEMBERSHIP}").replace(' ', "");
    assert_eq!(hex(&mark), expected);
    assert_eq!(decode_mark(Some(mark)).unwrap(), (Some(first), membership));
    let nothing = (None, StoredMembership::default());
    assert_eq!(decode_mark(None).unwrap(), nothing);
    let mark = encode_mark(None, &StoredMembership::default());
    assert_eq!(decode_mark(Some(mark)).unwrap(), nothing);
}

#[test]
fn memberships_come_back_as_they_were() {
    for membership in [Membership::default(), alone(), changing()] {
        let stored = store_membership(&membership);
        assert_eq!(read_membership(stored).unwrap(), membership);
        let stored = StoredMembership::new(Some(LogId::new_term_index(4, 9)), membership);
        let read = read_stored_membership(Some(store_stored_membership(&stored)));
        assert_eq!(read.unwrap(), stored);
    }
}

#[test]
fn what_cannot_be_is_refused_with_a_reason() {
    let short = storage::Vote {
        node: Bytes::from_static(b"short"),
        ..storage::Vote::default()
    };
    let too_late = storage::Vote {
        term: u64::MAX,
        ..store_vote(&Vote::new(1, ALICE))
    };
    let far = storage::LogId {
        term: 1,
        index: u64::MAX,
    };
    let mut stranger = store_membership(&alone());
    stranger.configs[0].nodes[0] = Bytes::copy_from_slice(&BOB.0);
    let mut long = store_membership(&alone());
    long.members[0].name = "a".repeat(256);
    let kind = Bytes::from_static(&[0x08, 0x01, 0x2a, 0x00]);
    let late = Bytes::from_static(&[
        0x08, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01, 0x10, 0x01,
    ]);
    let refusals = [
        (read_vote(None).map(drop), "a vote is missing"),
        (read_vote(Some(short)).map(drop), "5 bytes instead of 16"),
        (
            read_vote(Some(too_late)).map(drop),
            "the term 18446744073709551615",
        ),
        (
            read_log_id(Some(far)).map(drop),
            "the index 18446744073709551615",
        ),
        (
            read_membership(stranger).map(drop),
            "a membership cannot be",
        ),
        (read_membership(long).map(drop), "more than 255 bytes"),
        (
            decode_entry(LogIndex(3), kind).map(drop),
            "entry 3 is damaged: it has a kind",
        ),
        (decode_entry(LogIndex(3), late).map(drop), "the term"),
        (
            decode_entry(LogIndex(0), Bytes::from_static(&[0x10, 0x01])).map(drop),
            "its index is 0",
        ),
        (
            decode_mark(Some(Bytes::from_static(&[0xff]))).map(drop),
            "a shard's mark is damaged",
        ),
    ];
    for (refused, why) in refusals {
        let error = refused.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Corrupt, "{error}");
        assert!(
            error.to_string().contains(why),
            "{error} does not say {why}"
        );
    }
}

/// Damage may give another entry, which the checksums around it must tell; it never
/// panics, and what is read can be written again.
#[test]
fn damaged_bytes_never_panic() {
    let rng = SeededRng::new(5);
    let first = LogId::new_term_index(1, 0);
    let good = [
        encode_entry(&entry(7, 3, Payload::Blank)),
        encode_entry(&entry(7, 3, Payload::Membership(changing()))),
        encode_mark(
            Some(&first),
            &StoredMembership::new(Some(first), changing()),
        ),
    ];
    let mut refused = 0;
    for round in 0..20_000 {
        let mut bytes = good[round % good.len()].to_vec();
        for _ in 0..=rng.below(3) {
            let at = rng.below(bytes.len() as u64) as usize;
            bytes[at] ^= 1 << rng.below(8);
        }
        if rng.below(4) == 0 {
            bytes.truncate(rng.below(bytes.len() as u64) as usize);
        }
        let bytes = Bytes::from(bytes);
        match decode_entry(LogIndex(4), bytes.clone()) {
            Ok(read) => {
                let again = encode_entry(&read);
                assert_eq!(decode_entry(LogIndex(4), again).unwrap(), read);
            }
            Err(error) => {
                refused += 1;
                assert_eq!(error.kind(), ErrorKind::Corrupt);
            }
        }
        drop(decode_mark(Some(bytes)));
    }
    assert!(refused > 2_000, "the test must bite: {refused}");
}
