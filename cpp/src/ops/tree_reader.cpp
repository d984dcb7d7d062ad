// TreeEnsembleClassifier and TreeEnsembleRegressor: nodes and weights are found by tree and node id.
#include "ops/tree_reader.h"

#include <algorithm>
#include <string>
#include <type_traits>
#include <unordered_map>

namespace arsenal::runtime {

const WeightNames kClassWeights = {"class_ids", "class_nodeids", "class_treeids", "class_weights",
                                   "class_weights_as_tensor"};
const WeightNames kTargetWeights = {"target_ids", "target_nodeids", "target_treeids", "target_weights",
                                    "target_weights_as_tensor"};

namespace {

// Feature numbers fit a walk node beside its flags.
constexpr std::int64_t kMostFeatures = std::int64_t{1} << 30;

// Position of each (tree id, node id) in the nodes_* lists.
class NodeIds {
 public:
  NodeIds(const std::vector<std::int64_t>& trees, const std::vector<std::int64_t>& nodes)
      : trees_(trees), nodes_(nodes) {
    // Converters number the nodes of each tree 0, 1, 2, …, one tree after the other; then arithmetic finds them.
    std::size_t start = 0;
    for (std::size_t i = 0; i < nodes.size() && sequential_; ++i) {
      if (i == 0 || trees[i] != trees[i - 1]) {
        start = i;
        sequential_ = starts_.emplace(trees[i], i).second;
      }
      sequential_ = sequential_ && nodes[i] == static_cast<std::int64_t>(i - start);
    }
    if (sequential_) return;
    for (std::size_t i = 0; i < nodes.size(); ++i) {
      if (!positions_[trees[i]].emplace(nodes[i], i).second) {
        fail(ARSENAL_INVALID_MODEL, "tree %lld has two nodes with nodes_nodeids = %lld",
             static_cast<long long>(trees[i]), static_cast<long long>(nodes[i]));
      }
    }
  }

  // SIZE_MAX if there is no such node.
  std::size_t find(std::int64_t tree, std::int64_t node) const {
    if (sequential_) {
      const auto start = starts_.find(tree);
      if (start == starts_.end() || node < 0 || static_cast<std::size_t>(node) >= nodes_.size() - start->second) {
        return SIZE_MAX;
      }
      const std::size_t position = start->second + static_cast<std::size_t>(node);
      return trees_[position] == tree ? position : SIZE_MAX;
    }
    const auto in_tree = positions_.find(tree);
    if (in_tree == positions_.end()) return SIZE_MAX;
    const auto found = in_tree->second.find(node);
    return found == in_tree->second.end() ? SIZE_MAX : found->second;
  }

  // The same in the tree of the node at `position`.
  std::size_t find_beside(std::size_t position, std::int64_t node) const {
    if (!sequential_) return find(trees_[position], node);
    const std::size_t start = position - static_cast<std::size_t>(nodes_[position]);
    if (node < 0 || static_cast<std::size_t>(node) >= nodes_.size() - start) return SIZE_MAX;
    const std::size_t found = start + static_cast<std::size_t>(node);
    return trees_[found] == trees_[position] ? found : SIZE_MAX;
  }

 private:
  const std::vector<std::int64_t>& trees_;
  const std::vector<std::int64_t>& nodes_;
  bool sequential_ = true;
  std::unordered_map<std::int64_t, std::size_t> starts_;
  std::unordered_map<std::int64_t, std::unordered_map<std::int64_t, std::size_t>> positions_;
};

void want_length(std::size_t got, std::size_t wanted, const char* name) {
  if (got != wanted) {
    fail(ARSENAL_INVALID_MODEL, "attribute '%s' has %zu entries, wanted %zu as in nodes_nodeids", name, got, wanted);
  }
}

struct Mode {
  bool leaf;
  NodeMode mode;
};

Mode mode_of(std::string_view name) {
  if (name == "LEAF") return {true, NodeMode::kLeq};
  if (name == "BRANCH_LEQ") return {false, NodeMode::kLeq};
  if (name == "BRANCH_LT") return {false, NodeMode::kLt};
  if (name == "BRANCH_GTE") return {false, NodeMode::kGte};
  if (name == "BRANCH_GT") return {false, NodeMode::kGt};
  if (name == "BRANCH_EQ") return {false, NodeMode::kEq};
  if (name == "BRANCH_NEQ") return {false, NodeMode::kNeq};
  fail(ARSENAL_INVALID_MODEL, "nodes_modes holds %s, wanted LEAF or BRANCH_LEQ, _LT, _GTE, _GT, _EQ or _NEQ",
       quoted(name).c_str());
}

// The lists that describe the nodes, all of one length.
template <typename T>
struct Nodes {
  explicit Nodes(OpBuilder& builder)
      : ids(builder.integers("nodes_nodeids")),
        trees(builder.integers("nodes_treeids")),
        features(builder.integers("nodes_featureids")),
        modes(builder.strings("nodes_modes")),
        yes(builder.integers("nodes_truenodeids")),
        no(builder.integers("nodes_falsenodeids")),
        missing(builder.integers("nodes_missing_value_tracks_true")),
        values(read_reals<T>(builder, "nodes_values", "nodes_values_as_tensor")) {
    want_length(trees.size(), ids.size(), "nodes_treeids");
    want_length(features.size(), ids.size(), "nodes_featureids");
    want_length(modes.size(), ids.size(), "nodes_modes");
    want_length(yes.size(), ids.size(), "nodes_truenodeids");
    want_length(no.size(), ids.size(), "nodes_falsenodeids");
    want_length(values.size(), ids.size(), "nodes_values");
    if (!missing.empty()) want_length(missing.size(), ids.size(), "nodes_missing_value_tracks_true");
    if (ids.size() > builder.limits().max_tree_nodes || ids.size() >= kMostBranches) {
      fail(ARSENAL_LIMIT_EXCEEDED, "it has %zu tree nodes, more than max_tree_nodes", ids.size());
    }
  }

  const std::vector<std::int64_t>& ids;
  const std::vector<std::int64_t>& trees;
  const std::vector<std::int64_t>& features;
  const std::vector<std::string_view>& modes;
  const std::vector<std::int64_t>& yes;
  const std::vector<std::int64_t>& no;
  const std::vector<std::int64_t>& missing;
  std::vector<T> values;
};

// A weight as the lists give it: which node it hangs on.
struct PlacedWeight {
  std::size_t node;
  std::size_t index;
};

std::vector<PlacedWeight> placed_weights(const NodeIds& positions, const std::vector<std::int64_t>& tree_ids,
                                         const std::vector<std::int64_t>& node_ids, const WeightNames& names) {
  std::vector<PlacedWeight> placed;
  placed.reserve(node_ids.size());
  bool sorted = true;
  for (std::size_t i = 0; i < node_ids.size(); ++i) {
    const bool same_tree = i > 0 && tree_ids[i] == tree_ids[i - 1];
    const std::size_t node =
        same_tree ? positions.find_beside(placed.back().node, node_ids[i]) : positions.find(tree_ids[i], node_ids[i]);
    if (node == SIZE_MAX) {
      fail(ARSENAL_INVALID_MODEL, "entry %zu of %s: tree %lld has no node %lld", i, names.node_ids,
           static_cast<long long>(tree_ids[i]), static_cast<long long>(node_ids[i]));
    }
    sorted = sorted && (placed.empty() || placed.back().node <= node);
    placed.push_back({node, i});
  }
  if (!sorted) {
    std::sort(placed.begin(), placed.end(), [](const PlacedWeight& a, const PlacedWeight& b) {
      return a.node != b.node ? a.node < b.node : a.index < b.index;
    });
  }
  return placed;
}

// The one node of each tree that is nobody's child, trees in order of first appearance.
template <typename T>
std::vector<Branch> find_roots(const Nodes<T>& nodes, const std::vector<bool>& is_child,
                               const std::vector<Branch>& branches) {
  std::vector<Branch> roots;
  std::unordered_map<std::int64_t, std::size_t> tree_numbers;
  std::vector<std::size_t> root_counts;
  std::vector<std::size_t> sizes;
  std::vector<std::int64_t> tree_ids;
  for (std::size_t i = 0; i < nodes.ids.size(); ++i) {
    std::size_t number;
    if (i > 0 && nodes.trees[i] == nodes.trees[i - 1]) {
      number = tree_numbers.find(nodes.trees[i])->second;
    } else {
      const auto [entry, is_new] = tree_numbers.emplace(nodes.trees[i], roots.size());
      number = entry->second;
      if (is_new) {
        roots.push_back(0);
        root_counts.push_back(0);
        sizes.push_back(0);
        tree_ids.push_back(nodes.trees[i]);
      }
    }
    ++sizes[number];
    if (is_child[i]) continue;
    roots[number] = branches[i];
    ++root_counts[number];
  }
  for (std::size_t t = 0; t < roots.size(); ++t) {
    const auto id = static_cast<long long>(tree_ids[t]);
    if (root_counts[t] == 0) fail(ARSENAL_INVALID_MODEL, "tree %lld has a cycle: each of its nodes is a child", id);
    if (root_counts[t] > 1) fail(ARSENAL_INVALID_MODEL, "tree %lld has more than one root", id);
    if (roots[t] < 0 && sizes[t] > 1) {
      fail(ARSENAL_INVALID_MODEL, "tree %lld has a cycle: its only root is a leaf, and there are other nodes", id);
    }
  }
  return roots;
}

}  // namespace

template <typename T>
std::vector<T> read_reals(OpBuilder& builder, const char* name, const char* name_as_tensor) {
  const std::vector<float>& floats = builder.reals(name);
  const onnx::TensorProto* proto = builder.version() >= 3 ? builder.tensor(name_as_tensor) : nullptr;
  if (proto == nullptr) return {floats.begin(), floats.end()};
  if (!floats.empty()) {
    fail(ARSENAL_INVALID_MODEL, "attributes '%s' and '%s' are both there", name, name_as_tensor);
  }
  const Constant constant =
      within([&] { return "attribute " + quoted(name_as_tensor); }, [&] { return Constant::of_proto(*proto); });
  constexpr std::int32_t kWanted = std::is_same_v<T, float> ? ARSENAL_FLOAT : ARSENAL_DOUBLE;
  if (constant.dtype() != kWanted) {
    fail(ARSENAL_INVALID_MODEL, "attribute '%s' has dtype %s, wanted %s as the input's", name_as_tensor,
         dtype_name(constant.dtype()), dtype_name(kWanted));
  }
  return {constant.as<T>(), constant.as<T>() + constant.size()};
}

template <typename T>
Ensemble<T> read_keyed_ensemble(OpBuilder& builder, const WeightNames& names, std::size_t n_targets,
                                Aggregate aggregate, WeightFacts& facts) {
  const Nodes<T> nodes(builder);
  builder.ignore("nodes_hitrates");
  builder.ignore("nodes_hitrates_as_tensor");
  const std::vector<std::int64_t>& ids = builder.integers(names.ids);
  const std::vector<std::int64_t>& weight_trees = builder.integers(names.tree_ids);
  const std::vector<std::int64_t>& weight_nodes = builder.integers(names.node_ids);
  const std::vector<T> weights = read_reals<T>(builder, names.weights, names.weights_as_tensor);
  if (weight_trees.size() != ids.size() || weight_nodes.size() != ids.size() || weights.size() != ids.size()) {
    fail(ARSENAL_INVALID_MODEL, "%s, %s, %s and %s have %zu, %zu, %zu and %zu entries, wanted equal numbers", names.ids,
         names.tree_ids, names.node_ids, names.weights, ids.size(), weight_trees.size(), weight_nodes.size(),
         weights.size());
  }
  if (ids.size() >= UINT32_MAX) fail(ARSENAL_LIMIT_EXCEEDED, "it has %zu weights", ids.size());
  for (std::size_t i = 0; i < ids.size(); ++i) {
    if (ids[i] < 0 || static_cast<std::uint64_t>(ids[i]) >= n_targets) {
      fail(ARSENAL_INVALID_MODEL, "entry %zu of %s is %lld, wanted 0 to %lld", i, names.ids,
           static_cast<long long>(ids[i]), static_cast<long long>(n_targets) - 1);
    }
    facts.none_negative = facts.none_negative && !(weights[i] < 0);
    facts.one_id = facts.one_id && ids[i] == ids[0];
  }
  facts.one_id = facts.one_id && !ids.empty();

  Ensemble<T> ensemble;
  ensemble.n_targets = n_targets;
  ensemble.nan_follows_flag = builder.follows_text();
  ensemble.aggregate = aggregate;
  const NodeIds positions(nodes.trees, nodes.ids);
  const std::vector<PlacedWeight> placed = placed_weights(positions, weight_trees, weight_nodes, names);

  std::vector<Mode> modes;
  std::vector<Branch> branches;
  ensemble.weights.reserve(ids.size());
  ensemble.leaf_begin.reserve(ids.size() + 1);
  modes.reserve(nodes.ids.size());
  branches.reserve(nodes.ids.size());
  Branch n_splits = 0;
  auto next_weight = placed.begin();
  for (std::size_t i = 0; i < nodes.ids.size(); ++i) {
    modes.push_back(i > 0 && nodes.modes[i] == nodes.modes[i - 1] ? modes.back() : mode_of(nodes.modes[i]));
    while (next_weight != placed.end() && next_weight->node == i) {
      // Old converters also put weights on inner nodes; they count for nothing.
      if (modes[i].leaf) {
        ensemble.weights.push_back({static_cast<std::uint32_t>(ids[next_weight->index]), weights[next_weight->index]});
      }
      ++next_weight;
    }
    if (modes[i].leaf) {
      branches.push_back(~static_cast<Branch>(ensemble.leaf_count()));
      ensemble.leaf_begin.push_back(static_cast<std::uint32_t>(ensemble.weights.size()));
    } else {
      branches.push_back(n_splits++);
    }
  }

  std::vector<bool> is_child(nodes.ids.size(), false);
  ensemble.splits.reserve(static_cast<std::size_t>(n_splits));
  const auto child = [&](std::size_t i, std::int64_t node, const char* list) {
    const std::size_t position = positions.find_beside(i, node);
    if (position == SIZE_MAX) {
      fail(ARSENAL_INVALID_MODEL, "entry %zu of %s: tree %lld has no node %lld", i, list,
           static_cast<long long>(nodes.trees[i]), static_cast<long long>(node));
    }
    is_child[position] = true;
    return branches[position];
  };
  for (std::size_t i = 0; i < nodes.ids.size(); ++i) {
    if (modes[i].leaf) continue;
    const std::int64_t feature = nodes.features[i];
    if (feature < 0 || feature >= kMostFeatures) {
      fail(ARSENAL_INVALID_MODEL, "entry %zu of nodes_featureids is %lld", i, static_cast<long long>(feature));
    }
    const Branch yes = child(i, nodes.yes[i], "nodes_truenodeids");
    const Branch no = child(i, nodes.no[i], "nodes_falsenodeids");
    ensemble.add_split(modes[i].mode, static_cast<std::uint32_t>(feature), nodes.values[i],
                       !nodes.missing.empty() && nodes.missing[i] == 1, yes, no);
  }
  ensemble.roots = find_roots(nodes, is_child, branches);
  if (check_ensemble(ensemble, builder.limits()) != ensemble.splits.size()) {
    fail(ARSENAL_INVALID_MODEL, "a tree has a cycle: there are nodes that no root leads to");
  }
  return ensemble;
}

template <typename T>
void count_trees(const Ensemble<T>& ensemble, const char* engine, TreeFacts& facts) {
  facts.n_trees += ensemble.roots.size();
  facts.n_leaves += ensemble.leaf_count();
  facts.n_nodes += ensemble.leaf_count() + ensemble.splits.size();
  for (const std::uint32_t depth : ensemble.depths) facts.max_depth = std::max<std::size_t>(facts.max_depth, depth);
  facts.engine = engine;
}

template std::vector<float> read_reals(OpBuilder&, const char*, const char*);
template std::vector<double> read_reals(OpBuilder&, const char*, const char*);
template Ensemble<float> read_keyed_ensemble(OpBuilder&, const WeightNames&, std::size_t, Aggregate, WeightFacts&);
template Ensemble<double> read_keyed_ensemble(OpBuilder&, const WeightNames&, std::size_t, Aggregate, WeightFacts&);
template void count_trees(const Ensemble<float>&, const char*, TreeFacts&);
template void count_trees(const Ensemble<double>&, const char*, TreeFacts&);

}  // namespace arsenal::runtime
