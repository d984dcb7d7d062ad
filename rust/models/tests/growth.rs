//! How trees grow and what is drawn: policies, constraints, sampling, forgetting, going on. Each against what it promises.

#![allow(clippy::unwrap_used, reason = "a failed fit is a failed test")]

mod trained;

use std::sync::atomic::AtomicBool;

use arsenal_core::ensemble::{Child, Condition, Tree, TreeEnsemble};
use arsenal_core::rng::Rng;
use arsenal_core::table::{CategoryColumn, Chunk, Column, Table};
use arsenal_models::trees::boosting::{
    Dart, Evaluation, Fitted, GrowPolicy, Input, Interactions, Labels, Params, Progress, Sampling, State, Task,
    Training, fit,
};
use ndarray::{Array2, ArrayView1};
use trained::{classes, learn, learn_dense, params, rows, sums};

const POLICIES: [GrowPolicy; 3] = [GrowPolicy::Leafwise, GrowPolicy::Depthwise, GrowPolicy::Oblivious];

fn mean_loss(ensemble: &TreeEnsemble, x: &Array2<f64>, y: &[f64]) -> f64 {
    let loss = |(row, y): (ArrayView1<'_, f64>, &f64)| 0.5 * (sums(ensemble, &row.to_vec())[0] - y).powi(2);
    x.rows().into_iter().zip(y).map(loss).sum::<f64>() / y.len() as f64
}

/// Depth of every leaf, and the splits by level.
fn levels(tree: &Tree) -> (Vec<usize>, Vec<Vec<usize>>) {
    let (mut leaves, mut by_level, mut open) = (Vec::new(), Vec::<Vec<usize>>::new(), vec![(tree.root, 0)]);
    while let Some((child, depth)) = open.pop() {
        match child {
            Child::Leaf(_) => leaves.push(depth),
            Child::Split(split) => {
                by_level.resize_with(by_level.len().max(depth + 1), Vec::new);
                by_level[depth].push(split as usize);
                let split = &tree.splits[split as usize];
                open.extend([(split.left, depth + 1), (split.right, depth + 1)]);
            }
        }
    }
    (leaves, by_level)
}

#[test]
fn every_policy_learns_and_its_structure_says_what_it_scored() {
    let (x, y) = rows(3000);
    for grow_policy in POLICIES {
        let params = Params { grow_policy, n_estimators: 60, max_leaf_nodes: 32, ..params() };
        let fitted = learn_dense(&x, &y, Task::SquaredError, &params);
        let (first, last) = (fitted.train_losses[0], *fitted.train_losses.last().unwrap());
        assert!(last < 0.15 * first, "{grow_policy:?}: {first} {last}");
        let by_structure = mean_loss(&fitted.state.ensemble, &x, &y);
        assert!((by_structure - last).abs() < 1e-12 * first, "{grow_policy:?}: {by_structure} {last}");
        assert!((fitted.evaluation_losses[0][60] - last).abs() < 1e-12 * first);
        for tree in &fitted.state.ensemble.trees {
            let cover = |child: Child| match child {
                Child::Split(split) => tree.splits[split as usize].cover,
                Child::Leaf(leaf) => tree.covers[leaf as usize],
            };
            for split in &tree.splits {
                assert!((cover(split.left) + cover(split.right) - split.cover).abs() < 1e-9);
            }
        }
    }
}

#[test]
fn depthwise_trees_fill_a_level_before_the_next() {
    let (x, y) = rows(4000);
    let grown = |grow_policy, max_leaf_nodes, max_depth| {
        let params = Params { grow_policy, max_leaf_nodes, max_depth, n_estimators: 5, ..params() };
        learn_dense(&x, &y, Task::SquaredError, &params).state.ensemble.trees
    };
    for tree in grown(GrowPolicy::Depthwise, 12, usize::MAX) {
        let (leaves, by_level) = levels(&tree);
        assert_eq!((leaves.len(), by_level.len()), (12, 4));
        assert_eq!(by_level.iter().map(Vec::len).collect::<Vec<_>>(), [1, 2, 4, 4]);
    }
    assert!(grown(GrowPolicy::Leafwise, 12, usize::MAX).iter().any(|tree| levels(tree).1.len() > 4));
    // Without a limit on leaves, a depth makes both the same set of splits.
    let shape = |policy| {
        grown(policy, 65_535, 3)
            .iter()
            .map(|tree| tree.splits.iter().map(|s| s.gain.to_bits()).collect::<Vec<_>>())
            .map(|mut gains| {
                gains.sort_unstable();
                gains
            })
            .collect::<Vec<_>>()
    };
    assert_eq!(shape(GrowPolicy::Depthwise), shape(GrowPolicy::Leafwise));
}

#[test]
fn oblivious_trees_are_symmetric_and_every_value_rests_on_enough_rows() {
    let (x, y) = rows(600);
    let params = Params {
        grow_policy: GrowPolicy::Oblivious,
        max_leaf_nodes: 70,
        min_samples_leaf: 40,
        n_estimators: 10,
        ..params()
    };
    let ensemble = learn_dense(&x, &y, Task::SquaredError, &params).state.ensemble;
    for tree in &ensemble.trees {
        let (depths, by_level) = levels(tree);
        assert!(depths.iter().all(|&depth| depth == by_level.len()) && by_level.len() <= 6);
        assert_eq!(tree.n_leaves(), 1 << by_level.len());
        for level in &by_level {
            let first = &tree.splits[level[0]];
            for &split in level {
                let split = &tree.splits[split];
                assert_eq!((split.feature, &split.condition), (first.feature, &first.condition));
            }
            assert!(level.iter().map(|&split| tree.splits[split].gain).sum::<f64>() > 0.0);
        }
        // Hessians are 1 here: covers count rows, and leaves of one value count together.
        let mut by_value: Vec<(f64, f64)> = tree.values.iter().copied().zip(tree.covers.iter().copied()).collect();
        by_value.sort_by(|a, b| a.0.total_cmp(&b.0));
        assert_eq!(by_value.iter().map(|leaf| leaf.1).sum::<f64>(), 600.0);
        for same in by_value.chunk_by(|a, b| a.0 == b.0) {
            assert!(same.iter().map(|leaf| leaf.1).sum::<f64>() >= 40.0, "{same:?}");
        }
    }
    let halves = ensemble.trees.iter().flat_map(|tree| &tree.covers).filter(|&&cover| cover < 40.0).count();
    assert!(halves > 0, "some condition was ignored somewhere");
}

#[test]
fn the_first_level_of_an_oblivious_tree_is_the_best_pair_of_conditions_in_turn() {
    // Integers in few bins: the exhaustive search is exact.
    let mut rng = Rng::new(11);
    let x = Array2::from_shape_fn((200, 3), |_| rng.below(6) as f64);
    let y: Vec<f64> = x.rows().into_iter().map(|row| 3.0 * f64::from(row[0] > 2.0) + row[1] * row[2]).collect();
    let params = Params {
        grow_policy: GrowPolicy::Oblivious,
        max_leaf_nodes: 4,
        min_samples_leaf: 1,
        n_estimators: 1,
        learning_rate: 1.0,
        ..params()
    };
    let tree = learn_dense(&x, &y, Task::SquaredError, &params).state.ensemble.trees.swap_remove(0);
    let mut groups = vec![0usize; 200];
    for level in levels(&tree).1 {
        let squares = |column: usize, cut: f64| -> f64 {
            let mut cells = [(0.0, 0.0); 8];
            for (row, &group) in groups.iter().enumerate() {
                let cell = &mut cells[2 * group + usize::from(x[[row, column]] > cut)];
                *cell = (cell.0 + y[row], cell.1 + 1.0);
            }
            cells.iter().filter(|cell| cell.1 > 0.0).map(|cell| cell.0 * cell.0 / cell.1).sum()
        };
        let all = (0..3).flat_map(|column| (0..5).map(move |cut| (column, f64::from(cut) + 0.5)));
        let best = all.max_by(|a, b| squares(a.0, a.1).total_cmp(&squares(b.0, b.1))).unwrap();
        let split = &tree.splits[level[0]];
        let Condition::AtMost { threshold, .. } = split.condition else { panic!("wanted a number") };
        assert_eq!((split.feature as usize, threshold), best);
        for (row, group) in groups.iter_mut().enumerate() {
            *group = 2 * *group + usize::from(x[[row, best.0]] > best.1);
        }
    }
}

/// Columns: text with many levels, text with few, a number with gaps.
fn mixed(n: usize) -> (Vec<CategoryColumn>, Vec<f64>, Vec<f64>) {
    let mut rng = Rng::new(5);
    let codes: Vec<(u64, u64)> = (0..n).map(|_| (rng.below(30), rng.below(3))).collect();
    let text = |k: u64| (k % 7 != 3).then(|| format!("level {k}"));
    let many: Vec<Option<String>> = codes.iter().map(|pair| text(pair.0)).collect();
    let few: Vec<Option<String>> = codes.iter().map(|pair| text(pair.1)).collect();
    let number: Vec<f64> = (0..n).map(|i| if i % 9 == 0 { f64::NAN } else { rng.uniform() }).collect();
    let y = codes.iter().zip(&number).map(|(&(a, b), x)| {
        f64::from(a * 7 % 30 < 11) + f64::from(b == 1) * x.max(0.0) + if x.is_nan() { 1.0 } else { 0.0 }
    });
    let columns = [many, few].map(|texts| CategoryColumn::encode(texts.iter().map(Option::as_deref)));
    (columns.into(), number.clone(), y.collect())
}

#[test]
fn oblivious_trees_split_categories_and_send_missing_values_where_they_belong() {
    let (texts, number, y) = mixed(4000);
    let table = Table::Columns(vec![
        Column::Category(&texts[0]),
        Column::Category(&texts[1]),
        Column::F64(vec![Chunk { values: ArrayView1::from(&number), validity: None }]),
    ]);
    let labels = Labels { targets: &y, weights: None, queries: None };
    let params = Params { grow_policy: GrowPolicy::Oblivious, max_leaf_nodes: 64, n_estimators: 80, ..params() };
    let fitted = learn(&table, &[true, true, false], labels, Task::SquaredError, &params).unwrap();
    let (first, last) = (fitted.train_losses[0], *fitted.train_losses.last().unwrap());
    assert!(last < 0.1 * first, "{first} {last}");
    // Walks over bins and partitions of rows agree.
    assert!((fitted.evaluation_losses[0][80] - last).abs() < 1e-12);
    let conditions = fitted.state.ensemble.trees.iter().flat_map(|tree| &tree.splits);
    let sets = conditions.filter_map(|split| match &split.condition {
        Condition::Among { codes } => Some((split.feature, codes.len())),
        Condition::AtMost { .. } => None,
    });
    let sets: Vec<(u32, usize)> = sets.collect();
    assert!(sets.iter().any(|&(feature, n)| feature == 0 && n > 3));
    assert!(sets.iter().filter(|set| set.0 == 1).all(|set| set.1 == 1) && sets.iter().any(|set| set.0 == 1));
}

#[test]
fn monotone_columns_are_monotone_on_a_grid_for_every_policy() {
    let mut rng = Rng::new(8);
    let x = Array2::from_shape_fn((2000, 3), |_| rng.uniform() * 4.0 - 2.0);
    // Waves on a slope: without constraints every direction shows up.
    let wave =
        |row: ArrayView1<'_, f64>| row[0] + 2.0 * (4.0 * row[0]).sin() - row[1] + 2.0 * (4.0 * row[1]).cos() + row[2];
    let y: Vec<f64> = x.rows().into_iter().map(wave).collect();
    let signs = vec![1, -1, 0];
    let steps = |ensemble: &TreeEnsemble, column: usize| -> (f64, f64) {
        let mut rng = Rng::new(1);
        let (mut lowest, mut highest) = (f64::INFINITY, f64::NEG_INFINITY);
        for _ in 0..60 {
            let mut row: Vec<f64> = (0..3).map(|_| rng.uniform() * 4.0 - 2.0).collect();
            let mut last = None;
            for step in 0..80 {
                row[column] = -2.0 + 0.05 * f64::from(step);
                let sum = sums(ensemble, &row)[0];
                if let Some(last) = last {
                    (lowest, highest) = (lowest.min(sum - last), highest.max(sum - last));
                }
                last = Some(sum);
            }
        }
        (lowest, highest)
    };
    for grow_policy in POLICIES {
        for (task, targets) in [(Task::SquaredError, y.clone()), (Task::Classes(2), classes(&y, &[0.0]))] {
            let free = Params { grow_policy, max_leaf_nodes: 32, n_estimators: 30, ..params() };
            let bound = Params { monotonic_cst: signs.clone(), l1_regularization: 0.01, ..free.clone() };
            let ensemble = |params| learn_dense(&x, &targets, task, params).state.ensemble;
            let (free, bound) = (ensemble(&free), ensemble(&bound));
            assert!(steps(&free, 0).0 < -1e-3 && steps(&free, 1).1 > 1e-3, "{grow_policy:?}: nothing to forbid");
            assert!(steps(&bound, 0).0 >= -1e-12, "{grow_policy:?} {:?}", steps(&bound, 0));
            assert!(steps(&bound, 1).1 <= 1e-12, "{grow_policy:?} {:?}", steps(&bound, 1));
            assert!(steps(&bound, 0).1 > 0.01 && steps(&bound, 1).0 < -0.01, "{grow_policy:?}: nothing learned");
        }
    }
}

/// Sets of columns on every path from a root to a leaf.
fn paths(ensemble: &TreeEnsemble) -> Vec<Vec<u32>> {
    let mut found = Vec::new();
    for tree in &ensemble.trees {
        let mut open = vec![(tree.root, Vec::new())];
        while let Some((child, mut path)) = open.pop() {
            match child {
                Child::Leaf(_) => found.push(path),
                Child::Split(split) => {
                    let split = &tree.splits[split as usize];
                    path.push(split.feature);
                    path.sort_unstable();
                    path.dedup();
                    open.extend([(split.left, path.clone()), (split.right, path)]);
                }
            }
        }
    }
    found
}

#[test]
fn interactions_stay_within_their_groups() {
    let (x, y) = rows(2000);
    for grow_policy in POLICIES {
        let learned = |interaction_cst| {
            let params = Params { grow_policy, interaction_cst, max_leaf_nodes: 16, ..params() };
            paths(&learn_dense(&x, &y, Task::SquaredError, &params).state.ensemble)
        };
        assert!(learned(Interactions::Any).iter().any(|path| path.len() > 2));
        let alone = learned(Interactions::Distinct(1));
        assert!(alone.iter().all(|path| path.len() <= 1));
        let pairs = learned(Interactions::Distinct(2));
        assert!(pairs.iter().all(|path| path.len() <= 2) && pairs.iter().any(|path| path.len() == 2));
        let groups = vec![vec![0, 1], vec![2], vec![0, 3, 4]];
        let grouped = learned(Interactions::Groups(groups.clone()));
        assert!(grouped.iter().all(|path| groups.iter().any(|group| path.iter().all(|column| group.contains(column)))));
        assert!(grouped.contains(&vec![0, 1]) && grouped.iter().all(|path| !path.contains(&5)));
    }
}

#[test]
fn columns_are_drawn_per_tree_and_per_level() {
    let (x, y) = rows(1500);
    let learned = |params: Params| learn_dense(&x, &y, Task::SquaredError, &params).state.ensemble.trees;
    let used = |splits: &mut dyn Iterator<Item = u32>| {
        let mut columns: Vec<u32> = splits.collect();
        columns.sort_unstable();
        columns.dedup();
        columns
    };
    let by_tree = learned(Params { colsample_bytree: 0.3, ..params() });
    let sets: Vec<Vec<u32>> =
        by_tree.iter().map(|tree| used(&mut tree.splits.iter().map(|split| split.feature))).collect();
    assert!(sets.iter().all(|columns| columns.len() <= 2), "{sets:?}");
    assert!(used(&mut sets.iter().flatten().copied()).len() >= 5, "trees differ");
    let by_level = learned(Params { colsample_bylevel: 0.1, ..params() });
    let mut several = 0;
    for tree in &by_level {
        for level in levels(tree).1 {
            assert_eq!(used(&mut level.iter().map(|&split| tree.splits[split].feature)).len(), 1);
            several += usize::from(level.len() > 1);
        }
    }
    assert!(several > 5);
}

#[test]
fn one_sided_sampling_learns_about_as_well_as_all_rows() {
    let (x, y) = rows(6000);
    for (task, targets) in [(Task::SquaredError, y.clone()), (Task::Classes(3), classes(&y, &[-1.0, 1.0]))] {
        let loss = |params: &Params| *learn_dense(&x, &targets, task, params).train_losses.last().unwrap();
        let all = Params { n_estimators: 60, ..params() };
        let goss = Params { sampling: Sampling::Goss, ..all.clone() };
        let (all_loss, goss_loss) = (loss(&all), loss(&goss));
        assert!(goss_loss < 1.15 * all_loss && goss_loss != all_loss, "{task:?}: {goss_loss} {all_loss}");
        assert_eq!(goss_loss, loss(&Params { n_threads: 3, ..goss }));
    }
    // Before 1 / learning_rate iterations all rows count.
    let early = |sampling| {
        let params = Params { sampling, n_estimators: 10, ..params() };
        learn_dense(&x, &y, Task::SquaredError, &params).state
    };
    assert_eq!(early(Sampling::Goss), early(Sampling::Uniform));
}

#[test]
fn forgetting_keeps_structure_and_scores_together() {
    let (x, y) = rows(2000);
    let dart = Dart { drop_rate: 0.3, skip_drop: 0.2, max_drop: 5 };
    for (task, targets) in [(Task::SquaredError, y.clone()), (Task::Classes(3), classes(&y, &[-1.0, 1.0]))] {
        for subsample in [1.0, 0.7] {
            let params = Params { dart: Some(dart), n_estimators: 40, subsample, ..params() };
            let fitted = learn_dense(&x, &targets, task, &params);
            let last = *fitted.train_losses.last().unwrap();
            assert!(last < 0.95 * fitted.train_losses[0], "{last} {}", fitted.train_losses[0]);
            assert!((fitted.evaluation_losses[0][40] - last).abs() < 1e-10);
            let by_structure = if matches!(task, Task::SquaredError) {
                mean_loss(&fitted.state.ensemble, &x, &y)
            } else {
                let loss = |(row, &class): (ArrayView1<'_, f64>, &f64)| {
                    let sums = sums(&fitted.state.ensemble, &row.to_vec());
                    sums.iter().map(|sum| sum.exp()).sum::<f64>().ln() - sums[class as usize]
                };
                x.rows().into_iter().zip(&targets).map(loss).sum::<f64>() / 2000.0
            };
            assert!((by_structure - last).abs() < 1e-10, "{task:?}: {by_structure} {last}");
        }
    }
}

fn learn_more(
    x: &Array2<f64>,
    y: &[f64],
    later: Option<(&Array2<f64>, &[f64])>,
    params: &Params,
    resume_from: Option<&State>,
) -> Fitted {
    let names: Vec<String> = (0..x.ncols()).map(|column| format!("x{column}")).collect();
    let table = Table::DenseF64(x.view());
    let is_category = vec![false; x.ncols()];
    let labels = Labels { targets: y, weights: None, queries: None };
    let training =
        Training { table: Input::Table(&table), names: &names, is_category: &is_category, labels, resume_from };
    let later = later.map(|(x, y)| (Table::DenseF64(x.view()), Labels { targets: y, weights: None, queries: None }));
    let evaluations: Vec<Evaluation<'_, '_>> =
        later.iter().map(|(table, labels)| Evaluation { table: Input::Table(table), labels: *labels }).collect();
    let quiet = Progress::default();
    fit(&training, &evaluations, Task::SquaredError, params, true, &quiet, &AtomicBool::new(false)).unwrap()
}

#[test]
fn stopping_early_keeps_the_weights_of_the_best_iteration() {
    let (x, y) = rows(700);
    let (x, later) = (x.slice(ndarray::s![..400, ..]).to_owned(), x.slice(ndarray::s![400.., ..]).to_owned());
    let params = Params {
        dart: Some(Dart { drop_rate: 0.5, skip_drop: 0.0, max_drop: 50 }),
        n_estimators: 200,
        n_iter_no_change: Some(15),
        learning_rate: 0.5,
        min_samples_leaf: 2,
        ..params()
    };
    let fitted = learn_more(&x, &y[..400], Some((&later, &y[400..])), &params, None);
    let losses = &fitted.evaluation_losses[0];
    assert!(fitted.n_iterations < losses.len() - 1, "it stopped early");
    let kept = mean_loss(&fitted.state.ensemble, &later, &y[400..]);
    assert!((kept - losses[fitted.n_iterations]).abs() < 1e-10, "{kept} {}", losses[fitted.n_iterations]);
}

#[test]
fn going_on_gives_what_one_long_fit_gives() {
    let (x, y) = rows(1500);
    let options = [
        params(),
        Params { subsample: 0.6, colsample_bytree: 0.7, ..params() },
        Params { grow_policy: GrowPolicy::Oblivious, sampling: Sampling::Goss, ..params() },
    ];
    for params in options {
        let whole = learn_more(&x, &y, Some((&x, &y)), &params, None);
        let first = learn_more(&x, &y, Some((&x, &y)), &Params { n_estimators: 12, ..params.clone() }, None);
        let second = learn_more(&x, &y, Some((&x, &y)), &params, Some(&first.state));
        assert_eq!(second.state.to_bytes().unwrap(), whole.state.to_bytes().unwrap());
        assert_eq!(second.train_losses, whole.train_losses[12..]);
        assert_eq!(second.evaluation_losses[0], whole.evaluation_losses[0][12..]);
        assert_eq!(second.n_iterations, 20);
        let none = learn_more(&x, &y, None, &params, Some(&second.state));
        assert_eq!(none.state, second.state);
    }
    let dart = Params { dart: Some(Dart::default()), ..params() };
    let first = learn_more(&x, &y, None, &Params { n_estimators: 12, ..dart.clone() }, None);
    let second = learn_more(&x, &y, None, &dart, Some(&first.state));
    let by_structure = mean_loss(&second.state.ensemble, &x, &y);
    assert!((by_structure - second.train_losses[8]).abs() < 1e-10);
}

#[test]
fn a_fit_does_not_go_on_from_another_kind() {
    let (x, y) = rows(300);
    let (table, names) = (Table::DenseF64(x.view()), (0..6).map(|i| format!("x{i}")).collect::<Vec<_>>());
    let state = learn_dense(&x, &y, Task::SquaredError, &params()).state;
    let run = |table: &Table<'_>, task, params: &Params, state: &State| {
        let targets = classes(&y, &[-1.0, 1.0]);
        let labels = Labels { targets: &targets, weights: None, queries: None };
        let training = Training {
            table: Input::Table(table),
            names: &names,
            is_category: &[false; 6],
            labels,
            resume_from: Some(state),
        };
        fit(&training, &[], task, params, false, &Progress::default(), &AtomicBool::new(false)).unwrap_err().to_string()
    };
    let few = Params { n_estimators: 5, ..params() };
    assert!(run(&table, Task::SquaredError, &few, &state).starts_with("n_estimators is 5, wanted at least 20"));
    assert!(run(&table, Task::Classes(3), &params(), &state).contains("link Identity, this loss asks for Softmax"));
    let two = [0.1, 0.9];
    assert!(run(&table, Task::Quantiles(&two), &params(), &state).contains("1 sums per row, this target asks for 2"));
    let narrow = x.mapv(|value| value as f32);
    let labels = Labels { targets: &y, weights: None, queries: None };
    let narrow =
        learn(&Table::DenseF32(narrow.view()), &[false; 6], labels, Task::SquaredError, &params()).unwrap().state;
    assert!(run(&table, Task::SquaredError, &params(), &narrow).contains("was fitted on float32"));
}

#[test]
fn threads_decide_nothing() {
    let (x, y) = rows(40_000);
    let options = [
        Params { grow_policy: GrowPolicy::Oblivious, max_leaf_nodes: 64, ..params() },
        Params { grow_policy: GrowPolicy::Depthwise, sampling: Sampling::Goss, learning_rate: 0.5, ..params() },
        Params { monotonic_cst: vec![1, 0, 0, -1, 0, 0], colsample_bylevel: 0.5, ..params() },
        Params { dart: Some(Dart::default()), interaction_cst: Interactions::Distinct(2), ..params() },
    ];
    for params in options {
        let bytes = |n_threads| {
            let params = Params { n_threads, n_estimators: 6, ..params.clone() };
            learn_more(&x, &y, None, &params, None).state.to_bytes().unwrap()
        };
        assert_eq!(bytes(1), bytes(3));
    }
}
