//! Where a recording is cut, and what becomes of what was not durable there.

use std::collections::BTreeSet;

use dkv::check::dice::Dice;

use crate::deeds::Deed;
use crate::image::Fate;

/// One disk to build.
#[derive(Debug)]
pub(crate) struct Cut {
    /// So many deeds were done.
    pub(crate) at: usize,
    pub(crate) fate: Fate,
}

/// Draws `images` of them, in order: of half of them everything is lost just before or just
/// after a sync ends, each such place at most once; of the others each piece has its own fate, at
/// any place, mostly before a sync ends: there is most to lose.
pub(crate) fn draw(deeds: &[Deed], images: u64, dice: &mut Dice) -> Vec<Cut> {
    let images = usize::try_from(images).expect("a run is not that long");
    let mut syncs = BTreeSet::new();
    for (at, deed) in deeds.iter().enumerate() {
        if matches!(deed, Deed::SyncEnds(_)) {
            syncs.extend([at, at + 1]);
        }
    }
    let mut places: Vec<usize> = syncs.into_iter().collect();
    let mut cuts = Vec::new();
    let all_lost = places.len().min(images / 2);
    for _ in 0..all_lost {
        let at = places.swap_remove(dice.index(places.len()));
        cuts.push(Cut {
            at,
            fate: Fate::Lost,
        });
    }
    let ends: Vec<usize> = (0..deeds.len())
        .filter(|at| matches!(deeds[*at], Deed::SyncEnds(_)))
        .collect();
    while cuts.len() < images {
        let anywhere = dice.below(4) == 0 || ends.is_empty();
        let at = if anywhere {
            dice.index(deeds.len() + 1)
        } else {
            *dice.pick(&ends)
        };
        let fate = match dice.below(16) {
            0 => Fate::Kept,
            _ => Fate::Drawn(Dice::new(dice.below(u64::MAX))),
        };
        cuts.push(Cut { at, fate });
    }
    cuts.sort_by_key(|cut| cut.at);
    cuts
}
