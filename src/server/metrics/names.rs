//! What members are called in labels: by name, so that a page can be read.

use std::collections::{BTreeMap, BTreeSet};

use crate::base::types::NodeId;

/// A label for every member.
#[derive(Default)]
pub(super) struct Names {
    names: BTreeMap<NodeId, String>,
}

impl Names {
    /// Of these members, and of nodes that have no name (yet). Members that share a name,
    /// as one that died and the one in its place may, are told by their UUIDs: two series
    /// must not be one.
    pub(super) fn of_all(
        members: impl IntoIterator<Item = (NodeId, String)>,
        nameless: impl IntoIterator<Item = NodeId>,
    ) -> Self {
        let mut names: BTreeMap<NodeId, String> = members.into_iter().collect();
        for node in nameless {
            names.entry(node).or_default();
        }
        let mut once = BTreeSet::new();
        let all: Vec<String> = names.values().cloned().collect();
        let shared: BTreeSet<String> = all
            .into_iter()
            .filter(|it| !once.insert(it.clone()))
            .collect();
        for (node, name) in &mut names {
            if name.is_empty() || shared.contains(name) {
                *name = node.to_string();
            }
        }
        Self { names }
    }

    /// The label of a node that was among those.
    pub(super) fn of(&self, node: NodeId) -> &str {
        self.names.get(&node).map_or("unknown", String::as_str)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_members_have_the_same_label() {
        let node = |number| NodeId([number; 16]);
        let members = [(1, "node-1"), (2, "node-2"), (3, "node-2")];
        let members = members.map(|(number, name)| (node(number), name.to_owned()));
        let names = Names::of_all(members, [node(1), node(4)]);
        assert_eq!(names.of(node(1)), "node-1");
        for number in 2..=4 {
            assert_eq!(names.of(node(number)), node(number).to_string());
        }
    }
}
