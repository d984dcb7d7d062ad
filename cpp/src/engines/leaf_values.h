// Lists of leaf weights, one after the other, as values and as bytes.
#ifndef ARSENAL_SRC_ENGINES_LEAF_VALUES_H_
#define ARSENAL_SRC_ENGINES_LEAF_VALUES_H_

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <vector>

#include "kernels/leaves.h"

namespace arsenal::runtime {

template <typename T>
class LeafValues {
 public:
  void add_list(const std::vector<T>& list) {
    values_.insert(values_.end(), list.begin(), list.end());
    begin_.push_back(static_cast<std::uint32_t>(values_.size()));
    const std::size_t stride = stride_of(list.size());
    const std::size_t base = bytes_.size();
    bytes_begin_.push_back(base);
    bytes_.resize(base + stride * sizeof(T));
    for (std::size_t k = 0; k < list.size(); ++k) {
      std::uint8_t bytes[sizeof(T)];
      std::memcpy(bytes, &list[k], sizeof(T));
      for (std::size_t b = 0; b < sizeof(T); ++b) bytes_[base + b * stride + k] = bytes[b];
    }
  }

  // After the last list.
  void finish() {
    values_.resize(values_.size() + kLeafPadding);
    bytes_.resize(bytes_.size() + kLeafPadding);
  }

  LeafTable<T> table(std::size_t list) const noexcept {
    const std::uint32_t n_leaves = begin_[list + 1] - begin_[list];
    return {values_.data() + begin_[list], bytes_.data() + bytes_begin_[list], n_leaves,
            static_cast<std::uint32_t>(stride_of(n_leaves))};
  }

  // Leaf k of a list is values()[begin()[list] + k].
  const T* values() const noexcept { return values_.data(); }
  const std::uint32_t* begin() const noexcept { return begin_.data(); }

 private:
  static std::size_t stride_of(std::size_t n_leaves) noexcept { return (n_leaves + 15) / 16 * 16; }

  std::vector<T> values_;
  std::vector<std::uint32_t> begin_ = {0};
  std::vector<std::uint8_t> bytes_;
  std::vector<std::size_t> bytes_begin_;
};

}  // namespace arsenal::runtime

#endif  // ARSENAL_SRC_ENGINES_LEAF_VALUES_H_
