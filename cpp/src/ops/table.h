// What operators of ai.onnx.ml take: a table of numbers, [N, C], or one row of it, [C].
#ifndef ARSENAL_SRC_OPS_TABLE_H_
#define ARSENAL_SRC_OPS_TABLE_H_

#include <cstddef>
#include <cstdint>

#include "ops/dtypes.h"
#include "plan/op.h"

namespace arsenal::runtime {

using TableNumbers = Dtypes<float, double, std::int64_t, std::int32_t>;

struct TableView {
  explicit TableView(const Shape& shape) noexcept
      : n_rows(shape.rank > 1 ? shape.dims[0] : 1), n_columns(shape.rank > 0 ? shape.dims[shape.rank - 1] : 1) {}

  std::int64_t n_rows;
  std::int64_t n_columns;
};

// Checks that the input is a table of `n_columns` columns; `n_columns` < 0: of any number.
inline bool want_table(const Shape& shape, std::int64_t n_columns, Issue& issue) noexcept {
  const std::int64_t columns = TableView(shape).n_columns;
  if ((shape.rank == 1 || shape.rank == 2) && (n_columns < 0 || columns < 0 || columns == n_columns)) return true;
  if (n_columns < 0) {
    return issue.set(ARSENAL_SHAPE_MISMATCH, "input has shape %s, wanted [rows, columns] or [columns]",
                     ShapeText(shape).text);
  }
  return issue.set(ARSENAL_SHAPE_MISMATCH, "input has shape %s, wanted %lld columns", ShapeText(shape).text,
                   static_cast<long long>(n_columns));
}

// Whether axis 0 of the input counts rows of a table, rather than the columns of one row.
inline bool has_table_rows(const std::vector<Operand>& inputs) noexcept { return inputs[0].shape.rank == 2; }

}  // namespace arsenal::runtime

#endif  // ARSENAL_SRC_OPS_TABLE_H_
