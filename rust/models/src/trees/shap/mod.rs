//! Shapley values of tree ensembles: how much each column, or pair of columns, moves a row's raw score.
//!
//! Exact, for the two games of Lundberg et al. (Nature Machine Intelligence 2, 2020): columns that are not known are filled in by the
//! shares of training rows along each tree, or by the rows of a background table. What a leaf adds depends on few bits of a row (which
//! columns on its way agree), so the sums of small subtrees are tabulated for all patterns of their bits, once for all rows. Trees too
//! deep for tables are swept row by row.

mod game;
mod leaf;
mod paths;
mod quadrature;
mod sweep;

use std::ops::Range;
use std::sync::atomic::{AtomicBool, Ordering};

use arsenal_core::ensemble::{Aggregate, Tree, TreeEnsemble};
use arsenal_core::pool;
use arsenal_core::table::Table;
use arsenal_core::{Error, Result, value_error};
use arsenal_simd::paths::{add_looked_up, keep_met, set_bits};

use game::{Filler, Game, GroupGame, Shape, sides};
pub use leaf::Order;
use leaf::Scratch;
pub(super) use paths::{Step, share};
use quadrature::{Beta, Quadrature};
use sweep::SweepScratch;

use super::reader::Reader;

/// An ensemble made ready to explain rows.
pub struct Explainer<'e, 't> {
    ensemble: &'e TreeEnsemble,
    background: Option<(Reader<'e, 't>, usize)>,
    /// What each tree adds where nothing is known of a row.
    expected: Vec<Vec<f64>>,
    shape: Shape,
    rules: Vec<Quadrature>,
    beta: Beta,
}

/// Leaves of the trees that are made ready at a time: they bound the memory for tables.
const BATCH_LEAVES: usize = 1 << 12;
/// Numbers of a block of rows: they stay in the second-level cache.
const BLOCK_NUMBERS: usize = 1 << 15;

impl<'e, 't> Explainer<'e, 't> {
    /// Surveys every tree. O(splits · depth), and O(rows · trees · depth) with a background.
    ///
    /// # Errors
    /// `Value` if the background has other columns than the model, or no rows; `Interrupted` once `stop` is set.
    pub fn new(
        ensemble: &'e TreeEnsemble,
        background: Option<&'e Table<'t>>,
        order: Order,
        stop: &AtomicBool,
    ) -> Result<Self> {
        let shape = Shape { order, n_features: ensemble.features.len(), n_targets: ensemble.n_targets };
        if background.is_some_and(|table| table.n_rows() == 0) {
            return value_error!("background has 0 rows, wanted at least 1");
        }
        let background = match background {
            Some(table) => Some((Reader::new(ensemble, table)?, table.n_rows())),
            None => None,
        };
        let other = background.as_ref().map(|(reader, n_rows)| (reader, *n_rows));
        let mut tasks: Vec<(&Tree, usize, Result<Vec<f64>>)> =
            ensemble.trees.iter().map(|tree| (tree, 0, Ok(Vec::new()))).collect();
        pool::for_each(&mut tasks, &|(tree, longest, expected)| {
            *longest = paths::survey(tree).longest;
            *expected = game::expected(tree, ensemble.width(), other, stop);
        });
        let longest = tasks.iter().map(|task| task.1).max().unwrap_or(0);
        let expected = tasks.into_iter().map(|task| task.2).collect::<Result<_>>()?;
        let rules = (0..=longest.div_ceil(2)).map(Quadrature::new).collect();
        Ok(Self { ensemble, background, expected, shape, rules, beta: Beta::new(longest + 1) })
    }

    /// What the values of a row are counted from: per target the mean raw score of the training, or of the background.
    pub fn expected(&self) -> Vec<f64> {
        let mut sums = vec![0.0; self.ensemble.n_targets];
        for (tree, expected) in self.expected.iter().enumerate() {
            let targets = &mut sums[self.ensemble.first_target(tree)..];
            targets.iter_mut().zip(expected).for_each(|(sum, expected)| *sum += expected);
        }
        self.aggregate(&mut sums);
        sums
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

    /// Numbers that [`Explainer::explain`] gives per row.
    pub fn n_numbers(&self) -> usize {
        self.shape.n_places()
    }

    /// Writes the values of every row to `out`: `[rows, columns, targets]`, or `[rows, columns, columns, targets]`.
    ///
    /// The numbers of a row, the expected score added, sum up to its raw score. They depend on that row alone, whatever the other rows
    /// and the number of threads. O(rows · groups · columns) after O(leaves · 2^columns) for the tables; runs on the calling pool.
    ///
    /// # Errors
    /// `Value` if the table has other columns than the model; `Interrupted` once `stop` is set.
    ///
    /// # Panics
    /// If `out` does not hold [`Explainer::n_numbers`] numbers per row.
    pub fn explain(&self, table: &Table<'_>, out: &mut [f64], stop: &AtomicBool) -> Result<()> {
        let (n_rows, n_places) = (table.n_rows(), self.shape.n_places());
        assert_eq!(out.len(), n_rows * n_places, "out has another size than the explanations");
        let reader = Reader::new(self.ensemble, table)?;
        out.fill(0.0);
        if out.is_empty() {
            return Ok(());
        }
        let by_threads = n_rows.div_ceil(2 * rayon_core::current_num_threads());
        let block_rows = (BLOCK_NUMBERS / n_places).clamp(32, 1024).min(by_threads.max(32));
        let mut first_tree = 0;
        while first_tree < self.ensemble.trees.len() {
            let trees = self.batch(first_tree);
            let games = self.games(trees.clone(), n_rows, stop)?;
            let mut blocks: Vec<(usize, &mut [f64])> = out.chunks_mut(block_rows * n_places).enumerate().collect();
            pool::for_each(&mut blocks, &|(block, out)| {
                let first = *block * block_rows;
                self.explain_block(&reader, first..n_rows.min(first + block_rows), &games, out, stop);
            });
            if stop.load(Ordering::Relaxed) {
                return Err(Error::Interrupted);
            }
            first_tree = trees.end;
        }
        let mut blocks: Vec<&mut [f64]> = out.chunks_mut(block_rows * n_places).collect();
        pool::for_each(&mut blocks, &|block| {
            self.aggregate(block);
            if self.shape.order == Order::Interactions {
                block.chunks_exact_mut(n_places).for_each(|row| self.complete(row));
            }
        });
        Ok(())
    }

    /// Trees from `first` on that are worked on together; at least one.
    fn batch(&self, first: usize) -> Range<usize> {
        let mut n_leaves = self.ensemble.trees[first].n_leaves();
        let trees = self.ensemble.trees[first + 1..].iter().take_while(|tree| {
            n_leaves += tree.n_leaves();
            n_leaves <= BATCH_LEAVES
        });
        first..first + 1 + trees.count()
    }

    /// Some trees, each with the tables of its groups that pay for this number of rows.
    fn games(&self, trees: Range<usize>, n_rows: usize, stop: &AtomicBool) -> Result<Vec<Ready<'e>>> {
        let background = self.background.as_ref().map(|(reader, n_rows)| (reader, *n_rows));
        let filler = Filler { rules: &self.rules, background };
        let mut tasks: Vec<(usize, Result<Ready<'e>>)> =
            trees.map(|number| (number, Err(Error::Interrupted))).collect();
        pool::for_each(&mut tasks, &|(number, ready)| {
            let game = Game::new(self.ensemble, *number, &self.expected[*number], self.shape, filler, stop);
            *ready = game.map(|game| {
                let table = |group: &GroupGame| is_tabulated(group, n_rows).then(|| group.table(&self.beta));
                Ready { tree: &self.ensemble.trees[*number], tables: game.groups.iter().map(table).collect(), game }
            });
        });
        tasks.into_iter().map(|(_, ready)| ready).collect()
    }

    /// Adds what some trees give to a block of rows.
    fn explain_block(
        &self,
        reader: &Reader<'_, '_>,
        rows: Range<usize>,
        games: &[Ready<'_>],
        out: &mut [f64],
        stop: &AtomicBool,
    ) {
        let n_rows = rows.len();
        let n_places = self.shape.n_places();
        let block = reader.read(rows);
        // Place after place, so that one look-up of many rows writes side by side.
        let mut sums = vec![0.0; out.len()];
        for (row, out) in out.chunks_exact(n_places).enumerate() {
            out.iter().enumerate().for_each(|(place, &number)| sums[place * n_rows + row] = number);
        }
        let (mut patterns, mut scratch, mut entry) = (vec![0; n_rows], Scratch::default(), Vec::new());
        let (mut met, mut swept) = (Vec::<Vec<u8>>::new(), SweepScratch::default());
        for Ready { tree, game, tables } in games {
            if stop.load(Ordering::Relaxed) {
                return;
            }
            let is_left = sides(tree, &block);
            if let Some(sweep) = &game.sweep {
                for row in 0..n_rows {
                    sweep.explain(
                        |split| is_left[split][row] == 1,
                        &mut swept,
                        |split, target, number| {
                            let place = self.shape.place(tree.splits[split].feature, tree.splits[split].feature)
                                + game.first_target
                                + target;
                            sums[place * n_rows + row] += number;
                        },
                    );
                }
            }
            for (group, table) in game.groups.iter().zip(tables) {
                met.resize_with(met.len().max(group.bits.len()), || vec![0; n_rows]);
                for (met, steps) in met.iter_mut().zip(&group.bits) {
                    met.fill(1);
                    for step in steps {
                        keep_met(&is_left[step.split], u8::from(step.goes_left), met);
                    }
                }
                let met = &met[..group.bits.len()];
                let places = group.places.iter().map(|place| (place + game.first_target) * n_rows);
                if let Some(table) = table {
                    patterns.fill(0);
                    met.iter().zip(0..).for_each(|(met, place)| set_bits(met, place, &mut patterns));
                    for (place, table) in places.zip(table.chunks_exact(1 << group.bits.len())) {
                        add_looked_up(table, &patterns, &mut sums[place..place + n_rows]);
                    }
                } else {
                    for row in 0..n_rows {
                        group.entry(|bit| met[bit][row] == 1, &self.beta, &mut scratch, &mut entry);
                        for (place, number) in places.clone().zip(&entry) {
                            sums[place + row] += number;
                        }
                    }
                }
            }
        }
        for (row, out) in out.chunks_exact_mut(n_places).enumerate() {
            out.iter_mut().enumerate().for_each(|(place, number)| *number = sums[place * n_rows + row]);
        }
    }

    /// Mirrors the pairs of a row and leaves on the diagonal what the pairs leave of each column's value.
    fn complete(&self, row: &mut [f64]) {
        let Shape { n_features, n_targets, .. } = self.shape;
        let place = |i: usize, j: usize, target: usize| (i * n_features + j) * n_targets + target;
        for target in 0..n_targets {
            for i in 0..n_features {
                for j in i + 1..n_features {
                    row[place(j, i, target)] = row[place(i, j, target)];
                }
            }
            for i in 0..n_features {
                let others: f64 = (0..n_features).filter(|&j| j != i).map(|j| row[place(i, j, target)]).sum();
                row[place(i, i, target)] -= others;
            }
        }
    }
}

/// A tree with its tables.
struct Ready<'e> {
    tree: &'e Tree,
    game: Game,
    tables: Vec<Option<Vec<f64>>>,
}

/// A table pays if there are about as many rows as patterns.
fn is_tabulated(group: &GroupGame, n_rows: usize) -> bool {
    group.n_patterns().is_some_and(|n_patterns| n_patterns <= n_rows)
}
