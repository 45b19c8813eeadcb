//! The edges of the history: bytes, files, floors. What it answers is tested
//! against the model of the machine.

use super::*;
use crate::machine::outcome::EventKind;

const KEEP_ALL: HistoryLimits = HistoryLimits {
    age_ms: u64::MAX,
    bytes_max: usize::MAX,
};

fn event(revision: u64, sub: u32) -> Arc<Event> {
    Arc::new(Event {
        revision: Revision(revision),
        sub,
        now: MachineTime(revision * 10),
        kind: EventKind::Delete,
        bucket: String::new(),
        key: Bytes::from(format!("key{}", sub % 3)),
        record: None,
        previous: None,
    })
}

fn revisions<'a>(events: impl Iterator<Item = &'a Arc<Event>>) -> Vec<(u64, u32)> {
    events.map(|event| (event.revision.0, event.sub)).collect()
}

#[test]
fn too_many_bytes_drop_whole_revisions() {
    let one = weight(&event(1, 0));
    let limits = HistoryLimits {
        bytes_max: 4 * one,
        ..KEEP_ALL
    };
    let mut history = History::new(limits, Revision(0), MachineTime(00));
    history.push(&[event(1, 0), event(1, 1), event(2, 0), event(3, 0)]);
    history.trim(MachineTime(40));
    assert_eq!((history.floor(), history.bytes()), (Revision(1), 4 * one));

    history.push(&[event(4, 0)]);
    history.trim(MachineTime(40));
    assert_eq!((history.floor(), history.bytes()), (Revision(2), 3 * one));
    assert_eq!(
        revisions(history.suffix(Revision(0))),
        [(2, 0), (3, 0), (4, 0)]
    );
    assert_eq!(
        history.index.len(),
        (1, 1),
        "the index keeps no key without events"
    );
}

#[test]
fn what_is_in_no_file_yet_is_given_once() {
    let mut history = History::new(KEEP_ALL, Revision(7), MachineTime(70));
    assert_eq!(history.persisted(), Revision(7));
    history.push(&[event(8, 0), event(9, 0), event(9, 1)]);
    assert_eq!(revisions(history.unpersisted()), [(8, 0), (9, 0), (9, 1)]);
    history.mark_persisted(Revision(9));
    history.push(&[event(11, 0)]);
    assert_eq!(revisions(history.unpersisted()), [(11, 0)]);
    history.mark_persisted(Revision(3));
    assert_eq!(history.persisted(), Revision(9), "the mark never goes back");
}

#[test]
fn loading_leaves_out_what_the_log_makes_again() {
    let mut history = History::new(KEEP_ALL, Revision(9), MachineTime(90));
    let events = vec![event(6, 0), event(8, 0), event(8, 1), event(10, 0)];
    history.load(Revision(5), Revision(9), events).unwrap();
    assert_eq!(history.floor(), Revision(5));
    assert_eq!(history.persisted(), Revision(9));
    history.push(&[event(10, 0)]);
    let all = history.events_from(Revision(5)).unwrap();
    assert_eq!(revisions(all), [(6, 0), (8, 0), (8, 1), (10, 0)]);
    let error = history.events_from(Revision(4)).map(drop).unwrap_err();
    assert_eq!(error.compacted_floor(), Some(Revision(5)));
    assert!(
        history.check_readable(Revision(4)).is_ok(),
        "before the first event of all"
    );
    assert!(history.check_readable(Revision(3)).is_err());
}

#[test]
fn files_out_of_order_are_refused() {
    for events in [
        vec![event(6, 0), event(6, 0)],
        vec![event(7, 0), event(6, 0)],
        vec![event(4, 0)],
    ] {
        let mut history = History::new(KEEP_ALL, Revision(9), MachineTime(90));
        let error = history.load(Revision(5), Revision(9), events).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Corrupt);
        assert_eq!(history.floor(), Revision(10), "nothing was taken");
    }
}

#[test]
#[should_panic(expected = "events come in order")]
fn an_event_that_comes_twice_is_a_defect() {
    let mut history = History::new(KEEP_ALL, Revision(0), MachineTime(00));
    history.push(&[event(1, 0), event(1, 0)]);
}

/// What was when is told as far as it is known, and no farther.
#[test]
fn a_moment_is_a_revision() {
    let mut history = History::new(KEEP_ALL, Revision(0), MachineTime(0));
    let at = |history: &History, moment| {
        let revision = history.revision_at(MachineTime(moment));
        revision.map(|it| it.0).map_err(|error| {
            assert_eq!(error.kind(), ErrorKind::Compacted);
            error.compacted_floor().unwrap().0
        })
    };
    assert_eq!(at(&history, 5), Ok(0), "the empty shard");
    history.push(&[event(1, 0), event(3, 0), event(3, 1), event(4, 0)]);
    for (moment, revision) in [(0, 0), (9, 0), (10, 1), (29, 1), (30, 3), (39, 3), (99, 4)] {
        assert_eq!(at(&history, moment), Ok(revision), "at {moment}");
    }
    history.limits.bytes_max = weight(&event(1, 0)) * 2;
    history.trim(MachineTime(99));
    assert_eq!(history.floor(), Revision(4));
    for (moment, told) in [(29, Err(4)), (30, Ok(3)), (39, Ok(3)), (40, Ok(4))] {
        assert_eq!(at(&history, moment), told, "at {moment}, trimmed");
    }
    history.begin_anew(Revision(7), MachineTime(70));
    assert_eq!((at(&history, 69), at(&history, 70)), (Err(8), Ok(7)));
    history.limits = KEEP_ALL;
    let events = vec![event(6, 0), event(7, 0)];
    history
        .load(Revision(5), Revision(7), events.clone())
        .unwrap();
    let told = [59, 60, 70].map(|moment| at(&history, moment));
    assert_eq!(told, [Err(5), Ok(6), Ok(7)]);
    history.begin_anew(Revision(7), MachineTime(70));
    history.load(Revision(1), Revision(7), events).unwrap();
    assert_eq!(at(&history, 59), Ok(0), "nothing was ever lost");
}
