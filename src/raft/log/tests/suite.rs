//! The library's tests of a store, over our log and the machine with both engines.

use std::fmt::Debug;
use std::io;
use std::ops::{RangeBounds, RangeInclusive};
use std::sync::Arc;

use futures_util::Stream;
use openraft::storage::{EntryResponder, IOFlushed, LogState, RaftLogStorage, RaftStateMachine};
use openraft::testing::log::{StoreBuilder, Suite};
use openraft::type_config::alias::SnapshotOf;
use openraft::{OptionalSend, RaftLogReader, StorageError};

use super::{Log, TestReplica, running_log};
use crate::base::host::ThreadSpawn;
use crate::base::types::NodeId;
use crate::machine::SnapshotReader;
use crate::raft::Replica;
use crate::raft::adapter::Adapter;
use crate::raft::snapshot::{Outgoing, SnapshotData};
use crate::raft::types::{Entry, LogId, SnapshotMeta, StoredMembership, Types, Vote};

/// The library's tests number their nodes.
impl From<u64> for NodeId {
    fn from(number: u64) -> Self {
        Self(u128::from(number).to_be_bytes())
    }
}

/// Our log, except that it may begin at any entry, as the library's tests do: what is
/// before it counts as purged.
struct Anywhere {
    log: Log,
}

impl RaftLogReader<Types> for Anywhere {
    async fn try_get_log_entries<RB: RangeBounds<u64> + Clone + Debug + OptionalSend>(
        &mut self,
        range: RB,
    ) -> io::Result<Vec<Entry>> {
        self.log.try_get_log_entries(range).await
    }

    async fn limited_get_log_entries(&mut self, start: u64, end: u64) -> io::Result<Vec<Entry>> {
        self.log.limited_get_log_entries(start, end).await
    }

    async fn read_vote(&mut self) -> io::Result<Option<Vote>> {
        self.log.read_vote().await
    }

    async fn get_key_log_ids(&mut self, range: RangeInclusive<LogId>) -> io::Result<Vec<LogId>> {
        self.log.get_key_log_ids(range).await
    }
}

impl RaftLogStorage<Types> for Anywhere {
    type LogReader = Log;

    async fn get_log_state(&mut self) -> io::Result<LogState<Types>> {
        self.log.get_log_state().await
    }

    async fn get_log_reader(&mut self) -> Log {
        self.log.get_log_reader().await
    }

    async fn save_vote(&mut self, vote: &Vote) -> io::Result<()> {
        self.log.save_vote(vote).await
    }

    async fn save_committed(&mut self, committed: Option<LogId>) -> io::Result<()> {
        self.log.save_committed(committed).await
    }

    async fn read_committed(&mut self) -> io::Result<Option<LogId>> {
        self.log.read_committed().await
    }

    async fn append<I>(&mut self, entries: I, callback: IOFlushed<Types>) -> io::Result<()>
    where
        I: IntoIterator<Item = Entry> + OptionalSend,
        I::IntoIter: OptionalSend,
    {
        let entries: Vec<Entry> = entries.into_iter().collect();
        let begins_at = entries.first().map_or(0, |entry| entry.log_id.index());
        let state = self.log.get_log_state().await?;
        if begins_at > 0 && state.last_log_id.is_none() {
            let before = LogId::new_term_index(0, begins_at - 1);
            self.log.purge(before).await?;
        }
        self.log.append(entries, callback).await
    }

    async fn truncate_after(&mut self, last: Option<LogId>) -> io::Result<()> {
        self.log.truncate_after(last).await
    }

    async fn purge(&mut self, upto: LogId) -> io::Result<()> {
        self.log.purge(upto).await
    }
}

/// Our state machine, and what carries a snapshot from one to another, which is the
/// network's part: the rows, chunk by chunk, and a seal.
struct Carried {
    adapter: Adapter,
    replica: Arc<dyn Replica>,
}

impl Carried {
    fn carry(&self, outgoing: &Outgoing) -> crate::base::Result<()> {
        let mut reader = SnapshotReader::new(outgoing.view.clone());
        let mut writer = self.replica.begin_install()?;
        while let Some(chunk) = reader.next_chunk()? {
            writer.add(chunk)?;
        }
        writer.seal().map(drop)
    }
}

impl RaftStateMachine<Types> for Carried {
    type SnapshotData = SnapshotData;
    type SnapshotBuilder = <Adapter as RaftStateMachine<Types>>::SnapshotBuilder;

    async fn applied_state(&mut self) -> io::Result<(Option<LogId>, StoredMembership)> {
        self.adapter.applied_state().await
    }

    async fn apply<S>(&mut self, entries: S) -> io::Result<()>
    where
        S: Stream<Item = io::Result<EntryResponder<Types>>> + Unpin + OptionalSend,
    {
        self.adapter.apply(entries).await
    }

    async fn get_snapshot_builder(&mut self) -> Self::SnapshotBuilder {
        self.adapter.get_snapshot_builder().await
    }

    async fn install_snapshot(
        &mut self,
        meta: &SnapshotMeta,
        snapshot: SnapshotData,
    ) -> io::Result<()> {
        if let SnapshotData::Outgoing(outgoing) = snapshot {
            self.carry(&outgoing).map_err(io::Error::other)?;
        }
        self.adapter
            .install_snapshot(meta, SnapshotData::Sealed)
            .await
    }

    async fn get_current_snapshot(
        &mut self,
    ) -> io::Result<Option<SnapshotOf<Types, SnapshotData>>> {
        self.adapter.get_current_snapshot().await
    }
}

struct Builder {
    replica: fn() -> Arc<TestReplica>,
    recent_bytes_max: usize,
}

impl StoreBuilder<Types, Anywhere, Carried> for Builder {
    async fn build(&self) -> Result<((), Anywhere, Carried), StorageError<Types>> {
        let replica: Arc<dyn Replica> = (self.replica)();
        let log = running_log(self.recent_bytes_max);
        let (progress, _) = crate::raft::adapter::progress();
        let parts = (replica.clone(), log.clone());
        let adapter = Adapter::new(parts, Arc::default(), progress, Arc::new(ThreadSpawn));
        let adapter = adapter.unwrap();
        Ok(((), Anywhere { log }, Carried { adapter, replica }))
    }
}

/// Runs the named tests of the suite, each on a store of its own.
macro_rules! run {
    ($builder:expr, $($test:ident)*) => {$(
        let ((), log, machine) = $builder.build().await.unwrap();
        Suite::<Types, Anywhere, Carried, Builder, ()>::$test(log, machine).await.unwrap();
    )*};
}

/// All of the library's tests.
fn run_suite(builder: &Builder) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .unwrap();
    runtime.block_on(async {
        run!(builder, last_membership_in_log_initial last_membership_in_log
            last_membership_in_log_multi_step get_membership_initial
            get_membership_from_log_and_empty_sm get_membership_from_empty_log_and_sm
            get_membership_from_log_le_sm_last_applied
            get_membership_from_log_gt_sm_last_applied_1
            get_membership_from_log_gt_sm_last_applied_2);
        run!(builder, get_initial_state_without_init
            get_initial_state_membership_from_empty_log_and_sm
            get_initial_state_membership_from_sm_inlog_is_smaller
            get_initial_state_membership_from_log_insm_is_smaller
            get_initial_state_with_state get_initial_state_last_log_gt_sm
            get_initial_state_last_log_lt_sm get_initial_state_inverted_log_order
            get_initial_state_conflict_at_same_index get_initial_state_log_ids
            get_initial_state_re_apply_committed);
        run!(builder, save_vote get_log_entries limited_get_log_entries
            leader_bounded_stream entries_stream try_get_log_entry
            log_reader_reads_new_entries initial_logs get_log_state get_log_id
            last_id_in_log last_applied_state);
        run!(builder, purge_logs_upto_0 purge_logs_upto_5 purge_logs_upto_20
            delete_logs_after_11 delete_logs_after_5 delete_logs_after_0
            delete_logs_after_none append_to_log snapshot_meta snapshot_meta_optional
            apply_single apply_multiple);
        Suite::<Types, Anywhere, Carried, Builder, ()>::transfer_snapshot(builder)
            .await
            .unwrap();
    });
}

#[test]
fn the_librarys_tests_with_the_engine_memory() {
    run_suite(&Builder {
        replica: TestReplica::in_memory,
        recent_bytes_max: 1 << 20,
    });
}

#[test]
fn the_librarys_tests_with_the_engine_redb_and_nothing_kept_in_memory() {
    run_suite(&Builder {
        replica: TestReplica::on_redb,
        recent_bytes_max: 0,
    });
}
