//! Logs whose end was torn by the death of their node, and one that is damaged where it must not
//! be.

use std::fs::OpenOptions;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use super::drill::{Drill, perform};
use crate::cluster::until;
use crate::inject::Defect;
use crate::nemesis::Fault;

/// As `src/wal/format.rs` draws them.
const SEGMENT_HEADER_BYTES: usize = 4_096;
const BATCH_HEADER_BYTES: usize = 40;
const BATCH_ALIGN_BYTES: usize = 64;
const BATCH_MAGIC: [u8; 4] = [0xd6, b'k', b'v', 0xb1];

#[test]
fn a_torn_end_of_the_log_is_cut_where_nothing_was_confirmed() {
    perform(
        "torn-alone",
        1,
        |_| {},
        async |drill| {
            drill.warm_up().await?;
            for _ in 0..3 {
                tear(drill, 0).await?;
            }
            Ok(())
        },
    );
}

#[test]
fn a_leader_with_a_torn_log_comes_back() {
    perform(
        "torn-leader",
        3,
        |_| {},
        async |drill| {
            let leader = drill.warm_up().await?;
            tear(drill, leader).await
        },
    );
}

/// The damage of the simulated disk in `src/wal/tests/damage.rs`, on a real one.
#[test]
fn a_flipped_bit_of_what_was_confirmed_is_refused() {
    perform(
        "flipped",
        1,
        |_| {},
        async |drill| {
            drill.warm_up().await?;
            drill.cluster.nodes[0].kill();
            let log = newest_segment(&drill.cluster.nodes[0].data());
            let batches = batches(&std::fs::read(&log).expect("a log can be read"));
            let has_records = |batch: &&(usize, usize)| batch.1 - batch.0 > BATCH_HEADER_BYTES + 5;
            let middle = batches.iter().skip(batches.len() / 2).find(has_records);
            let (start, _) = middle.ok_or("the log is empty")?;
            // In the payload, behind which later batches say that it was durable.
            let place = (start + BATCH_HEADER_BYTES + 5) as u64;
            flip(&log, place);
            drill.cluster.nodes[0].start();
            let (ended, said) = drill.cluster.nodes[0].end_by_itself().await?;
            let file = log.file_name().unwrap_or_default().to_string_lossy();
            let is_told = said.contains(&*file) && said.contains("checksum");
            if ended.success() || !is_told {
                return Err(format!("a damaged log was not refused ({ended}):\n{said}"));
            }
            flip(&log, place);
            drill.cluster.nodes[0].start();
            drill.cluster.nodes[0].wait_ready()
        },
    );
}

/// Kills a node while a batch of its log is written and not durable, and leaves a part of that.
async fn tear(drill: &mut Drill, node: usize) -> Result<(), String> {
    let from_ns = drill.recorder().now_ns();
    drill.write(node).await?;
    let hanging = drill.cluster.nodes[node].inject(Defect::SyncHangs)?;
    until("the log waits for its disk", async || hanging.saw("/wal/")).await?;
    drill.cluster.nodes[node].kill_held(hanging);
    let log = newest_segment(&drill.cluster.nodes[node].data());
    let segment = std::fs::read(&log).expect("a log can be read");
    let (start, end) = batches(&segment).pop().ok_or("the log is empty")?;
    let dice = &mut drill.dice;
    let within = |dice: &mut crate::check::dice::Dice, from: usize, to: usize| {
        let drawn = dice.within(from as u64, to as u64);
        usize::try_from(drawn).expect("a position fits memory")
    };
    let cut = within(dice, start + 1, end - 1);
    let garbage = within(dice, 1, 9_000);
    let garbage: Vec<u8> = (0..garbage).map(|_| dice.below(256) as u8).collect();
    let file = OpenOptions::new().write(true).open(&log);
    let file = file.expect("a log can be written");
    // Either the file ends there, or it is as long as it was.
    if dice.percent(50) {
        file.set_len(cut as u64).expect("a log can be cut");
    }
    let torn = file.write_all_at(&garbage, cut as u64);
    torn.expect("a log can be written");
    drill.cluster.heal()?;
    drill.struck(Fault::KillLeader, node, from_ns);
    drill.write(node).await
}

fn newest_segment(data: &Path) -> PathBuf {
    let entries = std::fs::read_dir(data.join("wal")).expect("a node has a log");
    let names = entries.map(|entry| entry.expect("a folder can be read").path());
    let is_segment = |path: &PathBuf| {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        name.ends_with(".wal") && !name.starts_with("spare")
    };
    let newest = names.filter(is_segment).max();
    newest.expect("a log has a segment")
}

/// Where each batch of a segment begins, and where it ends.
fn batches(segment: &[u8]) -> Vec<(usize, usize)> {
    let mut found = Vec::new();
    let mut at = SEGMENT_HEADER_BYTES;
    while let Some(header) = segment.get(at..at + BATCH_HEADER_BYTES) {
        if header[..4] != BATCH_MAGIC {
            break;
        }
        let length = [header[32], header[33], header[34], header[35]];
        let end = at + BATCH_HEADER_BYTES + u32::from_le_bytes(length) as usize;
        found.push((at, end));
        at = end.next_multiple_of(BATCH_ALIGN_BYTES);
    }
    found
}

fn flip(log: &Path, place: u64) {
    let file = OpenOptions::new().read(true).write(true).open(log);
    let file = file.expect("a log can be changed");
    let mut byte = [0];
    file.read_exact_at(&mut byte, place)
        .expect("it is that long");
    byte[0] ^= 1;
    file.write_all_at(&byte, place)
        .expect("a log can be changed");
}
