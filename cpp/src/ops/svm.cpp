// SVMClassifier and SVMRegressor. Where the specification is silent they decide as onnxruntime 1.32 does.
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <type_traits>

#include "kernels/math.h"
#include "ops/class_labels.h"
#include "ops/table.h"
#include "ops/tree_scores.h"
#include "plan/registry.h"

namespace arsenal::runtime {

namespace {

enum class KernelType : std::uint8_t { kLinear, kPoly, kRbf, kSigmoid };

// How alike two rows are.
struct Kernel {
  KernelType type;
  float gamma = 0;
  float coef0 = 0;
  float degree = 0;

  template <typename X>
  float operator()(const X* a, const float* b, std::size_t count) const noexcept {
    float sum = 0;
    if (type == KernelType::kRbf) {
      for (std::size_t c = 0; c < count; ++c) {
        const float difference = static_cast<float>(a[c]) - b[c];
        sum += difference * difference;
      }
      return exp(-gamma * sum);
    }
    for (std::size_t c = 0; c < count; ++c) sum += static_cast<float>(a[c]) * b[c];
    if (type == KernelType::kLinear) return sum;
    const float scaled = gamma * sum + coef0;
    return type == KernelType::kPoly ? pow(scaled, degree) : tanh(scaled);
  }
};

Kernel kernel_of(OpBuilder& builder) {
  const std::string_view name = builder.string("kernel_type", "LINEAR");
  const std::vector<float>& params = builder.reals("kernel_params");
  Kernel kernel{};
  if (name == "LINEAR") {
    kernel.type = KernelType::kLinear;
  } else if (name == "POLY") {
    kernel.type = KernelType::kPoly;
  } else if (name == "RBF") {
    kernel.type = KernelType::kRbf;
  } else if (name == "SIGMOID") {
    kernel.type = KernelType::kSigmoid;
  } else {
    fail(ARSENAL_INVALID_MODEL, "attribute 'kernel_type' is %s, wanted LINEAR, POLY, RBF or SIGMOID",
         quoted(name).c_str());
  }
  if (!params.empty() && params.size() != 3) {
    fail(ARSENAL_INVALID_MODEL, "attribute 'kernel_params' has %zu entries, wanted gamma, coef0 and degree",
         params.size());
  }
  if (params.size() == 3) {
    kernel.gamma = params[0];
    kernel.coef0 = params[1];
    kernel.degree = params[2];
  }
  return kernel;
}

// The rows that a model is made of: support vectors, or where it has none the coefficients of a linear model.
struct Vectors {
  Kernel kernel;
  std::vector<float> rows;
  std::size_t count;
  std::size_t n_columns;

  template <typename X>
  void compare(const X* row, float* results) const noexcept {
    for (std::size_t v = 0; v < count; ++v) results[v] = kernel(row, rows.data() + v * n_columns, n_columns);
  }
};

Vectors vectors_of(OpBuilder& builder, const std::vector<float>& rows, std::size_t count) {
  if (count == 0 || rows.empty() || rows.size() % count != 0) {
    fail(ARSENAL_INVALID_MODEL, "%zu numbers are no %zu rows", rows.size(), count);
  }
  return {kernel_of(builder), rows, count, rows.size() / count};
}

// --- regression ---

template <typename X>
class SvmRegressor final : public Op {
 public:
  // `coefficients` has one entry per vector.
  SvmRegressor(Vectors vectors, std::vector<float> coefficients, float rho, bool is_one_class, PostTransform transform)
      : vectors_(std::move(vectors)),
        coefficients_(std::move(coefficients)),
        rho_(rho),
        is_one_class_(is_one_class),
        transform_(transform) {}

  bool shapes(const Inputs& in, const Outputs& out, Issue& issue) const noexcept override {
    out[0].shape = make_shape({TableView(in[0].shape).n_rows, 1});
    return want_table(in[0].shape, static_cast<std::int64_t>(vectors_.n_columns), issue);
  }

  bool keeps_rows(const std::vector<Operand>& inputs) const override { return has_table_rows(inputs); }

  std::size_t scratch_bytes(const Inputs&) const noexcept override { return vectors_.count * sizeof(float); }

  bool run(const Inputs& in, const Outputs& out, void* scratch, Issue&) const noexcept override {
    const std::int64_t n_rows = out[0].shape.dims[0];
    float* const alike = static_cast<float*>(scratch);
    const X* row = in[0].as<X>();
    for (std::int64_t r = 0; r < n_rows; ++r, row += vectors_.n_columns) {
      vectors_.compare(row, alike);
      float sum = 0;
      for (std::size_t v = 0; v < vectors_.count; ++v) sum += coefficients_[v] * alike[v];
      sum += rho_;
      float score = !is_one_class_ ? sum : sum > 0 ? 1.0f : -1.0f;
      transform_scores(transform_, &score, 1);
      out[0].mutable_as<float>()[r] = score;
    }
    return true;
  }

 private:
  Vectors vectors_;
  std::vector<float> coefficients_;
  float rho_;
  bool is_one_class_;
  PostTransform transform_;
};

std::unique_ptr<Op> make_svm_regressor(OpBuilder& builder) {
  builder.want_inputs(1, 1);
  builder.want_outputs(1, 1);
  builder.add_output(ARSENAL_FLOAT);
  // Read by no runtime for an operator of one score, unless the text is followed.
  const PostTransform named = post_transform_of(builder.string("post_transform", "NONE"));
  const PostTransform transform = builder.follows_text() ? named : PostTransform::kNone;
  const std::vector<float>& support = builder.reals("support_vectors");
  const std::vector<float>& coefficients = builder.reals("coefficients");
  const std::vector<float>& rho = builder.reals("rho");
  const std::int64_t n_supports = builder.integer("n_supports", 0);
  const bool is_one_class = builder.integer("one_class", 0) != 0;
  if (rho.empty()) fail(ARSENAL_INVALID_MODEL, "attribute 'rho' has no entry");
  if (n_supports < 0 || (n_supports > 0 && coefficients.size() != static_cast<std::size_t>(n_supports))) {
    fail(ARSENAL_INVALID_MODEL, "attribute 'n_supports' is %lld for %zu coefficients",
         static_cast<long long>(n_supports), coefficients.size());
  }
  const bool is_linear = n_supports == 0;
  Vectors vectors =
      vectors_of(builder, is_linear ? coefficients : support, is_linear ? 1 : static_cast<std::size_t>(n_supports));
  if (is_linear) vectors.kernel.type = KernelType::kLinear;
  return for_dtype_of(builder, 0, TableNumbers(), [&](auto zero) {
    return std::make_unique<SvmRegressor<decltype(zero)>>(
        std::move(vectors), is_linear ? std::vector<float>{1} : coefficients, rho[0], is_one_class, transform);
  });
}

// --- classification ---

// Decisions between each two of the classes, as LIBSVM makes them.
struct Pairs {
  // The vectors of class i are first[i] to first[i + 1].
  std::vector<std::size_t> first;
  // [classes - 1, vectors].
  std::vector<float> coefficients;
  std::vector<float> rho;
  // Empty, or what makes a decision a probability.
  std::vector<float> prob_a;
  std::vector<float> prob_b;

  std::size_t n_classes() const noexcept { return first.size() - 1; }
  bool has_probabilities() const noexcept { return !prob_a.empty(); }

  void decide(const float* alike, float* decisions, std::int32_t* votes) const noexcept {
    const std::size_t n_vectors = first.back();
    std::fill(votes, votes + n_classes(), 0);
    for (std::size_t i = 0, pair = 0; i < n_classes(); ++i) {
      for (std::size_t j = i + 1; j < n_classes(); ++j, ++pair) {
        const float* const of_i = coefficients.data() + (j - 1) * n_vectors;
        const float* const of_j = coefficients.data() + i * n_vectors;
        float sum = 0;
        for (std::size_t v = first[i]; v < first[i + 1]; ++v) sum += of_i[v] * alike[v];
        for (std::size_t v = first[j]; v < first[j + 1]; ++v) sum += of_j[v] * alike[v];
        decisions[pair] = sum + rho[pair];
        ++votes[decisions[pair] > 0 ? i : j];
      }
    }
  }
};

// Probabilities of classes from those of each class against each other: Wu, Lin and Weng (2004), second method.
// `against` is [classes, classes]; `q` and `qp` are scratch of that size and of one row.
void couple(std::size_t n, const float* against, float* q, float* qp, float* p) noexcept {
  const float tolerance = 0.005f / static_cast<float>(n);
  const auto at = [n](std::size_t i, std::size_t j) { return i * n + j; };
  for (std::size_t i = 0; i < n; ++i) {
    p[i] = 1.0f / static_cast<float>(n);
    q[at(i, i)] = 0;
    for (std::size_t j = 0; j < i; ++j) {
      q[at(i, i)] += against[at(j, i)] * against[at(j, i)];
      q[at(i, j)] = q[at(j, i)];
    }
    for (std::size_t j = i + 1; j < n; ++j) {
      q[at(i, i)] += against[at(j, i)] * against[at(j, i)];
      q[at(i, j)] = -against[at(j, i)] * against[at(i, j)];
    }
  }
  constexpr int kMostRounds = 100;
  for (int round = 0; round < kMostRounds; ++round) {
    float pqp = 0;
    for (std::size_t i = 0; i < n; ++i) {
      qp[i] = 0;
      for (std::size_t j = 0; j < n; ++j) qp[i] += q[at(i, j)] * p[j];
      pqp += p[i] * qp[i];
    }
    float largest = 0;
    for (std::size_t i = 0; i < n; ++i) largest = std::max(largest, std::abs(qp[i] - pqp));
    if (largest < tolerance) return;
    for (std::size_t i = 0; i < n; ++i) {
      const float step = (-qp[i] + pqp) / q[at(i, i)];
      p[i] += step;
      pqp = (pqp + step * (step * q[at(i, i)] + 2 * qp[i])) / (1 + step) / (1 + step);
      for (std::size_t j = 0; j < n; ++j) {
        qp[j] = (qp[j] + step * q[at(i, j)]) / (1 + step);
        p[j] /= 1 + step;
      }
    }
  }
}

template <typename X>
class SvmClassifier final : public Op {
 public:
  // Without vectors of its own (`pairs` has no class) each class is a linear model: a row of `vectors`, and rho.
  SvmClassifier(Vectors vectors, Pairs pairs, PostTransform transform, ClassLabels labels, bool none_negative,
                bool follows_text)
      : vectors_(std::move(vectors)),
        pairs_(std::move(pairs)),
        transform_(transform),
        labels_(std::move(labels)),
        none_negative_(none_negative),
        follows_text_(follows_text),
        n_classes_(is_linear() ? vectors_.count : pairs_.n_classes()) {}

  bool shapes(const Inputs& in, const Outputs& out, Issue& issue) const noexcept override {
    const std::int64_t n_rows = TableView(in[0].shape).n_rows;
    out[0].shape = make_shape({n_rows});
    out[1].shape = make_shape({n_rows, static_cast<std::int64_t>(width())});
    return want_table(in[0].shape, static_cast<std::int64_t>(vectors_.n_columns), issue);
  }

  bool keeps_rows(const std::vector<Operand>& inputs) const override { return has_table_rows(inputs); }

  std::size_t scratch_bytes(const Inputs&) const noexcept override {
    return (vectors_.count + n_pairs() + 3 * n_classes_ * n_classes_ + 3 * n_classes_ + width()) * sizeof(float);
  }

  bool run(const Inputs& in, const Outputs& out, void* scratch, Issue&) const noexcept override {
    const auto n_rows = static_cast<std::size_t>(out[0].shape.dims[0]);
    float* const own = static_cast<float*>(scratch);
    float* const rest = own + width();
    const X* from = in[0].as<X>();
    float* to = out[1].mutable_as<float>();
    for (std::size_t row = 0; row < n_rows; ++row, from += vectors_.n_columns) {
      float* const scores = to == nullptr ? own : to + row * width();
      labels_.write(out[0].data, row, score(from, scores, rest));
    }
    return true;
  }

 private:
  bool is_linear() const noexcept { return pairs_.first.empty(); }
  std::size_t n_pairs() const noexcept { return is_linear() ? 0 : n_classes_ * (n_classes_ - 1) / 2; }
  bool is_single() const noexcept { return n_scores() == 1; }
  std::size_t n_scores() const noexcept { return is_linear() || pairs_.has_probabilities() ? n_classes_ : n_pairs(); }
  std::size_t width() const noexcept { return is_single() && labels_.size() == 2 ? 2 : n_scores(); }

  // Fills a row's scores and returns its class.
  std::size_t score(const X* from, float* scores, float* scratch) const noexcept {
    if (is_linear()) {
      vectors_.compare(from, scores);
      for (std::size_t k = 0; k < n_classes_; ++k) scores[k] += pairs_.rho[0];
      const std::size_t best = largest(scores, n_classes_);
      // Of two classes the second wins with any positive score, whosever it is; with one of at least 1/2 where no
      // coefficient is negative, as if it were a probability.
      const bool is_positive = none_negative_ ? scores[best] >= 0.5f : scores[best] > 0;
      const bool is_second = !follows_text_ && labels_.size() == 2 && pairs_.rho.size() == 1 && is_positive;
      finish(scores);
      return is_second ? 1 : best;
    }
    float* const alike = scratch;
    float* const decisions = alike + vectors_.count;
    float* const against = decisions + n_pairs();
    float* const q = against + n_classes_ * n_classes_;
    float* const qp = q + n_classes_ * n_classes_;
    auto* const votes = reinterpret_cast<std::int32_t*>(qp + n_classes_);
    vectors_.compare(from, alike);
    pairs_.decide(alike, decisions, votes);
    // The label follows the votes, as LIBSVM's does, even where the largest probability is another class's.
    const std::size_t best = largest(votes, n_classes_);
    if (pairs_.has_probabilities()) {
      pair_probabilities(decisions, against);
      couple(n_classes_, against, q, qp, scores);
    } else {
      std::copy(decisions, decisions + n_pairs(), scores);
    }
    finish(scores);
    return best;
  }

  void pair_probabilities(const float* decisions, float* against) const noexcept {
    constexpr float kLeast = 1e-7f;
    for (std::size_t i = 0, pair = 0; i < n_classes_; ++i) {
      for (std::size_t j = i + 1; j < n_classes_; ++j, ++pair) {
        const float x = decisions[pair] * pairs_.prob_a[pair] + pairs_.prob_b[pair];
        const float p = std::min(std::max(1 - tree_logistic(x), kLeast), 1 - kLeast);
        against[i * n_classes_ + j] = p;
        against[j * n_classes_ + i] = 1 - p;
      }
    }
  }

  void finish(float* scores) const noexcept {
    if (!is_single()) {
      transform_scores(transform_, scores, n_scores());
    } else if (transform_ == PostTransform::kProbit) {
      scores[0] = tree_probit(scores[0]);
    } else if (labels_.size() == 2) {
      const float score = scores[0];
      if (transform_ == PostTransform::kLogistic) {
        scores[0] = tree_logistic(-score);
        scores[1] = tree_logistic(score);
      } else {
        scores[0] = transform_ == PostTransform::kNone ? -score : 1 - score;
        scores[1] = score;
      }
    }
  }

  template <typename T>
  static std::size_t largest(const T* values, std::size_t count) noexcept {
    return static_cast<std::size_t>(std::max_element(values, values + count) - values);
  }

  Vectors vectors_;
  Pairs pairs_;
  PostTransform transform_;
  ClassLabels labels_;
  // No coefficient is.
  bool none_negative_;
  // The label is that of the largest score.
  bool follows_text_;
  std::size_t n_classes_;
};

Pairs pairs_of(OpBuilder& builder, const std::vector<std::int64_t>& vectors_per_class) {
  Pairs pairs;
  pairs.coefficients = builder.reals("coefficients");
  pairs.rho = builder.reals("rho");
  pairs.prob_a = builder.reals("prob_a");
  pairs.prob_b = builder.reals("prob_b");
  pairs.first.push_back(0);
  for (const std::int64_t count : vectors_per_class) {
    if (count < 0 || count > INT32_MAX) {
      fail(ARSENAL_INVALID_MODEL, "attribute 'vectors_per_class' has the entry %lld", static_cast<long long>(count));
    }
    pairs.first.push_back(pairs.first.back() + static_cast<std::size_t>(count));
  }
  const std::size_t n = pairs.n_classes();
  if (n < 2) fail(ARSENAL_INVALID_MODEL, "attribute 'vectors_per_class' has %zu entries, wanted at least 2", n);
  const std::size_t n_pairs = n * (n - 1) / 2;
  const auto want = [](const char* name, std::size_t got, std::size_t wanted) {
    if (got != wanted) {
      fail(ARSENAL_INVALID_MODEL, "attribute '%s' has %zu entries, wanted %zu", name, got, wanted);
    }
  };
  want("coefficients", pairs.coefficients.size(), (n - 1) * pairs.first.back());
  want("rho", pairs.rho.size(), n_pairs);
  if (!pairs.prob_a.empty()) want("prob_a", pairs.prob_a.size(), n_pairs);
  want("prob_b", pairs.prob_b.size(), pairs.prob_a.size());
  return pairs;
}

std::unique_ptr<Op> make_svm_classifier(OpBuilder& builder) {
  builder.want_inputs(1, 1);
  builder.want_outputs(1, 2);
  ClassLabels labels(builder, "classlabels_ints");
  builder.add_output(labels.dtype());
  builder.add_output(ARSENAL_FLOAT);
  const PostTransform transform = post_transform_of(builder.string("post_transform", "NONE"));
  const std::vector<std::int64_t>& vectors_per_class = builder.integers("vectors_per_class");
  const std::vector<float>& support = builder.reals("support_vectors");
  const std::vector<float>& coefficients = builder.reals("coefficients");
  const bool none_negative =
      std::all_of(coefficients.begin(), coefficients.end(), [](float coefficient) { return coefficient >= 0; });
  Pairs pairs;
  Vectors vectors;
  if (support.empty()) {
    pairs.rho = builder.reals("rho");
    if (pairs.rho.empty()) fail(ARSENAL_INVALID_MODEL, "attribute 'rho' has no entry");
    vectors = vectors_of(builder, coefficients, labels.size());
    vectors.kernel.type = KernelType::kLinear;
  } else {
    pairs = pairs_of(builder, vectors_per_class);
    vectors = vectors_of(builder, support, pairs.first.back());
    if (labels.size() != pairs.n_classes()) {
      fail(ARSENAL_INVALID_MODEL, "it has %zu labels for %zu classes", labels.size(), pairs.n_classes());
    }
  }
  return for_dtype_of(builder, 0, TableNumbers(), [&](auto zero) {
    return std::make_unique<SvmClassifier<decltype(zero)>>(std::move(vectors), std::move(pairs), transform,
                                                           std::move(labels), none_negative, builder.follows_text());
  });
}

constexpr OpEntry kEntries[] = {
    {"ai.onnx.ml", "SVMClassifier", 1, make_svm_classifier},
    {"ai.onnx.ml", "SVMRegressor", 1, make_svm_regressor},
};

}  // namespace

OpTable svm_ops() noexcept { return {kEntries, std::size(kEntries)}; }

}  // namespace arsenal::runtime
