//! What can be done to a cluster, by name.

use crate::check::dice::Dice;

/// See the module.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// One machine reaches nobody.
    Isolate,
    /// Two machines do not reach each other.
    Split,
    /// Frames go in one direction only.
    OneWay,
    /// A link is slow.
    Latency,
    /// Of what a machine sends to others, some is lost.
    Loss,
    /// Clients' writes reach two members.
    Duplicate,
    /// A machine stands still, and goes on as if nothing had been.
    Pause,
    /// A process dies; what it wrote is there.
    Kill,
    /// A machine loses power, in the middle of something.
    PowerLoss,
    /// All machines lose power at once.
    Blackout,
    /// A disk is slow.
    SlowDisk,
    /// A shard writes a checkpoint now.
    Checkpoint,
    /// A write or a sync fails, and the node with it.
    DiskError,
    /// There is hardly any room left.
    FullDisk,
    /// A node comes or goes.
    Members,
    /// A leader is to hand over.
    Transfer,
    /// A clock leaps.
    ClockJump,
    /// A clock goes at another rate.
    ClockDrift,
}

impl Fault {
    pub(crate) const ALL: [Self; 18] = [
        Self::Isolate,
        Self::Split,
        Self::OneWay,
        Self::Latency,
        Self::Loss,
        Self::Duplicate,
        Self::Pause,
        Self::Kill,
        Self::PowerLoss,
        Self::Blackout,
        Self::SlowDisk,
        Self::Checkpoint,
        Self::DiskError,
        Self::FullDisk,
        Self::Members,
        Self::Transfer,
        Self::ClockJump,
        Self::ClockDrift,
    ];

    /// The fault of this name, as in `one-way` or `OneWay`.
    pub(crate) fn named(name: &str) -> Option<Self> {
        let plain = |text: &str| text.replace(['-', '_'], "").to_lowercase();
        Self::ALL
            .into_iter()
            .find(|it| plain(&format!("{it:?}")) == plain(name))
    }

    /// Whether it is about a link.
    pub(crate) fn takes_two(self) -> bool {
        matches!(
            self,
            Self::Isolate | Self::Split | Self::OneWay | Self::Latency
        )
    }
}

/// A mixture of those that may be: half of them, so that now and then none hides another.
pub(crate) fn draw(dice: &mut Dice, allowed: &[Fault]) -> Vec<Fault> {
    let drawn: Vec<Fault> = allowed
        .iter()
        .copied()
        .filter(|_| dice.percent(50))
        .collect();
    match drawn.is_empty() && !allowed.is_empty() {
        true => vec![*dice.pick(allowed)],
        false => drawn,
    }
}
