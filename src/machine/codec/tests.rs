//! What is encoded is read back; what is damaged or out of bounds is an error.

mod operations;

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;

use super::*;
use crate::base::limits::ENTRY_COMMANDS_MAX;
use crate::machine::command::{Command, Entry, Op};

prop_compose! {
    fn record()(
        value in option::of(vec(any::<u8>(), 0..40)), revisions: (u64, u64, u64),
        expire_at: Option<u64>, delete_at: Option<u64>,
    ) -> Record {
        Record {
            value: value.map(Bytes::from),
            create_revision: Revision(revisions.0),
            revision: Revision(revisions.1),
            version: revisions.2,
            expire_at: expire_at.map(MachineTime),
            delete_at: delete_at.map(MachineTime),
        }
    }
}

fn encoded(event: &Event) -> Vec<u8> {
    let mut buffer = Vec::new();
    put_event(event, &mut buffer);
    buffer
}

prop_compose! {
    fn waiter()(owner: [u8; 16], ttl_ms: u64, wait_until: u64) -> Waiter {
        Waiter { owner: OwnerId(owner), ttl_ms, wait_until: MachineTime(wait_until) }
    }
}

prop_compose! {
    fn lock()(
        owner: [u8; 16], fence: u64, granted_at: u64, lease: Option<u64>, claim: Option<u64>,
        queue in vec(waiter(), 0..5),
    ) -> Lock {
        Lock {
            owner: OwnerId(owner),
            fence: FenceToken(fence),
            granted_at: MachineTime(granted_at),
            lease_until: lease.map(MachineTime),
            claim_by: claim.map(MachineTime),
            queue: queue.into(),
        }
    }
}

prop_compose! {
    fn session()(
        last_used: u64, first: u64, floor in 0..u64::MAX / 2, steps in vec(1..9_u64, 0..9),
        kind in 0..OutcomeKind::ALL.len(), revision: u64, count: u64,
    ) -> Session {
        let outcome = Outcome { kind: OutcomeKind::ALL[kind], revision: Revision(revision), count };
        let mut sequence = floor;
        let outcomes = steps.iter().map(|step| {
            sequence += step;
            (sequence, outcome)
        });
        Session { last_used: MachineTime(last_used), floor, first, outcomes: outcomes.collect() }
    }
}

prop_compose! {
    fn event()(
        place: (u64, u32, u64), kind in 0..4_usize, bucket in "[A-Za-z0-9._:-]{0,9}",
        key in vec(any::<u8>(), 1..9), before in option::of(record()), after in option::of(record()),
    ) -> Event {
        Event {
            revision: Revision(place.0),
            sub: place.1,
            now: MachineTime(place.2),
            kind: [EventKind::Set, EventKind::Delete, EventKind::Expire, EventKind::Touch][kind],
            bucket,
            key: key.into(),
            record: after,
            previous: before,
        }
    }
}

proptest! {
    #[test]
    fn rows_round_trip(record in record(), lock in lock(), session in session()) {
        let (row, same) = encode_record(&record);
        prop_assert_eq!(&same, &record);
        let within = |value: &Bytes| row.slice_ref(value) == value;
        prop_assert!(same.value.as_ref().is_none_or(within), "the value is in the row");
        prop_assert_eq!(&decode_record(&row[..]).unwrap(), &record);
        prop_assert_eq!(decode_record(row).unwrap(), record);
        prop_assert_eq!(decode_lock(encode_lock(&lock)).unwrap(), lock);
        prop_assert_eq!(decode_session(encode_session(&session)).unwrap(), session);
    }

    #[test]
    fn events_round_trip(event in event()) {
        prop_assert_eq!(decode_event(encoded(&event).into()).unwrap(), event);
    }

    #[test]
    fn states_round_trip(words: [u64; 8], boot_id: [u8; 16]) {
        let state = State {
            applied: LogIndex(words[0]),
            revision: Revision(words[1]),
            now: MachineTime(words[2]),
            boot: BootStamp { boot_ms: words[3], boot_id },
            hash: words[4],
            keys: words[5],
            locks: words[6],
            buckets: words[7],
        };
        prop_assert_eq!(decode_state(encode_state(&state)).unwrap(), state);
    }

    #[test]
    fn any_bytes_give_a_value_or_an_error(bytes in vec(any::<u8>(), 0..200)) {
        let bytes = Bytes::from(bytes);
        let _ = decode_entry(bytes.clone());
        let _ = decode_event(bytes.clone());
        let _ = decode_record(bytes.clone());
        let _ = decode_lock(bytes.clone());
        let _ = decode_session(bytes.clone());
        let _ = decode_state(bytes.clone());
        let _ = decode_client(&bytes);
    }

    #[test]
    fn a_flipped_bit_gives_a_value_that_round_trips_or_an_error(event in event(), at: u16, bit in 0..8) {
        let mut bytes = encoded(&event);
        let at = usize::from(at) % bytes.len();
        bytes[at] ^= 1_u8 << bit;
        if let Ok(event) = decode_event(bytes.into()) {
            prop_assert_eq!(decode_event(encoded(&event).into()).unwrap(), event);
        }
    }
}

fn stored_entry(commands: Vec<storage::Command>) -> Bytes {
    let entry = storage::Entry {
        now_ms: 1,
        boot_ms: 1,
        boot_id: id(&[0; 16]),
        commands,
    };
    entry.encode_to_vec().into()
}

fn stored(op: storage::command::Op) -> storage::Command {
    storage::Command {
        op: Some(op),
        ..storage::Command::default()
    }
}

fn delete(bucket: &str, key_bytes: usize) -> storage::command::Op {
    storage::command::Op::Delete(storage::Delete {
        bucket: bucket.to_owned(),
        key: vec![b'k'; key_bytes].into(),
    })
}

#[track_caller]
fn refused(commands: Vec<storage::Command>, message: &str) {
    let error = decode_entry(stored_entry(commands))
        .unwrap_err()
        .to_string();
    assert!(error.contains(message), "{error:?} should name {message:?}");
}

#[test]
fn what_is_out_of_bounds_is_refused_and_named() {
    assert!(decode_entry(stored_entry(vec![stored(delete("users", KEY_BYTES_MAX))])).is_ok());
    refused(vec![stored(delete("", 0))], "key of 0 bytes");
    refused(
        vec![stored(delete("", KEY_BYTES_MAX + 1))],
        "key of 4097 bytes",
    );
    refused(
        vec![stored(delete(&"b".repeat(256), 1))],
        "bucket name of 256 bytes",
    );
    refused(
        vec![stored(delete("a/b", 1))],
        "bucket name with bytes other than",
    );
    refused(
        vec![storage::Command::default()],
        "command is missing or unknown",
    );
    let many = vec![stored(delete("", 1)); ENTRY_COMMANDS_MAX + 1];
    refused(many, "1025 commands in an entry (at most 1024)");

    let renew = |name: &'static [u8], owner_bytes| {
        stored(storage::command::Op::Renew(storage::Renew {
            name: Bytes::from_static(name),
            owner: vec![1; owner_bytes].into(),
            ttl_ms: 1,
        }))
    };
    refused(vec![renew(b"job", 15)], "owner id of 15 bytes");
    refused(vec![renew(b"", 16)], "lock name of 0 bytes");

    let with_request = storage::Command {
        request: Some(storage::RequestId::default()),
        ..stored(delete("", 1))
    };
    refused(vec![with_request], "client id of 0 bytes");
}

#[test]
fn a_condition_of_a_newer_dkv_is_refused() {
    let set = storage::Set {
        key: Bytes::from_static(b"k"),
        condition: Some(storage::Condition { kind: None }),
        ..storage::Set::default()
    };
    refused(
        vec![stored(storage::command::Op::Set(set))],
        "condition is missing",
    );
}

#[test]
fn rows_of_a_newer_format_say_upgrade() {
    let newer = storage::State {
        format: FORMAT + 1,
        boot_id: id(&[0; 16]),
        ..storage::State::default()
    };
    let error = decode_state(newer.encode_to_vec().into()).unwrap_err();
    assert!(
        matches!(error, CodecError::NewerFormat { found: 2 }),
        "{error}"
    );
    assert!(
        decode_state(Bytes::new()).is_err(),
        "a state always has a format"
    );
}

#[test]
fn an_empty_range_end_is_not_the_end_of_the_bucket() {
    let with_end = |end: Option<&'static [u8]>| Entry {
        now: MachineTime(1),
        boot: BootStamp::default(),
        commands: vec![Command {
            request: None,
            fence: None,
            op: Op::Kv {
                bucket: String::new(),
                command: crate::kv::KvCommand::DeleteRange {
                    start: Bytes::new(),
                    end: end.map(Bytes::from_static),
                },
            },
        }],
    };
    for entry in [with_end(None), with_end(Some(b"")), with_end(Some(b"z"))] {
        assert_eq!(decode_entry(encode_entry(&entry)).unwrap(), entry);
    }
}

#[test]
fn a_lock_has_only_so_many_waiters() {
    let waiter = storage::Waiter {
        owner: id(&[1; 16]),
        ..storage::Waiter::default()
    };
    let lock = |waiters| {
        let lock = storage::Lock {
            owner: id(&[2; 16]),
            queue: vec![waiter.clone(); waiters],
            ..storage::Lock::default()
        };
        decode_lock(lock.encode_to_vec().into())
    };
    assert!(lock(LOCK_WAITERS_MAX).is_ok());
    assert!(lock(LOCK_WAITERS_MAX + 1).is_err());
}

#[test]
fn outcomes_of_a_session_must_be_in_order_and_above_its_floor() {
    let session = |floor, sequences: &[u64]| {
        let outcomes = sequences.iter().map(|sequence| storage::Outcome {
            sequence: *sequence,
            kind: 1,
            revision: 1,
            count: 0,
        });
        let session = storage::Session {
            floor,
            outcomes: outcomes.collect(),
            ..storage::Session::default()
        };
        decode_session(session.encode_to_vec().into())
    };
    assert!(session(3, &[3, 5]).is_ok());
    assert!(session(4, &[3, 5]).is_err());
    assert!(session(3, &[5, 3]).is_err());
    assert!(session(3, &[3, 3]).is_err());
}
