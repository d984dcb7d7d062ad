// StringNormalizer: leaves out stop words, and changes the case of the others.
#include <cstdint>
#include <cstring>
#include <string>

#include "ops/key_table.h"
#include "ops/letter_case.h"
#include "plan/registry.h"

namespace arsenal::runtime {

namespace {

class StopWords {
 public:
  StopWords(const std::vector<std::string_view>& words, bool is_case_sensitive)
      : empty_(words.empty()), is_case_sensitive_(is_case_sensitive), keys_(keys_of(words, is_case_sensitive)) {}

  bool empty() const noexcept { return empty_; }
  // Whether contains() writes to the room that it is given.
  bool needs_room() const noexcept { return !empty_ && !is_case_sensitive_; }

  // `room` has as many bytes as `word`.
  bool contains(std::string_view word, char* room) const noexcept {
    if (empty_) return false;
    if (is_case_sensitive_) return keys_.find(word) >= 0;
    change_case(word, LetterCase::kLower, room);
    return keys_.find({room, word.size()}) >= 0;
  }

 private:
  static StringKeys keys_of(const std::vector<std::string_view>& words, bool is_case_sensitive) {
    if (is_case_sensitive) return StringKeys(words);
    std::vector<std::string> lower(words.begin(), words.end());
    for (std::string& word : lower) change_case(word, LetterCase::kLower, word.data());
    return StringKeys({lower.begin(), lower.end()});
  }

  bool empty_;
  bool is_case_sensitive_;
  StringKeys keys_;
};

std::string_view view_of(const arsenal_string& word) noexcept { return {word.data, word.size}; }

class StringNormalizer final : public Op {
 public:
  // `n_left`: how many words are left; -1 if none can be left out.
  StringNormalizer(StopWords stop_words, LetterCase letter_case, std::int64_t n_left)
      : stop_words_(std::move(stop_words)), letter_case_(letter_case), n_left_(n_left) {}

  bool shapes(const Inputs& in, const Outputs& out, Issue& issue) const noexcept override {
    const Shape& words = in[0].shape;
    if (words.rank != 1 && (words.rank != 2 || (words.dims[0] != 1 && words.dims[0] != -1))) {
      return issue.set(ARSENAL_SHAPE_MISMATCH, "input has shape %s, wanted [words] or [1, words]",
                       ShapeText(words).text);
    }
    const std::int64_t count = n_left_ < 0 ? words.dims[words.rank - 1] : n_left_;
    out[0].shape = words.rank == 1 ? make_shape({count}) : make_shape({1, count});
    return true;
  }

  bool keeps_rows(const std::vector<Operand>& inputs) const override { return inputs[0].shape.rank == 1; }

  bool makes_text() const noexcept override { return letter_case_ != LetterCase::kAsIs || stop_words_.needs_room(); }

  std::size_t text_bytes(const Inputs& in) const noexcept override {
    const std::int64_t count = element_count(in[0].shape);
    std::size_t bytes = 0;
    for (std::int64_t i = 0; i < count; ++i) bytes += in[0].as<arsenal_string>()[i].size;
    return bytes;
  }

  bool run(const Inputs& in, const Outputs& out, void* scratch, Issue&) const noexcept override {
    const std::int64_t count = element_count(in[0].shape);
    const arsenal_string* from = in[0].as<arsenal_string>();
    arsenal_string* to = out[0].mutable_as<arsenal_string>();
    arsenal_string* const end = to + element_count(out[0].shape);
    char* text = static_cast<char*>(scratch);
    for (std::int64_t i = 0; i < count; ++i) {
      if (stop_words_.contains(view_of(from[i]), text)) continue;
      *to = from[i];
      if (letter_case_ != LetterCase::kAsIs) {
        change_case(view_of(from[i]), letter_case_, text);
        to->data = text;
        text += from[i].size;
      }
      ++to;
    }
    // Where no word is left.
    for (; to != end; ++to) *to = {"", 0};
    return true;
  }

 private:
  StopWords stop_words_;
  LetterCase letter_case_;
  std::int64_t n_left_;
};

LetterCase letter_case_of(OpBuilder& builder) {
  const std::string_view action = builder.string("case_change_action", "NONE");
  if (action == "NONE") return LetterCase::kAsIs;
  if (action == "LOWER") return LetterCase::kLower;
  if (action == "UPPER") return LetterCase::kUpper;
  fail(ARSENAL_INVALID_MODEL, "attribute 'case_change_action' is %s, wanted LOWER, UPPER or NONE",
       quoted(action).c_str());
}

// All languages but these have the same case for the same letters.
void want_common_locale(std::string_view locale) {
  const std::string_view language = locale.substr(0, 2);
  if (language != "tr" && language != "az") return;
  fail(ARSENAL_UNSUPPORTED, "attribute 'locale' is %s, whose i has a capital of its own", quoted(locale).c_str());
}

// How many words a run leaves: at least one, which is empty where all are stop words.
std::int64_t count_left(const OpBuilder& builder, const StopWords& stop_words) {
  const Operand& words = builder.input(0);
  if (words.constant == nullptr) {
    if (words.shape.rank >= 0 && element_count(words.shape) == 1) return 1;
    fail(ARSENAL_UNSUPPORTED,
         "how many words are left without the stop words must be known when the model is loaded: input 0 has shape %s, "
         "wanted one word, an initializer or what follows from initializers",
         ShapeText(words.shape).text);
  }
  std::int64_t n_left = 0;
  for (std::int64_t i = 0; i < words.constant->size(); ++i) {
    const std::string_view word = view_of(words.constant->as<arsenal_string>()[i]);
    std::string room(word.size(), '\0');
    if (!stop_words.contains(word, room.data())) ++n_left;
  }
  return n_left == 0 ? 1 : n_left;
}

std::unique_ptr<Op> make_string_normalizer(OpBuilder& builder) {
  builder.want_inputs(1, 1);
  builder.want_outputs(1, 1);
  builder.want_dtype(0, {ARSENAL_STRING});
  builder.add_output(ARSENAL_STRING);
  want_common_locale(builder.string("locale", ""));
  const LetterCase letter_case = letter_case_of(builder);
  StopWords stop_words(builder.strings("stopwords"), builder.integer("is_case_sensitive", 0) != 0);
  const std::int64_t n_left = stop_words.empty() ? -1 : count_left(builder, stop_words);
  return std::make_unique<StringNormalizer>(std::move(stop_words), letter_case, n_left);
}

constexpr OpEntry kEntries[] = {{"", "StringNormalizer", 10, make_string_normalizer}};

}  // namespace

OpTable string_ops() noexcept { return {kEntries, std::size(kEntries)}; }

}  // namespace arsenal::runtime
