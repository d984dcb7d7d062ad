//! Growth of symmetric trees: all nodes of a level share one condition, the one that gains most over all of them.
//!
//! A shared condition may cut off too few rows somewhere, or break a bound. There it is ignored: the rows stay one group with one value,
//! though the tree's form splits them, and later conditions may still part them. So every value rests on as many rows as the parameters
//! ask for, at any depth.

use std::ops::Range;
use std::sync::atomic::AtomicBool;

use arsenal_core::Result;
use arsenal_core::pool;
use arsenal_core::rng::Rng;

use super::categories::{Category, categories_in_order, set_of};
use super::columns::ColumnSample;
use super::constraints::Bounds;
use super::cuts::numeric_cuts;
use super::grow::{Branch, Groups, Grower, GrownSplit, GrownTree, Open};
use super::split::{BinCondition, Candidate, Node, SplitParams, Units};
use arsenal_simd::histogram::unpack;

/// Rows that have met or failed the same conditions, apart from those that their node ignored.
struct Group {
    open: Open,
    /// Side taken at each level; `None` where the condition is ignored.
    path: Vec<Option<usize>>,
    /// Leftmost place in the current level.
    place: usize,
}

/// A condition that all nodes of a level share.
#[derive(Clone, Copy, Debug)]
struct Level {
    column: usize,
    condition: BinCondition,
    gain: f64,
    /// Added to `l2` when its gain is measured, and fewest rows on either side: sets of categories pay both.
    extra: Extra,
}

#[derive(Clone, Copy, Debug, Default)]
struct Extra {
    l2: f64,
    min_group: f64,
}

/// The cuts that one node's histogram allows, with the packed sum on the left of each.
type Cuts<'c> = dyn Fn(&[u64]) -> Vec<(BinCondition, u64)> + 'c;

/// A node and the bins of the column under search.
struct Searched<'h> {
    node: Node,
    histogram: &'h [u64],
}

impl Grower<'_> {
    /// Grows a symmetric tree on [`Grower::rows`], whose order it changes. O(bins · nodes) per level for the search.
    pub(super) fn grow_oblivious(
        &mut self,
        pairs: &[u32],
        units: Units,
        rng: &Rng,
        stop: &AtomicBool,
    ) -> Result<GrownTree> {
        let sample = ColumnSample::new(self.columns.len(), self.params.columns, rng);
        let mut groups = vec![Group { open: self.root(pairs), path: Vec::new(), place: 0 }];
        let mut levels: Vec<Level> = Vec::new();
        let mut gains: Vec<f64> = Vec::new();
        while levels.len() < self.params.max_depth && 2 << levels.len() <= self.params.max_leaf_nodes {
            let depth = levels.len();
            let used = used_columns(&levels);
            let allowed = self.params.constraints.interactions.allowed(&used);
            let columns = sample.of_node(depth, allowed.as_deref(), rng.fork(depth as u64));
            let Some(level) = self.best_level(&groups, &columns, units, stop)? else { break };
            levels.push(level);
            gains.resize((2 << depth) - 1, 0.0);
            let first_split = (1 << depth) - 1;
            let mut next = Vec::with_capacity(2 * groups.len());
            for mut group in groups {
                pool::go_on(stop)?;
                match self.candidate_of(&group.open, level, units) {
                    None => {
                        group.path.push(None);
                        group.place *= 2;
                        next.push(group);
                    }
                    Some(candidate) => {
                        gains[first_split + group.place] = candidate.gain;
                        let children = self.split(group.open, candidate, 0, pairs, units, (4 << depth) - 1);
                        for (side, open) in children.into_iter().enumerate() {
                            let path = group.path.iter().copied().chain([Some(side)]).collect();
                            next.push(Group { open, path, place: 2 * group.place + side });
                        }
                    }
                }
            }
            groups = next;
        }
        Ok(self.close_oblivious(groups, &levels, &gains))
    }

    /// The condition that gains most over all groups.
    fn best_level(&self, groups: &[Group], columns: &[u32], units: Units, stop: &AtomicBool) -> Result<Option<Level>> {
        let open: Vec<&Open> =
            groups.iter().map(|group| &group.open).filter(|open| !open.histogram.is_empty()).collect();
        let mut tasks: Vec<(usize, Option<Level>)> = columns.iter().map(|&column| (column as usize, None)).collect();
        pool::for_each_until(&mut tasks, stop, &|(column, best)| {
            let nodes: Vec<Searched<'_>> = open
                .iter()
                .map(|open| Searched { node: open.node(units), histogram: self.bins_of(open, *column) })
                .collect();
            *best = self.best_of_column(*column, &nodes);
        })?;
        let found = tasks.into_iter().filter_map(|(_, best)| best);
        Ok(found.reduce(|a, b| if b.gain > a.gain { b } else { a }))
    }

    fn best_of_column(&self, column: usize, nodes: &[Searched<'_>]) -> Option<Level> {
        let params = &self.params.split;
        let mut best: Option<Level> = None;
        let mut consider = |cuts: &Cuts<'_>, extra: Extra| {
            let mut totals: Vec<(BinCondition, f64, bool)> = Vec::new();
            for searched in nodes {
                let cuts = cuts(searched.histogram);
                totals.resize_with(cuts.len(), || (BinCondition::Among([0; 4]), 0.0, false));
                for ((condition, left), total) in cuts.into_iter().zip(&mut totals) {
                    total.0 = condition;
                    if let Some(gain) =
                        gain_of(&searched.node, left, self.params.constraints.sign(column), extra, params)
                    {
                        (total.1, total.2) = (total.1 + gain, true);
                    }
                }
            }
            for (condition, gain, splits_any) in totals {
                if splits_any && gain > params.min_split_gain && best.is_none_or(|best| gain > best.gain) {
                    best = Some(Level { column, condition, gain, extra });
                }
            }
        };
        if !self.columns[column].is_category {
            let has_missing = nodes.iter().any(|searched| searched.histogram[0] != 0);
            consider(&|histogram| numeric_cuts(histogram, has_missing).collect(), Extra::default());
            return best.map(|level| if has_missing { level } else { missing_to_the_larger_side(level, nodes) });
        }
        let n_bins = self.columns[column].n_bins;
        if n_bins <= params.category.one_hot + 1 {
            let single = |histogram: &[u64]| {
                (1..n_bins).map(|bin| (BinCondition::Among(set_of(&[bin])), histogram[bin])).collect()
            };
            consider(&single, Extra::default());
            return best;
        }
        let order: Vec<usize> = order_over(nodes, n_bins, params).iter().map(|category| category.bin).collect();
        let longest = params.category.max_set.min(order.len().div_ceil(2));
        let extra = Extra { l2: params.category.l2, min_group: params.category.min_group };
        let from_below: Vec<usize> = order.iter().copied().take(longest).collect();
        let from_above: Vec<usize> = order.iter().rev().copied().take(longest).collect();
        for bins in [from_below, from_above] {
            consider(&|histogram| growing_sets(&bins, histogram), extra);
        }
        best
    }

    /// The level's condition as the split of one group; `None` where it is ignored.
    fn candidate_of(&self, open: &Open, level: Level, units: Units) -> Option<Candidate> {
        if open.histogram.is_empty() {
            return None;
        }
        let goes_left = |(bin, sum): (usize, &u64)| level.condition.goes_left(bin as u16).then_some(*sum);
        let bins = self.bins_of(open, level.column);
        let left = bins.iter().enumerate().filter_map(goes_left).fold(0, u64::wrapping_add);
        let sign = self.params.constraints.sign(level.column);
        let gain = gain_of(&open.node(units), left, sign, level.extra, &self.params.split)?;
        Some(Candidate { gain, column: level.column, condition: level.condition, left })
    }

    /// Puts the groups into the tree's form: one leaf per place, groups with several places share their value among them.
    fn close_oblivious(&mut self, mut groups: Vec<Group>, levels: &[Level], gains: &[f64]) -> GrownTree {
        groups.sort_by_key(|group| group.place);
        let n_leaves = 1 << levels.len();
        let mut leaves = vec![0..0; n_leaves];
        let mut of_leaf = vec![0; n_leaves];
        let mut bounds = vec![Bounds::FREE; n_leaves];
        let mut rows = Vec::with_capacity(groups.len());
        for (number, group) in groups.into_iter().enumerate() {
            rows.push(group.open.rows.clone());
            self.settle(group.open.rows.clone(), &group.path, levels, 0, &mut |place, rows| {
                leaves[place] = rows;
                of_leaf[place] = number;
                bounds[place] = group.open.bounds;
            });
            self.recycle(group.open);
        }
        let branch = |place: usize, depth: usize| {
            if depth == levels.len() { Branch::Leaf(place) } else { Branch::Split((1 << depth) - 1 + place) }
        };
        let mut splits = Vec::with_capacity(gains.len());
        for (depth, level) in levels.iter().enumerate() {
            splits.extend((0..1 << depth).map(|place| GrownSplit {
                column: level.column,
                condition: level.condition,
                gain: gains[(1 << depth) - 1 + place],
                children: [branch(2 * place, depth + 1), branch(2 * place + 1, depth + 1)],
            }));
        }
        let groups = (rows.len() < n_leaves).then_some(Groups { of_leaf, rows });
        GrownTree { root: branch(0, 0), splits, leaves, bounds, groups }
    }

    /// Parts a group's rows by the conditions that it ignored, and tells which rows each of its places has.
    fn settle(
        &mut self,
        rows: Range<usize>,
        path: &[Option<usize>],
        levels: &[Level],
        place: usize,
        tell: &mut dyn FnMut(usize, Range<usize>),
    ) {
        match path {
            [] => tell(place, rows),
            [Some(side), rest @ ..] => self.settle(rows, rest, levels, 2 * place + side, tell),
            [None, rest @ ..] => {
                let Level { column, condition, .. } = levels[levels.len() - path.len()];
                let middle = self.partition(rows.clone(), column, condition);
                self.settle(rows.start..middle, rest, levels, 2 * place, tell);
                self.settle(middle..rows.end, rest, levels, 2 * place + 1, tell);
            }
        }
    }
}

fn used_columns(levels: &[Level]) -> Vec<u32> {
    let mut used: Vec<u32> = levels.iter().map(|level| level.column as u32).collect();
    used.sort_unstable();
    used.dedup();
    used
}

/// What a node gains from a split with these left rows; `None` if it may not be split so.
fn gain_of(node: &Node, left: u64, sign: i8, extra: Extra, params: &SplitParams) -> Option<f64> {
    let rows_per_hessian = node.rows_per_hessian();
    let sides = [node.side(left, rows_per_hessian), node.side(node.sum.wrapping_sub(left), rows_per_hessian)];
    if sides.iter().any(|&side| !params.allows(side) || side.count < extra.min_group) {
        return None;
    }
    let pair = params.pair(sides[0], sides[1], params.l2 + extra.l2, sign, node.bounds)?;
    Some(pair - params.whole(node))
}

/// The categories in the order of their gradients over all nodes.
fn order_over(nodes: &[Searched<'_>], n_bins: usize, params: &SplitParams) -> Vec<Category> {
    let mut sums = vec![0u64; n_bins];
    for searched in nodes {
        sums.iter_mut().zip(searched.histogram).for_each(|(sum, &entry)| *sum = sum.wrapping_add(entry));
    }
    let sum = nodes.iter().fold(0u64, |sum, searched| sum.wrapping_add(searched.node.sum));
    let n_rows = nodes.iter().map(|searched| searched.node.n_rows).sum();
    nodes.first().map_or_else(Vec::new, |first| categories_in_order(&sums, &Node { sum, n_rows, ..first.node }, params))
}

/// The sets of the first 1, 2, … of `bins`, with the sum of each.
fn growing_sets(bins: &[usize], histogram: &[u64]) -> Vec<(BinCondition, u64)> {
    let sums = bins.iter().scan(0u64, |sum, &bin| {
        *sum = sum.wrapping_add(histogram[bin]);
        Some(*sum)
    });
    sums.enumerate().map(|(last, sum)| (BinCondition::Among(set_of(&bins[..=last])), sum)).collect()
}

/// As in [`super::split`], over all nodes of the level.
fn missing_to_the_larger_side(mut level: Level, nodes: &[Searched<'_>]) -> Level {
    if let BinCondition::AtMost { bin, missing_left } = &mut level.condition {
        let hessian = |sums: &[u64]| sums.iter().map(|&sum| unpack(sum).1).sum::<i64>();
        let left: i64 = nodes.iter().map(|searched| hessian(&searched.histogram[1..=usize::from(*bin)])).sum();
        let whole: i64 = nodes.iter().map(|searched| hessian(&[searched.node.sum])).sum();
        *missing_left = 2 * left >= whole;
    }
    level
}
