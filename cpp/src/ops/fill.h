// The same element many times.
#ifndef ARSENAL_SRC_OPS_FILL_H_
#define ARSENAL_SRC_OPS_FILL_H_

#include <cstddef>
#include <cstdint>
#include <cstring>

namespace arsenal::runtime {

// Writes `count` copies of an element of `size` bytes.
inline void fill_elements(char* to, std::int64_t count, const char* element, std::size_t size) noexcept {
  for (std::int64_t i = 0; i < count; ++i) std::memcpy(to + static_cast<std::size_t>(i) * size, element, size);
}

}  // namespace arsenal::runtime

#endif  // ARSENAL_SRC_OPS_FILL_H_
