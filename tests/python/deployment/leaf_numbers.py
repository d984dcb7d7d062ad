"""A model's copy that tells which leaf each tree gave: one target per tree, leaf numbers as weights.

The copy keeps everything that decides (inputs, category look-ups, splits, missing tracks) and replaces what is added
up, so that an engine's path through each tree shows in its output. Leaves are numbered from left (true) to right
(false) within their tree.
"""

from __future__ import annotations

import onnx
from onnx import TensorProto, helper, numpy_helper

TREE_OPERATORS = ("TreeEnsembleClassifier", "TreeEnsembleRegressor", "TreeEnsemble")


def tree_node(model: onnx.ModelProto) -> onnx.NodeProto:
    """The one node that holds the trees."""
    (node,) = (node for node in model.graph.node if node.op_type in TREE_OPERATORS)
    return node


def attributes(node: onnx.NodeProto) -> dict[str, object]:
    """A node's attributes by name, tensors as arrays, strings as str."""
    values = {attribute.name: helper.get_attribute_value(attribute) for attribute in node.attribute}
    for name, value in values.items():
        if isinstance(value, TensorProto):
            values[name] = numpy_helper.to_array(value)
        elif isinstance(value, bytes):
            values[name] = value.decode()
        elif isinstance(value, list) and value and isinstance(value[0], bytes):
            values[name] = [string.decode() for string in value]
    return values


def n_trees(model: onnx.ModelProto) -> int:
    values = attributes(tree_node(model))
    return len(values["tree_roots"]) if "tree_roots" in values else len(set(values["nodes_treeids"]))


def leaf_number_model(model: onnx.ModelProto) -> onnx.ModelProto:
    """The copy: its one output ``leaves`` is ``[N, trees]`` in the model's float type."""
    node = tree_node(model)
    if node.op_type == "TreeEnsemble":
        new_node = _from_v5(node)
        float_type = numpy_helper.to_array(_attribute(node, "leaf_weights").t).dtype
        elem_type = helper.np_dtype_to_tensor_dtype(float_type)
    else:
        new_node = _from_v3(node)
        elem_type = TensorProto.FLOAT
    # What stands before the trees stays, what stands behind them goes; constants that nothing reads any more go too.
    kept = []
    for other in model.graph.node:
        if other.output == node.output:
            break
        kept.append(other)
    read = {name for other in [*kept, new_node] for name in other.input}
    graph = helper.make_graph(
        [*kept, new_node],
        "leaves",
        model.graph.input,
        [helper.make_tensor_value_info("leaves", elem_type, ["N", n_trees(model)])],
        [constant for constant in model.graph.initializer if constant.name in read],
    )
    copy = helper.make_model(graph, opset_imports=model.opset_import, ir_version=model.ir_version)
    onnx.checker.check_model(copy, full_check=True)
    return copy


def _attribute(node: onnx.NodeProto, name: str) -> onnx.AttributeProto:
    return next(attribute for attribute in node.attribute if attribute.name == name)


def _from_v3(node: onnx.NodeProto) -> onnx.NodeProto:
    values = attributes(node)
    prefix = "class" if node.op_type == "TreeEnsembleClassifier" else "target"
    keys = list(zip(values["nodes_treeids"], values["nodes_nodeids"], strict=True))
    position = {key: i for i, key in enumerate(keys)}
    roots: dict[int, int] = {}
    for tree, node_id in keys:
        roots.setdefault(tree, node_id)

    tree_ids, node_ids, numbers = [], [], []
    for tree, root in roots.items():
        pending, n_leaves = [root], 0
        seen = set()
        while pending:
            node_id = pending.pop()
            if node_id in seen:  # chains of equalities share their ends
                continue
            seen.add(node_id)
            i = position[tree, node_id]
            if values["nodes_modes"][i] == "LEAF":
                tree_ids.append(tree)
                node_ids.append(node_id)
                numbers.append(float(n_leaves))
                n_leaves += 1
            else:
                pending += [values["nodes_falsenodeids"][i], values["nodes_truenodeids"][i]]
    assert set(zip(tree_ids, node_ids, strict=True)) == set(
        zip(values[f"{prefix}_treeids"], values[f"{prefix}_nodeids"], strict=True)
    ), "each leaf has weights"
    return helper.make_node(
        "TreeEnsembleRegressor",
        node.input,
        ["leaves"],
        domain="ai.onnx.ml",
        n_targets=len(roots),
        target_treeids=tree_ids,
        target_nodeids=node_ids,
        target_ids=[list(roots).index(tree) for tree in tree_ids],
        target_weights=numbers,
        **{name: value for name, value in values.items() if name.startswith("nodes_")},
    )


def _from_v5(node: onnx.NodeProto) -> onnx.NodeProto:
    values = attributes(node)
    targets, numbers = [-1] * len(values["leaf_targetids"]), [-1.0] * len(values["leaf_targetids"])
    for tree, root in enumerate(values["tree_roots"]):
        pending, n_leaves = [(root, False)], 0
        while pending:
            i, is_leaf = pending.pop()
            if is_leaf:
                assert targets[i] == -1, "each leaf is reached once"
                targets[i], numbers[i] = tree, float(n_leaves)
                n_leaves += 1
            else:
                pending.append((values["nodes_falsenodeids"][i], bool(values["nodes_falseleafs"][i])))
                pending.append((values["nodes_truenodeids"][i], bool(values["nodes_trueleafs"][i])))
    assert min(targets) >= 0, "each leaf is reached"
    new_node = onnx.NodeProto()
    new_node.CopyFrom(node)
    new_node.output[:] = ["leaves"]
    weights = _attribute(new_node, "leaf_weights").t
    weights.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(weights).dtype.type(numbers), weights.name))
    _attribute(new_node, "leaf_targetids").ints[:] = targets
    _attribute(new_node, "n_targets").i = len(values["tree_roots"])
    return new_node
