//! Blocking work of one piece, done beside its caller: on a thread of its own, or, in a
//! simulation, when that likes.

use tokio::sync::oneshot;

use super::spawn::{Patience, Progress, Spawn, Step};

/// Does `work` beside its caller, whose thread may be one that others wait for. The
/// receiver gets what it gave; if nobody listens any more, that is dropped there. Work that
/// is never done, as a crash leaves it, closes the receiver. `name` is for people.
pub fn aside<T: Send + 'static>(
    spawn: &dyn Spawn,
    name: &str,
    work: impl FnOnce() -> T + Send + 'static,
) -> oneshot::Receiver<T> {
    let (tell, told) = oneshot::channel();
    let work = move || drop(tell.send(work()));
    spawn.drive(name, Box::new(Once(Some(work))));
    told
}

/// A step that is done after one.
struct Once<W>(Option<W>);

impl<W: FnOnce() + Send> Step for Once<W> {
    fn step(&mut self, _patience: Patience) -> Progress {
        if let Some(work) = self.0.take() {
            work();
        }
        Progress::Finished
    }
}
