//! A shortest cycle of a graph, if there is one.

use std::collections::VecDeque;

/// From how many nodes of a component a shortest cycle is looked for.
const BEGINNINGS_MAX: usize = 300;

/// A shortest cycle, as positions in `edges` of its nodes, each with an edge to the next and the
/// last with one to the first; `edges` holds what each node leads to.
pub(super) fn shortest(edges: &[Vec<usize>]) -> Option<Vec<usize>> {
    let components = components(edges);
    let mut sizes = vec![0; edges.len()];
    components
        .iter()
        .for_each(|component| sizes[*component] += 1);
    let tangled = (0..edges.len()).filter(|node| sizes[components[*node]] > 1);
    let from = |node| shortest_from(edges, &components, node);
    let cycles = tangled.take(BEGINNINGS_MAX).filter_map(from);
    cycles.min_by_key(Vec::len)
}

/// The strongly connected component of each node (Tarjan, "Depth-first search and linear graph
/// algorithms", 1972), without recursion: histories are long.
fn components(edges: &[Vec<usize>]) -> Vec<usize> {
    const UNSEEN: usize = usize::MAX;
    let many = edges.len();
    let (mut order, mut low) = (vec![UNSEEN; many], vec![0; many]);
    let (mut component, mut found) = (vec![UNSEEN; many], 0);
    let (mut seen, mut open) = (0, Vec::new());
    for root in 0..many {
        if order[root] != UNSEEN {
            continue;
        }
        // A node, and how many of its edges were followed.
        let mut path = vec![(root, 0)];
        while let Some((node, followed)) = path.pop() {
            if followed == 0 {
                (order[node], low[node]) = (seen, seen);
                seen += 1;
                open.push(node);
            } else {
                low[node] = low[node].min(low[edges[node][followed - 1]]);
            }
            let rest = edges[node].iter().enumerate().skip(followed);
            let mut next = None;
            for (at, &to) in rest {
                if order[to] == UNSEEN {
                    next = Some((at, to));
                    break;
                }
                if component[to] == UNSEEN {
                    low[node] = low[node].min(order[to]);
                }
            }
            if let Some((at, to)) = next {
                path.push((node, at + 1));
                path.push((to, 0));
            } else if low[node] == order[node] {
                while let Some(member) = open.pop() {
                    component[member] = found;
                    // It says nothing of what is below others any more.
                    low[member] = UNSEEN;
                    if member == node {
                        break;
                    }
                }
                found += 1;
            }
        }
    }
    component
}

/// The shortest way from a node to itself within its component, breadth first.
fn shortest_from(edges: &[Vec<usize>], components: &[usize], from: usize) -> Option<Vec<usize>> {
    let mut came_from = vec![None; edges.len()];
    let mut next = VecDeque::from([from]);
    while let Some(node) = next.pop_front() {
        for &to in &edges[node] {
            if to == from {
                let mut cycle = vec![node];
                while let Some(before) = came_from[*cycle.last().expect("it has one")] {
                    cycle.push(before);
                }
                cycle.reverse();
                return Some(cycle);
            }
            if components[to] == components[from] && came_from[to].is_none() {
                came_from[to] = Some(node);
                next.push_back(to);
            }
        }
    }
    None
}
