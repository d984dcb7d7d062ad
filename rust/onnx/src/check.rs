//! Does an ensemble keep its contract, and can the model's float type hold its numbers?

use std::collections::BTreeSet;

use arsenal_core::ensemble::{Aggregate, Condition, Dtype, Feature, FeatureKind, Link, Split, Targets, TreeEnsemble};
use arsenal_core::foreign::{ForeignModel, Step, Task};
use arsenal_core::{Result, value_error};

use crate::ClassLabels;

/// Everything but the shape of the trees, which [`crate::order::preorder`] checks on its way.
pub fn check(ensemble: &TreeEnsemble, labels: Option<&ClassLabels>) -> Result<()> {
    check_targets(ensemble, labels)?;
    for Feature { name, kind } in &ensemble.features {
        match kind {
            FeatureKind::StringCategories(levels) if levels.iter().any(String::is_empty) => {
                return value_error!("the empty string is a level of column {name:?}, it stands for missing");
            }
            FeatureKind::NumericCategories(values) if values.iter().any(|value| value.is_nan()) => {
                return value_error!("NaN is a category of column {name:?}, it stands for missing");
            }
            _ => {}
        }
    }
    check_columns_and_trees(ensemble)
}

/// The same for a model that was learned elsewhere, whose task and steps stand in for a link.
pub fn check_foreign(model: &ForeignModel, labels: Option<&ClassLabels>) -> Result<()> {
    let ensemble = &model.ensemble;
    let n_targets = ensemble.n_targets;
    let n_labels = labels.map_or(0, ClassLabels::len);
    let wanted = model.n_classes().unwrap_or(0);
    if n_labels != wanted {
        return value_error!("the model has {wanted} classes, got {n_labels} class labels");
    }
    match model.task {
        Task::TwoClasses { .. } if n_targets != 1 => {
            return value_error!("two classes are for 1 target, got {n_targets}");
        }
        Task::TwoClasses { above } if !exact(above, ensemble.dtype) => {
            return value_error!("the threshold {above} is not a finite {}", type_name(ensemble.dtype));
        }
        Task::Classes if n_targets < 2 => return value_error!("classes need 2 targets or more, got {n_targets}"),
        _ => {}
    }
    check_labels(labels)?;
    if ensemble.targets != Targets::RoundRobin
        || ensemble.aggregate != Aggregate::Sum
        || ensemble.link != Link::Identity
    {
        return value_error!("trees of another library take turns and are added, without a link");
    }
    if n_targets == 0 || ensemble.trees.len() < n_targets {
        return value_error!("{n_targets} targets need at least as many trees, got {}", ensemble.trees.len());
    }
    for step in &model.steps {
        let numbers = match step {
            Step::Multiply(number) | Step::Divide(number) => std::slice::from_ref(number),
            Step::Add(numbers) => numbers.as_slice(),
            _ => continue,
        };
        if ![1, n_targets].contains(&numbers.len()) {
            return value_error!("a step adds {} numbers to {n_targets} targets", numbers.len());
        }
        if let Some(number) = numbers.iter().find(|number| !exact(**number, ensemble.dtype)) {
            return value_error!("a step's number {number} is not a finite {}", type_name(ensemble.dtype));
        }
    }
    check_columns_and_trees(ensemble)
}

fn check_columns_and_trees(ensemble: &TreeEnsemble) -> Result<()> {
    if ensemble.features.is_empty() {
        return value_error!("the model has no feature, an ONNX file needs at least one");
    }
    for feature in &ensemble.features {
        check_feature(feature, ensemble.dtype)?;
    }
    for (t, tree) in ensemble.trees.iter().enumerate() {
        for (s, split) in tree.splits.iter().enumerate() {
            if let Err(message) = check_split(split, ensemble) {
                return value_error!("tree {t}, split {s}: {message}");
            }
        }
        let width = ensemble.width();
        if tree.values.len() != tree.n_leaves() * width {
            return value_error!(
                "tree {t} has {} leaves and {} values, wanted {width} per leaf",
                tree.n_leaves(),
                tree.values.len()
            );
        }
        for (place, &value) in tree.values.iter().enumerate() {
            let fits = match ensemble.dtype {
                Dtype::F32 => (value as f32).is_finite(),
                Dtype::F64 => value.is_finite(),
            };
            if !fits {
                return value_error!(
                    "tree {t}, leaf {}: {value} is not a finite {}",
                    place / width,
                    type_name(ensemble.dtype)
                );
            }
        }
    }
    Ok(())
}

fn check_targets(ensemble: &TreeEnsemble, labels: Option<&ClassLabels>) -> Result<()> {
    let n_labels = labels.map_or(0, ClassLabels::len);
    let n_targets = ensemble.n_targets;
    let outputs = labels.map_or(&[][..], ClassLabels::outputs);
    if outputs.iter().any(|labels| matches!(labels, ClassLabels::Several(_))) {
        return value_error!("an output has labels of one kind, got several outputs in one");
    }
    match ensemble.link {
        Link::Identity | Link::Exp | Link::Isolation { .. } if n_labels > 0 => {
            return value_error!("a regressor has no class labels, got {n_labels}");
        }
        Link::Logistic if n_labels != 2 => {
            return value_error!("the logistic link is for 2 classes, got {n_labels} labels");
        }
        Link::Exp | Link::Logistic | Link::Isolation { .. } if n_targets != 1 => {
            return value_error!("this link is for 1 target, got {n_targets}");
        }
        Link::Logistic | Link::Softmax if outputs.len() != 1 => {
            return value_error!("this link is for 1 output, got labels of {}", outputs.len());
        }
        Link::Shares => {
            let wanted: usize = outputs.iter().map(|labels| if labels.len() == 2 { 1 } else { labels.len() }).sum();
            if outputs.is_empty() || wanted != n_targets {
                return value_error!("these labels need {wanted} targets, got {n_targets}");
            }
        }
        // onnxruntime labels two softmax classes by the sign of the second sum.
        Link::Softmax if n_targets < 3 => return value_error!("softmax is for 3 classes or more, got {n_targets}"),
        Link::Softmax if n_labels != n_targets => {
            return value_error!("{n_targets} targets need as many labels, got {n_labels}");
        }
        _ => {}
    }
    if n_targets == 0 {
        return value_error!("the model has 0 targets, wanted at least 1");
    }
    let least_trees = if ensemble.targets == Targets::Every { 1 } else { n_targets };
    if ensemble.trees.len() < least_trees {
        return value_error!("{n_targets} targets need at least as many trees, got {}", ensemble.trees.len());
    }
    check_labels(labels)
}

fn check_labels(labels: Option<&ClassLabels>) -> Result<()> {
    for labels in labels.map_or(&[][..], ClassLabels::outputs) {
        let distinct = match labels {
            ClassLabels::Int64s(labels) => labels.iter().collect::<BTreeSet<_>>().len(),
            ClassLabels::Strings(labels) => labels.iter().collect::<BTreeSet<_>>().len(),
            ClassLabels::Several(_) => 0,
        };
        if distinct != labels.len() {
            return value_error!("{} class labels must be distinct, got {distinct} distinct ones", labels.len());
        }
    }
    Ok(())
}

fn check_feature(feature: &Feature, dtype: Dtype) -> Result<()> {
    let name = &feature.name;
    // Codes are written in the model's float type, which counts up to here without a gap.
    let most = match dtype {
        Dtype::F32 => 1 << 24,
        Dtype::F64 => 1 << 53,
    };
    if let Some(n) = feature.kind.n_categories().filter(|&n| n > most) {
        return value_error!("column {name:?} has {n} categories, a {} model may have {most}", type_name(dtype));
    }
    if let FeatureKind::WholeCategories { values, above } = &feature.kind {
        if !(-1.0..0.0).contains(above) || !exact(*above, dtype) {
            return value_error!(
                "column {name:?} cuts numbers above {above} to whole ones, wanted a {} in -1..0",
                type_name(dtype)
            );
        }
        if let Some(value) = values.iter().find(|value| **value < 0.0 || value.trunc() != **value && !value.is_nan()) {
            return value_error!("the category {value} of column {name:?} is not a whole number of at least 0");
        }
    }
    match &feature.kind {
        FeatureKind::Numeric | FeatureKind::Float32 | FeatureKind::ZeroIsMissing => {}
        FeatureKind::NumericCategories(values) | FeatureKind::WholeCategories { values, .. } => {
            if let Some(value) = values.iter().find(|value| !exact(**value, dtype) && !value.is_nan()) {
                return value_error!("the category {value} of column {name:?} is not a {}", type_name(dtype));
            }
            // -0.0 and 0.0 are one category: they compare equal wherever the file runs. So do all NaNs in LabelEncoder.
            let bits = |value: &f64| if value.is_nan() { f64::NAN } else { value + 0.0 }.to_bits();
            let distinct = values.iter().map(bits).collect::<BTreeSet<_>>().len();
            if distinct != values.len() {
                return value_error!("column {name:?} has {} categories, only {distinct} are distinct", values.len());
            }
        }
        FeatureKind::StringCategories(levels) => {
            let distinct = levels.iter().collect::<BTreeSet<_>>();
            if distinct.len() != levels.len() {
                return value_error!(
                    "column {name:?} has {} levels, only {} are distinct",
                    levels.len(),
                    distinct.len()
                );
            }
        }
    }
    Ok(())
}

fn check_split(split: &Split, ensemble: &TreeEnsemble) -> std::result::Result<(), String> {
    let Some(feature) = ensemble.features.get(split.feature as usize) else {
        return Err(format!("feature {} does not exist, there are {}", split.feature, ensemble.features.len()));
    };
    match (&split.condition, feature.kind.n_categories()) {
        (Condition::AtMost { threshold, .. }, None) => {
            // Infinity is a threshold too: it parts missing values from all others.
            if !(threshold.is_infinite() || exact(*threshold, ensemble.dtype)) {
                return Err(format!("the threshold {threshold} is not a {}", type_name(ensemble.dtype)));
            }
        }
        (Condition::Among { codes }, Some(n_categories)) => {
            let in_range = |code: &u32| (1..=n_categories).contains(&(*code as usize));
            if codes.is_empty() || !codes.iter().all(in_range) || !codes.is_sorted_by(|a, b| a < b) {
                return Err(format!("codes must rise within 1..={n_categories}, got {codes:?}"));
            }
        }
        (Condition::AtMost { .. }, Some(_)) => return Err("a threshold on categories, which have no order".into()),
        (Condition::Among { .. }, None) => return Err("codes on a column without categories".into()),
    }
    Ok(())
}

/// Whether `value` is finite and the model's type holds it exactly.
fn exact(value: f64, dtype: Dtype) -> bool {
    value.is_finite()
        && match dtype {
            Dtype::F32 => f64::from(value as f32) == value,
            Dtype::F64 => true,
        }
}

fn type_name(dtype: Dtype) -> &'static str {
    match dtype {
        Dtype::F32 => "float32",
        Dtype::F64 => "float64",
    }
}
