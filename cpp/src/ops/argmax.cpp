// ArgMax and ArgMin.
#include <cstdint>
#include <functional>

#include "ops/axis.h"
#include "ops/dtypes.h"
#include "plan/registry.h"

namespace arsenal::runtime {

namespace {

// The place of the first element, or the last, that no other beats by `Better`.
template <typename T, template <typename> typename Better>
class ArgBest final : public Op {
 public:
  ArgBest(std::int64_t axis, bool keep, bool last) : axis_(axis), keep_(keep), last_(last) {}

  bool shapes(const Inputs& in, const Outputs& out, Issue& issue) const noexcept override {
    const Shape& from = in[0].shape;
    std::int32_t axis;
    if (!resolve_axis(axis_, from.rank, axis) || from.dims[axis] == 0) {
      return issue.set(ARSENAL_SHAPE_MISMATCH, "there is no largest or smallest element along axis %lld of shape %s",
                       static_cast<long long>(axis_), ShapeText(from).text);
    }
    Shape to{0, {}};
    for (std::int32_t d = 0; d < from.rank; ++d) {
      if (d != axis) {
        to.dims[to.rank++] = from.dims[d];
      } else if (keep_) {
        to.dims[to.rank++] = 1;
      }
    }
    out[0].shape = to;
    return true;
  }

  bool keeps_rows(const std::vector<Operand>& inputs) const override {
    std::int32_t axis;
    return resolve_axis(axis_, inputs[0].shape.rank, axis) && axis != 0;
  }

  bool run(const Inputs& in, const Outputs& out, void*, Issue&) const noexcept override {
    std::int32_t axis;
    resolve_axis(axis_, in[0].shape.rank, axis);
    const AxisView view(in[0].shape, axis);
    auto* result = out[0].mutable_as<std::int64_t>();
    for (std::int64_t o = 0; o < view.outer; ++o) {
      for (std::int64_t i = 0; i < view.inner; ++i) {
        const T* line = in[0].as<T>() + o * view.extent * view.inner + i;
        std::int64_t best = 0;
        for (std::int64_t k = 1; k < view.extent; ++k) {
          const T candidate = line[k * view.inner];
          const T leader = line[best * view.inner];
          if (Better<T>()(candidate, leader) || (last_ && candidate == leader)) best = k;
        }
        *result++ = best;
      }
    }
    return true;
  }

 private:
  std::int64_t axis_;
  bool keep_;
  bool last_;
};

template <template <typename> typename Better>
std::unique_ptr<Op> make(OpBuilder& builder) {
  builder.want_inputs(1, 1);
  builder.want_outputs(1, 1);
  const std::int64_t axis = builder.integer("axis", 0);
  const bool keep = builder.integer("keepdims", 1) != 0;
  const bool last = builder.version() >= 12 && builder.integer("select_last_index", 0) != 0;
  builder.add_output(ARSENAL_INT64);
  return for_dtype_of(builder, 0, Numbers(),
                      [&](auto zero) { return std::make_unique<ArgBest<decltype(zero), Better>>(axis, keep, last); });
}

constexpr OpEntry kEntries[] = {
    {"", "ArgMax", 1, make<std::greater>},  {"", "ArgMax", 11, make<std::greater>},
    {"", "ArgMax", 12, make<std::greater>}, {"", "ArgMax", 13, make<std::greater>},
    {"", "ArgMin", 1, make<std::less>},     {"", "ArgMin", 11, make<std::less>},
    {"", "ArgMin", 12, make<std::less>},    {"", "ArgMin", 13, make<std::less>},
};

}  // namespace

OpTable argmax_ops() noexcept { return {kEntries, std::size(kEntries)}; }

}  // namespace arsenal::runtime
