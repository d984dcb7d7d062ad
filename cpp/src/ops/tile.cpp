// Tile.
#include <algorithm>
#include <cstdint>
#include <cstring>

#include "ops/constants.h"
#include "plan/registry.h"

namespace arsenal::runtime {

namespace {

class Tile final : public Op {
 public:
  Tile(std::vector<std::int64_t> repeats, std::size_t element) : repeats_(std::move(repeats)), element_(element) {}

  bool shapes(const Inputs& in, const Outputs& out, Issue& issue) const noexcept override {
    Shape to = in[0].shape;
    bool fits = repeats_.size() == static_cast<std::size_t>(to.rank);
    for (std::int32_t d = 0; fits && d < to.rank; ++d) {
      if (to.dims[d] >= 0) fits = !__builtin_mul_overflow(to.dims[d], repeats(d), &to.dims[d]);
    }
    if (!fits) {
      return issue.set(ARSENAL_SHAPE_MISMATCH, "shape %s cannot be repeated: repeats has %zu entries, or is too large",
                       ShapeText(in[0].shape).text, repeats_.size());
    }
    out[0].shape = to;
    return true;
  }

  bool keeps_rows(const std::vector<Operand>&) const override { return !repeats_.empty() && repeats_[0] == 1; }

  bool run(const Inputs& in, const Outputs& out, void*, Issue&) const noexcept override {
    const char* from = in[0].as<char>();
    if (element_count(out[0].shape) != 0) tile(in[0].shape, 0, from, out[0].mutable_as<char>());
    return true;
  }

 private:
  // Writes the axes from `d` on of what comes next in `from`; returns the end of what it wrote.
  char* tile(const Shape& shape, std::int32_t d, const char*& from, char* const first) const noexcept {
    char* to = first;
    if (d + 1 >= shape.rank) {
      const std::size_t bytes = static_cast<std::size_t>(d < shape.rank ? shape.dims[d] : 1) * element_;
      std::memcpy(to, from, bytes);
      from += bytes;
      to += bytes;
    } else {
      for (std::int64_t i = 0; i < shape.dims[d]; ++i) to = tile(shape, d + 1, from, to);
    }
    const auto bytes = static_cast<std::size_t>(to - first);
    for (std::int64_t k = 1; d < shape.rank && k < repeats(d); ++k, to += bytes) std::memcpy(to, first, bytes);
    return to;
  }

  std::int64_t repeats(std::int32_t d) const noexcept { return repeats_[static_cast<std::size_t>(d)]; }

  std::vector<std::int64_t> repeats_;
  std::size_t element_;
};

std::unique_ptr<Op> make_tile(OpBuilder& builder) {
  builder.want_inputs(2, 2);
  builder.want_outputs(1, 1);
  builder.add_output(builder.input(0).dtype);
  std::vector<std::int64_t> repeats = integers_of(builder.constant_input(1, "repeats"));
  if (std::any_of(repeats.begin(), repeats.end(), [](std::int64_t count) { return count < 0; })) {
    fail(ARSENAL_INVALID_MODEL, "input 1 (repeats) has a negative entry");
  }
  return std::make_unique<Tile>(std::move(repeats), dtype_size(builder.input(0).dtype));
}

constexpr OpEntry kEntries[] = {
    {"", "Tile", 6, make_tile},
    {"", "Tile", 13, make_tile},
};

}  // namespace

OpTable tile_ops() noexcept { return {kEntries, std::size(kEntries)}; }

}  // namespace arsenal::runtime
