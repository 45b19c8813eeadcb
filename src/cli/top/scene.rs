//! What is known, and what of it is to be shown.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::time::Instant;

use crate::base::types::{NodeId, ShardId};
use crate::cli::top::crowd::Heard;
use crate::client::{Figures, Sample};

/// Seconds that are kept of each node.
pub(super) const SECONDS: usize = 120;

/// A node, as it was heard last.
pub(super) struct NodeView {
    /// Where it is asked.
    pub(super) address: String,
    /// Its name, or where it is asked.
    pub(super) name: String,
    /// What it said last.
    pub(super) figures: Option<Figures>,
    /// Oldest first, by number.
    pub(super) samples: Vec<Sample>,
    /// Since when, and why, it does not answer.
    pub(super) lost: Option<(Instant, String)>,
}

/// How hot keys are ordered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sort {
    Rate,
    Reads,
    Writes,
    Name,
}

/// Everything a picture is made of.
pub(super) struct Scene {
    /// By name.
    pub(super) nodes: Vec<NodeView>,
    /// What is asked, for people.
    pub(super) endpoints: String,
    /// The shard whose keys and locks are shown; `None`: of all.
    pub(super) shard: Option<ShardId>,
    /// The node whose load is drawn; `None`: of all together.
    pub(super) node: Option<String>,
    pub(super) sort: Sort,
    pub(super) is_paused: bool,
    pub(super) shows_help: bool,
    /// Where there is room for one of them only: locks instead of hot keys.
    pub(super) prefers_locks: bool,
    pub(super) is_coloured: bool,
    /// Somebody answered, or was silent, at least once.
    pub(super) has_heard: bool,
}

impl Sort {
    pub(super) fn next(self) -> Self {
        match self {
            Self::Rate => Self::Reads,
            Self::Reads => Self::Writes,
            Self::Writes => Self::Name,
            Self::Name => Self::Rate,
        }
    }

    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Rate => "rate",
            Self::Reads => "reads",
            Self::Writes => "writes",
            Self::Name => "key",
        }
    }
}

impl Scene {
    /// Nothing is known yet.
    pub(super) fn new(endpoints: &str, is_coloured: bool) -> Self {
        Self {
            nodes: Vec::new(),
            endpoints: endpoints.to_owned(),
            shard: None,
            node: None,
            sort: Sort::Rate,
            is_paused: false,
            shows_help: false,
            prefers_locks: false,
            is_coloured,
            has_heard: false,
        }
    }

    /// Takes in what was heard of everybody who is asked.
    pub(super) fn hear(&mut self, heard: Vec<Heard>) {
        self.has_heard = true;
        let mut known: BTreeMap<String, NodeView> = std::mem::take(&mut self.nodes)
            .into_iter()
            .map(|view| (view.address.clone(), view))
            .collect();
        let mut nodes: Vec<NodeView> = Vec::new();
        for it in heard {
            let before = known.remove(&it.address);
            let view = NodeView::after(before, it);
            // Two addresses of one node are one node; the silent one of them is nobody.
            let same = nodes.iter_mut().find(|other| other.is_same_as(&view));
            match same {
                Some(other) if other.lost.is_some() => *other = view,
                Some(_) => {}
                None => nodes.push(view),
            }
        }
        nodes.sort_by(|a, b| a.name.cmp(&b.name).then_with(|| a.address.cmp(&b.address)));
        self.nodes = nodes;
        self.keep_choices();
    }

    /// Those that answer.
    pub(super) fn answering(&self) -> impl Iterator<Item = (&NodeView, &Figures)> {
        let nodes = self.nodes.iter().filter(|view| view.lost.is_none());
        nodes.filter_map(|view| Some((view, view.figures.as_ref()?)))
    }

    /// The ids of all shards, ascending.
    pub(super) fn shard_ids(&self) -> Vec<ShardId> {
        let figures = self.nodes.iter().filter_map(|view| view.figures.as_ref());
        let shards = figures.flat_map(|figures| &figures.shards);
        let mut ids: Vec<ShardId> = shards.map(|it| it.shard.id).collect();
        ids.sort_unstable();
        ids.dedup();
        ids
    }

    /// Goes on to the next shard, or back; all of them come before the first.
    pub(super) fn choose_shard(&mut self, forward: bool) {
        self.shard = next_of(&self.shard_ids(), self.shard.as_ref(), forward);
    }

    /// Goes on to the next node, or back; all of them together come before the first.
    pub(super) fn choose_node(&mut self, forward: bool) {
        let names: Vec<String> = self.nodes.iter().map(|view| view.name.clone()).collect();
        self.node = next_of(&names, self.node.as_ref(), forward);
    }

    /// What was chosen and is not there any more is not chosen.
    fn keep_choices(&mut self) {
        let is_there = |name: &String| self.nodes.iter().any(|view| view.name == *name);
        if !self.node.as_ref().is_none_or(is_there) {
            self.node = None;
        }
        if let Some(shard) = self.shard
            && !self.shard_ids().contains(&shard)
        {
            self.shard = None;
        }
    }
}

fn next_of<T: Clone + PartialEq>(all: &[T], chosen: Option<&T>, forward: bool) -> Option<T> {
    let at = chosen.and_then(|chosen| all.iter().position(|it| it == chosen));
    match (at, forward) {
        (None, true) => all.first().cloned(),
        (None, false) => all.last().cloned(),
        (Some(at), true) => all.get(at + 1).cloned(),
        (Some(at), false) => at.checked_sub(1).map(|at| all[at].clone()),
    }
}

impl NodeView {
    fn after(before: Option<Self>, heard: Heard) -> Self {
        let mut view = before.unwrap_or_else(|| Self {
            address: heard.address.clone(),
            name: String::new(),
            figures: None,
            samples: Vec::new(),
            lost: None,
        });
        match heard.answer {
            Ok(figures) => view.take(figures),
            Err(why) => {
                let since = view.lost.map_or_else(Instant::now, |(since, _)| since);
                view.lost = Some((since, why));
            }
        }
        let named = heard.name.filter(|name| !name.is_empty());
        view.name = named.unwrap_or(heard.address);
        view
    }

    fn take(&mut self, mut figures: Figures) {
        let ran_on = self.figures.as_ref().is_some_and(|before| {
            before.node.node == figures.node.node && before.node.uptime <= figures.node.uptime
        });
        if !ran_on {
            self.samples.clear();
        }
        let known = self.samples.last().map_or(0, |sample| sample.number);
        let new = std::mem::take(&mut figures.samples);
        let new = new.into_iter().filter(|sample| sample.number > known);
        self.samples.extend(new);
        let newest = self.samples.last().map_or(0, |sample| sample.number);
        self.samples
            .retain(|sample| newest.saturating_sub(sample.number) < SECONDS as u64);
        self.figures = Some(figures);
        self.lost = None;
    }

    fn is_same_as(&self, other: &Self) -> bool {
        self.id().is_some() && self.id() == other.id()
    }

    /// Which node it is, if it was ever heard.
    pub(super) fn id(&self) -> Option<NodeId> {
        Some(self.figures.as_ref()?.node.node)
    }

    /// The last second, unless the node is lost.
    pub(super) fn newest(&self) -> Option<&Sample> {
        self.samples.last().filter(|_| self.lost.is_none())
    }

    /// How long it has been silent, and why.
    pub(super) fn silence(&self) -> Option<(Duration, &str)> {
        let (since, why) = self.lost.as_ref()?;
        Some((since.elapsed(), why))
    }
}
