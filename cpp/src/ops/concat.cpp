// Concat.
#include <cstring>

#include "plan/registry.h"

namespace arsenal::runtime {

namespace {

// Copies `count` chunks of `bytes` each.
template <std::size_t kBytes>
void copy_chunks(std::int64_t count, const char* from, char* to, std::size_t to_stride) noexcept {
  for (std::int64_t i = 0; i < count; ++i)
    std::memcpy(to + static_cast<std::size_t>(i) * to_stride, from + static_cast<std::size_t>(i) * kBytes, kBytes);
}

void copy_chunks(std::int64_t count, std::size_t bytes, const char* from, char* to, std::size_t to_stride) noexcept {
  // A column of a table is one number per chunk.
  if (bytes == 4) return copy_chunks<4>(count, from, to, to_stride);
  if (bytes == 8) return copy_chunks<8>(count, from, to, to_stride);
  if (bytes == 0) return;
  for (std::int64_t i = 0; i < count; ++i) {
    std::memcpy(to, from, bytes);
    from += bytes;
    to += to_stride;
  }
}

class Concat final : public Op {
 public:
  Concat(std::int64_t axis, std::size_t n_inputs, std::size_t element)
      : axis_(axis), n_inputs_(n_inputs), element_(element) {}

  bool shapes(const Inputs& in, const Outputs& out, Issue& issue) const noexcept override {
    Shape joined = in[0].shape;
    std::int32_t axis;
    if (!resolve_axis(axis_, joined.rank, axis)) {
      return issue.set(ARSENAL_SHAPE_MISMATCH, "axis %lld does not exist in shape %s", static_cast<long long>(axis_),
                       ShapeText(joined).text);
    }
    for (std::size_t i = 1; i < n_inputs_; ++i) {
      const Shape& next = in[i].shape;
      bool fits = next.rank == joined.rank;
      for (std::int32_t d = 0; fits && d < joined.rank; ++d) {
        if (d == axis) {
          const bool known = joined.dims[d] >= 0 && next.dims[d] >= 0;
          if (!known) {
            joined.dims[d] = -1;
          } else if (__builtin_add_overflow(joined.dims[d], next.dims[d], &joined.dims[d])) {
            return issue.set(ARSENAL_SHAPE_MISMATCH, "the result is too large");
          }
        } else if (joined.dims[d] < 0) {
          joined.dims[d] = next.dims[d];
        } else {
          fits = next.dims[d] < 0 || next.dims[d] == joined.dims[d];
        }
      }
      if (!fits) {
        return issue.set(ARSENAL_SHAPE_MISMATCH, "input %zu of shape %s does not fit input 0 of shape %s along axis %d",
                         i, ShapeText(next).text, ShapeText(in[0].shape).text, static_cast<int>(axis));
      }
    }
    out[0].shape = joined;
    return true;
  }

  bool keeps_rows(const std::vector<Operand>& inputs) const override {
    std::int32_t axis;
    if (!resolve_axis(axis_, inputs[0].shape.rank, axis) || axis == 0) return false;
    for (const Operand& input : inputs) {
      if (!input.has_rows) return false;
    }
    return true;
  }

  bool run(const Inputs& in, const Outputs& out, void*, Issue&) const noexcept override {
    // Nothing to write, and perhaps no memory to count in.
    if (element_count(out[0].shape) == 0) return true;
    std::int32_t axis;
    resolve_axis(axis_, out[0].shape.rank, axis);
    std::int64_t outer = 1;
    for (std::int32_t d = 0; d < axis; ++d) outer *= out[0].shape.dims[d];
    const std::size_t stride = static_cast<std::size_t>(element_count(out[0].shape, axis)) * element_;
    char* to = out[0].mutable_as<char>();
    for (std::size_t i = 0; i < n_inputs_; ++i) {
      const std::size_t bytes = static_cast<std::size_t>(element_count(in[i].shape, axis)) * element_;
      copy_chunks(outer, bytes, in[i].as<char>(), to, stride);
      to += bytes;
    }
    return true;
  }

 private:
  std::int64_t axis_;
  std::size_t n_inputs_;
  std::size_t element_;
};

std::unique_ptr<Op> make_concat(OpBuilder& builder) {
  builder.want_inputs(1, SIZE_MAX);
  builder.want_outputs(1, 1);
  const std::int32_t dtype = builder.input(0).dtype;
  for (std::size_t i = 1; i < builder.input_count(); ++i) builder.want_dtype(i, {dtype});
  builder.add_output(dtype);
  return std::make_unique<Concat>(builder.required_integer("axis"), builder.input_count(), dtype_size(dtype));
}

constexpr OpEntry kEntries[] = {
    {"", "Concat", 4, make_concat},
    {"", "Concat", 11, make_concat},
    {"", "Concat", 13, make_concat},
};

}  // namespace

OpTable concat_ops() noexcept { return {kEntries, std::size(kEntries)}; }

}  // namespace arsenal::runtime
