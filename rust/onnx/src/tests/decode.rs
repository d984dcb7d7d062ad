//! Trees as plain recursive data: from a file, and from the ensemble that was written.

use arsenal_core::ensemble::{Child, Condition, Dtype, Tree, TreeEnsemble};
use prost::Message;

use crate::proto::{AttributeProto, ModelProto, NodeProto, TensorProto, data_type};

/// A node and all below it; numbers by their bits, so that -0.0 and 0.0 differ.
#[derive(Clone, Debug, PartialEq)]
pub enum Node {
    Leaf { target: i64, weight: u64 },
    Split { feature: i64, rule: Rule, left: Box<Node>, right: Box<Node> },
}

#[derive(Clone, Debug, PartialEq)]
pub enum Rule {
    AtMost { threshold: u64, missing_left: bool },
    Among(Vec<u32>),
}

pub fn model(bytes: &[u8]) -> ModelProto {
    ModelProto::decode(bytes).unwrap()
}

/// The nodes with that operator.
pub fn nodes<'a>(model: &'a ModelProto, op_type: &str) -> Vec<&'a NodeProto> {
    model.graph.as_ref().unwrap().node.iter().filter(|node| node.op_type == op_type).collect()
}

pub fn operators(model: &ModelProto) -> Vec<&str> {
    model.graph.as_ref().unwrap().node.iter().map(|node| node.op_type.as_str()).collect()
}

pub fn attributes(node: &NodeProto) -> Vec<AttributeProto> {
    node.attribute.iter().map(|bytes| AttributeProto::decode(bytes.as_slice()).unwrap()).collect()
}

pub fn attribute(node: &NodeProto, name: &str) -> AttributeProto {
    let found = attributes(node).into_iter().find(|attribute| attribute.name == name);
    found.unwrap_or_else(|| panic!("no {name} in {}", node.op_type))
}

pub fn floats(tensor: &TensorProto) -> Vec<f64> {
    let bytes = tensor.raw_data.as_ref().unwrap();
    let values: Vec<f64> = match tensor.data_type {
        data_type::FLOAT => bytes.chunks(4).map(|b| f64::from(f32::from_le_bytes(b.try_into().unwrap()))).collect(),
        data_type::DOUBLE => bytes.chunks(8).map(|b| f64::from_le_bytes(b.try_into().unwrap())).collect(),
        other => panic!("{other} is not a float type"),
    };
    assert_eq!(tensor.dims, [values.len() as i64]);
    values
}

pub fn int64s(tensor: &TensorProto) -> Vec<i64> {
    tensor.raw_data.as_ref().unwrap().chunks(8).map(|b| i64::from_le_bytes(b.try_into().unwrap())).collect()
}

/// What the file should hold for tree `t`.
pub fn expected(ensemble: &TreeEnsemble, t: usize) -> Node {
    let target = (t % ensemble.n_targets) as i64;
    expected_below(ensemble.dtype, target, &ensemble.trees[t], ensemble.trees[t].root)
}

fn expected_below(dtype: Dtype, target: i64, tree: &Tree, child: Child) -> Node {
    let round = |value: f64| match dtype {
        Dtype::F32 => f64::from(value as f32).to_bits(),
        Dtype::F64 => value.to_bits(),
    };
    match child {
        Child::Leaf(leaf) => Node::Leaf { target, weight: round(tree.values[leaf as usize]) },
        Child::Split(split) => {
            let split = &tree.splits[split as usize];
            Node::Split {
                feature: i64::from(split.feature),
                rule: match &split.condition {
                    Condition::AtMost { threshold, missing_left } => {
                        Rule::AtMost { threshold: threshold.to_bits(), missing_left: *missing_left }
                    }
                    Condition::Among { codes } => Rule::Among(codes.clone()),
                },
                left: Box::new(expected_below(dtype, target, tree, split.left)),
                right: Box::new(expected_below(dtype, target, tree, split.right)),
            }
        }
    }
}

/// The trees of a `TreeEnsembleClassifier` or `TreeEnsembleRegressor`.
pub fn trees_v3(node: &NodeProto) -> Vec<Node> {
    let prefix = if node.op_type == "TreeEnsembleClassifier" { "class" } else { "target" };
    let ints = |name: &str| attribute(node, name).ints;
    let v3 = V3 {
        tree: ints("nodes_treeids"),
        id: ints("nodes_nodeids"),
        feature: ints("nodes_featureids"),
        mode: attribute(node, "nodes_modes").strings,
        value: attribute(node, "nodes_values").floats,
        true_id: ints("nodes_truenodeids"),
        false_id: ints("nodes_falsenodeids"),
        missing_true: ints("nodes_missing_value_tracks_true"),
        leaf_tree: ints(&format!("{prefix}_treeids")),
        leaf_node: ints(&format!("{prefix}_nodeids")),
        target: ints(&format!("{prefix}_ids")),
        weight: attribute(node, &format!("{prefix}_weights")).floats,
    };
    // Ids count from 0 in each tree, in the order of storage, and leaves are listed in the order of their nodes.
    for (i, &id) in v3.id.iter().enumerate() {
        let first = v3.tree.iter().position(|&tree| tree == v3.tree[i]).unwrap();
        assert_eq!(id, (i - first) as i64);
    }
    assert!((0..v3.leaf_tree.len()).map(|l| (v3.leaf_tree[l], v3.leaf_node[l])).is_sorted());
    let n_trees = v3.tree.last().unwrap() + 1;
    (0..n_trees).map(|tree| v3.node(tree, 0)).collect()
}

struct V3 {
    tree: Vec<i64>,
    id: Vec<i64>,
    feature: Vec<i64>,
    mode: Vec<Vec<u8>>,
    value: Vec<f32>,
    true_id: Vec<i64>,
    false_id: Vec<i64>,
    missing_true: Vec<i64>,
    leaf_tree: Vec<i64>,
    leaf_node: Vec<i64>,
    target: Vec<i64>,
    weight: Vec<f32>,
}

impl V3 {
    fn node(&self, tree: i64, id: i64) -> Node {
        let at = |trees: &[i64], ids: &[i64]| (0..ids.len()).find(|&i| (trees[i], ids[i]) == (tree, id)).unwrap();
        let i = at(&self.tree, &self.id);
        if self.mode[i] == b"LEAF" {
            let l = at(&self.leaf_tree, &self.leaf_node);
            return Node::Leaf { target: self.target[l], weight: f64::from(self.weight[l]).to_bits() };
        }
        assert_eq!(self.mode[i], b"BRANCH_LEQ");
        assert_eq!(self.true_id[i], id + 1, "the true child comes right behind its parent");
        Node::Split {
            feature: self.feature[i],
            rule: Rule::AtMost {
                threshold: f64::from(self.value[i]).to_bits(),
                missing_left: self.missing_true[i] == 1,
            },
            left: Box::new(self.node(tree, self.true_id[i])),
            right: Box::new(self.node(tree, self.false_id[i])),
        }
    }
}

/// The trees of a `TreeEnsemble`.
pub fn trees_v5(node: &NodeProto) -> Vec<Node> {
    let ints = |name: &str| attribute(node, name).ints;
    let tensor = |name: &str| attribute(node, name).t.unwrap();
    let mut sets: Vec<Vec<u32>> = vec![vec![]];
    if attributes(node).iter().any(|attribute| attribute.name == "membership_values") {
        for member in floats(&tensor("membership_values")) {
            if member.is_nan() { sets.push(vec![]) } else { sets.last_mut().unwrap().push(member as u32) }
        }
    }
    assert_eq!(sets.pop(), Some(vec![]), "a NaN ends each set");
    let modes = tensor("nodes_modes").raw_data.unwrap();
    let v5 = V5 {
        set_of: modes.iter().scan(0, |n, &mode| Some(std::mem::replace(n, *n + usize::from(mode == 6)))).collect(),
        modes,
        sets,
        feature: ints("nodes_featureids"),
        threshold: floats(&tensor("nodes_splits")),
        missing_true: ints("nodes_missing_value_tracks_true"),
        true_id: ints("nodes_truenodeids"),
        true_is_leaf: ints("nodes_trueleafs"),
        false_id: ints("nodes_falsenodeids"),
        false_is_leaf: ints("nodes_falseleafs"),
        target: ints("leaf_targetids"),
        weight: floats(&tensor("leaf_weights")),
    };
    let roots = ints("tree_roots");
    for root in roots.iter().map(|&root| root as usize) {
        // onnxruntime before 1.24 takes such a root for a lone leaf.
        assert!(v5.true_id[root] != v5.false_id[root] || v5.true_is_leaf[root] == v5.false_is_leaf[root]);
    }
    roots.into_iter().map(|root| v5.node(root, 0)).collect()
}

struct V5 {
    modes: Vec<u8>,
    set_of: Vec<usize>,
    sets: Vec<Vec<u32>>,
    feature: Vec<i64>,
    threshold: Vec<f64>,
    missing_true: Vec<i64>,
    true_id: Vec<i64>,
    true_is_leaf: Vec<i64>,
    false_id: Vec<i64>,
    false_is_leaf: Vec<i64>,
    target: Vec<i64>,
    weight: Vec<f64>,
}

impl V5 {
    fn node(&self, id: i64, is_leaf: i64) -> Node {
        let i = id as usize;
        if is_leaf == 1 {
            return Node::Leaf { target: self.target[i], weight: self.weight[i].to_bits() };
        }
        let rule = match self.modes[i] {
            0 => Rule::AtMost { threshold: self.threshold[i].to_bits(), missing_left: self.missing_true[i] == 1 },
            6 => Rule::Among(self.sets[self.set_of[i]].clone()),
            other => panic!("mode {other}"),
        };
        Node::Split {
            feature: self.feature[i],
            rule,
            left: Box::new(self.node(self.true_id[i], self.true_is_leaf[i])),
            right: Box::new(self.node(self.false_id[i], self.false_is_leaf[i])),
        }
    }
}
