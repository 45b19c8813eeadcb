//! A run of a node that is recorded: what it did to its disk, and what it answered.

use std::path::{Path, PathBuf};

use dkv::check::dice::Dice;
use tempfile::TempDir;

use crate::clients;
use crate::company::Company;
use crate::deeds::{Deed, deeds};
use crate::disk::Disk;
use crate::image::{Fate, Image, Torn, store};
use crate::lines::Trace;
use crate::names::Node;
use crate::pages::Pages;
use crate::place::Place;
use crate::promise::Promise;
use crate::tale::{Tale, Told};
use crate::traced::{Program, Traced};

/// What the node's directory is called below the folder that is traced.
pub(crate) const DATA: &str = "data";

/// Clients of a first run, and what each of them asks.
const CLIENTS: u64 = 3;
const WISHES: u64 = 40;

/// See the module.
pub(crate) struct Recording {
    pub(crate) program: Program,
    pub(crate) engine: &'static str,
    /// Which member it was, if it was one.
    pub(crate) place: Option<Place>,
    /// The disk before the node was started.
    pub(crate) before: Disk,
    pub(crate) deeds: Vec<Deed>,
    /// Everything that is known of revisions, of earlier runs too.
    pub(crate) tale: Tale,
    /// Requests that were answered before it.
    pub(crate) answered: Vec<u64>,
}

/// A folder in memory if there is such a place: images are many, and their own syncs no matter.
pub(crate) fn folder() -> TempDir {
    let in_memory = tempfile::tempdir_in("/dev/shm");
    in_memory.unwrap_or_else(|_| TempDir::new().expect("a temporary directory can be made"))
}

impl Recording {
    /// A node that is new: it starts, is asked, and is stopped, or dies.
    pub(crate) fn new(program: Program, engine: &'static str, dice: &mut Dice) -> Self {
        let folder = folder();
        let root = root(&folder);
        let mut company = (program == Program::Follower).then(|| Company::start(engine));
        let place = match &company {
            Some(company) => Some(company.place.clone()),
            None => place(program),
        };
        let traced = Traced::start(program, &root.join(DATA), engine, place.as_ref());
        let told = match &mut company {
            Some(company) => ask_others(company, dice),
            None => {
                clients::until_ready(&traced.address);
                clients::ask(&traced.address, 0..CLIENTS, WISHES, dice)
            }
        };
        let dies = dice.percent(50);
        let written = if dies { traced.kill() } else { traced.stop() };
        let before = Disk::default();
        let trace = Trace::read(&written);
        let deeds = deeds(&trace, &root, &before);
        let recording = Self {
            program,
            engine,
            place,
            before,
            deeds,
            tale: Tale::of(told),
            answered: Vec::new(),
        };
        recording.tells_everything(&trace, &root);
        recording
    }

    /// The next start of that node on the disk as it was after so many deeds and that fate, with
    /// one client that asks so much. A process that died (`Fate::Kept`) leaves what is not durable
    /// to the next.
    pub(crate) fn again(&self, cut: usize, mut fate: Fate, wishes: u64, dice: &mut Dice) -> Self {
        let mut disk = self.disk_at(cut);
        let image = disk.image(&mut fate, &mut Torn::default());
        match fate {
            Fate::Kept => disk.process_died(),
            _ => disk = Disk::of(&image),
        }
        let folder = folder();
        let root = root(&folder);
        store(&image, &root).expect("the folder has room");
        let data = root.join(DATA);
        let traced = Traced::start(self.program, &data, self.engine, self.place.as_ref());
        clients::until_ready(&traced.address);
        let client = 10 + dice.below(1_000);
        let told = clients::ask(&traced.address, client..client + 1, wishes, dice);
        let trace = Trace::read(&traced.kill());
        let deeds = deeds(&trace, &root, &disk);
        let mut tale = self.tale.clone();
        tale.add(told);
        let answered = self.answered_at(cut);
        let kept = tale.promised(&answered.iter().copied().collect()).answers;
        assert_eq!(
            kept,
            answered.len() as u64,
            "the start lost what was answered"
        );
        let recording = Self {
            program: self.program,
            engine: self.engine,
            place: self.place.clone(),
            before: disk,
            deeds,
            tale,
            answered,
        };
        recording.tells_everything(&trace, &root);
        recording
    }

    /// The disk after so many deeds.
    pub(crate) fn disk_at(&self, cut: usize) -> Disk {
        let mut disk = self.before.clone();
        self.deeds[..cut].iter().for_each(|deed| disk.apply(deed));
        disk
    }

    /// The requests that were answered by then.
    pub(crate) fn answered_at(&self, cut: usize) -> Vec<u64> {
        let answers = self.deeds[..cut].iter().filter_map(|deed| match deed {
            Deed::Answer(number) => Some(*number),
            _ => None,
        });
        self.answered.iter().copied().chain(answers).collect()
    }

    /// What the node had told other members by then.
    pub(crate) fn promised_at(&self, cut: usize) -> impl Iterator<Item = &Promise> {
        self.deeds[..cut].iter().filter_map(|deed| match deed {
            Deed::Promise(promise) => Some(promise),
            _ => None,
        })
    }

    /// Compares the disk at the end with the real one: the trace has left nothing out. Of a call
    /// that the death of the process cut off nobody knows what it did.
    fn tells_everything(&self, trace: &Trace, root: &Path) {
        if trace.calls.iter().any(|call| call.returned.is_none()) {
            return;
        }
        let disk = self.disk_at(self.deeds.len());
        let told = disk.image(&mut Fate::Kept, &mut Torn::default());
        let mut real = Image::new();
        look(root, Path::new(DATA), &mut real);
        let names = |image: &Image| image.keys().cloned().collect::<Vec<PathBuf>>();
        assert_eq!(names(&told), names(&real), "names the trace does not tell");
        for (path, content) in &told {
            let same = *content == real[path];
            assert!(same, "the trace does not tell all of {}", path.display());
        }
        let live = disk.names.live();
        assert!(live.values().any(|node| *node != Node::Dir), "no files");
    }
}

fn place(program: Program) -> Option<Place> {
    (program == Program::Voter).then(Place::alone)
}

/// Asks another member than the recorded one. Then the first, which is the leader unless there was
/// an election, is lost, and what is asked from then on needs the recorded one.
fn ask_others(company: &mut Company, dice: &mut Dice) -> Vec<Told> {
    let address = company.address();
    clients::until_ready(&address);
    let mut told = clients::ask(&address, 0..CLIENTS, WISHES / 2, dice);
    company.lose_one();
    let address = company.address();
    clients::until_ready(&address);
    told.extend(clients::ask(
        &address,
        CLIENTS..2 * CLIENTS,
        WISHES / 2,
        dice,
    ));
    told
}

fn root(folder: &TempDir) -> PathBuf {
    let root = folder.path().canonicalize();
    root.expect("it was just made")
}

fn look(root: &Path, below: &Path, image: &mut Image) {
    let path = root.join(below);
    if path.is_file() {
        let bytes = std::fs::read(&path).expect("it was just there");
        let mut content = Pages::default();
        content.write_sparsely(&bytes);
        image.insert(below.to_owned(), Some(content));
        return;
    }
    image.insert(below.to_owned(), None);
    for entry in std::fs::read_dir(&path).expect("it was just there") {
        let name = entry.expect("it was just there").file_name();
        look(root, &below.join(name), image);
    }
}
