// Operators of ai.onnx.ml that choose and join columns: ArrayFeatureExtractor, FeatureVectorizer, OneHotEncoder.
#include <cstdint>
#include <cstring>
#include <type_traits>

#include "ops/key_table.h"
#include "ops/table.h"
#include "ops/truncate.h"
#include "plan/registry.h"

namespace arsenal::runtime {

namespace {

// Columns by their numbers: X[..., Y].
class ArrayFeatureExtractor final : public Op {
 public:
  // `row_alone`: what one row [C] gives is [K], as the text has it, not [1, K].
  ArrayFeatureExtractor(std::size_t element, bool row_alone) : element_(element), row_alone_(row_alone) {}

  bool shapes(const Inputs& in, const Outputs& out, Issue& issue) const noexcept override {
    const Shape& from = in[0].shape;
    const std::int64_t n_chosen = element_count(in[1].shape);
    if (from.rank == 0 || n_chosen == 0) {
      return issue.set(ARSENAL_SHAPE_MISMATCH, "data of shape %s and indices of shape %s, wanted at least one of each",
                       ShapeText(from).text, ShapeText(in[1].shape).text);
    }
    out[0].shape = from.rank == 1 && !row_alone_ ? make_shape({1, n_chosen}) : from;
    out[0].shape.dims[out[0].shape.rank - 1] = n_chosen;
    return true;
  }

  bool keeps_rows(const std::vector<Operand>& inputs) const override {
    return inputs[0].shape.rank > 1 && !inputs[1].has_rows;
  }

  bool run(const Inputs& in, const Outputs& out, void*, Issue& issue) const noexcept override {
    const Shape& shape = in[0].shape;
    const std::int64_t n_columns = shape.dims[shape.rank - 1];
    const std::int64_t n_chosen = element_count(in[1].shape);
    const std::int64_t* chosen = in[1].as<std::int64_t>();
    for (std::int64_t k = 0; k < n_chosen; ++k) {
      if (chosen[k] >= 0 && chosen[k] < n_columns) continue;
      return issue.set(ARSENAL_INVALID_VALUE, "index %lld is out of range for %lld columns",
                       static_cast<long long>(chosen[k]), static_cast<long long>(n_columns));
    }
    const std::int64_t count = element_count(out[0].shape);
    const char* from = in[0].as<char>();
    char* to = out[0].mutable_as<char>();
    for (std::int64_t i = 0; i < count; i += n_chosen) {
      for (std::int64_t k = 0; k < n_chosen; ++k) {
        std::memcpy(to, from + static_cast<std::size_t>(chosen[k]) * element_, element_);
        to += element_;
      }
      from += static_cast<std::size_t>(n_columns) * element_;
    }
    return true;
  }

 private:
  std::size_t element_;
  bool row_alone_;
};

std::unique_ptr<Op> make_array_feature_extractor(OpBuilder& builder) {
  builder.want_inputs(2, 2);
  builder.want_outputs(1, 1);
  builder.want_dtype(1, {ARSENAL_INT64});
  builder.add_output(builder.input(0).dtype);
  return std::make_unique<ArrayFeatureExtractor>(dtype_size(builder.input(0).dtype), builder.follows_text());
}

// Columns of several tables beside each other, as floats.
template <typename T>
class FeatureVectorizer final : public Op {
 public:
  explicit FeatureVectorizer(std::vector<std::int64_t> widths) : widths_(std::move(widths)) {}

  bool shapes(const Inputs& in, const Outputs& out, Issue& issue) const noexcept override {
    std::int64_t n_rows = -1;
    std::int64_t width = 0;
    for (std::size_t i = 0; i < widths_.size(); ++i) {
      if (!want_table(in[i].shape, widths_[i], issue)) return false;
      const std::int64_t rows = TableView(in[i].shape).n_rows;
      if (n_rows >= 0 && rows >= 0 && rows != n_rows) {
        return issue.set(ARSENAL_SHAPE_MISMATCH, "input %zu has %lld rows, those before have %lld", i,
                         static_cast<long long>(rows), static_cast<long long>(n_rows));
      }
      if (rows >= 0) n_rows = rows;
      width += widths_[i];
    }
    out[0].shape = make_shape({n_rows, width});
    return true;
  }

  bool keeps_rows(const std::vector<Operand>& inputs) const override {
    for (const Operand& input : inputs) {
      if (!input.has_rows || input.shape.rank != 2) return false;
    }
    return true;
  }

  bool run(const Inputs& in, const Outputs& out, void*, Issue&) const noexcept override {
    const std::int64_t width = out[0].shape.dims[1];
    float* column = out[0].mutable_as<float>();
    for (std::size_t i = 0; i < widths_.size(); ++i) {
      const T* from = in[i].as<T>();
      for (std::int64_t r = 0; r < out[0].shape.dims[0]; ++r) {
        for (std::int64_t c = 0; c < widths_[i]; ++c) column[r * width + c] = static_cast<float>(*from++);
      }
      column += widths_[i];
    }
    return true;
  }

 private:
  std::vector<std::int64_t> widths_;
};

std::unique_ptr<Op> make_feature_vectorizer(OpBuilder& builder) {
  builder.want_inputs(1, SIZE_MAX);
  builder.want_outputs(1, 1);
  const std::vector<std::int64_t>& widths = builder.integers("inputdimensions");
  if (widths.size() != builder.input_count()) {
    fail(ARSENAL_INVALID_MODEL, "attribute 'inputdimensions' has %zu entries for %zu inputs", widths.size(),
         builder.input_count());
  }
  for (std::size_t i = 0; i < widths.size(); ++i) {
    if (widths[i] < 1 || widths[i] > INT32_MAX) {
      fail(ARSENAL_INVALID_MODEL, "entry %zu of attribute 'inputdimensions' is %lld", i,
           static_cast<long long>(widths[i]));
    }
    builder.want_dtype(i, {builder.input(0).dtype});
  }
  builder.add_output(ARSENAL_FLOAT);
  return for_dtype_of(builder, 0, TableNumbers(),
                      [&](auto zero) { return std::make_unique<FeatureVectorizer<decltype(zero)>>(widths); });
}

// A new last axis with one place per category.
template <typename T, typename Keys>
class OneHotEncoder final : public Op {
 public:
  OneHotEncoder(Keys categories, std::int64_t n_categories, bool allows_unknown)
      : categories_(std::move(categories)), n_categories_(n_categories), allows_unknown_(allows_unknown) {}

  bool shapes(const Inputs& in, const Outputs& out, Issue& issue) const noexcept override {
    Shape shape = in[0].shape;
    if (shape.rank == ARSENAL_MAX_RANK) {
      return issue.set(ARSENAL_UNSUPPORTED, "the result has rank %d, supported is up to %d", shape.rank + 1,
                       ARSENAL_MAX_RANK);
    }
    shape.dims[shape.rank++] = n_categories_;
    out[0].shape = shape;
    return true;
  }

  bool keeps_rows(const std::vector<Operand>&) const override { return true; }

  bool run(const Inputs& in, const Outputs& out, void*, Issue& issue) const noexcept override {
    const std::int64_t count = element_count(in[0].shape);
    float* to = out[0].mutable_as<float>();
    if (count > 0) std::memset(to, 0, static_cast<std::size_t>(count * n_categories_) * sizeof(float));
    for (std::int64_t i = 0; i < count; ++i) {
      const std::int64_t found = find(in[0].template as<T>()[i]);
      if (found >= 0) {
        to[i * n_categories_ + found] = 1;
      } else if (!allows_unknown_) {
        return issue.set(ARSENAL_INVALID_VALUE, "element %lld is none of the categories, and 'zeros' is 0",
                         static_cast<long long>(i));
      }
    }
    return true;
  }

 private:
  std::int64_t find(const T& element) const noexcept {
    if constexpr (std::is_same_v<T, arsenal_string>) {
      return categories_.find(std::string_view(element.data, element.size));
    } else if constexpr (std::is_floating_point_v<T>) {
      return categories_.find(truncated<std::int64_t>(element));
    } else {
      return categories_.find(element);
    }
  }

  Keys categories_;
  std::int64_t n_categories_;
  bool allows_unknown_;
};

std::unique_ptr<Op> make_one_hot_encoder(OpBuilder& builder) {
  builder.want_inputs(1, 1);
  builder.want_outputs(1, 1);
  builder.add_output(ARSENAL_FLOAT);
  const std::vector<std::int64_t>& integers = builder.integers("cats_int64s");
  const std::vector<std::string_view>& strings = builder.strings("cats_strings");
  const bool allows_unknown = builder.integer("zeros", 1) != 0;
  if (integers.empty() == strings.empty()) {
    fail(ARSENAL_INVALID_MODEL, "it has %zu int64 categories and %zu strings, wanted one kind", integers.size(),
         strings.size());
  }
  if (!strings.empty()) {
    builder.want_dtype(0, {ARSENAL_STRING});
    return std::make_unique<OneHotEncoder<arsenal_string, StringKeys>>(
        StringKeys(strings), static_cast<std::int64_t>(strings.size()), allows_unknown);
  }
  return for_dtype_of(builder, 0, TableNumbers(), [&](auto zero) {
    return std::make_unique<OneHotEncoder<decltype(zero), IntegerKeys>>(
        IntegerKeys(integers), static_cast<std::int64_t>(integers.size()), allows_unknown);
  });
}

constexpr OpEntry kEntries[] = {
    {"ai.onnx.ml", "ArrayFeatureExtractor", 1, make_array_feature_extractor},
    {"ai.onnx.ml", "FeatureVectorizer", 1, make_feature_vectorizer},
    {"ai.onnx.ml", "OneHotEncoder", 1, make_one_hot_encoder},
};

}  // namespace

OpTable feature_ops() noexcept { return {kEntries, std::size(kEntries)}; }

}  // namespace arsenal::runtime
