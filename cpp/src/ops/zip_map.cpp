// ZipMap: the scores of each row under the names of their classes.
//
// The scores stay a tensor here; the names are the output's keys (arsenal_session_output_keys), and whoever wants
// dictionaries makes them from both.
#include "ops/class_labels.h"
#include "ops/view.h"
#include "plan/registry.h"

namespace arsenal::runtime {

namespace {

class ZipMap final : public ViewOp {
 public:
  ZipMap(std::size_t n_keys, std::size_t element) : ViewOp(element), n_keys_(static_cast<std::int64_t>(n_keys)) {}

  bool shapes(const Inputs& in, const Outputs& out, Issue& issue) const noexcept override {
    const Shape& shape = in[0].shape;
    const bool fits = shape.rank == 1 || shape.rank == 2;
    const std::int64_t width = fits ? shape.dims[shape.rank - 1] : 0;
    if (!fits || (width >= 0 && width != n_keys_)) {
      return issue.set(ARSENAL_SHAPE_MISMATCH, "input has shape %s, wanted %lld columns, one per class",
                       ShapeText(shape).text, static_cast<long long>(n_keys_));
    }
    out[0].shape = make_shape({shape.rank == 2 ? shape.dims[0] : 1, n_keys_});
    return true;
  }

  bool keeps_rows(const std::vector<Operand>& inputs) const override { return inputs[0].shape.rank == 2; }

 private:
  std::int64_t n_keys_;
};

std::unique_ptr<Op> make_zip_map(OpBuilder& builder) {
  builder.want_inputs(1, 1);
  builder.want_outputs(1, 1);
  builder.want_dtype(0, {ARSENAL_FLOAT});
  builder.add_output(ARSENAL_FLOAT);
  ClassLabels labels(builder, "classlabels_int64s");
  const std::size_t n_keys = labels.size();
  builder.set_keys(std::move(labels).constant());
  return std::make_unique<ZipMap>(n_keys, sizeof(float));
}

constexpr OpEntry kEntries[] = {{"ai.onnx.ml", "ZipMap", 1, make_zip_map}};

}  // namespace

OpTable zip_map_ops() noexcept { return {kEntries, std::size(kEntries)}; }

}  // namespace arsenal::runtime
