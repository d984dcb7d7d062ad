// TreeEnsemble version 5: splits and leaves in lists of their own, found by index; sets for membership tests.
#include <algorithm>
#include <cmath>
#include <type_traits>

#include "ops/tree_reader.h"

namespace arsenal::runtime {

namespace {

constexpr std::int64_t kMostFeatures = std::int64_t{1} << 30;

template <typename T>
std::vector<T> tensor_values(OpBuilder& builder, const char* name, bool required) {
  const onnx::TensorProto* proto = builder.tensor(name);
  if (proto == nullptr) {
    if (required) fail(ARSENAL_INVALID_MODEL, "attribute '%s' is missing", name);
    return {};
  }
  const Constant constant =
      within([&] { return "attribute " + quoted(name); }, [&] { return Constant::of_proto(*proto); });
  constexpr std::int32_t kWanted = std::is_same_v<T, float>    ? ARSENAL_FLOAT
                                   : std::is_same_v<T, double> ? ARSENAL_DOUBLE
                                                               : ARSENAL_UINT8;
  if (constant.dtype() != kWanted) {
    fail(ARSENAL_INVALID_MODEL, "attribute '%s' has dtype %s, wanted %s", name, dtype_name(constant.dtype()),
         dtype_name(kWanted));
  }
  return {constant.as<T>(), constant.as<T>() + constant.size()};
}

void want_length(std::size_t got, std::size_t wanted, const char* name) {
  if (got != wanted) {
    fail(ARSENAL_INVALID_MODEL, "attribute '%s' has %zu entries, wanted %zu as in nodes_featureids", name, got, wanted);
  }
}

// The k-th entry of a list of branches.
Branch branch_of(const std::vector<std::int64_t>& ids, const std::vector<std::int64_t>& leaves, std::size_t k,
                 std::size_t n_splits, std::size_t n_leaves, const char* name) {
  const bool leaf = leaves[k] != 0;
  const std::size_t count = leaf ? n_leaves : n_splits;
  if (ids[k] < 0 || static_cast<std::uint64_t>(ids[k]) >= count) {
    fail(ARSENAL_INVALID_MODEL, "entry %zu of %s is %s %lld of %zu", k, name, leaf ? "leaf" : "node",
         static_cast<long long>(ids[k]), count);
  }
  const auto index = static_cast<Branch>(ids[k]);
  return leaf ? ~index : index;
}

// Hands out the sets of `membership_values` one by one. NaN ends a set; after the last it may be left out.
template <typename T>
class SetReader {
 public:
  explicit SetReader(std::vector<T> values) : values_(std::move(values)) {}

  std::vector<T> next(std::size_t node) {
    if (position_ >= values_.size()) {
      fail(ARSENAL_INVALID_MODEL, "membership_values has no set for node %zu", node);
    }
    std::vector<T> set;
    while (position_ < values_.size() && !std::isnan(values_[position_])) set.push_back(values_[position_++]);
    ++position_;
    return set;
  }

  void finish() const {
    if (position_ < values_.size())
      fail(ARSENAL_INVALID_MODEL, "membership_values has more sets than BRANCH_MEMBER nodes");
  }

 private:
  std::vector<T> values_;
  std::size_t position_ = 0;
};

}  // namespace

template <typename T>
Ensemble<T> read_indexed_ensemble(OpBuilder& builder) {
  const std::vector<std::int64_t>& features = builder.integers("nodes_featureids");
  const std::vector<std::int64_t>& yes = builder.integers("nodes_truenodeids");
  const std::vector<std::int64_t>& no = builder.integers("nodes_falsenodeids");
  const std::vector<std::int64_t>& yes_leaf = builder.integers("nodes_trueleafs");
  const std::vector<std::int64_t>& no_leaf = builder.integers("nodes_falseleafs");
  const std::vector<std::int64_t>& missing = builder.integers("nodes_missing_value_tracks_true");
  const std::vector<std::int64_t>& roots = builder.integers("tree_roots");
  const std::vector<std::int64_t>& leaf_targets = builder.integers("leaf_targetids");
  const auto modes = tensor_values<std::uint8_t>(builder, "nodes_modes", true);
  const auto thresholds = tensor_values<T>(builder, "nodes_splits", true);
  const auto leaf_weights = tensor_values<T>(builder, "leaf_weights", true);
  SetReader<T> sets(tensor_values<T>(builder, "membership_values", false));
  builder.ignore("nodes_hitrates");

  const std::size_t n_splits = features.size();
  const std::size_t n_leaves = leaf_targets.size();
  want_length(yes.size(), n_splits, "nodes_truenodeids");
  want_length(no.size(), n_splits, "nodes_falsenodeids");
  want_length(yes_leaf.size(), n_splits, "nodes_trueleafs");
  want_length(no_leaf.size(), n_splits, "nodes_falseleafs");
  want_length(modes.size(), n_splits, "nodes_modes");
  want_length(thresholds.size(), n_splits, "nodes_splits");
  if (!missing.empty()) want_length(missing.size(), n_splits, "nodes_missing_value_tracks_true");
  if (leaf_weights.size() != n_leaves) {
    fail(ARSENAL_INVALID_MODEL, "leaf_weights has %zu entries, leaf_targetids has %zu", leaf_weights.size(), n_leaves);
  }
  if (n_splits + n_leaves > builder.limits().max_tree_nodes || n_splits + n_leaves >= kMostBranches) {
    fail(ARSENAL_LIMIT_EXCEEDED, "it has %zu tree nodes, more than max_tree_nodes", n_splits + n_leaves);
  }

  Ensemble<T> ensemble;
  const std::int64_t n_targets = builder.integer("n_targets", 1);
  if (n_targets < 1 || n_targets > INT32_MAX) {
    fail(ARSENAL_INVALID_MODEL, "attribute 'n_targets' is %lld", static_cast<long long>(n_targets));
  }
  ensemble.n_targets = static_cast<std::size_t>(n_targets);
  const std::int64_t aggregate = builder.integer("aggregate_function", 1);
  if (aggregate < 0 || aggregate > 3) {
    fail(ARSENAL_INVALID_MODEL, "attribute 'aggregate_function' is %lld, wanted 0 to 3",
         static_cast<long long>(aggregate));
  }
  ensemble.nan_follows_flag = builder.follows_text();
  ensemble.aggregate = static_cast<Aggregate>(aggregate);

  for (std::size_t i = 0; i < n_leaves; ++i) {
    if (leaf_targets[i] < 0 || leaf_targets[i] >= n_targets) {
      fail(ARSENAL_INVALID_MODEL, "entry %zu of leaf_targetids is %lld, wanted 0 to %lld", i,
           static_cast<long long>(leaf_targets[i]), static_cast<long long>(n_targets) - 1);
    }
    ensemble.weights.push_back({static_cast<std::uint32_t>(leaf_targets[i]), leaf_weights[i]});
    ensemble.leaf_begin.push_back(static_cast<std::uint32_t>(ensemble.weights.size()));
  }
  for (std::size_t i = 0; i < n_splits; ++i) {
    if (features[i] < 0 || features[i] >= kMostFeatures) {
      fail(ARSENAL_INVALID_MODEL, "entry %zu of nodes_featureids is %lld", i, static_cast<long long>(features[i]));
    }
    if (modes[i] > static_cast<std::uint8_t>(NodeMode::kMember)) {
      fail(ARSENAL_INVALID_MODEL, "entry %zu of nodes_modes is %d, wanted 0 to 6", i, int{modes[i]});
    }
    const auto mode = static_cast<NodeMode>(modes[i]);
    if (mode == NodeMode::kMember) ensemble.add_set(sets.next(i));
    ensemble.add_split(mode, static_cast<std::uint32_t>(features[i]), thresholds[i],
                       !missing.empty() && missing[i] == 1,
                       branch_of(yes, yes_leaf, i, n_splits, n_leaves, "nodes_truenodeids"),
                       branch_of(no, no_leaf, i, n_splits, n_leaves, "nodes_falsenodeids"));
  }
  sets.finish();
  for (std::size_t i = 0; i < roots.size(); ++i) {
    if (roots[i] < 0 || static_cast<std::uint64_t>(roots[i]) >= n_splits) {
      fail(ARSENAL_INVALID_MODEL, "entry %zu of tree_roots is %lld of %zu nodes", i, static_cast<long long>(roots[i]),
           n_splits);
    }
    ensemble.roots.push_back(static_cast<Branch>(roots[i]));
  }
  check_ensemble(ensemble, builder.limits());
  return ensemble;
}

template Ensemble<float> read_indexed_ensemble(OpBuilder&);
template Ensemble<double> read_indexed_ensemble(OpBuilder&);

}  // namespace arsenal::runtime
