//! The content of a file, in pages; one that was never written is not kept.

use std::collections::BTreeMap;
use std::fs::OpenOptions;
use std::io;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::Path;
use std::sync::Arc;

const PAGE: u64 = 4096;

/// See the module. A clone costs a pointer a page.
#[derive(Debug, Clone, Default)]
pub(crate) struct Pages {
    len: u64,
    pages: BTreeMap<u64, Arc<[u8; PAGE as usize]>>,
}

static ZEROS: [u8; PAGE as usize] = [0; PAGE as usize];

impl PartialEq for Pages {
    /// A page that is not kept is all zeros.
    fn eq(&self, other: &Self) -> bool {
        let kept = |of: &Self, number: &u64| of.pages.get(number).map_or(ZEROS, |page| **page);
        let mut numbers = self.pages.keys().chain(other.pages.keys());
        self.len == other.len && numbers.all(|number| kept(self, number) == kept(other, number))
    }
}

impl Pages {
    /// Writes all of a file that is empty; zeros take no room.
    pub(crate) fn write_sparsely(&mut self, bytes: &[u8]) {
        for (number, page) in (0..).zip(bytes.chunks(PAGE as usize)) {
            if *page != ZEROS[..page.len()] {
                self.write(number * PAGE, page);
            }
        }
        self.set_len(bytes.len() as u64);
    }

    /// Writes `bytes`, and makes the file as long as that takes.
    pub(crate) fn write(&mut self, at: u64, bytes: &[u8]) {
        let mut at = at;
        let mut rest = bytes;
        while !rest.is_empty() {
            let within = usize::try_from(at % PAGE).expect("a page is small");
            let (now, later) = rest.split_at(rest.len().min(PAGE as usize - within));
            let page = self.pages.entry(at / PAGE);
            let page = page.or_insert_with(|| Arc::new([0; PAGE as usize]));
            Arc::make_mut(page)[within..within + now.len()].copy_from_slice(now);
            at += now.len() as u64;
            rest = later;
        }
        self.len = self.len.max(at);
    }

    /// Cuts the file, or makes it longer by zeros.
    pub(crate) fn set_len(&mut self, len: u64) {
        if len < self.len {
            self.pages.split_off(&len.div_ceil(PAGE));
            if let Some(last) = self.pages.get_mut(&(len / PAGE)) {
                let within = usize::try_from(len % PAGE).expect("a page is small");
                Arc::make_mut(last)[within..].fill(0);
            }
        }
        self.len = len;
    }

    /// Takes room from the start, as `fallocate` does.
    pub(crate) fn allocate(&mut self, len: u64) {
        self.len = self.len.max(len);
    }

    /// All bytes.
    #[cfg(test)]
    pub(crate) fn bytes(&self) -> Vec<u8> {
        let mut bytes = vec![0; usize::try_from(self.len).unwrap()];
        for (number, page) in &self.pages {
            let start = usize::try_from(number * PAGE).unwrap();
            let end = bytes.len().min(start + PAGE as usize);
            bytes[start..end].copy_from_slice(&page[..end - start]);
        }
        bytes
    }

    /// Makes the file.
    pub(crate) fn store(&self, path: &Path) -> io::Result<()> {
        let mut options = OpenOptions::new();
        let file = options
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(path)?;
        file.set_len(self.len)?;
        for (number, page) in &self.pages {
            let start = number * PAGE;
            let len = (self.len - start).min(PAGE);
            let len = usize::try_from(len).expect("a page is small");
            file.write_all_at(&page[..len], start)?;
        }
        Ok(())
    }
}
