//! What a disk may hold after a power loss: one of very many possibilities, by a seed.

use std::collections::BTreeMap;
use std::fs::DirBuilder;
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use dkv::check::dice::Dice;

use crate::disk::{Disk, Edit, File};
use crate::names::Node;
use crate::pages::Pages;

/// Directories (`None`) and files, by path.
pub(crate) type Image = BTreeMap<PathBuf, Option<Pages>>;

/// What becomes of everything that is not durable.
#[derive(Debug)]
pub(crate) enum Fate {
    /// It is gone.
    Lost,
    /// It is there: the process died, not the machine; or the machine, at a good moment.
    Kept,
    /// Each piece may be there, be torn, or be gone.
    Drawn(Dice),
}

/// Which bytes of a torn write go together.
const TEARS: [usize; 3] = [512, 4096, 1];

/// How much was torn.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct Torn(pub(crate) u64);

impl Disk {
    /// The disk after that fate.
    pub(crate) fn image(&self, fate: &mut Fate, torn: &mut Torn) -> Image {
        let names = self.names.after(|| match fate {
            Fate::Lost => false,
            Fate::Kept => true,
            Fate::Drawn(dice) => dice.percent(50),
        });
        let mut image = Image::new();
        for (path, node) in names {
            let content = match node {
                Node::Dir => None,
                Node::File(file) => {
                    let file = self.files.get(&file);
                    Some(file.map_or_else(Pages::default, |file| content(file, fate, torn)))
                }
            };
            image.insert(path, content);
        }
        image
    }
}

fn content(file: &File, fate: &mut Fate, torn: &mut Torn) -> Pages {
    let mut content = file.durable.clone();
    for (_, edit) in &file.pending {
        match fate {
            Fate::Lost => {}
            Fate::Kept => edit.apply(&mut content),
            Fate::Drawn(dice) => draw(edit, &mut content, dice, torn),
        }
    }
    content
}

fn draw(edit: &Edit, content: &mut Pages, dice: &mut Dice, torn: &mut Torn) {
    let draw = dice.below(3);
    match edit {
        _ if draw == 0 => {}
        Edit::Write(at, bytes) if draw == 1 && bytes.len() > 1 => {
            torn.0 += 1;
            tear(*at, bytes, content, dice);
        }
        whole => whole.apply(content),
    }
}

/// Keeps some sectors or pages of a write, or a part of it from its beginning.
fn tear(at: u64, bytes: &[u8], content: &mut Pages, dice: &mut Dice) {
    let unit = *dice.pick(&TEARS);
    if unit == 1 {
        content.write(at, &bytes[..dice.index(bytes.len())]);
        return;
    }
    let mut start = 0;
    while start < bytes.len() {
        let place = at + start as u64;
        let within = usize::try_from(place % unit as u64).expect("a sector is small");
        let end = bytes.len().min(start + unit - within);
        if dice.percent(50) {
            content.write(place, &bytes[start..end]);
        }
        start = end;
    }
}

/// Makes the directories and files of `image` below `folder`.
pub(crate) fn store(image: &Image, folder: &Path) -> io::Result<()> {
    for (path, content) in image {
        let path = folder.join(path);
        match content {
            None => DirBuilder::new().mode(0o700).create(path)?,
            Some(content) => content.store(&path)?,
        }
    }
    Ok(())
}
