// From sums over trees to scores: the post_transform of the tree operators.
#ifndef ARSENAL_SRC_OPS_TREE_SCORES_H_
#define ARSENAL_SRC_OPS_TREE_SCORES_H_

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace arsenal::runtime {

// In the order of TreeEnsemble version 5's numbers.
enum class PostTransform : std::uint8_t { kNone, kSoftmax, kLogistic, kSoftmaxZero, kProbit };

// The transform called `name` in versions 1 and 3. Throws Failure for any other name.
PostTransform post_transform_of(std::string_view name);

// Transforms the `count` scores of one row in place.
template <typename T>
void transform_scores(PostTransform transform, T* scores, std::size_t count) noexcept;

// 1 / (1 + exp(-x)), as 1 minus the other side where x < 0.
template <typename T>
T tree_logistic(T x) noexcept;

// The quantile of the standard normal distribution at x, by the closed approximation that runtimes share (absolute
// error about 2e-3). NaN outside of 0 to 1.
template <typename T>
T tree_probit(T x) noexcept;

}  // namespace arsenal::runtime

#endif  // ARSENAL_SRC_OPS_TREE_SCORES_H_
