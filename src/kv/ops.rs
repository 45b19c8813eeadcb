//! What each command does to one record. Each function takes the record as it is,
//! with everything due on it done, and gives the record as it becomes; `None`
//! means that nothing changes.

use crate::base::mutant;
use crate::base::time::{MachineTime, Timer};
use crate::base::types::Revision;
use crate::kv::command::{Condition, Incr, Set};
use crate::kv::record::Record;

/// What time has done to a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Due {
    /// The value is to go; the key remains.
    Expire,
    /// The key is to go.
    Delete,
}

/// What is due on a record at `now`. A key whose both timers have passed goes at
/// once: nobody could have read what it was in between.
pub fn due(record: &Record, now: MachineTime) -> Option<Due> {
    let early_ms = if mutant::is_on("expired-early") {
        100
    } else {
        0
    };
    let passed = |timer: Option<MachineTime>| timer.is_some_and(|at| at <= now.plus_ms(early_ms));
    if passed(record.delete_at) {
        Some(Due::Delete)
    } else if record.value.is_some() && passed(record.expire_at) {
        Some(Due::Expire)
    } else {
        None
    }
}

/// The record a set writes; `None` if its condition does not hold.
///
/// # Panics
/// If a timer was never stamped.
pub fn set(current: Option<&Record>, set: &Set, revision: Revision) -> Option<Record> {
    if !holds(set.condition.as_ref(), current) {
        return None;
    }
    // An expired record has no `expire_at` left to keep: see `expire`.
    let (expire_at, delete_at) = match current {
        Some(record) if set.keep_timers => (record.expire_at, record.delete_at),
        None if set.keep_timers => (None, None),
        _ => (set.expire.at(), set.delete.at()),
    };
    let versions = match mutant::is_on("apply-impure") {
        true => 1 + mutant::dice() % 2,
        false => 1,
    };
    Some(Record {
        value: Some(set.value.clone()),
        create_revision: current.map_or(revision, |record| record.create_revision),
        revision,
        version: current.map_or(0, |record| record.version) + versions,
        expire_at,
        delete_at,
    })
}

/// Why nothing was added.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NotAdded {
    /// The value is not a 64-bit integer in decimal text.
    NotInteger,
    /// The sum would not be one.
    Overflow,
}

/// The number after an addition, and the record that holds it. A key that is there keeps
/// its timers.
///
/// # Errors
/// If the value is no number, or the sum would be none: nothing changes then.
///
/// # Panics
/// If a timer was never stamped.
pub fn incr(
    current: Option<&Record>,
    incr: &Incr,
    revision: Revision,
) -> Result<(i64, Record), NotAdded> {
    let value = current.and_then(|record| record.value.as_ref());
    let before: i64 = match value {
        Some(value) => std::str::from_utf8(value)
            .ok()
            .and_then(|text| text.parse().ok())
            .ok_or(NotAdded::NotInteger)?,
        None => 0,
    };
    let sum = before.checked_add(incr.by).ok_or(NotAdded::Overflow)?;
    let (expire_at, delete_at) = match current {
        Some(record) => (record.expire_at, record.delete_at),
        None => (incr.expire.at(), incr.delete.at()),
    };
    let record = Record {
        value: Some(sum.to_string().into()),
        create_revision: current.map_or(revision, |record| record.create_revision),
        revision,
        version: current.map_or(0, |record| record.version) + 1,
        expire_at,
        delete_at,
    };
    Ok((sum, record))
}

/// The record without its value; `None` if there is no live value. The soft timer
/// goes with the value, so that it cannot act on a value set later.
pub fn expire(current: Option<&Record>, revision: Revision) -> Option<Record> {
    live(current).map(|record| Record {
        value: None,
        revision,
        expire_at: None,
        ..record.clone()
    })
}

/// The record with other timers; `None` if there is no live value: a touch cannot
/// revive an expired key.
///
/// # Panics
/// If a timer was never stamped.
pub fn touch(
    current: Option<&Record>,
    expire: Timer,
    delete: Timer,
    revision: Revision,
) -> Option<Record> {
    live(current).map(|record| Record {
        revision,
        expire_at: expire.at(),
        delete_at: delete.at(),
        ..record.clone()
    })
}

/// The record without timers; `None` if there is no live value, or no timer.
pub fn persist(current: Option<&Record>, revision: Revision) -> Option<Record> {
    live(current)
        .filter(|record| record.expire_at.is_some() || record.delete_at.is_some())
        .map(|record| Record {
            revision,
            expire_at: None,
            delete_at: None,
            ..record.clone()
        })
}

fn live(current: Option<&Record>) -> Option<&Record> {
    current.filter(|record| !record.is_expired())
}

fn holds(condition: Option<&Condition>, current: Option<&Record>) -> bool {
    match condition {
        None => true,
        Some(Condition::Absent) => current.is_none(),
        Some(Condition::Present) => current.is_some(),
        Some(Condition::Revision(revision)) => current.is_some_and(|record| {
            record.revision == *revision || mutant::is_on("any-revision-will-do")
        }),
        Some(Condition::Value(value)) => {
            current.is_some_and(|record| record.value.as_ref() == Some(value))
        }
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    const NEXT: Revision = Revision(9);

    fn record(value: Option<&'static str>) -> Record {
        Record {
            value: value.map(|value| Bytes::from_static(value.as_bytes())),
            create_revision: Revision(3),
            revision: Revision(5),
            version: 2,
            expire_at: value.map(|_| MachineTime(100)),
            delete_at: Some(MachineTime(200)),
        }
    }

    fn number(text: &'static str) -> Record {
        Record {
            value: Some(Bytes::from_static(text.as_bytes())),
            ..record(Some(""))
        }
    }

    fn add(by: i64) -> Incr {
        Incr {
            key: Bytes::from_static(b"k"),
            by,
            expire: Timer::Never,
            delete: Timer::At(MachineTime(500)),
        }
    }

    #[test]
    fn a_number_grows_and_keeps_its_timers() {
        let old = number("-7");
        let (sum, after) = incr(Some(&old), &add(10), NEXT).unwrap();
        assert_eq!((sum, after.value.as_deref()), (3, Some(&b"3"[..])));
        assert_eq!(
            (after.expire_at, after.delete_at, after.version),
            (old.expire_at, old.delete_at, old.version + 1)
        );
        let (sum, begun) = incr(None, &add(-2), NEXT).unwrap();
        assert_eq!((sum, begun.delete_at), (-2, Some(MachineTime(500))));
        let (sum, revived) = incr(Some(&record(None)), &add(4), NEXT).unwrap();
        assert_eq!((sum, revived.delete_at), (4, Some(MachineTime(200))));
    }

    #[test]
    fn what_is_no_number_stays_what_it_is() {
        for text in ["", "1.5", "0x10", " 1", "9223372036854775808", "one"] {
            let added = incr(Some(&number(text)), &add(1), NEXT);
            assert_eq!(added, Err(NotAdded::NotInteger), "{text:?}");
        }
        let most = number("9223372036854775807");
        assert_eq!(incr(Some(&most), &add(1), NEXT), Err(NotAdded::Overflow));
        assert!(incr(Some(&most), &add(-1), NEXT).is_ok());
    }

    fn plain_set(condition: Option<Condition>) -> Set {
        Set {
            key: Bytes::from_static(b"k"),
            value: Bytes::from_static(b"new"),
            expire: Timer::Never,
            delete: Timer::At(MachineTime(500)),
            keep_timers: false,
            condition,
            return_previous: false,
        }
    }

    #[test]
    fn each_condition_holds_exactly_for_the_records_it_names() {
        let live = record(Some("old"));
        let expired = record(None);
        let value = |text: &'static str| Condition::Value(Bytes::from_static(text.as_bytes()));
        // condition, holds without a record, on a live one, on an expired one
        let table = [
            (None, true, true, true),
            (Some(Condition::Absent), true, false, false),
            (Some(Condition::Present), false, true, true),
            (Some(Condition::Revision(Revision(5))), false, true, true),
            (Some(Condition::Revision(Revision(3))), false, false, false),
            (Some(Condition::Revision(Revision(0))), false, false, false),
            (Some(value("old")), false, true, false),
            (Some(value("")), false, false, false),
        ];
        for (condition, absent, on_live, on_expired) in table {
            let written = |current| set(current, &plain_set(condition.clone()), NEXT).is_some();
            assert_eq!(written(None), absent, "{condition:?} without a record");
            assert_eq!(written(Some(&live)), on_live, "{condition:?} on a live one");
            assert_eq!(
                written(Some(&expired)),
                on_expired,
                "{condition:?} on an expired one"
            );
        }
    }

    #[test]
    fn a_set_of_a_present_key_goes_on_counting_and_a_new_key_starts() {
        let again = set(Some(&record(Some("old"))), &plain_set(None), NEXT).unwrap();
        assert_eq!(
            (again.create_revision, again.revision, again.version),
            (Revision(3), NEXT, 3)
        );
        assert_eq!(
            (again.expire_at, again.delete_at),
            (None, Some(MachineTime(500)))
        );

        let fresh = set(None, &plain_set(None), NEXT).unwrap();
        assert_eq!(
            (fresh.create_revision, fresh.revision, fresh.version),
            (NEXT, NEXT, 1)
        );
    }

    #[test]
    fn kept_timers_are_those_the_record_still_has() {
        let keeping = Set {
            keep_timers: true,
            delete: Timer::Never,
            ..plain_set(None)
        };
        let kept = set(Some(&record(Some("old"))), &keeping, NEXT).unwrap();
        assert_eq!(kept.expire_at, Some(MachineTime(100)));
        assert_eq!(kept.delete_at, Some(MachineTime(200)));

        let expired = expire(Some(&record(Some("old"))), Revision(6)).unwrap();
        let revived = set(Some(&expired), &keeping, NEXT).unwrap();
        assert_eq!(revived.expire_at, None);
        assert_eq!(revived.delete_at, Some(MachineTime(200)));

        let fresh = set(None, &keeping, NEXT).unwrap();
        assert_eq!((fresh.expire_at, fresh.delete_at), (None, None));
    }

    #[test]
    fn expired_and_missing_keys_cannot_be_touched_persisted_or_expired_again() {
        let expired = record(None);
        for current in [None, Some(&expired)] {
            assert_eq!(expire(current, NEXT), None);
            assert_eq!(touch(current, Timer::Never, Timer::Never, NEXT), None);
            assert_eq!(persist(current, NEXT), None);
        }
    }

    #[test]
    fn timers_change_the_revision_but_not_the_version() {
        let live = record(Some("old"));
        let touched = touch(Some(&live), Timer::Never, Timer::Never, NEXT).unwrap();
        assert_eq!((touched.revision, touched.version), (NEXT, 2));
        assert_eq!((touched.expire_at, touched.delete_at), (None, None));
        assert_eq!(touched.value, live.value);
        assert_eq!(persist(Some(&live), NEXT), Some(touched.clone()));
        assert_eq!(
            persist(Some(&touched), NEXT),
            None,
            "no timer is left to clear"
        );
    }

    #[test]
    fn a_timer_is_due_from_its_very_moment_on() {
        let live = record(Some("old"));
        assert_eq!(due(&live, MachineTime(99)), None);
        assert_eq!(due(&live, MachineTime(100)), Some(Due::Expire));
        assert_eq!(due(&live, MachineTime(199)), Some(Due::Expire));
        assert_eq!(due(&live, MachineTime(200)), Some(Due::Delete));
        assert_eq!(due(&record(None), MachineTime(199)), None);

        let together = Record {
            delete_at: Some(MachineTime(100)),
            ..live
        };
        assert_eq!(due(&together, MachineTime(100)), Some(Due::Delete));
    }
}
