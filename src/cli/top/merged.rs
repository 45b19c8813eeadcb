//! What several nodes say of the same things, as one.

use std::collections::BTreeMap;

use crate::base::types::{NodeId, ShardId};
use crate::cli::top::scene::{NodeView, SECONDS, Scene, Sort};
use crate::client::{Figures, HeldLock, HotKey, Role, Sample, ShardFigures};

/// A shard, as whoever knows most of it says.
pub(super) struct ShardView<'a> {
    pub(super) figures: &'a ShardFigures,
    /// What its leader is called; of a local shard, its node.
    pub(super) leader: String,
    pub(super) is_led: bool,
    /// All that any node has open.
    pub(super) watches: u64,
}

/// One second of one node, or of all of them.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct Second {
    pub(super) reads: f64,
    pub(super) writes: f64,
    pub(super) locks: f64,
    pub(super) errors: f64,
    pub(super) fsyncs: f64,
    /// The slowest node's, microseconds; `None`: nothing was asked.
    pub(super) read_p99_us: Option<u64>,
    pub(super) write_p99_us: Option<u64>,
    pub(super) fsync_p99_us: Option<u64>,
}

impl Second {
    pub(super) fn operations(&self) -> f64 {
        self.reads + self.writes + self.locks
    }

    fn add(&mut self, sample: &Sample) {
        let us = |took: Option<std::time::Duration>| {
            took.map(|took| u64::try_from(took.as_micros()).unwrap_or(u64::MAX))
        };
        self.reads += sample.per_s(sample.reads.count);
        self.writes += sample.per_s(sample.writes.count);
        self.locks += sample.per_s(sample.locks.count);
        self.errors += sample.per_s(sample.errors);
        self.fsyncs += sample.per_s(sample.fsyncs);
        self.read_p99_us = self.read_p99_us.max(us(sample.reads.p99));
        self.write_p99_us = self.write_p99_us.max(us(sample.writes.p99));
        self.fsync_p99_us = self.fsync_p99_us.max(us(sample.fsync_p99));
    }
}

/// The last seconds of the nodes that are chosen, oldest first; `None` where no node ran.
/// Nodes count their seconds each by itself: they are laid side by side from the newest on.
pub(super) fn seconds(scene: &Scene) -> Vec<Option<Second>> {
    let mut seconds = vec![None; SECONDS];
    let chosen = |view: &&NodeView| scene.node.as_ref().is_none_or(|name| view.name == *name);
    for view in scene.nodes.iter().filter(chosen) {
        let Some(newest) = view.newest() else {
            continue;
        };
        for sample in &view.samples {
            let ago =
                usize::try_from(newest.number.saturating_sub(sample.number)).unwrap_or(SECONDS);
            if let Some(at) = (SECONDS - 1).checked_sub(ago) {
                let second: &mut Option<Second> = &mut seconds[at];
                second.get_or_insert_default().add(sample);
            }
        }
    }
    seconds
}

/// Every shard once, by id. A local shard of the same number on another node is another.
pub(super) fn shards(scene: &Scene) -> Vec<ShardView<'_>> {
    let mut views: BTreeMap<(ShardId, NodeId), ShardView<'_>> = BTreeMap::new();
    for (view, figures) in scene.answering() {
        for shard in &figures.shards {
            let place = (shard.shard.id, shard.shard.identity);
            let this = shard_view(view, figures, shard);
            match views.get_mut(&place) {
                None => drop(views.insert(place, this)),
                Some(known) => {
                    let watches = known.watches + this.watches;
                    if authority(this.figures) > authority(known.figures) {
                        *known = this;
                    }
                    known.watches = watches;
                }
            }
        }
    }
    views.into_values().collect()
}

/// Who knows best how a replicated shard is: its leader of the latest term.
fn authority(shard: &ShardFigures) -> (bool, u64, u64) {
    let group = shard.group.as_ref();
    let term = group.map_or(0, |it| it.term);
    let leads = group.is_some_and(|it| it.role == Role::Leader && it.unled_because.is_none());
    (leads, term, shard.shard.applied_index)
}

fn shard_view<'a>(view: &NodeView, figures: &Figures, shard: &'a ShardFigures) -> ShardView<'a> {
    let (leader, is_led) = match &shard.group {
        None => (view.name.clone(), true),
        Some(group) => match (&group.unled_because, group.leader) {
            (Some(why), _) => (why.clone(), false),
            (None, Some(leader)) => (figures.name_of(leader), true),
            (None, None) => ("nobody".to_owned(), false),
        },
    };
    ShardView {
        figures: shard,
        leader,
        is_led,
        watches: shard.watches,
    }
}

/// What is asked for most, of all nodes together, in the order that is chosen.
pub(super) fn hot_keys(scene: &Scene) -> Vec<(ShardId, HotKey)> {
    let mut hot: BTreeMap<(NodeId, String, bool, Vec<u8>, u32), (ShardId, HotKey)> =
        BTreeMap::new();
    for (_, figures) in scene.answering() {
        for shard in figures
            .shards
            .iter()
            .filter(|it| is_chosen(scene, it.shard.id))
        {
            for key in &shard.hot_keys {
                let (bucket, name) = (key.bucket.clone(), key.key.to_vec());
                let same = (
                    shard.shard.identity,
                    bucket,
                    key.is_lock,
                    name,
                    key.key_bytes,
                );
                let known = hot.get_mut(&same);
                match known {
                    Some((_, known)) => add(known, key),
                    None => drop(hot.insert(same, (shard.shard.id, key.clone()))),
                }
            }
        }
    }
    let mut hot: Vec<_> = hot.into_values().collect();
    let by = |it: &HotKey| match scene.sort {
        Sort::Rate => it.per_s,
        Sort::Reads => it.per_s * it.reads,
        Sort::Writes => it.per_s * (1.0 - it.reads),
        Sort::Name => 0.0,
    };
    hot.sort_by(|(_, a), (_, b)| by(b).total_cmp(&by(a)).then_with(|| a.key.cmp(&b.key)));
    hot
}

fn add(known: &mut HotKey, more: &HotKey) {
    let all = known.per_s + more.per_s;
    if all > 0.0 {
        known.reads = (known.per_s * known.reads + more.per_s * more.reads) / all;
    }
    known.per_s = all;
    known.per_s_error += more.per_s_error;
}

/// The locks that are held longest, each once: every member has those of a replicated
/// shard.
pub(super) fn locks(scene: &Scene) -> Vec<HeldLock> {
    let mut locks: BTreeMap<(NodeId, Vec<u8>), HeldLock> = BTreeMap::new();
    for (_, figures) in scene.answering() {
        let identity = |id| {
            let shard = figures.shards.iter().find(|it| it.shard.id == id);
            shard.map_or(figures.node.node, |it| it.shard.identity)
        };
        for lock in figures.locks.iter().filter(|it| is_chosen(scene, it.shard)) {
            let same = (identity(lock.shard), lock.name.to_vec());
            let known = locks.entry(same).or_insert_with(|| lock.clone());
            if lock.age > known.age {
                *known = lock.clone();
            }
        }
    }
    let mut locks: Vec<_> = locks.into_values().collect();
    locks.sort_by(|a, b| b.age.cmp(&a.age).then_with(|| a.name.cmp(&b.name)));
    locks
}

/// How far a member is behind the leaders of its shards, as they say: entries, and how
/// long ago they heard of it; `None`: nobody says.
pub(super) fn lag(scene: &Scene, node: NodeId) -> Option<(u64, Option<std::time::Duration>)> {
    let groups = scene
        .answering()
        .flat_map(|(_, figures)| &figures.shards)
        .filter_map(|shard| shard.group.as_ref());
    let lags = groups.flat_map(|group| &group.lags);
    lags.filter(|lag| lag.node == node)
        .map(|lag| (lag.entries, lag.answered_ago))
        .reduce(|a, b| (a.0.max(b.0), a.1.zip(b.1).map(|(a, b)| a.max(b))))
}

/// The shards that a node leads.
pub(super) fn led(view: &NodeView) -> Vec<ShardId> {
    let shards = view.figures.iter().flat_map(|figures| &figures.shards);
    let leads = shards.filter(|it| {
        let group = it.group.as_ref();
        group.is_some_and(|group| group.role == Role::Leader)
    });
    leads.map(|it| it.shard.id).collect()
}

fn is_chosen(scene: &Scene, shard: ShardId) -> bool {
    scene.shard.is_none_or(|chosen| chosen == shard)
}
