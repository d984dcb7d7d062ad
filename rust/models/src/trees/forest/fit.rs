//! Growing all trees: one tree per task, none waits for another.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use arsenal_core::ensemble::{Aggregate, Link, Targets, Tree, TreeEnsemble};
use arsenal_core::pool;
use arsenal_core::rng::Rng;
use arsenal_core::table::Table;
use arsenal_core::{Error, Result, value_error};

use super::grow::{Grower, Limits};
use super::inspect::Walk;
use super::median::Medians;
use super::params::{Criterion, Params};
use super::prune::prune;
use super::sample::{RowSet, balancing_factors, bootstrap};
use super::search::Search;
use super::state::State;
use super::target::{Number, Outcome, PAIR_LIMIT, Pair, Several, Target};
use crate::trees::binned::{BinnedTable, Layouts};
use crate::trees::binning::Binning;
use crate::trees::grown::to_tree;

/// What to learn from.
#[derive(Clone, Copy, Debug)]
pub struct Training<'a, 't> {
    /// The table.
    pub table: &'a Table<'t>,
    /// One name per column.
    pub names: &'a [String],
    /// Which number columns are categories; text columns always are.
    pub is_category: &'a [bool],
    /// Row-major, one number or class index per output.
    pub targets: &'a [f64],
    /// What the targets are.
    pub outputs: &'a Outputs,
    /// One weight per row, at least 0; rows of weight 0 are drawn but not learned from.
    pub weights: Option<&'a [f64]>,
}

/// What there is to predict.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outputs {
    /// Per output, its number of classes.
    Classes(Vec<usize>),
    /// This many numbers.
    Numbers(usize),
}

impl Outputs {
    /// Number of outputs.
    pub fn len(&self) -> usize {
        match self {
            Self::Classes(n_classes) => n_classes.len(),
            Self::Numbers(n) => *n,
        }
    }

    /// Whether there is nothing to predict.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Values per leaf: one per number, one per class, but only the second of two classes.
    pub fn n_targets(&self) -> usize {
        match self {
            Self::Classes(n_classes) => n_classes.iter().map(|&n| if n == 2 { 1 } else { n }).sum(),
            Self::Numbers(n) => *n,
        }
    }
}

/// What a fit returns.
#[derive(Clone, Debug)]
pub struct Fitted {
    /// The trees and everything else that was learned.
    pub state: State,
    /// Row-major, the mean values of the trees that did not see a row; NaN where every tree saw it. Only if asked for.
    pub out_of_bag: Option<Vec<f64>>,
}

/// Grows a forest, or goes on with one: `previous` keeps its bins and trees, and the new ones follow them.
///
/// O(rows · `max_features` · depth) per tree; memory: 1 byte per value of the table, and about 50 bytes per row and thread.
/// `n_done` counts finished trees.
///
/// # Errors
/// `Value` for bad parameters, targets, weights or tables; `Interrupted` once `stop` is set.
pub fn fit(
    training: &Training<'_, '_>,
    params: &Params,
    previous: Option<State>,
    n_done: &AtomicUsize,
    stop: &AtomicBool,
) -> Result<Fitted> {
    params.validate()?;
    check(training, params)?;
    pool::pool(params.n_threads)?.install(|| grow_forest(training, params, previous, n_done, stop))
}

/// Row numbers are 32 bits wide.
const MAX_ROWS: usize = 1 << 31;
/// Sums of the widest tally besides rows and weights.
const MAX_SUMS: usize = 1022;

fn check(training: &Training<'_, '_>, params: &Params) -> Result<()> {
    let (n_rows, n_columns) = (training.table.n_rows(), training.table.n_columns());
    let n_outputs = training.outputs.len();
    if n_columns == 0 || training.names.len() != n_columns || training.is_category.len() != n_columns {
        return value_error!("X has {n_columns} columns, wanted at least 1 and as many names and category marks");
    }
    if n_rows > MAX_ROWS {
        return value_error!("X has {n_rows} rows, wanted at most {MAX_ROWS}");
    }
    if n_outputs == 0 || training.targets.len() != n_rows * n_outputs {
        return value_error!("X has {n_rows} rows, y has {} values for {n_outputs} outputs", training.targets.len());
    }
    if let Some(weights) = training.weights {
        if weights.len() != n_rows {
            return value_error!("X has {n_rows} rows, sample_weight has {}", weights.len());
        }
        if let Some(bad) = weights.iter().position(|weight| !(*weight >= 0.0 && weight.is_finite())) {
            return value_error!("sample_weight {bad} is {}, wanted a finite number of at least 0", weights[bad]);
        }
    }
    if n_rows == 0 || training.weights.is_some_and(|weights| weights.iter().all(|&weight| weight == 0.0)) {
        return value_error!("X has no rows of positive weight, wanted at least 1");
    }
    let n_sums = match training.outputs {
        Outputs::Classes(n_classes) => n_classes.iter().sum(),
        Outputs::Numbers(n) => *n,
    };
    if n_sums > MAX_SUMS {
        return value_error!("y has {n_sums} classes or outputs in all, wanted at most {MAX_SUMS}");
    }
    let is_wrong = |&(place, &target): &(usize, &f64)| match training.outputs {
        Outputs::Classes(n_classes) => {
            !(target >= 0.0 && target < n_classes[place % n_outputs] as f64 && target.fract() == 0.0)
        }
        Outputs::Numbers(_) => !target.is_finite() || (params.criterion == Criterion::Poisson && target < 0.0),
    };
    if let Some((place, target)) = training.targets.iter().enumerate().find(is_wrong) {
        return value_error!(
            "target {place} is {target}, wanted a class index or a finite number (poisson: at least 0)"
        );
    }
    if params.criterion == Criterion::Poisson && training.targets.iter().all(|&target| target == 0.0) {
        return value_error!("the sum of y is 0, criterion \"poisson\" needs a positive target");
    }
    if params.criterion.is_for_classes() != matches!(training.outputs, Outputs::Classes(_)) {
        return value_error!("criterion {:?} does not fit {:?}", params.criterion, training.outputs);
    }
    check_monotonic(training, params)
}

fn check_monotonic(training: &Training<'_, '_>, params: &Params) -> Result<()> {
    if params.monotonic.is_empty() {
        return Ok(());
    }
    if params.monotonic.len() != training.table.n_columns() {
        return value_error!(
            "monotonic_cst has {} entries, X has {} columns",
            params.monotonic.len(),
            training.table.n_columns()
        );
    }
    match training.outputs {
        Outputs::Classes(n) if n.len() > 1 => {
            value_error!("Monotonicity constraints are not supported with multiple outputs")
        }
        Outputs::Numbers(n) if *n > 1 => {
            value_error!("Monotonicity constraints are not supported with multiple outputs")
        }
        Outputs::Classes(n) if n[0] > 2 => {
            value_error!("Monotonicity constraints are not supported with multiclass classification")
        }
        _ => Ok(()),
    }
}

/// A tree, and for numbers the targets of one row of each leaf, drawn by weight.
type Sampled = (Tree, Vec<f64>);

/// What all trees share.
struct Shared<'a> {
    binned: &'a BinnedTable,
    binning: &'a Binning,
    params: &'a Params,
    limits: Limits,
    weights: Option<&'a [f64]>,
    /// For numbers: the targets, row-major.
    numbers: &'a [f64],
    /// For classes: row-major, the place of each output's class among all outputs' classes.
    places: &'a [u32],
    n_classes: &'a [usize],
    n_done: &'a AtomicUsize,
    stop: &'a AtomicBool,
}

fn grow_forest(
    training: &Training<'_, '_>,
    params: &Params,
    previous: Option<State>,
    n_done: &AtomicUsize,
    stop: &AtomicBool,
) -> Result<Fitted> {
    let n_rows = training.table.n_rows();
    let rows: Vec<u32> =
        (0..n_rows as u32).filter(|&row| training.weights.is_none_or(|weights| weights[row as usize] > 0.0)).collect();
    let (binning, old_trees, mut draws) = match previous {
        None => {
            let rng = Rng::new(params.seed);
            let binning = Binning::learn(training.table, &rows, training.is_category, params.max_bins, &rng, stop)?;
            (binning, Vec::new(), Vec::new())
        }
        Some(state) if state.ensemble.n_targets != training.outputs.n_targets() => {
            return value_error!(
                "y has {} targets, the forest to go on with has {}",
                training.outputs.n_targets(),
                state.ensemble.n_targets
            );
        }
        Some(state) => (state.binning, state.ensemble.trees, state.draws),
    };
    if old_trees.len() > params.n_estimators {
        return value_error!("n_estimators is {}, the forest has {} trees", params.n_estimators, old_trees.len());
    }
    let binned = BinnedTable::new(training.table, &binning, Layouts::Columns, stop)?;
    let n_classes: &[usize] = match training.outputs {
        Outputs::Classes(n_classes) => n_classes,
        Outputs::Numbers(_) => &[],
    };
    let places = places(training.targets, n_classes);
    let n_drawn = params.bootstrap.unwrap_or(n_rows);
    let total_weight = training
        .weights
        .map_or(n_drawn as f64, |weights| weights.iter().sum::<f64>() * (n_drawn as f64 / n_rows as f64));
    let limits = Limits {
        splitter: params.splitter,
        max_depth: params.max_depth,
        min_samples_split: params.min_samples_split,
        min_samples_leaf: params.min_samples_leaf as f64,
        min_weight_leaf: params.min_weight_fraction_leaf * total_weight,
        max_features: params.max_features.min(training.table.n_columns()),
        max_leaf_nodes: params.max_leaf_nodes,
        min_gain: params.min_impurity_decrease * total_weight,
        monotonic: if params.monotonic.iter().all(|&sign| sign == 0) { Vec::new() } else { params.monotonic.clone() },
    };
    let shared = Shared {
        binned: &binned,
        binning: &binning,
        params,
        limits,
        weights: training.weights,
        numbers: if matches!(training.outputs, Outputs::Numbers(_)) { training.targets } else { &[] },
        places: &places,
        n_classes,
        n_done,
        stop,
    };
    let numbers = old_trees.len()..params.n_estimators;
    let new_trees = match training.outputs {
        Outputs::Classes(n) if **n == [2] && shared.has_whole_weights() && n_drawn < PAIR_LIMIT => {
            let second: Vec<u8> = training.targets.iter().map(|&class| class as u8).collect();
            match params.criterion {
                Criterion::Entropy => shared.grow_all(numbers, &Pair::<true> { second: &second }),
                _ => shared.grow_all(numbers, &Pair::<false> { second: &second }),
            }
        }
        Outputs::Numbers(n_outputs) if params.criterion == Criterion::AbsoluteError => {
            shared.grow_all(numbers, &Medians { targets: training.targets, n_outputs: *n_outputs })
        }
        Outputs::Numbers(1) => {
            let center = shared.centers(training.targets, 1)[0];
            shared.grow_all(numbers, &Number { targets: training.targets, center, criterion: params.criterion })
        }
        outputs => shared.grow_several(numbers, training.targets, outputs),
    }?;
    let (new_trees, new_draws): (Vec<Tree>, Vec<Vec<f64>>) = new_trees.into_iter().unzip();
    if matches!(training.outputs, Outputs::Numbers(_)) {
        draws.extend(new_draws);
    }
    let ensemble = TreeEnsemble {
        features: binning.features(training.names),
        dtype: binning.dtype,
        link: match training.outputs {
            Outputs::Classes(_) => Link::Shares,
            Outputs::Numbers(_) => Link::Identity,
        },
        n_targets: training.outputs.n_targets(),
        targets: Targets::Every,
        aggregate: Aggregate::Mean,
        trees: old_trees.into_iter().chain(new_trees).collect(),
    };
    let state = State { ensemble, binning, draws };
    let out_of_bag = params.bootstrap.filter(|_| params.out_of_bag);
    let out_of_bag = out_of_bag.map(|n_draws| means_out_of_bag(&binned, &state, params.seed, n_draws));
    Ok(Fitted { state, out_of_bag })
}

fn places(targets: &[f64], n_classes: &[usize]) -> Vec<u32> {
    let firsts: Vec<u32> =
        n_classes.iter().scan(0, |next, &n| Some(std::mem::replace(next, *next + n as u32))).collect();
    if firsts.is_empty() {
        return Vec::new();
    }
    targets.iter().zip(firsts.iter().cycle()).map(|(&class, first)| first + class as u32).collect()
}

impl Shared<'_> {
    fn has_whole_weights(&self) -> bool {
        self.weights.is_none() && !self.params.balanced_subsample
    }

    /// What to subtract from each output: about its mean. Sums of counts must keep their zero.
    ///
    /// A sixteenth of the spread is near enough, and in such steps few binary digits are left: sums of whole numbers stay exact, so
    /// that weights and repeated rows come to the same.
    fn centers(&self, targets: &[f64], n_outputs: usize) -> Vec<f64> {
        if self.params.criterion == Criterion::Poisson {
            return vec![0.0; n_outputs];
        }
        let weight = |row: usize| self.weights.map_or(1.0, |weights| weights[row]);
        let total: f64 = (0..targets.len() / n_outputs).map(weight).sum();
        let center = |output: usize| {
            let own = || targets[output..].iter().step_by(n_outputs).enumerate();
            let mean = own().map(|(row, target)| weight(row) * target).sum::<f64>() / total;
            let seen = own().filter(|&(row, _)| weight(row) > 0.0);
            let spread = seen.map(|(_, target)| (target - mean).abs()).fold(0.0, f64::max);
            // The power of two below the spread.
            let step = f64::from_bits(spread.to_bits() & f64::INFINITY.to_bits()) / 16.0;
            let rounded = (mean / step).round() * step;
            if rounded.is_finite() { rounded } else { 0.0 }
        };
        (0..n_outputs).map(center).collect()
    }

    fn grow_several(
        &self,
        numbers: std::ops::Range<usize>,
        targets: &[f64],
        outputs: &Outputs,
    ) -> Result<Vec<Sampled>> {
        let n_sums = match outputs {
            Outputs::Classes(n_classes) => n_classes.iter().sum(),
            Outputs::Numbers(n) => *n,
        };
        match n_sums + 2 {
            ..=4 => self.grow_wide::<4>(numbers, targets, outputs),
            5..=8 => self.grow_wide::<8>(numbers, targets, outputs),
            9..=16 => self.grow_wide::<16>(numbers, targets, outputs),
            17..=64 => self.grow_wide::<64>(numbers, targets, outputs),
            _ => self.grow_wide::<{ MAX_SUMS + 2 }>(numbers, targets, outputs),
        }
    }

    fn grow_wide<const S: usize>(
        &self,
        numbers: std::ops::Range<usize>,
        targets: &[f64],
        outputs: &Outputs,
    ) -> Result<Vec<Sampled>> {
        let outcome = match outputs {
            Outputs::Classes(n_classes) => Outcome::Classes {
                places: self.places,
                spans: n_classes.iter().scan(0, |next, &n| Some((std::mem::replace(next, *next + n), *next))).collect(),
            },
            Outputs::Numbers(n) => Outcome::Numbers { targets, centers: self.centers(targets, *n) },
        };
        self.grow_all(numbers, &Several::<S> { outcome, criterion: self.params.criterion })
    }

    fn grow_all<T: Target>(&self, numbers: std::ops::Range<usize>, target: &T) -> Result<Vec<Sampled>> {
        let mut tasks: Vec<(usize, Result<Option<Sampled>>)> = numbers.map(|tree| (tree, Ok(None))).collect();
        pool::for_each(&mut tasks, &|(number, tree)| *tree = self.grow_one(*number, target).map(Some));
        tasks.into_iter().filter_map(|(_, tree)| tree.transpose()).collect()
    }

    fn grow_one<T: Target>(&self, tree: usize, target: &T) -> Result<Sampled> {
        if self.stop.load(Ordering::Relaxed) {
            return Err(Error::Interrupted);
        }
        let mut rng = tree_rng(self.params.seed, tree);
        let n_rows = self.binned.n_rows();
        let counts = self.params.bootstrap.map(|n_draws| bootstrap(n_rows, n_draws, &mut rng));
        let factors = self.params.balanced_subsample.then(|| {
            let drawn = counts.clone().unwrap_or_else(|| vec![1; n_rows]);
            balancing_factors(self.places, self.n_classes, &drawn)
        });
        let mut grower = Grower::new(Search::new(self.binned, &self.binning.columns, target), &self.limits);
        for row in 0..n_rows {
            let mut weight = counts.as_ref().map_or(1.0, |counts| f64::from(counts[row]));
            if let Some(weights) = self.weights {
                weight *= weights[row];
            }
            if let Some(factors) = &factors {
                let n_outputs = self.n_classes.len();
                weight *=
                    self.places[row * n_outputs..][..n_outputs].iter().map(|&p| factors[p as usize]).product::<f64>();
            }
            if weight > 0.0 {
                grower.ids.push(row as u32);
                grower.rows.push(target.row(row as u32, weight));
            }
        }
        if grower.ids.is_empty() {
            return value_error!("tree {tree} drew no row of positive weight, wanted more rows or draws");
        }
        let mut grown = grower.grow(&mut rng, self.stop)?;
        let (mut values, mut covers, mut draws) = (Vec::new(), Vec::new(), Vec::new());
        if self.params.ccp_alpha > 0.0 {
            let mut whole = T::ZERO;
            grower.rows.iter().for_each(|&row| target.add(row, &mut whole));
            grown = prune(grown, self.params.ccp_alpha, target.weight(&whole));
        }
        for range in &grown.leaves {
            let (ids, rows) = (&grower.ids[range.clone()], &grower.rows[range.clone()]);
            let mut tally = T::ZERO;
            for &row in rows {
                target.add(row, &mut tally);
            }
            target.leaf(ids, rows, &tally, &mut values);
            covers.push(target.weight(&tally));
            if !self.numbers.is_empty() {
                let width = self.numbers.len() / n_rows;
                let row = ids[drawn(target, rows, rng.uniform() * target.weight(&tally))] as usize;
                draws.extend_from_slice(&self.numbers[row * width..][..width]);
            }
        }
        // Constraints are for one target alone.
        for (value, &(low, high)) in values.iter_mut().zip(&grown.leaf_bounds) {
            *value = value.max(low).min(high);
        }
        self.n_done.fetch_add(1, Ordering::Relaxed);
        Ok((to_tree(grown.root, &grown.splits, &self.binning.columns, values, covers), draws))
    }
}

/// Place of the row at which the running sum of weights passes `level`; the last one if rounding keeps it below.
fn drawn<T: Target>(target: &T, rows: &[T::Row], level: f64) -> usize {
    let mut tally = T::ZERO;
    let passes = |&row: &T::Row| {
        target.add(row, &mut tally);
        target.weight(&tally) > level
    };
    rows.iter().position(passes).unwrap_or(rows.len() - 1)
}

/// Rows that one task predicts.
const BLOCK: usize = 1024;

/// What a tree draws does not depend on the other trees: its rows can be drawn again, and a forest can go on.
fn tree_rng(seed: u64, tree: usize) -> Rng {
    Rng::new(seed).fork(tree as u64 + 1)
}

/// Row-major means over the trees that did not see a row, added in the order of the trees.
fn means_out_of_bag(binned: &BinnedTable, state: &State, seed: u64, n_draws: usize) -> Vec<f64> {
    let (n_rows, n_targets) = (binned.n_rows(), state.ensemble.n_targets);
    let trees = &state.ensemble.trees;
    let mut walks: Vec<(usize, Option<(Walk, RowSet)>)> = (0..trees.len()).map(|tree| (tree, None)).collect();
    pool::for_each(&mut walks, &|(tree, walk)| {
        let seen = RowSet::drawn(&bootstrap(n_rows, n_draws, &mut tree_rng(seed, *tree)));
        *walk = Some((Walk::new(&trees[*tree], state), seen));
    });
    let mut means = vec![0.0; n_rows * n_targets];
    let mut blocks: Vec<(usize, &mut [f64])> = means.chunks_mut(BLOCK * n_targets).enumerate().collect();
    pool::for_each(&mut blocks, &|(block, means)| {
        for (place, sums) in means.chunks_mut(n_targets).enumerate() {
            let row = *block * BLOCK + place;
            let mut n_trees = 0u32;
            for (tree, walk) in &walks {
                if let Some((walk, _)) = walk.as_ref().filter(|(_, seen)| !seen.contains(row)) {
                    let values = &trees[*tree].values[walk.leaf(binned, row) * n_targets..];
                    sums.iter_mut().zip(values).for_each(|(sum, value)| *sum += value);
                    n_trees += 1;
                }
            }
            for sum in sums {
                *sum /= f64::from(n_trees);
            }
        }
    });
    means
}
