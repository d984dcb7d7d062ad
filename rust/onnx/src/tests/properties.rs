//! Whatever the ensemble, the file holds its trees: nothing lost, added, reordered or rounded.

use arsenal_core::ensemble::{Aggregate, Dtype, Feature, Link, Targets, TreeEnsemble};
use arsenal_core::rng::Rng;
use proptest::prelude::*;

use super::decode::{self, Node, Rule};
use super::ensembles::{self, Plan, numeric, numeric_categories, string_categories};
use crate::{ClassLabels, Options, write};

fn labels(link: Link, n_targets: usize) -> Option<ClassLabels> {
    match link {
        Link::Identity | Link::Exp | Link::Isolation { .. } => None,
        Link::Logistic | Link::Shares => Some(ClassLabels::Int64s(vec![-3, 8])),
        Link::Softmax => Some(ClassLabels::Strings((0..n_targets).map(|k| format!("class {k}")).collect())),
    }
}

fn written(ensemble: &TreeEnsemble) -> Vec<u8> {
    let options = Options { class_labels: labels(ensemble.link, ensemble.n_targets), ..Options::new("Model") };
    write(ensemble, &options).unwrap()
}

fn features(kinds: &[u8]) -> Vec<Feature> {
    let feature = |(i, kind): (usize, &u8)| match kind {
        0 | 1 => numeric(&format!("n{i}")),
        2 => numeric_categories(&format!("c{i}"), 40),
        _ => string_categories(&format!("s{i}"), 7),
    };
    kinds.iter().enumerate().map(feature).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_file_holds_the_trees(
        seed in any::<u64>(),
        double in any::<bool>(),
        link in 0..7usize,
        kinds in prop::collection::vec(0..4u8, 1..6),
        n_trees in 5..12usize,
        max_splits in 0..20usize,
    ) {
        let dtype = if double { Dtype::F64 } else { Dtype::F32 };
        let isolation = Link::Isolation { expected: 3.0, offset: -0.5 };
        let (link, n_targets) = [
            (Link::Identity, 1),
            (Link::Logistic, 1),
            (Link::Softmax, 4),
            (Link::Exp, 1),
            (Link::Identity, 3),
            (Link::Shares, 1),
            (isolation, 1),
        ][link];
        let plan = Plan { dtype, link, n_targets, features: features(&kinds), n_trees, max_splits };
        let mut ensemble = ensembles::ensemble(&mut Rng::new(seed), &plan);
        if matches!(link, Link::Shares | Link::Isolation { .. }) {
            (ensemble.targets, ensemble.aggregate) = (Targets::Every, Aggregate::Mean);
        }
        let bytes = written(&ensemble);
        prop_assert_eq!(&bytes, &written(&ensemble), "the same ensemble gives the same bytes");
        let model = decode::model(&bytes);

        let numbers_only = kinds.iter().all(|&kind| kind < 2);
        let mut want: Vec<Node> = (0..n_trees).map(|t| decode::expected(&ensemble, t)).collect();
        let got = if numbers_only && !double {
            let is_regressor = !matches!(link, Link::Logistic | Link::Softmax);
            let op_type = if is_regressor { "TreeEnsembleRegressor" } else { "TreeEnsembleClassifier" };
            decode::trees_v3(decode::nodes(&model, op_type)[0])
        } else {
            for tree in &mut want {
                if let Node::Leaf { .. } = tree {
                    *tree = constant(tree.clone());
                }
            }
            decode::trees_v5(decode::nodes(&model, "TreeEnsemble")[0])
        };
        // The one tree that the writer may add is tested in `forms`.
        prop_assert_eq!(&got[..want.len()], &want[..]);
        prop_assert!(got.len() == want.len() || (link == Link::Logistic && got.len() == want.len() + 1));
    }
}

/// A lone leaf as `TreeEnsemble` is given it.
fn constant(leaf: Node) -> Node {
    Node::Split {
        feature: 0,
        rule: Rule::AtMost { threshold: f64::INFINITY.to_bits(), missing_left: true },
        left: Box::new(leaf.clone()),
        right: Box::new(leaf),
    }
}
