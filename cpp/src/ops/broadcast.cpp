#include "ops/broadcast.h"

#include <algorithm>

namespace arsenal::runtime {

bool broadcast_keeps_rows(const std::vector<Operand>& inputs) {
  std::int32_t rank = 0;
  for (const Operand& input : inputs) rank = std::max(rank, input.shape.rank);
  return std::all_of(inputs.begin(), inputs.end(), [&](const Operand& input) {
    if (input.has_rows) return input.shape.rank == rank;
    return input.shape.rank < rank || input.shape.dims[0] == 1;
  });
}

}  // namespace arsenal::runtime
