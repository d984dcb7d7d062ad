// The vector kernels of kernels/gemm.h, over any instruction set's registers.
//
// V has T, Register, kPerLine (registers of a line) and kRows (rows of a tile), and load, broadcast, multiply,
// multiply_add (a × b + c, rounded once), add and store. It must be a type of an unnamed namespace, so that what is
// made of it stays within its file.
#ifndef ARSENAL_SRC_KERNELS_GEMM_TILES_H_
#define ARSENAL_SRC_KERNELS_GEMM_TILES_H_

#include "kernels/gemm.h"

namespace arsenal::runtime {

// Blocks of a single row that are summed at a time.
constexpr std::size_t kGemmBlocksAtOnce = 4;

// One row with kPanels neighbouring panels.
template <typename V, std::size_t kPanels>
struct RowSums {
  using T = typename V::T;
  using Register = typename V::Register;
  static constexpr std::size_t kRegisters = kPanels * V::kPerLine;
  static constexpr std::size_t kLanes = kGemmColumns<T> / V::kPerLine;

  // SAFETY: `row` has depth elements; each panel has depth lines, the second one follows the first.
  RowSums(const T* row, const GemmLine<T>* panels, std::size_t depth) : depth_(depth) {
    const std::size_t n_blocks = (depth + kGemmBlock - 1) / kGemmBlock;
    for (std::size_t r = 0; r < kRegisters; ++r) totals[r] = V::zero();
    for (std::size_t done = 0; done < n_blocks; done += kGemmBlocksAtOnce) {
      const std::size_t first = done * kGemmBlock;
      // How many products the group's last block has.
      const std::size_t left = depth - first;
      const std::size_t n = n_blocks - done;
      const bool is_first = done == 0;
      if (n >= 4) {
        add_blocks<4>(row + first, panels + first, left < 64 ? left - 48 : 16, is_first);
      } else if (n == 3) {
        add_blocks<3>(row + first, panels + first, left - 32, is_first);
      } else if (n == 2) {
        add_blocks<2>(row + first, panels + first, left - 16, is_first);
      } else {
        add_blocks<1>(row + first, panels + first, left, is_first);
      }
    }
  }

  Register totals[kRegisters];

 private:
  static const T* part(const GemmLine<T>* lines, std::size_t depth, std::size_t r) {
    return lines[r / V::kPerLine * depth].columns + r % V::kPerLine * kLanes;
  }

  template <std::size_t kBlocks>
  void add_blocks(const T* row, const GemmLine<T>* lines, std::size_t last, bool is_first) {
    Register sums[kBlocks][kRegisters];
#pragma GCC unroll 4
    for (std::size_t b = 0; b < kBlocks; ++b) {
      const Register x = V::broadcast(row + b * kGemmBlock);
#pragma GCC unroll 4
      for (std::size_t r = 0; r < kRegisters; ++r) {
        sums[b][r] = V::multiply(x, V::load(part(lines + b * kGemmBlock, depth_, r)));
      }
    }
    for (std::size_t k = 1; k < last; ++k) add_products<kBlocks>(row + k, lines + k, sums);
    if constexpr (kBlocks > 1) {
      for (std::size_t k = last; k < kGemmBlock; ++k) add_products<kBlocks - 1>(row + k, lines + k, sums);
    }
#pragma GCC unroll 4
    for (std::size_t b = 0; b < kBlocks; ++b) {
#pragma GCC unroll 4
      for (std::size_t r = 0; r < kRegisters; ++r) {
        totals[r] = is_first && b == 0 ? sums[b][r] : V::add(totals[r], sums[b][r]);
      }
    }
  }

  // One product for each of the first kBlocks blocks.
  template <std::size_t kBlocks>
  void add_products(const T* row, const GemmLine<T>* lines, Register (*sums)[kRegisters]) {
#pragma GCC unroll 4
    for (std::size_t b = 0; b < kBlocks; ++b) {
      const Register x = V::broadcast(row + b * kGemmBlock);
#pragma GCC unroll 4
      for (std::size_t r = 0; r < kRegisters; ++r) {
        sums[b][r] = V::multiply_add(x, V::load(part(lines + b * kGemmBlock, depth_, r)), sums[b][r]);
      }
    }
  }

  std::size_t depth_;
};

// V::kRows rows with kPanels neighbouring panels: less to load for each product than row by row.
template <typename V, std::size_t kPanels>
struct TileSums {
  using T = typename V::T;
  using Register = typename V::Register;
  static constexpr std::size_t kRegisters = kPanels * V::kPerLine;
  static constexpr std::size_t kLanes = kGemmColumns<T> / V::kPerLine;

  // SAFETY: as for RowSums, with V::kRows rows `stride` elements apart.
  TileSums(const T* rows, std::int64_t stride, const GemmLine<T>* panels, std::size_t depth) {
    GemmLine<T> totals[V::kRows][kPanels];
    if (depth == 0) clear();
    for (std::size_t first = 0; first < depth; first += kGemmBlock) {
      const std::size_t end = depth - first < kGemmBlock ? depth : first + kGemmBlock;
      sum_block(rows, stride, panels, depth, first, end);
      if (first > 0) combine(totals);
      if (end < depth) keep(totals);
    }
  }

  Register sums[V::kRows][kRegisters];

 private:
  void clear() {
    for (auto& row : sums) {
      for (Register& sum : row) sum = V::zero();
    }
  }

  void sum_block(const T* rows, std::int64_t stride, const GemmLine<T>* panels, std::size_t depth, std::size_t k,
                 std::size_t end) {
    step<true>(rows + k, stride, panels + k, depth);
    for (++k; k < end; ++k) step<false>(rows + k, stride, panels + k, depth);
  }

  template <bool kStarts>
  void step(const T* x, std::int64_t stride, const GemmLine<T>* lines, std::size_t depth) {
    Register weights[kRegisters];
#pragma GCC unroll 4
    for (std::size_t r = 0; r < kRegisters; ++r) {
      weights[r] = V::load(lines[r / V::kPerLine * depth].columns + r % V::kPerLine * kLanes);
    }
#pragma GCC unroll 8
    for (std::size_t i = 0; i < V::kRows; ++i, x += stride) {
      const Register wide = V::broadcast(x);
#pragma GCC unroll 4
      for (std::size_t r = 0; r < kRegisters; ++r) {
        sums[i][r] = kStarts ? V::multiply(wide, weights[r]) : V::multiply_add(wide, weights[r], sums[i][r]);
      }
    }
  }

  void combine(const GemmLine<T> (&totals)[V::kRows][kPanels]) {
#pragma GCC unroll 8
    for (std::size_t i = 0; i < V::kRows; ++i) {
#pragma GCC unroll 4
      for (std::size_t r = 0; r < kRegisters; ++r) {
        sums[i][r] = V::add(V::load(totals[i][r / V::kPerLine].columns + r % V::kPerLine * kLanes), sums[i][r]);
      }
    }
  }

  void keep(GemmLine<T> (&totals)[V::kRows][kPanels]) const {
#pragma GCC unroll 8
    for (std::size_t i = 0; i < V::kRows; ++i) {
#pragma GCC unroll 4
      for (std::size_t r = 0; r < kRegisters; ++r) {
        V::store(totals[i][r / V::kPerLine].columns + r % V::kPerLine * kLanes, sums[i][r]);
      }
    }
  }
};

// Adds the bias and writes what belongs to the matrix: n_columns from panel `panel` on, at most kPanels panels.
template <typename V, std::size_t kPanels, std::size_t kRegisters = kPanels * V::kPerLine>
void finish(const GemmTask<typename V::T>& task, typename V::Register* totals, std::size_t row, std::size_t panel) {
  using T = typename V::T;
  constexpr std::size_t kLanes = kGemmColumns<T> / V::kPerLine;
  const std::size_t first = panel * kGemmColumns<T>;
  T* result = task.result + static_cast<std::int64_t>(row) * task.result_stride + first;
  if (task.bias != nullptr) {
#pragma GCC unroll 4
    for (std::size_t r = 0; r < kRegisters; ++r) {
      const T* bias = task.bias[panel + r / V::kPerLine].columns + r % V::kPerLine * kLanes;
      totals[r] = V::add(totals[r], V::load(bias));
    }
  }
  const std::size_t n_columns = task.n_columns - first;
#pragma GCC unroll 4
  for (std::size_t r = 0; r < kRegisters; ++r) {
    const std::size_t begin = r * kLanes;
    if (begin + kLanes <= n_columns) {
      V::store(result + begin, totals[r]);
      continue;
    }
    alignas(64) T lanes[kLanes];
    V::store(lanes, totals[r]);
    for (std::size_t j = begin; j < n_columns; ++j) result[j] = lanes[j - begin];
    return;
  }
}

template <typename V, std::size_t kPanels>
void gemm_panels_at(const GemmTask<typename V::T>& task, std::size_t panel) {
  const auto* lines = task.panels + panel * task.depth;
  const auto* rows = task.rows;
  std::size_t i = 0;
  for (; i + V::kRows <= task.n_rows; i += V::kRows, rows += static_cast<std::int64_t>(V::kRows) * task.row_stride) {
    TileSums<V, kPanels> tile(rows, task.row_stride, lines, task.depth);
#pragma GCC unroll 8
    for (std::size_t r = 0; r < V::kRows; ++r) finish<V, kPanels>(task, tile.sums[r], i + r, panel);
  }
  for (; i < task.n_rows; ++i, rows += task.row_stride) {
    RowSums<V, kPanels> sums(rows, lines, task.depth);
    finish<V, kPanels>(task, sums.totals, i, panel);
  }
}

// SAFETY: the task's pointers hold what kernels/gemm.h says; the panels are full lines, and of the results only those
// of the matrix's columns are written.
template <typename V>
void gemm_by_tiles(const GemmTask<typename V::T>& task) {
  const std::size_t n_panels = gemm_panels<typename V::T>(task.n_columns);
  std::size_t panel = 0;
  for (; panel + V::kPanels <= n_panels; panel += V::kPanels) gemm_panels_at<V, V::kPanels>(task, panel);
  if constexpr (V::kPanels > 1) {
    for (; panel < n_panels; ++panel) gemm_panels_at<V, 1>(task, panel);
  }
}

}  // namespace arsenal::runtime

#endif  // ARSENAL_SRC_KERNELS_GEMM_TILES_H_
