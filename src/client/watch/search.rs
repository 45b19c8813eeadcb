//! Whom a watch asks, until somebody goes on with it.

use std::sync::Arc;

use crate::base::{Error, ErrorKind};
use crate::client::endpoint::{Unreachable, question};
use crate::client::node::Node;
use crate::client::route::{Nodes, Route};

/// Reasons that are told of, at most.
const REASONS_MAX: usize = 8;

/// One search for a node. A node that refuses speaks for itself: others may have the
/// history that it has not, or room.
pub(super) struct Search<'a> {
    route: &'a Route,
    nodes: &'a Nodes,
    turn: u64,
    /// The watch was there already, and only wants to go on.
    is_begun: bool,
    /// Asked in vain since the last pause.
    tried: Vec<Arc<Node>>,
    reasons: Vec<String>,
    nobody_listens: bool,
    /// What it is over with once everybody was asked.
    refusal: Option<Error>,
}

/// What to do next.
pub(super) enum Step {
    Ask(Arc<Node>),
    /// Everybody was asked: again, after a while.
    Pause,
    /// Nobody is left who could be reached a moment ago: again after so many ms, as all the
    /// watches of a client would dial at once.
    Wait(u64),
    /// Everybody was asked, and some refused for good.
    Over(Error),
}

impl<'a> Search<'a> {
    pub(super) fn new(route: &'a Route, nodes: &'a Nodes, is_begun: bool) -> Self {
        Self {
            route,
            nodes,
            turn: nodes.turn(),
            is_begun,
            tried: Vec::new(),
            reasons: Vec::new(),
            nobody_listens: false,
            refusal: None,
        }
    }

    pub(super) fn step(&mut self) -> Step {
        let is_round_over =
            !self.tried.is_empty() && !self.route.has_untried(self.nodes, &self.tried);
        if is_round_over {
            if let Some(error) = self.refusal.take() {
                return Step::Over(error);
            }
            self.tried.clear();
            return Step::Pause;
        }
        let node = self.route.choose_any(self.nodes, self.turn, &self.tried);
        match node.avoided_ms() {
            0 => Step::Ask(node),
            wait_ms => {
                if self.reasons.is_empty() {
                    let reason = format!("{} (not reached a moment ago)", node.endpoint);
                    self.reasons.push(reason);
                }
                Step::Wait(wait_ms)
            }
        }
    }

    /// A node could not be asked, or cannot answer now.
    pub(super) fn failed(&mut self, node: Arc<Node>, why: &Unreachable) {
        let reason = format!("{} ({})", node.endpoint, why.reason);
        if !self.reasons.contains(&reason) && self.reasons.len() < REASONS_MAX {
            self.reasons.push(reason);
        }
        self.nobody_listens = why.nobody_listens;
        self.tried.push(node);
    }

    /// A node answered that it cannot go on.
    pub(super) fn refused(&mut self, node: Arc<Node>, error: Error) {
        if self.is_begun && error.kind() == ErrorKind::LimitExceeded {
            // There will be room again: those who wait for it lose nothing.
            self.failed(node, &Unreachable::because(error.message()));
            return;
        }
        self.tried.push(node);
        let is_better = self.refusal.as_ref().is_none_or(|known| {
            // One that was full may have the history.
            let is_full = |error: &Error| error.kind() == ErrorKind::LimitExceeded;
            match (is_full(known), is_full(&error)) {
                (false, false) => error.compacted_floor() < known.compacted_floor(),
                (known, new) => new && !known,
            }
        });
        if is_better {
            self.refusal = Some(error);
        }
    }

    /// What to tell a caller who has waited long enough.
    pub(super) fn nobody(&self) -> Error {
        Error::unavailable(format!(
            "nobody can be asked for the watch: {}{}",
            self.reasons.join(", "),
            question(self.nobody_listens)
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::host::ManualClock;
    use crate::base::types::{Revision, ShardId};
    use crate::client::endpoint::Endpoint;

    fn nodes() -> Nodes {
        let endpoints = ["a:1", "b:1", "c:1"].map(|text| Endpoint::parse(text).unwrap());
        Nodes::new(endpoints.to_vec(), 1, Arc::new(ManualClock::default()))
    }

    fn compacted(floor: u64) -> Error {
        Error::new(ErrorKind::Compacted, "gone").with_compacted_floor(Revision(floor))
    }

    fn asked(search: &mut Search<'_>) -> Arc<Node> {
        match search.step() {
            Step::Ask(node) => node,
            Step::Pause | Step::Wait(_) | Step::Over(_) => panic!("somebody is left to be asked"),
        }
    }

    #[test]
    fn history_is_gone_only_once_everybody_was_asked_and_the_lowest_floor_is_told() {
        let (nodes, route) = (nodes(), Route::new(ShardId(100)));
        route.admit([1; 16], false, &nodes.configured()[0]).unwrap();
        let mut search = Search::new(&route, &nodes, false);
        let first = nodes.configured()[0].clone();
        search.refused(first.clone(), compacted(9));
        let second = asked(&mut search);
        assert!(!Arc::ptr_eq(&first, &second));
        search.refused(second, compacted(4));
        let third = asked(&mut search);
        search.failed(third, &Unreachable::because("down"));
        let Step::Over(error) = search.step() else {
            panic!("nobody is left");
        };
        assert_eq!(error.compacted_floor(), Some(Revision(4)));
    }

    #[test]
    fn nobody_else_is_asked_for_a_local_shard() {
        let (nodes, route) = (nodes(), Route::new(ShardId(100)));
        let home = nodes.configured()[1].clone();
        route.admit([1; 16], true, &home).unwrap();
        let mut search = Search::new(&route, &nodes, false);
        search.refused(home, compacted(9));
        assert!(matches!(search.step(), Step::Over(_)));
    }

    #[test]
    fn one_that_was_full_may_have_what_others_have_not() {
        let (nodes, route) = (nodes(), Route::new(ShardId(100)));
        let mut search = Search::new(&route, &nodes, false);
        let full = || Error::limit_exceeded("full");
        for error in [compacted(9), full(), compacted(3)] {
            let node = asked(&mut search);
            search.refused(node, error);
        }
        let Step::Over(error) = search.step() else {
            panic!("nobody is left");
        };
        assert_eq!(error.kind(), ErrorKind::LimitExceeded);
    }

    #[test]
    fn a_node_that_is_down_is_waited_for_and_not_dialled() {
        let (nodes, route) = (nodes(), Route::new(ShardId(100)));
        let mut search = Search::new(&route, &nodes, true);
        for node in &nodes.configured()[..2] {
            node.avoid();
        }
        let third = asked(&mut search);
        assert_eq!(third.endpoint.to_string(), "c:1");
        third.avoid();
        search.failed(third, &Unreachable::because("down"));
        let Step::Wait(wait_ms) = search.step() else {
            panic!("all of them are down");
        };
        assert_eq!(wait_ms, 1_000);
    }

    #[test]
    fn one_that_has_begun_waits_for_room_wherever_it_is() {
        let (nodes, route) = (nodes(), Route::new(ShardId(100)));
        let mut search = Search::new(&route, &nodes, true);
        for _ in 0..3 {
            let node = asked(&mut search);
            search.refused(node, Error::limit_exceeded("full"));
        }
        assert!(matches!(search.step(), Step::Pause));
        assert!(search.nobody().message().contains("b:1 (full)"));
    }

    #[test]
    fn everybody_is_asked_again_after_a_pause_if_nobody_refused() {
        let (nodes, route) = (nodes(), Route::new(ShardId(100)));
        let mut search = Search::new(&route, &nodes, false);
        for _ in 0..3 {
            let node = asked(&mut search);
            search.failed(node, &Unreachable::because("down"));
        }
        assert!(matches!(search.step(), Step::Pause));
        asked(&mut search);
        assert!(search.nobody().message().contains("c:1 (down)"));
    }
}
