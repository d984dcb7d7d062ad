// TfIdfVectorizer: counts the n-grams of a list that occur in each row of words or numbers, with gaps if wanted.
#include <algorithm>
#include <cstdint>
#include <cstring>
#include <type_traits>

#include "ops/key_table.h"
#include "ops/table.h"
#include "plan/registry.h"

namespace arsenal::runtime {

namespace {

enum class Weighting : std::uint8_t { kCount, kWeight, kBoth };

// N-grams as paths of a tree: each node is a beginning of some n-gram, and its children are the items that go on from
// it.
class NgramTree {
 public:
  // An n-gram is `length` items of `items` from `first` on, and is counted in column `column`.
  struct Ngram {
    std::size_t first;
    std::size_t length;
    std::int64_t column;
  };

  static constexpr std::int64_t kRoot = 0;
  static constexpr std::int64_t kNone = -1;

  NgramTree(const std::vector<std::int64_t>& items, const std::vector<Ngram>& ngrams, std::int64_t n_items)
      : n_items_(std::max<std::int64_t>(n_items, 1)), edges_(edges_of(items, ngrams)) {}

  std::int64_t child(std::int64_t node, std::int64_t item) const noexcept {
    if (item < 0) return kNone;
    const std::int64_t edge = edges_.find(node * n_items_ + item);
    return edge < 0 ? kNone : edge + 1;
  }

  // The column of the n-gram that ends at the node, or kNone.
  std::int64_t column(std::int64_t node) const noexcept { return columns_[static_cast<std::size_t>(node)]; }

 private:
  // The edge of number i leads to node i + 1. Built level by level, so that parents have their numbers first.
  IntegerKeys edges_of(const std::vector<std::int64_t>& items, const std::vector<Ngram>& ngrams) {
    columns_.assign(1, kNone);
    std::vector<std::int64_t> edges;
    std::vector<std::int64_t> at(ngrams.size(), kRoot);
    std::size_t longest = 0;
    for (const Ngram& ngram : ngrams) longest = std::max(longest, ngram.length);
    for (std::size_t depth = 0; depth < longest; ++depth) {
      std::vector<std::pair<std::int64_t, std::size_t>> wanted;
      for (std::size_t i = 0; i < ngrams.size(); ++i) {
        if (depth < ngrams[i].length) wanted.emplace_back(at[i] * n_items_ + items[ngrams[i].first + depth], i);
      }
      std::sort(wanted.begin(), wanted.end());
      for (std::size_t k = 0; k < wanted.size(); ++k) {
        if (k == 0 || wanted[k].first != wanted[k - 1].first) {
          edges.push_back(wanted[k].first);
          columns_.push_back(kNone);
        }
        const std::size_t i = wanted[k].second;
        at[i] = static_cast<std::int64_t>(edges.size());
        if (depth + 1 == ngrams[i].length) columns_.back() = ngrams[i].column;
      }
    }
    return IntegerKeys(std::move(edges));
  }

  std::int64_t n_items_;
  std::vector<std::int64_t> columns_;
  IntegerKeys edges_;
};

struct Grams {
  std::size_t shortest;
  std::size_t longest;
  // Items left out between two of an n-gram, at most.
  std::size_t most_skipped;
};

// Item: dtype of the elements. Keys: from an element to the number of the item.
template <typename Item, typename Keys>
class TfIdfVectorizer final : public Op {
 public:
  TfIdfVectorizer(Keys items, NgramTree tree, Grams grams, Weighting weighting, std::vector<float> weights,
                  std::int64_t n_columns)
      : items_(std::move(items)),
        tree_(std::move(tree)),
        grams_(grams),
        weighting_(weighting),
        weights_(std::move(weights)),
        n_columns_(n_columns) {}

  bool shapes(const Inputs& in, const Outputs& out, Issue& issue) const noexcept override {
    const Shape& shape = in[0].shape;
    out[0].shape = shape.rank == 2 ? make_shape({shape.dims[0], n_columns_}) : make_shape({n_columns_});
    return want_table(shape, -1, issue);
  }

  bool keeps_rows(const std::vector<Operand>& inputs) const override { return has_table_rows(inputs); }

  std::size_t scratch_bytes(const Inputs& in) const noexcept override {
    return static_cast<std::size_t>(TableView(in[0].shape).n_columns) * sizeof(std::int64_t);
  }

  bool run(const Inputs& in, const Outputs& out, void* scratch, Issue&) const noexcept override {
    const TableView table(in[0].shape);
    const Item* from = in[0].as<Item>();
    float* to = out[0].mutable_as<float>();
    auto* const numbers = static_cast<std::int64_t*>(scratch);
    const auto n_items = static_cast<std::size_t>(table.n_columns);
    for (std::int64_t r = 0; r < table.n_rows; ++r, from += n_items, to += n_columns_) {
      for (std::size_t i = 0; i < n_items; ++i) numbers[i] = number_of(from[i]);
      std::fill(to, to + n_columns_, 0.0f);
      count(numbers, n_items, to);
      weigh(to);
    }
    return true;
  }

 private:
  std::int64_t number_of(const Item& item) const noexcept {
    if constexpr (std::is_same_v<Item, arsenal_string>) {
      return items_.find(std::string_view(item.data, item.size));
    } else {
      return items_.find(item);
    }
  }

  void count(const std::int64_t* numbers, std::size_t n_items, float* counts) const noexcept {
    for (std::size_t skipped = 0; skipped <= grams_.most_skipped; ++skipped) {
      // A single item has no gaps: it counts once.
      const std::size_t shortest = skipped == 0 ? grams_.shortest : std::max<std::size_t>(grams_.shortest, 2);
      for (std::size_t start = 0; start < n_items; ++start) {
        std::int64_t node = NgramTree::kRoot;
        std::size_t place = start;
        for (std::size_t length = 1; length <= grams_.longest && place < n_items; ++length) {
          node = tree_.child(node, numbers[place]);
          if (node == NgramTree::kNone) break;
          if (length >= shortest && tree_.column(node) >= 0) counts[tree_.column(node)] += 1;
          place += skipped + 1;
        }
      }
    }
  }

  void weigh(float* counts) const noexcept {
    if (weighting_ == Weighting::kCount) return;
    for (std::size_t k = 0; k < static_cast<std::size_t>(n_columns_); ++k) {
      counts[k] = weighting_ == Weighting::kBoth ? counts[k] * weights_[k] : counts[k] > 0 ? weights_[k] : 0;
    }
  }

  Keys items_;
  NgramTree tree_;
  Grams grams_;
  Weighting weighting_;
  std::vector<float> weights_;
  std::int64_t n_columns_;
};

Weighting weighting_of(OpBuilder& builder) {
  const std::string_view mode = builder.string("mode", "");
  if (mode == "TF") return Weighting::kCount;
  if (mode == "IDF") return Weighting::kWeight;
  if (mode == "TFIDF") return Weighting::kBoth;
  fail(ARSENAL_INVALID_MODEL, "attribute 'mode' is %s, wanted TF, IDF or TFIDF", quoted(mode).c_str());
}

std::size_t length_of(OpBuilder& builder, const char* name, std::int64_t least) {
  const std::int64_t value = builder.required_integer(name);
  if (value < least || value > INT32_MAX) {
    fail(ARSENAL_INVALID_MODEL, "attribute '%s' is %lld, wanted at least %lld", name, static_cast<long long>(value),
         static_cast<long long>(least));
  }
  return static_cast<std::size_t>(value);
}

Grams grams_of(OpBuilder& builder) {
  const Grams grams{length_of(builder, "min_gram_length", 1), length_of(builder, "max_gram_length", 1),
                    length_of(builder, "max_skip_count", 0)};
  if (grams.shortest > grams.longest) {
    fail(ARSENAL_INVALID_MODEL, "attribute 'min_gram_length' is %zu, 'max_gram_length' %zu", grams.shortest,
         grams.longest);
  }
  return grams;
}

// The n-grams of a pool of `n_items` items: attribute 'ngram_counts' tells where those of each length begin.
std::vector<NgramTree::Ngram> ngrams_of(OpBuilder& builder, std::size_t n_items, const Grams& grams) {
  const std::vector<std::int64_t>& begins = builder.integers("ngram_counts");
  const std::vector<std::int64_t>& columns = builder.integers("ngram_indexes");
  std::vector<NgramTree::Ngram> ngrams;
  std::size_t n_seen = 0;
  for (std::size_t k = 0; k < begins.size(); ++k) {
    const std::int64_t end = k + 1 < begins.size() ? begins[k + 1] : static_cast<std::int64_t>(n_items);
    const std::size_t length = k + 1;
    if (begins[k] < 0 || end < begins[k] || end > static_cast<std::int64_t>(n_items) ||
        static_cast<std::size_t>(end - begins[k]) % length != 0) {
      fail(ARSENAL_INVALID_MODEL, "attribute 'ngram_counts' gives %lld to %lld of %zu items to n-grams of length %zu",
           static_cast<long long>(begins[k]), static_cast<long long>(end), n_items, length);
    }
    for (auto first = static_cast<std::size_t>(begins[k]); first < static_cast<std::size_t>(end); first += length) {
      if (n_seen == columns.size()) fail(ARSENAL_INVALID_MODEL, "attribute 'ngram_indexes' has too few entries");
      const std::int64_t column = columns[n_seen++];
      if (column < 0 || column >= INT32_MAX) {
        fail(ARSENAL_INVALID_MODEL, "attribute 'ngram_indexes' has the entry %lld", static_cast<long long>(column));
      }
      if (length >= grams.shortest && length <= grams.longest) ngrams.push_back({first, length, column});
    }
  }
  if (n_seen != columns.size() || columns.empty()) {
    fail(ARSENAL_INVALID_MODEL, "attribute 'ngram_indexes' has %zu entries for %zu n-grams", columns.size(), n_seen);
  }
  return ngrams;
}

template <typename Item, typename Keys, typename Pool>
std::unique_ptr<Op> vectorizer(OpBuilder& builder, const Pool& pool, Keys keys, std::vector<std::int64_t> numbers) {
  const Grams grams = grams_of(builder);
  const Weighting weighting = weighting_of(builder);
  const std::vector<NgramTree::Ngram> ngrams = ngrams_of(builder, pool.size(), grams);
  const std::vector<std::int64_t>& columns = builder.integers("ngram_indexes");
  const std::int64_t n_columns = *std::max_element(columns.begin(), columns.end()) + 1;
  const std::vector<float>& given = builder.reals("weights");
  if (!given.empty() && given.size() != columns.size()) {
    fail(ARSENAL_INVALID_MODEL, "attribute 'weights' has %zu entries for %zu n-grams", given.size(), columns.size());
  }
  std::vector<float> weights(static_cast<std::size_t>(n_columns), 1.0f);
  for (std::size_t i = 0; i < given.size(); ++i) weights[static_cast<std::size_t>(columns[i])] = given[i];
  const auto n_items = static_cast<std::int64_t>(pool.size());
  return std::make_unique<TfIdfVectorizer<Item, Keys>>(std::move(keys), NgramTree(numbers, ngrams, n_items), grams,
                                                       weighting, std::move(weights), n_columns);
}

std::unique_ptr<Op> make_tf_idf_vectorizer(OpBuilder& builder) {
  builder.want_inputs(1, 1);
  builder.want_outputs(1, 1);
  builder.want_dtype(0, {ARSENAL_STRING, ARSENAL_INT64, ARSENAL_INT32});
  builder.add_output(ARSENAL_FLOAT);
  const std::vector<std::string_view>& strings = builder.strings("pool_strings");
  const std::vector<std::int64_t>& integers = builder.integers("pool_int64s");
  const bool has_strings = builder.input(0).dtype == ARSENAL_STRING;
  if (has_strings ? strings.empty() : integers.empty()) {
    fail(ARSENAL_INVALID_MODEL, "attribute '%s' is missing, wanted for an input of %s",
         has_strings ? "pool_strings" : "pool_int64s", dtype_name(builder.input(0).dtype));
  }
  std::vector<std::int64_t> numbers;
  if (has_strings) {
    StringKeys keys(strings);
    for (const std::string_view string : strings) numbers.push_back(keys.find(string));
    return vectorizer<arsenal_string>(builder, strings, std::move(keys), std::move(numbers));
  }
  IntegerKeys keys(integers);
  for (const std::int64_t integer : integers) numbers.push_back(keys.find(integer));
  if (builder.input(0).dtype == ARSENAL_INT32) {
    return vectorizer<std::int32_t>(builder, integers, std::move(keys), std::move(numbers));
  }
  return vectorizer<std::int64_t>(builder, integers, std::move(keys), std::move(numbers));
}

constexpr OpEntry kEntries[] = {{"", "TfIdfVectorizer", 9, make_tf_idf_vectorizer}};

}  // namespace

OpTable tf_idf_ops() noexcept { return {kEntries, std::size(kEntries)}; }

}  // namespace arsenal::runtime
