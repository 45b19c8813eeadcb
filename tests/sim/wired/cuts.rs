//! Somebody who breaks the links between clients and nodes, and mends them again.

use std::sync::Arc;

use turmoil::Sim;

use crate::check::dice::Dice;
use crate::stage::{Event, Stage};

/// How long a link stays broken, ms, at most.
const LASTS_MS_MAX: u64 = 2_500;

/// What is done to a link.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Cut {
    /// What is sent is lost, both ways, ...
    Both,
    /// ... what the client sends alone, ...
    Asked,
    /// ... or what the node says.
    Said,
    /// Everything comes, and late.
    Held,
}

const CUTS: [Cut; 4] = [Cut::Both, Cut::Asked, Cut::Said, Cut::Held];

/// See the module.
pub(crate) struct Cuts {
    stage: Arc<Stage>,
    dice: Dice,
    guests: Vec<String>,
    nodes: Vec<String>,
    next_ms: u64,
    between_ms: u64,
    /// Until when which links are broken.
    open: Vec<(u64, usize, usize)>,
}

impl Cuts {
    pub(crate) fn new(
        stage: &Arc<Stage>,
        guests: Vec<String>,
        nodes: Vec<String>,
        mut dice: Dice,
    ) -> Self {
        Self {
            stage: stage.clone(),
            between_ms: dice.within(100, 900),
            dice,
            guests,
            nodes,
            next_ms: 0,
            open: Vec::new(),
        }
    }

    /// What is due now; nothing stays broken when nothing may be.
    pub(crate) fn step(&mut self, sim: &mut Sim<'_>, may_break: bool) {
        let now = self.stage.now_ms();
        let open = std::mem::take(&mut self.open);
        let is_due = |cut: &(u64, usize, usize)| cut.0 <= now || !may_break;
        let (due, later): (Vec<_>, Vec<_>) = open.into_iter().partition(is_due);
        self.open = later;
        for (_, guest, node) in due {
            let (guest, node) = (&self.guests[guest], &self.nodes[node]);
            self.stage.note(format!("{guest} reaches {node} again"));
            sim.repair(guest.as_str(), node.as_str());
            sim.release(guest.as_str(), node.as_str());
        }
        if may_break && now >= self.next_ms {
            self.next_ms = now + self.dice.within(20, 2 * self.between_ms);
            self.cut(sim, now);
        }
    }

    fn cut(&mut self, sim: &mut Sim<'_>, now_ms: u64) {
        let guest = self.draw(self.guests.len());
        let node = self.draw(self.nodes.len());
        let cut = *self.dice.pick(&CUTS);
        let lasts_ms = self.dice.within(20, LASTS_MS_MAX);
        self.open.push((now_ms + lasts_ms, guest, node));
        let (guest, node) = (self.guests[guest].as_str(), self.nodes[node].as_str());
        self.stage.note(format!(
            "{cut:?} between {guest} and {node} ({lasts_ms} ms)"
        ));
        match cut {
            Cut::Both => sim.partition(guest, node),
            Cut::Asked => sim.partition_oneway(guest, node),
            Cut::Said => sim.partition_oneway(node, guest),
            Cut::Held => sim.hold(guest, node),
        }
        self.stage.count(match cut {
            Cut::Held => Event::LineHeld,
            _ => Event::LineCut,
        });
    }

    fn draw(&mut self, below: usize) -> usize {
        usize::try_from(self.dice.below(below as u64)).expect("a few")
    }
}
