//! The nodes of a tree: leaves hold rows, inner nodes hold separators and children.
//!
//! Child `i` of an inner node holds the keys from separator `i - 1` up to, but without,
//! separator `i`. Separators are as short as tells two neighbours apart; they need not
//! be keys that exist.

use std::sync::Arc;

use super::page::{Page, common_bytes};

/// A leaf heavier than this is cut, bytes: small enough to copy when a view holds it.
pub(super) const LEAF_WEIGHT_MAX: usize = 4_096;

/// Children of an inner node: a copy takes another reference on each.
pub(super) const CHILDREN_MAX: usize = 32;

/// Separators heavier than this are cut, bytes.
const SEPARATORS_WEIGHT_MAX: usize = 8_192;

/// Below a quarter of its bound a node is joined with a neighbour.
const MIN_PART: usize = 4;

/// A leaf or an inner node.
#[derive(Debug, Clone)]
pub(super) enum Node {
    /// Rows.
    Leaf(Page),
    /// Nodes below.
    Inner(Inner),
}

/// Separators and one child more.
#[derive(Debug, Clone)]
pub(super) struct Inner {
    /// Keys without values.
    pub(super) separators: Page,
    /// The nodes below.
    pub(super) children: Vec<Arc<Node>>,
}

/// The upper part of a node that was cut.
#[derive(Debug)]
pub(super) struct Split {
    /// Above all keys that stayed, and not above any that moved.
    pub(super) separator: Box<[u8]>,
    /// The node that moved.
    pub(super) right: Arc<Node>,
}

impl Default for Node {
    fn default() -> Self {
        Self::Leaf(Page::default())
    }
}

impl Node {
    /// Too full: to be cut.
    pub(super) fn is_over(&self) -> bool {
        match self {
            Self::Leaf(page) => page.len() >= 2 && page.weight() > LEAF_WEIGHT_MAX,
            Self::Inner(inner) => inner.is_above(CHILDREN_MAX, SEPARATORS_WEIGHT_MAX),
        }
    }

    /// Too empty: to be joined with a neighbour.
    pub(super) fn is_under(&self) -> bool {
        match self {
            Self::Leaf(page) => page.is_empty() || page.weight() < LEAF_WEIGHT_MAX / MIN_PART,
            Self::Inner(inner) => {
                inner.children.len() < 2
                    || (inner.children.len() < CHILDREN_MAX / MIN_PART
                        && inner.separators.weight() < SEPARATORS_WEIGHT_MAX / MIN_PART)
            }
        }
    }

    /// Too full to be left as one after two were joined: a joined node should take
    /// some more before it is cut again.
    fn is_over_after_join(&self) -> bool {
        match self {
            Self::Leaf(page) => page.len() >= 2 && page.weight() > LEAF_WEIGHT_MAX / 4 * 3,
            Self::Inner(inner) => {
                inner.is_above(CHILDREN_MAX / 4 * 3, SEPARATORS_WEIGHT_MAX / 4 * 3)
            }
        }
    }

    /// Cuts the node. With `at_end` all but the last row or two children stay, so that
    /// keys which arrive in order leave full nodes behind.
    fn split(&mut self, at_end: bool) -> Split {
        match self {
            Self::Leaf(page) => {
                let at = if at_end {
                    page.len() - 1
                } else {
                    page.middle()
                };
                let separator = shortest_between(page.key(at - 1), page.key(at));
                let right = Arc::new(Self::Leaf(page.split_off(at)));
                Split { separator, right }
            }
            Self::Inner(inner) => inner.split(at_end),
        }
    }

    /// Puts all of `right`, the next neighbour, into this node.
    fn join(&mut self, separator: &[u8], right: Self) {
        match (self, right) {
            (Self::Leaf(left), Self::Leaf(right)) => left.append(right),
            (Self::Inner(left), Self::Inner(right)) => {
                left.separators
                    .insert(left.separators.len(), separator, &[]);
                left.separators.append(right.separators);
                left.children.extend(right.children);
            }
            _ => unreachable!("all leaves of a tree are equally deep"),
        }
    }

    /// Cuts the node if it is too full.
    pub(super) fn split_if_over(&mut self, at_end: bool) -> Option<Split> {
        self.is_over().then(|| self.split(at_end))
    }
}

impl Inner {
    /// Two nodes under a new root.
    pub(super) fn above(left: Arc<Node>, split: Split) -> Self {
        let mut separators = Page::default();
        separators.insert(0, &split.separator, &[]);
        Self {
            separators,
            children: vec![left, split.right],
        }
    }

    /// Which child holds `key`.
    pub(super) fn child_of(&self, key: &[u8]) -> usize {
        match self.separators.find(key) {
            Ok(at) => at + 1,
            Err(at) => at,
        }
    }

    /// Takes up what was cut off child `at`.
    pub(super) fn adopt(&mut self, at: usize, split: Split) {
        self.separators.insert(at, &split.separator, &[]);
        self.children.insert(at + 1, split.right);
    }

    /// Joins child `at`, which is too empty, with a neighbour, and cuts them evenly if
    /// one node cannot hold both.
    pub(super) fn refill(&mut self, at: usize) {
        if self.children.len() < 2 {
            return;
        }
        let left = at.saturating_sub(1);
        let separator = self.separators.key(left).to_vec();
        let right = self.children.remove(left + 1);
        self.separators.remove(left);
        let joined = Arc::make_mut(&mut self.children[left]);
        joined.join(&separator, Arc::unwrap_or_clone(right));
        if joined.is_over_after_join() {
            let split = joined.split(false);
            self.adopt(left, split);
        }
    }

    fn is_above(&self, children_max: usize, weight_max: usize) -> bool {
        self.children.len() >= 4
            && (self.children.len() > children_max || self.separators.weight() > weight_max)
    }

    /// The separator in the middle goes up; both sides keep two children at least.
    fn split(&mut self, at_end: bool) -> Split {
        let last = self.children.len() - 2;
        let at = if at_end {
            last
        } else {
            self.children.len() / 2
        };
        let right = Self {
            separators: self.separators.split_off(at),
            children: self.children.split_off(at),
        };
        let separator = self.separators.key(at - 1).into();
        self.separators.remove(at - 1);
        self.children.shrink_to(CHILDREN_MAX / 2);
        Split {
            separator,
            right: Arc::new(Node::Inner(right)),
        }
    }
}

/// The shortest key above `left` and not above `right`.
fn shortest_between(left: &[u8], right: &[u8]) -> Box<[u8]> {
    right[..=common_bytes(left, right)].into()
}
