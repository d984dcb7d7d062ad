#include "plan/run.h"

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <cstring>
#include <memory>

#include "plan/strided.h"

namespace arsenal::runtime {

namespace {

constexpr std::size_t kAlignment = 64;
constexpr std::size_t kStackBytes = 16 << 10;
constexpr std::size_t kTooMuch = SIZE_MAX / 4;

// Marks values whose memory is the caller's; each block sets the real pointer.
char direct_memory;

std::size_t aligned(std::size_t bytes) noexcept { return (bytes + kAlignment - 1) / kAlignment * kAlignment; }

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

// How one run divides its work.
struct Layout {
  // Outputs asked for, as bits.
  std::uint64_t wanted = 0;
  bool blockwise = false;
  std::int64_t rows = 0;
  std::int64_t block = 0;
  std::int64_t n_blocks = 1;
  std::size_t n_workers = 1;
  // Offsets within one worker's slice, which begins with its frame.
  std::size_t scratch_offset = 0;
  std::size_t slice_bytes = 0;
};

bool needed(const Step& step, const Layout& layout) noexcept { return (step.needed_by & layout.wanted) != 0; }
bool needed(const Value& value, const Layout& layout) noexcept { return (value.used_by & layout.wanted) != 0; }

// One call: the caller's tensors as the plan sees them, and the layout.
class Call {
 public:
  Call(const Runtime& runtime, Issue& issue) noexcept : runtime_(runtime), plan_(runtime.plan), issue_(issue) {}

  bool choose_outputs(const std::size_t* indices, std::size_t count) noexcept;
  bool check_input_count(std::size_t count) noexcept;
  bool check_input_shape(std::size_t index, const Shape& shape) noexcept;
  // Fills the frame's shapes for whole tensors and decides on blocks. The input shapes must be in the frame already.
  bool infer(Tensor* frame) noexcept;
  bool check_output(const arsenal_output& output, std::size_t index, const Tensor* frame) noexcept;
  // Sets the frame's shapes to those of one block, and finds how large a slice has to be. `all_strided`: as if no
  // tensor of the caller's could be used in place.
  bool measure(Tensor* frame, bool all_strided) noexcept;
  std::size_t workspace_bytes() const noexcept { return layout_.n_workers * layout_.slice_bytes; }

  bool bind(const BindArguments& arguments) noexcept;
  bool run(const RunArguments& arguments) noexcept;

  std::size_t frame_bytes() const noexcept { return aligned(plan_.frame.size() * sizeof(Tensor)); }

 private:
  struct Progress {
    Call* call;
    const RunArguments* arguments;
    char* workspace;
    std::atomic<std::int64_t> next_block{0};
    std::atomic<bool> failed{false};
  };

  void start_frame(Tensor* frame) const noexcept;
  bool load_inputs(const RunArguments& arguments, Tensor* frame) noexcept;
  std::size_t place(Tensor* frame, char* base) const noexcept;
  void set_rows(Tensor* frame, std::int64_t rows) const noexcept;
  bool execute(const RunArguments& arguments, char* workspace) noexcept;
  static void work(void* progress, std::size_t worker) noexcept;
  void set_direct(const RunArguments& arguments, Tensor* frame) const noexcept;
  bool run_block(const RunArguments& arguments, Tensor* frame, char* scratch, std::int64_t first_row,
                 Issue& issue) const noexcept;
  bool run_steps(Tensor* frame, char* scratch, Issue& issue) const noexcept;
  void copy_sources(const RunArguments& arguments) const noexcept;

  const Runtime& runtime_;
  const Plan& plan_;
  Issue& issue_;
  Layout layout_;
  // Bit k: output k cannot be written in place and goes through a buffer.
  std::uint64_t buffered_outputs_ = 0;
};

Shape shape_of(std::int32_t rank, const std::int64_t* dims) noexcept {
  Shape shape{rank, {}};
  for (std::int32_t d = 0; d < rank; ++d) shape.dims[d] = dims[d];
  return shape;
}

template <typename CallerTensor>
bool in_place(const CallerTensor& tensor, std::size_t element) noexcept {
  const std::size_t alignment = std::min<std::size_t>(element, 8);
  if (reinterpret_cast<std::uintptr_t>(tensor.data) % alignment != 0) return false;
  return tensor.strides == nullptr || is_contiguous(shape_of(tensor.rank, tensor.shape), element, tensor.strides);
}

// Strides of the caller's tensor, made explicit in `made` where they are left out.
template <typename CallerTensor>
const std::int64_t* strides_of(const CallerTensor& tensor, std::size_t element, std::int64_t* made) noexcept {
  if (tensor.strides != nullptr) return tensor.strides;
  contiguous_strides(shape_of(tensor.rank, tensor.shape), element, made);
  return made;
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

bool Call::measure(Tensor* frame, bool all_strided) noexcept {
  if (layout_.blockwise) {
    layout_.block = std::max<std::int64_t>(1, std::min(layout_.rows, kBlockRows));
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
    }
  }
  layout_.scratch_offset = frame_bytes() + aligned(buffers);
  layout_.slice_bytes = layout_.scratch_offset + aligned(std::min(scratch, kTooMuch));
  if (layout_.slice_bytes <= runtime_.max_workspace_bytes / layout_.n_workers) return true;
  return issue_.set(ARSENAL_LIMIT_EXCEEDED, "the run needs a workspace beyond max_workspace_bytes = %llu",
                    static_cast<unsigned long long>(runtime_.max_workspace_bytes));
}

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
    if (in_place(input, plan_.values[port.value].element)) frame[port.value].data = &direct_memory;
  }
  return true;
}

bool Call::run(const RunArguments& arguments) noexcept {
  if (!check_input_count(arguments.n_inputs)) return false;
  if (!choose_outputs(arguments.output_indices, arguments.n_outputs)) return false;
  alignas(kAlignment) char stack[kStackBytes];
  char* workspace = stack;
  std::size_t available = sizeof(stack);
  struct Free {
    void operator()(void* memory) const noexcept { std::free(memory); }
  };
  std::unique_ptr<void, Free> heap;
  const auto allocate = [&](std::size_t bytes) {
    heap.reset(std::aligned_alloc(kAlignment, bytes));
    workspace = static_cast<char*>(heap.get());
    available = bytes;
    return heap != nullptr || issue_.set(ARSENAL_OUT_OF_MEMORY, "no memory for a workspace of %zu bytes", bytes);
  };
  if (arguments.workspace != nullptr) {
    workspace = static_cast<char*>(arguments.workspace);
    available = arguments.workspace_bytes;
    if (reinterpret_cast<std::uintptr_t>(workspace) % kAlignment != 0) {
      return issue_.set(ARSENAL_INVALID_ARGUMENT, "the workspace is not aligned to %zu bytes", kAlignment);
    }
    if (available < frame_bytes()) {
      return issue_.set(ARSENAL_INVALID_ARGUMENT, "the workspace has %zu bytes, too few for any run", available);
    }
  } else if (frame_bytes() > available && !allocate(frame_bytes())) {
    return false;
  }

  auto* frame = reinterpret_cast<Tensor*>(workspace);
  start_frame(frame);
  if (!load_inputs(arguments, frame) || !infer(frame)) return false;
  for (std::size_t i = 0; i < arguments.n_outputs; ++i) {
    const std::size_t index = arguments.output_indices[i];
    if (!check_output(arguments.outputs[i], index, frame)) return false;
    const Port& port = plan_.outputs[index];
    if (plan_.values[port.value].is_source) continue;
    if (in_place(arguments.outputs[i], plan_.values[port.value].element)) {
      frame[port.value].data = &direct_memory;
    } else {
      buffered_outputs_ |= std::uint64_t{1} << index;
    }
  }
  if (!measure(frame, false)) return false;
  if (workspace_bytes() > available) {
    if (arguments.workspace != nullptr) {
      return issue_.set(ARSENAL_INVALID_ARGUMENT, "the workspace has %zu bytes, this run needs %zu", available,
                        workspace_bytes());
    }
    const std::unique_ptr<void, Free> small = std::move(heap);
    if (!allocate(workspace_bytes())) return false;
    std::memcpy(workspace, static_cast<const void*>(frame), frame_bytes());
  }
  return execute(arguments, workspace);
}

bool Call::execute(const RunArguments& arguments, char* workspace) noexcept {
  for (std::size_t worker = 1; worker < layout_.n_workers; ++worker) {
    std::memcpy(workspace + worker * layout_.slice_bytes, workspace, frame_bytes());
  }
  Progress progress{this, &arguments, workspace, {}, {}};
  if (layout_.n_workers == 1) {
    work(&progress, 0);
  } else {
    runtime_.pool.run(layout_.n_workers, work, &progress);
  }
  if (progress.failed.load()) return false;
  copy_sources(arguments);
  return true;
}

void Call::work(void* context, std::size_t worker) noexcept {
  auto& progress = *static_cast<Progress*>(context);
  Call& call = *progress.call;
  char* const slice = progress.workspace + worker * call.layout_.slice_bytes;
  auto* const frame = reinterpret_cast<Tensor*>(slice);
  call.place(frame, slice + call.frame_bytes());
  Issue issue;
  while (!progress.failed.load(std::memory_order_relaxed)) {
    const std::int64_t block = progress.next_block.fetch_add(1, std::memory_order_relaxed);
    if (block >= call.layout_.n_blocks) return;
    char* const scratch = slice + call.layout_.scratch_offset;
    if (call.run_block(*progress.arguments, frame, scratch, block * call.layout_.block, issue)) continue;
    if (!progress.failed.exchange(true)) call.issue_ = issue;
    return;
  }
}

bool Call::run_block(const RunArguments& arguments, Tensor* frame, char* scratch, std::int64_t first_row,
                     Issue& issue) const noexcept {
  const std::int64_t rows = std::min(layout_.block, layout_.rows - first_row);
  if (layout_.blockwise && rows != layout_.block) set_rows(frame, rows);
  std::int64_t made[ARSENAL_MAX_RANK];
  std::int64_t dense[ARSENAL_MAX_RANK];
  for (std::size_t i = 0; i < arguments.n_inputs; ++i) {
    const arsenal_input& input = arguments.inputs[i];
    const Value& value = plan_.values[plan_.inputs[i].value];
    Tensor& tensor = frame[plan_.inputs[i].value];
    if (!needed(value, layout_) || input.data == nullptr) continue;
    const std::size_t element = value.element;
    const std::int64_t* strides = strides_of(input, element, made);
    const bool moves = layout_.blockwise && value.has_rows;
    const char* from = static_cast<const char*>(input.data) + (moves ? first_row * strides[0] : 0);
    if (in_place(input, element)) {
      // Operators do not write to their operands.
      tensor.data = const_cast<char*>(from);
    } else {
      contiguous_strides(tensor.shape, element, dense);
      copy_strided(tensor.shape, element, from, strides, static_cast<char*>(tensor.data), dense);
    }
  }
  const auto output_at = [&](std::size_t i, const std::int64_t* strides) {
    const bool moves = layout_.blockwise && plan_.values[plan_.outputs[arguments.output_indices[i]].value].has_rows;
    return static_cast<char*>(arguments.outputs[i].data) + (moves ? first_row * strides[0] : 0);
  };
  for (std::size_t i = 0; i < arguments.n_outputs; ++i) {
    const std::size_t index = arguments.output_indices[i];
    const Port& port = plan_.outputs[index];
    if (plan_.values[port.value].is_source || (buffered_outputs_ >> index & 1) != 0) continue;
    frame[port.value].data = output_at(i, strides_of(arguments.outputs[i], plan_.values[port.value].element, made));
  }
  if (!run_steps(frame, scratch, issue)) return false;
  for (std::size_t i = 0; i < arguments.n_outputs; ++i) {
    const std::size_t index = arguments.output_indices[i];
    if ((buffered_outputs_ >> index & 1) == 0) continue;
    const Port& port = plan_.outputs[index];
    const Tensor& tensor = frame[port.value];
    const std::size_t element = plan_.values[port.value].element;
    const std::int64_t* strides = strides_of(arguments.outputs[i], element, made);
    contiguous_strides(tensor.shape, element, dense);
    copy_strided(tensor.shape, element, static_cast<const char*>(tensor.data), dense, output_at(i, strides), strides);
  }
  return true;
}

bool Call::run_steps(Tensor* frame, char* scratch, Issue& issue) const noexcept {
  for (const Step& step : plan_.steps) {
    if (!needed(step, layout_)) continue;
    if (step.is_alias) {
      frame[step.outputs[0]].data = frame[step.inputs[0]].data;
      continue;
    }
    if (!step.op->run(Inputs(frame, step.inputs.data()), Outputs(frame, step.outputs.data()), scratch, issue)) {
      Issue reason = issue;
      return issue.set(reason.status, "%.200s: %.250s", step.label.c_str(), reason.text);
    }
  }
  return true;
}

// Outputs that are inputs or constants themselves.
void Call::copy_sources(const RunArguments& arguments) const noexcept {
  for (std::size_t i = 0; i < arguments.n_outputs; ++i) {
    const arsenal_output& output = arguments.outputs[i];
    const Port& port = plan_.outputs[arguments.output_indices[i]];
    const Value& value = plan_.values[port.value];
    if (!value.is_source) continue;
    const std::size_t element = plan_.values[port.value].element;
    const Shape shape = shape_of(output.rank, output.shape);
    if (element_count(shape) == 0) continue;
    std::int64_t made_from[ARSENAL_MAX_RANK];
    std::int64_t made_to[ARSENAL_MAX_RANK];
    const std::int64_t* to_strides = strides_of(output, element, made_to);
    const std::int64_t* from_strides = made_from;
    const char* from;
    if (value.constant != nullptr) {
      contiguous_strides(shape, element, made_from);
      from = value.constant->as<char>();
    } else {
      const auto found = std::find_if(plan_.inputs.begin(), plan_.inputs.end(),
                                      [&](const Port& input) { return input.value == port.value; });
      const arsenal_input& input = arguments.inputs[found - plan_.inputs.begin()];
      from_strides = strides_of(input, element, made_from);
      from = static_cast<const char*>(input.data);
    }
    copy_strided(shape, element, from, from_strides, static_cast<char*>(output.data), to_strides);
  }
}

}  // namespace

bool run(const Runtime& runtime, const RunArguments& arguments, Issue& issue) noexcept {
  return Call(runtime, issue).run(arguments);
}

bool bind(const Runtime& runtime, const BindArguments& arguments, Issue& issue) noexcept {
  return Call(runtime, issue).bind(arguments);
}

}  // namespace arsenal::runtime
