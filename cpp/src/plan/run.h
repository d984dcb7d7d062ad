// Runs a plan: checks the caller's tensors, lays out the workspace, goes through the steps block by block.
#ifndef ARSENAL_SRC_PLAN_RUN_H_
#define ARSENAL_SRC_PLAN_RUN_H_

#include <cstddef>
#include <cstdint>

#include "arsenal/runtime.h"
#include "failure.h"
#include "plan/plan.h"
#include "pool.h"

namespace arsenal::runtime {

// The arguments of arsenal_session_run.
struct RunArguments {
  const arsenal_input* inputs;
  std::size_t n_inputs;
  const std::size_t* output_indices;
  const arsenal_output* outputs;
  std::size_t n_outputs;
  void* workspace;
  std::size_t workspace_bytes;
};

// The arguments of arsenal_session_bind.
struct BindArguments {
  const Shape* input_shapes;
  std::size_t n_inputs;
  const std::size_t* output_indices;
  Shape* output_shapes;
  std::size_t n_outputs;
  std::size_t* workspace_bytes;
};

// Everything that a run shares between threads.
struct Runtime {
  const Plan& plan;
  Pool& pool;
  std::uint64_t max_workspace_bytes;
};

bool run(const Runtime& runtime, const RunArguments& arguments, Issue& issue) noexcept;
bool bind(const Runtime& runtime, const BindArguments& arguments, Issue& issue) noexcept;

}  // namespace arsenal::runtime

#endif  // ARSENAL_SRC_PLAN_RUN_H_
