#include "ops/matmul_shapes.h"

#include <algorithm>

namespace arsenal::runtime {

MatrixExtents left_matrix(const Shape& a) noexcept { return {a.rank > 1 ? a.dims[a.rank - 2] : 1, a.dims[a.rank - 1]}; }

MatrixExtents right_matrix(const Shape& b) noexcept {
  return b.rank > 1 ? MatrixExtents{b.dims[b.rank - 2], b.dims[b.rank - 1]} : MatrixExtents{b.dims[0], 1};
}

std::int64_t matrix_count(const Shape& shape) noexcept {
  Shape batch = shape;
  batch.rank = std::max(shape.rank - 2, 0);
  return element_count(batch);
}

bool matmul_shape(const Shape& a, const Shape& b, Shape& result, Issue& issue) noexcept {
  const auto refuse = [&] {
    return issue.set(ARSENAL_SHAPE_MISMATCH, "shapes %s and %s cannot be multiplied", ShapeText(a).text,
                     ShapeText(b).text);
  };
  if (a.rank == 0 || b.rank == 0) return refuse();
  const std::int64_t depth = left_matrix(a).columns;
  const std::int64_t other = right_matrix(b).rows;
  Shape a_batch = a;
  Shape b_batch = b;
  a_batch.rank = std::max(a.rank - 2, 0);
  b_batch.rank = std::max(b.rank - 2, 0);
  Shape made;
  if ((depth >= 0 && other >= 0 && depth != other) || !broadcast_shapes(a_batch, b_batch, made)) return refuse();
  if (a.rank > 1) made.dims[made.rank++] = left_matrix(a).rows;
  if (b.rank > 1) made.dims[made.rank++] = right_matrix(b).columns;
  result = made;
  return true;
}

bool matmul_keeps_rows(const Operand& a, const Operand& b) {
  // Axis 0 of the result is that of an operand with rows, and the other has but one extent there.
  if (a.has_rows && a.shape.rank < 2) return false;
  if (b.has_rows && b.shape.rank < 3) return false;
  if (!a.has_rows) return a.shape.rank < b.shape.rank || (a.shape.rank == b.shape.rank && a.shape.dims[0] == 1);
  if (b.has_rows) return a.shape.rank == b.shape.rank;
  if (b.shape.rank < 3) return true;
  return b.shape.rank < a.shape.rank || (b.shape.rank == a.shape.rank && b.shape.dims[0] == 1);
}

}  // namespace arsenal::runtime
