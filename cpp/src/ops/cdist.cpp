// CDist of com.microsoft: the distance of each row to each row of another table.
#include <cmath>
#include <cstdint>

#include "ops/sums.h"
#include "plan/registry.h"

namespace arsenal::runtime {

namespace {

// The sum of the squared differences, or its root.
template <typename T>
class CDist final : public Op {
 public:
  explicit CDist(bool takes_root) : takes_root_(takes_root) {}

  bool shapes(const Inputs& in, const Outputs& out, Issue& issue) const noexcept override {
    const Shape& a = in[0].shape;
    const Shape& b = in[1].shape;
    const bool fits = a.rank == 2 && b.rank == 2 && (a.dims[1] < 0 || b.dims[1] < 0 || a.dims[1] == b.dims[1]);
    if (!fits) {
      return issue.set(ARSENAL_SHAPE_MISMATCH, "inputs have shapes %s and %s, wanted two tables of as many columns",
                       ShapeText(a).text, ShapeText(b).text);
    }
    out[0].shape = make_shape({a.dims[0], b.dims[0]});
    return true;
  }

  bool keeps_rows(const std::vector<Operand>& inputs) const override { return !inputs[1].has_rows; }

  bool run(const Inputs& in, const Outputs& out, void*, Issue&) const noexcept override {
    // An empty result may have huge extents.
    if (element_count(out[0].shape) == 0) return true;
    const std::int64_t n_rows = in[0].shape.dims[0];
    const std::int64_t n_others = in[1].shape.dims[0];
    const std::int64_t n_columns = in[0].shape.dims[1];
    const T* row = in[0].as<T>();
    T* to = out[0].mutable_as<T>();
    for (std::int64_t i = 0; i < n_rows; ++i, row += n_columns) {
      const T* other = in[1].as<T>();
      for (std::int64_t j = 0; j < n_others; ++j, other += n_columns) {
        const Wide<T> square = squared_distance(row, other, n_columns);
        *to++ = narrowed<T>(takes_root_ ? std::sqrt(square) : square);
      }
    }
    return true;
  }

 private:
  static Wide<T> squared_distance(const T* a, const T* b, std::int64_t n) noexcept {
    Wide<T> sum = 0;
    for (std::int64_t k = 0; k < n; ++k) {
      const Wide<T> difference = Wide<T>{a[k]} - Wide<T>{b[k]};
      sum += difference * difference;
    }
    return sum;
  }

  bool takes_root_;
};

std::unique_ptr<Op> make_cdist(OpBuilder& builder) {
  builder.want_inputs(2, 2);
  builder.want_outputs(1, 1);
  builder.want_dtype(1, {builder.input(0).dtype});
  builder.add_output(builder.input(0).dtype);
  const std::string_view metric = builder.string("metric", "sqeuclidean");
  if (metric != "sqeuclidean" && metric != "euclidean") {
    fail(ARSENAL_UNSUPPORTED, "attribute 'metric' is %s, supported: euclidean, sqeuclidean", quoted(metric).c_str());
  }
  return for_dtype_of(builder, 0, Reals(),
                      [&](auto zero) { return std::make_unique<CDist<decltype(zero)>>(metric == "euclidean"); });
}

constexpr OpEntry kEntries[] = {{"com.microsoft", "CDist", 1, make_cdist}};

}  // namespace

OpTable cdist_ops() noexcept { return {kEntries, std::size(kEntries)}; }

}  // namespace arsenal::runtime
