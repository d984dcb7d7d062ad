//! Which form a model gets, and what stands around its trees.

use arsenal_core::ensemble::{
    Aggregate, Child, Condition, Dtype, Feature, FeatureKind, Link, Split, Targets, Tree, TreeEnsemble,
};

use super::decode::{self, Node};
use super::ensembles::{numeric, numeric_categories, string_categories};
use crate::proto::{Dimension, ModelProto, TensorProto, ValueInfoProto, data_type};
use crate::{ClassLabels, Options, append_metadata, write, write_quantiles};

pub fn stump(feature: u32, condition: Condition, left: f64, right: f64) -> Tree {
    let split = Split { feature, condition, left: Child::Leaf(0), right: Child::Leaf(1), gain: 1.0, cover: 2.0 };
    Tree { root: Child::Split(0), splits: vec![split], values: vec![left, right], covers: vec![1.0; 2] }
}

pub fn at_most(threshold: f64) -> Condition {
    Condition::AtMost { threshold, missing_left: false }
}

pub fn binary(features: Vec<Feature>, dtype: Dtype, trees: Vec<Tree>) -> TreeEnsemble {
    TreeEnsemble {
        features,
        dtype,
        link: Link::Logistic,
        n_targets: 1,
        targets: Targets::RoundRobin,
        aggregate: Aggregate::Sum,
        trees,
    }
}

pub fn two_classes() -> Options {
    Options { class_labels: Some(ClassLabels::Strings(vec!["no".into(), "yes".into()])), ..Options::new("Model") }
}

fn model(ensemble: &TreeEnsemble, options: &Options) -> ModelProto {
    decode::model(&write(ensemble, options).unwrap())
}

/// Name, element type, and number of columns if there is a second dimension; the first is always `N`.
fn described(value: &ValueInfoProto) -> (&str, i32, Option<i64>) {
    let tensor = value.r#type.as_ref().unwrap().tensor_type.as_ref().unwrap();
    let dims: Vec<_> = tensor.shape.as_ref().unwrap().dim.iter().map(|dim| dim.value.clone().unwrap()).collect();
    assert_eq!(dims[0], Dimension::Param("N".into()));
    let columns = dims.get(1).map(|dim| match dim {
        Dimension::Value(columns) => *columns,
        Dimension::Param(name) => panic!("{name}"),
    });
    (&value.name, tensor.elem_type, columns)
}

fn inputs(model: &ModelProto) -> Vec<(&str, i32, Option<i64>)> {
    model.graph.as_ref().unwrap().input.iter().map(described).collect()
}

fn outputs(model: &ModelProto) -> Vec<(&str, i32, Option<i64>)> {
    model.graph.as_ref().unwrap().output.iter().map(described).collect()
}

fn opsets(model: &ModelProto) -> Vec<(&str, i64)> {
    model.opset_import.iter().map(|opset| (opset.domain.as_deref().unwrap(), opset.version)).collect()
}

#[test]
fn a_float32_model_of_numbers_is_one_classifier_of_the_widest_reach() {
    let features = vec![numeric("a"), numeric("a"), numeric("")];
    let model = model(&binary(features, Dtype::F32, vec![stump(1, at_most(0.5), -1.0, 2.0)]), &two_classes());
    assert_eq!(decode::operators(&model), ["TreeEnsembleClassifier"]);
    assert_eq!((model.ir_version, opsets(&model)), (8, vec![("", 15), ("ai.onnx.ml", 3)]));
    assert_eq!(inputs(&model), [("X", data_type::FLOAT, Some(3))]);
    assert_eq!(outputs(&model), [("label", data_type::STRING, None), ("probabilities", data_type::FLOAT, Some(2))]);
    let node = decode::nodes(&model, "TreeEnsembleClassifier")[0];
    assert_eq!(node.domain, "ai.onnx.ml");
    assert_eq!(decode::attribute(node, "post_transform").s.as_deref(), Some(&b"LOGISTIC"[..]));
    assert_eq!(decode::attribute(node, "classlabels_strings").strings, [b"no".to_vec(), b"yes".to_vec()]);
    assert_eq!(decode::trees_v3(node).len(), 1);
    assert!(
        decode::attributes(node)
            .iter()
            .all(|attribute| attribute.r#type != 0 && !attribute.name.starts_with("base_values"))
    );
}

#[test]
fn two_classes_without_a_negative_leaf_get_an_unreachable_one() {
    for lowest in [0.0, -0.0, 0.25] {
        let ensemble = binary(vec![numeric("a")], Dtype::F32, vec![stump(0, at_most(0.5), lowest, 2.0)]);
        let trees = decode::trees_v3(decode::nodes(&model(&ensemble, &two_classes()), "TreeEnsembleClassifier")[0]);
        let Node::Split { feature: 0, rule, left, right } = &trees[1] else { panic!("{trees:?}") };
        assert_eq!(*rule, decode::Rule::AtMost { threshold: f64::INFINITY.to_bits(), missing_left: true });
        assert_eq!(**left, Node::Leaf { target: 0, weight: 0.0_f64.to_bits() });
        assert_eq!(**right, Node::Leaf { target: 0, weight: (-1.0_f64).to_bits() });
        assert_eq!(trees.len(), 2);
    }
    // A weight that is negative as f64 but rounds to -0.0 is not negative in the file.
    let ensemble = binary(vec![numeric("a")], Dtype::F32, vec![stump(0, at_most(0.5), -1e-60, 2.0)]);
    let model = model(&ensemble, &two_classes());
    assert_eq!(decode::trees_v3(decode::nodes(&model, "TreeEnsembleClassifier")[0]).len(), 2);
}

#[test]
fn three_classes_take_the_trees_in_turn() {
    let trees = (0..6).map(|t| stump(0, at_most(f64::from(t)), f64::from(t), -1.0)).collect();
    let ensemble = TreeEnsemble { link: Link::Softmax, n_targets: 3, ..binary(vec![numeric("a")], Dtype::F32, trees) };
    let options = Options { class_labels: Some(ClassLabels::Int64s(vec![7, -1, 0])), ..Options::new("Model") };
    let model = model(&ensemble, &options);
    assert_eq!(outputs(&model), [("label", data_type::INT64, None), ("probabilities", data_type::FLOAT, Some(3))]);
    let node = decode::nodes(&model, "TreeEnsembleClassifier")[0];
    assert_eq!(decode::attribute(node, "class_ids").ints, [0, 0, 1, 1, 2, 2, 0, 0, 1, 1, 2, 2]);
    assert_eq!(decode::attribute(node, "classlabels_int64s").ints, [7, -1, 0]);
    assert_eq!(decode::attribute(node, "post_transform").s.as_deref(), Some(&b"SOFTMAX"[..]));
}

#[test]
fn a_float64_model_computes_in_double_throughout() {
    let threshold = 0.1 + 1e-12;
    let mut ensemble = binary(vec![numeric("a")], Dtype::F64, vec![stump(0, at_most(threshold), 0.1, 2.0)]);
    let classifier = model(&ensemble, &two_classes());
    assert_eq!((classifier.ir_version, opsets(&classifier)), (10, vec![("", 15), ("ai.onnx.ml", 5)]));
    assert_eq!(decode::operators(&classifier), ["TreeEnsemble", "Sigmoid", "Sub", "Concat", "ArgMax", "Gather"]);
    assert_eq!(inputs(&classifier), [("X", data_type::DOUBLE, Some(1))]);
    assert_eq!(outputs(&classifier)[1], ("probabilities", data_type::DOUBLE, Some(2)));
    let node = decode::nodes(&classifier, "TreeEnsemble")[0];
    assert_eq!(decode::floats(&decode::attribute(node, "nodes_splits").t.unwrap()), [threshold]);
    let Node::Split { left, .. } = &decode::trees_v5(node)[0] else { panic!() };
    assert_eq!(**left, Node::Leaf { target: 0, weight: 0.1_f64.to_bits() });

    ensemble.link = Link::Identity;
    let regressor = model(&ensemble, &Options::new("Model"));
    assert_eq!(decode::operators(&regressor), ["TreeEnsemble"]);
    assert_eq!(outputs(&regressor), [("variable", data_type::DOUBLE, Some(1))]);
}

#[test]
fn a_log_link_ends_in_exp() {
    for (dtype, operators) in [(Dtype::F32, ["TreeEnsembleRegressor", "Exp"]), (Dtype::F64, ["TreeEnsemble", "Exp"])] {
        let mut ensemble = binary(vec![numeric("sums")], dtype, vec![stump(0, at_most(0.5), -1.0, 2.0)]);
        ensemble.link = Link::Exp;
        let model = model(&ensemble, &Options::new("Model"));
        assert_eq!(decode::operators(&model), operators);
        assert_eq!(outputs(&model).iter().map(|output| output.0).collect::<Vec<_>>(), ["variable"]);
        let exp = decode::nodes(&model, "Exp")[0];
        assert_eq!(
            (&exp.input, &exp.output[0]),
            (&decode::nodes(&model, operators[0])[0].output, &"variable".to_owned())
        );
        assert_every_value_has_its_own_name(&model);
    }
}

#[test]
fn a_regressor_of_several_numbers_is_as_wide() {
    for dtype in [Dtype::F32, Dtype::F64] {
        let trees = (0..4).map(|t| stump(0, at_most(f64::from(t)), f64::from(t), -1.0)).collect();
        let ensemble = TreeEnsemble { link: Link::Identity, n_targets: 2, ..binary(vec![numeric("a")], dtype, trees) };
        let model = model(&ensemble, &Options::new("Model"));
        assert_eq!(outputs(&model)[0].2, Some(2));
        let operator = if dtype == Dtype::F32 { "TreeEnsembleRegressor" } else { "TreeEnsemble" };
        let node = decode::nodes(&model, operator)[0];
        assert_eq!(decode::attribute(node, "n_targets").i, Some(2));
    }
}

/// Two stumps whose leaves have a value for each of three classes.
fn forest(dtype: Dtype) -> TreeEnsemble {
    let tree =
        |threshold: f64, values: [f64; 6]| Tree { values: values.to_vec(), ..stump(0, at_most(threshold), 0.0, 0.0) };
    let trees = vec![tree(0.5, [1.0, 0.0, 0.0, 0.0, 0.25, 0.75]), tree(1.5, [0.0, 1.0, 0.0, 0.5, 0.0, 0.5])];
    TreeEnsemble {
        link: Link::Shares,
        n_targets: 3,
        targets: Targets::Every,
        aggregate: Aggregate::Mean,
        ..binary(vec![numeric("n_trees")], dtype, trees)
    }
}

#[test]
fn quantiles_are_an_input_of_a_forest_of_numbers() {
    let ensemble = TreeEnsemble { link: Link::Identity, ..forest(Dtype::F64) };
    let draws: Vec<f64> = (0..12).map(f64::from).collect();
    let model = decode::model(&write_quantiles(&ensemble, &draws, &Options::new("Model")).unwrap());
    let operators = decode::operators(&model);
    assert_eq!(operators[..5], ["TreeEnsemble", "Cast", "Add", "Gather", "TopK"]);
    assert_eq!(operators.last(), Some(&"Add"));
    let graph = model.graph.as_ref().unwrap();
    let names: Vec<&str> = graph.input.iter().map(|input| input.name.as_str()).collect();
    assert_eq!(names, ["X", "quantiles"]);
    let table = graph.initializer.iter().find(|constant| constant.name == "leaf_draws").unwrap();
    assert_eq!((table.dims.as_slice(), table.raw_data.as_ref().unwrap().len()), (&[4, 3][..], 12 * 8));
    assert_every_value_has_its_own_name(&model);
    let short = write_quantiles(&ensemble, &draws[1..], &Options::new("Model")).unwrap_err().to_string();
    assert!(short.contains("there are 11 draws, wanted 3 for each of 4 leaves"), "{short}");
}

fn three_classes() -> Options {
    Options { class_labels: Some(ClassLabels::Int64s(vec![7, -1, 0])), ..Options::new("Model") }
}

#[test]
fn leaves_of_several_classes_are_several_weights_of_a_regressor() {
    let model = model(&forest(Dtype::F32), &three_classes());
    assert_eq!(decode::operators(&model), ["TreeEnsembleRegressor", "Div", "ArgMax", "Gather"]);
    assert_eq!(outputs(&model), [("label", data_type::INT64, None), ("probabilities", data_type::FLOAT, Some(3))]);
    let node = decode::nodes(&model, "TreeEnsembleRegressor")[0];
    // Shares of 0 are left out.
    assert_eq!(decode::attribute(node, "target_treeids").ints, [0, 0, 0, 1, 1, 1]);
    assert_eq!(decode::attribute(node, "target_nodeids").ints, [1, 2, 2, 1, 2, 2]);
    assert_eq!(decode::attribute(node, "target_ids").ints, [0, 1, 2, 1, 0, 2]);
    assert_eq!(decode::attribute(node, "target_weights").floats, [1.0, 0.25, 0.75, 1.0, 0.5, 0.5]);
    assert_eq!(decode::attribute(node, "n_targets").i, Some(3));
    assert_eq!(decode::nodes(&model, "Div")[0].output, ["probabilities"]);
    assert_every_value_has_its_own_name(&model);
}

#[test]
fn leaves_of_several_doubles_are_looked_up_by_number() {
    let model = model(&forest(Dtype::F64), &three_classes());
    let operators = ["TreeEnsemble", "Cast", "Add", "Gather", "ReduceSum", "Div", "ArgMax", "Gather"];
    assert_eq!(decode::operators(&model), operators);
    let node = decode::nodes(&model, "TreeEnsemble")[0];
    assert_eq!(decode::attribute(node, "leaf_targetids").ints, [0, 0, 1, 1]);
    let numbers = decode::attribute(node, "leaf_weights").t.unwrap();
    assert_eq!(decode::floats(&numbers), [0.0, 1.0, 0.0, 1.0]);
    assert_eq!(decode::attribute(node, "n_targets").i, Some(2));
    let constants = &model.graph.as_ref().unwrap().initializer;
    let constant = |name: &str| constants.iter().find(|tensor| tensor.name == name).unwrap();
    assert_eq!(decode::int64s(constant("first_leaves")), [0, 2]);
    assert_eq!(constant("leaf_values").dims, [4, 3]);
    let flat = TensorProto { dims: vec![12], ..constant("leaf_values").clone() };
    assert_eq!(decode::floats(&flat), [1.0, 0.0, 0.0, 0.0, 0.25, 0.75, 0.0, 1.0, 0.0, 0.5, 0.0, 0.5]);
    assert_every_value_has_its_own_name(&model);
}

#[test]
fn a_single_tree_is_not_divided_and_two_classes_have_one_share() {
    let mut ensemble = binary(vec![numeric("a")], Dtype::F32, vec![stump(0, at_most(0.5), 0.25, 1.0)]);
    (ensemble.link, ensemble.targets, ensemble.aggregate) = (Link::Shares, Targets::Every, Aggregate::Mean);
    let classifier = model(&ensemble, &two_classes());
    assert_eq!(decode::operators(&classifier), ["TreeEnsembleRegressor", "Sub", "Concat", "ArgMax", "Gather"]);
    ensemble.link = Link::Identity;
    assert_eq!(decode::operators(&model(&ensemble, &Options::new("Model"))), ["TreeEnsembleRegressor"]);
}

#[test]
fn several_outputs_have_labels_and_probabilities_each() {
    let ensemble = TreeEnsemble { n_targets: 3, ..forest(Dtype::F32) };
    let labels = ClassLabels::Several(vec![
        ClassLabels::Strings(vec!["no".into(), "yes".into()]),
        ClassLabels::Int64s(vec![4]),
        ClassLabels::Int64s(vec![0, 1]),
    ]);
    let options = Options { class_labels: Some(labels), ..Options::new("Model") };
    let several = model(&ensemble, &options);
    assert_eq!(
        outputs(&several),
        [
            ("probability_shares", data_type::FLOAT, Some(3)),
            ("label_0", data_type::STRING, None),
            ("probabilities_0", data_type::FLOAT, Some(2)),
            ("label_1", data_type::INT64, None),
            ("probabilities_1", data_type::FLOAT, Some(1)),
            ("label_2", data_type::INT64, None),
            ("probabilities_2", data_type::FLOAT, Some(2)),
        ]
    );
    let operators = [
        ["TreeEnsembleRegressor", "Div"].as_slice(),
        &["Gather", "Sub", "Concat", "Gather", "Gather", "Sub", "Concat"],
        &["ArgMax", "Gather", "ArgMax", "Gather", "ArgMax", "Gather"],
    ];
    assert_eq!(decode::operators(&several), operators.concat());
    assert_every_value_has_its_own_name(&several);
    let classes = several.metadata_props.iter().find(|entry| entry.key == "arsenal.classes").unwrap();
    assert_eq!(classes.value.as_deref(), Some(r#"[["no","yes"],[4],[0,1]]"#));
}

#[test]
fn an_isolation_forest_gives_label_decision_and_score() {
    for (dtype, trees) in [(Dtype::F32, "TreeEnsembleRegressor"), (Dtype::F64, "TreeEnsemble")] {
        for (expected, scale) in [(2.5, "Mul"), (0.0, "Sub")] {
            let mut ensemble = binary(vec![numeric("zero")], dtype, vec![stump(0, at_most(0.5), 1.0, 2.0); 2]);
            (ensemble.targets, ensemble.aggregate) = (Targets::Every, Aggregate::Mean);
            ensemble.link = Link::Isolation { expected, offset: -0.5 };
            let model = model(&ensemble, &Options::new("Model"));
            let rest = ["Exp", "Sub", "Sub", "Less", "Cast", "Gather", "Squeeze"];
            assert_eq!(decode::operators(&model), [&[trees, "Div", scale][..], &rest].concat());
            let names: Vec<&str> = outputs(&model).iter().map(|output| output.0).collect();
            assert_eq!(names, ["label", "decision_function", "score_samples"]);
            assert_every_value_has_its_own_name(&model);
        }
    }
}

#[test]
fn numeric_categories_are_encoded_between_runs_of_numbers() {
    let features =
        vec![numeric("a"), numeric("b"), numeric_categories("c", 3), numeric("d"), numeric_categories("e", 0)];
    let trees = vec![stump(2, Condition::Among { codes: vec![1, 3] }, -1.0, 2.0)];
    let model = model(&binary(features, Dtype::F32, trees), &two_classes());
    assert_eq!(inputs(&model), [("X", data_type::FLOAT, Some(5))]);
    assert_eq!(
        decode::operators(&model)[..8],
        ["Gather", "Gather", "LabelEncoder", "Gather", "Gather", "LabelEncoder", "Concat", "TreeEnsemble"]
    );
    let indices = &model.graph.as_ref().unwrap().initializer[..4];
    assert_eq!(indices.iter().map(decode::int64s).collect::<Vec<_>>(), [vec![0, 1], vec![2], vec![3], vec![4]]);
    let encoders = decode::nodes(&model, "LabelEncoder");
    let tensor = |i: usize, name: &str| decode::attribute(encoders[i], name).t.clone().unwrap();
    assert_eq!(decode::floats(&tensor(0, "keys_tensor")), [-0.75, 0.0, 0.75]);
    assert_eq!(decode::floats(&tensor(0, "values_tensor")), [1.0, 2.0, 3.0]);
    assert_eq!(decode::floats(&tensor(0, "default_tensor")), [0.0]);
    assert!(decode::floats(&tensor(1, "keys_tensor"))[0].is_nan());
    assert_eq!(decode::floats(&tensor(1, "values_tensor")), [0.0]);
    let gathers = decode::nodes(&model, "Gather");
    let concat = decode::nodes(&model, "Concat")[0];
    let pieces = [&gathers[0].output[0], &encoders[0].output[0], &gathers[2].output[0], &encoders[1].output[0]];
    assert!(concat.input.iter().eq(pieces));
}

#[test]
fn a_lone_category_column_needs_neither_gather_nor_concat() {
    let trees = vec![stump(0, Condition::Among { codes: vec![2] }, -1.0, 2.0)];
    let model = model(&binary(vec![numeric_categories("c", 3)], Dtype::F64, trees), &two_classes());
    assert_eq!(decode::operators(&model)[..2], ["LabelEncoder", "TreeEnsemble"]);
    let values = decode::attribute(decode::nodes(&model, "LabelEncoder")[0], "values_tensor").t.unwrap();
    assert_eq!(values.data_type, data_type::DOUBLE);
}

#[test]
fn with_a_string_column_each_column_is_an_input() {
    let features = vec![
        string_categories("carrier", 3),
        numeric("code"),
        numeric_categories("matrix", 2),
        string_categories("sums", 0),
    ];
    let trees = vec![
        stump(0, Condition::Among { codes: vec![1, 2] }, -1.0, 2.0),
        stump(1, at_most(3.5), -1.0, 2.0),
        stump(2, Condition::Among { codes: vec![1] }, -1.0, 2.0),
    ];
    let model = model(&binary(features, Dtype::F32, trees), &two_classes());
    assert_eq!(
        inputs(&model),
        [
            ("carrier", data_type::STRING, Some(1)),
            ("code", data_type::FLOAT, Some(1)),
            ("matrix", data_type::FLOAT, Some(1)),
            ("sums", data_type::STRING, Some(1)),
        ]
    );
    let encoders = decode::nodes(&model, "LabelEncoder");
    assert_eq!(encoders.iter().map(|node| node.input[0].as_str()).collect::<Vec<_>>(), ["carrier", "matrix", "sums"]);
    let tensor = |i: usize, name: &str| decode::attribute(encoders[i], name).t.clone().unwrap();
    assert_eq!(tensor(0, "keys_tensor").string_data, [&b"nan"[..], b"None", "ü".as_bytes()]);
    assert_eq!(decode::floats(&tensor(0, "values_tensor")), [1.0, 2.0, 3.0]);
    assert_eq!(decode::floats(&tensor(0, "default_tensor")), [0.0]);
    // Missing strings are "", so an encoder for no category maps them, and any other string, to the code 0.
    assert_eq!(tensor(2, "keys_tensor").string_data, [b"".to_vec()]);
    assert_eq!(decode::floats(&tensor(2, "values_tensor")), [0.0]);
    let concat = decode::nodes(&model, "Concat")[0];
    assert_eq!(concat.input.len(), 4);
    assert_eq!(concat.input[1], "code");
    assert_eq!(decode::nodes(&model, "TreeEnsemble")[0].input, concat.output);
    assert_every_value_has_its_own_name(&model);
}

fn assert_every_value_has_its_own_name(model: &ModelProto) {
    let graph = model.graph.as_ref().unwrap();
    let mut names: Vec<&str> = graph.input.iter().map(|value| value.name.as_str()).collect();
    names.extend(graph.initializer.iter().map(|tensor| tensor.name.as_str()));
    names.extend(graph.node.iter().flat_map(|node| &node.output).map(String::as_str));
    let n_names = names.len();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), n_names, "{names:?}");
    assert!(graph.node.iter().flat_map(|node| &node.input).all(|name| names.binary_search(&name.as_str()).is_ok()));
}

#[test]
fn a_lone_leaf_left_of_the_second_root_swaps_places() {
    let deep = Tree {
        root: Child::Split(0),
        splits: (0..2)
            .map(|s| Split {
                feature: 0,
                condition: at_most(f64::from(s)),
                left: Child::Leaf(s),
                right: if s == 0 { Child::Split(1) } else { Child::Leaf(2) },
                gain: 1.0,
                cover: 1.0,
            })
            .collect(),
        values: vec![1.0, 2.0, 3.0],
        covers: vec![1.0; 3],
    };
    let trees = vec![stump(0, at_most(0.0), -1.0, 1.0), deep.clone(), deep];
    let ensemble = binary(vec![numeric("a")], Dtype::F64, trees);
    let model = model(&ensemble, &two_classes());
    let node = decode::nodes(&model, "TreeEnsemble")[0];
    // Leaves: two of the stump, then the second tree's 2.0 before its 1.0; the third tree's from left to right.
    let weights = decode::floats(&decode::attribute(node, "leaf_weights").t.unwrap());
    assert_eq!(weights, [-1.0, 1.0, 2.0, 1.0, 3.0, 1.0, 2.0, 3.0]);
    assert_eq!(decode::trees_v5(node), (0..3).map(|t| decode::expected(&ensemble, t)).collect::<Vec<_>>());
}

#[test]
fn the_metadata_says_what_the_model_is() {
    let ensemble = binary(vec![numeric("a \"b\""), numeric("ü")], Dtype::F32, vec![stump(0, at_most(0.5), -1.0, 2.0)]);
    let mut options = two_classes();
    options.metadata = vec![("arsenal.training_time_range".into(), r#"["2013-01-01","2013-03-31"]"#.into())];
    let bytes = write(&ensemble, &options).unwrap();
    let entries = |bytes: &[u8]| -> Vec<(String, String)> {
        decode::model(bytes).metadata_props.into_iter().map(|entry| (entry.key, entry.value.unwrap())).collect()
    };
    let pair = |key: &str, value: &str| (key.to_owned(), value.to_owned());
    let mut want = vec![
        pair("arsenal.version", env!("CARGO_PKG_VERSION")),
        pair("arsenal.model", "Model"),
        pair("arsenal.feature_names", r#"["a \"b\"","ü"]"#),
        pair("arsenal.classes", r#"["no","yes"]"#),
        pair("arsenal.training_time_range", r#"["2013-01-01","2013-03-31"]"#),
    ];
    assert_eq!(entries(&bytes), want);

    let appended = append_metadata(&bytes, &[pair("owner", ""), pair("data", "flights")]).unwrap();
    want.extend([pair("owner", ""), pair("data", "flights")]);
    assert_eq!(entries(&appended), want);
    assert_eq!(decode::model(&appended).graph, decode::model(&bytes).graph);
    assert_eq!(append_metadata(&bytes, &[]).unwrap(), bytes);

    let regressor = TreeEnsemble { link: Link::Identity, ..ensemble };
    let bytes = write(&regressor, &Options::new("Model")).unwrap();
    assert_eq!(entries(&bytes).len(), 3);
}

#[test]
fn categories_of_a_float32_column_keep_their_kind() {
    let feature = Feature { name: "f".into(), kind: FeatureKind::NumericCategories(vec![-0.0, 0.5]) };
    let trees = vec![stump(0, Condition::Among { codes: vec![1] }, -1.0, 2.0)];
    let model = model(&binary(vec![feature], Dtype::F32, trees), &two_classes());
    let keys = decode::attribute(decode::nodes(&model, "LabelEncoder")[0], "keys_tensor").t.unwrap();
    assert_eq!((keys.data_type, decode::floats(&keys)), (data_type::FLOAT, vec![-0.0, 0.5]));
}
