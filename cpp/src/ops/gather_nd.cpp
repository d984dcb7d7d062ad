// GatherND: the slices that tuples of indices name.
#include <algorithm>
#include <cstdint>
#include <cstring>

#include "ops/place.h"
#include "plan/registry.h"

namespace arsenal::runtime {

namespace {

// result[b][i] = data[b][indices[b][i][0]]...[indices[b][i][k - 1]], for one batch axis.
class GatherNd final : public Op {
 public:
  GatherNd(std::int32_t batch_dims, std::size_t element) : batch_dims_(batch_dims), element_(element) {}

  bool shapes(const Inputs& in, const Outputs& out, Issue& issue) const noexcept override {
    const Shape& data = in[0].shape;
    const Shape& indices = in[1].shape;
    bool fits = batch_dims_ < data.rank && batch_dims_ < indices.rank;
    for (std::int32_t d = 0; fits && d < batch_dims_; ++d) {
      fits = data.dims[d] < 0 || indices.dims[d] < 0 || data.dims[d] == indices.dims[d];
    }
    const std::int64_t length = fits ? indices.dims[indices.rank - 1] : 0;
    if (!fits || length == 0 || length > data.rank - batch_dims_) {
      return issue.set(ARSENAL_SHAPE_MISMATCH, "indices of shape %s do not fit data of shape %s with batch_dims = %d",
                       ShapeText(indices).text, ShapeText(data).text, static_cast<int>(batch_dims_));
    }
    // How many axes are left is known at run time only.
    if (length < 0) {
      out[0].shape = unknown_shape();
      return true;
    }
    const std::int32_t first = batch_dims_ + static_cast<std::int32_t>(length);
    if (indices.rank - 1 + data.rank - first > ARSENAL_MAX_RANK) {
      return issue.set(ARSENAL_UNSUPPORTED, "the result has rank %d, supported is up to %d",
                       static_cast<int>(indices.rank - 1 + data.rank - first), ARSENAL_MAX_RANK);
    }
    Shape result{0, {}};
    for (std::int32_t d = 0; d < indices.rank - 1; ++d) result.dims[result.rank++] = indices.dims[d];
    for (std::int32_t d = first; d < data.rank; ++d) result.dims[result.rank++] = data.dims[d];
    out[0].shape = result;
    return true;
  }

  bool keeps_rows(const std::vector<Operand>& inputs) const override {
    // Either tuples are looked up in a table, or each row is looked into.
    if (batch_dims_ > 0) return inputs[0].has_rows && inputs[1].has_rows;
    return inputs[1].shape.rank > 1 && !inputs[0].has_rows;
  }

  bool run(const Inputs& in, const Outputs& out, void*, Issue& issue) const noexcept override {
    const Shape& data = in[0].shape;
    // An empty result may have huge extents.
    if (element_count(out[0].shape) == 0) return true;
    const Shape& indices = in[1].shape;
    const std::int64_t length = indices.dims[indices.rank - 1];
    std::int64_t n_batches = 1;
    for (std::int32_t d = 0; d < batch_dims_; ++d) n_batches *= data.dims[d];
    std::int64_t n_tuples = 1;
    for (std::int32_t d = batch_dims_; d < indices.rank - 1; ++d) n_tuples *= indices.dims[d];
    const std::int64_t* extents = data.dims + batch_dims_;
    const std::int32_t first = batch_dims_ + static_cast<std::int32_t>(length);
    const std::size_t chunk = static_cast<std::size_t>(element_count(data, first)) * element_;
    const std::size_t batch = static_cast<std::size_t>(element_count(data, batch_dims_)) * element_;
    const char* from = in[0].as<char>();
    const std::int64_t* tuple = in[1].as<std::int64_t>();
    char* to = out[0].mutable_as<char>();
    for (std::int64_t b = 0; b < n_batches; ++b, from += batch) {
      for (std::int64_t i = 0; i < n_tuples; ++i, tuple += length, to += chunk) {
        std::size_t position = 0;
        if (!find_position(tuple, extents, length, position, issue)) return false;
        if (chunk != 0) std::memcpy(to, from + position * chunk, chunk);
      }
    }
    return true;
  }

 private:
  static bool find_position(const std::int64_t* tuple, const std::int64_t* extents, std::int64_t length,
                            std::size_t& position, Issue& issue) noexcept {
    for (std::int64_t k = 0; k < length; ++k) {
      std::int64_t place;
      if (!find_place(tuple[k], extents[k], place, issue)) return false;
      position = position * static_cast<std::size_t>(extents[k]) + static_cast<std::size_t>(place);
    }
    return true;
  }

  std::int32_t batch_dims_;
  std::size_t element_;
};

std::unique_ptr<Op> make_gather_nd(OpBuilder& builder) {
  builder.want_inputs(2, 2);
  builder.want_outputs(1, 1);
  builder.want_dtype(1, {ARSENAL_INT64});
  builder.add_output(builder.input(0).dtype);
  const std::int64_t batch_dims = builder.version() < 12 ? 0 : builder.integer("batch_dims", 0);
  if (batch_dims < 0 || batch_dims >= ARSENAL_MAX_RANK) {
    fail(ARSENAL_INVALID_MODEL, "attribute 'batch_dims' is %lld, wanted 0 to %d", static_cast<long long>(batch_dims),
         ARSENAL_MAX_RANK - 1);
  }
  return std::make_unique<GatherNd>(static_cast<std::int32_t>(batch_dims), dtype_size(builder.input(0).dtype));
}

constexpr OpEntry kEntries[] = {
    {"", "GatherND", 11, make_gather_nd},
    {"", "GatherND", 12, make_gather_nd},
    {"", "GatherND", 13, make_gather_nd},
};

}  // namespace

OpTable gather_nd_ops() noexcept { return {kEntries, std::size(kEntries)}; }

}  // namespace arsenal::runtime
