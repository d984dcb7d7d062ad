// LabelEncoder, all versions and dtypes.
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <map>
#include <random>

#include "onnx_writer.h"
#include "ops/key_table.h"
#include "scoring.h"

namespace arsenal::test {
namespace {

using Words = std::vector<std::string>;
using Ints = std::vector<std::int64_t>;
using Floats = std::vector<float>;

Session encoder(int dtype, const std::vector<Message>& attributes, std::int64_t version) {
  ModelSpec spec;
  spec.ml_opset = version;
  spec.inputs = {value_info("X", dtype, {"N"})};
  spec.outputs = {value_info("Y", ARSENAL_UNDEFINED)};
  spec.nodes = {node("LabelEncoder", {"X"}, {"Y"}, attributes, "ml")};
  return load(model(spec));
}

Ints encode(const Session& session, const Words& words) {
  return run_one<std::int64_t>(session, {strings({static_cast<std::int64_t>(words.size())}, words).input()}).values;
}

template <typename T>
Dense<T> list(const std::vector<T>& values) {
  return {{static_cast<std::int64_t>(values.size())}, values};
}

TEST(LabelEncoder, StringsToIntegers) {
  for (const std::int64_t version : {2, 3, 4, 5}) {
    const Session session =
        encoder(ARSENAL_STRING,
                {attribute("keys_strings", Words{"UA", "", "AA"}), attribute("values_int64s", Ints{3, 0, 7})}, version);
    EXPECT_EQ(encode(session, {"AA", "UA", "", "ua", "UA ", "A"}), (Ints{7, 3, 0, -1, -1, -1}));
  }
}

TEST(LabelEncoder, TheFirstOfEqualKeysCounts) {
  const Session session =
      encoder(ARSENAL_STRING, {attribute("keys_strings", Words{"a", "a"}), attribute("values_int64s", Ints{1, 2})}, 2);
  EXPECT_EQ(encode(session, {"a"}), Ints{1});
}

TEST(LabelEncoder, VersionOneBothWays) {
  const std::vector<Message> attributes = {attribute("classes_strings", Words{"a", "b", "a"}),
                                           attribute("default_int64", -5), attribute("default_string", "none")};
  EXPECT_EQ(encode(encoder(ARSENAL_STRING, attributes, 1), {"a", "b", "c"}), (Ints{2, 1, -5}));
  const auto numbers = list<std::int64_t>({0, 1, 2, 3, -1});
  EXPECT_EQ(run_texts(encoder(ARSENAL_INT64, attributes, 1), {numbers.input()}),
            (Words{"a", "b", "a", "none", "none"}));
}

TEST(LabelEncoder, DefaultsByType) {
  const auto keys = attribute("keys_int64s", Ints{5});
  const auto input = list<std::int64_t>({5, 6});
  const auto floats =
      run_one<float>(encoder(ARSENAL_INT64, {keys, attribute("values_floats", Floats{2})}, 2), {input.input()});
  EXPECT_EQ(floats.values, (Floats{2, 0}));
  EXPECT_TRUE(std::signbit(floats.values[1]));
  const auto given =
      encoder(ARSENAL_INT64, {keys, attribute("values_floats", Floats{2}), attribute("default_float", 9.0f)}, 2);
  EXPECT_EQ(run_one<float>(given, {input.input()}).values, (Floats{2, 9}));
  const auto to_words = encoder(ARSENAL_INT64, {keys, attribute("values_strings", Words{"x"})}, 2);
  EXPECT_EQ(run_texts(to_words, {input.input()}), (Words{"x", "_Unused"}));
}

TEST(LabelEncoder, RealKeysFindNanAndBothZeros) {
  constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
  const Session session = encoder(
      ARSENAL_FLOAT, {attribute("keys_floats", Floats{1, kNan, -0.0f}), attribute("values_int64s", Ints{1, 2, 3})}, 4);
  const auto input = list<float>({-kNan, 1, 0, -0.0f, 5});
  EXPECT_EQ(run_one<std::int64_t>(session, {input.input()}).values, (Ints{2, 1, 3, 3, -1}));
}

TEST(LabelEncoder, TensorAttributes) {
  const auto tensors = [](const Message& keys, const Message& values) {
    return std::vector<Message>{attribute("keys_tensor", keys), attribute("values_tensor", values)};
  };
  const std::string shorts("\x05\x00\x06\x00", 4);
  const Session to_short =
      encoder(ARSENAL_STRING, tensors(tensor("", {2}, Words{"a", "b"}), raw_tensor("", {2}, ARSENAL_INT16, shorts)), 4);
  EXPECT_EQ(run_one<std::int16_t>(to_short, {strings({3}, {"b", "a", "z"}).input()}).values,
            (std::vector<std::int16_t>{6, 5, -1}));
  auto attributes = tensors(tensor("", {2}, Ints{-4, 9}), tensor("", {2}, std::vector<double>{0.5, 1.5}));
  attributes.push_back(attribute("default_tensor", tensor("", {1}, std::vector<double>{-7})));
  EXPECT_EQ(run_one<double>(encoder(ARSENAL_INT64, attributes, 4), {list<std::int64_t>({9, -4, 0}).input()}).values,
            (std::vector<double>{1.5, 0.5, -7}));
  const Session narrow =
      encoder(ARSENAL_INT32,
              tensors(tensor("", {1}, std::vector<std::int32_t>{3}), tensor("", {1}, std::vector<std::int32_t>{4})), 4);
  EXPECT_EQ(run_one<std::int32_t>(narrow, {list<std::int32_t>({3, 2}).input()}).values,
            (std::vector<std::int32_t>{4, -1}));
  attributes[2] = attribute("default_tensor", tensor("", {1}, Ints{1}));
  EXPECT_STREQ(error_of([&] { encoder(ARSENAL_INT64, attributes, 4); }).what(),
               "node 0 (LabelEncoder): its default_tensor has 1 elements of dtype int64, wanted 1 of dtype double");
}

TEST(LabelEncoder, WrongAttributesAreRefused) {
  const auto keys = attribute("keys_strings", Words{"a", "b"});
  const auto values = attribute("values_int64s", Ints{1});
  const auto message = [](const std::vector<Message>& attributes, int dtype = ARSENAL_STRING) {
    return std::string(error_of([&] { encoder(dtype, attributes, 2); }).what());
  };
  EXPECT_EQ(message({keys, values}), "node 0 (LabelEncoder): it has 2 keys and 1 values");
  EXPECT_EQ(message({keys}), "node 0 (LabelEncoder): it has no values");
  EXPECT_EQ(message({values}), "node 0 (LabelEncoder): it has no keys");
  EXPECT_EQ(message({keys, attribute("keys_int64s", Ints{1, 2}), values}),
            "node 0 (LabelEncoder): it has more than one kind of keys");
  EXPECT_EQ(message({attribute("keys_strings", Words{"a"}), values}, ARSENAL_INT64),
            "node 0 (LabelEncoder): input 0 has dtype int64, supported: string");
}

TEST(KeyTable, FindsWhatAMapFinds) {
  std::mt19937 random(5);
  Words words;
  std::map<std::string, std::int64_t> map;
  for (int i = 0; i < 3000; ++i) {
    std::string word;
    for (unsigned k = random() % 20; k > 0; --k)
      word += static_cast<char>(random() % 3 + (random() % 50 == 0 ? 0 : 'a'));
    map.emplace(word, static_cast<std::int64_t>(words.size()));
    words.push_back(word);
  }
  const runtime::StringKeys keys(std::vector<std::string_view>(words.begin(), words.end()));
  for (const std::string& word : words) {
    EXPECT_EQ(keys.find(word), map.at(word));
    const std::string longer = word + "a";
    const auto found = map.find(longer);
    EXPECT_EQ(keys.find(longer), found == map.end() ? -1 : found->second);
  }
  const runtime::StringKeys none({});
  EXPECT_EQ(none.find(""), -1);
  EXPECT_EQ(none.find("a"), -1);
}

TEST(KeyTable, IntegersOfAnySize) {
  const Ints list = {0, -1, 1LL << 62, std::numeric_limits<std::int64_t>::min(), 7};
  const runtime::IntegerKeys keys(list);
  for (std::size_t i = 0; i < list.size(); ++i) EXPECT_EQ(keys.find(list[i]), static_cast<std::int64_t>(i));
  EXPECT_EQ(keys.find(8), -1);
}

}  // namespace
}  // namespace arsenal::test
