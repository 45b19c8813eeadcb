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
