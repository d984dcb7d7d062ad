//! What stands around the trees of models that were learned elsewhere. What the operators give is tested from Python, in onnxruntime
//! and in our own runtime.

use arsenal_core::ensemble::{Condition, Dtype, Feature, FeatureKind, Link, Tree, TreeEnsemble};
use arsenal_core::foreign::{Classes, ForeignModel, Step, Task};

use super::decode;
use super::forms::{at_most, binary, stump, two_classes};
use crate::{Options, write_foreign};

fn foreign(features: Vec<Feature>, dtype: Dtype, trees: Vec<Tree>) -> ForeignModel {
    let ensemble = TreeEnsemble { link: Link::Identity, ..binary(features, dtype, trees) };
    ForeignModel { ensemble, steps: vec![], task: Task::Numbers, classes: Classes::Unnamed }
}

fn column(kind: FeatureKind) -> ForeignModel {
    let condition = match kind.n_categories() {
        None => at_most(0.5),
        Some(_) => Condition::Among { codes: vec![1] },
    };
    foreign(vec![Feature { name: "a".into(), kind }], Dtype::F64, vec![stump(0, condition, 1.0, 2.0)])
}

fn operators(model: &ForeignModel, options: &Options) -> Vec<String> {
    let bytes = write_foreign(model, options).expect("a model");
    decode::model(&bytes).graph.expect("a graph").node.into_iter().map(|node| node.op_type).collect()
}

fn refusal(model: &ForeignModel, options: &Options) -> String {
    write_foreign(model, options).expect_err("a refusal").to_string()
}

#[test]
fn columns_are_adapted_before_the_trees() {
    let options = Options::new("Model");
    assert_eq!(operators(&column(FeatureKind::Numeric), &options), ["TreeEnsemble"]);
    assert_eq!(operators(&column(FeatureKind::Float32), &options), ["Cast", "Cast", "TreeEnsemble"]);
    let zero = ["Greater", "Where", "Less", "Where", "TreeEnsemble"];
    assert_eq!(operators(&column(FeatureKind::ZeroIsMissing), &options), zero);
    let whole = FeatureKind::WholeCategories { values: vec![3.0, f64::NAN], above: -1.0 };
    let cut = ["Less", "Where", "Greater", "Where", "Cast", "Cast", "Where", "LabelEncoder", "TreeEnsemble"];
    assert_eq!(operators(&column(whole), &options), cut);
    let missing = FeatureKind::StringCategories(vec!["x".into(), String::new()]);
    assert_eq!(operators(&column(missing), &options), ["LabelEncoder", "TreeEnsemble"]);
}

#[test]
fn columns_that_are_read_alike_are_adapted_together() {
    let kinds = [FeatureKind::Float32, FeatureKind::Float32, FeatureKind::Numeric, FeatureKind::ZeroIsMissing];
    let features = kinds.map(|kind| Feature { name: "a".into(), kind }).to_vec();
    let model = foreign(features, Dtype::F64, vec![stump(3, at_most(0.5), 1.0, 2.0)]);
    let operators = operators(&model, &Options::new("Model"));
    assert_eq!(operators.iter().filter(|name| *name == "Gather").count(), 3);
    assert_eq!(operators.iter().filter(|name| *name == "Cast").count(), 2);
    // In float32 there is nothing to round.
    let features = vec![Feature { name: "a".into(), kind: FeatureKind::Float32 }];
    let model = foreign(features, Dtype::F32, vec![stump(0, at_most(0.5), 1.0, 2.0)]);
    assert_eq!(self::operators(&model, &Options::new("Model")), ["TreeEnsemble"]);
}

#[test]
fn steps_follow_in_turn() {
    let mut model = column(FeatureKind::Numeric);
    model.steps = vec![Step::Multiply(2.0), Step::Divide(3.0), Step::Add(vec![1.0]), Step::Exp];
    let options = Options::new("Model");
    assert_eq!(operators(&model, &options), ["TreeEnsemble", "Mul", "Div", "Add", "Exp"]);
    model.steps = vec![Step::SignedSquare];
    assert_eq!(operators(&model, &options), ["TreeEnsemble", "Mul", "Neg", "Less", "Where"]);
    model.steps = vec![Step::Positive];
    assert_eq!(operators(&model, &options), ["TreeEnsemble", "Greater", "Where"]);
    model.steps = vec![Step::Sigmoid];
    model.task = Task::TwoClasses { above: 0.5 };
    let both = ["TreeEnsemble", "Sigmoid", "Sub", "Concat", "ArgMax", "Gather"];
    assert_eq!(operators(&model, &two_classes()), both);
    model.task = Task::TwoClasses { above: 0.2 };
    let above = ["TreeEnsemble", "Sigmoid", "Sub", "Concat", "Greater", "Cast", "Squeeze", "Gather"];
    assert_eq!(operators(&model, &two_classes()), above);
    model.task = Task::Classes;
    model.steps = vec![Step::Softmax];
    model.ensemble.n_targets = 2;
    model.ensemble.trees.push(stump(0, at_most(1.5), 1.0, 2.0));
    assert_eq!(operators(&model, &two_classes()), ["TreeEnsemble", "Softmax", "ArgMax", "Gather"]);
}

#[test]
fn the_parts_must_fit() {
    let options = Options::new("Model");
    let model = column(FeatureKind::Numeric);
    assert_eq!(refusal(&model, &two_classes()), "the model has 0 classes, got 2 class labels");
    let two = |above| ForeignModel { task: Task::TwoClasses { above }, ..column(FeatureKind::Numeric) };
    assert_eq!(refusal(&two(0.5), &options), "the model has 2 classes, got 0 class labels");
    assert_eq!(refusal(&two(f64::NAN), &two_classes()), "the threshold NaN is not a finite float64");
    let step = |step| refusal(&ForeignModel { steps: vec![step], ..column(FeatureKind::Numeric) }, &options);
    assert_eq!(step(Step::Multiply(f64::NAN)), "a step's number NaN is not a finite float64");
    assert_eq!(step(Step::Add(vec![1.0, 2.0])), "a step adds 2 numbers to 1 targets");
    let mut lacking = model.clone();
    lacking.ensemble.n_targets = 2;
    assert_eq!(refusal(&lacking, &options), "2 targets need at least as many trees, got 1");
    let classes = ForeignModel { task: Task::Classes, ..lacking.clone() };
    assert_eq!(refusal(&classes, &two_classes()), "2 targets need at least as many trees, got 1");
    let one = ForeignModel { task: Task::Classes, ..model.clone() };
    assert_eq!(refusal(&one, &options), "the model has 1 classes, got 0 class labels");
    let mut linked = model.clone();
    linked.ensemble.link = Link::Logistic;
    assert_eq!(refusal(&linked, &options), "trees of another library take turns and are added, without a link");
    let whole = |values, above| refusal(&column(FeatureKind::WholeCategories { values, above }), &options);
    assert!(whole(vec![1.5], -1.0).starts_with("the category 1.5 of column \"a\" is not a whole number"));
    assert!(whole(vec![1.0], 0.5).starts_with("column \"a\" cuts numbers above 0.5"));
    assert_eq!(whole(vec![1.0, 1.0], -1.0), "column \"a\" has 2 categories, only 1 are distinct");
}
