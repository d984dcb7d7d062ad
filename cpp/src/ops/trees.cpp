// The table of the tree operators.
#include "ops/trees.h"

#include <iterator>

#include "plan/registry.h"

namespace arsenal::runtime {

namespace {

// Version 5 of the first two only says that TreeEnsemble is preferred.
constexpr OpEntry kEntries[] = {
    {"ai.onnx.ml", "TreeEnsembleClassifier", 1, make_tree_classifier},
    {"ai.onnx.ml", "TreeEnsembleClassifier", 3, make_tree_classifier},
    {"ai.onnx.ml", "TreeEnsembleClassifier", 5, make_tree_classifier},
    {"ai.onnx.ml", "TreeEnsembleRegressor", 1, make_tree_regressor},
    {"ai.onnx.ml", "TreeEnsembleRegressor", 3, make_tree_regressor},
    {"ai.onnx.ml", "TreeEnsembleRegressor", 5, make_tree_regressor},
    {"ai.onnx.ml", "TreeEnsemble", 5, make_tree_ensemble},
};

}  // namespace

OpTable tree_ops() noexcept { return {kEntries, std::size(kEntries)}; }

}  // namespace arsenal::runtime
