// Operators of ai.onnx.ml that give each number of a table another one: Binarizer, Imputer, Normalizer, Scaler.
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <type_traits>

#include "ops/table.h"
#include "plan/registry.h"

namespace arsenal::runtime {

namespace {

// In float, except that doubles stay what they are until the result.
template <typename T>
using Wide = std::conditional_t<std::is_same_v<T, double>, double, float>;

// Rule::row(from, to, count) computes one row, which lies along the last axis; Rule::n_columns is -1 if any number will
// do. Rule::kMostAxes: how many axes the specification allows.
template <typename T, typename Result, typename Rule>
class RowByRow final : public Op {
 public:
  explicit RowByRow(Rule rule) : rule_(std::move(rule)) {}

  bool shapes(const Inputs& in, const Outputs& out, Issue& issue) const noexcept override {
    out[0].shape = in[0].shape;
    return want_table(last_axes(in[0].shape), rule_.n_columns, issue);
  }

  bool keeps_rows(const std::vector<Operand>& inputs) const override { return inputs[0].shape.rank > 1; }

  bool run(const Inputs& in, const Outputs& out, void*, Issue&) const noexcept override {
    const std::int64_t n_columns = TableView(in[0].shape).n_columns;
    const std::int64_t count = element_count(in[0].shape);
    const T* from = in[0].as<T>();
    Result* to = out[0].mutable_as<Result>();
    for (std::int64_t i = 0; i < count; i += n_columns) rule_.row(from + i, to + i, n_columns);
    return true;
  }

 private:
  // The shape of one of the tables that the input is made of.
  static Shape last_axes(const Shape& shape) noexcept {
    if (shape.rank <= 2 || shape.rank > Rule::kMostAxes) return shape;
    return make_shape({shape.dims[shape.rank - 2], shape.dims[shape.rank - 1]});
  }

  Rule rule_;
};

// One entry for each column, or a single one for all.
template <typename T>
struct PerColumn {
  std::vector<T> values;

  T operator[](std::int64_t column) const noexcept {
    return values[values.size() == 1 ? 0 : static_cast<std::size_t>(column)];
  }
};

std::int64_t columns_of(std::size_t n_entries) { return n_entries == 1 ? -1 : static_cast<std::int64_t>(n_entries); }

struct Scale {
  static constexpr std::int32_t kMostAxes = ARSENAL_MAX_RANK;

  std::int64_t n_columns;
  PerColumn<float> offset;
  PerColumn<float> scale;

  template <typename T>
  void row(const T* from, float* to, std::int64_t count) const noexcept {
    for (std::int64_t c = 0; c < count; ++c) {
      to[c] = static_cast<float>((static_cast<Wide<T>>(from[c]) - static_cast<Wide<T>>(offset[c])) *
                                 static_cast<Wide<T>>(scale[c]));
    }
  }
};

std::unique_ptr<Op> make_scaler(OpBuilder& builder) {
  builder.want_inputs(1, 1);
  builder.want_outputs(1, 1);
  builder.add_output(ARSENAL_FLOAT);
  const std::vector<float>& offset = builder.reals("offset");
  const std::vector<float>& scale = builder.reals("scale");
  if (offset.empty() || scale.empty()) {
    fail(ARSENAL_INVALID_MODEL, "attributes 'offset' and 'scale' have %zu and %zu entries, wanted at least 1",
         offset.size(), scale.size());
  }
  if (offset.size() != scale.size() && offset.size() != 1 && scale.size() != 1) {
    fail(ARSENAL_INVALID_MODEL, "attribute 'offset' has %zu entries, 'scale' %zu", offset.size(), scale.size());
  }
  const Scale rule{columns_of(std::max(offset.size(), scale.size())), {offset}, {scale}};
  return for_dtype_of(builder, 0, TableNumbers(),
                      [&](auto zero) { return std::make_unique<RowByRow<decltype(zero), float, Scale>>(rule); });
}

// Of any rank: no row is apart from another.
template <typename T>
class Binarize final : public Op {
 public:
  explicit Binarize(float threshold) : threshold_(threshold) {}

  bool shapes(const Inputs& in, const Outputs& out, Issue&) const noexcept override {
    out[0].shape = in[0].shape;
    return true;
  }

  bool keeps_rows(const std::vector<Operand>&) const override { return true; }

  bool run(const Inputs& in, const Outputs& out, void*, Issue&) const noexcept override {
    const std::int64_t count = element_count(in[0].shape);
    const T* from = in[0].as<T>();
    T* to = out[0].mutable_as<T>();
    for (std::int64_t i = 0; i < count; ++i) {
      to[i] = static_cast<Wide<T>>(from[i]) > static_cast<Wide<T>>(threshold_) ? T{1} : T{0};
    }
    return true;
  }

 private:
  float threshold_;
};

std::unique_ptr<Op> make_binarizer(OpBuilder& builder) {
  builder.want_inputs(1, 1);
  builder.want_outputs(1, 1);
  builder.add_output(builder.input(0).dtype);
  const float threshold = builder.real("threshold", 0);
  return for_dtype_of(builder, 0, TableNumbers(),
                      [&](auto zero) { return std::make_unique<Binarize<decltype(zero)>>(threshold); });
}

template <typename T>
struct Impute {
  static constexpr std::int32_t kMostAxes = ARSENAL_MAX_RANK;

  std::int64_t n_columns;
  PerColumn<T> imputed;
  T replaced;

  void row(const T* from, T* to, std::int64_t count) const noexcept {
    const bool replaces_nan = replaced != replaced;
    for (std::int64_t c = 0; c < count; ++c) {
      const bool is_missing = replaces_nan ? from[c] != from[c] : from[c] == replaced;
      to[c] = is_missing ? imputed[c] : from[c];
    }
  }
};

std::unique_ptr<Op> make_imputer(OpBuilder& builder) {
  builder.want_inputs(1, 1);
  builder.want_outputs(1, 1);
  builder.add_output(builder.input(0).dtype);
  const std::vector<float>& reals = builder.reals("imputed_value_floats");
  const std::vector<std::int64_t>& integers = builder.integers("imputed_value_int64s");
  const float replaced_real = builder.real("replaced_value_float", 0);
  const std::int64_t replaced_integer = builder.integer("replaced_value_int64", 0);
  return for_dtype_of(builder, 0, TableNumbers(), [&](auto zero) -> std::unique_ptr<Op> {
    using T = decltype(zero);
    PerColumn<T> imputed;
    T replaced;
    if constexpr (std::is_floating_point_v<T>) {
      imputed.values.assign(reals.begin(), reals.end());
      replaced = replaced_real;
    } else {
      for (const std::int64_t value : integers) imputed.values.push_back(static_cast<T>(value));
      replaced = static_cast<T>(replaced_integer);
    }
    const std::size_t count = imputed.values.size();
    if (count == 0) {
      fail(ARSENAL_INVALID_MODEL, "attribute 'imputed_value_%s' is missing, wanted for an input of %s",
           std::is_floating_point_v<T> ? "floats" : "int64s", dtype_name(kDtype<T>));
    }
    return std::make_unique<RowByRow<T, T, Impute<T>>>(Impute<T>{columns_of(count), std::move(imputed), replaced});
  });
}

// Each row is divided by its norm; by 1 where that is 0.
struct LargestNorm {
  static constexpr std::int32_t kMostAxes = 2;
  static constexpr std::int64_t n_columns = -1;

  template <typename T>
  void row(const T* from, float* to, std::int64_t count) const noexcept {
    float largest = std::numeric_limits<float>::lowest();
    for (std::int64_t c = 0; c < count; ++c) largest = std::max(largest, static_cast<float>(from[c]));
    for (std::int64_t c = 0; c < count; ++c) {
      to[c] = largest != 0 ? static_cast<float>(from[c]) / largest : static_cast<float>(from[c]);
    }
  }
};

struct SumNorm {
  static constexpr std::int32_t kMostAxes = 2;
  static constexpr std::int64_t n_columns = -1;

  template <typename T>
  void row(const T* from, float* to, std::int64_t count) const noexcept {
    float sum = 0;
    for (std::int64_t c = 0; c < count; ++c) sum += std::abs(static_cast<float>(from[c]));
    for (std::int64_t c = 0; c < count; ++c) {
      to[c] = sum != 0 ? static_cast<float>(from[c]) / sum : static_cast<float>(from[c]);
    }
  }
};

struct EuclideanNorm {
  static constexpr std::int32_t kMostAxes = 2;
  static constexpr std::int64_t n_columns = -1;

  template <typename T>
  void row(const T* from, float* to, std::int64_t count) const noexcept {
    float sum = 0;
    for (std::int64_t c = 0; c < count; ++c) sum += static_cast<float>(from[c]) * static_cast<float>(from[c]);
    for (std::int64_t c = 0; c < count; ++c) {
      const auto x = static_cast<float>(from[c]);
      // The root of the quotient, so that squares may be too large for their root's quotient to be exact.
      const float size = std::sqrt(x * x / sum);
      to[c] = sum == 0 ? x : x < 0 ? -size : size;
    }
  }
};

// The same by the text of the specification, which takes neither absolute values nor the sign of X, in double.
enum class NormText : std::uint8_t { kLargest, kSum, kEuclidean };

template <NormText text>
struct DivideByText {
  static constexpr std::int32_t kMostAxes = 2;
  static constexpr std::int64_t n_columns = -1;

  template <typename T>
  void row(const T* from, float* to, std::int64_t count) const noexcept {
    double norm = text == NormText::kLargest ? std::numeric_limits<double>::lowest() : 0;
    for (std::int64_t c = 0; c < count; ++c) {
      const auto x = static_cast<double>(from[c]);
      norm = text == NormText::kLargest ? std::max(norm, x) : norm + (text == NormText::kSum ? x : x * x);
    }
    for (std::int64_t c = 0; c < count; ++c) {
      const auto x = static_cast<double>(from[c]);
      const double y = text == NormText::kEuclidean ? std::sqrt(x * x / norm) : x / norm;
      to[c] = static_cast<float>(norm == 0 ? x : y);
    }
  }
};

template <typename Norm>
std::unique_ptr<Op> normalizer(OpBuilder& builder) {
  return for_dtype_of(builder, 0, TableNumbers(),
                      [](auto zero) { return std::make_unique<RowByRow<decltype(zero), float, Norm>>(Norm{}); });
}

std::unique_ptr<Op> make_normalizer(OpBuilder& builder) {
  builder.want_inputs(1, 1);
  builder.want_outputs(1, 1);
  builder.add_output(ARSENAL_FLOAT);
  const std::string_view norm = builder.string("norm", "MAX");
  if (builder.follows_text()) {
    if (norm == "MAX") return normalizer<DivideByText<NormText::kLargest>>(builder);
    if (norm == "L1") return normalizer<DivideByText<NormText::kSum>>(builder);
    if (norm == "L2") return normalizer<DivideByText<NormText::kEuclidean>>(builder);
  }
  if (norm == "MAX") return normalizer<LargestNorm>(builder);
  if (norm == "L1") return normalizer<SumNorm>(builder);
  if (norm == "L2") return normalizer<EuclideanNorm>(builder);
  fail(ARSENAL_INVALID_MODEL, "attribute 'norm' is %s, wanted MAX, L1 or L2", quoted(norm).c_str());
}

constexpr OpEntry kEntries[] = {
    {"ai.onnx.ml", "Binarizer", 1, make_binarizer},
    {"ai.onnx.ml", "Imputer", 1, make_imputer},
    {"ai.onnx.ml", "Normalizer", 1, make_normalizer},
    {"ai.onnx.ml", "Scaler", 1, make_scaler},
};

}  // namespace

OpTable column_ops() noexcept { return {kEntries, std::size(kEntries)}; }

}  // namespace arsenal::runtime
