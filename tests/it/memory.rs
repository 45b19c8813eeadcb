//! Whoever serves waits for no memory.
#![cfg(target_os = "linux")]

use std::fs;

use crate::harness::Node;

/// Those who were served on a thread that first touched 2 MiB, or that gave 600 MiB back, waited
/// for as long as the system took to clear or to unmap them: up to 77 ms.
#[test]
fn pages_are_small_and_a_thread_of_its_own_gives_them_back() {
    let node = Node::start();
    let process = format!("/proc/{}", node.pid());
    let status = fs::read_to_string(format!("{process}/status")).unwrap();
    let huge = status.lines().find(|line| line.starts_with("THP_enabled"));
    assert_eq!(huge, Some("THP_enabled:\t0"), "{status}");
    let tasks = fs::read_dir(format!("{process}/task")).unwrap();
    // One that ends meanwhile has no name any more.
    let names = tasks.filter_map(|task| fs::read_to_string(task.ok()?.path().join("comm")).ok());
    let names: Vec<String> = names.map(|name| name.trim_end().to_owned()).collect();
    assert!(names.iter().any(|name| name == "memory"), "{names:?}");
}
