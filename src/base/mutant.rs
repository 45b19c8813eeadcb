//! Defects on purpose, for the proof that the tests bite.
//!
//! A mutant is a place where the code does something wrong if it is told to. The product is built
//! without `--cfg dkv_mutants`: then [`is_on`] is the constant `false`, and nothing of a mutant is
//! in the binary. `scripts/mutants` builds the tests with it, switches on one after the other, and
//! expects that some test notices.

/// Every mutant, and what it does wrong: a line each, for `scripts/mutants` reads them.
#[rustfmt::skip]
pub const ALL: &[(&str, &str)] = &[
    ("ack-before-sync", "the log says that a write is durable without waiting for the disk"),
    ("any-revision-will-do", "a set on condition of a revision takes any revision of the key for it"),
    ("apply-impure", "what a set makes of a record depends on more than the log"),
    ("calendar-clock", "what ends by itself ends by the calendar, which people set"),
    ("compares-ignored", "a transaction is done although a compare does not hold"),
    ("crc-ignored", "a start takes a batch of the log whose checksum is wrong"),
    ("dir-not-synced", "the log goes on in a segment whose name a power loss can take"),
    ("divergence-ignored", "a member whose state is another one than the majority's goes on"),
    ("events-dropped", "live watchers are not told of some revisions"),
    ("expired-early", "keys expire a tenth of a second before their time"),
    ("expiry-untold", "watchers and the history are not told that a key expired"),
    ("fence-handed-down", "whoever gets a lock from its queue gets the fence of the holder before"),
    ("fences-unchecked", "a write under a fence that is not the holder's is done"),
    ("forgotten-taken-for-new", "a repetition whose first outcome may be forgotten is applied"),
    ("fsync-error-ignored", "a sync of the log that fails is logged, and taken as done"),
    ("gap-untold", "who asks for events that are gone is told those that are left"),
    ("leader-restored", "a leader that was started again leads on in its old term"),
    ("lease-read", "a leader answers reads for as long as it believes that nobody else can have been elected"),
    ("log-dropped-too-early", "the log lets entries go that are in no durable row yet"),
    ("marks-ahead", "a watcher is told that it has everything while events wait for it"),
    ("names-taken-twice", "a node that lost its disk comes back under the name of the member it was"),
    ("past-of-the-next-revision", "what a key was at a revision is what it was at the next"),
    ("quota-unchecked", "a bucket grows beyond its quota"),
    ("read-before-applied", "a read is answered before this member has applied what it must show"),
    ("released-by-anybody", "a lock is released by whoever asks"),
    ("renewed-by-anybody", "a lease is renewed by whoever asks"),
    ("repetitions-applied", "a write that is repeated is applied once more"),
    ("resumption-skips-one", "a watcher that comes back misses one revision"),
    ("rows-behind-their-index", "the rows on disk say that they hold one entry more than they do"),
    ("slow-watchers-lose", "a watcher whose mailbox is full silently misses events"),
    ("snapshot-without-requests", "a snapshot lacks what is remembered of requests"),
    ("stale-local-read", "a linearizable read is answered from the local state, without a read index"),
    ("time-goes-back", "machine time goes back when an entry says so"),
    ("transactions-split", "the writes of a transaction have a revision each"),
    ("vote-not-synced", "a member answers a candidate before its vote is durable"),
];

/// Whether the mutant of this name is switched on: the variable `DKV_MUTANT` names it, in a build
/// for mutants.
///
/// # Panics
/// In such a build, for a name that is not in [`ALL`].
#[cfg(dkv_mutants)]
#[must_use]
pub fn is_on(name: &str) -> bool {
    static CHOSEN: std::sync::LazyLock<Option<String>> = std::sync::LazyLock::new(|| {
        #[allow(clippy::disallowed_methods, reason = "which defect is wanted")]
        let chosen = std::env::var("DKV_MUTANT").ok();
        chosen.filter(|it| !it.is_empty())
    });
    assert!(
        ALL.iter().any(|(known, _)| *known == name),
        "the mutant `{name}` is not listed"
    );
    CHOSEN.as_deref() == Some(name)
}

/// Whether the mutant of this name is switched on: none ever is, in this build.
#[cfg(not(dkv_mutants))]
#[inline(always)]
#[must_use]
pub const fn is_on(_name: &str) -> bool {
    false
}

/// Something that no two processes agree on, for mutants that need it.
#[cfg(dkv_mutants)]
#[must_use]
pub fn dice() -> u64 {
    use std::hash::{BuildHasher as _, Hasher as _};
    std::hash::RandomState::new().build_hasher().finish()
}

/// Nothing, in this build.
#[cfg(not(dkv_mutants))]
#[inline(always)]
#[must_use]
pub const fn dice() -> u64 {
    0
}
