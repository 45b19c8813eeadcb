//! Going through a tree row by row, for whoever merges several of them.

use super::node::{Inner, Node};
use super::page::Page;

/// The rows of a tree from some key on, in order, where they lie.
#[derive(Debug)]
pub(in crate::engine) struct Iter<'a> {
    /// The inner nodes above, each with the child that comes next.
    above: Vec<(&'a Inner, usize)>,
    leaf: &'a Page,
    at: usize,
}

impl<'a> Iter<'a> {
    pub(super) fn new(root: &'a Node, start: &[u8]) -> Self {
        let mut above = Vec::new();
        let mut node = root;
        loop {
            match node {
                Node::Leaf(leaf) => {
                    let at = leaf.find(start).unwrap_or_else(|at| at);
                    return Self { above, leaf, at };
                }
                Node::Inner(inner) => {
                    let at = inner.child_of(start);
                    above.push((inner, at + 1));
                    node = &inner.children[at];
                }
            }
        }
    }

    /// Goes to the first row of the next leaf. False if there is none.
    fn next_leaf(&mut self) -> bool {
        let mut node = loop {
            let Some((inner, at)) = self.above.last_mut() else {
                return false;
            };
            if let Some(child) = inner.children.get(*at) {
                *at += 1;
                break &**child;
            }
            self.above.pop();
        };
        loop {
            match node {
                Node::Leaf(leaf) => {
                    self.leaf = leaf;
                    self.at = 0;
                    return true;
                }
                Node::Inner(inner) => {
                    self.above.push((inner, 1));
                    node = &inner.children[0];
                }
            }
        }
    }
}

impl<'a> Iterator for Iter<'a> {
    type Item = (&'a [u8], &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        while self.at == self.leaf.len() {
            if !self.next_leaf() {
                return None;
            }
        }
        let at = self.at;
        self.at += 1;
        Some((self.leaf.key(at), self.leaf.value(at).as_slice()))
    }
}

/// The rows of a tree before some key, from the last to the first.
#[derive(Debug)]
pub(in crate::engine) struct IterBack<'a> {
    /// The inner nodes above, each with how many of its children come still.
    above: Vec<(&'a Inner, usize)>,
    leaf: &'a Page,
    /// How many rows of the leaf come still.
    left: usize,
}

impl<'a> IterBack<'a> {
    pub(super) fn new(root: &'a Node, end: Option<&[u8]>) -> Self {
        let mut above = Vec::new();
        let mut node = root;
        loop {
            match node {
                Node::Leaf(leaf) => {
                    let before = |end| leaf.find(end).unwrap_or_else(|at| at);
                    let left = end.map_or(leaf.len(), before);
                    return Self { above, leaf, left };
                }
                Node::Inner(inner) => {
                    let at = end.map_or(inner.children.len() - 1, |end| inner.child_of(end));
                    above.push((inner, at));
                    node = &inner.children[at];
                }
            }
        }
    }

    /// Goes behind the last row of the leaf before. False if there is none.
    fn previous_leaf(&mut self) -> bool {
        let mut node = loop {
            let Some((inner, left)) = self.above.last_mut() else {
                return false;
            };
            if let Some(at) = left.checked_sub(1) {
                *left = at;
                break &*inner.children[at];
            }
            self.above.pop();
        };
        loop {
            match node {
                Node::Leaf(leaf) => {
                    self.leaf = leaf;
                    self.left = leaf.len();
                    return true;
                }
                Node::Inner(inner) => {
                    let last = inner.children.len() - 1;
                    self.above.push((inner, last));
                    node = &inner.children[last];
                }
            }
        }
    }
}

impl<'a> Iterator for IterBack<'a> {
    type Item = (&'a [u8], &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        while self.left == 0 {
            if !self.previous_leaf() {
                return None;
            }
        }
        self.left -= 1;
        let at = self.left;
        Some((self.leaf.key(at), self.leaf.value(at).as_slice()))
    }
}
