// Gemm: alpha × A × B + beta × C.
#include <cmath>
#include <cstdint>
#include <optional>
#include <type_traits>
#include <vector>

#include "engines/linear_map.h"
#include "ops/activations.h"
#include "ops/broadcast.h"
#include "ops/dtypes.h"
#include "plan/registry.h"

namespace arsenal::runtime {

namespace {

// Integers wrap around.
template <typename T>
T multiplied(T a, T b) noexcept {
  if constexpr (std::is_integral_v<T>) {
    return static_cast<T>(static_cast<std::make_unsigned_t<T>>(a) * static_cast<std::make_unsigned_t<T>>(b));
  } else {
    return a * b;
  }
}

template <typename T>
T added(T a, T b) noexcept {
  if constexpr (std::is_integral_v<T>) {
    return static_cast<T>(static_cast<std::make_unsigned_t<T>>(a) + static_cast<std::make_unsigned_t<T>>(b));
  } else {
    return a + b;
  }
}

struct GemmForm {
  bool turns_a;
  bool turns_b;
  bool has_c;
};

template <typename T>
class GemmOp final : public Op {
 public:
  GemmOp(const GemmForm& form, T alpha, T beta, const Constant* b, const Constant* c)
      : form_(form), alpha_(alpha), beta_(beta), kernel_(gemm_kernel<T>(choose_isa())) {
    if (b == nullptr || b->shape().rank != 2 || !fits_packed<T>(b->shape())) return;
    const Right right(b->shape(), form.turns_b);
    const std::vector<T> bias = c == nullptr ? std::vector<T>() : bias_of(*c, right.columns);
    adds_c_ = bias.empty();
    map_.emplace(b->as<T>(), static_cast<std::size_t>(right.depth), static_cast<std::size_t>(right.columns),
                 right.k_stride, right.j_stride, bias.empty() ? nullptr : bias.data());
  }

  bool shapes(const Inputs& in, const Outputs& out, Issue& issue) const noexcept override {
    const Shape& a = in[0].shape;
    const Shape& b = in[1].shape;
    if (a.rank != 2 || b.rank != 2) {
      return issue.set(ARSENAL_SHAPE_MISMATCH, "operands have shapes %s and %s, wanted two matrices", ShapeText(a).text,
                       ShapeText(b).text);
    }
    const std::int64_t depth = a.dims[form_.turns_a ? 0 : 1];
    const Right right(b, form_.turns_b);
    if (depth >= 0 && right.depth >= 0 && depth != right.depth) {
      return issue.set(ARSENAL_SHAPE_MISMATCH, "shapes %s%s and %s%s cannot be multiplied", ShapeText(a).text,
                       form_.turns_a ? " transposed" : "", ShapeText(b).text, form_.turns_b ? " transposed" : "");
    }
    out[0].shape = make_shape({a.dims[form_.turns_a ? 1 : 0], right.columns});
    return !form_.has_c || check_c(in[2].shape, out[0].shape, issue);
  }

  bool keeps_rows(const std::vector<Operand>& inputs) const override {
    if (!inputs[0].has_rows || form_.turns_a || inputs[1].has_rows) return false;
    if (!form_.has_c) return true;
    const Operand& c = inputs[2];
    return c.has_rows ? c.shape.rank == 2 : c.shape.rank < 2 || c.shape.dims[0] == 1;
  }

  // The packed right matrix, if it is not known at load, then the left one turned, if it has to be.
  std::size_t scratch_bytes(const Inputs& in) const noexcept override {
    const std::size_t turned = form_.turns_a ? packed_bytes<T>(in[0].shape.dims[0], in[0].shape.dims[1]) : 0;
    std::size_t bytes;
    return __builtin_add_overflow(right_bytes(in), turned, &bytes) ? SIZE_MAX : bytes;
  }

  bool run(const Inputs& in, const Outputs& out, void* scratch, Issue&) const noexcept override {
    const Right right(in[1].shape, form_.turns_b);
    const std::int64_t n_rows = out[0].shape.dims[0];
    const T* a = in[0].template as<T>();
    if (form_.turns_a) {
      auto* turned = reinterpret_cast<T*>(static_cast<char*>(scratch) + right_bytes(in));
      turn(a, right.depth, n_rows, turned);
      a = turned;
    }
    T* const y = out[0].template mutable_as<T>();
    if (map_) {
      map_->run(a, static_cast<std::size_t>(n_rows), y);
    } else {
      auto* const panels = static_cast<GemmLine<T>*>(scratch);
      const auto depth = static_cast<std::size_t>(right.depth);
      const auto n_columns = static_cast<std::size_t>(right.columns);
      pack_panels(in[1].template as<T>(), depth, n_columns, right.k_stride, right.j_stride, panels);
      kernel_({a, right.depth, static_cast<std::size_t>(n_rows), panels, depth, n_columns, nullptr, y, right.columns});
    }
    finish(in, out[0]);
    activations_.apply(y, element_count(out[0].shape));
    return true;
  }

  bool absorb(std::unique_ptr<Op>& next, const OpBuilder&) override { return activations_.absorb(next); }

 private:
  // The right matrix as it enters the product.
  struct Right {
    Right(const Shape& b, bool turned) noexcept
        : depth(b.dims[turned ? 1 : 0]),
          columns(b.dims[turned ? 0 : 1]),
          k_stride(turned ? 1 : columns),
          j_stride(turned ? depth : 1) {}

    std::int64_t depth;
    std::int64_t columns;
    std::int64_t k_stride;
    std::int64_t j_stride;
  };

  static bool check_c(const Shape& c, const Shape& result, Issue& issue) noexcept {
    Shape common;
    if (c.rank <= 2 && broadcast_shapes(c, result, common)) {
      bool fits = true;
      for (std::int32_t d = 0; d < 2; ++d) fits = fits && (result.dims[d] < 0 || common.dims[d] == result.dims[d]);
      if (fits) return true;
    }
    return issue.set(ARSENAL_SHAPE_MISMATCH, "C has shape %s, which cannot be broadcast to %s", ShapeText(c).text,
                     ShapeText(result).text);
  }

  // beta × C as one row, if that is all C is and nothing comes between it and the sums; else empty.
  std::vector<T> bias_of(const Constant& c, std::int64_t n_columns) const {
    const bool is_row = c.shape().rank < 2 || (c.shape().rank == 2 && c.shape().dims[0] == 1);
    if (!is_row || alpha_ != T{1} || (c.size() != 1 && c.size() != n_columns)) return {};
    std::vector<T> bias;
    for (std::int64_t j = 0; j < n_columns; ++j) {
      bias.push_back(multiplied(beta_, c.template as<T>()[c.size() == 1 ? 0 : j]));
    }
    return bias;
  }

  std::size_t right_bytes(const Inputs& in) const noexcept {
    const Right right(in[1].shape, form_.turns_b);
    return map_ ? 0 : packed_bytes<T>(right.depth, right.columns);
  }

  static void turn(const T* from, std::int64_t n_rows, std::int64_t n_columns, T* to) noexcept {
    for (std::int64_t j = 0; j < n_columns; ++j) {
      for (std::int64_t i = 0; i < n_rows; ++i) *to++ = from[i * n_columns + j];
    }
  }

  void finish(const Inputs& in, const Tensor& out) const noexcept {
    T* const y = out.template mutable_as<T>();
    const std::int64_t size = element_count(out.shape);
    if (alpha_ != T{1}) {
      for (std::int64_t i = 0; i < size; ++i) y[i] = multiplied(alpha_, y[i]);
    }
    if (!form_.has_c || !adds_c_) return;
    const T* const c = in[2].template as<T>();
    const Broadcast<1> loop(out.shape, {&in[2].shape});
    loop.for_each_line([&](std::int64_t count, std::int64_t position, const auto& offsets, const auto& strides) {
      for (std::int64_t i = 0; i < count; ++i) {
        y[position + i] = added(y[position + i], multiplied(beta_, c[offsets[0] + i * strides[0]]));
      }
      return true;
    });
  }

  GemmForm form_;
  T alpha_;
  T beta_;
  // Whether C is still to be added when the products are done.
  bool adds_c_ = true;
  std::optional<LinearMap<T>> map_;
  Activations activations_;
  Gemm<T> kernel_;
};

template <typename T>
T factor(OpBuilder& builder, const char* name) {
  const float given = builder.real(name, 1);
  if (std::is_integral_v<T> && !(std::floor(given) == given && std::abs(given) < 0x1p31f)) {
    fail(ARSENAL_UNSUPPORTED, "attribute '%s' is %g, integers want a whole number", name, static_cast<double>(given));
  }
  return static_cast<T>(given);
}

std::unique_ptr<Op> make(OpBuilder& builder) {
  builder.want_inputs(builder.version() < 11 ? 3 : 2, 3);
  builder.want_outputs(1, 1);
  const std::size_t n_inputs = builder.input_count();
  for (std::size_t i = 1; i < n_inputs; ++i) builder.want_dtype(i, {builder.input(0).dtype});
  builder.add_output(builder.input(0).dtype);
  // C was not broadcast without being told so; where it needs to be, it is.
  if (builder.version() < 7) builder.ignore("broadcast");
  const GemmForm form{builder.integer("transA", 0) != 0, builder.integer("transB", 0) != 0, n_inputs == 3};
  const Constant* b = builder.input(1).constant;
  const Constant* c = form.has_c ? builder.input(2).constant : nullptr;
  const auto of = [&](auto zero) {
    using T = decltype(zero);
    return std::make_unique<GemmOp<T>>(form, factor<T>(builder, "alpha"), factor<T>(builder, "beta"), b, c);
  };
  if (builder.version() < 9) return for_dtype_of(builder, 0, Reals(), of);
  return for_dtype_of(builder, 0, Dtypes<float, double, std::int32_t, std::int64_t>(), of);
}

constexpr OpEntry kEntries[] = {
    {"", "Gemm", 1, make}, {"", "Gemm", 6, make},  {"", "Gemm", 7, make},
    {"", "Gemm", 9, make}, {"", "Gemm", 11, make}, {"", "Gemm", 13, make},
};

}  // namespace

OpTable gemm_ops() noexcept { return {kEntries, std::size(kEntries)}; }

}  // namespace arsenal::runtime
