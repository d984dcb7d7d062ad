//! A graph under construction: every value gets a name that nothing else has.

use std::collections::BTreeSet;

use crate::ONNX_ML;
use crate::proto::{GraphProto, NodeProto, TensorProto, ValueInfoProto};
use crate::tensor::Attribute;

/// Operators of ai.onnx.ml that we write; all others are standard ones.
const ML_OPERATORS: [&str; 4] = ["LabelEncoder", "TreeEnsemble", "TreeEnsembleClassifier", "TreeEnsembleRegressor"];

/// A graph under construction.
pub struct Graph {
    graph: GraphProto,
    taken: BTreeSet<String>,
}

impl Graph {
    /// An empty graph in which the names in `taken` (its inputs and outputs) will not be given to inner values.
    pub fn new(taken: BTreeSet<String>) -> Self {
        Self { graph: GraphProto { name: "arsenal".into(), ..GraphProto::default() }, taken }
    }

    /// Declares an input.
    pub fn input(&mut self, value: ValueInfoProto) {
        self.graph.input.push(value);
    }

    /// Declares an output.
    pub fn output(&mut self, value: ValueInfoProto) {
        self.graph.output.push(value);
    }

    /// A name for an inner value: `wish`, or `wish.1`, `wish.2`, … where a column is named so.
    pub fn inner_name(&mut self, wish: &str) -> String {
        let mut name = wish.to_owned();
        let mut suffix = 0;
        while !self.taken.insert(name.clone()) {
            suffix += 1;
            name = format!("{wish}.{suffix}");
        }
        name
    }

    /// Adds a constant and returns its name.
    pub fn constant(&mut self, wish: &str, tensor: TensorProto) -> String {
        let name = self.inner_name(wish);
        self.graph.initializer.push(TensorProto { name: name.clone(), ..tensor });
        name
    }

    /// Adds a node, named as its first output.
    pub fn node(&mut self, op_type: &str, inputs: &[&str], outputs: &[&str], attribute: Vec<Attribute>) {
        let domain = if ML_OPERATORS.contains(&op_type) { ONNX_ML } else { "" };
        self.graph.node.push(NodeProto {
            input: inputs.iter().map(|&name| name.to_owned()).collect(),
            output: outputs.iter().map(|&name| name.to_owned()).collect(),
            name: outputs[0].to_owned(),
            op_type: op_type.to_owned(),
            attribute,
            domain: domain.to_owned(),
        });
    }

    /// The finished graph.
    pub fn finish(self) -> GraphProto {
        self.graph
    }
}
