//! What was typed before, kept where a person's programs keep such things.

#![allow(
    clippy::disallowed_methods,
    reason = "the seam is for the node's files; this one is the user's"
)]

use std::ffi::{OsStr, OsString};
use std::fs::{DirBuilder, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// How many lines are kept.
pub(super) const LINES_MAX: usize = 10_000;

/// Where it is; `None` for nowhere: the variable is empty, or there is no home.
pub(super) fn path(
    chosen: Option<&OsStr>,
    variable: impl Fn(&str) -> Option<OsString>,
) -> Option<PathBuf> {
    if let Some(chosen) = chosen {
        return (!chosen.is_empty()).then(|| PathBuf::from(chosen));
    }
    let set = |name: &str| variable(name).filter(|value| Path::new(value).is_absolute());
    let state = set("XDG_STATE_HOME").map(PathBuf::from);
    let state = state.or_else(|| Some(Path::new(&set("HOME")?).join(".local/state")))?;
    Some(state.join("dkv/history"))
}

/// Makes the file, for nobody else to read, if it is not there.
pub(super) fn prepare(path: &Path) -> io::Result<()> {
    if let Some(dir) = path.parent().filter(|dir| !dir.as_os_str().is_empty()) {
        DirBuilder::new().recursive(true).mode(0o700).create(dir)?;
    }
    let mut options = OpenOptions::new();
    options.append(true).create(true).mode(0o600).open(path)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn it_is_in_the_state_directory_unless_somebody_says_otherwise() {
        let with = |chosen: Option<&str>, set: &[(&str, &str)]| {
            let set = set.to_vec();
            let variable = move |name: &str| {
                let found = set.iter().find(|(known, _)| *known == name);
                found.map(|(_, value)| OsString::from(value))
            };
            path(chosen.map(OsStr::new), variable)
        };
        let place = |path: &str| Some(PathBuf::from(path));
        let home = ("HOME", "/h/alice");
        assert_eq!(
            with(None, &[home]),
            place("/h/alice/.local/state/dkv/history")
        );
        let state = ("XDG_STATE_HOME", "/s");
        assert_eq!(with(None, &[home, state]), place("/s/dkv/history"));
        let relative = ("XDG_STATE_HOME", "s");
        assert_eq!(
            with(None, &[home, relative]),
            place("/h/alice/.local/state/dkv/history"),
            "the specification has it that relative paths are ignored"
        );
        assert_eq!(with(Some(""), &[home]), None);
        assert_eq!(with(Some("h"), &[home]), place("h"));
        assert_eq!(with(None, &[]), None);
    }

    #[test]
    fn nobody_else_reads_it() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("state/dkv/history");
        prepare(&path).unwrap();
        prepare(&path).unwrap();
        let mode = |path: &Path| path.metadata().unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(&path), 0o600);
        assert_eq!(mode(path.parent().unwrap()), 0o700);
    }
}
