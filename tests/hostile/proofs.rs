//! Every judge can find fault: shown on nodes to which the fault was done on purpose.

use std::net::TcpStream;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

use crate::attacks::{Attack, Plan, run};
use crate::figures::{Figures, forget_peak};
use crate::harness::Node;
use crate::harness::cluster::until;
use crate::judge::{SLACK_BYTES, SLACK_DESCRIPTORS, Seen};
use crate::siege::Siege;

#[track_caller]
fn finds(seen: &Seen, fault: &str) {
    let faults = seen.faults();
    assert!(
        faults.len() == 1 && faults[0].contains(fault),
        "{fault}: {faults:?}"
    );
}

#[test]
fn memory_that_a_node_takes_is_found() {
    let node = Node::start();
    forget_peak(node.pid());
    let before = Figures::of(node.pid());
    for key in 0..16 {
        let value = vec![b'v'; 8 << 20];
        let key = format!("large:{key}");
        node.dkv_with_input(&["kv", "set", &key, "-"], &value)
            .exits(0);
    }
    let mut seen = Seen {
        before,
        after: Figures::of(node.pid()),
        ..Seen::default()
    };
    finds(&seen, "64 more were allowed");
    seen.allowed_bytes = 4 << 30;
    assert_eq!(seen.faults(), Vec::<String>::new());
    assert!(seen.after.peak_bytes > before.resident_bytes + SLACK_BYTES);
}

#[test]
fn descriptors_that_stay_are_found() {
    let node = Node::start();
    let before = Figures::of(node.pid());
    let held: Vec<TcpStream> = (0..=2 * SLACK_DESCRIPTORS)
        .map(|_| TcpStream::connect(node.address()).unwrap())
        .collect();
    // Each is accepted before the one that asks is answered.
    node.dkv(&["kv", "set", "a", "1"]).exits(0);
    let after = Figures::of(node.pid());
    let mut seen = Seen {
        before,
        after,
        ..Seen::default()
    };
    finds(&seen, "descriptors are open");
    drop(held);
    seen.after.descriptors = before.descriptors + SLACK_DESCRIPTORS;
    assert_eq!(seen.faults(), Vec::<String>::new());
}

/// The whole of it, against a node with room for so few connections that an attacker has them
/// all.
#[test]
fn a_client_that_is_not_served_is_found() {
    let mut node = Node::start_with_open_files(64, &[]);
    let siege = Siege {
        fresh_tries: Duration::from_secs(1),
        ..Siege::of(Attack::Idle)
    };
    let (mut seen, _) = siege.lay(&mut node);
    // One try may be too short for it afterwards, too: a machine can be busy.
    seen.refused_after = None;
    finds(&seen, "was not served during it");
}

#[test]
fn a_node_that_ends_or_panics_is_found() {
    let mut node = Node::start();
    assert_eq!(node.ended(), None);
    let pid = Pid::from_raw(node.pid() as i32).unwrap();
    kill_process(pid, Signal::KILL).unwrap();
    until("it has ended", || node.ended().is_some());
    let mut seen = Seen {
        ended: node.ended(),
        ..Seen::default()
    };
    finds(&seen, "the node ended with 137");
    seen.ended = None;
    seen.log = "a\nthread 'main' panicked at src/a.rs:1:1:\nb".to_owned();
    finds(&seen, "src/a.rs:1:1");
}

#[test]
fn connections_are_counted_by_what_became_of_them() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let nobody = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = nobody.local_addr().unwrap();
    drop(nobody);
    let (plan, stop) = Plan::new(address, 2);
    let (refused, ()) = runtime.block_on(async {
        tokio::join!(run(Attack::Idle, &plan), async {
            while plan.tally().refused < 3 {
                tokio::task::yield_now().await;
            }
            stop.stop();
        })
    });
    assert!(refused.opened == 0 && refused.refused >= 3, "{refused:?}");
    let node = Node::start();
    let (plan, stop) = Plan::new(node.address().parse().unwrap(), 2);
    let (garbage, ()) = runtime.block_on(async {
        tokio::join!(run(Attack::Garbage, &plan), async {
            while plan.tally().cut < 3 {
                tokio::task::yield_now().await;
            }
            stop.stop();
        })
    });
    assert!(garbage.opened >= 3 && garbage.refused == 0, "{garbage:?}");
}
