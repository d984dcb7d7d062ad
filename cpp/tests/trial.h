// One run of any model on inputs made for it: what mutations and fuzzing do with a model that loads.
#ifndef ARSENAL_TESTS_TRIAL_H_
#define ARSENAL_TESTS_TRIAL_H_

#include <cstddef>
#include <cstdint>
#include <functional>

#include "arsenal/runtime.hpp"

namespace arsenal::test {

// What a model is fed, and how it lies in memory.
struct Trial {
  // The extent of every axis that the model leaves open.
  std::int64_t n_rows = 3;
  // The bits of the next element; the number of a word where elements are strings.
  std::function<std::uint64_t()> next;
  // Rows from the last to the first, by a negative stride.
  bool is_reversed = false;
  // Bytes between the beginning of a tensor and an address that suits its dtype.
  std::size_t misaligned = 0;
  // Added to the last extent of every input: what the model may have to refuse.
  std::int64_t more_columns = 0;
};

// Computes each output of `session` alone, from and to blocks of memory of exactly the size of each tensor. False if
// the model asks for too much. Throws std::logic_error if a call ends as none may, whatever the model and the values.
bool run_trial(const Session& session, const Trial& trial);

}  // namespace arsenal::test

#endif  // ARSENAL_TESTS_TRIAL_H_
