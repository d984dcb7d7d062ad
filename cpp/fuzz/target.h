// What every fuzz target is: one function, called with bytes, that must return.
#ifndef ARSENAL_FUZZ_TARGET_H_
#define ARSENAL_FUZZ_TARGET_H_

#include <cstddef>
#include <cstdint>
#include <stdexcept>

#include "arsenal/runtime.hpp"

// 0 always; anything wrong ends the process.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace arsenal::test {

// Throws std::logic_error for an error that no bytes may cause.
inline void refuse_defect(const Error& error) {
  if (error.status() == ARSENAL_INTERNAL_ERROR || error.status() == ARSENAL_OUT_OF_MEMORY || error.what()[0] == '\0') {
    throw std::logic_error(error.what());
  }
}

}  // namespace arsenal::test

#endif  // ARSENAL_FUZZ_TARGET_H_
