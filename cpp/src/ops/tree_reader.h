// Reads tree ensembles from the attributes of the three tree operators.
#ifndef ARSENAL_SRC_OPS_TREE_READER_H_
#define ARSENAL_SRC_OPS_TREE_READER_H_

#include <vector>

#include "engines/ensemble.h"
#include "plan/op.h"

namespace arsenal::runtime {

// Attribute prefix of the leaves' weights: "class" in TreeEnsembleClassifier, "target" in TreeEnsembleRegressor.
struct WeightNames {
  const char* ids;
  const char* node_ids;
  const char* tree_ids;
  const char* weights;
  const char* weights_as_tensor;
};

extern const WeightNames kClassWeights;
extern const WeightNames kTargetWeights;

// What a classifier's decision depends on besides the sums.
struct WeightFacts {
  // All weights, on leaves or not, are >= 0.
  bool none_negative = true;
  // All weights have the same id.
  bool one_id = true;
};

// The ensemble of TreeEnsembleClassifier or TreeEnsembleRegressor, versions 1 to 5; checked.
template <typename T>
Ensemble<T> read_keyed_ensemble(OpBuilder& builder, const WeightNames& names, std::size_t n_targets,
                                Aggregate aggregate, WeightFacts& facts);

// The ensemble of TreeEnsemble version 5; checked.
template <typename T>
Ensemble<T> read_indexed_ensemble(OpBuilder& builder);

// A list of reals given as `name` (floats) or as `name_as_tensor`; empty if neither is there.
template <typename T>
std::vector<T> read_reals(OpBuilder& builder, const char* name, const char* name_as_tensor);

// Adds an ensemble to the facts that the plan reports.
template <typename T>
void count_trees(const Ensemble<T>& ensemble, const char* engine, TreeFacts& facts);

}  // namespace arsenal::runtime

#endif  // ARSENAL_SRC_OPS_TREE_READER_H_
