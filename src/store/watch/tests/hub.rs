//! Handing on, falling behind, and coming back.

use std::sync::Arc;

use bytes::Bytes;

use crate::base::limits::{WATCH_MAILBOX_BYTES_MAX, WATCH_MAILBOX_EVENTS_MAX};
use crate::base::time::MachineTime;
use crate::base::types::Revision;
use crate::kv::Record;
use crate::machine::{Event, EventKind};
use crate::store::watch::hub::{Admitted, Hub};
use crate::store::watch::interest::{Interest, Kinds, Span};
use crate::store::watch::mailbox::{Mailbox, Standing, Taken};

fn event(revision: u64, sub: u32, value: usize) -> Arc<Event> {
    let record = Record {
        value: Some(Bytes::from(vec![0; value])),
        create_revision: Revision(revision),
        revision: Revision(revision),
        version: 1,
        expire_at: None,
        delete_at: None,
    };
    Arc::new(Event {
        revision: Revision(revision),
        sub,
        now: MachineTime(revision),
        kind: EventKind::Set,
        bucket: String::new(),
        key: Bytes::from(format!("key-{}", revision % 7)),
        record: Some(record),
        previous: None,
    })
}

fn everything() -> Interest {
    Interest {
        bucket: String::new(),
        span: Span::Range {
            start: Bytes::new(),
            end: None,
        },
        kinds: Kinds::ALL,
    }
}

fn one_key(key: &'static str) -> Arc<Mailbox> {
    let span = Span::Key(Bytes::from_static(key.as_bytes()));
    let interest = Interest {
        span,
        ..everything()
    };
    Arc::new(Mailbox::new(interest, Revision(0)))
}

fn mailbox(after: u64) -> Arc<Mailbox> {
    Arc::new(Mailbox::new(everything(), Revision(after)))
}

fn revisions(mailbox: &Mailbox) -> Vec<u64> {
    match mailbox.take() {
        Taken::Events(events) => events.iter().map(|event| event.revision.0).collect(),
        Taken::Nothing(_) => Vec::new(),
    }
}

#[test]
fn a_mailbox_takes_whole_revisions_and_says_from_where_on_it_is_behind() {
    let mailbox = mailbox(0);
    let most = u64::try_from(WATCH_MAILBOX_EVENTS_MAX).unwrap();
    let singles: Vec<_> = (1..most).map(|revision| event(revision, 0, 1)).collect();
    assert!(mailbox.put(&singles));
    // There is room for one of the two.
    let two = [event(most, 0, 1), event(most, 1, 1), event(most + 1, 0, 1)];
    assert!(!mailbox.put(&two));
    assert_eq!(revisions(&mailbox).last(), Some(&(most - 1)));
    let after = Revision(most - 1);
    assert_eq!(mailbox.standing(), Standing::Behind { after });
    assert_eq!(mailbox.seen(Revision(most + 9)), Some(after));
}

#[test]
fn large_events_fill_a_mailbox_sooner_and_what_was_fetched_makes_room() {
    let mailbox = mailbox(0);
    let half = WATCH_MAILBOX_BYTES_MAX / 2 - 1_000;
    assert!(mailbox.put(&[event(1, 0, half), event(2, 0, half)]));
    assert_eq!(revisions(&mailbox), [1, 2]);
    assert!(mailbox.put(&[event(3, 0, half), event(4, 0, half)]));
    assert!(!mailbox.put(&[event(5, 0, half)]));
    assert_eq!(mailbox.seen(Revision(5)), None, "two are on their way");
    assert_eq!(revisions(&mailbox), [3, 4]);
}

#[test]
fn whoever_has_read_more_than_was_handed_on_is_told_nothing_twice() {
    let hub = Hub::default();
    let (first, second, late) = (mailbox(2), mailbox(4), mailbox(1));
    assert_eq!(
        hub.admit(&first, Revision(2)),
        Admitted::Live { start: true }
    );
    assert_eq!(hub.position(), Revision(2));
    assert_eq!(
        hub.admit(&second, Revision(4)),
        Admitted::Live { start: false }
    );
    assert_eq!(hub.admit(&late, Revision(1)), Admitted::NotYet);
    let events: Vec<_> = (3..=6).map(|revision| event(revision, 0, 1)).collect();
    assert_eq!(hub.hand_on(&events), 4);
    assert_eq!(revisions(&first), [3, 4, 5, 6]);
    assert_eq!(revisions(&second), [5, 6]);
    assert_eq!(first.seen(hub.position()), Some(Revision(6)));
    hub.handed_on_through(Revision(9));
    assert_eq!(second.seen(hub.position()), Some(Revision(9)));
    assert_eq!(hub.admit(&late, Revision(8)), Admitted::NotYet);
    assert_eq!(hub.figures().behind, 0);
}

#[test]
fn one_that_is_slow_is_behind_and_the_others_are_not() {
    let hub = Hub::default();
    let (slow, quick) = (mailbox(0), mailbox(0));
    hub.admit(&slow, Revision(0));
    hub.admit(&quick, Revision(0));
    let most = u64::try_from(WATCH_MAILBOX_EVENTS_MAX).unwrap();
    for revision in 1..=most + 5 {
        hub.hand_on(&[event(revision, 0, 1)]);
        assert_eq!(revisions(&quick), [revision]);
    }
    let behind = slow.standing();
    assert_eq!(
        behind,
        Standing::Behind {
            after: Revision(most)
        }
    );
    assert_eq!(revisions(&slow).len() as u64, most, "it keeps what it has");
    assert_eq!(hub.admit(&slow, Revision(most)), Admitted::NotYet);
    let admitted = hub.admit(&slow, Revision(most + 5));
    assert_eq!(admitted, Admitted::Live { start: false });
    hub.hand_on(&[event(most + 6, 0, 1)]);
    assert_eq!(revisions(&slow), [most + 6]);
}

#[test]
fn a_revision_larger_than_any_mailbox_puts_its_watchers_behind_before_it() {
    let hub = Hub::default();
    let (wide, narrow) = (mailbox(0), one_key("key-3"));
    hub.admit(&wide, Revision(0));
    hub.admit(&narrow, Revision(0));
    let most = u32::try_from(WATCH_MAILBOX_EVENTS_MAX).unwrap();
    let mut events = vec![event(1, 0, 1)];
    events.extend((0..3 * most).map(|sub| event(2, sub, 1)));
    events.push(event(3, 0, 1));
    let done = hub.hand_on(&events);
    assert_eq!(done, events.len() - 1, "a revision is not split");
    assert_eq!(hub.hand_on(&events[done..]), 1);
    let after = Revision(1);
    assert_eq!(wide.standing(), Standing::Behind { after });
    assert_eq!(revisions(&wide), [1], "nothing of the revision after it");
    assert_eq!(revisions(&narrow), [3], "the other one is live");
    assert_eq!(hub.figures().fell_behind, 1);
    assert_eq!(hub.admit(&wide, Revision(2)), Admitted::NotYet);
}

#[test]
fn those_who_are_looked_at_in_vain_count_as_work() {
    let hub = Hub::default();
    let mailboxes: Vec<_> = (0..1_000)
        .map(|_| {
            let kinds = Kinds::of(&[EventKind::Delete]);
            let interest = Interest {
                kinds,
                ..everything()
            };
            Arc::new(Mailbox::new(interest, Revision(0)))
        })
        .collect();
    for mailbox in &mailboxes {
        hub.admit(mailbox, Revision(0));
    }
    let events: Vec<_> = (1..=30).map(|revision| event(revision, 0, 1)).collect();
    let done = hub.hand_on(&events);
    assert!((10..20).contains(&done), "{done} at once");
    assert_eq!(hub.position().0 as usize, done);
}

#[test]
fn lost_history_puts_everybody_behind_where_he_was() {
    let hub = Hub::default();
    let (first, second) = (mailbox(3), mailbox(7));
    hub.admit(&first, Revision(3));
    hub.admit(&second, Revision(7));
    hub.hand_on(&[event(4, 0, 1)]);
    hub.lost();
    assert_eq!(first.standing(), Standing::Behind { after: Revision(4) });
    assert_eq!(second.standing(), Standing::Behind { after: Revision(7) });
    assert_eq!(revisions(&first), [4], "what it has, it keeps");
    assert_eq!(hub.goes_on_after(), None, "nobody is live");
    assert!(hub.is_idle());
}

#[test]
fn nobody_is_forgotten_when_watchers_go_and_a_closed_hub_takes_none() {
    let hub = Hub::default();
    let mailboxes: Vec<_> = (0..5).map(|_| mailbox(0)).collect();
    for mailbox in &mailboxes {
        hub.admit(mailbox, Revision(0));
    }
    for mailbox in &mailboxes[..4] {
        hub.leave(mailbox);
    }
    hub.hand_on(&[event(1, 0, 1)]);
    assert_eq!(revisions(&mailboxes[0]), [0; 0]);
    assert_eq!(revisions(&mailboxes[4]), [1]);
    hub.close();
    assert!(matches!(
        mailboxes[4].take(),
        Taken::Nothing(Standing::Closed)
    ));
    assert_eq!(hub.admit(&mailboxes[0], Revision(9)), Admitted::Closed);
    assert_eq!(hub.goes_on_after(), None);
    assert!(hub.is_idle());
}
