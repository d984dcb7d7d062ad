// What the tree operators have in common: rows in, engine, one score per row and target.
#ifndef ARSENAL_SRC_OPS_TREE_OP_H_
#define ARSENAL_SRC_OPS_TREE_OP_H_

#include <cstring>
#include <memory>
#include <type_traits>
#include <utility>
#include <vector>

#include "engines/engine.h"
#include "ops/tree_scores.h"
#include "plan/op.h"

namespace arsenal::runtime {

// X: dtype of the input. T: dtype of thresholds, weights and sums. A derived class turns sums into outputs.
template <typename X, typename T>
class TreeOp : public Op {
 public:
  TreeOp(std::unique_ptr<TreeEngine<T>> engine, std::size_t n_features, std::size_t n_targets)
      : engine_(std::move(engine)), n_features_(n_features), n_targets_(n_targets) {}

  bool keeps_rows(const std::vector<Operand>&) const final { return true; }

  std::int64_t preferred_rows() const noexcept final { return engine_->preferred_rows(); }

  std::size_t scratch_bytes(const Inputs& in) const noexcept final {
    const Shape& shape = in[0].shape;
    const auto n_rows = static_cast<std::size_t>(shape.dims[0]);
    const std::size_t converted =
        std::is_same_v<X, T> ? 0 : padded(n_rows * static_cast<std::size_t>(shape.dims[1]) * sizeof(T));
    return engine_->scratch_bytes(shape.dims[0]) + converted + padded(n_rows * n_targets_ * sizeof(T)) +
           padded(n_rows * n_targets_);
  }

 protected:
  // Checks the input and gives the extent of the outputs' first axis.
  bool rows_of(const Shape& shape, std::int64_t& n_rows, Issue& issue) const noexcept {
    const bool fits = shape.rank == 2 && (shape.dims[1] < 0 || static_cast<std::size_t>(shape.dims[1]) >= n_features_);
    if (!fits) {
      return issue.set(ARSENAL_SHAPE_MISMATCH, "the input has shape %s, the trees want [rows, at least %zu]",
                       ShapeText(shape).text, n_features_);
    }
    n_rows = shape.dims[0];
    return true;
  }

  // The memory for one run, cut from its scratch.
  struct Work {
    const T* rows;
    T* sums;
    std::uint8_t* touched;
    void* engine_scratch;
  };

  Work prepare(const Tensor& input, void* scratch) const noexcept {
    char* next = static_cast<char*>(scratch);
    const auto take = [&](std::size_t bytes) {
      char* const taken = next;
      next += padded(bytes);
      return static_cast<void*>(taken);
    };
    const auto n_rows = static_cast<std::size_t>(input.shape.dims[0]);
    Work work{};
    if constexpr (std::is_same_v<X, T>) {
      work.rows = input.as<T>();
    } else {
      const std::int64_t count = element_count(input.shape);
      T* converted = static_cast<T*>(take(static_cast<std::size_t>(count) * sizeof(T)));
      for (std::int64_t i = 0; i < count; ++i) converted[i] = static_cast<T>(input.as<X>()[i]);
      work.rows = converted;
    }
    work.sums = static_cast<T*>(take(n_rows * n_targets_ * sizeof(T)));
    work.touched = static_cast<std::uint8_t*>(take(n_rows * n_targets_));
    work.engine_scratch = next;
    return work;
  }

  const TreeEngine<T>& engine() const noexcept { return *engine_; }
  std::size_t n_targets() const noexcept { return n_targets_; }

 private:
  static std::size_t padded(std::size_t bytes) noexcept { return (bytes + 63) / 64 * 64; }

  std::unique_ptr<TreeEngine<T>> engine_;
  std::size_t n_features_;
  std::size_t n_targets_;
};

}  // namespace arsenal::runtime

#endif  // ARSENAL_SRC_OPS_TREE_OP_H_
