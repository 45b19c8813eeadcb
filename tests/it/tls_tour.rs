//! The README's tour of TLS, line by line: each command of a `console tls` block is run by a
//! shell, and what it prints is compared with what stands below it. Only the ports are others.

use std::path::PathBuf;

use rustix::process::{Pid, Signal, kill_process};

use crate::harness::Shell;
use crate::harness::cluster::free_ports;
use crate::harness::console::{blocks, compare};

/// Ends the cluster whose process is in this file, however the test ends.
struct Ends(PathBuf);

impl Drop for Ends {
    fn drop(&mut self) {
        let pid = std::fs::read_to_string(&self.0).ok();
        let pid = pid.and_then(|pid| Pid::from_raw(pid.trim().parse().ok()?));
        // One that has ended already need not be ended.
        let _is_gone = pid.map(|pid| kill_process(pid, Signal::TERM));
    }
}

#[test]
fn the_tour_of_tls_works_as_printed() {
    let readme = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/README.md"))
        .expect("there is a README");
    let mut blocks = blocks(&readme);
    blocks.retain(|block| block.info == "tls");
    let commands: usize = blocks.iter().map(|block| block.steps.len()).sum();
    assert!(commands >= 7, "the tour has only {commands} commands");
    let folder = tempfile::TempDir::new().unwrap();
    let mut shell = Shell::start(folder.path());
    let (port, peers) = (free_ports(), free_ports());
    // The tour has the usual ports; a test takes free ones.
    let up = "dkv cluster up";
    let ours = format!("{up} --port {port} --peer-port {peers}");
    let _ends = Ends(folder.path().join("pid"));
    shell.set_endpoint(&format!("127.0.0.1:{port}"));
    for step in blocks.iter().flat_map(|block| &block.steps) {
        let (said, _) = shell.run(&step.command.replace(up, &ours));
        compare(step.line, &step.command, &step.output, &said);
    }
}
