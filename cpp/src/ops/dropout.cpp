// Dropout, as it is when a model is used: nothing is dropped.
#include <cstring>

#include "ops/dtypes.h"
#include "ops/view.h"
#include "plan/registry.h"

namespace arsenal::runtime {

namespace {

// With the mask of what was kept, as a second output.
class MaskedDropout final : public Op {
 public:
  MaskedDropout(Bool kept, std::size_t element) : kept_(kept), element_(element) {}

  bool shapes(const Inputs& in, const Outputs& out, Issue&) const noexcept override {
    out[0].shape = in[0].shape;
    out[1].shape = in[0].shape;
    return true;
  }

  bool keeps_rows(const std::vector<Operand>&) const override { return true; }

  bool run(const Inputs& in, const Outputs& out, void*, Issue&) const noexcept override {
    const auto count = static_cast<std::size_t>(element_count(in[0].shape));
    if (count == 0) return true;
    if (out[0].data != nullptr) std::memcpy(out[0].data, in[0].data, count * element_);
    if (out[1].data != nullptr) std::memset(out[1].data, static_cast<int>(kept_), count);
    return true;
  }

 private:
  Bool kept_;
  std::size_t element_;
};

// Training with a ratio of 0 drops nothing, either.
void refuse_training(const OpBuilder& builder) {
  if (!builder.has_input(2)) return;
  builder.want_dtype(2, {ARSENAL_BOOL});
  const Constant& training = builder.constant_input(2, "training_mode");
  if (training.size() == 1 && *training.as<Bool>() == Bool::kFalse) return;
  if (builder.has_input(1)) {
    const Constant& ratio = builder.constant_input(1, "ratio");
    if (ratio.dtype() == ARSENAL_FLOAT && ratio.size() == 1 && *ratio.as<float>() == 0) return;
    if (ratio.dtype() == ARSENAL_DOUBLE && ratio.size() == 1 && *ratio.as<double>() == 0) return;
  }
  fail(ARSENAL_UNSUPPORTED, "training_mode is set: it would drop elements at random");
}

std::unique_ptr<Op> make_dropout(OpBuilder& builder) {
  builder.want_inputs(1, builder.version() < 12 ? 1 : 3);
  builder.want_outputs(1, 2);
  builder.ignore("ratio");
  builder.ignore("seed");
  refuse_training(builder);
  builder.keep_inputs(1);
  const std::int32_t dtype = builder.input(0).dtype;
  builder.want_dtype(0, {ARSENAL_FLOAT, ARSENAL_DOUBLE});
  builder.add_output(dtype);
  if (builder.output_count() == 1) return std::make_unique<IdentityOp>(dtype_size(dtype));
  if (builder.version() < 10) fail(ARSENAL_UNSUPPORTED, "a mask of reals is not supported");
  builder.add_output(ARSENAL_BOOL);
  // Before version 12 the specification does not say what the mask is; onnxruntime makes it false.
  return std::make_unique<MaskedDropout>(to_bool(builder.version() >= 12), dtype_size(dtype));
}

constexpr OpEntry kEntries[] = {
    {"", "Dropout", 7, make_dropout},  {"", "Dropout", 10, make_dropout}, {"", "Dropout", 12, make_dropout},
    {"", "Dropout", 13, make_dropout}, {"", "Dropout", 22, make_dropout},
};

}  // namespace

OpTable dropout_ops() noexcept { return {kEntries, std::size(kEntries)}; }

}  // namespace arsenal::runtime
