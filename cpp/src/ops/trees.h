// Factories of the tree operators.
#ifndef ARSENAL_SRC_OPS_TREES_H_
#define ARSENAL_SRC_OPS_TREES_H_

#include <memory>

#include "plan/op.h"

namespace arsenal::runtime {

std::unique_ptr<Op> make_tree_classifier(OpBuilder& builder);
std::unique_ptr<Op> make_tree_regressor(OpBuilder& builder);
std::unique_ptr<Op> make_tree_ensemble(OpBuilder& builder);

}  // namespace arsenal::runtime

#endif  // ARSENAL_SRC_OPS_TREES_H_
