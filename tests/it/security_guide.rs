//! The commands of docs/security.md, line by line. Only the ports are others.

use std::path::PathBuf;

use rustix::process::{Pid, Signal, kill_process};

use crate::harness::Shell;
use crate::harness::cluster::free_ports;
use crate::harness::console::{blocks, compare};

/// Ends the process whose number is in this file, however a test ends.
pub(crate) struct Ends(pub(crate) PathBuf);

impl Drop for Ends {
    fn drop(&mut self) {
        let pid = std::fs::read_to_string(&self.0).ok();
        let pid = pid.and_then(|pid| Pid::from_raw(pid.trim().parse().ok()?));
        // One that has ended already need not be ended.
        let _is_gone = pid.map(|pid| kill_process(pid, Signal::TERM));
    }
}

#[test]
fn the_guide_to_security_works_as_printed() {
    let page = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/security.md");
    let mut blocks = blocks(&std::fs::read_to_string(page).expect("there is a page"));
    blocks.retain(|block| block.info == "security");
    let commands: usize = blocks.iter().map(|block| block.steps.len()).sum();
    assert!(commands >= 15, "the guide has only {commands} commands");
    let folder = tempfile::TempDir::new().unwrap();
    let _ends = Ends(folder.path().join("pid"));
    let mut shell = Shell::start(folder.path());
    let port = free_ports().to_string();
    for step in blocks.iter().flat_map(|block| &block.steps) {
        let (said, _) = shell.run(&step.command.replace("8080", &port));
        compare(step.line, &step.command, &step.output, &said);
    }
}
