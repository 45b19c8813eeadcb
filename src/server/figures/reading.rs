//! All counters at one moment, and the second between two such moments.

use crate::base::histogram::HistogramSnapshot;
use crate::base::host::ProcessLoad;
use crate::proto::v1;
use crate::server::metrics::{Meter, RequestKind};
use crate::server::node::LogStatus;
use crate::server::service::Service;

/// Longer than this from one reading to the next, and the process did not run in between,
/// or had no time for anything: microseconds.
const GAP_US: u64 = 2_000_000;

/// Which requests belong together in a picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Class {
    Reads,
    Writes,
    Locks,
}

impl Class {
    const ALL: [Self; 3] = [Self::Reads, Self::Writes, Self::Locks];

    /// `None`: it asked for nothing that is known.
    pub(super) fn of(kind: RequestKind) -> Option<Self> {
        match kind {
            RequestKind::Get
            | RequestKind::Has
            | RequestKind::Scan
            | RequestKind::GetMany
            | RequestKind::History
            | RequestKind::ListBuckets => Some(Self::Reads),
            RequestKind::Set
            | RequestKind::Delete
            | RequestKind::Expire
            | RequestKind::Touch
            | RequestKind::Persist
            | RequestKind::Incr
            | RequestKind::Batch
            | RequestKind::Txn
            | RequestKind::CreateBucket
            | RequestKind::UpdateBucket
            | RequestKind::DropBucket => Some(Self::Writes),
            RequestKind::Acquire
            | RequestKind::Renew
            | RequestKind::Release
            | RequestKind::Info
            | RequestKind::List
            | RequestKind::Revoke => Some(Self::Locks),
            RequestKind::Unknown => None,
        }
    }
}

/// What had been counted at one moment.
#[derive(Debug, Clone)]
pub(super) struct Reading {
    pub(super) at_us: u64,
    /// By class: how long answers took, microseconds.
    pub(super) took_us: [HistogramSnapshot; Class::ALL.len()],
    pub(super) errors: u64,
    pub(super) fsync_us: HistogramSnapshot,
    pub(super) log_bytes: u64,
    pub(super) watch_events: u64,
    pub(super) process: ProcessLoad,
}

impl Reading {
    /// Looks at all counters: some thousand loads, and two questions to the system.
    pub(super) fn now(at_us: u64, service: &Service, log: &LogStatus) -> Self {
        let meter = service.meter();
        let told = service.shards().map(|it| it.store.watch_figures().told);
        Self {
            at_us,
            took_us: Class::ALL.map(|class| took_us(meter, class)),
            errors: meter.errors(),
            fsync_us: log.fsync_us.clone(),
            log_bytes: log.appended_bytes,
            watch_events: told.sum(),
            process: ProcessLoad::read(),
        }
    }

    /// What happened from `earlier` to this one, as the second of `number`; `None` if so
    /// much time went by that it would not be one.
    pub(super) fn since(&self, earlier: &Self, number: u64) -> Option<v1::Sample> {
        let us = self.at_us.saturating_sub(earlier.at_us);
        if us >= GAP_US {
            return None;
        }
        let [reads, writes, locks] = Class::ALL.map(|class| {
            let at = class as usize;
            class_sample(&self.took_us[at].since(&earlier.took_us[at]))
        });
        let fsync_us = self.fsync_us.since(&earlier.fsync_us);
        Some(v1::Sample {
            number,
            ms: u32::try_from(us / 1_000).unwrap_or(u32::MAX),
            reads: Some(reads),
            writes: Some(writes),
            locks: Some(locks),
            errors: self.errors.saturating_sub(earlier.errors),
            fsyncs: fsync_us.count(),
            fsync_p99_us: fsync_us.quantile(0.99).unwrap_or_default(),
            log_bytes: self.log_bytes.saturating_sub(earlier.log_bytes),
            cpu_us: self.process.cpu_us.saturating_sub(earlier.process.cpu_us),
            resident_bytes: self.process.resident_bytes.unwrap_or_default(),
            watch_events: self.watch_events.saturating_sub(earlier.watch_events),
        })
    }
}

fn took_us(meter: &Meter, class: Class) -> HistogramSnapshot {
    let kinds = RequestKind::ALL.into_iter();
    let of_class = kinds.filter(|kind| Class::of(*kind) == Some(class));
    of_class
        .map(|kind| meter.took_us(kind))
        .reduce(|mut all, one| {
            all.add(&one);
            all
        })
        .expect("every class has kinds")
}

fn class_sample(took_us: &HistogramSnapshot) -> v1::ClassSample {
    v1::ClassSample {
        count: took_us.count(),
        p50_us: took_us.quantile(0.5).unwrap_or_default(),
        p99_us: took_us.quantile(0.99).unwrap_or_default(),
    }
}
