// The oblivious engine: trees that ask one question per level, as CatBoost's and all symmetric ones do, of up to 256
// leaves.
//
// Features become ranks as for the ranked engine. A row's answers are then the bits of its leaf's number, one
// comparison per level for many rows at once, and nothing has to remember which node a row is at.
#ifndef ARSENAL_SRC_ENGINES_OBLIVIOUS_H_
#define ARSENAL_SRC_ENGINES_OBLIVIOUS_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "engines/engine.h"
#include "engines/ensemble.h"
#include "engines/ranked.h"
#include "kernels/oblivious.h"

namespace arsenal::runtime {

// The questions of all trees, and which targets a tree adds to.
struct ObliviousTrees {
  // Levels of tree t, from the root down: level_begin[t] to level_begin[t + 1] - 1.
  std::vector<ObliviousLevel> levels;
  std::vector<std::uint32_t> level_begin = {0};
  // Each leaf of tree t has one weight for each of targets[target_begin[t]] to targets[target_begin[t + 1] - 1], in
  // this order.
  std::vector<std::uint32_t> targets;
  std::vector<std::uint32_t> target_begin = {0};

  std::size_t tree_count() const noexcept { return level_begin.size() - 1; }
};

// Nothing if some tree is not symmetric, or has leaves with weights for different targets.
template <typename T>
std::optional<ObliviousTrees> find_levels(const Ensemble<T>& ensemble, const RankedTrees<T>& ranked);

template <typename T>
std::unique_ptr<TreeEngine<T>> make_oblivious_engine(const Ensemble<T>& ensemble, RankedTrees<T> ranked,
                                                     ObliviousTrees trees, Isa isa);

}  // namespace arsenal::runtime

#endif  // ARSENAL_SRC_ENGINES_OBLIVIOUS_H_
