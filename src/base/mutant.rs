//! Defects on purpose, for the proof that the tests bite.
//!
//! A mutant is a place where the code does something wrong if it is told to. The product is built
//! without `--cfg dkv_mutants`: then [`is_on`] is the constant `false`, and nothing of a mutant is
//! in the binary. `scripts/mutants` builds the tests with it, switches on one after the other, and
//! expects that some test notices.

/// Every mutant, and what it does wrong.
pub const ALL: &[(&str, &str)] = &[
    (
        "leader-restored",
        "a leader that was started again leads on in its old term",
    ),
    (
        "fsync-error-ignored",
        "a sync of the log that fails is logged, and taken as done",
    ),
    (
        "stale-local-read",
        "a linearizable read is answered from the local state, without a read index",
    ),
    (
        "calendar-clock",
        "what ends by itself ends by the calendar, which people set",
    ),
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
