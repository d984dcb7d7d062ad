// score MODEL.onnx < rows.csv: prints a regressor's prediction, or the classes' probabilities, for each row.
//
// Like score.c, but all rows in one batch, with two threads.
#include <cmath>
#include <exception>
#include <iostream>
#include <limits>
#include <sstream>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "arsenal/runtime.hpp"

namespace {

// Fields of a CSV file without quotes, line by line.
std::vector<std::vector<std::string>> read_rows(std::istream& stream) {
  std::vector<std::vector<std::string>> rows;
  for (std::string line; std::getline(stream, line);) {
    rows.emplace_back();
    std::istringstream fields(line + ",");
    for (std::string field; std::getline(fields, field, ',');) rows.back().push_back(field);
  }
  return rows;
}

float number(const std::string& text, float missing) { return text.empty() ? missing : std::stof(text); }
double number(const std::string& text, double missing) { return text.empty() ? missing : std::stod(text); }
std::int64_t number(const std::string& text, std::int64_t) { return std::stoll(text); }

// An input of the model, from one field of each row or, of a wide one, from all.
struct Feed {
  std::vector<float> floats;
  std::vector<double> doubles;
  std::vector<std::int64_t> integers;
  std::vector<arsenal_string> strings;

  template <typename T>
  static void append(std::vector<T>& values, const std::string& text) {
    values.push_back(number(text, std::numeric_limits<T>::quiet_NaN()));
  }

  void append(const std::string& text, arsenal_dtype dtype) {
    if (dtype == ARSENAL_FLOAT) return append(floats, text);
    if (dtype == ARSENAL_DOUBLE) return append(doubles, text);
    if (dtype == ARSENAL_INT64) return append(integers, text);
    if (dtype == ARSENAL_STRING) return strings.push_back(arsenal::string_element(text));
    throw std::invalid_argument("the model takes another dtype than float, double, int64 and string");
  }

  arsenal::Tensor<const void*> tensor(arsenal_dtype dtype, arsenal::Extents shape) const {
    if (dtype == ARSENAL_FLOAT) return arsenal::input(floats.data(), shape);
    if (dtype == ARSENAL_DOUBLE) return arsenal::input(doubles.data(), shape);
    if (dtype == ARSENAL_INT64) return arsenal::input(integers.data(), shape);
    return arsenal::input(strings.data(), shape);
  }
};

template <typename T>
void score(const arsenal::Session& session, const std::vector<arsenal::Tensor<const void*>>& inputs, std::size_t which,
           arsenal::Extents shape) {
  std::vector<T> scores(static_cast<std::size_t>(shape[0] * shape[1]));
  session.run(inputs, {which}, {arsenal::output(scores.data(), shape)});
  // As many digits as tell every number from its neighbours.
  std::cout.precision(std::numeric_limits<T>::max_digits10);
  for (std::size_t i = 0; i < scores.size(); ++i) {
    const bool ends_line = (i + 1) % static_cast<std::size_t>(shape[1]) == 0;
    std::cout << scores[i] << (ends_line ? '\n' : ',');
  }
}

void score(const std::string& path) {
  arsenal::Options options;
  options.n_threads = 2;
  const arsenal::Session session(path, options);

  // One table [N, F], or one input [N, 1] for each column. Strings point into the rows.
  const auto rows = read_rows(std::cin);
  std::vector<Feed> feeds;
  std::vector<arsenal::Tensor<const void*>> inputs;
  std::vector<arsenal::Extents> shapes;
  std::size_t n_columns = 0;
  for (const arsenal::ValueInfo& info : session.inputs()) n_columns += static_cast<std::size_t>(info.dims.at(1));
  for (const auto& row : rows) {
    if (row.size() != n_columns) throw std::invalid_argument("a line has another number of columns than the model");
  }
  std::size_t first = 0;
  for (const arsenal::ValueInfo& info : session.inputs()) {
    const std::size_t end = first + static_cast<std::size_t>(info.dims.at(1));
    Feed& feed = feeds.emplace_back();
    for (const auto& row : rows) {
      for (std::size_t column = first; column < end; ++column) feed.append(row[column], info.dtype);
    }
    first = end;
    shapes.push_back({static_cast<std::int64_t>(rows.size()), info.dims.at(1)});
    inputs.push_back(feed.tensor(info.dtype, shapes.back()));
  }
  // A regressor has one output; a classifier's second one holds the probabilities.
  const std::size_t which = session.outputs().size() - 1;
  const arsenal::Extents shape = session.bind(shapes, {which}).output_shapes.at(0);
  if (session.outputs().at(which).dtype == ARSENAL_DOUBLE) return score<double>(session, inputs, which, shape);
  score<float>(session, inputs, which, shape);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    std::cerr << "usage: score MODEL.onnx < rows.csv\n";
    return 1;
  }
  try {
    score(argv[1]);
  } catch (const std::exception& error) {
    std::cerr << "score: " << error.what() << '\n';
    return 1;
  }
  return 0;
}
