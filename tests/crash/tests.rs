//! The runs.

use std::io::Write;
use std::thread;
use std::time::Instant;

use dkv::check::dice::Dice;

use crate::campaign;
use crate::cuts::Cut;
use crate::deeds::Deed;
use crate::figures::Figures;
use crate::image::Fate;
use crate::names::{Change, Node};
use crate::record::Recording;
use crate::settings::Settings;
use crate::traced::{self, Program};

#[test]
fn no_power_loss_takes_what_was_answered() {
    traced::must_be_permitted();
    let settings = Settings::read();
    let started = Instant::now();
    let each = settings.images.div_ceil(settings.engines.len() as u64);
    let threads: Vec<_> = settings
        .engines
        .iter()
        .enumerate()
        .map(|(which, engine)| {
            let (engine, seed) = (*engine, settings.seed + ((which as u64) << 32));
            thread::spawn(move || campaign::run(engine, each, &mut Dice::new(seed)))
        })
        .collect();
    let mut figures = Figures::default();
    for thread in threads {
        figures += thread.join().expect("it says what is wrong");
    }
    let seconds = started.elapsed().as_secs();
    let line = figures.line(settings.seed, &settings.engines, seconds);
    eprintln!("{line}");
    if let Some(file) = &settings.figures {
        let mut options = std::fs::OpenOptions::new();
        let file = options.create(true).append(true).open(file);
        writeln!(file.expect("figures can be written"), "{line}").expect("and kept");
    }
    let all = figures.violations.join("\n\n");
    assert!(figures.violations.is_empty(), "\n{all}\n");
    // A run that never saw these has tested nothing.
    assert!(figures.images >= settings.images, "{line}");
    if settings.images >= 100 {
        let seen = [figures.torn, figures.acknowledged, figures.double_crashes];
        assert!(seen.iter().all(|it| *it > 0), "{line}");
        let by_all = figures.verified.values().all(|it| *it > 0);
        assert!(
            by_all,
            "of one nothing was verified: {:?}",
            figures.verified
        );
        assert!(figures.segments >= 2 * figures.recordings, "{line}");
        assert!(figures.checkpoints >= figures.recordings, "{line}");
    }
}

/// A node was killed after it had made a directory and before that was durable. The next start
/// found the directory there, took it for durable, and kept in it what the log gave up: a power
/// loss could still take the directory with all of that.
#[test]
fn a_directory_whose_maker_was_killed_is_made_durable_by_the_next_start() {
    traced::must_be_permitted();
    let mut dice = Dice::new(1);
    let recording = Recording::new(Program::Small, "memory", &mut dice);
    let is_made = |deed: &Deed| matches!(deed, Deed::Name(Change::Link(_, Node::Dir)));
    let made = recording.deeds.iter().enumerate();
    let made = made.filter(|(_, deed)| is_made(deed)).map(|(at, _)| at);
    let mut directories = 0;
    for at in made {
        let again = recording.again(at + 1, Fate::Kept, 60, &mut dice);
        let end = Cut {
            at: again.deeds.len(),
            fate: Fate::Lost,
        };
        let figures = campaign::open_all(&again, vec![end]);
        let all = figures.violations.join("\n");
        assert!(all.is_empty(), "{:?}:\n{all}", recording.deeds[at]);
        directories += 1;
    }
    assert_eq!(directories, 5, "data, wal, shards, and two of shards");
}
