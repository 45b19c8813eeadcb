//! What state a shard was in after its latest entries, for comparison with other members.

use std::collections::VecDeque;

use crate::base::limits;
use crate::base::types::LogIndex;
use crate::machine::State;

/// A position, and the state hash there.
type Sample = (LogIndex, u64);

/// The latest state hashes: all of the last few entries, and some of those before them.
///
/// A shard on which little happens is compared at its last entry, a busy one at an entry
/// that even a member that lags has reached, or will.
pub(super) struct Samples {
    /// One an entry, without a hole.
    latest: VecDeque<Sample>,
    /// Those of positions that the spacing divides.
    spaced: VecDeque<Sample>,
}

impl Samples {
    /// Of a machine whose way to its state is not known here: one that was opened, or took
    /// over the rows of another member.
    pub(super) fn beginning_at(state: &State) -> Self {
        let mut samples = Self {
            latest: VecDeque::with_capacity(limits::STATE_HASHES_LATEST),
            spaced: VecDeque::new(),
        };
        samples.note(state);
        samples
    }

    /// The next entry has led to this state. One that was applied before changes nothing.
    pub(super) fn note(&mut self, state: &State) {
        if state.applied <= self.newest() {
            return;
        }
        if self.latest.len() == limits::STATE_HASHES_LATEST
            && let Some(oldest) = self.latest.pop_front()
            && is_spaced(oldest.0)
        {
            if self.spaced.len() == limits::STATE_HASHES_SPACED {
                self.spaced.pop_front();
            }
            self.spaced.push_back(oldest);
        }
        self.latest.push_back((state.applied, state.hash));
    }

    /// The last position; 0: nothing was applied yet.
    pub(super) fn newest(&self) -> LogIndex {
        self.latest.back().map_or(LogIndex(0), |(index, _)| *index)
    }

    /// The state hash after this entry, if it is remembered.
    pub(super) fn at(&self, index: LogIndex) -> Option<u64> {
        let find = |samples: &VecDeque<Sample>| {
            let place = samples.binary_search_by_key(&index, |(at, _)| *at).ok()?;
            Some(samples[place].1)
        };
        find(&self.latest).or_else(|| find(&self.spaced))
    }

    /// The last sample up to `upto` that other members will not have forgotten, although
    /// they may be some entries further than this one.
    pub(super) fn comparable(&self, upto: LogIndex) -> Option<Sample> {
        let behind = self.newest().0.saturating_sub(upto.0);
        if behind < limits::STATE_HASHES_LATEST as u64 / 2
            && let Some(hash) = self.at(upto)
        {
            return Some((upto, hash));
        }
        let lasting = LogIndex(upto.0 - upto.0 % limits::STATE_HASH_SPACING);
        Some((lasting, self.at(lasting)?))
    }
}

fn is_spaced(index: LogIndex) -> bool {
    index.0.is_multiple_of(limits::STATE_HASH_SPACING)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn state(index: u64) -> State {
        State {
            applied: LogIndex(index),
            hash: index * 10,
            ..State::default()
        }
    }

    /// A shard that applied the entries up to this one.
    fn after(entries: u64) -> Samples {
        let mut samples = Samples::beginning_at(&State::default());
        (1..=entries).for_each(|index| samples.note(&state(index)));
        samples
    }

    #[test]
    fn the_latest_are_all_there_and_older_ones_are_spaced() {
        let samples = after(1_000);
        for index in 1..=1_000 {
            let is_kept = index > 1_000 - 64 || index % 64 == 0;
            let kept = is_kept.then_some(index * 10);
            assert_eq!(samples.at(LogIndex(index)), kept, "{index}");
        }
        assert_eq!(samples.at(LogIndex(0)), None);
        assert_eq!(samples.at(LogIndex(1_001)), None);
        assert_eq!(samples.newest(), LogIndex(1_000));
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let samples = after(200_000);
        assert_eq!(samples.latest.len(), limits::STATE_HASHES_LATEST);
        assert_eq!(samples.spaced.len(), limits::STATE_HASHES_SPACED);
        let first = samples.spaced[0].0;
        assert_eq!(samples.at(first), Some(first.0 * 10));
        assert!(first.0 >= 200_000 - 64 - 64 * 1_025, "{first}");
        assert_eq!(samples.at(LogIndex(first.0 - 64)), None);
    }

    #[test]
    fn a_machine_that_is_opened_or_replaced_begins_with_its_state() {
        let mut samples = Samples::beginning_at(&state(70));
        assert_eq!(samples.comparable(LogIndex(70)), Some((LogIndex(70), 700)));
        samples.note(&state(70));
        samples.note(&state(71));
        assert_eq!(samples.at(LogIndex(70)), Some(700));
        assert_eq!(samples.at(LogIndex(71)), Some(710));
        assert_eq!(samples.latest.len(), 2, "an entry counts once");
        let nothing = Samples::beginning_at(&State::default());
        assert_eq!(nothing.newest(), LogIndex(0));
        assert_eq!(nothing.comparable(LogIndex(0)), None);
    }

    #[test]
    fn a_quiet_shard_is_compared_at_its_last_entry_and_a_busy_one_where_all_will_remember() {
        let samples = after(1_000);
        let comparable = |upto| samples.comparable(LogIndex(upto)).map(|(at, _)| at.0);
        assert_eq!(comparable(1_000), Some(1_000));
        assert_eq!(comparable(969), Some(969));
        assert_eq!(comparable(968), Some(960), "others may be a little ahead");
        assert_eq!(comparable(500), Some(448));
        assert_eq!(
            comparable(63),
            None,
            "nothing is divided by the spacing there"
        );
    }

    /// Whatever a leader finds comparable, a member remembers that is at the same place, or
    /// up to half of what is kept whole further.
    #[test]
    fn what_is_comparable_is_remembered_by_others() {
        for newest in [1, 40, 64, 65, 100, 128, 1_000] {
            let leader = after(newest);
            for ahead in 0..=32 {
                let other = after(newest + ahead);
                for upto in 1..=newest {
                    let Some((index, hash)) = leader.comparable(LogIndex(upto)) else {
                        continue;
                    };
                    assert_eq!(other.at(index), Some(hash), "{newest} {ahead} {upto}");
                }
            }
        }
    }
}
