//! Machine time: the shard's own clock (architecture: invariants 2 and 3).

/// A moment on a shard's own clock, in milliseconds since the shard was born.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct MachineTime(pub u64);

impl MachineTime {
    /// How much of a duration that was lengthened for its clock remains at `now`, ms.
    pub fn remaining_ms(self, now: Self) -> u64 {
        self.since_ms(now).saturating_sub(1)
    }

    /// This moment plus `ms`; the far end of time when that overflows.
    #[must_use]
    pub fn plus_ms(self, ms: u64) -> Self {
        Self(self.0.saturating_add(ms))
    }

    /// Milliseconds from `earlier` to this moment; 0 if it is not earlier.
    pub fn since_ms(self, earlier: Self) -> u64 {
        self.0.saturating_sub(earlier.0)
    }
}

/// When something becomes due: relative as asked, absolute once stamped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Timer {
    /// Never.
    #[default]
    Never,
    /// This many milliseconds after the stamp. Never logged.
    InMs(u64),
    /// At this machine time.
    At(MachineTime),
}

impl Timer {
    /// Makes a relative timer absolute.
    #[must_use]
    pub fn stamped(self, now: MachineTime) -> Self {
        match self {
            Self::InMs(ms) => Self::At(now.plus_ms(ms)),
            other => other,
        }
    }

    /// Undoes a stamp at time zero: a moment becomes a duration.
    #[must_use]
    pub fn unstamped(self) -> Self {
        match self {
            Self::At(at) => Self::InMs(at.0),
            other => other,
        }
    }

    /// Makes a relative timer longer by the millisecond that its clock may have cut off.
    #[must_use]
    pub fn lengthened(self) -> Self {
        match self {
            Self::InMs(ms) => Self::InMs(lengthened_ms(ms)),
            other => other,
        }
    }

    /// The absolute moment, if there is one.
    ///
    /// # Panics
    /// If the timer was never stamped: an unstamped command must not be applied.
    pub fn at(self) -> Option<MachineTime> {
        match self {
            Self::Never => None,
            Self::At(at) => Some(at),
            Self::InMs(ms) => panic!("a timer of {ms} ms reached the machine unstamped"),
        }
    }
}

/// A clock of whole milliseconds may be almost one behind when a duration begins and
/// exact when it ends: so that nothing is early, it counts as one more. 0 stays 0.
pub fn lengthened_ms(ms: u64) -> u64 {
    ms + u64::from(ms > 0)
}

/// Where machine time was on the boot clock of the node that stamped last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct BootStamp {
    /// `CLOCK_BOOTTIME` at the stamp, ms.
    pub boot_ms: u64,
    /// Which boot that was.
    pub boot_id: [u8; 16],
}
