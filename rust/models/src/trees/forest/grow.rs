//! One tree, grown by one thread.
//!
//! A node's rows are one range of the row list, and what a row adds to sums lies beside it. A column of a node is searched through a
//! histogram that is all zero between uses: only the bins that occur are visited, by a set of 256 bits, so that a node of `n` rows costs
//! O(n) per column however many bins there are. Deep trees consist of small nodes; that is what makes them cheap.

use std::collections::BinaryHeap;
use std::ops::Range;
use std::sync::atomic::{AtomicBool, Ordering};

use arsenal_core::rng::Rng;
use arsenal_core::{Error, Result};

use super::params::Splitter;
use super::search::{Found, Node, Search};
use super::target::Target;
use crate::trees::grow::{Branch, GrownSplit};
use crate::trees::split::BinCondition;

/// What limits a tree, in the units of the training rows.
#[derive(Clone, Debug)]
pub(super) struct Limits {
    pub splitter: Splitter,
    pub max_depth: usize,
    pub min_samples_split: usize,
    pub min_samples_leaf: f64,
    pub min_weight_leaf: f64,
    pub max_features: usize,
    pub max_leaf_nodes: Option<usize>,
    /// Gain that a split must reach.
    pub min_gain: f64,
    /// Per column 1, −1 or 0; empty where there is no constraint.
    pub monotonic: Vec<i8>,
}

/// A tree, and where monotonic constraints keep its nodes' values; no bounds where there are no constraints.
pub(super) struct Grown {
    pub root: Branch,
    /// Parents before children.
    pub splits: Vec<GrownSplit>,
    /// Each leaf's range of the row list, from left to right.
    pub leaves: Vec<Range<usize>>,
    pub leaf_bounds: Vec<(f64, f64)>,
    pub split_bounds: Vec<(f64, f64)>,
}

/// A node that may still be split.
struct Open<T> {
    rows: Range<usize>,
    tally: T,
    depth: usize,
    found: Option<Found<T>>,
    bounds: (f64, f64),
    /// The split above, and which of its children this is.
    parent: Option<(usize, usize)>,
}

/// The nodes that wait, and the order in which they are split.
enum Waiting<T> {
    /// Left before right, parents before all others.
    DepthFirst(Vec<Open<T>>),
    /// The greatest gain first; with equal gains the node that was made first.
    BestFirst(BinaryHeap<ByGain>, Vec<Option<Open<T>>>),
}

#[derive(PartialEq)]
struct ByGain {
    gain: f64,
    place: usize,
}

impl Eq for ByGain {}

impl Ord for ByGain {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.gain.total_cmp(&other.gain).then(other.place.cmp(&self.place))
    }
}

impl PartialOrd for ByGain {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl<T> Waiting<T> {
    fn push(&mut self, open: Open<T>) {
        match self {
            Self::DepthFirst(stack) => stack.push(open),
            Self::BestFirst(heap, nodes) => {
                let gain = open.found.as_ref().map_or(f64::NEG_INFINITY, |found| found.gain);
                heap.push(ByGain { gain, place: nodes.len() });
                nodes.push(Some(open));
            }
        }
    }

    fn pop(&mut self) -> Option<Open<T>> {
        match self {
            Self::DepthFirst(stack) => stack.pop(),
            Self::BestFirst(heap, nodes) => heap.pop().and_then(|next| nodes[next.place].take()),
        }
    }
}

/// Grows trees of one kind, reusing its buffers.
pub(super) struct Grower<'a, T: Target> {
    search: Search<'a, T>,
    limits: &'a Limits,
    /// The rows of the current tree; each leaf is a range.
    pub ids: Vec<u32>,
    /// What each of them adds to sums.
    pub rows: Vec<T::Row>,
    id_buffer: Vec<u32>,
    row_buffer: Vec<T::Row>,
}

impl<'a, T: Target> Grower<'a, T> {
    pub fn new(search: Search<'a, T>, limits: &'a Limits) -> Self {
        Self { search, limits, ids: Vec::new(), rows: Vec::new(), id_buffer: Vec::new(), row_buffer: Vec::new() }
    }

    /// Grows a tree on [`Grower::ids`] and [`Grower::rows`], whose order it changes.
    ///
    /// # Errors
    /// `Interrupted` once `stop` is set.
    pub fn grow(&mut self, rng: &mut Rng, stop: &AtomicBool) -> Result<Grown> {
        self.id_buffer.resize(self.ids.len(), 0);
        self.row_buffer.resize(self.rows.len(), T::Row::default());
        let target = self.search.target;
        let mut tally = T::ZERO;
        self.rows.iter().for_each(|&row| target.add(row, &mut tally));
        let mut waiting = match self.limits.max_leaf_nodes {
            None => Waiting::DepthFirst(Vec::new()),
            Some(_) => Waiting::BestFirst(BinaryHeap::new(), Vec::new()),
        };
        let mut root = Open {
            rows: 0..self.ids.len(),
            tally,
            depth: 0,
            found: None,
            bounds: (f64::NEG_INFINITY, f64::INFINITY),
            parent: None,
        };
        self.find(&mut root, rng);
        waiting.push(root);
        let (mut splits, mut split_bounds) = (Vec::<GrownSplit>::new(), Vec::new());
        let mut closed: Vec<Open<T::Tally>> = Vec::new();
        let most_leaves = self.limits.max_leaf_nodes.unwrap_or(usize::MAX);
        while let Some(mut open) = waiting.pop() {
            if stop.load(Ordering::Relaxed) {
                return Err(Error::Interrupted);
            }
            // A tree with s splits has s + 1 leaves.
            let found = open.found.take().filter(|_| splits.len() + 1 < most_leaves);
            let Some(found) = found else {
                closed.push(open);
                continue;
            };
            let split = splits.len();
            if let Some((above, side)) = open.parent {
                splits[above].children[side] = Branch::Split(split);
            }
            splits.push(GrownSplit {
                column: found.column,
                condition: found.condition,
                gain: found.gain,
                children: [Branch::Leaf(0); 2],
            });
            if !self.limits.monotonic.is_empty() {
                split_bounds.push(open.bounds);
            }
            let [mut left, mut right] = self.split(&open, &found, split);
            // The right child waits below the left one, whose search comes first in either order.
            self.find(&mut left, rng);
            self.find(&mut right, rng);
            waiting.push(right);
            waiting.push(left);
        }
        Ok(self.close(closed, splits, split_bounds))
    }

    /// Looks for a node's split, unless the node must stay a leaf.
    fn find(&mut self, open: &mut Open<T::Tally>, rng: &mut Rng) {
        let (limits, target) = (self.limits, self.search.target);
        let n_rows = open.rows.len();
        let rows = &self.rows[open.rows.clone()];
        let may_split = open.depth < limits.max_depth
            && n_rows >= limits.min_samples_split
            && n_rows as f64 >= 2.0 * limits.min_samples_leaf
            && target.weight(&open.tally) >= 2.0 * limits.min_weight_leaf
            && rows[1..].iter().any(|&row| !target.same(row, rows[0]));
        if may_split {
            let node = Node { ids: &self.ids[open.rows.clone()], rows, tally: &open.tally, bounds: open.bounds };
            open.found = self.search.best(&node, limits, rng);
        }
    }

    /// Parts a node's rows and makes its children.
    fn split(&mut self, open: &Open<T::Tally>, found: &Found<T::Tally>, split: usize) -> [Open<T::Tally>; 2] {
        let bins = self.search.table.column(found.column).narrow();
        let n_left = match found.condition {
            BinCondition::AtMost { bin: last, missing_left } => {
                // Bins first ..= last in one comparison: those below wrap around to large numbers.
                let first = u8::from(!missing_left);
                let span = (last as u8).wrapping_sub(first);
                self.part(open.rows.clone(), |id| bins[id as usize].wrapping_sub(first) <= span)
            }
            BinCondition::Among(_) => {
                let goes_left = found.condition.table();
                self.part(open.rows.clone(), |id| goes_left[usize::from(bins[id as usize])] == 1)
            }
        };
        let target = self.search.target;
        let right = target.less(&open.tally, &found.left);
        let [left_bounds, right_bounds] = self.child_bounds(open, found, &right);
        let middle = open.rows.start + n_left;
        let child = |rows, tally, side, bounds| Open {
            rows,
            tally,
            depth: open.depth + 1,
            found: None,
            bounds,
            parent: Some((split, side)),
        };
        [
            child(open.rows.start..middle, found.left, 0, left_bounds),
            child(middle..open.rows.end, right, 1, right_bounds),
        ]
    }

    /// Moves the rows that go left to the front of the range and returns their number; keeps the order on both sides.
    #[inline(always)]
    fn part(&mut self, range: Range<usize>, goes_left: impl Fn(u32) -> bool) -> usize {
        let (ids, rows) = (&mut self.ids[range.clone()], &mut self.rows[range]);
        let (other_ids, other_rows) = (&mut self.id_buffer[..ids.len()], &mut self.row_buffer[..ids.len()]);
        let (mut n_left, mut n_right) = (0, 0);
        for place in 0..ids.len() {
            let (id, row) = (ids[place], rows[place]);
            let goes = usize::from(goes_left(id));
            // Both are written and one counts: no branch to mispredict. The left front never passes the place that is read.
            ids[n_left] = id;
            rows[n_left] = row;
            other_ids[n_right] = id;
            other_rows[n_right] = row;
            n_left += goes;
            n_right += 1 - goes;
        }
        ids[n_left..].copy_from_slice(&other_ids[..n_right]);
        rows[n_left..].copy_from_slice(&other_rows[..n_right]);
        n_left
    }

    /// Under a constraint the children's values are kept apart by the middle of theirs.
    fn child_bounds(&self, open: &Open<T::Tally>, found: &Found<T::Tally>, right: &T::Tally) -> [(f64, f64); 2] {
        if self.limits.monotonic.is_empty() {
            return [open.bounds; 2];
        }
        let (low, high) = open.bounds;
        let target = self.search.target;
        let middle = f64::midpoint(target.level(&found.left), target.level(right));
        match self.limits.monotonic.get(found.column) {
            Some(1) => [(low, middle), (middle, high)],
            Some(-1) => [(middle, high), (low, middle)],
            _ => [open.bounds; 2],
        }
    }

    /// Numbers the leaves from left to right.
    fn close(
        &self,
        mut closed: Vec<Open<T::Tally>>,
        mut splits: Vec<GrownSplit>,
        split_bounds: Vec<(f64, f64)>,
    ) -> Grown {
        closed.sort_by_key(|open| open.rows.start);
        for (leaf, open) in closed.iter().enumerate() {
            if let Some((above, side)) = open.parent {
                splits[above].children[side] = Branch::Leaf(leaf);
            }
        }
        let root = if splits.is_empty() { Branch::Leaf(0) } else { Branch::Split(0) };
        let is_bounded = !self.limits.monotonic.is_empty();
        Grown {
            leaf_bounds: closed.iter().filter(|_| is_bounded).map(|open| open.bounds).collect(),
            split_bounds,
            root,
            splits,
            leaves: closed.into_iter().map(|open| open.rows).collect(),
        }
    }
}
