//! What these tests are built from does what it says.

mod links;

use std::path::{Path, PathBuf};

use dkv::check::dice::Dice;

use crate::deeds::{Deed, Target, deeds};
use crate::disk::{Disk, Edit};
use crate::image::{Fate, Image, Torn};
use crate::lines::{Moment, Trace};
use crate::names::{Change, Node};
use crate::pages::Pages;

/// `/t/` and a name, as `-xx` writes it.
fn hex(text: &str) -> String {
    text.bytes().map(|byte| format!("\\x{byte:02x}")).collect()
}

fn content(image: &Image, path: &str) -> Option<Vec<u8>> {
    let entry = image.get(Path::new(path))?;
    Some(entry.as_ref().map(Pages::bytes).unwrap_or_default())
}

/// After the first `count` deeds, with that fate.
fn image(deeds: &[Deed], count: usize, mut fate: Fate) -> Image {
    let mut disk = Disk::default();
    deeds[..count].iter().for_each(|deed| disk.apply(deed));
    disk.image(&mut fate, &mut Torn::default())
}

/// A file that is written, synced, renamed and answered for while another thread works.
fn a_trace() -> String {
    let (dir, temporary, name) = (hex("/t"), hex("/t/a.tmp"), hex("/t/a"));
    let (data, answer) = (
        hex("hello"),
        hex("HTTP/1.1 200 OK\r\nx-request-id: op-7\r\n"),
    );
    let socket = hex("socket:[1]");
    let lines = [
        format!(
            "1 openat(AT_FDCWD<{dir}>, \"{temporary}\", O_RDWR|O_CREAT|O_EXCL, 0600) = 5<{temporary}>"
        ),
        format!("1 pwrite64(5<{temporary}>, \"{data}\", 5, 2 <unfinished ...>"),
        format!(
            "2 openat(AT_FDCWD<{dir}>, \"{}\", O_RDONLY) = -1 ENOENT (No such file or directory)",
            hex("/t/b")
        ),
        "1 <... pwrite64 resumed>)              = 5".to_owned(),
        format!("1 fdatasync(5<{temporary}> <unfinished ...>"),
        format!("2 fcntl(9<{socket}>, F_GETFD) = 0x1 (flags FD_CLOEXEC)"),
        "1 <... fdatasync resumed>)             = 0".to_owned(),
        format!("1 rename(\"{temporary}\", \"{name}\") = 0"),
        format!("1 openat(AT_FDCWD<{dir}>, \"{dir}\", O_RDONLY) = 6<{dir}>"),
        format!("1 fsync(6<{dir}>)                   = 0"),
        format!("2 writev(9<{socket}>, [{{iov_base=\"{answer}\", iov_len=37}}], 1) = 37"),
        "1 fdatasync(5<\\x2f> <unfinished ...>".to_owned(),
        "1 +++ killed by SIGKILL +++".to_owned(),
    ];
    lines.join("\n")
}

#[test]
fn a_trace_is_read_as_what_was_done_and_answered() {
    let trace = Trace::read(&a_trace());
    assert_eq!(trace.calls.len(), 10);
    assert_eq!(trace.moments.len(), 19, "the last call never ended");
    assert_eq!(trace.moments[2..4], [Moment::Begins(1), Moment::Begins(2)]);
    let deeds = deeds(&trace, Path::new("/t"), &Disk::default());
    let file = Node::File(1);
    let sync = |deed: &Deed| matches!(deed, Deed::SyncBegins(..) | Deed::SyncEnds(_));
    let done: Vec<Deed> = deeds.iter().filter(|deed| !sync(deed)).cloned().collect();
    assert_eq!(
        done,
        [
            Deed::Name(Change::Link("a.tmp".into(), file)),
            Deed::Edit(1, Edit::Write(2, b"hello".as_slice().into())),
            Deed::Name(Change::Rename("a.tmp".into(), "a".into(), file)),
            Deed::Answer(7),
        ]
    );
    assert_eq!(deeds.len(), 4 + 2 + 2 + 1);
}

#[test]
fn what_was_synced_is_there_and_nothing_else_for_sure() {
    let deeds = deeds(&Trace::read(&a_trace()), Path::new("/t"), &Disk::default());
    // The file has its bytes before it has a name that lasts.
    assert_eq!(image(&deeds, 5, Fate::Lost), Image::new());
    let before_the_directory = image(&deeds, 6, Fate::Kept);
    assert_eq!(content(&before_the_directory, "a").unwrap(), b"\0\0hello");
    let mut seen = Vec::new();
    for seed in 0..200 {
        let drawn = image(&deeds, 2, Fate::Drawn(Dice::new(seed)));
        seen.push(content(&drawn, "a.tmp"));
    }
    seen.sort();
    seen.dedup();
    let whole = Some(b"\0\0hello".to_vec());
    for expected in [None, Some(vec![]), Some(b"\0\0hel".to_vec()), whole.clone()] {
        assert!(seen.contains(&expected), "{seen:?}");
    }
    let end = image(&deeds, deeds.len(), Fate::Lost);
    assert_eq!(content(&end, "a"), whole);
    assert_eq!(end.len(), 1, "the old name is gone: {:?}", end.keys());
}

#[test]
fn a_sync_covers_what_had_ended_when_it_began() {
    let write = |at| Deed::Edit(1, Edit::Write(at, b"x".as_slice().into()));
    let deeds = [
        Deed::Name(Change::Link("f".into(), Node::File(1))),
        Deed::SyncBegins(1, Target::Dir(PathBuf::new())),
        Deed::SyncEnds(1),
        write(0),
        Deed::SyncBegins(2, Target::File(1)),
        write(1),
        Deed::SyncEnds(2),
    ];
    let lost = image(&deeds, 7, Fate::Lost);
    assert_eq!(content(&lost, "f").unwrap(), b"x");
    let not_ended = image(&deeds, 6, Fate::Lost);
    assert_eq!(content(&not_ended, "f").unwrap(), b"");
}

#[test]
fn a_lost_directory_takes_what_is_in_it_along() {
    let sync = |number, dir: &str| {
        let begins = Deed::SyncBegins(number, Target::Dir(dir.into()));
        [begins, Deed::SyncEnds(number)]
    };
    let mut deeds = vec![
        Deed::Name(Change::Link("d".into(), Node::Dir)),
        Deed::Name(Change::Link("d/f".into(), Node::File(1))),
    ];
    deeds.extend(sync(1, "d"));
    assert_eq!(image(&deeds, 4, Fate::Lost), Image::new());
    deeds.extend(sync(2, ""));
    assert_eq!(image(&deeds, 6, Fate::Lost).len(), 2);
}

#[test]
fn pages_are_the_bytes_that_were_written() {
    let mut model: Vec<u8> = Vec::new();
    let mut pages = Pages::default();
    let mut dice = Dice::new(3);
    for step in 0..300 {
        if dice.below(5) == 0 {
            let len = dice.index(20_000);
            model.resize(len, 0);
            pages.set_len(len as u64);
        } else {
            let (at, len) = (dice.index(12_000), dice.index(9_000));
            let bytes = vec![u8::try_from(step % 250 + 1).unwrap(); len];
            let end = (at + len).max(model.len());
            if len > 0 {
                model.resize(end, 0);
            }
            if len > 0 {
                model[at..at + len].copy_from_slice(&bytes);
            }
            pages.write(at as u64, &bytes);
        }
        assert_eq!(pages.bytes(), model, "step {step}");
        let mut same = Pages::default();
        same.write_sparsely(&model);
        assert!(same == pages, "step {step}");
    }
}

#[test]
fn a_file_that_nothing_was_written_to_keeps_its_number() {
    let mut disk = Disk::default();
    let taken = disk.free_id();
    disk.apply(&Deed::Name(Change::Link("LOCK".into(), Node::File(taken))));
    assert_ne!(disk.free_id(), taken);
}
