//! The tree: searching, and changing from the root down.
//!
//! Nodes are shared by reference count. A change goes down from the root and changes a
//! node in place if nobody else holds it; what a frozen tree holds too is copied first.
//! So freezing is one more reference on the root, and costs each page at most one copy
//! later.
//!
//! Invariant: all leaves are equally deep, keys ascend, and no node but the last of its
//! level is under a quarter full (a row larger than that apart), so that what is deleted
//! gives its memory back.

use std::ops::ControlFlow;
use std::sync::Arc;

use bytes::Bytes;

use super::iter::{Iter, IterBack};
use super::node::{Inner, Node, Split};
use super::page::{KEY_BYTES_MAX, Page};
use crate::engine::{Value, Visit};

/// Rows in key order. A clone is a frozen copy: cheap to take, and never changed.
#[derive(Debug, Clone, Default)]
pub(in crate::engine) struct Tree {
    root: Arc<Node>,
    rows: u64,
    bytes: u64,
}

impl Tree {
    /// How many rows there are.
    pub(in crate::engine) fn rows(&self) -> u64 {
        self.rows
    }

    /// Bytes of all keys and values.
    pub(in crate::engine) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// The value of a row. Values above a kilobyte are shared, not copied.
    pub(in crate::engine) fn get(&self, key: &[u8]) -> Option<Bytes> {
        self.look(key).map(Value::to_bytes)
    }

    /// The value of a row, where it lies.
    pub(in crate::engine) fn look(&self, key: &[u8]) -> Option<Value<'_>> {
        let page = self.leaf(key);
        page.find(key).ok().map(|at| page.value(at))
    }

    /// Adds a row or gives it another value.
    ///
    /// # Panics
    /// If the key is above 65,535 bytes: the rooms above bound names far below.
    pub(in crate::engine) fn put(&mut self, key: &[u8], value: &[u8]) {
        assert!(
            key.len() <= KEY_BYTES_MAX,
            "a row's key of {} bytes; the rooms above must keep it to {KEY_BYTES_MAX}",
            key.len(),
        );
        let mut replaced_bytes = None;
        if let Some(split) = put(&mut self.root, key, value, true, &mut replaced_bytes) {
            let left = std::mem::take(&mut self.root);
            self.root = Arc::new(Node::Inner(Inner::above(left, split)));
        }
        self.lower();
        match replaced_bytes {
            Some(replaced) => self.bytes -= replaced as u64,
            None => {
                self.rows += 1;
                self.bytes += key.len() as u64;
            }
        }
        self.bytes += value.len() as u64;
    }

    /// Removes a row. Nothing is copied if it is not there.
    pub(in crate::engine) fn delete(&mut self, key: &[u8]) {
        let page = self.leaf(key);
        let Ok(at) = page.find(key) else {
            return;
        };
        self.bytes -= (key.len() + page.value(at).as_slice().len()) as u64;
        self.rows -= 1;
        delete(&mut self.root, key);
        self.lower();
    }

    /// Visits the rows with `start <= key < end` in order until the visitor breaks.
    pub(in crate::engine) fn scan(
        &self,
        start: &[u8],
        end: Option<&[u8]>,
        visit: Visit<'_>,
    ) -> ControlFlow<()> {
        scan(&self.root, Some(start), end, visit)
    }

    /// Visits the same rows from the last to the first.
    pub(in crate::engine) fn scan_back(
        &self,
        start: &[u8],
        end: Option<&[u8]>,
        visit: Visit<'_>,
    ) -> ControlFlow<()> {
        scan_back(&self.root, start, end, visit)
    }

    /// The rows before `end`, from the last to the first.
    pub(in crate::engine) fn iter_back(&self, end: Option<&[u8]>) -> IterBack<'_> {
        IterBack::new(&self.root, end)
    }

    /// The rows from `start` on, in order.
    pub(in crate::engine) fn iter(&self, start: &[u8]) -> Iter<'_> {
        Iter::new(&self.root, start)
    }

    /// Takes away roots with one child.
    fn lower(&mut self) {
        while let Node::Inner(inner) = &*self.root
            && inner.children.len() == 1
        {
            self.root = Arc::clone(&inner.children[0]);
        }
    }

    fn leaf(&self, key: &[u8]) -> &Page {
        let mut node = &*self.root;
        loop {
            match node {
                Node::Leaf(page) => return page,
                Node::Inner(inner) => node = &inner.children[inner.child_of(key)],
            }
        }
    }

    /// The root, for tests to look at.
    #[cfg(test)]
    pub(super) fn root(&self) -> &Arc<Node> {
        &self.root
    }
}

/// Puts a row below `node`; `last` if no node of its level follows it. Tells the bytes
/// of the value that was replaced, if one was.
fn put(
    node: &mut Arc<Node>,
    key: &[u8],
    value: &[u8],
    last: bool,
    replaced_bytes: &mut Option<usize>,
) -> Option<Split> {
    let node = Arc::make_mut(node);
    let at_end = match node {
        Node::Leaf(page) => match page.find(key) {
            Ok(at) => {
                *replaced_bytes = Some(page.value(at).as_slice().len());
                page.replace(at, value);
                false
            }
            Err(at) => {
                page.insert(at, key, value);
                last && at + 1 == page.len()
            }
        },
        Node::Inner(inner) => {
            let at = inner.child_of(key);
            let last = last && at + 1 == inner.children.len();
            match put(&mut inner.children[at], key, value, last, replaced_bytes) {
                Some(split) => inner.adopt(at, split),
                None => {
                    // A smaller value can leave too little, as a delete does.
                    let smaller = replaced_bytes.is_some_and(|was| was > value.len());
                    if smaller && inner.children[at].is_under() {
                        inner.refill(at);
                    }
                    return None;
                }
            }
            last
        }
    };
    node.split_if_over(at_end)
}

/// Deletes a row that is there below `node`.
fn delete(node: &mut Arc<Node>, key: &[u8]) {
    match Arc::make_mut(node) {
        Node::Leaf(page) => {
            let at = page.find(key).expect("the caller saw the row");
            page.remove(at);
        }
        Node::Inner(inner) => {
            let at = inner.child_of(key);
            delete(&mut inner.children[at], key);
            if inner.children[at].is_under() {
                inner.refill(at);
            }
        }
    }
}

/// Visits the rows below `node`; `start` of `None`: from the first on.
fn scan(
    node: &Node,
    start: Option<&[u8]>,
    end: Option<&[u8]>,
    visit: Visit<'_>,
) -> ControlFlow<()> {
    match node {
        Node::Leaf(page) => scan_page(page, start, end, visit),
        Node::Inner(inner) => {
            let first = start.map_or(0, |start| inner.child_of(start));
            for at in first..inner.children.len() {
                // The leaf that holds `end` breaks; one that ends right before it does not.
                let start = start.filter(|_| at == first);
                scan(&inner.children[at], start, end, visit)?;
            }
            ControlFlow::Continue(())
        }
    }
}

fn scan_page(
    page: &Page,
    start: Option<&[u8]>,
    end: Option<&[u8]>,
    visit: Visit<'_>,
) -> ControlFlow<()> {
    let position = |key: &[u8]| page.find(key).unwrap_or_else(|at| at);
    let first = start.map_or(0, position);
    let stop = end.map_or(page.len(), position);
    for at in first..stop {
        visit(page.key(at), page.value(at).as_slice())?;
    }
    if stop < page.len() {
        return ControlFlow::Break(());
    }
    ControlFlow::Continue(())
}

/// Visits the rows below `node` from the last to the first; `end` of `None`: from the last on.
fn scan_back(node: &Node, start: &[u8], end: Option<&[u8]>, visit: Visit<'_>) -> ControlFlow<()> {
    match node {
        Node::Leaf(page) => scan_page_back(page, start, end, visit),
        Node::Inner(inner) => {
            let last = end.map_or(inner.children.len() - 1, |end| inner.child_of(end));
            for at in (0..=last).rev() {
                // The leaf that has a row before `start` breaks.
                let end = end.filter(|_| at == last);
                scan_back(&inner.children[at], start, end, visit)?;
            }
            ControlFlow::Continue(())
        }
    }
}

fn scan_page_back(
    page: &Page,
    start: &[u8],
    end: Option<&[u8]>,
    visit: Visit<'_>,
) -> ControlFlow<()> {
    let position = |key: &[u8]| page.find(key).unwrap_or_else(|at| at);
    let first = position(start);
    let stop = end.map_or(page.len(), position);
    for at in (first..stop).rev() {
        visit(page.key(at), page.value(at).as_slice())?;
    }
    if first > 0 {
        return ControlFlow::Break(());
    }
    ControlFlow::Continue(())
}
