//! The README's tour of TLS, line by line: each command of a `console tls` block is run by a
//! shell, and what it prints is compared with what stands below it. Only the ports are others.

use crate::harness::Shell;
use crate::harness::cluster::free_ports;
use crate::harness::console::{blocks, compare};
use crate::security_guide::Ends;

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
