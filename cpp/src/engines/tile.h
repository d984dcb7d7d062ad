// What the engines that work on a tile of rows have in common: ranked columns of the rows, and sums by lane.
#ifndef ARSENAL_SRC_ENGINES_TILE_H_
#define ARSENAL_SRC_ENGINES_TILE_H_

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <numeric>
#include <vector>

#include "engines/engine.h"
#include "engines/ranked.h"
#include "kernels/ranked.h"

namespace arsenal::runtime {

// Hands out pieces of scratch memory, each aligned to 64 bytes.
class Scratch {
 public:
  static std::size_t padded(std::size_t bytes) noexcept { return (bytes + 63) / 64 * 64; }

  explicit Scratch(void* memory) noexcept : next_(static_cast<char*>(memory)) {}

  template <typename U>
  U* take(std::size_t count) noexcept {
    char* const taken = next_;
    next_ += padded(count * sizeof(U));
    return reinterpret_cast<U*>(taken);
  }

 private:
  char* next_;
};

// Turns rows into the bytes that trees test.
template <typename T>
class TileColumns {
 public:
  TileColumns(const RankedTrees<T>& trees, const RankedKernels<T>& kernels)
      : trees_(trees),
        kernels_(kernels),
        n_rows_(trees.column_count() <= 512 ? kTileRows : 64),
        set_order_(trees.set_columns.size()) {
    std::iota(set_order_.begin(), set_order_.end(), 0U);
    std::stable_sort(set_order_.begin(), set_order_.end(), [&trees](std::uint32_t a, std::uint32_t b) {
      return trees.set_columns[a].code_column < trees.set_columns[b].code_column;
    });
  }

  // Rows of a tile, and how far apart its columns lie.
  std::size_t n_rows() const noexcept { return n_rows_; }

  std::size_t scratch_bytes() const noexcept {
    return Scratch::padded(trees_.column_count() * n_rows_) + Scratch::padded(n_rows_);
  }

  // The columns of up to n_rows() rows, in memory taken from `memory`.
  const std::int8_t* fill(const T* rows, std::size_t count, std::int64_t width, Scratch& memory) const noexcept {
    auto* const columns = memory.take<std::int8_t>(trees_.column_count() * n_rows_);
    auto* const codes = memory.take<std::uint8_t>(n_rows_);
    // 64 rows at a time stay in the first-level cache while column after column looks at them.
    for (std::size_t r = 0; r < count; r += 64) {
      const T* here = rows + static_cast<std::int64_t>(r) * width;
      const std::size_t n_here = std::min<std::size_t>(64, count - r);
      for (std::size_t c = 0; c < trees_.rank_columns.size(); ++c) {
        kernels_.rank(trees_.rank_columns[c], here, width, n_here, columns + c * n_rows_ + r);
      }
    }
    std::int8_t* outside = columns + trees_.rank_columns.size() * n_rows_;
    std::size_t next = 0;
    for (std::uint32_t c = 0; c < trees_.code_columns.size(); ++c) {
      const CodeColumn<T>& column = trees_.code_columns[c];
      for (std::size_t r = 0; r < count; ++r) {
        codes[r] = column.code_of(rows[static_cast<std::int64_t>(r) * width + column.feature]);
      }
      for (; next < set_order_.size() && trees_.set_columns[set_order_[next]].code_column == c; ++next) {
        const std::uint32_t set = set_order_[next];
        kernels_.test_members(trees_.set_columns[set].bits, codes, count, outside + set * n_rows_);
      }
    }
    return columns;
  }

 private:
  const RankedTrees<T>& trees_;
  const RankedKernels<T>& kernels_;
  std::size_t n_rows_;
  // Set columns by code column.
  std::vector<std::uint32_t> set_order_;
};

// As fold_lanes() for n_rows rows at once: row r of lane i is lanes[i * stride + r], its sum goes to values[r * step].
template <typename T>
void fold_tile(T* lanes, std::size_t stride, std::size_t n_rows, T* values, std::size_t step) noexcept {
  for (std::size_t half = kLanes / 2; half > 0; half /= 2) {
    for (std::size_t i = 0; i < half; ++i) {
      T* const to = lanes + i * stride;
      const T* const from = lanes + (i + half) * stride;
      for (std::size_t r = 0; r < n_rows; ++r) to[r] += from[r];
    }
  }
  for (std::size_t r = 0; r < n_rows; ++r) values[r * step] = lanes[r];
}

}  // namespace arsenal::runtime

#endif  // ARSENAL_SRC_ENGINES_TILE_H_
