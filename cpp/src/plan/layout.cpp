// Checks a call's tensors, infers shapes, and lays out its workspace.
#include <cstring>
#include <memory>
#include <new>

#include "plan/call.h"

namespace arsenal::runtime {

char Call::direct_memory_;

namespace {

constexpr std::size_t kTooMuch = SIZE_MAX / 4;

// A buffer's share of the workspace: small buffers need not fill a cache line.
std::size_t buffer_room(std::size_t bytes) noexcept {
  return bytes < kAlignment ? (bytes + 15) / 16 * 16 : aligned(bytes);
}

std::size_t tensor_bytes(const Shape& shape, std::size_t element) noexcept {
  std::size_t bytes = element;
  for (std::int32_t d = 0; d < shape.rank; ++d) {
    if (shape.dims[d] == 0) return 0;
    if (__builtin_mul_overflow(bytes, static_cast<std::size_t>(shape.dims[d]), &bytes) || bytes > kTooMuch) {
      // An extent of 0 further on makes it empty all the same.
      return element_count(shape) == 0 ? 0 : kTooMuch;
    }
  }
  return bytes;
}

}  // namespace

bool Call::bind(const BindArguments& arguments) noexcept {
  if (!check_input_count(arguments.n_inputs)) return false;
  if (!choose_outputs(arguments.output_indices, arguments.n_outputs)) return false;
  const std::unique_ptr<Tensor[]> frame(new (std::nothrow) Tensor[plan_.frame.size()]);
  if (frame == nullptr) return issue_.set(ARSENAL_OUT_OF_MEMORY, "no memory for %zu values", plan_.frame.size());
  start_frame(frame.get());
  for (std::size_t i = 0; i < arguments.n_inputs; ++i) {
    if (!check_input_shape(i, arguments.input_shapes[i])) return false;
    frame[plan_.inputs[i].value].shape = arguments.input_shapes[i];
  }
  if (!infer(frame.get())) return false;
  if (arguments.output_shapes != nullptr) {
    for (std::size_t i = 0; i < arguments.n_outputs; ++i) {
      arguments.output_shapes[i] = frame[plan_.outputs[arguments.output_indices[i]].value].shape;
    }
  }
  if (!measure(frame.get(), true)) return false;
  if (arguments.workspace_bytes != nullptr) *arguments.workspace_bytes = workspace_bytes();
  return true;
}

bool Call::choose_outputs(const std::size_t* indices, std::size_t count) noexcept {
  if (count > 0 && indices == nullptr) return issue_.set(ARSENAL_INVALID_ARGUMENT, "output_indices is NULL");
  for (std::size_t i = 0; i < count; ++i) {
    if (indices[i] >= plan_.outputs.size()) {
      return issue_.set(ARSENAL_INVALID_ARGUMENT, "output index %zu is out of range, the model has %zu outputs",
                        indices[i], plan_.outputs.size());
    }
    const std::uint64_t bit = std::uint64_t{1} << indices[i];
    if ((layout_.wanted & bit) != 0) {
      return issue_.set(ARSENAL_INVALID_ARGUMENT, "output index %zu is asked for twice", indices[i]);
    }
    layout_.wanted |= bit;
  }
  return true;
}

bool Call::check_input_count(std::size_t count) noexcept {
  if (count == plan_.inputs.size()) return true;
  return issue_.set(ARSENAL_INVALID_ARGUMENT, "got %zu inputs, the model has %zu", count, plan_.inputs.size());
}

bool Call::check_input_shape(std::size_t index, const Shape& shape) noexcept {
  const Port& port = plan_.inputs[index];
  bool fits =
      shape.rank >= 0 && shape.rank <= ARSENAL_MAX_RANK && (port.shape.rank < 0 || shape.rank == port.shape.rank);
  for (std::int32_t d = 0; fits && d < shape.rank; ++d) {
    const std::int64_t wanted = port.shape.rank < 0 ? -1 : port.shape.dims[d];
    fits = shape.dims[d] >= 0 && (wanted < 0 || shape.dims[d] == wanted);
  }
  if (fits) return true;
  if (shape.rank < 0 || shape.rank > ARSENAL_MAX_RANK) {
    return issue_.set(ARSENAL_SHAPE_MISMATCH, "input '%.100s' has rank %d, supported is 0 to %d", port.name.c_str(),
                      static_cast<int>(shape.rank), ARSENAL_MAX_RANK);
  }
  return issue_.set(ARSENAL_SHAPE_MISMATCH, "input '%.100s' has shape %s, the model wants %s", port.name.c_str(),
                    ShapeText(shape).text, ShapeText(port.shape).text);
}

void Call::start_frame(Tensor* frame) const noexcept {
  std::memcpy(static_cast<void*>(frame), plan_.frame.data(), plan_.frame.size() * sizeof(Tensor));
}

bool Call::load_inputs(const RunArguments& arguments, Tensor* frame) noexcept {
  for (std::size_t i = 0; i < arguments.n_inputs; ++i) {
    const arsenal_input& input = arguments.inputs[i];
    const Port& port = plan_.inputs[i];
    if (input.dtype != port.dtype) {
      return issue_.set(ARSENAL_DTYPE_MISMATCH, "input '%.100s' has dtype %s, the model wants %s", port.name.c_str(),
                        dtype_name(input.dtype), dtype_name(port.dtype));
    }
    if (input.rank > 0 && input.shape == nullptr) {
      return issue_.set(ARSENAL_INVALID_ARGUMENT, "input '%.100s' has no shape", port.name.c_str());
    }
    const bool sane = input.rank >= 0 && input.rank <= ARSENAL_MAX_RANK;
    const Shape shape = sane ? shape_of(input.rank, input.shape) : Shape{input.rank, {}};
    if (!check_input_shape(i, shape)) return false;
    if (input.data == nullptr && element_count(shape) != 0) {
      return issue_.set(ARSENAL_INVALID_ARGUMENT, "input '%.100s' has no data", port.name.c_str());
    }
    frame[port.value].shape = shape;
    if (in_place(input, plan_.values[port.value].element)) frame[port.value].data = &direct_memory_;
  }
  return true;
}

bool Call::infer(Tensor* frame) noexcept {
  layout_.blockwise = (layout_.wanted & ~plan_.blockwise) == 0;
  std::int64_t rows = -1;
  for (const Port& port : plan_.inputs) {
    const Value& value = plan_.values[port.value];
    if (!value.has_rows || !needed(value, layout_)) continue;
    const std::int64_t input_rows = frame[port.value].shape.dims[0];
    if (rows == -1) rows = input_rows;
    layout_.blockwise = layout_.blockwise && rows == input_rows;
  }
  layout_.blockwise = layout_.blockwise && rows != -1;
  layout_.rows = rows;
  if (layout_.blockwise && (layout_.wanted & ~plan_.fixed) == 0) {
    set_rows(frame, rows);
    return true;
  }
  for (const Step& step : plan_.steps) {
    if (!needed(step, layout_)) continue;
    Issue issue;
    if (step.op->shapes(Inputs(frame, step.inputs.data()), Outputs(frame, step.outputs.data()), issue)) continue;
    return issue_.set(ARSENAL_SHAPE_MISMATCH, "%.200s: %.250s", step.label.c_str(), issue.text);
  }
  return true;
}

void Call::set_rows(Tensor* frame, std::int64_t rows) const noexcept {
  for (std::size_t id = 1; id < plan_.values.size(); ++id) {
    if (plan_.values[id].has_rows) frame[id].shape.dims[0] = rows;
  }
}

bool Call::check_output(const arsenal_output& output, std::size_t index, const Tensor* frame) noexcept {
  const Port& port = plan_.outputs[index];
  if (output.dtype != port.dtype) {
    return issue_.set(ARSENAL_DTYPE_MISMATCH, "output '%.100s' has dtype %s, the model makes %s", port.name.c_str(),
                      dtype_name(output.dtype), dtype_name(port.dtype));
  }
  const Shape& wanted = frame[port.value].shape;
  if (output.rank < 0 || output.rank > ARSENAL_MAX_RANK || (output.rank > 0 && output.shape == nullptr)) {
    return issue_.set(ARSENAL_SHAPE_MISMATCH, "output '%.100s' has rank %d or no shape, the model makes %s",
                      port.name.c_str(), static_cast<int>(output.rank), ShapeText(wanted).text);
  }
  const Shape given = shape_of(output.rank, output.shape);
  if (!same_shape(given, wanted)) {
    return issue_.set(ARSENAL_SHAPE_MISMATCH, "output '%.100s' has shape %s, the model makes %s", port.name.c_str(),
                      ShapeText(given).text, ShapeText(wanted).text);
  }
  if (output.data == nullptr && element_count(wanted) != 0) {
    return issue_.set(ARSENAL_INVALID_ARGUMENT, "output '%.100s' has no data", port.name.c_str());
  }
  return true;
}

// Gives every value that needs one a buffer from `base` on (nullptr: only measures); returns the bytes used.
std::size_t Call::place(Tensor* frame, char* base) const noexcept {
  std::size_t used = 0;
  const auto give = [&](std::uint32_t id) {
    if (frame[id].data != nullptr || !needed(plan_.values[id], layout_)) return;
    const std::size_t room = buffer_room(tensor_bytes(frame[id].shape, plan_.values[id].element));
    if (base != nullptr) frame[id].data = base + used;
    used = std::min(used + room, kTooMuch);
  };
  for (const Port& port : plan_.inputs) give(port.value);
  for (const Step& step : plan_.steps) {
    if (!needed(step, layout_) || step.is_alias) continue;
    for (const std::uint32_t id : step.outputs) give(id);
  }
  return used;
}

// Large blocks only as far as every thread still has its share.
std::int64_t Call::block_rows(std::int64_t rows) const noexcept {
  const auto n_threads = static_cast<std::int64_t>(runtime_.pool.size());
  const std::int64_t rounds = std::max<std::int64_t>(1, (rows - 1) / (plan_.block_rows * n_threads) + 1);
  const std::int64_t share = (rows - 1) / (rounds * n_threads) + 1;
  // Whole groups of 64 rows, as the engines have them.
  const std::int64_t block = std::max(kBlockRows, (share + 63) / 64 * 64);
  return std::max<std::int64_t>(1, std::min(rows, block));
}

bool Call::measure(Tensor* frame, bool all_strided) noexcept {
  if (layout_.blockwise) {
    layout_.block = block_rows(layout_.rows);
    layout_.n_blocks = layout_.rows / layout_.block + (layout_.rows % layout_.block != 0 ? 1 : 0);
    set_rows(frame, layout_.block);
    const auto most = static_cast<std::size_t>(std::max<std::int64_t>(1, layout_.n_blocks));
    layout_.n_workers = std::min(runtime_.pool.size(), most);
  }
  if (all_strided) {
    for (const Port& port : plan_.inputs) frame[port.value].data = nullptr;
  }
  const std::size_t buffers = place(frame, nullptr);
  std::size_t scratch = 0;
  for (const Step& step : plan_.steps) {
    if (needed(step, layout_)) {
      scratch = std::max(scratch, step.op->scratch_bytes(Inputs(frame, step.inputs.data())));
      layout_.makes_text = layout_.makes_text || step.makes_text;
    }
  }
  // The text is the calling thread's: it outlives the run.
  if (layout_.makes_text) layout_.n_workers = 1;
  layout_.scratch_offset = frame_bytes() + aligned(buffers);
  layout_.slice_bytes = layout_.scratch_offset + aligned(std::min(scratch, kTooMuch));
  if (layout_.slice_bytes <= runtime_.max_workspace_bytes / layout_.n_workers) return true;
  return issue_.set(ARSENAL_LIMIT_EXCEEDED, "the run needs a workspace beyond max_workspace_bytes = %llu",
                    static_cast<unsigned long long>(runtime_.max_workspace_bytes));
}

}  // namespace arsenal::runtime
