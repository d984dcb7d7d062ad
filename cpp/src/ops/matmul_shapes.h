// How MatMul and its quantised forms read their operands' shapes.
#ifndef ARSENAL_SRC_OPS_MATMUL_SHAPES_H_
#define ARSENAL_SRC_OPS_MATMUL_SHAPES_H_

#include <cstdint>
#include <vector>

#include "ops/broadcast.h"
#include "plan/op.h"

namespace arsenal::runtime {

// The shape of a product by NumPy's rules: the last two axes are matrices, those before are broadcast; a vector counts
// as a row on the left, as a column on the right, and that axis is missing in the result.
bool matmul_shape(const Shape& a, const Shape& b, Shape& result, Issue& issue) noexcept;

// Op::keeps_rows of a product whose other operands, if any, are the same for all rows.
bool matmul_keeps_rows(const Operand& a, const Operand& b);

// The extents of one matrix of an operand, with a vector as a row or as a column.
struct MatrixExtents {
  std::int64_t rows;
  std::int64_t columns;
};
MatrixExtents left_matrix(const Shape& a) noexcept;
MatrixExtents right_matrix(const Shape& b) noexcept;

// The number of matrices in an operand.
std::int64_t matrix_count(const Shape& shape) noexcept;

// Calls product(a, b, y, count) for runs of products: the matrices number a, a + 1, … of the left operand, `count` of
// them, with the matrix number b, to those from number y on. Stops when it returns false.
template <typename Product>
bool for_each_product(const Shape& a, const Shape& b, const Product& product) noexcept {
  const auto batch_of = [](const Shape& shape) {
    Shape batch = shape;
    batch.rank = shape.rank > 2 ? shape.rank - 2 : 0;
    return batch;
  };
  const Shape a_batch = batch_of(a);
  const Shape b_batch = batch_of(b);
  Shape batch;
  broadcast_shapes(a_batch, b_batch, batch);
  const Broadcast<2> loop(batch, {&a_batch, &b_batch});
  return loop.for_each_line([&](std::int64_t count, std::int64_t position, const auto& offsets, const auto& strides) {
    // One matrix on the right: the rows of those on the left follow one another.
    if (strides[1] == 0 && strides[0] == 1) return product(offsets[0], offsets[1], position, count);
    for (std::int64_t i = 0; i < count; ++i) {
      if (!product(offsets[0] + i * strides[0], offsets[1] + i * strides[1], position + i, std::int64_t{1}))
        return false;
    }
    return true;
  });
}

}  // namespace arsenal::runtime

#endif  // ARSENAL_SRC_OPS_MATMUL_SHAPES_H_
