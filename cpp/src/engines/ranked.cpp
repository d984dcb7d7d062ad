#include "engines/ranked.h"

#include <algorithm>
#include <cstring>
#include <tuple>
#include <utility>

#include "engines/lanes.h"
#include "engines/leaf_values.h"
#include "engines/tile.h"

namespace arsenal::runtime {

namespace {

// Lanes of every target are kept per row where leaves have weights for several targets.
constexpr std::size_t kMostTargetsPerLeaf = 64;
// Below this many rows a tile, which costs as much as 64 rows, loses to rows one by one: measured for 20 to 500 trees
// of 31 leaves, with the kernel for single rows and with walks.
constexpr std::int64_t kFewRows = 16;
constexpr std::int64_t kFewRowsToWalk = 6;
// Beyond these a walk beats the kernel for single rows, which goes through all nodes of a tree.
constexpr std::size_t kMostRowLeaves = 128;
constexpr std::size_t kMostRowBits = std::size_t{8} << 20;

// What finds the leaves of one row: nodes of 64 trees side by side, and for each category code the nodes that it fails.
struct RowTables {
  std::vector<RowStep> steps;
  std::vector<std::uint32_t> n_steps;
  // failed[code_base[c] + code * steps.size() + s]: trees of which node s tests code column c and fails for this code.
  std::vector<std::uint64_t> failed;
  std::vector<std::size_t> code_base;
};

template <typename T>
class RankedEngine final : public TreeEngine<T> {
 public:
  RankedEngine(const Ensemble<T>& ensemble, RankedTrees<T> trees, Isa isa)
      : ensemble_(ensemble), trees_(std::move(trees)), kernels_(ranked_kernels<T>(isa)), columns_(trees_, kernels_) {
    find_tree_targets();
    if (!tree_targets_.empty()) order_trees();
    if (kernels_.find_row_leaves != nullptr && build_row_tables()) return;
    row_walk_ = make_walk_engine(ensemble);
    few_rows_ = kFewRowsToWalk;
  }

  const char* name() const noexcept override { return "ranked"; }

  std::size_t scratch_bytes(std::int64_t rows) const noexcept override {
    const std::size_t few = row_walk_ != nullptr ? row_walk_->scratch_bytes(1) : row_scratch_bytes();
    return rows < few_rows_ ? few : std::max(few, tile_scratch_bytes());
  }

  void evaluate(const T* rows, std::int64_t n_rows, std::int64_t width, const Scores<T>& scores,
                void* scratch) const noexcept override {
    const std::size_t n_targets = ensemble_.n_targets;
    if (n_rows < few_rows_ && row_walk_ != nullptr) {
      row_walk_->evaluate(rows, n_rows, width, scores, scratch);
      return;
    }
    const auto step = n_rows < few_rows_ ? std::int64_t{1} : static_cast<std::int64_t>(columns_.n_rows());
    for (std::int64_t r = 0; r < n_rows; r += step) {
      const std::size_t first = static_cast<std::size_t>(r) * n_targets;
      const Scores<T> here{scores.values + first, scores.touched == nullptr ? nullptr : scores.touched + first};
      if (n_rows < few_rows_) {
        evaluate_row(rows + r * width, here, scratch);
      } else {
        evaluate_tile(rows + r * width, static_cast<std::size_t>(std::min(step, n_rows - r)), width, here, scratch);
      }
    }
  }

 private:
  // --- Preparation ---

  // The target of each tree, if all its leaves have one weight each, for the same target; else empty for all.
  void find_tree_targets() {
    std::vector<std::uint32_t> targets;
    for (std::size_t t = 0; t < trees_.tree_count(); ++t) {
      const std::uint32_t first = trees_.leaves[trees_.leaf_begin[t]];
      if (ensemble_.leaf_begin[first] == ensemble_.leaf_begin[first + 1]) return;
      const std::uint32_t target = ensemble_.weights[ensemble_.leaf_begin[first]].target;
      for (std::uint32_t k = trees_.leaf_begin[t]; k < trees_.leaf_begin[t + 1]; ++k) {
        const std::uint32_t begin = ensemble_.leaf_begin[trees_.leaves[k]];
        const bool single = ensemble_.leaf_begin[trees_.leaves[k] + 1] == begin + 1;
        if (!single || ensemble_.weights[begin].target != target) return;
      }
      targets.push_back(target);
    }
    tree_targets_ = std::move(targets);
    for (std::size_t t = 0; t < trees_.tree_count(); ++t) {
      std::vector<T> values;
      for (std::uint32_t k = trees_.leaf_begin[t]; k < trees_.leaf_begin[t + 1]; ++k) {
        values.push_back(ensemble_.weights[ensemble_.leaf_begin[trees_.leaves[k]]].value);
      }
      values_.add_list(values);
    }
    values_.finish();
    has_trees_.assign(ensemble_.n_targets, 0);
    for (const std::uint32_t target : tree_targets_) has_trees_[target] = 1;
  }

  // Trees by target, then lane, then as in the file: a tile keeps one lane's sums at hand.
  void order_trees() {
    for (std::uint32_t t = 0; t < tree_targets_.size(); ++t) order_.push_back(t);
    std::sort(order_.begin(), order_.end(), [this](std::uint32_t a, std::uint32_t b) {
      const auto key = [this](std::uint32_t t) { return std::make_tuple(tree_targets_[t], t % kLanes, t); };
      return key(a) < key(b);
    });
  }

  // False if single rows are better walked.
  bool build_row_tables() {
    if (trees_.rank_columns.size() > kRowColumns) return false;
    const std::size_t n_trees = trees_.tree_count();
    const auto n_nodes = [this](std::size_t t) { return trees_.node_begin[t + 1] - trees_.node_begin[t]; };
    for (std::size_t first = 0; first < n_trees; first += kGroupTrees) {
      std::uint32_t n_steps = 0;
      for (std::size_t t = first; t < std::min(first + kGroupTrees, n_trees); ++t)
        n_steps = std::max(n_steps, n_nodes(t));
      if (n_steps >= kMostRowLeaves) return false;
      row_.n_steps.push_back(n_steps);
    }
    std::size_t n_steps = 0;
    for (const std::uint32_t steps : row_.n_steps) n_steps += steps;
    std::size_t n_codes = 0;
    for (const CodeColumn<T>& column : trees_.code_columns) {
      row_.code_base.push_back(n_codes * n_steps);
      n_codes += column.values.size() + 2;
    }
    if (n_codes * n_steps * sizeof(std::uint64_t) > kMostRowBits) return false;
    row_.failed.assign(n_codes * n_steps, 0);
    // A node that is not there moves rows from leaf 0 to leaf 0.
    row_.steps.assign(n_steps, RowStep{});
    std::size_t group_start = 0;
    for (std::size_t t = 0; t < n_trees; ++t) {
      if (t > 0 && t % kGroupTrees == 0) group_start += row_.n_steps[t / kGroupTrees - 1];
      for (std::uint32_t k = 0; k < n_nodes(t); ++k) {
        place_row_node(trees_.nodes[trees_.node_begin[t] + k], group_start + k, t % kGroupTrees);
      }
    }
    return true;
  }

  void place_row_node(const RankedNode& node, std::size_t s, std::size_t tree) {
    RowStep& step = row_.steps[s];
    step.from[tree] = node.from;
    step.to[tree] = node.to;
    if (node.column < trees_.rank_columns.size()) {
      step.column[tree] = static_cast<std::uint8_t>(node.column);
      step.bound[tree] = node.bound;
      return;
    }
    step.bound[tree] = kNoBound;
    const SetColumn& set = trees_.set_columns[node.column - trees_.rank_columns.size()];
    const std::size_t n_codes = trees_.code_columns[set.code_column].values.size() + 2;
    for (std::size_t code = 0; code < n_codes; ++code) {
      if ((set.bits[code / 8] >> code % 8 & 1) != 0) continue;
      row_.failed[row_.code_base[set.code_column] + code * row_.steps.size() + s] |= std::uint64_t{1} << tree;
    }
  }

  // --- One row ---

  std::size_t row_scratch_bytes() const noexcept {
    const std::size_t failed = trees_.code_columns.empty() ? 0 : row_.steps.size();
    return Scratch::padded(kRowColumns) + Scratch::padded(failed * sizeof(std::uint64_t)) +
           Scratch::padded(row_.n_steps.size() * kGroupTrees) +
           Scratch::padded(RowScore<T>::scratch_bytes(ensemble_.n_targets));
  }

  void evaluate_row(const T* row, const Scores<T>& scores, void* scratch) const noexcept {
    Scratch memory(scratch);
    auto* ranks = memory.take<std::int8_t>(kRowColumns);
    kernels_.rank_row(trees_.rank_columns.data(), trees_.rank_columns.size(), row, ranks);
    std::uint64_t* failed = nullptr;
    if (!trees_.code_columns.empty()) {
      failed = memory.take<std::uint64_t>(row_.steps.size());
      collect_failed(row, failed);
    }
    auto* leaves = memory.take<std::uint8_t>(row_.n_steps.size() * kGroupTrees);
    const RowGroups groups{row_.steps.data(), row_.n_steps.data(), row_.n_steps.size(), trees_.rank_columns.size()};
    kernels_.find_row_leaves(groups, ranks, failed, leaves);
    T* lanes = memory.take<T>(ensemble_.n_targets * kLanes);
    const std::size_t n_trees = trees_.tree_count();
    if (tree_targets_.empty()) {
      RowScore<T> score(ensemble_, lanes, scores.values, scores.touched);
      for (std::size_t t = 0; t < n_trees; ++t) score.add(t, trees_.leaves[trees_.leaf_begin[t] + leaves[t]]);
      score.finish();
      return;
    }
    std::memset(lanes, 0, ensemble_.n_targets * kLanes * sizeof(T));
    if (ensemble_.n_targets == 1) {
      kernels_.add_row_leaves(values_.values(), values_.begin(), leaves, n_trees, lanes);
    } else {
      for (std::size_t t = 0; t < n_trees; ++t) {
        lanes[tree_targets_[t] * kLanes + t % kLanes] += values_.values()[values_.begin()[t] + leaves[t]];
      }
    }
    for (std::size_t k = 0; k < ensemble_.n_targets; ++k) scores.values[k] = fold_lanes(lanes + k * kLanes);
    if (scores.touched != nullptr) std::memcpy(scores.touched, has_trees_.data(), ensemble_.n_targets);
  }

  // Joins the tables of the row's category codes.
  void collect_failed(const T* row, std::uint64_t* failed) const noexcept {
    const std::size_t n_steps = row_.steps.size();
    for (std::size_t c = 0; c < trees_.code_columns.size(); ++c) {
      const CodeColumn<T>& column = trees_.code_columns[c];
      const std::uint64_t* own = row_.failed.data() + row_.code_base[c] + column.code_of(row[column.feature]) * n_steps;
      if (c == 0) {
        std::memcpy(failed, own, n_steps * sizeof(std::uint64_t));
      } else {
        for (std::size_t s = 0; s < n_steps; ++s) failed[s] |= own[s];
      }
    }
  }

  // --- A tile of rows ---

  std::size_t tile_scratch_bytes() const noexcept {
    const std::size_t lanes = tree_targets_.empty() ? ensemble_.n_targets * kLanes : kLanes;
    const std::size_t n_rows = columns_.n_rows();
    return columns_.scratch_bytes() + Scratch::padded(n_rows) + Scratch::padded(lanes * n_rows * sizeof(T));
  }

  void evaluate_tile(const T* rows, std::size_t n_rows, std::int64_t width, const Scores<T>& scores,
                     void* scratch) const noexcept {
    Scratch memory(scratch);
    const std::int8_t* columns = columns_.fill(rows, n_rows, width, memory);
    const std::size_t stride = columns_.n_rows();
    auto* leaves = memory.take<std::uint8_t>(stride);
    if (tree_targets_.empty()) {
      add_lists(columns, n_rows, scores, leaves, memory.take<T>(ensemble_.n_targets * kLanes * stride));
      return;
    }
    T* lanes = memory.take<T>(kLanes * stride);
    auto next = order_.begin();
    for (std::uint32_t target = 0; target < ensemble_.n_targets; ++target) {
      std::memset(static_cast<void*>(lanes), 0, kLanes * stride * sizeof(T));
      for (; next != order_.end() && tree_targets_[*next] == target; ++next) {
        find_leaves(*next, columns, n_rows, leaves);
        kernels_.add_leaves(values_.table(*next), leaves, n_rows, lanes + *next % kLanes * stride);
      }
      fold_tile(lanes, stride, n_rows, scores.values + target, ensemble_.n_targets);
    }
    for (std::size_t r = 0; scores.touched != nullptr && r < n_rows; ++r) {
      std::memcpy(scores.touched + r * ensemble_.n_targets, has_trees_.data(), ensemble_.n_targets);
    }
  }

  void find_leaves(std::size_t tree, const std::int8_t* columns, std::size_t n_rows,
                   std::uint8_t* leaves) const noexcept {
    const std::uint32_t begin = trees_.node_begin[tree];
    kernels_.find_leaves(trees_.nodes.data() + begin, trees_.node_begin[tree + 1] - begin, columns, columns_.n_rows(),
                         n_rows, leaves);
  }

  // Leaves with weights for several targets, or none: row by row, all lanes at once.
  void add_lists(const std::int8_t* columns, std::size_t n_rows, const Scores<T>& scores, std::uint8_t* leaves,
                 T* lanes) const noexcept {
    const std::size_t n_targets = ensemble_.n_targets;
    std::memset(static_cast<void*>(lanes), 0, n_targets * kLanes * n_rows * sizeof(T));
    if (scores.touched != nullptr) std::memset(scores.touched, 0, n_rows * n_targets);
    for (std::size_t t = 0; t < trees_.tree_count(); ++t) {
      find_leaves(t, columns, n_rows, leaves);
      for (std::size_t r = 0; r < n_rows; ++r) {
        const std::uint32_t leaf = trees_.leaves[trees_.leaf_begin[t] + leaves[r]];
        for (std::uint32_t i = ensemble_.leaf_begin[leaf]; i < ensemble_.leaf_begin[leaf + 1]; ++i) {
          const LeafWeight<T>& weight = ensemble_.weights[i];
          lanes[(r * n_targets + weight.target) * kLanes + t % kLanes] += weight.value;
          if (scores.touched != nullptr) scores.touched[r * n_targets + weight.target] = 1;
        }
      }
    }
    for (std::size_t i = 0; i < n_rows * n_targets; ++i) scores.values[i] = fold_lanes(lanes + i * kLanes);
  }

  const Ensemble<T> ensemble_;
  const RankedTrees<T> trees_;
  const RankedKernels<T>& kernels_;
  TileColumns<T> columns_;
  std::int64_t few_rows_ = kFewRows;
  // See find_tree_targets; values_ are the leaves' weights then, as trees_.leaves are ordered.
  std::vector<std::uint32_t> tree_targets_;
  LeafValues<T> values_;
  std::vector<std::uint8_t> has_trees_;
  std::vector<std::uint32_t> order_;
  RowTables row_;
  // Takes single rows where there are no row tables.
  std::unique_ptr<TreeEngine<T>> row_walk_;
};

}  // namespace

template <typename T>
bool suits_ranked(const Ensemble<T>& ensemble) {
  const bool sums = ensemble.aggregate == Aggregate::kSum || ensemble.aggregate == Aggregate::kAverage;
  return sums && !ensemble.splits.empty() && ensemble.n_targets <= kMostTargetsPerLeaf;
}

template <typename T>
std::unique_ptr<TreeEngine<T>> make_ranked_engine(const Ensemble<T>& ensemble, RankedTrees<T> trees, Isa isa) {
  return std::make_unique<RankedEngine<T>>(ensemble, std::move(trees), isa);
}

template bool suits_ranked(const Ensemble<float>&);
template bool suits_ranked(const Ensemble<double>&);
template std::unique_ptr<TreeEngine<float>> make_ranked_engine(const Ensemble<float>&, RankedTrees<float>, Isa);
template std::unique_ptr<TreeEngine<double>> make_ranked_engine(const Ensemble<double>&, RankedTrees<double>, Isa);

}  // namespace arsenal::runtime
