//! Where rows go in the finished trees.

use std::sync::atomic::AtomicBool;

use arsenal_core::Result;
use arsenal_core::ensemble::{Child, Tree};
use arsenal_core::pool;
use arsenal_core::table::Table;

use super::state::State;
use crate::trees::binned::{BinnedTable, Layouts};
use crate::trees::grown::of_bins;
use crate::trees::split::BinCondition;

/// Nodes that rows pass, as compressed sparse rows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Paths {
    /// Where each row's nodes begin; one more entry than rows.
    pub indptr: Vec<i64>,
    /// Nodes, rising within a row; those of a tree follow those of the trees before it.
    pub indices: Vec<i64>,
}

/// A tree in bins, its nodes numbered from the root, left before right.
pub(super) struct Walk {
    root: Child,
    splits: Vec<(usize, BinCondition, [Child; 2])>,
    split_ids: Vec<u32>,
    leaf_ids: Vec<u32>,
}

impl Walk {
    pub fn new(tree: &Tree, state: &State) -> Self {
        let columns = &state.binning.columns;
        let splits = tree.splits.iter().map(|split| {
            let column = split.feature as usize;
            (column, of_bins(&split.condition, &columns[column]), [split.left, split.right])
        });
        let splits: Vec<_> = splits.collect();
        let (mut split_ids, mut leaf_ids) = (vec![0; splits.len()], vec![0; tree.n_leaves()]);
        let (mut pending, mut next) = (vec![tree.root], 0);
        while let Some(node) = pending.pop() {
            match node {
                Child::Split(split) => {
                    split_ids[split as usize] = next;
                    let [left, right] = splits[split as usize].2;
                    pending.extend([right, left]);
                }
                Child::Leaf(leaf) => leaf_ids[leaf as usize] = next,
            }
            next += 1;
        }
        Self { root: tree.root, splits, split_ids, leaf_ids }
    }

    /// Numbers of the nodes from the root to the leaf.
    fn path<'w>(&'w self, table: &'w BinnedTable, row: usize) -> impl Iterator<Item = u32> + 'w {
        std::iter::successors(Some(self.root), move |&node| match node {
            Child::Leaf(_) => None,
            Child::Split(split) => Some(self.below(split, table, row)),
        })
        .map(|node| match node {
            Child::Split(split) => self.split_ids[split as usize],
            Child::Leaf(leaf) => self.leaf_ids[leaf as usize],
        })
    }

    /// The leaf of a row, counted from the left.
    pub fn leaf(&self, table: &BinnedTable, row: usize) -> usize {
        let mut node = self.root;
        loop {
            match node {
                Child::Leaf(leaf) => return leaf as usize,
                Child::Split(split) => node = self.below(split, table, row),
            }
        }
    }

    fn below(&self, split: u32, table: &BinnedTable, row: usize) -> Child {
        let (column, condition, children) = self.splits[split as usize];
        children[usize::from(!condition.goes_left(table.column(column).at(row)))]
    }
}

/// Rows that one task walks.
const BLOCK: usize = 1024;

impl State {
    /// Number of nodes of each tree.
    pub fn n_nodes(&self) -> Vec<usize> {
        self.ensemble.trees.iter().map(|tree| tree.splits.len() + tree.n_leaves()).collect()
    }

    /// Row-major, the number of the leaf that each tree gives a row. O(rows · trees · depth).
    ///
    /// # Errors
    /// `Value` if the table's columns are not those of the training table.
    pub fn apply(&self, table: &Table<'_>, n_threads: usize) -> Result<Vec<i64>> {
        let parts = self.walk(table, n_threads, |walks, binned, row, out: &mut Vec<i64>| {
            out.extend(walks.iter().map(|walk| walk.path(binned, row).last().map_or(0, i64::from)));
        })?;
        Ok(parts.concat())
    }

    /// The nodes that each row passes, in every tree.
    ///
    /// # Errors
    /// `Value` if the table's columns are not those of the training table.
    pub fn paths(&self, table: &Table<'_>, n_threads: usize) -> Result<Paths> {
        let firsts: Vec<i64> =
            self.n_nodes().iter().scan(0, |next, &n| Some(std::mem::replace(next, *next + n as i64))).collect();
        let parts = self.walk(table, n_threads, |walks, binned, row, out: &mut Vec<Vec<i64>>| {
            let nodes = walks.iter().zip(&firsts).flat_map(|(walk, first)| {
                walk.path(binned, row).map(move |node| first + i64::from(node)).collect::<Vec<_>>()
            });
            out.push(nodes.collect());
        })?;
        let mut paths = Paths { indptr: vec![0], indices: Vec::new() };
        for row in parts.into_iter().flatten() {
            paths.indices.extend(row);
            paths.indptr.push(paths.indices.len() as i64);
        }
        Ok(paths)
    }

    fn walk<O: Send>(
        &self,
        table: &Table<'_>,
        n_threads: usize,
        visit: impl Fn(&[Walk], &BinnedTable, usize, &mut Vec<O>) + Sync,
    ) -> Result<Vec<Vec<O>>> {
        pool::pool(n_threads)?.install(|| {
            let binned = BinnedTable::new(table, &self.binning, Layouts::Columns, &AtomicBool::new(false))?;
            let walks: Vec<Walk> = self.ensemble.trees.iter().map(|tree| Walk::new(tree, self)).collect();
            let mut blocks: Vec<(usize, Vec<O>)> =
                (0..binned.n_rows()).step_by(BLOCK).map(|first| (first, Vec::new())).collect();
            pool::for_each(&mut blocks, &|(first, out)| {
                for row in *first..binned.n_rows().min(*first + BLOCK) {
                    visit(&walks, &binned, row, out);
                }
            });
            Ok(blocks.into_iter().map(|(_, out)| out).collect())
        })
    }
}
