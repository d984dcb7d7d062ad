// TreeEnsembleRegressor and TreeEnsemble.
#include <type_traits>

#include "ops/tree_op.h"
#include "ops/tree_reader.h"
#include "ops/trees.h"

namespace arsenal::runtime {

namespace {

// What happens to the sums of a row, besides the transform.
template <typename T>
struct RegressionRule {
  PostTransform transform;
  // Per target, or empty.
  std::vector<T> base_values;
  // Whether the transform is applied to a single score, as the text has it.
  bool transforms_one;
  // Sums are divided by it: the number of trees where they are averaged, else 1.
  T divisor;
};

// Y: dtype of the output.
template <typename X, typename T, typename Y>
class TreeRegressor final : public TreeOp<X, T> {
 public:
  TreeRegressor(std::unique_ptr<TreeEngine<T>> engine, std::size_t n_features, std::size_t n_targets,
                RegressionRule<T> rule)
      : TreeOp<X, T>(std::move(engine), n_features, n_targets), rule_(std::move(rule)) {}

  bool shapes(const Inputs& in, const Outputs& out, Issue& issue) const noexcept override {
    std::int64_t n_rows = 0;
    if (!this->rows_of(in[0].shape, n_rows, issue)) return false;
    out[0].shape = make_shape({n_rows, static_cast<std::int64_t>(this->n_targets())});
    return true;
  }

  bool run(const Inputs& in, const Outputs& out, void* scratch, Issue&) const noexcept override {
    const auto work = this->prepare(in[0], scratch);
    const std::int64_t n_rows = in[0].shape.dims[0];
    T* sums = work.sums;
    if constexpr (std::is_same_v<T, Y>) sums = out[0].template mutable_as<T>();
    this->engine().evaluate(work.rows, n_rows, in[0].shape.dims[1], {sums, nullptr}, work.engine_scratch);
    for (std::int64_t r = 0; r < n_rows; ++r) finish(sums + static_cast<std::size_t>(r) * this->n_targets());
    if constexpr (!std::is_same_v<T, Y>) {
      const std::int64_t count = element_count(out[0].shape);
      for (std::int64_t i = 0; i < count; ++i) out[0].template mutable_as<Y>()[i] = static_cast<Y>(sums[i]);
    }
    return true;
  }

 private:
  void finish(T* scores) const noexcept {
    const std::size_t n_targets = this->n_targets();
    if (rule_.divisor != 1) {
      for (std::size_t k = 0; k < n_targets; ++k) scores[k] /= rule_.divisor;
    }
    for (std::size_t k = 0; k < rule_.base_values.size(); ++k) scores[k] += rule_.base_values[k];
    // As in onnxruntime, and in the reference implementation for version 5, a single target is transformed by PROBIT
    // alone, unless the text is followed.
    if (n_targets > 1 || rule_.transforms_one || rule_.transform == PostTransform::kProbit)
      transform_scores(rule_.transform, scores, n_targets);
  }

  RegressionRule<T> rule_;
};

template <typename X, typename T, typename Y>
std::unique_ptr<Op> build(OpBuilder& builder, const Ensemble<T>& ensemble, PostTransform transform,
                          std::vector<T> base_values) {
  RegressionRule<T> rule{transform, std::move(base_values), builder.follows_text(), T{1}};
  if (ensemble.aggregate == Aggregate::kAverage && !ensemble.roots.empty()) {
    rule.divisor = static_cast<T>(ensemble.roots.size());
  }
  auto engine = choose_engine(ensemble, choose_isa());
  count_trees(ensemble, engine->name(), builder.trees());
  return std::make_unique<TreeRegressor<X, T, Y>>(std::move(engine), ensemble.n_features, ensemble.n_targets,
                                                  std::move(rule));
}

Aggregate aggregate_of(std::string_view name) {
  if (name == "SUM") return Aggregate::kSum;
  if (name == "AVERAGE") return Aggregate::kAverage;
  if (name == "MIN") return Aggregate::kMin;
  if (name == "MAX") return Aggregate::kMax;
  fail(ARSENAL_INVALID_MODEL, "attribute 'aggregate_function' is %s, wanted SUM, AVERAGE, MIN or MAX",
       quoted(name).c_str());
}

template <typename X, typename T>
std::unique_ptr<Op> make_keyed(OpBuilder& builder) {
  const std::int64_t n_targets = builder.required_integer("n_targets");
  if (n_targets < 1 || n_targets > INT32_MAX) {
    fail(ARSENAL_INVALID_MODEL, "attribute 'n_targets' is %lld", static_cast<long long>(n_targets));
  }
  const Aggregate aggregate = aggregate_of(builder.string("aggregate_function", "SUM"));
  const PostTransform transform = post_transform_of(builder.string("post_transform", "NONE"));
  std::vector<T> base_values = read_reals<T>(builder, "base_values", "base_values_as_tensor");
  if (!base_values.empty() && base_values.size() != static_cast<std::size_t>(n_targets)) {
    fail(ARSENAL_INVALID_MODEL, "attribute 'base_values' has %zu entries, wanted n_targets = %lld", base_values.size(),
         static_cast<long long>(n_targets));
  }
  WeightFacts facts;
  const Ensemble<T> ensemble =
      read_keyed_ensemble<T>(builder, kTargetWeights, static_cast<std::size_t>(n_targets), aggregate, facts);
  return build<X, T, float>(builder, ensemble, transform, std::move(base_values));
}

template <typename T>
std::unique_ptr<Op> make_indexed(OpBuilder& builder) {
  const std::int64_t transform = builder.integer("post_transform", 0);
  if (transform < 0 || transform > 4) {
    fail(ARSENAL_INVALID_MODEL, "attribute 'post_transform' is %lld, wanted 0 to 4", static_cast<long long>(transform));
  }
  return build<T, T, T>(builder, read_indexed_ensemble<T>(builder), static_cast<PostTransform>(transform), {});
}

}  // namespace

std::unique_ptr<Op> make_tree_regressor(OpBuilder& builder) {
  builder.want_inputs(1, 1);
  builder.want_outputs(1, 1);
  builder.want_dtype(0, {ARSENAL_FLOAT, ARSENAL_DOUBLE, ARSENAL_INT64, ARSENAL_INT32});
  builder.add_output(ARSENAL_FLOAT);
  switch (builder.input(0).dtype) {
    case ARSENAL_FLOAT:
      return make_keyed<float, float>(builder);
    case ARSENAL_DOUBLE:
      return make_keyed<double, double>(builder);
    case ARSENAL_INT64:
      return make_keyed<std::int64_t, float>(builder);
    default:
      return make_keyed<std::int32_t, float>(builder);
  }
}

std::unique_ptr<Op> make_tree_ensemble(OpBuilder& builder) {
  builder.want_inputs(1, 1);
  builder.want_outputs(1, 1);
  builder.want_dtype(0, {ARSENAL_FLOAT, ARSENAL_DOUBLE});
  builder.add_output(builder.input(0).dtype);
  return builder.input(0).dtype == ARSENAL_FLOAT ? make_indexed<float>(builder) : make_indexed<double>(builder);
}

}  // namespace arsenal::runtime
