// TreeEnsembleClassifier. Where the specification is silent it decides as onnxruntime 1.32 does.
#include <algorithm>
#include <cstring>
#include <string_view>
#include <type_traits>

#include "ops/class_labels.h"
#include "ops/tree_op.h"
#include "ops/tree_reader.h"
#include "ops/trees.h"

namespace arsenal::runtime {

namespace {

// How scores and label of a row follow from its sums.
template <typename T>
struct ClassRule {
  PostTransform transform;
  // Empty, one per class, or a single one for two classes.
  std::vector<T> base_values;
  // Two classes and all weights for one class id: see TreeClassifier::decide_single.
  bool single_id = false;
  // The id of the class with weights, if single_id.
  std::size_t id = 0;
  // No weight is negative: a single score is a probability, and the second class begins at 1/2.
  bool none_negative = false;
  // Each class has its sum, the largest one labels and all are transformed, whatever else holds.
  bool by_text = false;
  // Two classes, and each leaf gives the second one minus what it gives the first: so do their sums.
  bool opposed = false;
};

// Scores of one row while they become probabilities. `count` is 1 where only one class has a score and the other
// follows from it.
template <typename T>
struct RowScores {
  T* values;
  std::size_t count;
  // The class that the label names.
  std::size_t best;
};

template <typename X, typename T>
class TreeClassifier final : public TreeOp<X, T> {
 public:
  TreeClassifier(std::unique_ptr<TreeEngine<T>> engine, std::size_t n_features, std::size_t n_targets,
                 ClassRule<T> rule, ClassLabels labels)
      : TreeOp<X, T>(std::move(engine), n_features, n_targets),
        rule_(std::move(rule)),
        labels_(std::move(labels)),
        n_classes_(labels_.size()) {}

  bool shapes(const Inputs& in, const Outputs& out, Issue& issue) const noexcept override {
    std::int64_t n_rows = 0;
    if (!this->rows_of(in[0].shape, n_rows, issue)) return false;
    out[0].shape = make_shape({n_rows});
    out[1].shape = make_shape({n_rows, static_cast<std::int64_t>(n_classes_)});
    return true;
  }

  bool run(const Inputs& in, const Outputs& out, void* scratch, Issue&) const noexcept override {
    const auto work = this->prepare(in[0], scratch);
    const std::int64_t n_rows = in[0].shape.dims[0];
    this->engine().evaluate(work.rows, n_rows, in[0].shape.dims[1], {work.sums, work.touched}, work.engine_scratch);
    for (std::int64_t r = 0; r < n_rows; ++r) {
      const auto row = static_cast<std::size_t>(r);
      finish(work.sums + row * this->n_targets(), work.touched + row * this->n_targets(), row, out[0].data,
             out[1].template mutable_as<float>());
    }
    return true;
  }

 private:
  // `labels` and `probabilities` may be nullptr: not asked for.
  void finish(T* sums, std::uint8_t* touched, std::size_t row, void* labels, float* probabilities) const noexcept {
    T pair[2] = {};
    std::uint8_t pair_touched[2] = {};
    if (rule_.single_id) {
      pair[rule_.id] = sums[0];
      pair_touched[rule_.id] = touched[0];
      sums = pair;
      touched = pair_touched;
    } else if (rule_.opposed) {
      // No lane is ever -0, so neither is a sum; 0 - 0 is +0, as the second class's own sum.
      pair[0] = sums[0];
      pair[1] = T{0} - sums[0];
      pair_touched[0] = pair_touched[1] = touched[0];
      sums = pair;
      touched = pair_touched;
    }
    RowScores<T> scores{sums, n_classes_, 0};
    bool pairs = false;
    if (rule_.by_text) {
      decide_by_text(scores);
    } else if (n_classes_ == 2) {
      pairs = decide_two(scores, touched);
    } else if (n_classes_ == 1) {
      if (!rule_.base_values.empty()) sums[0] += rule_.base_values[0];
    } else {
      decide_many(scores, touched);
    }
    labels_.write(labels, row, scores.best);
    if (probabilities == nullptr) return;
    transform(scores, pairs, pair);
    for (std::size_t k = 0; k < n_classes_; ++k) {
      probabilities[row * n_classes_ + k] = k < scores.count ? static_cast<float>(scores.values[k]) : 0.0f;
    }
  }

  void decide_by_text(RowScores<T>& scores) const noexcept {
    for (std::size_t k = 0; k < rule_.base_values.size(); ++k) scores.values[k] += rule_.base_values[k];
    for (std::size_t k = 1; k < n_classes_; ++k) {
      if (scores.values[k] > scores.values[scores.best]) scores.best = k;
    }
  }

  // Three or more classes: the largest score among those that any leaf or base value gave.
  void decide_many(RowScores<T>& scores, std::uint8_t* touched) const noexcept {
    for (std::size_t k = 0; k < rule_.base_values.size(); ++k) {
      scores.values[k] = touched[k] != 0 ? scores.values[k] + rule_.base_values[k] : rule_.base_values[k];
      touched[k] = 1;
    }
    std::size_t best = n_classes_;
    for (std::size_t k = 0; k < n_classes_; ++k) {
      if (touched[k] != 0 && (best == n_classes_ || scores.values[k] > scores.values[best])) best = k;
    }
    scores.best = best == n_classes_ ? 0 : best;
  }

  // Two classes. True if a single score stands for both.
  bool decide_two(RowScores<T>& scores, std::uint8_t* touched) const noexcept {
    T* const s = scores.values;
    const std::vector<T>& base = rule_.base_values;
    bool pairs = false;
    if (base.size() == 2) {
      if (touched[1] != 0) {
        s[1] = base[1] + s[0];
        s[0] = -s[1];
      } else {
        s[0] += base[0];
      }
    } else {
      if (base.size() == 1) s[0] += base[0];
      if (touched[1] == 0) {
        scores.count = 1;
        pairs = rule_.single_id || base.empty();
      }
    }
    const T decisive = touched[1] != 0 ? s[1] : touched[0] != 0 ? s[0] : T{0};
    const bool from_half = rule_.single_id && rule_.none_negative;
    scores.best = decisive > (from_half ? T{0.5} : T{0}) ? 1 : 0;
    for (std::size_t k = 0; k < 2; ++k) {
      if (touched[k] == 0) s[k] = 0;
    }
    return pairs;
  }

  void transform(RowScores<T>& scores, bool pairs, T* pair) const noexcept {
    if (scores.count > 1 || rule_.by_text || rule_.transform == PostTransform::kProbit) {
      transform_scores(rule_.transform, scores.values, scores.count);
    } else if (pairs) {
      const T score = scores.values[0];
      if (rule_.transform == PostTransform::kLogistic) {
        pair[0] = tree_logistic(-score);
        pair[1] = tree_logistic(score);
      } else {
        pair[0] = rule_.single_id && rule_.none_negative ? T{1} - score : -score;
        pair[1] = score;
      }
      scores.values = pair;
      scores.count = 2;
    }
  }

  ClassRule<T> rule_;
  ClassLabels labels_;
  std::size_t n_classes_;
};

// Whether each leaf has a weight for class 0 and its opposite for class 1, as CatBoost writes two classes.
template <typename T>
bool has_opposed_classes(const Ensemble<T>& ensemble) {
  if (ensemble.n_targets != 2 || ensemble.weights.size() != 2 * ensemble.leaf_count()) return false;
  for (std::size_t leaf = 0; leaf < ensemble.leaf_count(); ++leaf) {
    if (ensemble.leaf_begin[leaf] != 2 * leaf) return false;
    const LeafWeight<T>& first = ensemble.weights[2 * leaf];
    const LeafWeight<T>& second = ensemble.weights[2 * leaf + 1];
    // NaN is not the opposite of anything.
    if (first.target != 0 || second.target != 1 || !(second.value == -first.value)) return false;
  }
  return true;
}

template <typename T>
void drop_second_class(Ensemble<T>& ensemble) {
  for (std::size_t leaf = 0; leaf < ensemble.leaf_count(); ++leaf) {
    ensemble.weights[leaf] = ensemble.weights[2 * leaf];
    ensemble.leaf_begin[leaf + 1] = static_cast<std::uint32_t>(leaf + 1);
  }
  ensemble.weights.resize(ensemble.leaf_count());
  ensemble.n_targets = 1;
}

template <typename X, typename T>
std::unique_ptr<Op> make(OpBuilder& builder, ClassLabels labels) {
  const std::size_t n_classes = labels.size();
  ClassRule<T> rule;
  rule.transform = post_transform_of(builder.string("post_transform", "NONE"));
  rule.base_values = read_reals<T>(builder, "base_values", "base_values_as_tensor");
  const std::size_t n_base = rule.base_values.size();
  if (n_base != 0 && n_base != n_classes && !(n_base == 1 && n_classes == 2)) {
    fail(ARSENAL_INVALID_MODEL, "attribute 'base_values' has %zu entries for %zu classes", n_base, n_classes);
  }
  WeightFacts facts;
  Ensemble<T> ensemble = read_keyed_ensemble<T>(builder, kClassWeights, n_classes, Aggregate::kSum, facts);
  rule.none_negative = facts.none_negative;
  rule.by_text = builder.follows_text();
  if (rule.by_text) {
    // Nothing is to be left out of the sums.
  } else if (n_classes == 2 && facts.one_id && !ensemble.weights.empty()) {
    // One sum per row is all there is to add up.
    rule.single_id = true;
    rule.id = ensemble.weights[0].target;
    for (LeafWeight<T>& weight : ensemble.weights) weight.target = 0;
    ensemble.n_targets = 1;
  } else if (has_opposed_classes(ensemble)) {
    rule.opposed = true;
    drop_second_class(ensemble);
  }
  auto engine = choose_engine(ensemble, choose_isa());
  count_trees(ensemble, engine->name(), builder.trees());
  return std::make_unique<TreeClassifier<X, T>>(std::move(engine), ensemble.n_features, ensemble.n_targets,
                                                std::move(rule), std::move(labels));
}

}  // namespace

std::unique_ptr<Op> make_tree_classifier(OpBuilder& builder) {
  builder.want_inputs(1, 1);
  builder.want_outputs(1, 2);
  builder.want_dtype(0, {ARSENAL_FLOAT, ARSENAL_DOUBLE, ARSENAL_INT64, ARSENAL_INT32});
  ClassLabels labels(builder, "classlabels_int64s");
  builder.add_output(labels.dtype());
  builder.add_output(ARSENAL_FLOAT);
  switch (builder.input(0).dtype) {
    case ARSENAL_FLOAT:
      return make<float, float>(builder, std::move(labels));
    case ARSENAL_DOUBLE:
      return make<double, double>(builder, std::move(labels));
    case ARSENAL_INT64:
      return make<std::int64_t, float>(builder, std::move(labels));
    default:
      return make<std::int32_t, float>(builder, std::move(labels));
  }
}

}  // namespace arsenal::runtime
