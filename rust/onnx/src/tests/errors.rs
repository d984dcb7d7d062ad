//! What the writer refuses, and how it says so.

use arsenal_core::Error;
use arsenal_core::ensemble::{Child, Condition, Dtype, Feature, FeatureKind, Link, TreeEnsemble};

use super::ensembles::{numeric, numeric_categories, string_categories};
use super::forms::{at_most, binary, stump, two_classes};
use crate::{ClassLabels, Options, append_metadata, write};

fn refusal(ensemble: &TreeEnsemble, options: &Options) -> String {
    match write(ensemble, options) {
        Err(Error::Value(message)) => message,
        other => panic!("{other:?}"),
    }
}

fn sound() -> TreeEnsemble {
    binary(vec![numeric("a")], Dtype::F32, vec![stump(0, at_most(0.5), -1.0, 2.0)])
}

/// The refusal of a sound ensemble that `spoil` has spoilt.
fn spoilt(spoil: impl FnOnce(&mut TreeEnsemble)) -> String {
    let mut ensemble = sound();
    spoil(&mut ensemble);
    refusal(&ensemble, &two_classes())
}

#[test]
fn trees_must_be_trees() {
    let message = spoilt(|e| e.trees[0].splits[0].right = Child::Split(1));
    assert_eq!(message, "tree 0 leads to split 1, it has 1");
    let message = spoilt(|e| e.trees[0].splits[0].left = Child::Split(0));
    assert_eq!(message, "tree 0: split 0 must come after its one parent");
    let message = spoilt(|e| e.trees[0].splits[0].right = Child::Leaf(0));
    assert!(message.starts_with("tree 0: leaf 0 of 2 is reached where leaf 1 belongs"), "{message}");
    let message = spoilt(|e| e.trees[0].splits[0].right = Child::Leaf(2));
    assert!(message.starts_with("tree 0: leaf 2 of 2 is reached where leaf 1 belongs"), "{message}");
    let message = spoilt(|e| {
        e.trees[0].values.push(1.0);
        e.trees[0].covers.push(1.0);
    });
    assert_eq!(message, "tree 0 has 1 splits and 3 leaves, only 3 of them are reached from its root");
    let message = spoilt(|e| {
        e.trees[0].values.truncate(1);
        e.trees[0].covers.truncate(1);
    });
    assert!(message.starts_with("tree 0: leaf 1 of 1 is reached"), "{message}");
    let message = spoilt(|e| e.trees[0].values.push(1.0));
    assert_eq!(message, "tree 0 has 2 leaves and 3 values, wanted 1 per leaf");
    // Two ways to one split.
    let message = spoilt(|e| {
        let tree = &mut e.trees[0];
        tree.splits.push(tree.splits[0].clone());
        tree.splits[0].left = Child::Split(1);
        tree.splits[0].right = Child::Split(1);
    });
    assert_eq!(message, "tree 0: split 1 must come after its one parent");
}

#[test]
fn splits_must_fit_their_columns() {
    assert_eq!(spoilt(|e| e.trees[0].splits[0].feature = 3), "tree 0, split 0: feature 3 does not exist, there are 1");
    let threshold = |value: f64| spoilt(|e| e.trees[0].splits[0].condition = at_most(value));
    assert_eq!(threshold(f64::NAN), "tree 0, split 0: the threshold NaN is not a float32");
    assert_eq!(threshold(0.1), "tree 0, split 0: the threshold 0.1 is not a float32");
    assert_eq!(
        spoilt(|e| e.trees[0].splits[0].condition = Condition::Among { codes: vec![1] }),
        "tree 0, split 0: codes on a column without categories"
    );
    assert_eq!(
        spoilt(|e| e.features[0] = string_categories("a", 3)),
        "tree 0, split 0: a threshold on categories, which have no order"
    );
    for codes in [vec![], vec![0], vec![4], vec![2, 1], vec![1, 1]] {
        let message = spoilt(|e| {
            e.features[0] = numeric_categories("a", 3);
            e.trees[0].splits[0].condition = Condition::Among { codes: codes.clone() };
        });
        assert_eq!(message, format!("tree 0, split 0: codes must rise within 1..=3, got {codes:?}"));
    }
}

#[test]
fn numbers_must_fit_the_type() {
    assert_eq!(spoilt(|e| e.trees[0].values[1] = 1e39), format!("tree 0, leaf 1: {} is not a finite float32", 1e39));
    let message = spoilt(|e| {
        e.dtype = Dtype::F64;
        e.trees[0].values[1] = f64::NAN;
    });
    assert_eq!(message, "tree 0, leaf 1: NaN is not a finite float64");
    let categories = |values: &[f64]| {
        spoilt(|e| e.features[0] = Feature { name: "a".into(), kind: FeatureKind::NumericCategories(values.to_vec()) })
    };
    assert_eq!(categories(&[0.1]), "the category 0.1 of column \"a\" is not a float32");
    assert_eq!(categories(&[f64::NAN]), "NaN is a category of column \"a\", it stands for missing");
    assert_eq!(categories(&[0.0, 1.0, -0.0]), "column \"a\" has 3 categories, only 2 are distinct");
    let too_many = categories(&vec![0.0; (1 << 24) + 1]);
    assert_eq!(too_many, "column \"a\" has 16777217 categories, a float32 model may have 16777216");
    let levels = |levels: &[&str]| {
        let levels = levels.iter().map(ToString::to_string).collect();
        spoilt(|e| e.features[0] = Feature { name: "a".into(), kind: FeatureKind::StringCategories(levels) })
    };
    assert_eq!(levels(&["x", "x"]), "column \"a\" has 2 levels, only 1 are distinct");
    assert_eq!(levels(&["x", ""]), "the empty string is a level of column \"a\", it stands for missing");
}

#[test]
fn labels_must_fit_the_link() {
    let options =
        |labels: &[i64]| Options { class_labels: Some(ClassLabels::Int64s(labels.to_vec())), ..two_classes() };
    assert_eq!(refusal(&sound(), &options(&[1])), "the logistic link is for 2 classes, got 1 labels");
    assert_eq!(refusal(&sound(), &options(&[1, 1])), "2 class labels must be distinct, got 1 distinct ones");
    assert!(options(&[]).class_labels.unwrap().is_empty());
    let no_labels = Options { class_labels: None, ..two_classes() };
    assert_eq!(refusal(&sound(), &no_labels), "the logistic link is for 2 classes, got 0 labels");
    assert_eq!(spoilt(|e| e.link = Link::Identity), "a regressor has no class labels, got 2");
    assert_eq!(spoilt(|e| e.n_targets = 2), "this link is for 1 target, got 2");
    let softmax = |n_targets| {
        spoilt(|e| {
            e.link = Link::Softmax;
            e.n_targets = n_targets;
        })
    };
    assert_eq!(softmax(2), "softmax is for 3 classes or more, got 2");
    assert_eq!(softmax(3), "3 targets need as many labels, got 2");
    assert_eq!(spoilt(|e| e.trees.clear()), "1 targets need at least as many trees, got 0");
    assert_eq!(spoilt(|e| e.features.clear()), "the model has no feature, an ONNX file needs at least one");
}

#[test]
fn input_names_must_be_sound_where_columns_are_inputs() {
    let names = |names: &[&str]| {
        let mut ensemble = sound();
        ensemble.features.extend(names.iter().map(|name| string_categories(name, 2)));
        refusal(&ensemble, &two_classes())
    };
    assert_eq!(
        names(&["a\0b"]),
        "column 1 is named \"a\\0b\", wanted a name without NUL; with string columns each column is an input"
    );
    assert_eq!(names(&[""]), "column 1 has an empty name; with string columns each column is an input and needs one");
    assert_eq!(names(&["a"]), "two columns are named \"a\"; with string columns each column is an input of its own");
    assert_eq!(
        names(&["b", "label"]),
        "a column is named \"label\" like an input or output of the model; rename the column"
    );
    assert_eq!(
        names(&["probabilities"]),
        "a column is named \"probabilities\" like an input or output of the model; rename the column"
    );
}

#[test]
fn metadata_keys_must_be_new() {
    let entry = |key: &str| (key.to_owned(), "value".to_owned());
    let mut options = two_classes();
    options.metadata = vec![entry("arsenal.version")];
    assert_eq!(refusal(&sound(), &options), "the metadata key \"arsenal.version\" is there twice");
    options.metadata = vec![entry("a"), entry("a")];
    assert_eq!(refusal(&sound(), &options), "the metadata key \"a\" is there twice");

    options.metadata = vec![entry("a")];
    let bytes = write(&sound(), &options).unwrap();
    let refused = |entries: &[(String, String)]| append_metadata(&bytes, entries).unwrap_err().to_string();
    assert_eq!(refused(&[entry("a")]), "the metadata key \"a\" is there twice");
    assert_eq!(refused(&[entry("b"), entry("b")]), "the metadata key \"b\" is there twice");
    assert_eq!(refused(&[entry("")]), "a metadata key is empty, with the value \"value\"");
    for nonsense in [&b""[..], b"not a model", &bytes[..bytes.len() / 2]] {
        let error = append_metadata(nonsense, &[entry("b")]).unwrap_err();
        assert_eq!(error, Error::Corrupt(format!("these {} bytes are not an ONNX model", nonsense.len())));
    }
}
