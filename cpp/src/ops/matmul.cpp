// MatMul.
#include <cstdint>
#include <vector>

#include "engines/linear_map.h"
#include "ops/activations.h"
#include "ops/dtypes.h"
#include "ops/matmul_shapes.h"
#include "plan/registry.h"

namespace arsenal::runtime {

namespace {

template <typename T>
class MatMul final : public Op {
 public:
  // `b` is the right operand if it is known at load, or nullptr.
  explicit MatMul(const Constant* b) : kernel_(gemm_kernel<T>(choose_isa())) {
    if (b == nullptr || b->shape().rank == 0 || !fits_packed<T>(b->shape())) return;
    const MatrixExtents matrix = right_matrix(b->shape());
    const std::int64_t count = matrix_count(b->shape());
    for (std::int64_t i = 0; i < count; ++i) {
      maps_.emplace_back(b->as<T>() + i * matrix.rows * matrix.columns, static_cast<std::size_t>(matrix.rows),
                         static_cast<std::size_t>(matrix.columns), matrix.columns, 1);
    }
  }

  bool shapes(const Inputs& in, const Outputs& out, Issue& issue) const noexcept override {
    return matmul_shape(in[0].shape, in[1].shape, out[0].shape, issue);
  }

  bool keeps_rows(const std::vector<Operand>& inputs) const override { return matmul_keeps_rows(inputs[0], inputs[1]); }

  // An Add of one row becomes the bias.
  bool absorb(std::unique_ptr<Op>& next, const OpBuilder& node) override {
    if (activations_.absorb(next)) return true;
    if (maps_.empty() || has_bias_ || !activations_.empty() || !node.is("", "Add")) return false;
    const Constant* row = node.inputs()[0].constant != nullptr ? node.inputs()[0].constant : node.inputs()[1].constant;
    const Shape& shape = row->shape();
    const auto columns = static_cast<std::int64_t>(maps_[0].n_columns());
    const bool is_row = row->size() == 1 || (row->size() == columns && shape.dims[shape.rank - 1] == columns);
    if (!is_row) return false;
    for (LinearMap<T>& map : maps_) map.set_bias(row->as<T>(), row->size() == 1 ? 0 : 1);
    has_bias_ = true;
    return true;
  }

  // A right operand that is not known at load is packed here, one matrix at a time.
  std::size_t scratch_bytes(const Inputs& in) const noexcept override {
    if (!maps_.empty()) return 0;
    const MatrixExtents matrix = right_matrix(in[1].shape);
    return packed_bytes<T>(matrix.rows, matrix.columns);
  }

  bool run(const Inputs& in, const Outputs& out, void* scratch, Issue&) const noexcept override {
    const auto [rows, depth] = left_matrix(in[0].shape);
    const std::int64_t columns = right_matrix(in[1].shape).columns;
    const T* const a = in[0].template as<T>();
    const T* const b = in[1].template as<T>();
    T* const y = out[0].template mutable_as<T>();
    auto* const panels = static_cast<GemmLine<T>*>(scratch);
    const auto wide = static_cast<std::size_t>(columns);
    const auto deep = static_cast<std::size_t>(depth);
    for_each_product(in[0].shape, in[1].shape, [&, n = rows, k = depth](auto left, auto right, auto to, auto count) {
      const T* const from = a + left * n * k;
      const auto n_rows = static_cast<std::size_t>(n * count);
      T* const result = y + to * n * columns;
      if (!maps_.empty()) {
        maps_[static_cast<std::size_t>(right)].run(from, n_rows, result);
        return true;
      }
      pack_panels(b + right * k * columns, deep, wide, columns, 1, panels);
      kernel_({from, k, n_rows, panels, deep, wide, nullptr, result, columns});
      return true;
    });
    activations_.apply(y, element_count(out[0].shape));
    return true;
  }

 private:
  std::vector<LinearMap<T>> maps_;
  bool has_bias_ = false;
  Activations activations_;
  Gemm<T> kernel_;
};

std::unique_ptr<Op> make(OpBuilder& builder) {
  builder.want_inputs(2, 2);
  builder.want_outputs(1, 1);
  builder.want_dtype(1, {builder.input(0).dtype});
  builder.add_output(builder.input(0).dtype);
  const Constant* b = builder.input(1).constant;
  const auto of = [&](auto zero) { return std::make_unique<MatMul<decltype(zero)>>(b); };
  if (builder.version() < 9) return for_dtype_of(builder, 0, Reals(), of);
  return for_dtype_of(builder, 0, Dtypes<float, double, std::int32_t, std::int64_t>(), of);
}

constexpr OpEntry kEntries[] = {{"", "MatMul", 1, make}, {"", "MatMul", 9, make}, {"", "MatMul", 13, make}};

}  // namespace

OpTable matmul_ops() noexcept { return {kEntries, std::size(kEntries)}; }

}  // namespace arsenal::runtime
