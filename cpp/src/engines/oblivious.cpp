#include "engines/oblivious.h"

#include <algorithm>
#include <cstring>
#include <tuple>
#include <utility>

#include "engines/lanes.h"
#include "engines/leaf_values.h"
#include "engines/tile.h"

namespace arsenal::runtime {

namespace {

// Below this many rows a tile, which costs as much as 32 or 64 rows, loses to rows one by one.
constexpr std::int64_t kFewRows = 8;

template <typename T>
class ObliviousEngine final : public TreeEngine<T> {
 public:
  ObliviousEngine(const Ensemble<T>& ensemble, RankedTrees<T> ranked, ObliviousTrees trees, Isa isa)
      : ranked_(std::move(ranked)),
        trees_(std::move(trees)),
        kernels_(oblivious_kernels<T>(isa)),
        ranked_kernels_(ranked_kernels<T>(isa)),
        columns_(ranked_, ranked_kernels_),
        n_targets_(ensemble.n_targets) {
    add_terms(ensemble);
    order_terms();
    if (ranked_.column_count() <= kRowColumns) {
      build_steps();
    } else {
      row_walk_ = make_walk_engine(ensemble);
    }
    ranked_.nodes = {};
    ranked_.leaves = {};
  }

  const char* name() const noexcept override { return "oblivious"; }

  std::size_t scratch_bytes(std::int64_t rows) const noexcept override {
    const std::size_t few = row_walk_ != nullptr ? row_walk_->scratch_bytes(1) : row_scratch_bytes();
    return rows < kFewRows ? few : std::max(few, tile_scratch_bytes());
  }

  void evaluate(const T* rows, std::int64_t n_rows, std::int64_t width, const Scores<T>& scores,
                void* scratch) const noexcept override {
    if (scores.touched != nullptr) touch(static_cast<std::size_t>(n_rows), scores.touched);
    if (n_rows < kFewRows && row_walk_ != nullptr) {
      row_walk_->evaluate(rows, n_rows, width, scores, scratch);
      return;
    }
    const auto step = n_rows < kFewRows ? std::int64_t{1} : static_cast<std::int64_t>(columns_.n_rows());
    for (std::int64_t r = 0; r < n_rows; r += step) {
      T* const sums = scores.values + static_cast<std::size_t>(r) * n_targets_;
      if (n_rows < kFewRows) {
        evaluate_row(rows + r * width, sums, scratch);
      } else {
        evaluate_tile(rows + r * width, static_cast<std::size_t>(std::min(step, n_rows - r)), width, sums, scratch);
      }
    }
  }

 private:
  // --- Preparation ---

  void add_terms(const Ensemble<T>& ensemble) {
    has_terms_.assign(n_targets_, 0);
    for (std::size_t t = 0; t < trees_.tree_count(); ++t) {
      const std::uint32_t n_targets = trees_.target_begin[t + 1] - trees_.target_begin[t];
      for (std::uint32_t i = 0; i < n_targets; ++i) {
        // Bits are set where tests hold, so leaves are counted from the right.
        std::vector<T> values;
        for (std::uint32_t k = ranked_.leaf_begin[t + 1]; k-- > ranked_.leaf_begin[t];) {
          values.push_back(ensemble.weights[ensemble.leaf_begin[ranked_.leaves[k]] + i].value);
        }
        values_.add_list(values);
        has_terms_[trees_.targets[trees_.target_begin[t] + i]] = 1;
      }
    }
    values_.finish();
  }

  // Terms by target, then lane, then as in the file.
  void order_terms() {
    std::vector<std::tuple<std::uint32_t, std::size_t, std::size_t, std::size_t>> order;
    for (std::size_t t = 0; t < trees_.tree_count(); ++t) {
      for (std::uint32_t i = trees_.target_begin[t]; i < trees_.target_begin[t + 1]; ++i) {
        order.emplace_back(trees_.targets[i], t % kLanes, t, i);
      }
    }
    std::sort(order.begin(), order.end());
    terms_begin_.assign(n_targets_ * kLanes + 1, 0);
    for (const auto& [target, lane, tree, list] : order) {
      const std::uint32_t first = trees_.level_begin[tree];
      terms_.push_back({trees_.levels.data() + first, trees_.level_begin[tree + 1] - first, values_.table(list)});
      terms_begin_[target * kLanes + lane + 1] = terms_.size();
    }
    // Lanes without terms end where the one before does.
    for (std::size_t i = 1; i < terms_begin_.size(); ++i)
      terms_begin_[i] = std::max(terms_begin_[i], terms_begin_[i - 1]);
  }

  void build_steps() {
    const std::size_t n_trees = trees_.tree_count();
    const auto n_levels = [this](std::size_t t) { return trees_.level_begin[t + 1] - trees_.level_begin[t]; };
    // A level that is not there keeps leaf 0: no byte is below the lowest rank.
    ObliviousStep idle{};
    std::memset(idle.bound, kLowestRank, sizeof(idle.bound));
    for (std::size_t first = 0; first < n_trees; first += kObliviousGroup) {
      const std::size_t last = std::min(first + kObliviousGroup, n_trees);
      std::uint32_t n_steps = 0;
      for (std::size_t t = first; t < last; ++t) n_steps = std::max(n_steps, n_levels(t));
      steps_.resize(steps_.size() + n_steps, idle);
      n_steps_.push_back(n_steps);
      for (std::size_t t = first; t < last; ++t) {
        const ObliviousLevel* const levels = trees_.levels.data() + trees_.level_begin[t];
        ObliviousStep* const steps = steps_.data() + steps_.size() - n_levels(t);
        for (std::uint32_t l = 0; l < n_levels(t); ++l) {
          steps[l].column[t - first] = static_cast<std::uint8_t>(levels[l].column);
          steps[l].bound[t - first] = levels[l].bounds[0];
        }
      }
    }
  }

  // --- One row ---

  std::size_t row_scratch_bytes() const noexcept {
    return Scratch::padded(kRowColumns) + Scratch::padded(n_steps_.size() * kObliviousGroup) +
           Scratch::padded(n_targets_ * kLanes * sizeof(T));
  }

  void evaluate_row(const T* row, T* sums, void* scratch) const noexcept {
    Scratch memory(scratch);
    auto* const columns = memory.take<std::int8_t>(kRowColumns);
    ranked_kernels_.rank_row(ranked_.rank_columns.data(), ranked_.rank_columns.size(), row, columns);
    for (std::size_t s = 0; s < ranked_.set_columns.size(); ++s) {
      const SetColumn& set = ranked_.set_columns[s];
      const CodeColumn<T>& codes = ranked_.code_columns[set.code_column];
      const std::uint8_t code = codes.code_of(row[codes.feature]);
      columns[ranked_.rank_columns.size() + s] = static_cast<std::int8_t>((set.bits[code / 8] >> code % 8 & 1) ^ 1);
    }
    auto* const leaves = memory.take<std::uint8_t>(n_steps_.size() * kObliviousGroup);
    kernels_.find_row_leaves({steps_.data(), n_steps_.data(), n_steps_.size(), ranked_.column_count()}, columns,
                             leaves);
    T* const lanes = memory.take<T>(n_targets_ * kLanes);
    std::memset(static_cast<void*>(lanes), 0, n_targets_ * kLanes * sizeof(T));
    const std::size_t n_trees = trees_.tree_count();
    if (n_targets_ == 1 && terms_.size() == n_trees) {
      ranked_kernels_.add_row_leaves(values_.values(), values_.begin(), leaves, n_trees, lanes);
    } else {
      for (std::size_t t = 0; t < n_trees; ++t) {
        for (std::uint32_t i = trees_.target_begin[t]; i < trees_.target_begin[t + 1]; ++i) {
          lanes[trees_.targets[i] * kLanes + t % kLanes] += values_.values()[values_.begin()[i] + leaves[t]];
        }
      }
    }
    for (std::size_t k = 0; k < n_targets_; ++k) sums[k] = fold_lanes(lanes + k * kLanes);
  }

  // --- A tile of rows ---

  std::size_t tile_scratch_bytes() const noexcept {
    return columns_.scratch_bytes() + Scratch::padded(kLanes * columns_.n_rows() * sizeof(T));
  }

  void evaluate_tile(const T* rows, std::size_t n_rows, std::int64_t width, T* sums, void* scratch) const noexcept {
    Scratch memory(scratch);
    const std::int8_t* columns = columns_.fill(rows, n_rows, width, memory);
    const std::size_t stride = columns_.n_rows();
    T* const lanes = memory.take<T>(kLanes * stride);
    for (std::size_t target = 0; target < n_targets_; ++target) {
      for (std::size_t lane = 0; lane < kLanes; ++lane) {
        const std::size_t* const begin = &terms_begin_[target * kLanes + lane];
        kernels_.sum_terms(terms_.data() + begin[0], begin[1] - begin[0], columns, stride, n_rows,
                           lanes + lane * stride);
      }
      fold_tile(lanes, stride, n_rows, sums + target, n_targets_);
    }
  }

  void touch(std::size_t n_rows, std::uint8_t* touched) const noexcept {
    for (std::size_t r = 0; r < n_rows; ++r) std::memcpy(touched + r * n_targets_, has_terms_.data(), n_targets_);
  }

  // Its columns; nodes and leaves are dropped.
  RankedTrees<T> ranked_;
  const ObliviousTrees trees_;
  const ObliviousKernels<T>& kernels_;
  const RankedKernels<T>& ranked_kernels_;
  const TileColumns<T> columns_;
  const std::size_t n_targets_;
  // One list for each entry of trees_.targets.
  LeafValues<T> values_;
  // Targets that any leaf, and so every row, has a weight for.
  std::vector<std::uint8_t> has_terms_;
  std::vector<ObliviousTerm<T>> terms_;
  // Terms of lane l of target k: terms_begin_[k * kLanes + l] to the next one.
  std::vector<std::size_t> terms_begin_;
  std::vector<ObliviousStep> steps_;
  std::vector<std::uint32_t> n_steps_;
  // Takes single rows where there are more columns than their kernel can look up.
  std::unique_ptr<TreeEngine<T>> row_walk_;
};

}  // namespace

template <typename T>
std::unique_ptr<TreeEngine<T>> make_oblivious_engine(const Ensemble<T>& ensemble, RankedTrees<T> ranked,
                                                     ObliviousTrees trees, Isa isa) {
  return std::make_unique<ObliviousEngine<T>>(ensemble, std::move(ranked), std::move(trees), isa);
}

template std::unique_ptr<TreeEngine<float>> make_oblivious_engine(const Ensemble<float>&, RankedTrees<float>,
                                                                  ObliviousTrees, Isa);
template std::unique_ptr<TreeEngine<double>> make_oblivious_engine(const Ensemble<double>&, RankedTrees<double>,
                                                                   ObliviousTrees, Isa);

}  // namespace arsenal::runtime
