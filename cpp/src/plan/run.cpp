// Runs a plan block by block.
#include "plan/run.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <memory>

#include "plan/call.h"

namespace arsenal::runtime {

namespace {

constexpr std::size_t kStackBytes = 16 << 10;

}  // namespace

bool run(const Runtime& runtime, const RunArguments& arguments, Issue& issue) noexcept {
  return Call(runtime, issue).run(arguments);
}

bool bind(const Runtime& runtime, const BindArguments& arguments, Issue& issue) noexcept {
  return Call(runtime, issue).bind(arguments);
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
      frame[port.value].data = &direct_memory_;
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
  if (layout_.makes_text) text_ = &TextMemory::begin_run();
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
    const Inputs in(frame, step.inputs.data());
    char* const memory = step.makes_text ? text_room(step, in, issue) : scratch;
    if (memory == nullptr || !step.op->run(in, Outputs(frame, step.outputs.data()), memory, issue)) {
      Issue reason = issue;
      return issue.set(reason.status, "%.200s: %.250s", step.label.c_str(), reason.text);
    }
  }
  return true;
}

char* Call::text_room(const Step& step, const Inputs& in, Issue& issue) const noexcept {
  const std::size_t bytes = step.op->text_bytes(in);
  if (bytes > runtime_.max_workspace_bytes || text_->taken() > runtime_.max_workspace_bytes - bytes) {
    issue.set(ARSENAL_LIMIT_EXCEEDED, "the run makes text beyond max_workspace_bytes = %llu",
              static_cast<unsigned long long>(runtime_.max_workspace_bytes));
    return nullptr;
  }
  char* const room = text_->take(bytes);
  if (room == nullptr) issue.set(ARSENAL_OUT_OF_MEMORY, "no memory for %zu bytes of text", bytes);
  return room;
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

}  // namespace arsenal::runtime
