//! The end of a node, with real threads.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use super::world::{SubmitNow as _, kv, set, store};
use crate::base::ErrorKind;
use crate::base::host::sim_disk::SimDisk;
use crate::base::host::{Host, SeededRng, Spawn, Step, ThreadSpawn};
use crate::server::node::Node;
use crate::server::settings::ServeConfig;
use crate::store::Store;

const PATIENCE: Duration = Duration::from_secs(5);

#[derive(Default)]
struct Counts {
    accepted: AtomicU64,
    answered: AtomicU64,
}

impl Counts {
    /// False if the answers to all but `ahead` do not come.
    fn are_answered(&self, ahead: u64) -> bool {
        let begun = Instant::now();
        let accepted = self.accepted.load(Ordering::SeqCst);
        while self.answered.load(Ordering::SeqCst) + ahead < accepted {
            if begun.elapsed() > PATIENCE {
                return false;
            }
        }
        true
    }

    /// Never far ahead, or the node would always have something to apply.
    fn submit_until_refused(self: &Arc<Self>, store: &Store) {
        while self.are_answered(1) {
            let counts = Arc::clone(self);
            let done = move |_| {
                counts.answered.fetch_add(1, Ordering::SeqCst);
            };
            if store
                .submit_now(vec![kv(set("a", "1"))], Box::new(done))
                .is_err()
            {
                return;
            }
            self.accepted.fetch_add(1, Ordering::SeqCst);
        }
    }
}

/// What came between the last sync and the end of the log was accepted, logged, and never
/// applied nor answered.
#[test]
fn a_write_accepted_while_the_node_closed_was_never_answered() {
    for seed in 0..50 {
        let host = Host {
            disk: Arc::new(SimDisk::new(Arc::new(SeededRng::new(seed)))),
            ..Host::system()
        };
        let config = ServeConfig {
            data_dir: PathBuf::from("/data"),
            wal_segment_bytes: 1 << 20,
            ..ServeConfig::default()
        };
        let node = Node::open(&host, &config).unwrap();
        let counts = Arc::new(Counts::default());
        let writer = std::thread::spawn({
            let (counts, store) = (Arc::clone(&counts), store(&node));
            move || counts.submit_until_refused(&store)
        });
        while counts.answered.load(Ordering::SeqCst) < 10 {}
        node.close().synced.unwrap();
        writer.join().unwrap();
        assert!(counts.are_answered(0), "{seed}");
    }
}

/// Threads, but for checkpoints: those wait here, as if their disk took long.
#[derive(Clone, Default)]
struct SlowCheckpoints(Arc<Mutex<Vec<Box<dyn Step>>>>);

impl Spawn for SlowCheckpoints {
    fn drive(&self, name: &str, step: Box<dyn Step>) {
        if name.starts_with("checkpoint") {
            self.0.lock().push(step);
        } else {
            ThreadSpawn.drive(name, step);
        }
    }
}

/// Once, the directory was free while the last checkpoint was still being written: two
/// could write to one file.
#[test]
fn the_directory_is_taken_until_the_last_checkpoint_has_ended() {
    let slow = SlowCheckpoints::default();
    let host = Host {
        disk: Arc::new(SimDisk::new(Arc::new(SeededRng::new(1)))),
        spawn: Arc::new(slow.clone()),
        ..Host::system()
    };
    let config = ServeConfig {
        data_dir: PathBuf::from("/data"),
        ..ServeConfig::default()
    };
    let node = Node::open(&host, &config).unwrap();
    drop(node.close());
    let Err(refused) = Node::open(&host, &config) else {
        panic!("two nodes write there");
    };
    assert_eq!(refused.kind(), ErrorKind::Unavailable, "{refused}");
    slow.0.lock().clear();
    drop(Node::open(&host, &config).unwrap().close());
}
