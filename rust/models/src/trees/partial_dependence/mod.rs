//! Partial dependence of tree ensembles (Friedman, Annals of Statistics 29, 2001, section 8.2): the raw score as a function of few
//! columns, averaged over what the others are.
//!
//! A leaf adds its value where a cell of the grid meets the path's conditions on the grid's columns and a row those on all others, and neither
//! asks what the other is. So no row is scored once per cell: it goes down each tree once, to both sides of the splits on the grid's
//! columns; the weight of the rows that come to a leaf then goes to all of the leaf's cells at once.

mod grid;

use std::ops::Range;
use std::sync::atomic::{AtomicBool, Ordering};

use arsenal_core::ensemble::{Aggregate, Child, Tree, TreeEnsemble};
use arsenal_core::pool;
use arsenal_core::table::Table;
use arsenal_core::{Error, Result, value_error};

use super::reader::{Block, Reader};
pub use super::reader::{Values, column_numbers};
use super::shap::{Step, share};
use grid::{Grid, Reach};

/// An ensemble over a grid.
pub struct PartialDependence<'e> {
    ensemble: &'e TreeEnsemble,
    grid: Grid,
    /// Of each tree.
    reaches: Vec<Reach>,
}

/// Numbers that are read of a table at a time.
const BLOCK_NUMBERS: usize = 1 << 22;
/// Numbers that trees write side by side before they are summed.
const BATCH_NUMBERS: usize = 1 << 22;
/// Numbers of a block of rows that each have their own curve: they stay in the second-level cache.
const CURVE_NUMBERS: usize = 1 << 15;

impl<'e> PartialDependence<'e> {
    /// Takes a grid: columns of the model with values of each. O(splits · values).
    ///
    /// # Errors
    /// `Value` if a column is unknown, there twice, without values, or of text where the model knows numbers (or the reverse), or if
    /// there are more than 2³² cells; `Interrupted` once `stop` is set.
    pub fn new(ensemble: &'e TreeEnsemble, axes: &[(usize, Values)], stop: &AtomicBool) -> Result<Self> {
        let grid = Grid::new(ensemble, axes)?;
        let mut reaches: Vec<(&Tree, Option<Reach>)> = ensemble.trees.iter().map(|tree| (tree, None)).collect();
        pool::for_each(&mut reaches, &|(tree, reach)| {
            *reach = (!stop.load(Ordering::Relaxed)).then(|| grid.reach(tree));
        });
        let reaches = reaches.into_iter().map(|(_, reach)| reach.ok_or(Error::Interrupted)).collect::<Result<_>>()?;
        Ok(Self { ensemble, grid, reaches })
    }

    /// Numbers that [`PartialDependence::by_rows`] and [`PartialDependence::by_shares`] give, and
    /// [`PartialDependence::of_each_row`] per row.
    pub fn n_numbers(&self) -> usize {
        self.ensemble.n_targets * self.grid.n_cells
    }

    /// Writes the mean raw score of the training to `out`, `[targets, cells]`: other columns go both ways, by the shares of training rows.
    ///
    /// # Errors
    /// `Interrupted` once `stop` is set.
    ///
    /// # Panics
    /// If `out` does not hold [`PartialDependence::n_numbers`] numbers.
    pub fn by_shares(&self, out: &mut [f64], stop: &AtomicBool) -> Result<()> {
        let weights: Vec<Vec<f64>> = self.ensemble.trees.iter().map(|tree| shares(tree, &self.grid)).collect();
        self.spread(&weights, out, stop)
    }

    /// Writes the mean raw score of a table's rows to `out`, `[targets, cells]`, with the grid's values in place of their own.
    ///
    /// O(rows · trees · depth + leaves · cells), where a split on the grid's columns doubles what is below it. The numbers do not depend
    /// on the number of threads.
    ///
    /// # Errors
    /// `Value` if the table has other columns than the model or no rows, or the weights are of another number or without a sum above
    /// 0; `Interrupted` once `stop` is set.
    ///
    /// # Panics
    /// If `out` does not hold [`PartialDependence::n_numbers`] numbers.
    pub fn by_rows(
        &self,
        table: &Table<'_>,
        weights: Option<&[f64]>,
        out: &mut [f64],
        stop: &AtomicBool,
    ) -> Result<()> {
        let reader = Reader::new(self.ensemble, table)?;
        let n_rows = table.n_rows();
        let total = weights.map_or(n_rows as f64, |weights| weights.iter().sum());
        if n_rows == 0 {
            return value_error!("X has 0 rows, wanted at least 1");
        }
        if let Some(weights) = weights.filter(|weights| weights.len() != n_rows || !(total > 0.0 && total.is_finite()))
        {
            return value_error!("sample_weight has {} numbers of sum {total}, X has {n_rows} rows", weights.len());
        }
        let mut tasks: Vec<(&Tree, Vec<f64>)> =
            self.ensemble.trees.iter().map(|tree| (tree, vec![0.0; tree.n_leaves()])).collect();
        let block_rows = (BLOCK_NUMBERS / self.ensemble.features.len().max(1)).clamp(256, 1 << 14);
        for first in (0..n_rows).step_by(block_rows) {
            let rows = first..n_rows.min(first + block_rows);
            let block = reader.read(rows.clone());
            let weights = weights.map(|weights| &weights[rows]);
            pool::for_each(&mut tasks, &|(tree, sums)| {
                if !stop.load(Ordering::Relaxed) {
                    self.walk(tree, &block, |leaf, rows| {
                        sums[leaf] += match weights {
                            None => rows.len() as f64,
                            Some(weights) => rows.iter().map(|&row| weights[row as usize]).sum(),
                        };
                    });
                }
            });
        }
        let of_all = |sums: Vec<f64>| sums.into_iter().map(|sum| sum / total).collect();
        let weights: Vec<Vec<f64>> = tasks.into_iter().map(|(_, sums)| of_all(sums)).collect();
        self.spread(&weights, out, stop)
    }

    /// Writes the raw score of every row to `out`, `[rows, targets, cells]`, with the grid's values in place of its own.
    ///
    /// A row's numbers do not depend on the other rows or the number of threads. O(rows · (trees · depth + cells · trees)).
    ///
    /// # Errors
    /// `Value` if the table has other columns than the model; `Interrupted` once `stop` is set.
    ///
    /// # Panics
    /// If `out` does not hold [`PartialDependence::n_numbers`] numbers per row.
    pub fn of_each_row(&self, table: &Table<'_>, out: &mut [f64], stop: &AtomicBool) -> Result<()> {
        let (n_rows, n_places) = (table.n_rows(), self.n_numbers());
        assert_eq!(out.len(), n_rows * n_places, "out has another size than the curves");
        let reader = Reader::new(self.ensemble, table)?;
        let block_rows = (CURVE_NUMBERS / n_places).clamp(16, 1024);
        let mut blocks: Vec<(usize, &mut [f64])> = out.chunks_mut(block_rows * n_places).enumerate().collect();
        pool::for_each(&mut blocks, &|(number, out)| {
            let first = *number * block_rows;
            let block = reader.read(first..n_rows.min(first + block_rows));
            out.fill(0.0);
            for (number, tree) in self.ensemble.trees.iter().enumerate() {
                if stop.load(Ordering::Relaxed) {
                    return;
                }
                self.walk(tree, &block, |leaf, rows| {
                    for &row in rows {
                        let curves = &mut out[row as usize * n_places..][..n_places];
                        self.add(number, leaf, 1.0, self.ensemble.first_target(number), curves);
                    }
                });
            }
            self.aggregate(out);
        });
        if stop.load(Ordering::Relaxed) { Err(Error::Interrupted) } else { Ok(()) }
    }

    /// Takes the rows of a block down a tree, to both sides of the splits on the grid's columns, and hands on those that come to
    /// each leaf. The order of a leaf's rows depends on nothing but the tree and the block.
    fn walk(&self, tree: &Tree, block: &Block, mut visit: impl FnMut(usize, &[u32])) {
        let mut rows: Vec<u32> = (0..block.n_rows as u32).collect();
        let mut open: Vec<(Child, Range<usize>)> = vec![(tree.root, 0..rows.len())];
        while let Some((node, range)) = open.pop() {
            match node {
                _ if range.is_empty() => {}
                Child::Leaf(leaf) => visit(leaf as usize, &rows[range]),
                Child::Split(split) => {
                    let split = &tree.splits[split as usize];
                    let (left, right) = if self.grid.has(split.feature) {
                        // Either side reorders the rows; they stay the same ones.
                        (range.clone(), range)
                    } else {
                        let middle = range.start + block.part(split, &mut rows[range.clone()]);
                        (range.start..middle, middle..range.end)
                    };
                    open.extend([(split.right, right), (split.left, left)]);
                }
            }
        }
    }

    /// Sums the leaves' values times their weights, each for all of its cells, in the order of the trees.
    fn spread(&self, weights: &[Vec<f64>], out: &mut [f64], stop: &AtomicBool) -> Result<()> {
        assert_eq!(out.len(), self.n_numbers(), "out has another size than the grid");
        out.fill(0.0);
        let n_places = self.ensemble.width() * self.grid.n_cells;
        let batch = (BATCH_NUMBERS / n_places).max(1);
        let numbers: Vec<usize> = (0..self.ensemble.trees.len()).collect();
        for numbers in numbers.chunks(batch) {
            let mut tasks: Vec<(usize, Vec<f64>)> = numbers.iter().map(|&number| (number, Vec::new())).collect();
            pool::for_each(&mut tasks, &|(number, sums)| {
                sums.resize(n_places, 0.0);
                for (leaf, &weight) in weights[*number].iter().enumerate() {
                    if weight > 0.0 && !stop.load(Ordering::Relaxed) {
                        self.add(*number, leaf, weight, 0, sums);
                    }
                }
            });
            for (number, sums) in tasks {
                let place = self.ensemble.first_target(number) * self.grid.n_cells;
                out[place..].iter_mut().zip(sums).for_each(|(out, sum)| *out += sum);
            }
        }
        self.aggregate(out);
        if stop.load(Ordering::Relaxed) { Err(Error::Interrupted) } else { Ok(()) }
    }

    /// Adds a leaf's values times `weight` to its cells in `curves`, `[targets, cells]`, from `first_target` on.
    fn add(&self, number: usize, leaf: usize, weight: f64, first_target: usize, curves: &mut [f64]) {
        let (tree, n_cells) = (&self.ensemble.trees[number], self.grid.n_cells);
        let width = self.ensemble.width();
        self.grid.each_run(&self.reaches[number], leaf, &mut |run| {
            for (target, value) in (first_target..).zip(&tree.values[leaf * width..][..width]) {
                let value = weight * value;
                curves[target * n_cells..][run.clone()].iter_mut().for_each(|sum| *sum += value);
            }
        });
    }

    /// Sums over all trees become what the model makes of them.
    fn aggregate(&self, sums: &mut [f64]) {
        if self.ensemble.aggregate == Aggregate::Mean {
            let n_trees = self.ensemble.trees.len() as f64;
            for sum in sums {
                *sum /= n_trees;
            }
        }
    }
}

/// Per leaf, the share of the training rows that come to it if they go both ways at splits on the grid's columns.
fn shares(tree: &Tree, grid: &Grid) -> Vec<f64> {
    let mut shares = vec![0.0; tree.n_leaves()];
    let mut open = vec![(tree.root, 1.0)];
    while let Some((node, weight)) = open.pop() {
        match node {
            Child::Leaf(leaf) => shares[leaf as usize] = weight,
            Child::Split(number) => {
                let split = &tree.splits[number as usize];
                for (child, goes_left) in [(split.left, true), (split.right, false)] {
                    let step = Step { split: number as usize, goes_left };
                    open.push((child, if grid.has(split.feature) { weight } else { weight * share(tree, step) }));
                }
            }
        }
    }
    shares
}
