// Short ways to run a model in a test.
#ifndef ARSENAL_TESTS_SCORING_H_
#define ARSENAL_TESTS_SCORING_H_

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "arsenal/runtime.hpp"

namespace arsenal::test {

// An element of a bool tensor, for which std::vector<bool> has no memory to point to.
enum class Flag : std::uint8_t { kFalse = 0, kTrue = 1 };

}  // namespace arsenal::test

namespace arsenal {
template <>
struct DtypeOf<test::Flag> {
  static constexpr arsenal_dtype value = ARSENAL_BOOL;
};
}  // namespace arsenal

namespace arsenal::test {

inline std::vector<Flag> flags(const std::vector<bool>& values) {
  std::vector<Flag> result;
  for (const bool value : values) result.push_back(value ? Flag::kTrue : Flag::kFalse);
  return result;
}

// A dense tensor that owns its elements.
template <typename T>
struct Dense {
  std::vector<std::int64_t> shape;
  std::vector<T> values;

  Tensor<const void*> input() const { return {values.data(), DtypeOf<T>::value, {shape.data(), shape.size()}, {}}; }
};

inline Session load(const std::string& bytes, const Options& options = {}) {
  return Session(bytes.data(), bytes.size(), options);
}

// One output, all of the model's inputs given.
template <typename T>
Dense<T> run_one(const Session& session, const std::vector<Tensor<const void*>>& inputs, std::size_t output = 0) {
  std::vector<Extents> shapes;
  for (const auto& input : inputs) shapes.push_back(input.shape);
  const Extents shape = session.bind(shapes, {output}).output_shapes.at(0);
  Dense<T> result;
  std::int64_t count = 1;
  for (std::size_t d = 0; d < shape.size(); ++d) {
    result.shape.push_back(shape[d]);
    count *= shape[d];
  }
  result.values.resize(static_cast<std::size_t>(count));
  session.run(inputs, {output}, {{result.values.data(), DtypeOf<T>::value, shape, {}}});
  return result;
}

// Elements for a tensor of strings; they point into `texts`, which must outlive them.
inline Dense<arsenal_string> strings(const std::vector<std::int64_t>& shape, const std::vector<std::string>& texts) {
  Dense<arsenal_string> dense{shape, {}};
  for (const std::string& text : texts) dense.values.push_back(string_element(text));
  return dense;
}

// One output of strings, copied out of the session's and the inputs' memory.
inline std::vector<std::string> run_texts(const Session& session, const std::vector<Tensor<const void*>>& inputs,
                                          std::size_t output = 0) {
  std::vector<std::string> result;
  for (const arsenal_string& element : run_one<arsenal_string>(session, inputs, output).values) {
    result.emplace_back(view(element));
  }
  return result;
}

// The Error that `call` throws; its status is ARSENAL_OK if it throws none.
template <typename Call>
Error error_of(const Call& call) {
  try {
    call();
  } catch (const Error& error) {
    return error;
  }
  return Error(ARSENAL_OK, "no error");
}

}  // namespace arsenal::test

#endif  // ARSENAL_TESTS_SCORING_H_
