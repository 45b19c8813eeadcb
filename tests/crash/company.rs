//! The other members of a recorded one's cluster, which nobody traces.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::Receiver;
use std::sync::{Arc, Mutex};

use tempfile::TempDir;

use crate::PATIENCE;
use crate::place::Place;
use crate::traced::{follow, small_node, this_test, without_settings};

/// One of them; it is killed when dropped.
struct Fellow {
    child: Child,
    listens: Receiver<String>,
    said: Arc<Mutex<String>>,
    address: Option<String>,
}

/// Two members, and the place of the third.
pub(crate) struct Company {
    fellows: Vec<Fellow>,
    pub(crate) place: Place,
    _folder: TempDir,
}

impl Company {
    /// Starts them. They found their cluster once the third is there, and not before.
    pub(crate) fn start(engine: &str) -> Self {
        let folder = crate::record::folder();
        let mut places = Place::of(3);
        let place = places.pop().expect("there are three");
        let start = |place: &Place| Fellow::start(&folder.path().join(place.name()), engine, place);
        Self {
            fellows: places.iter().map(start).collect(),
            place,
            _folder: folder,
        }
    }

    /// Where the first of those that are left listens. Waits until it does.
    pub(crate) fn address(&mut self) -> String {
        self.fellows.first_mut().expect("one is left").address()
    }

    /// Kills the first of them.
    pub(crate) fn lose_one(&mut self) {
        drop(self.fellows.remove(0));
    }
}

impl Fellow {
    fn start(data: &Path, engine: &str, place: &Place) -> Self {
        let mut command = Command::new(this_test());
        without_settings(&mut command);
        small_node(&mut command, data, engine, Some(place));
        command.current_dir("/").stdin(Stdio::null());
        command.stdout(Stdio::null()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("this test can run again");
        let stderr = child.stderr.take().expect("it was asked to be piped");
        let said = Arc::default();
        Self {
            child,
            listens: follow(stderr, Arc::clone(&said)),
            said,
            address: None,
        }
    }

    fn address(&mut self) -> String {
        let told = || match self.listens.recv_timeout(PATIENCE) {
            Ok(address) => address,
            Err(_) => panic!(
                "a member does not serve; it said:\n{}",
                self.said.lock().expect("the reader does not panic")
            ),
        };
        self.address.get_or_insert_with(told).clone()
    }
}

impl Drop for Fellow {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ended = self.child.kill();
        let _ended = self.child.wait();
    }
}
