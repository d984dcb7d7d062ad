// Range.
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <type_traits>

#include "ops/sums.h"
#include "plan/registry.h"

namespace arsenal::runtime {

namespace {

template <typename T>
struct Progression {
  T start;
  T delta;
  std::int64_t count;
};

// Integers wrap around in unsigned numbers, so that no product on the way overflows.
template <typename T>
using Stepping =
    typename std::conditional_t<std::is_integral_v<T>, std::make_unsigned<T>, std::enable_if<true, T>>::type;

// How many numbers there are from `start` to before `limit`; -1 if there is no such number.
template <typename T>
std::int64_t count_of(T start, T limit, T delta) {
  if (delta == 0) return -1;
  if constexpr (std::is_integral_v<T>) {
    if (delta > 0 ? start >= limit : start <= limit) return 0;
    const auto distance = [](T low, T high) {
      return static_cast<std::uint64_t>(high) - static_cast<std::uint64_t>(low);
    };
    const std::uint64_t length = delta > 0 ? distance(start, limit) : distance(limit, start);
    const std::uint64_t step = delta > 0 ? distance(0, delta) : distance(delta, 0);
    return static_cast<std::int64_t>(std::min<std::uint64_t>((length - 1) / step + 1, INT64_MAX));
  } else {
    const double count =
        std::ceil((static_cast<double>(limit) - static_cast<double>(start)) / static_cast<double>(delta));
    if (count != count) return -1;
    return static_cast<std::int64_t>(std::clamp(count, 0.0, 0x1p62));
  }
}

// Its operands are known when the model is loaded, so the plan folds it away at once.
template <typename T>
class Range final : public Op {
 public:
  explicit Range(const Progression<T>& progression) : progression_(progression) {}

  bool shapes(const Inputs&, const Outputs& out, Issue&) const noexcept override {
    out[0].shape = make_shape({progression_.count});
    return true;
  }

  bool keeps_rows(const std::vector<Operand>&) const override { return false; }

  bool run(const Inputs&, const Outputs& out, void*, Issue&) const noexcept override {
    T* to = out[0].template mutable_as<T>();
    const auto start = static_cast<Stepping<T>>(progression_.start);
    const auto delta = static_cast<Stepping<T>>(progression_.delta);
    for (std::int64_t i = 0; i < progression_.count; ++i) {
      to[i] = static_cast<T>(start + static_cast<Stepping<T>>(i) * delta);
    }
    return true;
  }

 private:
  Progression<T> progression_;
};

template <typename T>
T scalar(const OpBuilder& builder, std::size_t index, const char* role) {
  const Constant& constant = builder.constant_input(index, role);
  if (constant.size() == 1) return *constant.as<T>();
  fail(ARSENAL_INVALID_MODEL, "input %zu (%s) has shape %s, wanted a scalar", index, role,
       ShapeText(constant.shape()).text);
}

std::unique_ptr<Op> make_range(OpBuilder& builder) {
  builder.want_inputs(3, 3);
  builder.want_outputs(1, 1);
  for (const std::size_t index : {1, 2}) builder.want_dtype(index, {builder.input(0).dtype});
  builder.add_output(builder.input(0).dtype);
  // It concerns 16-bit floats alone.
  builder.ignore("stash_type");
  return for_dtype_of(builder, 0, Summable(), [&](auto zero) {
    using T = decltype(zero);
    const T start = scalar<T>(builder, 0, "start"), delta = scalar<T>(builder, 2, "delta");
    const std::int64_t count = count_of(start, scalar<T>(builder, 1, "limit"), delta);
    if (count < 0) fail(ARSENAL_INVALID_MODEL, "its operands are no range: delta is 0, or one of them is NaN");
    return std::make_unique<Range<T>>(Progression<T>{start, delta, count});
  });
}

constexpr OpEntry kEntries[] = {
    {"", "Range", 11, make_range},
    {"", "Range", 27, make_range},
};

}  // namespace

OpTable range_ops() noexcept { return {kEntries, std::size(kEntries)}; }

}  // namespace arsenal::runtime
