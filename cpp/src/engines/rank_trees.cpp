// From an ensemble to ranked columns and nodes.
#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <map>
#include <tuple>
#include <utility>

#include "engines/order.h"
#include "engines/ranked.h"

namespace arsenal::runtime {

namespace {

constexpr std::uint32_t kMostLeaves = 256;
constexpr std::size_t kMostColumns = 16384;
constexpr std::size_t kMostCategories = 254;
// Shared children are written out once per path; more than this many times the ensemble is not worth while.
constexpr std::size_t kMostCopies = 4;
// Whole numbers below this are looked up in a table.
constexpr std::size_t kSmallCodes = 1024;

// How many thresholds a column holds.
constexpr std::size_t kMostThresholds = kHighestRank - kLowestRank;

template <typename T>
class Ranker {
 public:
  explicit Ranker(const Ensemble<T>& ensemble) : ensemble_(ensemble) {}

  std::optional<RankedTrees<T>> rank() {
    if (!count_leaves()) return std::nullopt;
    collect_thresholds();
    if (!collect_categories() || !add_rank_columns()) return std::nullopt;
    trees_.nodes.reserve(ensemble_.splits.size());
    for (const Branch root : ensemble_.roots) {
      if (!add_tree(root)) return std::nullopt;
    }
    point_to_tables();
    return std::move(trees_);
  }

 private:
  // Splits that share a column if there are few enough thresholds: same feature, same way for NaN.
  struct Thresholds {
    std::uint32_t feature;
    bool nan_yes;
    std::vector<T> values;
    std::size_t first_column;
  };

  // Where a split's threshold is: thresholds_[group].values[rank].
  struct Place {
    std::uint32_t group;
    std::uint32_t rank;
  };

  std::uint32_t leaves_below(Branch branch) const { return leaf_counts_[slot_of(branch)]; }

  // Leaves of the tree below each split, shared ones once per path. False if a tree has too many, or all together.
  bool count_leaves() {
    leaf_counts_.assign(ensemble_.splits.size() + 1, 0);
    leaf_counts_[0] = 1;
    if (children_follow(ensemble_)) {
      for (std::size_t at = ensemble_.splits.size(); at-- > 0;) count_leaves_of(at);
    }
    std::vector<Branch> stack;
    std::size_t total = 0;
    for (const Branch root : ensemble_.roots) {
      if (leaves_below(root) == 0) stack.push_back(root);
      while (!stack.empty()) {
        const auto at = static_cast<std::size_t>(stack.back());
        const Split<T>& split = ensemble_.splits[at];
        if (leaves_below(split.yes) != 0 && leaves_below(split.no) != 0) {
          count_leaves_of(at);
          stack.pop_back();
        } else {
          if (leaves_below(split.yes) == 0) stack.push_back(split.yes);
          if (leaves_below(split.no) == 0) stack.push_back(split.no);
        }
      }
      if (leaves_below(root) > kMostLeaves) return false;
      total += leaves_below(root);
    }
    return total <= kMostCopies * (ensemble_.leaf_count() + ensemble_.splits.size());
  }

  void count_leaves_of(std::size_t at) {
    const Split<T>& split = ensemble_.splits[at];
    leaf_counts_[at + 1] = std::min(leaves_below(split.yes) + leaves_below(split.no), kMostLeaves + 1);
  }

  // All splits in the order of feature, way for NaN and threshold: one walk gives every threshold its rank.
  void collect_thresholds() {
    std::vector<std::uint32_t> order;
    std::vector<OrderedBits<T>> thresholds;
    std::vector<std::uint64_t> features;
    order.reserve(ensemble_.splits.size());
    thresholds.reserve(ensemble_.splits.size());
    features.reserve(ensemble_.splits.size());
    for (const Split<T>& split : ensemble_.splits) {
      if (split.set == Split<T>::kNoSet) order.push_back(static_cast<std::uint32_t>(thresholds.size()));
      thresholds.push_back(ordered_bits(split.threshold));
      features.push_back(std::uint64_t{split.feature} << 1 | (split.nan_yes ? 1 : 0));
    }
    order_by(thresholds, order);
    order_by(features, order);
    places_.resize(ensemble_.splits.size());
    for (std::size_t i = 0; i < order.size(); ++i) {
      const std::uint32_t at = order[i];
      const Split<T>& split = ensemble_.splits[at];
      if (i == 0 || features[at] != features[order[i - 1]]) {
        thresholds_.push_back({split.feature, split.nan_yes, {split.threshold}, 0});
      } else if (thresholds_.back().values.back() != split.threshold) {
        thresholds_.back().values.push_back(split.threshold);
      }
      places_[at] = {static_cast<std::uint32_t>(thresholds_.size() - 1),
                     static_cast<std::uint32_t>(thresholds_.back().values.size() - 1)};
    }
  }

  // The values that the sets of one feature hold. Most are small whole numbers, which need no sorting.
  struct Categories {
    std::vector<bool> small = std::vector<bool>(kSmallCodes);
    std::vector<T> others;

    void add(T value) {
      if (is_small(value)) {
        small[static_cast<std::size_t>(value)] = true;
      } else {
        others.push_back(value);
      }
    }

    void unite_others() {
      std::sort(others.begin(), others.end());
      others.erase(std::unique(others.begin(), others.end()), others.end());
    }

    std::vector<T> sorted() {
      for (std::size_t value = 0; value < small.size(); ++value) {
        if (small[value]) others.push_back(static_cast<T>(value));
      }
      unite_others();
      return std::move(others);
    }
  };

  static bool is_small(T value) {
    return value >= 0 && value < static_cast<T>(kSmallCodes) && std::floor(value) == value;
  }

  bool collect_categories() {
    std::map<std::uint32_t, Categories> categories;
    for (const Split<T>& split : ensemble_.splits) {
      if (split.set == Split<T>::kNoSet) continue;
      Categories& own = categories[split.feature];
      for (std::uint32_t i = ensemble_.set_begin[split.set]; i < ensemble_.set_begin[split.set + 1]; ++i) {
        own.add(ensemble_.set_values[i]);
      }
      // Kept short as it grows: a model may test the same large set again and again.
      if (own.others.size() > 16 * kMostCategories) own.unite_others();
      if (own.others.size() > 16 * kMostCategories) return false;
    }
    for (auto& [feature, own] : categories) {
      CodeColumn<T> column{feature, own.sorted(), {}};
      if (column.values.size() > kMostCategories) return false;
      code_column_of_[feature] = static_cast<std::uint32_t>(trees_.code_columns.size());
      for (std::size_t k = 0; k < column.values.size(); ++k) {
        if (!is_small(column.values[k])) continue;
        const auto whole = static_cast<std::size_t>(column.values[k]);
        column.small_codes.resize(std::max(column.small_codes.size(), whole + 1), 0);
        column.small_codes[whole] = static_cast<std::uint8_t>(k + 1);
      }
      trees_.code_columns.push_back(std::move(column));
    }
    return true;
  }

  bool add_rank_columns() {
    for (Thresholds& thresholds : thresholds_) {
      thresholds.first_column = trees_.rank_columns.size();
      for (std::size_t start = 0; start < thresholds.values.size(); start += kMostThresholds) {
        const std::size_t count = std::min(kMostThresholds, thresholds.values.size() - start);
        add_rank_column(thresholds, thresholds.values.data() + start, count);
        if (trees_.rank_columns.size() > kMostColumns) return false;
      }
    }
    return true;
  }

  void add_rank_column(const Thresholds& thresholds, const T* values, std::size_t count) {
    constexpr T kInfinity = std::numeric_limits<T>::infinity();
    const std::size_t n_blocks = (count + kRankBlock - 1) / kRankBlock;
    RankColumn<T> column{};
    column.feature = thresholds.feature;
    column.n_blocks = static_cast<std::uint32_t>(n_blocks);
    column.nan_rank = thresholds.nan_yes ? kLowestRank : kHighestRank;
    trees_.rank_columns.push_back(column);
    for (std::size_t k = 0; k < n_blocks * kRankBlock; ++k)
      trees_.thresholds.push_back(k < count ? values[k] : kInfinity);
    for (std::size_t block = 0; block < kRankBlock; ++block) {
      trees_.pivots.push_back(block + 1 < n_blocks ? values[(block + 1) * kRankBlock - 1] : kInfinity);
    }
  }

  // The tables have their final places now.
  void point_to_tables() {
    std::size_t threshold = 0;
    for (std::size_t c = 0; c < trees_.rank_columns.size(); ++c) {
      trees_.rank_columns[c].thresholds = trees_.thresholds.data() + threshold;
      trees_.rank_columns[c].pivots = trees_.pivots.data() + c * kRankBlock;
      threshold += trees_.rank_columns[c].n_blocks * kRankBlock;
    }
  }

  bool add_tree(Branch root) {
    struct Open {
      Branch branch;
      std::uint32_t first_leaf;
    };
    const std::size_t base = trees_.leaves.size();
    trees_.leaves.resize(base + leaves_below(root));
    std::vector<Open> stack = {{root, 0}};
    while (!stack.empty()) {
      const auto [branch, first_leaf] = stack.back();
      stack.pop_back();
      if (branch < 0) {
        trees_.leaves[base + first_leaf] = static_cast<std::uint32_t>(~branch);
        continue;
      }
      const auto at = static_cast<std::size_t>(branch);
      const Split<T>& split = ensemble_.splits[at];
      const std::uint32_t no_leaf = first_leaf + leaves_below(split.yes);
      RankedNode node = split.set == Split<T>::kNoSet ? ranked_node(places_[at]) : member_node(split);
      node.from = static_cast<std::uint8_t>(first_leaf);
      node.to = static_cast<std::uint8_t>(no_leaf);
      trees_.nodes.push_back(node);
      stack.push_back({split.no, no_leaf});
      stack.push_back({split.yes, first_leaf});
    }
    trees_.node_begin.push_back(static_cast<std::uint32_t>(trees_.nodes.size()));
    trees_.leaf_begin.push_back(static_cast<std::uint32_t>(trees_.leaves.size()));
    return trees_.column_count() <= kMostColumns;
  }

  RankedNode ranked_node(const Place& place) const {
    const std::size_t column = thresholds_[place.group].first_column + place.rank / kMostThresholds;
    const int below = static_cast<int>(place.rank % kMostThresholds);
    return {static_cast<std::uint16_t>(column), static_cast<std::int8_t>(kLowestRank + below + 1), 0, 0};
  }

  RankedNode member_node(const Split<T>& split) {
    const std::uint32_t code_column = code_column_of_.find(split.feature)->second;
    const CodeColumn<T>& codes = trees_.code_columns[code_column];
    SetColumn set{code_column, {}};
    const auto add = [&set](std::uint8_t code) {
      set.bits[code / 8] = static_cast<std::uint8_t>(set.bits[code / 8] | 1U << code % 8);
    };
    for (std::uint32_t i = ensemble_.set_begin[split.set]; i < ensemble_.set_begin[split.set + 1]; ++i) {
      add(codes.code_of(ensemble_.set_values[i]));
    }
    if (split.nan_yes) add(codes.nan_code());
    std::vector<std::uint8_t> key(set.bits, set.bits + sizeof(set.bits));
    const auto [entry, is_new] =
        set_column_of_.emplace(std::make_pair(code_column, std::move(key)), trees_.set_columns.size());
    if (is_new) trees_.set_columns.push_back(set);
    return {static_cast<std::uint16_t>(trees_.rank_columns.size() + entry->second), 1, 0, 0};
  }

  const Ensemble<T>& ensemble_;
  RankedTrees<T> trees_;
  // At slot_of() each branch.
  std::vector<std::uint32_t> leaf_counts_;
  std::vector<Thresholds> thresholds_;
  // Of every split with a threshold.
  std::vector<Place> places_;
  std::map<std::uint32_t, std::uint32_t> code_column_of_;
  std::map<std::pair<std::uint32_t, std::vector<std::uint8_t>>, std::size_t> set_column_of_;
};

}  // namespace

template <typename T>
std::uint8_t CodeColumn<T>::code_of(T x) const noexcept {
  if (x >= 0 && x < static_cast<T>(small_codes.size())) {
    const auto whole = static_cast<std::size_t>(x);
    if (static_cast<T>(whole) == x) return small_codes[whole];
  }
  if (x != x) return nan_code();
  const auto found = std::lower_bound(values.begin(), values.end(), x);
  return found != values.end() && *found == x ? static_cast<std::uint8_t>(found - values.begin() + 1) : 0;
}

template <typename T>
std::optional<RankedTrees<T>> rank_trees(const Ensemble<T>& ensemble) {
  return Ranker<T>(ensemble).rank();
}

template struct CodeColumn<float>;
template struct CodeColumn<double>;
template std::optional<RankedTrees<float>> rank_trees(const Ensemble<float>&);
template std::optional<RankedTrees<double>> rank_trees(const Ensemble<double>&);

}  // namespace arsenal::runtime
