//! What this machine is called.

use rustix::system::uname;

/// The name that this machine has by itself, which others need not know it by. `None` if it
/// is no text or empty.
pub fn host_name() -> Option<String> {
    let name = uname().nodename().to_str().ok()?.to_owned();
    (!name.is_empty()).then_some(name)
}
