// MatMulInteger and QLinearMatMul.
#include <algorithm>
#include <cstdint>
#include <vector>

#include "engines/linear_map.h"
#include "ops/dtypes.h"
#include "ops/matmul_shapes.h"
#include "ops/quantized.h"
#include "plan/registry.h"

namespace arsenal::runtime {

namespace {

// Rows whose products are taken at a time: they are widened to int32 first.
constexpr std::int64_t kRowsAtOnce = 64;

// An operand of 8-bit integers: where the data and the zero point are among the inputs; 0: no zero point.
struct Factor {
  std::size_t data;
  std::size_t zero;
  bool is_signed;
};

std::int32_t element(const void* data, bool is_signed, std::int64_t i) noexcept {
  return is_signed ? static_cast<const std::int8_t*>(data)[i] : static_cast<const std::uint8_t*>(data)[i];
}

// data - zero as int32.
void widen(const void* data, std::int32_t zero, bool is_signed, std::int64_t first, std::int64_t count,
           std::int32_t* to) noexcept {
  for (std::int64_t i = 0; i < count; ++i) to[i] = element(data, is_signed, first + i) - zero;
}

// A right operand less its zero points, one or as many as columns, as kernels/gemm.h wants it.
struct RightMatrix {
  const void* data;
  const void* zeros;
  std::int64_t n_zeros;
  bool is_signed;
  MatrixExtents extents;

  void pack(std::int64_t matrix, GemmLine<std::int32_t>* panels) const noexcept {
    constexpr auto kWidth = static_cast<std::int64_t>(kGemmColumns<std::int32_t>);
    for (std::int64_t first = 0; first < extents.columns; first += kWidth) {
      const std::int64_t count = std::min(kWidth, extents.columns - first);
      for (std::int64_t k = 0; k < extents.rows; ++k, ++panels) {
        const std::int64_t start = (matrix * extents.rows + k) * extents.columns + first;
        for (std::int64_t i = 0; i < kWidth; ++i) {
          panels->columns[i] = i < count ? element(data, is_signed, start + i) - zero_of(first + i) : 0;
        }
      }
    }
  }

 private:
  std::int32_t zero_of(std::int64_t column) const noexcept {
    return zeros == nullptr ? 0 : element(zeros, is_signed, n_zeros == 1 ? 0 : column);
  }
};

std::size_t bytes_of(std::int64_t rows, std::int64_t columns) noexcept {
  std::size_t bytes;
  if (__builtin_mul_overflow(static_cast<std::size_t>(rows), static_cast<std::size_t>(columns), &bytes))
    return SIZE_MAX;
  return bytes > SIZE_MAX / 8 ? SIZE_MAX : (bytes * sizeof(std::int32_t) + 63) / 64 * 64;
}

std::size_t added(std::size_t a, std::size_t b) noexcept { return a > SIZE_MAX - b ? SIZE_MAX : a + b; }

// Products of 8-bit integers less their zero points, exact unless int32 overflows; the right operand may have a zero
// point per column. What becomes of the int32 sums is up to finish().
class IntegerProduct : public Op {
 public:
  IntegerProduct(const Factor& a, const Factor& b, const Constant* b_data, const Constant* b_zero)
      : a_(a), b_(b), kernel_(gemm_kernel<std::int32_t>(choose_isa())) {
    const bool known = b_data != nullptr && (b.zero == 0 || b_zero != nullptr);
    if (!known || b_data->shape().rank == 0 || !fits_packed<std::int32_t>(b_data->shape())) return;
    const MatrixExtents extents = right_matrix(b_data->shape());
    const std::int64_t n_zeros = b_zero == nullptr ? 1 : b_zero->size();
    if (n_zeros != 1 && n_zeros != extents.columns) return;
    const std::int64_t count = matrix_count(b_data->shape());
    packed_.resize(static_cast<std::size_t>(count) * line_count(extents));
    const RightMatrix matrix{b_data->as<char>(), b_zero == nullptr ? nullptr : b_zero->as<char>(), n_zeros, b.is_signed,
                             extents};
    for (std::int64_t i = 0; i < count; ++i) {
      matrix.pack(i, packed_.data() + static_cast<std::size_t>(i) * line_count(extents));
    }
  }

  bool shapes(const Inputs& in, const Outputs& out, Issue& issue) const noexcept override {
    if (!matmul_shape(in[a_.data].shape, in[b_.data].shape, out[0].shape, issue)) return false;
    const std::int64_t columns = right_matrix(in[b_.data].shape).columns;
    return check_count(in, a_.zero, 1, issue) && check_count(in, b_.zero, columns, issue);
  }

  bool keeps_rows(const std::vector<Operand>& inputs) const final {
    for (std::size_t i = 0; i < inputs.size(); ++i) {
      if (i != a_.data && i != b_.data && inputs[i].has_rows) return false;
    }
    return matmul_keeps_rows(inputs[a_.data], inputs[b_.data]);
  }

  // The packed right operand, if it is not known at load, widened rows, and their sums.
  std::size_t scratch_bytes(const Inputs& in) const noexcept final {
    const MatrixExtents right = right_matrix(in[b_.data].shape);
    const std::size_t packed = packed_room(in);
    return added(packed, added(rows_room(right.rows), rows_room(right.columns)));
  }

  bool run(const Inputs& in, const Outputs& out, void* scratch, Issue&) const noexcept final {
    const auto [rows, depth] = left_matrix(in[a_.data].shape);
    const std::int64_t columns = right_matrix(in[b_.data].shape).columns;
    auto* const panels = static_cast<GemmLine<std::int32_t>*>(scratch);
    auto* const wide = reinterpret_cast<std::int32_t*>(static_cast<char*>(scratch) + packed_room(in));
    auto* const sums = reinterpret_cast<std::int32_t*>(reinterpret_cast<char*>(wide) + rows_room(depth));
    const std::int32_t zero = a_.zero == 0 ? 0 : element(in[a_.zero].data, a_.is_signed, 0);
    const RightMatrix matrix = right_operand(in);
    return for_each_product(in[a_.data].shape, in[b_.data].shape,
                            [&, n = rows, k = depth](auto left, auto right, auto to, auto count) {
                              const GemmLine<std::int32_t>* lines = panels;
                              if (packed_.empty()) {
                                matrix.pack(right, panels);
                              } else {
                                lines = packed_.data() + static_cast<std::size_t>(right) * line_count(matrix.extents);
                              }
                              for (std::int64_t i = 0; i < n * count; i += kRowsAtOnce) {
                                const std::int64_t n_rows = std::min(kRowsAtOnce, n * count - i);
                                widen(in[a_.data].data, zero, a_.is_signed, (left * n + i) * k, n_rows * k, wide);
                                kernel_({wide, k, static_cast<std::size_t>(n_rows), lines, static_cast<std::size_t>(k),
                                         static_cast<std::size_t>(columns), nullptr, sums, columns});
                                finish(in, sums, n_rows, columns, (to * n + i) * columns, out);
                              }
                              return true;
                            });
  }

 protected:
  // Writes the results of `n_rows` rows of sums from element `first` of the output on.
  virtual void finish(const Inputs& in, const std::int32_t* sums, std::int64_t n_rows, std::int64_t columns,
                      std::int64_t first, const Outputs& out) const noexcept = 0;

  // One element, or as many as `most` says.
  static bool check_count(const Inputs& in, std::size_t index, std::int64_t most, Issue& issue) noexcept {
    if (index == 0) return true;
    const Shape& shape = in[index].shape;
    const std::int64_t count = element_count(shape);
    if (count < 0 || count == 1 || (count == most && shape.rank == 1) || most < 0) return true;
    return issue.set(ARSENAL_SHAPE_MISMATCH, "input %zu has shape %s, wanted one element%s", index,
                     ShapeText(shape).text, most == 1 ? "" : ", or one per column");
  }

  bool b_scale_fits(const Inputs& in, std::size_t index, Issue& issue) const noexcept {
    return check_count(in, index, right_matrix(in[b_.data].shape).columns, issue);
  }

 private:
  static std::size_t line_count(const MatrixExtents& extents) noexcept {
    return gemm_panels<std::int32_t>(static_cast<std::size_t>(extents.columns)) *
           static_cast<std::size_t>(extents.rows);
  }

  static std::size_t rows_room(std::int64_t columns) noexcept { return bytes_of(kRowsAtOnce, columns); }

  std::size_t packed_room(const Inputs& in) const noexcept {
    const MatrixExtents right = right_matrix(in[b_.data].shape);
    return packed_.empty() ? packed_bytes<std::int32_t>(right.rows, right.columns) : 0;
  }

  RightMatrix right_operand(const Inputs& in) const noexcept {
    const bool has_zero = b_.zero != 0;
    return {in[b_.data].data, has_zero ? in[b_.zero].data : nullptr, has_zero ? element_count(in[b_.zero].shape) : 1,
            b_.is_signed, right_matrix(in[b_.data].shape)};
  }

  Factor a_;
  Factor b_;
  // The right operand's matrices, if they are known at load.
  std::vector<GemmLine<std::int32_t>> packed_;
  Gemm<std::int32_t> kernel_;
};

class MatMulInteger final : public IntegerProduct {
 public:
  using IntegerProduct::IntegerProduct;

 protected:
  void finish(const Inputs&, const std::int32_t* sums, std::int64_t n_rows, std::int64_t columns, std::int64_t first,
              const Outputs& out) const noexcept override {
    std::copy(sums, sums + n_rows * columns, out[0].mutable_as<std::int32_t>() + first);
  }
};

// Y: uint8 or int8.
template <typename Y>
class QLinearMatMul final : public IntegerProduct {
 public:
  using IntegerProduct::IntegerProduct;

  bool shapes(const Inputs& in, const Outputs& out, Issue& issue) const noexcept override {
    return IntegerProduct::shapes(in, out, issue) && check_count(in, 1, 1, issue) && b_scale_fits(in, 4, issue) &&
           check_count(in, 6, 1, issue) && check_count(in, 7, 1, issue);
  }

 protected:
  void finish(const Inputs& in, const std::int32_t* sums, std::int64_t n_rows, std::int64_t columns, std::int64_t first,
              const Outputs& out) const noexcept override {
    const float a_scale = *in[1].as<float>();
    const float* const b_scales = in[4].as<float>();
    const std::int64_t step = element_count(in[4].shape) == 1 ? 0 : 1;
    const float y_scale = *in[6].as<float>();
    const Y zero = *in[7].template as<Y>();
    Y* y = out[0].template mutable_as<Y>() + first;
    for (std::int64_t i = 0; i < n_rows; ++i, y += columns, sums += columns) {
      for (std::int64_t j = 0; j < columns; ++j) {
        y[j] = quantized<Y>(static_cast<float>(sums[j]) * (a_scale * b_scales[j * step] / y_scale), zero);
      }
    }
  }
};

Factor factor_of(const OpBuilder& builder, std::size_t data, std::size_t zero) {
  builder.want_dtype(data, {ARSENAL_UINT8, ARSENAL_INT8});
  const bool has_zero = zero < builder.input_count() && builder.inputs()[zero].present;
  if (has_zero) builder.want_dtype(zero, {builder.input(data).dtype});
  return {data, has_zero ? zero : 0, builder.input(data).dtype == ARSENAL_INT8};
}

const Constant* constant_of(const OpBuilder& builder, std::size_t index) {
  return index == 0 ? nullptr : builder.input(index).constant;
}

std::unique_ptr<Op> make_integer(OpBuilder& builder) {
  builder.want_inputs(2, 4);
  builder.want_outputs(1, 1);
  const Factor a = factor_of(builder, 0, 2);
  const Factor b = factor_of(builder, 1, 3);
  builder.add_output(ARSENAL_INT32);
  return std::make_unique<MatMulInteger>(a, b, constant_of(builder, b.data), constant_of(builder, b.zero));
}

std::unique_ptr<Op> make_scaled(OpBuilder& builder) {
  builder.want_inputs(8, 8);
  builder.want_outputs(1, 1);
  const Factor a = factor_of(builder, 0, 2);
  const Factor b = factor_of(builder, 3, 5);
  for (const std::size_t scale : {1U, 4U, 6U}) builder.want_dtype(scale, {ARSENAL_FLOAT});
  builder.add_output(builder.input(7).dtype);
  return for_dtype_of(builder, 7, Dtypes<std::uint8_t, std::int8_t>(), [&](auto zero) {
    return std::make_unique<QLinearMatMul<decltype(zero)>>(a, b, constant_of(builder, b.data),
                                                           constant_of(builder, b.zero));
  });
}

constexpr OpEntry kEntries[] = {
    {"", "MatMulInteger", 10, make_integer},
    {"", "QLinearMatMul", 10, make_scaled},
    {"", "QLinearMatMul", 21, make_scaled},
};

}  // namespace

OpTable quantized_matmul_ops() noexcept { return {kEntries, std::size(kEntries)}; }

}  // namespace arsenal::runtime
