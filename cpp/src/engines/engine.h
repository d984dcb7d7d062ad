// What evaluates an ensemble. All engines give the same bits.
//
// The sum of a row and target is fixed, whatever the engine, instruction set, batch size or number of threads: 16 lanes
// start at +0; tree t adds its leaf's weight to lane t % 16, in the order of the file and in the ensemble's own type;
// then lane i takes lane i + 8, then i + 4, i + 2 and i + 1.
#ifndef ARSENAL_SRC_ENGINES_ENGINE_H_
#define ARSENAL_SRC_ENGINES_ENGINE_H_

#include <cstddef>
#include <cstdint>
#include <memory>

#include "engines/ensemble.h"
#include "isa.h"

namespace arsenal::runtime {

constexpr std::size_t kLanes = 16;

// Rows of scores, one entry per target.
template <typename T>
struct Scores {
  // [rows, n_targets]: sum, minimum or maximum over the trees; 0 where no leaf has a weight. kAverage is summed.
  T* values;
  // [rows, n_targets]: 1 where a leaf that was reached has a weight for the target, else 0. nullptr: not asked for.
  std::uint8_t* touched;
};

template <typename T>
class TreeEngine {
 public:
  TreeEngine() = default;
  TreeEngine(const TreeEngine&) = delete;
  TreeEngine& operator=(const TreeEngine&) = delete;
  virtual ~TreeEngine() = default;

  // As arsenal_model_info.engine names it.
  virtual const char* name() const noexcept = 0;

  // Scratch memory that evaluate() needs for `rows` rows; never more for fewer rows.
  virtual std::size_t scratch_bytes(std::int64_t rows) const noexcept = 0;

  // How many rows at a time suit it best where there are many; 0: it does not matter.
  virtual std::int64_t preferred_rows() const noexcept { return 0; }

  // Evaluates rows of `width` features each, at least n_features. `scratch` is aligned to 64 bytes.
  virtual void evaluate(const T* rows, std::int64_t n_rows, std::int64_t width, const Scores<T>& scores,
                        void* scratch) const noexcept = 0;
};

// The engine that suits a checked ensemble.
template <typename T>
std::unique_ptr<TreeEngine<T>> choose_engine(const Ensemble<T>& ensemble, Isa isa);

// Walks each tree from its root: any ensemble, portable code, the oracle for all others.
template <typename T>
std::unique_ptr<TreeEngine<T>> make_walk_engine(const Ensemble<T>& ensemble);

}  // namespace arsenal::runtime

#endif  // ARSENAL_SRC_ENGINES_ENGINE_H_
