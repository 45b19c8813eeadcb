//! What calls did to the traced folder, and what was said to others between them.
//!
//! A call that this file does not know, made on the folder, ends the test: what is not modelled
//! must not be taken for nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::disk::{Disk, Edit};
use crate::lines::{Call, Moment, Trace, path_of, text};
use crate::link::Outgoing;
use crate::names::{Change, FileId, Node};
use crate::promise::Promise;

/// What is asked of the system, for `strace -e trace=`; `?`: not every machine has it.
pub(crate) const TRACED: &str = "?open,?openat,?openat2,?creat,?mkdir,?mkdirat,?rmdir,\
    ?write,?pwrite64,?writev,?pwritev,?pwritev2,?truncate,?ftruncate,?fallocate,\
    ?fsync,?fdatasync,?sync,?syncfs,?sync_file_range,?rename,?renameat,?renameat2,\
    ?unlink,?unlinkat,?link,?linkat,?symlink,?symlinkat,?dup,?dup2,?dup3,?fcntl,?close,?mmap,\
    ?sendto,?sendmsg,?sendmmsg,?sendfile,?copy_file_range,?splice,?vmsplice,?io_uring_setup";

/// What an answer has in its head, before the number of the request.
const ANSWER: &[u8] = b"x-request-id: op-";

/// What a sync is of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Target {
    File(FileId),
    Dir(PathBuf),
}

/// One thing that happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Deed {
    Name(Change),
    Edit(FileId, Edit),
    /// What was done before it is durable once it has ended.
    SyncBegins(usize, Target),
    SyncEnds(usize),
    /// The answer to this request goes out.
    Answer(u64),
    /// Another member is told this.
    Promise(Promise),
}

/// Reads `trace` as a change of `disk`, which is what `root` held before.
///
/// An edit or a name counts from the end of its call: until then it is one that was lost. An
/// answer counts from the beginning: it may arrive any time from then on.
pub(crate) fn deeds(trace: &Trace, root: &Path, disk: &Disk) -> Vec<Deed> {
    let mut reader = Reader {
        root,
        names: disk.names.live().clone(),
        free_id: disk.free_id(),
        handles: BTreeMap::new(),
        syncs: BTreeSet::new(),
        links: BTreeMap::new(),
        deeds: Vec::new(),
    };
    for moment in &trace.moments {
        match *moment {
            Moment::Begins(call) => reader.begins(call, &trace.calls[call]),
            Moment::Ends(call) => reader.ends(call, &trace.calls[call]),
        }
    }
    reader.deeds
}

struct Reader<'a> {
    root: &'a Path,
    names: BTreeMap<PathBuf, Node>,
    free_id: FileId,
    handles: BTreeMap<i64, Target>,
    /// Calls that are syncs of something below the root.
    syncs: BTreeSet<usize>,
    /// What was written on each connection.
    links: BTreeMap<String, Outgoing>,
    deeds: Vec<Deed>,
}

impl Reader<'_> {
    fn begins(&mut self, number: usize, call: &Call) {
        match call.name.as_str() {
            // Its number is free from here on: another thread may be given it.
            "close" => {
                self.handles.remove(&descriptor(call, 0));
            }
            "fsync" | "fdatasync" => {
                if let Some(target) = self.handles.get(&descriptor(call, 0)) {
                    self.syncs.insert(number);
                    self.deeds.push(Deed::SyncBegins(number, target.clone()));
                }
            }
            "write" | "writev" | "sendto" | "sendmsg" => {
                let to = path_of(call.parts()[0]).unwrap_or_default();
                if to.starts_with("socket:") {
                    self.say(to, call);
                }
            }
            _ => {}
        }
    }

    /// What did not go out was not said; of a call that the death of the process cut off nobody
    /// knows.
    fn say(&mut self, to: String, call: &Call) {
        let mut said = call.bytes();
        let sent = call.returned.map(|sent| usize::try_from(sent).unwrap_or(0));
        said.truncate(sent.unwrap_or(said.len()));
        self.deeds.extend(answers(&said));
        let promises = self.links.entry(to).or_default().push(&said);
        self.deeds.extend(promises.into_iter().map(Deed::Promise));
    }

    fn ends(&mut self, number: usize, call: &Call) {
        let Some(returned) = call.returned.filter(|returned| *returned >= 0) else {
            // What a node does then is another test's.
            let failed = self.syncs.contains(&number);
            assert!(!failed, "a sync failed: {}", head(call));
            return;
        };
        match call.name.as_str() {
            "open" | "openat" | "creat" | "openat2" => self.open(call, returned),
            "mkdir" | "mkdirat" => self.mkdir(call),
            "rename" | "renameat" | "renameat2" => self.rename(call),
            "unlink" | "unlinkat" => self.unlink(call),
            "pwrite64" => self.write(call, returned),
            "ftruncate" => self.edit(call, Edit::SetLen(argument(call, 1))),
            "fallocate" => self.fallocate(call),
            "fsync" | "fdatasync" if self.syncs.contains(&number) => {
                self.deeds.push(Deed::SyncEnds(number));
            }
            "fsync" | "fdatasync" => {}
            "dup" | "dup2" | "dup3" => self.duplicate(call, returned),
            "fcntl" if call.arguments.contains("F_DUPFD") => self.duplicate(call, returned),
            "fcntl" | "close" => {}
            "mmap" => self.mmap(call),
            "write" | "writev" | "sendto" | "sendmsg" | "sendmmsg" => {
                assert!(self.file(call).is_none(), "not modelled: {}", head(call));
            }
            _ => self.unknown(call),
        }
    }

    /// Where `path` is below the root, if it is.
    fn below(&self, path: &str) -> Option<PathBuf> {
        let path = Path::new("/").join(path);
        Some(path.strip_prefix(self.root).ok()?.to_owned())
    }

    /// The paths a call names, each below the directory before it, if there is one.
    fn paths(&self, call: &Call) -> Vec<Option<PathBuf>> {
        let mut dir = None;
        let mut paths = Vec::new();
        for part in call.parts() {
            if part.starts_with('"') {
                let path = text(part).unwrap_or_default();
                let full = Path::new(dir.as_deref().unwrap_or("/")).join(path);
                paths.push(self.below(&full.to_string_lossy()));
            }
            dir = path_of(part);
        }
        paths
    }

    fn open(&mut self, call: &Call, fd: i64) {
        let Some(path) = self.paths(call).pop().flatten() else {
            return;
        };
        assert!(
            !call.arguments.contains("O_TMPFILE"),
            "not modelled: {}",
            head(call)
        );
        if path == Path::new("") {
            self.handles.insert(fd, Target::Dir(path));
            return;
        }
        let there = self.names.get(&path).copied();
        let handle = match there {
            Some(Node::Dir) => Target::Dir(path),
            Some(Node::File(file)) => {
                if call.name == "creat" || call.arguments.contains("O_TRUNC") {
                    self.deeds.push(Deed::Edit(file, Edit::SetLen(0)));
                }
                Target::File(file)
            }
            None => {
                let file = self.free_id;
                self.free_id += 1;
                self.name(Change::Link(path, Node::File(file)));
                Target::File(file)
            }
        };
        self.handles.insert(fd, handle);
    }

    fn name(&mut self, change: Change) {
        match &change {
            Change::Link(path, node) => {
                self.names.insert(path.clone(), *node);
            }
            Change::Unlink(path, _) => {
                self.names.remove(path);
            }
            Change::Rename(from, to, node) => {
                self.names.remove(from);
                self.names.insert(to.clone(), *node);
            }
        }
        self.deeds.push(Deed::Name(change));
    }

    fn mkdir(&mut self, call: &Call) {
        if let Some(path) = self.paths(call).pop().flatten() {
            self.name(Change::Link(path, Node::Dir));
        }
    }

    fn rename(&mut self, call: &Call) {
        let paths = self.paths(call);
        let [from, to] = &paths[..] else {
            panic!("not modelled: {}", head(call));
        };
        let (Some(from), Some(to)) = (from, to) else {
            assert_eq!(from.is_some(), to.is_some(), "not modelled: {}", head(call));
            return;
        };
        let node = self.names.get(from).copied();
        let node = node.unwrap_or_else(|| panic!("what is renamed is there: {}", head(call)));
        assert!(node != Node::Dir, "not modelled: {}", head(call));
        self.name(Change::Rename(from.clone(), to.clone(), node));
    }

    fn unlink(&mut self, call: &Call) {
        if let Some(path) = self.paths(call).pop().flatten() {
            let node = self.names.get(&path).copied();
            let node = node.unwrap_or_else(|| panic!("what is removed is there: {}", head(call)));
            assert!(node != Node::Dir, "not modelled: {}", head(call));
            self.name(Change::Unlink(path, node));
        }
    }

    /// The file whose descriptor is the first argument.
    fn file(&self, call: &Call) -> Option<FileId> {
        match self.handles.get(&descriptor(call, 0))? {
            Target::File(file) => Some(*file),
            Target::Dir(_) => None,
        }
    }

    fn edit(&mut self, call: &Call, edit: Edit) {
        if let Some(file) = self.file(call) {
            self.deeds.push(Deed::Edit(file, edit));
        }
    }

    fn write(&mut self, call: &Call, written: i64) {
        if self.file(call).is_none() {
            return;
        }
        let mut bytes = call.bytes();
        assert!(bytes.len() as i64 >= written, "cut off: {}", head(call));
        bytes.truncate(usize::try_from(written).expect("it is not negative"));
        let edit = Edit::Write(argument(call, 3), Arc::from(bytes));
        self.edit(call, edit);
    }

    fn fallocate(&mut self, call: &Call) {
        if self.file(call).is_some() {
            assert_eq!(argument(call, 1), 0, "not modelled: {}", head(call));
            let end = argument(call, 2) + argument(call, 3);
            self.edit(call, Edit::Allocate(end));
        }
    }

    fn duplicate(&mut self, call: &Call, fd: i64) {
        if let Some(handle) = self.handles.get(&descriptor(call, 0)).cloned() {
            self.handles.insert(fd, handle);
        }
    }

    /// Memory that is shared with a file is written without a call.
    fn mmap(&self, call: &Call) {
        let parts = call.parts();
        let of = parts.get(4).and_then(|part| path_of(part));
        let is_ours = of.is_some_and(|path| self.below(&path).is_some());
        let is_shared = parts[3].contains("MAP_SHARED") && parts[2].contains("PROT_WRITE");
        assert!(!(is_ours && is_shared), "unseen writes: {}", head(call));
    }

    fn unknown(&self, call: &Call) {
        let ours = self.paths(call).into_iter().any(|path| path.is_some())
            || call.parts().iter().any(|part| {
                let path = path_of(part);
                path.is_some_and(|path| self.below(&path).is_some())
            });
        let for_all = matches!(call.name.as_str(), "io_uring_setup" | "sync");
        assert!(!ours && !for_all, "not modelled: {}", head(call));
    }
}

/// The start of a call, for messages.
fn head(call: &Call) -> String {
    let arguments: String = call.arguments.chars().take(300).collect();
    format!("{}({arguments}) = {:?}", call.name, call.returned)
}

fn part<'a>(call: &'a Call, at: usize) -> &'a str {
    let parts = call.parts();
    let part: Option<&&'a str> = parts.get(at);
    part.copied()
        .unwrap_or_else(|| panic!("an argument is missing: {}", head(call)))
}

/// A number among the arguments.
fn argument(call: &Call, at: usize) -> u64 {
    let number = part(call, at).parse();
    number.unwrap_or_else(|_| panic!("argument {at} is no number: {}", head(call)))
}

/// A descriptor among the arguments; -1 for what is none.
fn descriptor(call: &Call, at: usize) -> i64 {
    let digits = part(call, at).split('<').next().unwrap_or_default();
    digits.parse().unwrap_or(-1)
}

/// The requests whose answers begin in `bytes`. One that the outcome is not known promises nothing.
fn answers(bytes: &[u8]) -> Vec<Deed> {
    let mut answers = Vec::new();
    let mut is_outcome = true;
    for at in 0..bytes.len().saturating_sub(ANSWER.len()) {
        if let Some(status) = bytes[at..].strip_prefix(b"HTTP/1.1 ") {
            is_outcome = !status.starts_with(b"5");
        }
        if !is_outcome {
            continue;
        }
        if let Some(rest) = bytes[at..].strip_prefix(ANSWER) {
            let digits = rest.iter().take_while(|byte| byte.is_ascii_digit());
            let number = digits.fold(0, |number, digit| number * 10 + u64::from(digit - b'0'));
            answers.push(Deed::Answer(number));
        }
    }
    answers
}
