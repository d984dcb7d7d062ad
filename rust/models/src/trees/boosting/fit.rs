//! The boosting loop.

use std::borrow::Cow;
use std::ops::RangeInclusive;
use std::sync::atomic::{AtomicBool, Ordering};

use arsenal_core::ensemble::{Aggregate, Dtype, Link, Targets, Tree, TreeEnsemble};
use arsenal_core::pool;
use arsenal_core::rng::Rng;
use arsenal_core::{Result, value_error};
use arsenal_simd::gradient::Derivatives;
use arsenal_simd::heap;

use super::dart::Weights;
use super::derivatives::{derive, round, rounding};
use super::input::Input;
use super::loss::{BLOCK, Loss, Task, mean, predictions};
use super::params::Params;
use super::progress::{Observer, Progress};
use super::resume;
use super::sampling::{Sample, Sampling};
use super::sizes::{check_derivatives, check_scores, fits_f32};
use super::state::State;
use crate::trees::binned::{BinnedTable, Layouts};
use crate::trees::binning::{Binning, ColumnBins};
use crate::trees::categories::CategoryParams;
use crate::trees::columns::ColumnShares;
use crate::trees::constraints::{Bounds, Constraints};
use crate::trees::grow::{GrowParams, Grower, GrownTree, SearchColumn};
use crate::trees::grown::to_tree;
use crate::trees::split::{SplitParams, Units};

/// The stream of an iteration's random numbers that decides what it forgets.
const DROPS: u64 = u64::MAX - 3;
/// Columns of at most this many categories try each alone.
const ONE_HOT: usize = 4;

/// Values of a table from which on it is worth a system call to give memory back.
const LARGE: usize = 1 << 22;
/// Most rows whose leaf sums are added up together, and whose scores move together: 256 KiB each.
const MOST_IN_BLOCK: usize = 1 << 15;
/// Fewest such rows, and the number of blocks that a table of more rows has at least, so that threads find their share.
const FEWEST_IN_BLOCK: usize = 1 << 12;
const FEWEST_BLOCKS: usize = 8;

/// What to learn from.
#[derive(Clone, Copy, Debug)]
pub struct Training<'a, 't> {
    /// The table.
    pub table: Input<'a, 't>,
    /// One name per column.
    pub names: &'a [String],
    /// Which number columns are categories; text columns always are.
    pub is_category: &'a [bool],
    /// What to predict.
    pub labels: Labels<'a>,
    /// An earlier fit to go on from: its bins and trees stay, and `n_estimators` counts them.
    pub resume_from: Option<&'a State>,
}

/// What rows should be predicted as, and how much each counts.
#[derive(Clone, Copy, Debug)]
pub struct Labels<'a> {
    /// One number, or class index, per row.
    pub targets: &'a [f64],
    /// One weight per row, at least 0; rows of weight 0 are left out.
    pub weights: Option<&'a [f64]>,
    /// The number of each row's query, below the number of rows, where rows are ranked.
    pub queries: Option<&'a [u32]>,
}

impl Labels<'_> {
    /// A row's weight.
    pub(super) fn weight(&self, row: u32) -> f64 {
        self.weights.map_or(1.0, |weights| weights[row as usize])
    }
}

/// What to measure the loss on while learning.
#[derive(Clone, Copy, Debug)]
pub struct Evaluation<'a, 't> {
    /// A table of the same columns; binned only where the training table is, by the same bins.
    pub table: Input<'a, 't>,
    /// Its labels.
    pub labels: Labels<'a>,
}

/// What a fit returns.
#[derive(Clone, Debug)]
pub struct Fitted {
    /// The trees and everything else that was learned.
    pub state: State,
    /// Mean loss on the training rows after 0, 1, … iterations; empty if not asked for, or if the loss has no value.
    pub train_losses: Vec<f64>,
    /// The same for each evaluation table.
    pub evaluation_losses: Vec<Vec<f64>>,
    /// Number of iterations kept.
    pub n_iterations: usize,
}

/// Learns trees. O(rows · columns) per level of each tree; memory: 2 bytes per value, 40 bytes per row and what `table` views.
///
/// Loss on the training rows is measured only if `with_train_loss`.
///
/// # Errors
/// `Value` for bad parameters, targets, weights or tables; `Interrupted` once `stop` is set.
pub fn fit(
    training: &Training<'_, '_>,
    evaluations: &[Evaluation<'_, '_>],
    task: Task<'_>,
    params: &Params,
    with_train_loss: bool,
    progress: &Progress<'_>,
    stop: &AtomicBool,
) -> Result<Fitted> {
    params.validate()?;
    let loss = task.loss()?;
    check(training.table, training.labels, &*loss, "X")?;
    for evaluation in evaluations {
        check(evaluation.table, evaluation.labels, &*loss, "eval_set")?;
    }
    let n_columns = training.table.n_columns();
    if n_columns == 0 || training.names.len() != n_columns || training.is_category.len() != n_columns {
        return value_error!("X has {n_columns} columns, wanted at least 1 and as many names and category marks");
    }
    if training.table.n_rows() > MAX_ROWS {
        return value_error!("X has {} rows, wanted at most {MAX_ROWS}", training.table.n_rows());
    }
    check_constraints(training, &*loss, params)?;
    if let Some(state) = training.resume_from {
        resume::check(state, training, &*loss, params)?;
    }
    let fitted = pool::pool(params.n_threads)?
        .install(move || boost(training, evaluations, loss, params, with_train_loss, progress, stop));
    give_back_after(training.table);
    fitted
}

/// Returns what a large table's bins, or learning them, has freed: the allocator keeps it, and the next fit may run on another thread.
fn give_back_after(table: Input<'_, '_>) {
    if table.n_rows().saturating_mul(table.n_columns()) >= LARGE {
        heap::give_back();
    }
}

/// Sums of hessians are 32 bits wide, one for the sign.
const MAX_ROWS: usize = i32::MAX as usize;

fn check(table: Input<'_, '_>, labels: Labels<'_>, loss: &dyn Loss, name: &str) -> Result<()> {
    let Labels { targets, weights, .. } = labels;
    if table.n_rows() != targets.len() {
        return value_error!("{name} has {} rows, its target has {}", table.n_rows(), targets.len());
    }
    if let Some(weights) = weights {
        if weights.len() != targets.len() {
            return value_error!("{name} has {} rows, sample_weight has {}", targets.len(), weights.len());
        }
        if let Some(bad) = weights.iter().position(|weight| !(*weight >= 0.0 && weight.is_finite())) {
            return value_error!("sample_weight {bad} is {}, wanted a finite number of at least 0", weights[bad]);
        }
    }
    if targets.is_empty() || weights.is_some_and(|weights| weights.iter().all(|&weight| weight == 0.0)) {
        return value_error!("{name} has no rows of positive weight, wanted at least 1");
    }
    loss.check(labels)
}

fn check_constraints(training: &Training<'_, '_>, loss: &dyn Loss, params: &Params) -> Result<()> {
    let marks = training.is_category.iter().enumerate();
    let is_category: Vec<bool> = marks.map(|(column, &mark)| mark || training.table.is_text(column)).collect();
    params.check_constraints(&is_category, loss.n_targets())?;
    if params.monotonic_cst.iter().any(|&sign| sign != 0) && loss.center(0).is_some() {
        return value_error!(
            "monotonic_cst with a loss whose leaves are medians or quantiles, wanted a loss with Newton's steps"
        );
    }
    Ok(())
}

/// Rows that are only scored: their bins, and their running sums.
struct Scored<'a> {
    binned: Cow<'a, BinnedTable>,
    labels: Labels<'a>,
    /// `scores[target][row]`.
    scores: Vec<Vec<f64>>,
    losses: Vec<f64>,
}

fn boost<'a>(
    training: &Training<'_, '_>,
    evaluations: &[Evaluation<'a, '_>],
    mut loss: Box<dyn Loss + '_>,
    params: &Params,
    with_train_loss: bool,
    progress: &Progress<'_>,
    stop: &AtomicBool,
) -> Result<Fitted> {
    let labels = training.labels;
    let rng = Rng::new(params.seed);
    let rows = counted_rows(labels);
    let n_targets = loss.n_targets();
    let Beginning { binning, initial_scores, trees } = begin(training, &mut *loss, &rows, params, stop)?;
    let walked: Vec<GrownTree> = trees.iter().map(|tree| resume::in_bins(tree, &binning)).collect();
    let n_done = trees.len() / n_targets;
    let start = |binned: &BinnedTable| -> Result<Vec<Vec<f64>>> {
        let constant = |&score: &f64| vec![if n_done == 0 { score } else { 0.0 }; binned.n_rows()];
        let mut scores: Vec<Vec<f64>> = initial_scores.iter().map(constant).collect();
        for (place, (grown, tree)) in walked.iter().zip(&trees).enumerate() {
            add_walked(binned, grown, &tree.values, 1.0, &mut scores[place % n_targets], stop)?;
        }
        Ok(scores)
    };
    let binned = training.table.binned(&binning, Layouts::RowsAndColumns, stop)?;
    let scored_of = |&Evaluation { table, labels }: &Evaluation<'a, '_>| -> Result<Scored<'a>> {
        let binned = table.binned(&binning, Layouts::Columns, stop)?;
        Ok(Scored { labels, scores: start(&binned)?, binned, losses: Vec::new() })
    };
    let mut scored = evaluations.iter().map(scored_of).collect::<Result<Vec<_>>>()?;
    give_back_after(training.table);
    let mut booster = Booster {
        labels,
        loss: &mut *loss,
        params,
        binning: &binning,
        grower: Grower::new(&binned, search_columns(&binning), grow_params(params)),
        binned: &binned,
        scores: start(&binned)?,
        gradients: vec![0.0; binned.n_rows()],
        hessians: vec![0.0; binned.n_rows()],
        pairs: vec![0; binned.n_rows()],
        counted: rows,
        weights: Weights::kept(n_done),
        trees,
        grown: if params.dart.is_some() { walked } else { Vec::new() },
    };
    if params.dart.is_some() {
        // Forgetting a tree must not forget the constant score.
        add_initial(&mut booster.trees, &initial_scores, -1.0);
    }
    let mut train_losses = Vec::new();
    booster.measure(with_train_loss, &mut train_losses, &mut scored, progress)?;
    if params.n_iter_no_change.is_some() && scored.first().is_some_and(|rows| rows.losses.is_empty()) {
        return value_error!("this loss has no value that could stop the fit early, wanted an evaluation metric");
    }
    let mut best = (f64::INFINITY, n_done, booster.weights.clone());
    if let (Some(first), true) = (scored.first().and_then(|rows| rows.losses.first()), n_done > 0) {
        best.0 = *first;
    }
    let counts = params.tol * scored.first().map_or(1.0, |rows| unit(&*booster.loss, rows, progress));
    for iteration in n_done..params.n_estimators {
        let has_grown = booster.iterate(iteration, &rng.fork(iteration as u64 + 1), &mut scored, stop)?;
        // Without anything random left, the next iteration would find no split either.
        let is_over = !has_grown && !params.is_random() && booster.loss.starts_at_its_best();
        let earlier = &booster.trees[..iteration * n_targets];
        if is_over && iteration > 0 && earlier.iter().rev().take(n_targets).all(|tree| tree.splits.is_empty()) {
            // The model to continue had already ended so.
            booster.trees.truncate(iteration * n_targets);
            break;
        }
        progress.iterations.store(iteration + 1, Ordering::Relaxed);
        booster.measure(with_train_loss, &mut train_losses, &mut scored, progress)?;
        let is_told_to_stop = progress.tell(iteration + 1, &train_losses, scored.iter().map(|rows| &rows.losses))?;
        if let (Some(patience), Some(first)) = (params.n_iter_no_change, scored.first()) {
            let loss = first.losses[iteration + 1 - n_done];
            if loss < best.0 - counts {
                best = (loss, iteration + 1, booster.weights.clone());
            }
            if iteration + 1 - best.1.max(1) >= patience {
                break;
            }
        }
        if is_told_to_stop || is_over {
            break;
        }
    }
    let (link, mut trees, mut weights) = (booster.loss.link(), booster.trees, booster.weights);
    if params.n_iter_no_change.is_some() && !scored.is_empty() {
        if best.1 > 0 {
            weights = best.2;
        }
        trees.truncate(best.1.max(1) * n_targets);
    }
    let n_iterations = trees.len() / n_targets;
    settle(&mut trees, params.dart.is_some().then_some(&weights), n_targets);
    if n_done == 0 || params.dart.is_some() {
        add_initial(&mut trees, &initial_scores, 1.0);
    }
    let ensemble = ensemble(&binning, training.names, link, n_targets, trees);
    let state = State { ensemble, binning, initial_scores };
    let evaluation_losses = scored.into_iter().map(|rows| rows.losses).collect();
    Ok(Fitted { state, train_losses, evaluation_losses, n_iterations })
}

/// What iterations go on from.
struct Beginning {
    binning: Binning,
    initial_scores: Vec<f64>,
    trees: Vec<Tree>,
}

/// The earlier fit's, else bins learned from the rows that count, and the best constants.
fn begin(
    training: &Training<'_, '_>,
    loss: &mut dyn Loss,
    rows: &[u32],
    params: &Params,
    stop: &AtomicBool,
) -> Result<Beginning> {
    let labels = training.labels;
    // Asked for in any case: the loss prepares for its rows there.
    let initial_scores = loss.initial_scores(labels, rows)?;
    let fits_f32 = fits_f32(loss, &initial_scores, labels, rows);
    if let Some(state) = training.resume_from {
        resume::check_dtype(state, fits_f32, mean(labels, rows))?;
        let State { binning, initial_scores, ensemble } = state.clone();
        return Ok(Beginning { binning, initial_scores, trees: ensemble.trees });
    }
    let rng = Rng::new(params.seed);
    let mut binning = training.table.learn_bins(rows, training.is_category, params.max_bins, &rng, stop)?;
    if !fits_f32 {
        binning.dtype = Dtype::F64;
    }
    check_scores(&initial_scores, binning.dtype)?;
    Ok(Beginning { binning, initial_scores, trees: Vec::new() })
}

/// What an improvement is measured by: how far the first loss, or what the caller measures instead, is from that of perfect
/// predictions; or 1 where losses have no unit.
fn unit(loss: &dyn Loss, rows: &Scored<'_>, progress: &Progress<'_>) -> f64 {
    let has_metric = progress.observer.is_some_and(Observer::has_metric);
    match (rows.losses.first(), loss.least_loss(rows.labels)) {
        (Some(first), Some(least)) => (first - if has_metric { 0.0 } else { least }).abs(),
        _ => 1.0,
    }
}

fn ensemble(binning: &Binning, names: &[String], link: Link, n_targets: usize, trees: Vec<Tree>) -> TreeEnsemble {
    TreeEnsemble {
        features: binning.features(names),
        dtype: binning.dtype,
        link,
        n_targets,
        targets: Targets::RoundRobin,
        aggregate: Aggregate::Sum,
        trees,
    }
}

/// The rows that count, rising.
fn counted_rows(labels: Labels<'_>) -> Vec<u32> {
    (0..labels.targets.len() as u32).filter(|&row| labels.weight(row) > 0.0).collect()
}

fn search_columns(binning: &Binning) -> Vec<SearchColumn> {
    let column = |bins: &ColumnBins| SearchColumn { n_bins: bins.n_bins(), is_category: bins.is_category() };
    binning.columns.iter().map(column).collect()
}

/// Multiplies the leaves of each iteration's trees by the weight that forgetting left it, if any was forgotten.
fn settle(trees: &mut [Tree], weights: Option<&Weights>, n_targets: usize) {
    let Some(weights) = weights else { return };
    for (place, tree) in trees.iter_mut().enumerate() {
        tree.values.iter_mut().for_each(|value| *value *= weights.of(place / n_targets));
    }
}

/// Puts the constant scores into the first trees, or takes them out again.
fn add_initial(trees: &mut [Tree], initial_scores: &[f64], sign: f64) {
    for (tree, &score) in trees.iter_mut().zip(initial_scores) {
        tree.values.iter_mut().for_each(|value| *value += sign * score);
    }
}

fn grow_params(params: &Params) -> GrowParams {
    GrowParams {
        policy: params.grow_policy,
        max_leaf_nodes: params.max_leaf_nodes,
        max_depth: params.max_depth,
        columns: ColumnShares {
            tree: params.colsample_bytree,
            level: params.colsample_bylevel,
            node: params.max_features,
        },
        constraints: Constraints {
            monotone: params.monotonic_cst.clone(),
            interactions: params.interaction_cst.clone(),
        },
        split: SplitParams {
            min_samples_leaf: params.min_samples_leaf as f64,
            min_child_weight: params.min_child_weight,
            l1: params.l1_regularization,
            l2: params.l2_regularization,
            min_split_gain: params.min_split_gain,
            category: CategoryParams {
                smoothing: params.category_smoothing,
                l2: params.category_l2,
                max_set: params.max_category_set,
                min_group: params.min_category_group as f64,
                one_hot: ONE_HOT,
            },
        },
    }
}

/// Everything that lives from one iteration to the next.
struct Booster<'a> {
    labels: Labels<'a>,
    loss: &'a mut (dyn Loss + 'a),
    params: &'a Params,
    binning: &'a Binning,
    binned: &'a BinnedTable,
    grower: Grower<'a>,
    /// The rows of positive weight, rising.
    counted: Vec<u32>,
    /// `scores[target][row]`.
    scores: Vec<Vec<f64>>,
    gradients: Vec<f32>,
    hessians: Vec<f32>,
    pairs: Vec<u32>,
    /// With their values as they were learned; `weights` tells what they count.
    trees: Vec<Tree>,
    weights: Weights,
    /// The same in bins, where trees may be forgotten.
    grown: Vec<GrownTree>,
}

impl Booster<'_> {
    /// Notes the loss, or what the caller measures instead, on the evaluation rows and if asked for on the training rows.
    fn measure(
        &self,
        with_train_loss: bool,
        train_losses: &mut Vec<f64>,
        scored: &mut [Scored<'_>],
        progress: &Progress<'_>,
    ) -> Result<()> {
        let of = |set: usize, scores: &[Vec<f64>], labels: Labels<'_>| match progress.observer {
            Some(observer) if observer.has_metric() => {
                observer.metric(set, &predictions(self.loss.link(), scores)).map(Some)
            }
            _ => Ok(self.loss.mean_loss(scores, labels)),
        };
        if with_train_loss {
            train_losses.extend(of(0, &self.scores, self.labels)?);
        }
        for (set, rows) in scored.iter_mut().enumerate() {
            rows.losses.extend(of(set + 1, &rows.scores, rows.labels)?);
        }
        Ok(())
    }

    /// One tree per target, all on the scores before the iteration. Returns whether any tree has a split.
    fn iterate(&mut self, iteration: usize, rng: &Rng, scored: &mut [Scored<'_>], stop: &AtomicBool) -> Result<bool> {
        let dropped = self.params.dart.map_or_else(Vec::new, |dart| dart.dropped(iteration, rng.fork(DROPS)));
        let counted = self.weights.add(&dropped);
        for (&dropped, &weight) in dropped.iter().zip(&counted) {
            self.count_again(dropped, -weight, None, stop)?;
        }
        self.loss.begin_iteration(&self.scores, self.labels, &self.counted);
        let bag = self.sample(iteration, rng, stop)?;
        let bag_weights =
            bag.as_ref().filter(|_| self.loss.center(0).is_some()).and_then(|bag| bag.weights(self.labels));
        let n_targets = self.loss.n_targets();
        let before = if n_targets > 1 { self.scores.clone() } else { Vec::new() };
        let mut has_grown = false;
        for target in 0..n_targets {
            let rng = rng.fork(target as u64 + 1);
            let scores = if n_targets > 1 { &before } else { &self.scores };
            let mut out = Derivatives { gradients: &mut self.gradients, hessians: &mut self.hessians };
            let mut scale = derive(self.loss, self.labels, scores, target, out.again(), stop)?;
            if let Some(bag) = &bag {
                scale = bag.amplify(&mut out, scale);
            }
            check_derivatives([scale[0], scale[1]])?;
            let rounding = rounding(scale, self.counted.len(), &rng);
            round(&self.gradients, &self.hessians, &self.counted, rounding, &mut self.pairs);
            self.grower.rows.clear();
            self.grower.rows.extend_from_slice(bag.as_ref().map_or(&self.counted, |bag| &bag.rows));
            let units = Units {
                gradient: 1.0 / f64::from(rounding.gradient_scale),
                hessian: 1.0 / f64::from(rounding.hessian_scale),
            };
            let grown = self.grower.grow(&self.pairs, units, &rng, stop)?;
            has_grown |= !grown.splits.is_empty();
            let (values, covers) = self.leaf_values(target, &grown, bag_weights.as_deref());
            let weight = self.weights.of(iteration);
            self.update_scores(target, &grown, &values, weight, bag.is_some(), stop)?;
            for rows in &mut *scored {
                add_walked(&rows.binned, &grown, &values, weight, &mut rows.scores[target], stop)?;
            }
            self.trees.push(to_tree(grown.root, &grown.splits, &self.binning.columns, values, covers));
            if self.params.dart.is_some() {
                self.grown.push(grown);
            }
        }
        for (&dropped, &before) in dropped.iter().zip(&counted) {
            let now = self.weights.of(dropped);
            self.count_again(dropped, now, None, stop)?;
            self.count_again(dropped, now - before, Some(&mut *scored), stop)?;
        }
        pool::go_on(stop).map(|()| has_grown)
    }

    /// Adds an earlier iteration's trees with a weight: to the evaluation rows if given, else to the training rows.
    fn count_again(
        &mut self,
        iteration: usize,
        weight: f64,
        scored: Option<&mut [Scored<'_>]>,
        stop: &AtomicBool,
    ) -> Result<()> {
        let n_targets = self.loss.n_targets();
        let add = |binned: &BinnedTable, scores: &mut [Vec<f64>]| -> Result<()> {
            for (target, scores) in scores.iter_mut().enumerate() {
                let place = iteration * n_targets + target;
                add_walked(binned, &self.grown[place], &self.trees[place].values, weight, scores, stop)?;
            }
            Ok(())
        };
        match scored {
            None => add(self.binned, &mut self.scores),
            Some(scored) => scored.iter_mut().try_for_each(|rows| add(&rows.binned, &mut rows.scores)),
        }
    }

    /// The rows of this iteration if not all.
    fn sample(&mut self, iteration: usize, rng: &Rng, stop: &AtomicBool) -> Result<Option<Sample>> {
        Ok(match self.params.sampling {
            Sampling::Uniform if self.params.subsample >= 1.0 => None,
            Sampling::Uniform => Some(Sample::uniform(&self.counted, self.params.subsample, rng.fork(0))),
            // As in LightGBM: before the first steps add up to a whole one, gradients say little.
            Sampling::Goss if (iteration as f64) < 1.0 / self.params.learning_rate => None,
            Sampling::Goss => {
                let mut sizes = vec![0.0; self.gradients.len()];
                for target in 0..self.loss.n_targets() {
                    let out = Derivatives { gradients: &mut self.gradients, hessians: &mut self.hessians };
                    derive(self.loss, self.labels, &self.scores, target, out, stop)?;
                    for (size, (g, h)) in sizes.iter_mut().zip(self.gradients.iter().zip(&self.hessians)) {
                        *size += (g * h).abs();
                    }
                }
                Some(Sample::one_sided(&self.counted, &sizes, self.params, rng.fork(0)))
            }
        })
    }

    /// Sums of the unrounded gradients and hessians of each leaf, in f64.
    ///
    /// Goes by fixed blocks of the rows that count, so that what is read and written stays in the second-level cache: leaf by leaf over
    /// all rows, nearly every row costs a cache line of each array.
    fn leaf_sums(&self, grown: &GrownTree) -> Vec<(f64, f64)> {
        struct Part {
            rows: RangeInclusive<u32>,
            sums: Vec<(f64, f64)>,
        }
        let n_leaves = grown.leaves.len();
        let blocks = self.counted.chunks(block_len(self.counted.len())).map(|rows| rows[0]..=rows[rows.len() - 1]);
        let mut parts: Vec<Part> = blocks.map(|rows| Part { rows, sums: vec![(0.0, 0.0); n_leaves] }).collect();
        pool::for_each(&mut parts, &|part| {
            for (range, sums) in grown.leaves.iter().zip(&mut part.sums) {
                for &row in within(&self.grower.rows[range.clone()], &part.rows) {
                    let row = row as usize;
                    sums.0 += f64::from(self.gradients[row]);
                    sums.1 += f64::from(self.hessians[row]);
                }
            }
        });
        let mut sums = vec![(0.0, 0.0); n_leaves];
        for part in &parts {
            for (sum, add) in sums.iter_mut().zip(&part.sums) {
                *sum = (sum.0 + add.0, sum.1 + add.1);
            }
        }
        sums
    }

    /// What each leaf adds, and its cover; `bag_weights` stand in for the rows' own where rows stand for others.
    fn leaf_values(&self, target: usize, grown: &GrownTree, bag_weights: Option<&[f64]>) -> (Vec<f64>, Vec<f64>) {
        let labels = Labels { weights: bag_weights.or(self.labels.weights), ..self.labels };
        let sums = self.leaf_sums(grown);
        let covers = sums.iter().map(|sums| sums.1).collect();
        let (sums, rows) = match &grown.groups {
            None => (sums, &grown.leaves),
            Some(groups) => (groups.sums(&sums), &groups.rows),
        };
        let steps: Vec<f64> = match self.loss.center(target) {
            Some(center) => center.of_leaves(labels, &self.scores[target], &self.grower.rows, rows),
            None => sums.iter().map(|&(gradient, hessian)| self.step(gradient, hessian)).collect(),
        };
        let group = |leaf: usize| grown.groups.as_ref().map_or(leaf, |groups| groups.of_leaf[leaf]);
        let value = |(leaf, bounds): (usize, &Bounds)| self.params.learning_rate * bounds.clamp(steps[group(leaf)]);
        (grown.bounds.iter().enumerate().map(value).collect(), covers)
    }

    /// The step that minimises the second-order objective, or what the loss makes of it.
    fn step(&self, gradient: f64, hessian: f64) -> f64 {
        let shrunk = (gradient.abs() - self.params.l1_regularization).max(0.0).copysign(gradient);
        let weight = hessian + self.params.l2_regularization;
        if weight > 0.0 { self.loss.step(gradient, hessian, -(shrunk / weight)) } else { 0.0 }
    }

    fn update_scores(
        &mut self,
        target: usize,
        grown: &GrownTree,
        values: &[f64],
        weight: f64,
        is_bagged: bool,
        stop: &AtomicBool,
    ) -> Result<()> {
        if is_bagged {
            return add_walked(self.binned, grown, values, weight, &mut self.scores[target], stop);
        }
        let Self { grower, labels, binned, .. } = self;
        let len = block_len(binned.n_rows());
        let mut blocks: Vec<(usize, &mut [f64])> = self.scores[target].chunks_mut(len).enumerate().collect();
        pool::for_each_until(&mut blocks, stop, &|(block, scores)| {
            let first = *block * len;
            let block = first as u32..=(first + scores.len() - 1) as u32;
            for (range, value) in grown.leaves.iter().zip(values) {
                let step = weight * value;
                for &row in within(&grower.rows[range.clone()], &block) {
                    scores[row as usize - first] += step;
                }
            }
            // No leaf lists the rows without weight; who asks for predictions of the training rows gets theirs too.
            let weights = labels.weights.map_or(&[][..], |weights| &weights[first..]);
            for (row, (score, _)) in scores.iter_mut().zip(weights).enumerate().filter(|(_, (_, w))| **w == 0.0) {
                *score += weight * values[grown.leaf_of(binned, first + row)];
            }
        })
    }
}

/// Rows of a block: sums depend on it, so it may depend on nothing but the number of rows that count.
fn block_len(n_rows: usize) -> usize {
    (n_rows / FEWEST_BLOCKS).clamp(FEWEST_IN_BLOCK, MOST_IN_BLOCK)
}

/// Those of a leaf's rows that lie in a block. A leaf's rows rise, as a partition keeps their order.
fn within<'r>(rows: &'r [u32], block: &RangeInclusive<u32>) -> &'r [u32] {
    let rows = &rows[rows.partition_point(|row| row < block.start())..];
    &rows[..rows.partition_point(|row| row <= block.end())]
}

/// Adds a tree's values, each counted `weight` times.
fn add_walked(
    binned: &BinnedTable,
    grown: &GrownTree,
    values: &[f64],
    weight: f64,
    scores: &mut [f64],
    stop: &AtomicBool,
) -> Result<()> {
    let mut blocks: Vec<(usize, &mut [f64])> = scores.chunks_mut(BLOCK).enumerate().collect();
    pool::for_each_until(&mut blocks, stop, &|(block, scores)| {
        for (row, score) in scores.iter_mut().enumerate() {
            *score += weight * values[grown.leaf_of(binned, *block * BLOCK + row)];
        }
    })
}
