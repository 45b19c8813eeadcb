//! Which directory is meant, and which certificate in it.

use std::path::{Path, PathBuf};

use clap::Args;

use crate::base::suggest::nearest;
use crate::base::{Error, Result};
use crate::tls::issue::Folder;

/// Where certificates are if nobody says so.
const DEFAULT_DIR: &str = "certs";

/// The directory of certificates.
#[derive(Debug, Args)]
pub(super) struct PlaceArgs {
    /// The directory of the authority and its certificates [default: certs]
    #[arg(long, visible_alias = "dir", value_name = "DIR")]
    certs: Option<PathBuf>,
}

/// One certificate with its key: `NAME.crt` and `NAME.key` in a directory.
pub(super) struct Target {
    pub(super) folder: Folder,
    pub(super) name: String,
}

impl PlaceArgs {
    /// The directory.
    pub(super) fn dir(&self) -> &Path {
        self.certs.as_deref().unwrap_or(Path::new(DEFAULT_DIR))
    }

    /// The one that is there.
    pub(super) fn folder(&self) -> Result<Folder> {
        Folder::open(self.dir())
    }

    /// The directory of the authority that signs for `target`: beside it, if none was named.
    pub(super) fn authority_of(&self, target: &Target) -> Result<Folder> {
        match &self.certs {
            Some(dir) => Folder::open(dir),
            None => Ok(target.folder.clone()),
        }
    }

    /// The certificate that is called so, or is in the file of this name.
    ///
    /// # Errors
    /// `Invalid`, naming those that there are.
    pub(super) fn target(&self, word: &str) -> Result<Target> {
        let path = Path::new(word);
        let in_dir = |dir: &Path, name: &str| {
            Ok(Target {
                folder: Folder::open(dir)?,
                name: name.to_owned(),
            })
        };
        let is_bare = !word.contains('/');
        if is_bare && is_file(&self.dir().join(format!("{word}.crt"))) {
            return in_dir(self.dir(), word);
        }
        let Some(name) = path.file_name().and_then(|file| file.to_str()) else {
            return Err(self.unknown(word));
        };
        let Some(name) = name.strip_suffix(".crt") else {
            return Err(self.unknown(word));
        };
        if is_file(path) {
            let dir = path.parent().filter(|dir| !dir.as_os_str().is_empty());
            return in_dir(dir.unwrap_or(Path::new(".")), name);
        }
        if is_bare && is_file(&self.dir().join(word)) {
            return in_dir(self.dir(), name);
        }
        Err(self.unknown(word))
    }

    fn unknown(&self, word: &str) -> Error {
        let names = match self.folder().and_then(|folder| folder.names()) {
            Ok(names) => names,
            Err(error) => return error,
        };
        let dir = self.dir().display();
        let meant = match nearest(word, names.iter().map(String::as_str)) {
            Some(near) => format!(": did you mean {near}?"),
            None => String::new(),
        };
        let there = match names.is_empty() {
            true => format!("{dir} has none"),
            false => format!("{dir} has {}", names.join(", ")),
        };
        Error::invalid(format!(
            "there is no certificate `{}`{meant} ({there}; a file is named as DIR/NAME.crt)",
            word.escape_debug()
        ))
    }
}

impl Target {
    /// Where the certificate is.
    pub(super) fn cert(&self) -> PathBuf {
        self.folder.path(&format!("{}.crt", self.name))
    }
}

fn is_file(path: &Path) -> bool {
    path.is_file()
}

/// Refuses to replace what was not asked to be replaced.
pub(super) fn refuse_to_replace(folder: &Folder, name: &str, force: bool) -> Result<()> {
    let mut files = [format!("{name}.crt"), format!("{name}.key")].into_iter();
    let there = files.find(|file| folder.has(file)).filter(|_| !force);
    let Some(file) = there else {
        return Ok(());
    };
    let instead = match name {
        "ca" => "--force replaces it, and nothing that it signed is trusted any more",
        _ => "`dkv cert rotate` issues it anew with the same names, and --force replaces it",
    };
    Err(Error::invalid(format!(
        "{} is there already: `dkv cert show` tells what it is, {instead}",
        folder.path(&file).display()
    )))
}
