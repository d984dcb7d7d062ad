// One call of run() or bind(): the caller's tensors as the plan sees them, and how the work is divided.
#ifndef ARSENAL_SRC_PLAN_CALL_H_
#define ARSENAL_SRC_PLAN_CALL_H_

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>

#include "plan/run.h"
#include "plan/strided.h"
#include "plan/text.h"

namespace arsenal::runtime {

constexpr std::size_t kAlignment = 64;

inline std::size_t aligned(std::size_t bytes) noexcept { return (bytes + kAlignment - 1) / kAlignment * kAlignment; }

// How one run divides its work.
struct Layout {
  // Outputs asked for, as bits.
  std::uint64_t wanted = 0;
  bool blockwise = false;
  std::int64_t rows = 0;
  std::int64_t block = 0;
  std::int64_t n_blocks = 1;
  std::size_t n_workers = 1;
  // Whether a step makes text.
  bool makes_text = false;
  // Offsets within one worker's slice, which begins with its frame.
  std::size_t scratch_offset = 0;
  std::size_t slice_bytes = 0;
};

inline bool needed(const Step& step, const Layout& layout) noexcept { return (step.needed_by & layout.wanted) != 0; }
inline bool needed(const Value& value, const Layout& layout) noexcept { return (value.used_by & layout.wanted) != 0; }

// What a call is made of: run() and bind() are the entries, all else serves them.
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
  std::int64_t block_rows(std::int64_t rows) const noexcept;
  bool execute(const RunArguments& arguments, char* workspace) noexcept;
  static void work(void* progress, std::size_t worker) noexcept;
  bool run_block(const RunArguments& arguments, Tensor* frame, char* scratch, std::int64_t first_row,
                 Issue& issue) const noexcept;
  bool run_steps(Tensor* frame, char* scratch, Issue& issue) const noexcept;
  char* text_room(const Step& step, const Inputs& in, Issue& issue) const noexcept;
  void copy_sources(const RunArguments& arguments) const noexcept;

  // Marks values whose memory is the caller's; each block sets the real pointer.
  static char direct_memory_;

  const Runtime& runtime_;
  const Plan& plan_;
  Issue& issue_;
  Layout layout_;
  // Bit k: output k cannot be written in place and goes through a buffer.
  std::uint64_t buffered_outputs_ = 0;
  // Where a step makes text.
  TextMemory* text_ = nullptr;
};

inline Shape shape_of(std::int32_t rank, const std::int64_t* dims) noexcept {
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

}  // namespace arsenal::runtime

#endif  // ARSENAL_SRC_PLAN_CALL_H_
