//! Shapley values of trees too deep for tables: one sweep down the tree and one up, per row.
//!
//! The same integrals as in [`super::leaf`], for all leaves at once: going down, each edge changes the product of the factors on its
//! way by one ratio; going up, sums over the leaves below meet the edge that stands for a column. O(leaves · depth / 2) per row.

use arsenal_core::ensemble::{Child, Tree};

use super::paths::{Step, share};
use super::quadrature::{LANES, Lane, Quadrature, product, total};

/// A tree made ready for sweeps.
#[derive(Clone, Debug)]
pub(super) struct Sweep {
    /// Left and right edge of each split, in the order of the splits.
    edges: Vec<[Edge; 2]>,
    /// `values[leaf * width + target]`, less the expected value.
    values: Vec<f64>,
    rule: Quadrature,
    width: usize,
}

/// The way from a split to one of its children.
#[derive(Clone, Copy, Debug)]
struct Edge {
    to: Child,
    /// Share of the training rows, among those at the split, that takes this edge.
    share: f64,
    /// The same for all edges of the split's column down to this one.
    joint: f64,
    /// The last edge of the same column above: split and side, with its `joint`.
    above: Option<(u32, u8, f64)>,
}

/// Room for intermediate results.
#[derive(Debug, Default)]
pub(super) struct SweepScratch {
    /// Per split, the product of the factors on the way to it.
    down: Vec<Lane>,
    /// Per split and target, the sum over the leaves below.
    up: Vec<Lane>,
    /// Per edge, whether the row meets all conditions of its column so far.
    is_met: Vec<[bool; 2]>,
}

impl Sweep {
    /// `rule` must be exact for the longest way; `expected` is what the tree adds to each target on average.
    pub fn new(tree: &Tree, rule: &Quadrature, expected: &[f64]) -> Self {
        // Per split the edges above it, nearest first, as links.
        let mut parents: Vec<Option<(u32, u8)>> = vec![None; tree.splits.len()];
        let mut edges: Vec<[Edge; 2]> = Vec::with_capacity(tree.splits.len());
        for (number, split) in tree.splits.iter().enumerate() {
            let mut above = parents[number];
            while let Some((at, _)) = above.filter(|&(at, _)| tree.splits[at as usize].feature != split.feature) {
                above = parents[at as usize];
            }
            let above = above.map(|(at, side)| (at, side, edges[at as usize][usize::from(side)].joint));
            let edge = |side: u8, to: Child| {
                let share = share(tree, Step { split: number, goes_left: side == 0 });
                Edge { to, share, joint: share * above.map_or(1.0, |(_, _, joint)| joint), above }
            };
            edges.push([edge(0, split.left), edge(1, split.right)]);
            for (side, to) in [(0, split.left), (1, split.right)] {
                if let Child::Split(below) = to {
                    parents[below as usize] = Some((number as u32, side));
                }
            }
        }
        let leaves = tree.values.chunks_exact(expected.len());
        let values =
            leaves.flat_map(|leaf| leaf.iter().zip(expected).map(|(value, expected)| value - expected)).collect();
        Self { edges, values, rule: rule.clone(), width: expected.len() }
    }

    /// Calls `add(split, target, number)` for all that the tree gives to the columns of its splits; `is_left(split)` says which way a
    /// row goes.
    pub fn explain(
        &self,
        is_left: impl Fn(usize) -> bool,
        scratch: &mut SweepScratch,
        mut add: impl FnMut(usize, usize, f64),
    ) {
        let (n_groups, width) = (self.rule.nodes.len(), self.width);
        let SweepScratch { down, up, is_met } = scratch;
        down.resize(self.edges.len() * n_groups, [1.0; LANES]);
        up.resize(self.edges.len() * n_groups * width, [0.0; LANES]);
        up.fill([0.0; LANES]);
        is_met.resize(self.edges.len(), [false; 2]);
        if let Some(first) = down.get_mut(..n_groups) {
            first.fill([1.0; LANES]);
        }
        for (number, pair) in self.edges.iter().enumerate() {
            let left = is_left(number);
            for (side, edge) in pair.iter().enumerate() {
                let was_met = edge.above.is_none_or(|(split, side, _)| is_met[split as usize][usize::from(side)]);
                is_met[number][side] = was_met && left == (side == 0);
                if let Child::Split(below) = edge.to {
                    let below = below as usize * n_groups;
                    for group in 0..n_groups {
                        down[below + group] =
                            self.passed(edge, group, was_met, is_met[number][side], &down[number * n_groups + group]);
                    }
                }
            }
        }
        for number in (0..self.edges.len()).rev() {
            for (side, edge) in self.edges[number].iter().enumerate() {
                let was_met = edge.above.is_none_or(|(split, side, _)| is_met[split as usize][usize::from(side)]);
                let meets = is_met[number][side];
                for target in 0..width {
                    let mut given = [0.0; LANES];
                    for group in 0..n_groups {
                        let sum = match edge.to {
                            Child::Split(below) => up[(below as usize * width + target) * n_groups + group],
                            Child::Leaf(leaf) => {
                                let value = self.values[leaf as usize * width + target];
                                let way = &down[number * n_groups + group];
                                self.passed(edge, group, was_met, meets, way).map(|product| value * product)
                            }
                        };
                        let above = &mut up[(number * width + target) * n_groups + group];
                        above.iter_mut().zip(sum).for_each(|(above, sum)| *above += sum);
                        if was_met {
                            let gains = product(&self.gains(edge, group, meets), &self.rule.weights[group]);
                            given.iter_mut().zip(product(&sum, &gains)).for_each(|(given, gain)| *given += gain);
                        }
                    }
                    if was_met {
                        add(number, target, total(&given));
                    }
                }
            }
        }
    }
}

impl Sweep {
    /// The product of the factors on the way through an edge, from that on the way to its split.
    fn passed(&self, edge: &Edge, group: usize, was_met: bool, meets: bool, way: &Lane) -> Lane {
        if !was_met {
            // Both factors are their shares times 1 − t.
            return way.map(|product| product * edge.share);
        }
        let before = edge.above.map_or(1.0, |(_, _, joint)| joint);
        std::array::from_fn(|lane| {
            let t = self.rule.nodes[group][lane];
            let now = if meets { t } else { 0.0 } + (1.0 - t) * edge.joint;
            way[lane] * (now / (t + (1.0 - t) * before))
        })
    }

    /// `(a − b)` over its factor for the column with this edge, less the same without it: what its leaves give the column per unit.
    ///
    /// Without the edge the conditions were met; where they were not, both are −1 / (1 − t) and the edge gives nothing.
    fn gains(&self, edge: &Edge, group: usize, meets: bool) -> Lane {
        let before = edge.above.map_or(1.0, |(_, _, joint)| joint);
        self.rule.nodes[group].map(|t| {
            let met = |joint: f64| (1.0 - joint) / (t + (1.0 - t) * joint);
            if meets { met(edge.joint) - met(before) } else { -1.0 / (1.0 - t) - met(before) }
        })
    }
}
