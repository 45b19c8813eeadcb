//! The certificates of a cluster on this machine: those that are there, and what is missing.

use std::path::{Path, PathBuf, absolute};

use crate::base::host::Host;
use crate::base::{Error, Result};
use crate::cli::cert::default_hosts;
use crate::tls::issue::{Authority, Folder, Request};

/// What the one who asks the nodes shows them.
const CLIENT: &str = "client";
const AUTHORITY_DAYS: u32 = 3_650;

/// The directory of certificates, complete; `None` without TLS. With `make`, what is missing
/// is made; `certs` says where, or else it is in the directory of the cluster.
///
/// # Errors
/// `Invalid`, naming what is missing, and how to make it.
pub(super) fn complete(
    make: bool,
    certs: Option<&Path>,
    place: &Path,
    nodes: u16,
) -> Result<Option<PathBuf>> {
    if !make && certs.is_none() {
        return Ok(None);
    }
    let dir = certs.map_or_else(|| place.join("certs"), Path::to_path_buf);
    // It is told to people, who may be elsewhere.
    let dir = absolute(&dir).unwrap_or(dir);
    let names: Vec<String> = (1..=nodes).map(|node| format!("node-{node}")).collect();
    match make {
        true => make_missing(&dir, &names)?,
        false => check(&dir, &names)?,
    }
    Ok(Some(dir))
}

fn make_missing(dir: &Path, names: &[String]) -> Result<()> {
    let rng = Host::system().rng;
    let folder = Folder::create(dir)?;
    let _alone = folder.lock()?;
    if !folder.has("ca.crt") {
        folder.write_authority(&Authority::create(
            &Authority::default_name(&*rng),
            AUTHORITY_DAYS,
            &*rng,
        )?)?;
    }
    let hosts = default_hosts();
    let nodes = names.iter().map(|name| Request::node(name, None, &hosts));
    for request in nodes.chain([Request::client(CLIENT)]) {
        let name = &request.identity.name;
        if !has(&folder, name) {
            folder.write_pair(name, &folder.authority()?.issue(&request, &*rng)?)?;
        }
    }
    Ok(())
}

fn check(dir: &Path, names: &[String]) -> Result<()> {
    let folder = Folder::open(dir)?;
    let shown = dir.display();
    let without: Vec<&str> = names
        .iter()
        .map(String::as_str)
        .filter(|name| !has(&folder, name))
        .collect();
    let missing = match (&without[..], has(&folder, CLIENT)) {
        ([], true) => return Ok(()),
        ([], false) => format!("client: `dkv cert client --certs {shown}` makes it"),
        (names, _) => format!(
            "{}: `dkv cert node {} --certs {shown}` makes what is missing",
            names.join(", "),
            names.join(" ")
        ),
    };
    Err(Error::invalid(format!(
        "{shown} has no certificate of {missing}; with --tls, this command does"
    )))
}

fn has(folder: &Folder, name: &str) -> bool {
    folder.has(&format!("{name}.crt"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_is_made_and_what_is_there_stays() {
        let place = tempfile::tempdir().unwrap();
        assert_eq!(complete(false, None, place.path(), 2).unwrap(), None);
        let dir = complete(true, None, place.path(), 2).unwrap().unwrap();
        assert_eq!(dir, place.path().join("certs"));
        let first = std::fs::read(dir.join("node-1.crt")).unwrap();
        let again = complete(true, Some(&dir), place.path(), 3).unwrap();
        assert_eq!(again.as_ref(), Some(&dir));
        assert!(dir.join("node-3.key").exists());
        assert_eq!(std::fs::read(dir.join("node-1.crt")).unwrap(), first);
        assert!(complete(false, Some(&dir), place.path(), 3).is_ok());
    }

    #[test]
    fn a_directory_that_lacks_something_is_refused_with_the_command() {
        let place = tempfile::tempdir().unwrap();
        let dir = complete(true, None, place.path(), 1).unwrap().unwrap();
        let error = complete(false, Some(&dir), place.path(), 3).unwrap_err();
        let words = "dkv cert node node-2 node-3 --certs";
        assert!(error.message().contains(words), "{error}");
        std::fs::remove_file(dir.join("client.crt")).unwrap();
        let error = complete(false, Some(&dir), place.path(), 1).unwrap_err();
        assert!(error.message().contains("dkv cert client"), "{error}");
        let nowhere = place.path().join("none");
        assert!(complete(false, Some(&nowhere), place.path(), 1).is_err());
    }
}
