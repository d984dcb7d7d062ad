// Constant and ConstantOfShape.
#include <cstring>

#include "ops/constants.h"
#include "ops/fill.h"
#include "plan/registry.h"

namespace arsenal::runtime {

namespace {

// Has no inputs, so the plan folds it away at once.
class ConstantOp final : public Op {
 public:
  explicit ConstantOp(Constant value) : value_(std::move(value)) {}

  std::int32_t dtype() const noexcept { return value_.dtype(); }

  bool shapes(const Inputs&, const Outputs& out, Issue&) const noexcept override {
    out[0].shape = value_.shape();
    return true;
  }

  bool keeps_rows(const std::vector<Operand>&) const override { return false; }

  bool run(const Inputs&, const Outputs& out, void*, Issue&) const noexcept override {
    const std::size_t bytes = static_cast<std::size_t>(value_.size()) * dtype_size(value_.dtype());
    if (bytes != 0) std::memcpy(out[0].data, value_.as<char>(), bytes);
    return true;
  }

 private:
  Constant value_;
};

template <typename T>
Constant list_of(std::int32_t dtype, const std::vector<T>& values) {
  Constant constant(dtype, make_shape({static_cast<std::int64_t>(values.size())}));
  if (!values.empty()) std::memcpy(constant.mutable_as<char>(), values.data(), values.size() * sizeof(T));
  return constant;
}

template <typename T>
Constant scalar_of(std::int32_t dtype, T value) {
  Constant constant(dtype, make_shape({}));
  *constant.mutable_as<T>() = value;
  return constant;
}

Constant value_of(OpBuilder& builder) {
  if (const onnx::TensorProto* tensor = builder.tensor("value")) return Constant::of_proto(*tensor);
  if (builder.version() < 12) fail(ARSENAL_INVALID_MODEL, "attribute 'value' is missing");
  if (builder.has("value_float")) return scalar_of(ARSENAL_FLOAT, builder.real("value_float", 0));
  if (builder.has("value_floats")) return list_of(ARSENAL_FLOAT, builder.reals("value_floats"));
  if (builder.has("value_int")) return scalar_of(ARSENAL_INT64, builder.integer("value_int", 0));
  if (builder.has("value_ints")) return list_of(ARSENAL_INT64, builder.integers("value_ints"));
  if (builder.has("value_string")) return Constant::of_strings({builder.string("value_string", "")}, make_shape({}));
  if (builder.has("value_strings")) {
    const std::vector<std::string_view>& values = builder.strings("value_strings");
    return Constant::of_strings(values, make_shape({static_cast<std::int64_t>(values.size())}));
  }
  fail(ARSENAL_UNSUPPORTED, "it has no dense value");
}

std::unique_ptr<Op> make_constant(OpBuilder& builder) {
  builder.want_inputs(0, 0);
  builder.want_outputs(1, 1);
  auto op = std::make_unique<ConstantOp>(value_of(builder));
  builder.add_output(op->dtype());
  return op;
}

// One value everywhere. Its shape is known when the model is loaded, so it is folded away as well.
class ConstantOfShape final : public Op {
 public:
  ConstantOfShape(const Shape& shape, Constant value) : shape_(shape), value_(std::move(value)) {}

  bool shapes(const Inputs&, const Outputs& out, Issue&) const noexcept override {
    out[0].shape = shape_;
    return true;
  }

  bool keeps_rows(const std::vector<Operand>&) const override { return false; }

  bool run(const Inputs&, const Outputs& out, void*, Issue&) const noexcept override {
    fill_elements(out[0].mutable_as<char>(), element_count(shape_), value_.as<char>(), dtype_size(value_.dtype()));
    return true;
  }

 private:
  Shape shape_;
  Constant value_;
};

std::unique_ptr<Op> make_constant_of_shape(OpBuilder& builder) {
  builder.want_inputs(1, 1);
  builder.want_outputs(1, 1);
  const Shape shape = shape_of(builder.constant_input(0, "shape"));
  const onnx::TensorProto* tensor = builder.tensor("value");
  Constant value = tensor == nullptr ? scalar_of(ARSENAL_FLOAT, 0.0f) : Constant::of_proto(*tensor);
  if (value.size() != 1) {
    fail(ARSENAL_INVALID_MODEL, "attribute 'value' has shape %s, wanted one element", ShapeText(value.shape()).text);
  }
  builder.add_output(value.dtype());
  return std::make_unique<ConstantOfShape>(shape, std::move(value));
}

// Every version from 1 on adds types or forms of the value; those that are supported mean the same in all of them.
constexpr OpEntry kEntries[] = {
    {"", "Constant", 1, make_constant},
    {"", "Constant", 9, make_constant},
    {"", "Constant", 11, make_constant},
    {"", "Constant", 12, make_constant},
    {"", "Constant", 13, make_constant},
    {"", "Constant", 19, make_constant},
    {"", "Constant", 21, make_constant},
    {"", "Constant", 23, make_constant},
    {"", "Constant", 24, make_constant},
    {"", "Constant", 25, make_constant},
    {"", "ConstantOfShape", 9, make_constant_of_shape},
    {"", "ConstantOfShape", 20, make_constant_of_shape},
    {"", "ConstantOfShape", 21, make_constant_of_shape},
    {"", "ConstantOfShape", 23, make_constant_of_shape},
    {"", "ConstantOfShape", 24, make_constant_of_shape},
    {"", "ConstantOfShape", 25, make_constant_of_shape},
};

}  // namespace

OpTable constant_ops() noexcept { return {kEntries, std::size(kEntries)}; }

}  // namespace arsenal::runtime
