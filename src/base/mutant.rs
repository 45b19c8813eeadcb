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
        "ack-before-sync",
        "the log says that a write is durable without waiting for the disk",
    ),
    (
        "dir-not-synced",
        "the log goes on in a segment whose name a power loss can take",
    ),
    (
        "crc-ignored",
        "a start takes a batch of the log whose checksum is wrong",
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
