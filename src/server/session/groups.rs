//! Writes that are submitted together, and what became of them.

use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::sync::Notify;
use tokio::time::Instant;

use crate::base::types::ShardId;
use crate::base::{Error, Result, limits};
use crate::machine::{Applied, Command};
use crate::server::service::Service;

/// Bytes of commands that travel as one group, about.
const GROUP_BYTES: usize = 1 << 20;

/// Writes of one shard, each with a tag `T` that says whose it is.
pub(super) struct Group<T> {
    tags: Vec<T>,
    commands: Vec<Command>,
    bytes: usize,
}

/// What became of a group.
pub(super) type Completion<T> = (Vec<T>, Result<Vec<Applied>>);

/// Collects writes by shard, and completions until the session looks at them.
pub(super) struct Groups<T> {
    open: HashMap<ShardId, Group<T>>,
    completions: Arc<Completions<T>>,
}

/// Bounded: a session has at most `SESSION_FRAMES_MAX` frames under way.
struct Completions<T> {
    groups: Mutex<Vec<Completion<T>>>,
    ready: Notify,
}

impl<T> Default for Groups<T> {
    fn default() -> Self {
        let completions = Completions {
            groups: Mutex::new(Vec::new()),
            ready: Notify::new(),
        };
        Self {
            open: HashMap::new(),
            completions: Arc::new(completions),
        }
    }
}

impl<T> Default for Group<T> {
    fn default() -> Self {
        Self {
            tags: Vec::new(),
            commands: Vec::new(),
            bytes: 0,
        }
    }
}

impl<T> Group<T> {
    /// Whose writes they are.
    pub(super) fn tags(&self) -> &[T] {
        &self.tags
    }
}

impl<T: Send + 'static> Groups<T> {
    /// Adds a write. Gives back a group that had no room left, to be submitted first.
    pub(super) fn add(&mut self, shard: ShardId, tag: T, command: Command) -> Option<Group<T>> {
        let full = self.make_room(shard, 1, command.weight());
        let group = self.open.entry(shard).or_default();
        group.tags.push(tag);
        group.commands.push(command);
        full
    }

    /// Adds the writes of one request, which stay together: they have one tag.
    pub(super) fn add_all(
        &mut self,
        shard: ShardId,
        tag: T,
        commands: Vec<Command>,
    ) -> Option<Group<T>> {
        let weight = commands.iter().map(Command::weight).sum();
        let full = self.make_room(shard, commands.len(), weight);
        let group = self.open.entry(shard).or_default();
        group.tags.push(tag);
        group.commands.extend(commands);
        full
    }

    /// Gives back the open group if so much more does not fit.
    fn make_room(&mut self, shard: ShardId, commands: usize, weight: usize) -> Option<Group<T>> {
        let group = self.open.entry(shard).or_default();
        let is_full = group.commands.len() + commands > limits::ENTRY_COMMANDS_MAX
            || group.bytes + weight > GROUP_BYTES;
        let full = (is_full && !group.commands.is_empty()).then(|| std::mem::take(group));
        group.bytes += weight;
        full
    }

    /// Takes every group that has something in it.
    pub(super) fn take(&mut self) -> Vec<(ShardId, Group<T>)> {
        self.open.drain().collect()
    }

    /// Submits a group; it is among [`Self::completed`] later.
    ///
    /// # Errors
    /// It was refused whole; these are its tags.
    pub(super) fn submit(
        &self,
        service: &Service,
        shard: ShardId,
        group: Group<T>,
        due: Instant,
    ) -> Result<(), (Vec<T>, Error)> {
        let tags = Arc::new(Mutex::new(group.tags));
        let completions = self.completions.clone();
        let waiting = tags.clone();
        let done = Box::new(move |result| {
            let tags = std::mem::take(&mut *waiting.lock());
            completions.groups.lock().push((tags, result));
            completions.ready.notify_one();
        });
        let submitted = service
            .shard(shard)
            .and_then(|shard| service.submit(shard, group.commands, due, done));
        submitted.map_err(|refused| (std::mem::take(&mut *tags.lock()), refused))
    }

    /// Everything that was applied since the last call.
    pub(super) fn completed(&self) -> Vec<Completion<T>> {
        std::mem::take(&mut *self.completions.groups.lock())
    }

    /// Resolves when a group was applied.
    pub(super) async fn ready(&self) {
        self.completions.ready.notified().await;
    }
}
