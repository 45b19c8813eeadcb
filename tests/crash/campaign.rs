//! A recording, its disks, and their verdicts.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use dkv::check::dice::Dice;

use crate::cuts::{Cut, draw};
use crate::deeds::{Deed, Target};
use crate::figures::Figures;
use crate::image::{Fate, Image, Torn, store};
use crate::names::{Change, FileId, Node};
use crate::promise::kept;
use crate::record::{DATA, Recording, folder};
use crate::traced::Program;
use crate::{follower, judge, voter};

/// Disks of one recording; a longer run makes more recordings.
const IMAGES_OF_ONE: u64 = 400;
/// What the client of a start after a crash asks.
const WISHES_AFTER: u64 = 6;
/// After so many violations a run has made its point.
const VIOLATIONS_MAX: usize = 5;

/// Opens that many disks of nodes with that engine.
pub(crate) fn run(engine: &'static str, images: u64, dice: &mut Dice) -> Figures {
    let mut figures = Figures::default();
    while figures.images < images && figures.violations.len() < VIOLATIONS_MAX {
        let programs = Program::all();
        for program in &programs {
            let left = images.saturating_sub(figures.images);
            let part = images / programs.len() as u64;
            let now = part.clamp(1, IMAGES_OF_ONE).min(left);
            if now > 0 {
                let mut more = one(*program, engine, now, dice);
                let verified = match program.answers_for_itself() {
                    true => more.acknowledged,
                    false => more.promised,
                };
                more.verified.insert(*program, verified);
                figures += more;
            }
        }
    }
    figures
}

/// One recording: two thirds of the disks are of it, and the others of two starts that followed
/// a crash of it: one of the machine, and one of the process alone.
fn one(program: Program, engine: &'static str, images: u64, dice: &mut Dice) -> Figures {
    let recording = Recording::new(program, engine, dice);
    let double = match program.answers_for_itself() {
        true => images / 6,
        // The next start would need the others as they were.
        false => 0,
    };
    let cuts = draw(&recording.deeds, images - 2 * double, dice);
    let mut figures = open_all(&recording, cuts);
    figures.recordings = 1;
    (figures.segments, figures.checkpoints) = milestones(&recording);
    for dies in [false, true] {
        if double == 0 || !figures.violations.is_empty() {
            continue;
        }
        let (at, fate) = place_to_crash(&recording, dies, dice);
        let again = recording.again(at, fate, WISHES_AFTER, dice);
        let cuts = draw(&again.deeds, double, dice);
        let more = open_all(&again, cuts);
        figures.double_recordings += 1;
        figures.double_crashes += more.images;
        figures += more;
    }
    figures
}

/// How many segments of the log it began, and how many checkpoints it made.
fn milestones(recording: &Recording) -> (u64, u64) {
    let end = recording.disk_at(recording.deeds.len());
    let is_rows = |file: &FileId| {
        let mut names = end.names.live().iter();
        names.any(|(path, node)| *node == Node::File(*file) && path.ends_with("rows.redb"))
    };
    let (mut segments, mut checkpoints) = (0, 0);
    for deed in &recording.deeds {
        match deed {
            Deed::Name(Change::Rename(_, to, _)) => {
                let name = to.file_name().unwrap_or_default().to_string_lossy();
                let is_spare = name.starts_with("spare");
                segments += u64::from(name.ends_with(".wal") && !is_spare);
                checkpoints += u64::from(name.ends_with(".ckpt"));
            }
            Deed::SyncBegins(_, Target::File(file)) => checkpoints += u64::from(is_rows(file)),
            _ => {}
        }
    }
    (segments, checkpoints)
}

/// A process dies anywhere, a machine where something was under way. Half of the processes die
/// while they start for the first time, where there is much to forget.
fn place_to_crash(recording: &Recording, dies: bool, dice: &mut Dice) -> (usize, Fate) {
    let deeds = &recording.deeds;
    if dies {
        let first = deeds.iter().position(|it| matches!(it, Deed::Answer(_)));
        let early = dice.percent(50);
        let end = if early {
            first.unwrap_or(0)
        } else {
            deeds.len()
        };
        return (dice.index(end + 1), Fate::Kept);
    }
    let places: Vec<usize> = (0..deeds.len())
        .filter(|at| matches!(deeds[*at], Deed::SyncEnds(_)))
        .collect();
    let at = *dice.pick(&places);
    (at, Fate::Drawn(Dice::new(dice.below(u64::MAX))))
}

/// Builds and opens the disks of a recording at these places, which are in order.
pub(crate) fn open_all(recording: &Recording, cuts: Vec<Cut>) -> Figures {
    let mut figures = Figures::default();
    let syncs = |deed: &&Deed| matches!(deed, Deed::SyncEnds(_));
    figures.syncs = recording.deeds.iter().filter(syncs).count() as u64;
    let mut disk = recording.before.clone();
    let mut done = 0;
    let mut places = BTreeSet::new();
    for mut cut in cuts {
        let next = &recording.deeds[done..cut.at];
        next.iter().for_each(|deed| disk.apply(deed));
        done = cut.at;
        places.insert(cut.at);
        let mut torn = Torn::default();
        let drawn = format!("{:?}", cut.fate);
        let image = disk.image(&mut cut.fate, &mut torn);
        figures.images += 1;
        figures.torn += torn.0;
        open(recording, &cut, &drawn, &image, &mut figures);
        if figures.violations.len() >= VIOLATIONS_MAX {
            break;
        }
    }
    figures.prefixes = places.len() as u64;
    figures
}

/// Counts what the disk had to keep, and what it did not.
fn open(recording: &Recording, cut: &Cut, drawn: &str, image: &Image, figures: &mut Figures) {
    let folder = folder();
    store(image, folder.path()).expect("the folder has room");
    if let Err(wrong) = judge(recording, cut.at, &folder.path().join(DATA), figures) {
        let kept = keep(image, figures.violations.len());
        figures.violations.push(format!(
            "{:?}/{}, after {} of {} deeds ({drawn}): {wrong}\n    the disk is kept in {}; just before:\n{}",
            recording.program,
            recording.engine,
            cut.at,
            recording.deeds.len(),
            kept.display(),
            before(&recording.deeds[..cut.at])
        ));
    }
}

/// Opens the disk in `data` as what it is of, and compares it with what was promised until `cut`.
fn judge(
    recording: &Recording,
    cut: usize,
    data: &Path,
    figures: &mut Figures,
) -> Result<(), String> {
    let tale = &recording.tale;
    let answered = recording.answered_at(cut).into_iter().collect();
    let promised = tale.promised(&answered);
    figures.acknowledged += promised.answers;
    let Some(place) = &recording.place else {
        return judge::judge(data, tale, &promised);
    };
    let as_member = (recording.engine, place);
    if recording.program.answers_for_itself() {
        return voter::judge(data, as_member, tale, &promised);
    }
    let kept = kept(recording.promised_at(cut));
    figures.promised += follower::judge(data, as_member, tale, &kept)?;
    Ok(())
}

/// The last things that were done, one a line.
fn before(deeds: &[Deed]) -> String {
    let last = &deeds[deeds.len().saturating_sub(12)..];
    let lines = last.iter().map(|deed| {
        let text: String = format!("{deed:?}").chars().take(110).collect();
        format!("      {text}\n")
    });
    lines.collect()
}

/// Keeps a disk for whoever looks into it.
fn keep(image: &Image, number: usize) -> PathBuf {
    let target = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let name = format!("crash-{}-{number}", std::process::id());
    let place = target.join(name);
    // A second one of the same name is of a run long ago.
    let _ = std::fs::remove_dir_all(&place);
    let made = std::fs::create_dir_all(&place).and_then(|()| store(image, &place));
    made.unwrap_or_else(|error| eprintln!("the disk cannot be kept: {error}"));
    place
}
