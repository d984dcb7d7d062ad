// PRelu: a slope of its own for the negative elements of each channel.
#include <cstdint>
#include <type_traits>

#include "ops/binary.h"
#include "ops/dtypes.h"
#include "plan/registry.h"

namespace arsenal::runtime {

namespace {

struct Slope : Total {
  template <typename T>
  static bool apply(T x, T slope, T& result) noexcept {
    if constexpr (std::is_floating_point_v<T>) {
      result = x < 0 ? x * slope : x;
    } else if constexpr (std::is_signed_v<T>) {
      // Integers wrap around.
      result = x < 0 ? static_cast<T>(static_cast<std::uint64_t>(x) * static_cast<std::uint64_t>(slope)) : x;
    } else {
      result = x;
    }
    return true;
  }
};

template <typename T>
class PRelu final : public Binary<T, T, T, Slope> {
 public:
  bool shapes(const Inputs& in, const Outputs& out, Issue& issue) const noexcept override {
    const Shape& x = in[0].shape;
    bool fits = broadcast_shapes(x, in[1].shape, out[0].shape) && out[0].shape.rank == x.rank;
    // The slope is stretched, never the elements.
    for (std::int32_t d = 0; fits && d < x.rank; ++d) {
      const std::int64_t stretched = out[0].shape.dims[d];
      fits = x.dims[d] < 0 || stretched < 0 || stretched == x.dims[d];
    }
    if (!fits) {
      return issue.set(ARSENAL_SHAPE_MISMATCH, "a slope of shape %s cannot be broadcast to shape %s",
                       ShapeText(in[1].shape).text, ShapeText(x).text);
    }
    out[0].shape = x;
    return true;
  }
};

using Numbers32And64 = Dtypes<float, double, std::int32_t, std::int64_t, std::uint32_t, std::uint64_t>;

template <typename List>
std::unique_ptr<Op> make_prelu(OpBuilder& builder) {
  builder.want_inputs(2, 2);
  builder.want_outputs(1, 1);
  builder.want_dtype(1, {builder.input(0).dtype});
  builder.add_output(builder.input(0).dtype);
  return for_dtype_of(builder, 0, List(), [](auto zero) { return std::make_unique<PRelu<decltype(zero)>>(); });
}

constexpr OpEntry kEntries[] = {
    {"", "PRelu", 7, make_prelu<Reals>},
    {"", "PRelu", 9, make_prelu<Numbers32And64>},
    {"", "PRelu", 16, make_prelu<Numbers32And64>},
};

}  // namespace

OpTable prelu_ops() noexcept { return {kEntries, std::size(kEntries)}; }

}  // namespace arsenal::runtime
