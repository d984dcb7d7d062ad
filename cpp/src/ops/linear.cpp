// LinearClassifier and LinearRegressor. Where the specification is silent they decide as onnxruntime 1.32 does.
#include <algorithm>
#include <cstdint>
#include <type_traits>

#include "engines/linear_map.h"
#include "ops/class_labels.h"
#include "ops/table.h"
#include "ops/tree_scores.h"
#include "plan/registry.h"

namespace arsenal::runtime {

namespace {

// Rows that are scored at a time.
constexpr std::size_t kRowsAtOnce = 64;

// One score per target: the products of a row with the target's coefficients and its intercept, summed as
// engines/linear_map.h says.
class LinearScores {
 public:
  LinearScores(const std::vector<float>& coefficients, std::vector<float> intercepts, std::size_t n_targets)
      : map_(map_of(coefficients, std::move(intercepts), n_targets)) {}

  std::size_t n_targets() const noexcept { return map_.n_columns(); }
  std::size_t n_columns() const noexcept { return map_.depth(); }

  // Scratch memory for score().
  template <typename X>
  std::size_t scratch_bytes() const noexcept {
    return std::is_same_v<X, float> ? 0 : kRowsAtOnce * n_columns() * sizeof(float);
  }

  // At most kRowsAtOnce rows; their scores lie `stride` apart.
  template <typename X>
  void score(const X* rows, std::size_t n_rows, float* scores, std::size_t stride, void* scratch) const noexcept {
    if constexpr (std::is_same_v<X, float>) {
      map_.run(rows, n_rows, scores, stride);
    } else {
      auto* const floats = static_cast<float*>(scratch);
      for (std::size_t i = 0; i < n_rows * n_columns(); ++i) floats[i] = static_cast<float>(rows[i]);
      map_.run(floats, n_rows, scores, stride);
    }
  }

 private:
  static LinearMap<float> map_of(const std::vector<float>& coefficients, std::vector<float> intercepts,
                                 std::size_t n_targets) {
    if (coefficients.size() % n_targets != 0 || coefficients.empty()) {
      fail(ARSENAL_INVALID_MODEL, "attribute 'coefficients' has %zu entries for %zu targets", coefficients.size(),
           n_targets);
    }
    if (!intercepts.empty() && intercepts.size() != n_targets) {
      fail(ARSENAL_INVALID_MODEL, "attribute 'intercepts' has %zu entries for %zu targets", intercepts.size(),
           n_targets);
    }
    intercepts.resize(n_targets, 0);
    const std::size_t n_columns = coefficients.size() / n_targets;
    return {coefficients.data(), n_columns, n_targets, 1, static_cast<std::int64_t>(n_columns), intercepts.data()};
  }

  LinearMap<float> map_;
};

// A single score is transformed by PROBIT alone, as that of a tree is.
bool is_transformed(PostTransform rule, std::size_t count) noexcept {
  return count > 1 || rule == PostTransform::kProbit;
}

template <typename X>
class LinearRegressor final : public Op {
 public:
  LinearRegressor(LinearScores scores, PostTransform transform, bool transforms)
      : scores_(std::move(scores)), transform_(transform), transforms_(transforms) {}

  bool shapes(const Inputs& in, const Outputs& out, Issue& issue) const noexcept override {
    out[0].shape = make_shape({TableView(in[0].shape).n_rows, static_cast<std::int64_t>(scores_.n_targets())});
    return want_table(in[0].shape, static_cast<std::int64_t>(scores_.n_columns()), issue);
  }

  bool keeps_rows(const std::vector<Operand>& inputs) const override { return has_table_rows(inputs); }

  std::size_t scratch_bytes(const Inputs&) const noexcept override { return scores_.template scratch_bytes<X>(); }

  bool run(const Inputs& in, const Outputs& out, void* scratch, Issue&) const noexcept override {
    const auto n_rows = static_cast<std::size_t>(out[0].shape.dims[0]);
    const std::size_t width = scores_.n_targets();
    for (std::size_t first = 0; first < n_rows; first += kRowsAtOnce) {
      const std::size_t count = std::min(kRowsAtOnce, n_rows - first);
      float* const scores = out[0].mutable_as<float>() + first * width;
      scores_.score(in[0].as<X>() + first * scores_.n_columns(), count, scores, width, scratch);
      if (!transforms_) continue;
      for (std::size_t row = 0; row < count; ++row) transform_scores(transform_, scores + row * width, width);
    }
    return true;
  }

 private:
  LinearScores scores_;
  PostTransform transform_;
  bool transforms_;
};

template <typename X>
class LinearClassifier final : public Op {
 public:
  LinearClassifier(LinearScores scores, PostTransform transform, ClassLabels labels)
      : scores_(std::move(scores)),
        transform_(transform),
        labels_(std::move(labels)),
        is_pair_(scores_.n_targets() == 1 && labels_.size() == 2) {}

  bool shapes(const Inputs& in, const Outputs& out, Issue& issue) const noexcept override {
    const std::int64_t n_rows = TableView(in[0].shape).n_rows;
    out[0].shape = make_shape({n_rows});
    out[1].shape = make_shape({n_rows, static_cast<std::int64_t>(width())});
    return want_table(in[0].shape, static_cast<std::int64_t>(scores_.n_columns()), issue);
  }

  bool keeps_rows(const std::vector<Operand>& inputs) const override { return has_table_rows(inputs); }

  std::size_t scratch_bytes(const Inputs&) const noexcept override {
    return kRowsAtOnce * width() * sizeof(float) + scores_.template scratch_bytes<X>();
  }

  bool run(const Inputs& in, const Outputs& out, void* scratch, Issue&) const noexcept override {
    const auto n_rows = static_cast<std::size_t>(out[0].shape.dims[0]);
    float* const own = static_cast<float*>(scratch);
    for (std::size_t first = 0; first < n_rows; first += kRowsAtOnce) {
      const std::size_t count = std::min(kRowsAtOnce, n_rows - first);
      float* scores = out[1].data == nullptr ? own : out[1].mutable_as<float>() + first * width();
      scores_.score(in[0].as<X>() + first * scores_.n_columns(), count, scores, width(), own + kRowsAtOnce * width());
      for (std::size_t row = first; row < first + count; ++row, scores += width()) {
        labels_.write(out[0].data, row, best(scores));
        if (is_pair_) {
          complete(scores);
        } else if (is_transformed(transform_, scores_.n_targets())) {
          transform_scores(transform_, scores, scores_.n_targets());
        }
      }
    }
    return true;
  }

 private:
  std::size_t width() const noexcept { return is_pair_ ? 2 : scores_.n_targets(); }

  std::size_t best(const float* scores) const noexcept {
    if (is_pair_) return scores[0] > 0 ? 1 : 0;
    std::size_t best = 0;
    for (std::size_t k = 1; k < scores_.n_targets(); ++k) {
      if (scores[k] > scores[best]) best = k;
    }
    return best;
  }

  // The score of the second class, from which that of the first follows.
  void complete(float* scores) const noexcept {
    const float score = scores[0];
    if (transform_ == PostTransform::kLogistic) {
      scores[0] = tree_logistic(-score);
      scores[1] = tree_logistic(score);
    } else {
      scores[0] = 1 - score;
      scores[1] = score;
    }
  }

  LinearScores scores_;
  PostTransform transform_;
  ClassLabels labels_;
  bool is_pair_;
};

std::unique_ptr<Op> make_linear_regressor(OpBuilder& builder) {
  builder.want_inputs(1, 1);
  builder.want_outputs(1, 1);
  builder.add_output(ARSENAL_FLOAT);
  const std::int64_t n_targets = builder.integer("targets", 1);
  if (n_targets < 1 || n_targets > INT32_MAX) {
    fail(ARSENAL_INVALID_MODEL, "attribute 'targets' is %lld", static_cast<long long>(n_targets));
  }
  const PostTransform transform = post_transform_of(builder.string("post_transform", "NONE"));
  LinearScores scores(builder.reals("coefficients"), builder.reals("intercepts"), static_cast<std::size_t>(n_targets));
  const bool transforms = builder.follows_text() || is_transformed(transform, scores.n_targets());
  return for_dtype_of(builder, 0, TableNumbers(), [&](auto zero) {
    return std::make_unique<LinearRegressor<decltype(zero)>>(std::move(scores), transform, transforms);
  });
}

std::unique_ptr<Op> make_linear_classifier(OpBuilder& builder) {
  builder.want_inputs(1, 1);
  builder.want_outputs(1, 2);
  ClassLabels labels(builder, "classlabels_ints");
  builder.add_output(labels.dtype());
  builder.add_output(ARSENAL_FLOAT);
  // It tells how the model was trained.
  builder.ignore("multi_class");
  const PostTransform transform = post_transform_of(builder.string("post_transform", "NONE"));
  const std::vector<float>& intercepts = builder.reals("intercepts");
  const std::size_t n_targets = intercepts.empty() ? labels.size() : intercepts.size();
  if (n_targets != labels.size() && !(n_targets == 1 && labels.size() == 2)) {
    fail(ARSENAL_INVALID_MODEL, "it has %zu scores for %zu labels", n_targets, labels.size());
  }
  LinearScores scores(builder.reals("coefficients"), intercepts, n_targets);
  return for_dtype_of(builder, 0, TableNumbers(), [&](auto zero) {
    return std::make_unique<LinearClassifier<decltype(zero)>>(std::move(scores), transform, std::move(labels));
  });
}

constexpr OpEntry kEntries[] = {
    {"ai.onnx.ml", "LinearClassifier", 1, make_linear_classifier},
    {"ai.onnx.ml", "LinearRegressor", 1, make_linear_regressor},
};

}  // namespace

OpTable linear_ops() noexcept { return {kEntries, std::size(kEntries)}; }

}  // namespace arsenal::runtime
