// Text that a run makes: whose memory it is, how long it lasts, and the letters it is made of.
#include <gtest/gtest.h>

#include <thread>

#include "onnx_writer.h"
#include "scoring.h"

namespace arsenal::test {
namespace {

using Words = std::vector<std::string>;

std::string normalizer(const std::vector<Message>& attributes, const std::vector<Dim>& dims = {"N"}) {
  ModelSpec spec;
  spec.inputs = {value_info("X", ARSENAL_STRING, dims)};
  spec.nodes = {node("StringNormalizer", {"X"}, {"Y"}, attributes)};
  spec.outputs = {value_info("Y", ARSENAL_STRING)};
  return model(spec);
}

Words normalized(const Session& session, const Words& words) {
  return run_texts(session, {strings({static_cast<std::int64_t>(words.size())}, words).input()});
}

TEST(Text, LettersChangeTheirCase) {
  const Session lower = load(normalizer({attribute("case_change_action", "LOWER")}));
  const Session upper = load(normalizer({attribute("case_change_action", "UPPER")}));
  EXPECT_EQ(normalized(lower, {"aBZ[", "", "ÀÉÞ×", "Ÿ", "ΆΣ", "ЀЯ", "Ẁ"}),
            (Words{"abz[", "", "àéþ×", "ÿ", "άσ", "ѐя", "ẁ"}));
  EXPECT_EQ(normalized(upper, {"aBz{", "", "àéþ÷", "ÿ", "άσς", "ѐя", "ẁ"}),
            (Words{"ABZ{", "", "ÀÉÞ÷", "Ÿ", "ΆΣΣ", "ЀЯ", "Ẁ"}));
}

TEST(Text, LettersThatWouldChangeTheirLengthStay) {
  const Session lower = load(normalizer({attribute("case_change_action", "LOWER")}));
  const Session upper = load(normalizer({attribute("case_change_action", "UPPER")}));
  EXPECT_EQ(normalized(lower, {"İ", "ẞ", "日本"}), (Words{"İ", "ẞ", "日本"}));
  EXPECT_EQ(normalized(upper, {"ß", "ı", "ſ", "ﬁ"}), (Words{"ß", "ı", "ſ", "ﬁ"}));
}

TEST(Text, BytesThatAreNoUtf8Stay) {
  const Session lower = load(normalizer({attribute("case_change_action", "LOWER")}));
  // Cut off, out of order, longer than needed, and beyond three bytes.
  const Words odd = {"\xc3", "\xe1\xb8", "\xff\xfe\x80", "\xc1\x81", "\xe0\x81\x81", "\xf0\x90\x90\x80", "\xc3\x28"};
  EXPECT_EQ(normalized(lower, odd), odd);
}

TEST(Text, ManyBlocksKeepWhatEarlierBlocksMade) {
  const Session session = load(normalizer({attribute("case_change_action", "UPPER")}));
  Words words, wanted;
  for (int i = 0; i < 5000; ++i) {
    words.push_back("word " + std::to_string(i));
    wanted.push_back("WORD " + std::to_string(i));
  }
  EXPECT_EQ(normalized(session, words), wanted);
}

TEST(Text, LastsThroughTheNextRunOfTheThread) {
  const Session lower = load(normalizer({attribute("case_change_action", "LOWER")}));
  const Session upper = load(normalizer({attribute("case_change_action", "UPPER")}));
  const Words words = {"Aa", std::string(100000, 'B')};
  auto text = run_one<arsenal_string>(lower, {strings({2}, words).input()});
  text = run_one<arsenal_string>(upper, {text.input()});
  text = run_one<arsenal_string>(lower, {text.input()});
  EXPECT_EQ(view(text.values[0]), "aa");
  EXPECT_EQ(view(text.values[1]), std::string(100000, 'b'));
}

TEST(Text, ThreadsShareASession) {
  const Session session = load(normalizer({attribute("case_change_action", "UPPER")}));
  std::vector<Words> got(4);
  std::vector<std::thread> threads;
  for (std::size_t t = 0; t < got.size(); ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < 200; ++i) got[t] = normalized(session, {std::string(t + 1, 'x')});
    });
  }
  for (std::thread& thread : threads) thread.join();
  for (std::size_t t = 0; t < got.size(); ++t) EXPECT_EQ(got[t], Words{std::string(t + 1, 'X')});
}

TEST(Text, IsLimited) {
  Options options;
  options.max_workspace_bytes = 1 << 20;
  const Session session = load(normalizer({attribute("case_change_action", "UPPER")}), options);
  const Words words(3, std::string(400000, 'a'));
  const Error error = error_of([&] { normalized(session, words); });
  EXPECT_EQ(error.status(), ARSENAL_LIMIT_EXCEEDED);
  EXPECT_STREQ(error.what(), "node 0 (StringNormalizer): the run makes text beyond max_workspace_bytes = 1048576");
}

TEST(Text, StopWordsNeedAKnownNumberOfWords) {
  const auto stop_words = attribute("stopwords", Words{"the", "Über"});
  const Session one = load(normalizer({stop_words}, {1}));
  EXPECT_EQ(normalized(one, {"THE"}), Words{""});
  EXPECT_EQ(normalized(one, {"üBER"}), Words{""});
  EXPECT_EQ(normalized(one, {"Other"}), Words{"Other"});
  const Session exact = load(normalizer({stop_words, attribute("is_case_sensitive", 1)}, {1}));
  EXPECT_EQ(normalized(exact, {"THE"}), Words{"THE"});
  EXPECT_EQ(normalized(exact, {"the"}), Words{""});
  const Error error = error_of([&] { load(normalizer({stop_words})); });
  EXPECT_EQ(error.status(), ARSENAL_UNSUPPORTED);
  EXPECT_STREQ(error.what(),
               "node 0 (StringNormalizer): how many words are left without the stop words must be known when the model "
               "is loaded: input 0 has shape [?], wanted one word, an initializer or what follows from initializers");
}

TEST(Text, OfConstantsIsMadeAtLoad) {
  ModelSpec spec;
  spec.initializers = {tensor("X", {1, 4}, Words{"The", "Cat", "the", "sat"})};
  spec.nodes = {node("StringNormalizer", {"X"}, {"Y"},
                     {attribute("stopwords", Words{"THE"}), attribute("case_change_action", "UPPER")})};
  spec.outputs = {value_info("Y", ARSENAL_STRING)};
  const Session session = load(model(spec));
  EXPECT_EQ(run_one<arsenal_string>(session, {}).shape, (std::vector<std::int64_t>{1, 2}));
  EXPECT_EQ(run_texts(session, {}), (Words{"CAT", "SAT"}));
}

}  // namespace
}  // namespace arsenal::test
