//! Which members are in another state than they should be.

use std::collections::{BTreeMap, BTreeSet};

use crate::base::types::NodeId;

/// What the state hashes of members after the same entry say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Verdict {
    /// All that are known are equal.
    Same,
    /// A majority of the voters has one state, and these members have others.
    Diverged {
        /// What the majority has.
        majority: u64,
        /// Who has not.
        members: BTreeSet<NodeId>,
    },
    /// They differ, and no state is that of a majority: nobody can say who is right.
    Undecided,
}

/// Judges the hashes that are known, by member. A voter whose hash is not known counts
/// for no state, and a learner's never decides.
pub(super) fn verdict(hashes: &BTreeMap<NodeId, u64>, voters: &BTreeSet<NodeId>) -> Verdict {
    let states: BTreeSet<u64> = hashes.values().copied().collect();
    if states.len() <= 1 {
        return Verdict::Same;
    }
    let is_majority = |state: &u64| {
        let those = hashes.iter().filter(|(_, hash)| *hash == state);
        let votes = those.filter(|(node, _)| voters.contains(node)).count();
        votes > voters.len() / 2
    };
    match states.into_iter().find(is_majority) {
        None => Verdict::Undecided,
        Some(majority) => {
            let others = hashes.iter().filter(|(_, hash)| **hash != majority);
            Verdict::Diverged {
                majority,
                members: others.map(|(node, _)| *node).collect(),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const X: u64 = 7;
    const Y: u64 = 8;
    const Z: u64 = 9;

    /// Voters are 1, 2, ...; whoever has another number is a learner.
    fn judge(voters: u8, hashes: &[(u8, u64)]) -> Verdict {
        let node = |number| NodeId([number; 16]);
        let hashes = hashes.iter().map(|(number, hash)| (node(*number), *hash));
        verdict(&hashes.collect(), &(1..=voters).map(node).collect())
    }

    fn diverged(majority: u64, members: &[u8]) -> Verdict {
        let members = members.iter().map(|number| NodeId([*number; 16]));
        Verdict::Diverged {
            majority,
            members: members.collect(),
        }
    }

    #[test]
    fn what_is_equal_is_well_however_few_answered() {
        assert_eq!(judge(3, &[]), Verdict::Same);
        assert_eq!(judge(3, &[(1, X)]), Verdict::Same);
        assert_eq!(judge(3, &[(1, X), (2, X), (3, X)]), Verdict::Same);
        assert_eq!(judge(1, &[(1, X), (9, X)]), Verdict::Same);
    }

    #[test]
    fn a_majority_of_the_voters_names_the_others() {
        let table: [(u8, &[(u8, u64)], Verdict); 9] = [
            (3, &[(1, X), (2, X), (3, Y)], diverged(X, &[3])),
            // The one that asks may be the one that is wrong.
            (3, &[(1, Y), (2, X), (3, X)], diverged(X, &[1])),
            // A learner may be wrong, ...
            (3, &[(1, X), (2, X), (9, Y)], diverged(X, &[9])),
            (1, &[(1, X), (9, Y)], diverged(X, &[9])),
            // ... and right, which helps nobody.
            (3, &[(1, X), (2, X), (3, Y), (9, Y)], diverged(X, &[3, 9])),
            (4, &[(1, X), (2, X), (3, X), (4, Y)], diverged(X, &[4])),
            (5, &[(1, X), (2, X), (3, X), (4, Y)], diverged(X, &[4])),
            (
                5,
                &[(1, Y), (2, Z), (3, X), (4, X), (5, X)],
                diverged(X, &[1, 2]),
            ),
            (
                7,
                &[(1, X), (2, X), (3, X), (4, X), (5, Y)],
                diverged(X, &[5]),
            ),
        ];
        for (voters, hashes, expected) in table {
            assert_eq!(judge(voters, hashes), expected, "{voters} {hashes:?}");
        }
    }

    #[test]
    fn without_a_majority_nobody_is_named() {
        let table: [(u8, &[(u8, u64)]); 7] = [
            (2, &[(1, X), (2, Y)]),
            (3, &[(1, X), (2, Y)]),
            (3, &[(1, X), (2, Y), (3, Z)]),
            (4, &[(1, X), (2, X), (3, Y), (4, Y)]),
            // Those who do not answer may be of either state.
            (5, &[(1, X), (2, X), (3, Y)]),
            // Learners do not make a majority.
            (3, &[(1, X), (2, Y), (8, Y), (9, Y)]),
            (3, &[(1, X), (7, Y), (8, Y), (9, Y)]),
        ];
        for (voters, hashes) in table {
            assert_eq!(
                judge(voters, hashes),
                Verdict::Undecided,
                "{voters} {hashes:?}"
            );
        }
    }
}
