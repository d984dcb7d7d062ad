// What an operator is to the plan, and what it gets to build itself from.
//
// To add an operator: write its class in src/ops/<family>.cpp, and give the family's table one entry per version that
// changed its meaning (plan/registry.h).
#ifndef ARSENAL_SRC_PLAN_OP_H_
#define ARSENAL_SRC_PLAN_OP_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "arsenal/runtime.h"
#include "failure.h"
#include "onnx/model.h"
#include "plan/constant.h"
#include "plan/shape.h"

namespace arsenal::runtime {

class OpBuilder;

// What is known at load about an operand.
struct Operand {
  // False for an optional input that is left out.
  bool present = false;
  std::int32_t dtype = ARSENAL_UNDEFINED;
  Shape shape = unknown_shape();
  // The value, if it is known at load.
  const Constant* constant = nullptr;
  // Whether axis 0 counts rows: see Op::keeps_rows.
  bool has_rows = false;
};

// One node of a plan, ready to run. Immutable; run() may be called by many threads at once.
class Op {
 public:
  Op() = default;
  Op(const Op&) = delete;
  Op& operator=(const Op&) = delete;
  virtual ~Op() = default;

  // Sets the shapes of the outputs from those of the inputs, whose ranks are all known; extents may be -1 at load.
  // False, with the reason in `issue`, if the inputs do not fit. Never allocates.
  virtual bool shapes(const Inputs& in, const Outputs& out, Issue& issue) const noexcept = 0;

  // Whether row i of every output depends on row i of those inputs that have rows, and on the whole of those that
  // have not; rows lie along axis 0. Then the plan may run in blocks of rows. Asked once, at load.
  virtual bool keeps_rows(const std::vector<Operand>& inputs) const = 0;

  // True if the only output holds the first input's elements in the same order, so that it need not be computed.
  virtual bool is_view() const noexcept { return false; }

  // True if the result follows from the inputs' shapes: their elements are not read.
  virtual bool reads_shapes_alone() const noexcept { return false; }

  // How many rows at a time suit it best where there are many; 0: it does not matter.
  virtual std::int64_t preferred_rows() const noexcept { return 0; }

  // Scratch memory that run() needs for these input shapes; it grows with the rows.
  virtual std::size_t scratch_bytes(const Inputs& in) const noexcept {
    (void)in;
    return 0;
  }

  // True if run() makes strings that neither an operand nor a table of its own holds. Then run() gets memory of
  // text_bytes(), which lasts as long as these strings, for its scratch memory.
  virtual bool makes_text() const noexcept { return false; }
  // Memory for the text that run() makes of these operands, whose elements are known.
  virtual std::size_t text_bytes(const Inputs& in) const noexcept {
    (void)in;
    return 0;
  }

  // Computes the outputs. An output with data == nullptr is not asked for. `scratch` is aligned to 64 bytes and holds
  // scratch_bytes(). False, with the reason in `issue`, if the values make it impossible. Never allocates.
  virtual bool run(const Inputs& in, const Outputs& out, void* scratch, Issue& issue) const noexcept = 0;

  // For a function of one element that keeps the dtype: applies it to `count` elements in place. Where there is none,
  // maps_elements() is false.
  virtual bool maps_elements() const noexcept { return false; }
  virtual void map_elements(void* elements, std::int64_t count) const noexcept {
    (void)elements;
    (void)count;
  }

  // Takes over the work of `next`, the only reader of this operator's only output, whose other operands are known at
  // load and whose result has the shape of that output. False if that is not to be: nothing has changed then. The bits
  // of the result do not change either. Asked at load.
  virtual bool absorb(std::unique_ptr<Op>& next, const OpBuilder& node) {
    (void)next;
    (void)node;
    return false;
  }
};

// Facts that the plan gathers for arsenal_session_model_info.
struct TreeFacts {
  std::size_t n_trees = 0;
  std::size_t n_nodes = 0;
  std::size_t n_leaves = 0;
  std::size_t max_depth = 0;
  const char* engine = "none";
};

// Whom an operator of ai.onnx.ml follows where onnxruntime and the text of the specification disagree.
enum class Compat : std::uint8_t { kOnnxruntime, kSpecification };

struct Limits {
  std::uint64_t max_tree_nodes;
  std::uint32_t max_tree_depth;
};

// The node being built, as an operator's factory sees it: inputs, attributes, and where to declare the outputs.
class OpBuilder {
 public:
  OpBuilder(const onnx::Node& node, std::int64_t version, std::vector<Operand> inputs, const Limits& limits,
            Compat compat, TreeFacts& trees);

  std::int64_t version() const noexcept { return version_; }
  const Limits& limits() const noexcept { return limits_; }
  bool follows_text() const noexcept { return compat_ == Compat::kSpecification; }
  TreeFacts& trees() noexcept { return trees_; }
  const onnx::Node& node() const noexcept { return node_; }
  // Whether it is this operator; the domain "" is ai.onnx.
  bool is(std::string_view domain, std::string_view op_type) const noexcept {
    return node_.domain == domain && node_.op_type == op_type;
  }

  // Number of inputs and outputs as written, trailing empty names left out.
  std::size_t input_count() const noexcept { return inputs_.size(); }
  std::size_t output_count() const noexcept { return output_count_; }
  // Throws Failure unless the counts are within the bounds (inclusive).
  void want_inputs(std::size_t least, std::size_t most) const;
  void want_outputs(std::size_t least, std::size_t most) const;

  const std::vector<Operand>& inputs() const noexcept { return inputs_; }
  // False for an optional input that is left out.
  bool has_input(std::size_t index) const noexcept { return index < inputs_.size() && inputs_[index].present; }
  // An input; throws Failure if it is left out.
  const Operand& input(std::size_t index) const;
  // The value of an input that must be known at load.
  const Constant& constant_input(std::size_t index, const char* role) const;
  // Drops all inputs but the first `count`: the operator does not need the others when it runs.
  void keep_inputs(std::size_t count) { inputs_.resize(count); }

  // Attributes. Each accessor throws Failure if the attribute has another type. Asking marks it as known: when the
  // factory is done, finish() refuses attributes that nobody asked for.
  bool has(std::string_view name);
  std::int64_t integer(std::string_view name, std::int64_t fallback);
  std::int64_t required_integer(std::string_view name);
  float real(std::string_view name, float fallback);
  std::string_view string(std::string_view name, std::string_view fallback);
  const std::vector<std::int64_t>& integers(std::string_view name);
  const std::vector<float>& reals(std::string_view name);
  const std::vector<std::string_view>& strings(std::string_view name);
  const onnx::TensorProto* tensor(std::string_view name);
  // Accepts an attribute that cannot change a result (hit rates, for instance).
  void ignore(std::string_view name);

  // Declares the dtype of the next output.
  void add_output(std::int32_t dtype) { output_dtypes_.push_back(dtype); }
  // Makes the only output a map: its last axis has one place per key. Only a model's output may be one.
  void set_keys(Constant keys) { keys_ = std::make_unique<Constant>(std::move(keys)); }
  std::unique_ptr<Constant> take_keys() noexcept { return std::move(keys_); }
  // Throws Failure, with a list of names, unless `dtype` is one of `allowed`.
  void want_dtype(std::size_t input, std::initializer_list<std::int32_t> allowed) const;

  // Ends the build: throws Failure for attributes that the operator does not have. Returns the outputs' dtypes.
  const std::vector<std::int32_t>& finish() const;

 private:
  const onnx::Attribute* find(std::string_view name, onnx::AttributeType type);

  const onnx::Node& node_;
  std::int64_t version_;
  std::vector<Operand> inputs_;
  std::size_t output_count_;
  const Limits& limits_;
  Compat compat_;
  TreeFacts& trees_;
  std::vector<bool> known_;
  std::vector<std::int32_t> output_dtypes_;
  std::unique_ptr<Constant> keys_;
};

}  // namespace arsenal::runtime

#endif  // ARSENAL_SRC_PLAN_OP_H_
