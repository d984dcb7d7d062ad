// TopK.
#include <algorithm>
#include <cstdint>

#include "ops/axis.h"
#include "ops/constants.h"
#include "ops/dtypes.h"
#include "plan/registry.h"

namespace arsenal::runtime {

namespace {

template <typename T>
struct Place {
  T value;
  std::int64_t index;
};

// Whether a comes before b: the least first, or the largest; of equal ones the first. NaN counts as larger than all, so
// that there is an order.
template <typename T, bool kLargest>
bool before(const Place<T>& a, const Place<T>& b) noexcept {
  const bool a_is_nan = a.value != a.value;
  const bool b_is_nan = b.value != b.value;
  if (a_is_nan != b_is_nan) return a_is_nan == kLargest;
  if (a.value != b.value && !a_is_nan) return kLargest ? a.value > b.value : a.value < b.value;
  return a.index < b.index;
}

// The `k` largest elements along an axis, or the smallest, in order. That `sorted` asks for any order changes nothing.
template <typename T>
class TopK final : public Op {
 public:
  TopK(std::int64_t axis, std::int64_t k, bool largest) : axis_(axis), k_(k), largest_(largest) {}

  bool shapes(const Inputs& in, const Outputs& out, Issue& issue) const noexcept override {
    Shape to = in[0].shape;
    std::int32_t axis;
    if (!resolve_axis(axis_, to.rank, axis) || (to.dims[axis] >= 0 && to.dims[axis] < k_)) {
      return issue.set(ARSENAL_SHAPE_MISMATCH, "there are no %lld elements along axis %lld of shape %s",
                       static_cast<long long>(k_), static_cast<long long>(axis_), ShapeText(to).text);
    }
    to.dims[axis] = k_;
    out[0].shape = to;
    out[1].shape = to;
    return true;
  }

  bool keeps_rows(const std::vector<Operand>& inputs) const override {
    std::int32_t axis;
    return resolve_axis(axis_, inputs[0].shape.rank, axis) && axis != 0;
  }

  // One line at a time, however many rows there are.
  std::size_t scratch_bytes(const Inputs& in) const noexcept override {
    std::int32_t axis;
    resolve_axis(axis_, in[0].shape.rank, axis);
    return static_cast<std::size_t>(in[0].shape.dims[axis]) * sizeof(Place<T>);
  }

  bool run(const Inputs& in, const Outputs& out, void* scratch, Issue&) const noexcept override {
    std::int32_t axis;
    resolve_axis(axis_, in[0].shape.rank, axis);
    const AxisView view(in[0].shape, axis);
    auto* const line = static_cast<Place<T>*>(scratch);
    for (std::int64_t o = 0; o < view.outer; ++o) {
      for (std::int64_t i = 0; i < view.inner; ++i) {
        const T* const from = in[0].as<T>() + o * view.extent * view.inner + i;
        for (std::int64_t k = 0; k < view.extent; ++k) line[k] = {from[k * view.inner], k};
        largest_ ? order<true>(line, view.extent) : order<false>(line, view.extent);
        const std::int64_t first = o * k_ * view.inner + i;
        for (std::int64_t k = 0; k < k_; ++k) {
          const std::int64_t to = first + k * view.inner;
          if (out[0].data != nullptr) out[0].mutable_as<T>()[to] = line[k].value;
          if (out[1].data != nullptr) out[1].mutable_as<std::int64_t>()[to] = line[k].index;
        }
      }
    }
    return true;
  }

 private:
  template <bool kLargest>
  void order(Place<T>* line, std::int64_t extent) const noexcept {
    const auto earlier = [](const Place<T>& a, const Place<T>& b) { return before<T, kLargest>(a, b); };
    // A partial sort is a heap's, which is slow where all are wanted.
    if (k_ == extent) {
      std::sort(line, line + extent, earlier);
    } else {
      std::partial_sort(line, line + k_, line + extent, earlier);
    }
  }

  std::int64_t axis_;
  std::int64_t k_;
  bool largest_;
};

std::unique_ptr<Op> make(OpBuilder& builder) {
  builder.want_inputs(2, 2);
  builder.want_outputs(1, 2);
  const std::int64_t axis = builder.integer("axis", -1);
  const bool chooses = builder.version() >= 11;
  const bool largest = !chooses || builder.integer("largest", 1) != 0;
  if (chooses) builder.ignore("sorted");
  const std::vector<std::int64_t> k = integers_of(builder.constant_input(1, "K"));
  if (k.size() != 1 || k[0] < 0) fail(ARSENAL_INVALID_MODEL, "input K is not one number of at least 0");
  const std::int32_t dtype = builder.input(0).dtype;
  builder.add_output(dtype);
  builder.add_output(ARSENAL_INT64);
  return for_dtype_of(builder, 0, AllNumbers(),
                      [&](auto zero) { return std::make_unique<TopK<decltype(zero)>>(axis, k[0], largest); });
}

constexpr OpEntry kEntries[] = {{"", "TopK", 10, make}, {"", "TopK", 11, make}, {"", "TopK", 24, make}};

}  // namespace

OpTable top_k_ops() noexcept { return {kEntries, std::size(kEntries)}; }

}  // namespace arsenal::runtime
