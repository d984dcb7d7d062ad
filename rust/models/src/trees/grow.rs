//! Growth of one tree on binned columns, leaf by leaf or level by level; [`super::oblivious`] grows symmetric trees.
//!
//! Sums are whole numbers, so neither the number of threads nor the order of rows changes a tree. A node's rows are one range of the
//! row list; the histogram of the smaller child is counted, the larger child's is the parent's minus it.

use std::ops::Range;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use arsenal_core::pool;
use arsenal_core::rng::Rng;
use arsenal_core::{Error, Result};
use arsenal_simd::cuts::Scores;
use arsenal_simd::histogram::{BinRows, Rows, accumulate, deduct, subtract};
use arsenal_simd::partition::{GoesLeft, SLACK, partition};

use super::binned::BinnedTable;
use super::categories::best_categories;
use super::columns::{ColumnSample, ColumnShares};
use super::constraints::{Bounds, Constraints};
use super::cuts::best_numeric_within;
use super::split::{BinCondition, Candidate, Node, NumericSearch, SplitParams, Units};

/// Rows × columns below which a histogram is not worth two threads: about 15 µs of work.
const PARALLEL_UPDATES: usize = 1 << 15;
/// Rows × columns from which threads share a histogram's rows instead of its columns, and how many that takes for each entry of the
/// histograms that are put together in the end.
const BY_ROWS_UPDATES: usize = 1 << 16;
const UPDATES_PER_ENTRY: usize = 4;
/// Columns that the counting kernel takes in one step.
const COLUMNS_AT_ONCE: usize = 8;
/// Rows × columns that a thread counts in one go.
const CHUNK_UPDATES: usize = 1 << 14;
/// Fewest rows that a thread counts in one go: each block of columns brings its histogram into the cache anew.
const CHUNK_ROWS: usize = 1024;
/// Rows below which a partition is not worth two threads.
const PARALLEL_ROWS: usize = 1 << 13;
/// Columns searched by one task.
const SEARCH_COLUMNS: usize = 8;
/// Cost of a search (see [`SearchColumn::cost`]) below which it is not worth two threads: about 8 µs of work.
const PARALLEL_SEARCH: usize = 1 << 13;

/// Which leaf is split next.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum GrowPolicy {
    /// The one that gains most.
    #[default]
    Leafwise,
    /// Level by level from the root; within a level the one that gains most.
    Depthwise,
    /// All leaves of a level at once, by one condition.
    Oblivious,
}

/// What limits a tree.
#[derive(Clone, Debug)]
pub(super) struct GrowParams {
    pub policy: GrowPolicy,
    pub max_leaf_nodes: usize,
    pub max_depth: usize,
    pub columns: ColumnShares,
    pub constraints: Constraints,
    pub split: SplitParams,
}

/// A column as the search sees it.
#[derive(Clone, Copy, Debug)]
pub(super) struct SearchColumn {
    pub n_bins: usize,
    pub is_category: bool,
}

impl SearchColumn {
    /// About how many nanoseconds a search takes: a category is sorted, and scored on its own.
    fn cost(self) -> usize {
        if self.is_category { 32 * self.n_bins } else { self.n_bins }
    }
}

/// Where a branch of a grown tree leads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Branch {
    Split(usize),
    Leaf(usize),
}

/// A tree in terms of bins.
#[derive(Clone, Debug)]
pub(super) struct GrownTree {
    pub root: Branch,
    /// Parents before children.
    pub splits: Vec<GrownSplit>,
    /// Each leaf's range of [`Grower::rows`]; within it rows rise.
    pub leaves: Vec<Range<usize>>,
    /// What each leaf's value must stay within.
    pub bounds: Vec<Bounds>,
    /// The leaves that share one value, where some do.
    pub groups: Option<Groups>,
}

/// Leaves that share values.
#[derive(Clone, Debug)]
pub(super) struct Groups {
    /// The group of each leaf.
    pub of_leaf: Vec<usize>,
    /// The rows of all leaves of each group.
    pub rows: Vec<Range<usize>>,
}

impl Groups {
    /// Sums over the leaves of each group.
    pub fn sums(&self, of_leaves: &[(f64, f64)]) -> Vec<(f64, f64)> {
        let mut sums = vec![(0.0, 0.0); self.rows.len()];
        for (&group, leaf) in self.of_leaf.iter().zip(of_leaves) {
            sums[group] = (sums[group].0 + leaf.0, sums[group].1 + leaf.1);
        }
        sums
    }
}

#[derive(Clone, Debug)]
pub(super) struct GrownSplit {
    pub column: usize,
    pub condition: BinCondition,
    pub gain: f64,
    pub children: [Branch; 2],
}

impl GrownTree {
    /// The leaf that a row of `table` falls into.
    pub fn leaf_of(&self, table: &BinnedTable, row: usize) -> usize {
        let mut at = self.root;
        loop {
            match at {
                Branch::Leaf(leaf) => return leaf,
                Branch::Split(split) => {
                    let split = &self.splits[split];
                    let left = split.condition.goes_left(table.column(split.column).at(row));
                    at = split.children[usize::from(!left)];
                }
            }
        }
    }
}

impl BinCondition {
    pub(super) fn goes_left(self, bin: u16) -> bool {
        match self {
            Self::AtMost { bin: last, missing_left } => bin <= last && (bin > 0 || missing_left),
            Self::Among(set) => set[usize::from(bin / 64)] >> (bin % 64) & 1 == 1,
        }
    }

    pub(super) fn table(self) -> [u8; 256] {
        std::array::from_fn(|bin| u8::from(self.goes_left(bin as u16)))
    }
}

/// A leaf that may still be split.
pub(super) struct Open {
    pub rows: Range<usize>,
    sum: u64,
    depth: usize,
    pub histogram: Vec<u64>,
    candidate: Option<Candidate>,
    pub bounds: Bounds,
    /// Columns split on the way here, rising; kept only where they limit what follows.
    path: Vec<u32>,
    /// The split above, and which of its children this is.
    parent: Option<(usize, usize)>,
}

impl Open {
    pub fn node(&self, units: Units) -> Node {
        Node { sum: self.sum, n_rows: self.rows.len(), units, bounds: self.bounds }
    }
}

/// Grows trees on one table, reusing its buffers.
pub(super) struct Grower<'a> {
    table: &'a BinnedTable,
    pub(super) columns: Vec<SearchColumn>,
    pub(super) params: GrowParams,
    n_threads: usize,
    /// The rows of the current tree; each leaf is a range.
    pub rows: Vec<u32>,
    /// What a partition sets aside.
    right: Vec<u32>,
    free: Vec<Vec<u64>>,
}

impl<'a> Grower<'a> {
    pub fn new(table: &'a BinnedTable, columns: Vec<SearchColumn>, params: GrowParams) -> Self {
        let n_threads = rayon_core::current_num_threads();
        Self { table, columns, params, n_threads, rows: Vec::new(), right: Vec::new(), free: Vec::new() }
    }

    /// Grows a tree on [`Grower::rows`], whose order it changes.
    ///
    /// # Errors
    /// `Interrupted` once `stop` is set.
    pub fn grow(&mut self, pairs: &[u32], units: Units, rng: &Rng, stop: &AtomicBool) -> Result<GrownTree> {
        if self.params.policy == GrowPolicy::Oblivious {
            return self.grow_oblivious(pairs, units, rng, stop);
        }
        let sample = ColumnSample::new(self.columns.len(), self.params.columns, rng);
        let mut open = vec![self.root(pairs)];
        self.search(&mut open, 0, units, &sample, rng);
        let mut splits: Vec<GrownSplit> = Vec::new();
        while open.len() < self.params.max_leaf_nodes {
            if stop.load(Ordering::Relaxed) {
                return Err(Error::Interrupted);
            }
            let Some((place, candidate)) = next(self.params.policy, &open) else { break };
            let parent = open.swap_remove(place);
            let split = splits.len();
            if let Some((above, side)) = parent.parent {
                splits[above].children[side] = Branch::Split(split);
            }
            splits.push(GrownSplit {
                column: candidate.column,
                condition: candidate.condition,
                gain: candidate.gain,
                children: [Branch::Leaf(0); 2],
            });
            let children = self.split(parent, candidate, split, pairs, units, open.len() + 2);
            open.extend(children);
            let first = open.len() - 2;
            self.search(&mut open, first, units, &sample, &rng.fork(split as u64 + 1));
        }
        Ok(self.close(open, splits))
    }

    /// All rows as one leaf.
    pub(super) fn root(&mut self, pairs: &[u32]) -> Open {
        let mut root = Open {
            rows: 0..self.rows.len(),
            sum: 0,
            depth: 0,
            histogram: Vec::new(),
            candidate: None,
            bounds: Bounds::FREE,
            path: Vec::new(),
            parent: None,
        };
        if self.may_split(&root, 1) {
            root.histogram = self.histogram(root.rows.clone(), pairs);
            // Each column's bins add up to all rows.
            root.sum = self.bins_of(&root, 0).iter().fold(0, |sum, &bin| sum.wrapping_add(bin));
        }
        root
    }

    fn may_split(&self, open: &Open, n_leaves: usize) -> bool {
        n_leaves < self.params.max_leaf_nodes
            && open.depth < self.params.max_depth
            && open.rows.len() >= 2
            && open.rows.len() as f64 >= 2.0 * self.params.split.min_samples_leaf
    }

    /// Partitions a node's rows and gives its children their histograms.
    pub(super) fn split(
        &mut self,
        parent: Open,
        candidate: Candidate,
        split: usize,
        pairs: &[u32],
        units: Units,
        n_leaves: usize,
    ) -> [Open; 2] {
        let middle = self.partition(parent.rows.clone(), candidate.column, candidate.condition);
        let sums = [candidate.left, parent.sum.wrapping_sub(candidate.left)];
        let bounds = self.bounds_of_children(&parent.node(units), candidate.column, sums);
        let path = self.params.constraints.interactions.path_with(parent.path, candidate.column);
        let child = |rows: Range<usize>, side: usize| Open {
            rows,
            sum: sums[side],
            depth: parent.depth + 1,
            histogram: Vec::new(),
            candidate: None,
            bounds: bounds[side],
            path: path.clone(),
            parent: Some((split, side)),
        };
        let mut left = child(parent.rows.start..middle, 0);
        let mut right = child(middle..parent.rows.end, 1);
        let left_is_smaller = left.rows.len() <= right.rows.len();
        let (smaller, larger) = if left_is_smaller { (&mut left, &mut right) } else { (&mut right, &mut left) };
        let mut inherited = parent.histogram;
        if self.may_split(larger, n_leaves) {
            let is_small = smaller.rows.len() * self.table.n_columns() < PARALLEL_UPDATES;
            if is_small && !self.may_split(smaller, n_leaves) {
                self.deduct(smaller.rows.clone(), pairs, &mut inherited);
            } else {
                let counted = self.histogram(smaller.rows.clone(), pairs);
                subtract(&mut inherited, &counted);
                if self.may_split(smaller, n_leaves) {
                    smaller.histogram = counted;
                } else {
                    self.free.push(counted);
                }
            }
            larger.histogram = inherited;
        } else {
            self.free.push(std::mem::take(&mut inherited));
        }
        [left, right]
    }

    fn bounds_of_children(&self, node: &Node, column: usize, sums: [u64; 2]) -> [Bounds; 2] {
        let sign = self.params.constraints.sign(column);
        if sign == 0 {
            return [node.bounds; 2];
        }
        let params = &self.params.split;
        let value = |sum| params.value(node.side(sum, 0.0), params.l2, node.bounds);
        node.bounds.of_children(sign, value(sums[0]), value(sums[1]))
    }

    /// Moves the rows that go left to the front of `range` and returns where the others begin. Keeps the order on both sides.
    pub(super) fn partition(&mut self, range: Range<usize>, column: usize, condition: BinCondition) -> usize {
        let Self { rows, right, n_threads, table, .. } = self;
        let rows = &mut rows[range.clone()];
        let bins = table.column(column);
        let lookup = condition.table();
        let goes_left = match condition {
            BinCondition::AtMost { bin, missing_left } => {
                GoesLeft::Range { first: u16::from(!missing_left), last: bin }
            }
            BinCondition::Among(_) => GoesLeft::Table(&lookup),
        };
        let part_len = if rows.len() < PARALLEL_ROWS { rows.len().max(1) } else { rows.len().div_ceil(2 * *n_threads) };
        let room = rows.len() + rows.len().div_ceil(part_len) * SLACK;
        if right.len() < room {
            right.resize(room, 0);
        }
        let mut parts: Vec<Part<'_>> = rows
            .chunks_mut(part_len)
            .zip(right.chunks_mut(part_len + SLACK))
            .map(|(rows, right)| Part { rows, right, n_left: 0 })
            .collect();
        pool::for_each(&mut parts, &|part| part.n_left = partition(part.rows, bins, goes_left, part.right));
        let pieces: Vec<(usize, usize)> =
            parts.iter().map(|part| (part.n_left, part.rows.len() - part.n_left)).collect();
        let mut n_left = 0;
        for (part, &(lefts, _)) in pieces.iter().enumerate() {
            let first = part * part_len;
            rows.copy_within(first..first + lefts, n_left);
            n_left += lefts;
        }
        let mut to_right = &mut rows[n_left..];
        for (&(_, rights), right) in pieces.iter().zip(right.chunks(part_len + SLACK)) {
            let (target, rest) = to_right.split_at_mut(rights);
            target.copy_from_slice(&right[..rights]);
            to_right = rest;
        }
        range.start + n_left
    }

    fn histogram(&mut self, range: Range<usize>, pairs: &[u32]) -> Vec<u64> {
        let updates = range.len() * self.table.n_columns();
        if updates < PARALLEL_UPDATES {
            let mut histogram = self.take_histogram();
            self.accumulate(range, pairs, &mut histogram);
            histogram
        } else if updates < BY_ROWS_UPDATES.max(UPDATES_PER_ENTRY * self.table.histogram_len()) {
            self.histogram_by_columns(range, pairs)
        } else {
            self.histogram_by_rows(range, pairs)
        }
    }

    /// Adds rows to a histogram.
    fn accumulate(&self, range: Range<usize>, pairs: &[u32], mut histogram: &mut [u64]) {
        for block in self.table.blocks() {
            let (own, rest) = histogram.split_at_mut(block.n_columns * block.spacing.entries());
            accumulate(block, consecutive(&self.rows[range.clone()]), pairs, own);
            histogram = rest;
        }
    }

    /// Each thread counts some of the columns: no sums need to be put together, which small nodes would feel.
    fn histogram_by_columns(&mut self, range: Range<usize>, pairs: &[u32]) -> Vec<u64> {
        let mut histogram = self.take_histogram();
        let width = self.table.n_columns().div_ceil(self.n_threads).next_multiple_of(COLUMNS_AT_ONCE);
        let mut parts: Vec<(BinRows<'_>, &mut [u64])> = Vec::new();
        let mut room = histogram.as_mut_slice();
        for block in self.table.blocks() {
            for first_column in (0..block.n_columns).step_by(width) {
                let n_columns = width.min(block.n_columns - first_column);
                let (own, rest) = room.split_at_mut(n_columns * block.spacing.entries());
                parts.push((BinRows { first_column, n_columns, ..block }, own));
                room = rest;
            }
        }
        let rows = consecutive(&self.rows[range]);
        pool::for_each(&mut parts, &|(columns, histogram)| accumulate(*columns, rows, pairs, histogram));
        histogram
    }

    /// Each thread counts some of the rows in a histogram of its own.
    fn histogram_by_rows(&mut self, range: Range<usize>, pairs: &[u32]) -> Vec<u64> {
        let mut buffers: Vec<Vec<u64>> = (0..self.n_threads).map(|_| self.take_histogram()).collect();
        let chunk_len = (CHUNK_UPDATES / self.table.n_columns()).max(CHUNK_ROWS);
        // Whoever is free takes the next chunk: a thread that wakes late or shares its core takes fewer. Sums do not depend on it.
        let next = AtomicUsize::new(range.start);
        pool::for_each(&mut buffers, &|histogram| {
            loop {
                let first = next.fetch_add(chunk_len, Ordering::Relaxed);
                if first >= range.end {
                    break;
                }
                self.accumulate(first..range.end.min(first + chunk_len), pairs, histogram);
            }
        });
        let mut whole = buffers.swap_remove(0);
        for part in buffers {
            for (sum, add) in whole.iter_mut().zip(&part) {
                *sum = sum.wrapping_add(*add);
            }
            self.free.push(part);
        }
        whole
    }

    /// Takes rows out of a histogram. What a leaf that is not split has in each bin is of no other use.
    fn deduct(&self, range: Range<usize>, pairs: &[u32], mut histogram: &mut [u64]) {
        for block in self.table.blocks() {
            let (own, rest) = histogram.split_at_mut(block.n_columns * block.spacing.entries());
            deduct(block, consecutive(&self.rows[range.clone()]), pairs, own);
            histogram = rest;
        }
    }

    fn take_histogram(&mut self) -> Vec<u64> {
        match self.free.pop() {
            Some(mut histogram) if histogram.len() == self.table.histogram_len() => {
                histogram.fill(0);
                histogram
            }
            _ => vec![0; self.table.histogram_len()],
        }
    }

    /// Finds the best split of each open leaf from `first` on that has a histogram.
    fn search(&self, open: &mut [Open], first: usize, units: Units, sample: &ColumnSample, rng: &Rng) {
        struct Task<'t> {
            open: &'t Open,
            columns: &'t [u32],
            best: Option<Candidate>,
        }
        let searched = open[first..].iter().enumerate().filter(|(_, open)| !open.histogram.is_empty());
        let nodes: Vec<(&Open, Vec<u32>)> = searched
            .map(|(place, open)| {
                let allowed = self.params.constraints.interactions.allowed(&open.path);
                (open, sample.of_node(open.depth, allowed.as_deref(), rng.fork(place as u64)))
            })
            .collect();
        let cost: usize = nodes.iter().flat_map(|(_, columns)| columns).map(|&c| self.columns[c as usize].cost()).sum();
        let is_parallel = cost >= PARALLEL_SEARCH;
        let mut tasks: Vec<Task<'_>> = Vec::new();
        for (open, columns) in &nodes {
            let n_together = if is_parallel { SEARCH_COLUMNS } else { columns.len().max(1) };
            tasks.extend(columns.chunks(n_together).map(|columns| Task { open, columns, best: None }));
        }
        let work = |task: &mut Task<'_>, room: &mut Scores| {
            let node = task.open.node(units);
            let numeric = NumericSearch::new(&node, &self.params.split);
            for &column in task.columns {
                let found = self.best_split(task.open, column as usize, &numeric, task.best, room);
                task.best = [task.best, found].into_iter().flatten().reduce(better);
            }
        };
        if is_parallel {
            pool::for_each(&mut tasks, &|task| work(task, &mut Scores::default()));
        } else {
            let mut room = Scores::default();
            for task in &mut tasks {
                work(task, &mut room);
            }
        }
        let found: Vec<(usize, Candidate)> =
            tasks.iter().filter_map(|task| Some((task.open.rows.start, task.best?))).collect();
        for open in &mut open[first..] {
            open.candidate = found
                .iter()
                .filter(|(start, _)| *start == open.rows.start)
                .map(|&(_, candidate)| candidate)
                .reduce(better);
        }
    }

    /// The best split of a node by one column, unless `best` is surely better.
    fn best_split(
        &self,
        open: &Open,
        column: usize,
        numeric: &NumericSearch<'_>,
        best: Option<Candidate>,
        room: &mut Scores,
    ) -> Option<Candidate> {
        let (node, bins) = (numeric.node, self.bins_of(open, column));
        let sign = self.params.constraints.sign(column);
        if self.columns[column].is_category {
            best_categories(bins, column, node, &self.params.split)
        } else if sign == 0 && node.bounds.is_free() {
            numeric.best(bins, column, best.map(|best| best.gain), room)
        } else {
            best_numeric_within(bins, column, sign, node, &self.params.split)
        }
    }

    /// A column's part of a node's histogram.
    pub(super) fn bins_of<'h>(&self, open: &'h Open, column: usize) -> &'h [u64] {
        &open.histogram[self.table.offset(column)..][..self.columns[column].n_bins]
    }

    /// Keeps a finished leaf's buffer for later nodes.
    pub(super) fn recycle(&mut self, open: Open) {
        if !open.histogram.is_empty() {
            self.free.push(open.histogram);
        }
    }

    /// Numbers the leaves from left to right.
    fn close(&mut self, mut open: Vec<Open>, mut splits: Vec<GrownSplit>) -> GrownTree {
        open.sort_by_key(|open| open.rows.start);
        let root = if splits.is_empty() { Branch::Leaf(0) } else { Branch::Split(0) };
        let mut leaves = Vec::with_capacity(open.len());
        let mut bounds = Vec::with_capacity(open.len());
        for (leaf, open) in open.into_iter().enumerate() {
            if let Some((above, side)) = open.parent {
                splits[above].children[side] = Branch::Leaf(leaf);
            }
            leaves.push(open.rows.clone());
            bounds.push(open.bounds);
            self.recycle(open);
        }
        GrownTree { root, splits, leaves, bounds, groups: None }
    }
}

/// A run of rows on its way to both sides.
struct Part<'p> {
    rows: &'p mut [u32],
    right: &'p mut [u32],
    n_left: usize,
}

/// The leaf to split next: the earliest of the best, an order that no thread decides.
fn next(policy: GrowPolicy, open: &[Open]) -> Option<(usize, Candidate)> {
    let depth = |place: usize| if policy == GrowPolicy::Depthwise { open[place].depth } else { 0 };
    let splittable = open.iter().enumerate().filter_map(|(place, open)| Some((place, open.candidate?)));
    splittable.reduce(|best, other| {
        let is_better = match depth(other.0).cmp(&depth(best.0)) {
            std::cmp::Ordering::Less => true,
            std::cmp::Ordering::Equal => other.1.gain > best.1.gain,
            std::cmp::Ordering::Greater => false,
        };
        if is_better { other } else { best }
    })
}

/// The candidate with the higher gain; the earlier column where they are equal.
fn better(a: Candidate, b: Candidate) -> Candidate {
    if b.gain > a.gain { b } else { a }
}

/// Rows without a gap are read in order, which needs no list.
fn consecutive(rows: &[u32]) -> Rows<'_> {
    match (rows.first(), rows.last()) {
        (Some(&first), Some(&last)) if (last as usize).wrapping_sub(first as usize) == rows.len() - 1 => {
            Rows::Range(first as usize, rows.len())
        }
        _ => Rows::Listed(rows),
    }
}
