// score MODEL.onnx < rows.csv: prints a regressor's prediction, or the classes' probabilities, for each row.
//
// Like score.c, but all rows in one batch, with two threads.
#include <exception>
#include <iostream>
#include <sstream>
#include <string>
#include <vector>

#include "arsenal/runtime.hpp"

namespace {

// Numbers with commas between them, line by line.
std::vector<float> read_rows(std::istream& stream) {
  std::vector<float> values;
  for (std::string line; std::getline(stream, line);) {
    std::istringstream fields(line);
    for (std::string field; std::getline(fields, field, ',');) values.push_back(std::stof(field));
  }
  return values;
}

void score(const std::string& path) {
  arsenal::Options options;
  options.n_threads = 2;
  const arsenal::Session session(path, options);

  const std::vector<float> rows = read_rows(std::cin);
  const std::int64_t width = session.inputs().at(0).dims.at(1);
  const auto n_rows = static_cast<std::int64_t>(rows.size()) / width;

  // A regressor has one output; a classifier's second one holds the probabilities.
  const std::size_t which = session.outputs().size() - 1;
  const arsenal::Extents shape = session.bind({{n_rows, width}}, {which}).output_shapes.at(0);
  std::vector<float> scores(static_cast<std::size_t>(shape[0] * shape[1]));
  session.run({arsenal::input(rows.data(), {n_rows, width})}, {which}, {arsenal::output(scores.data(), shape)});

  for (std::size_t i = 0; i < scores.size(); ++i) {
    const bool ends_line = (i + 1) % static_cast<std::size_t>(shape[1]) == 0;
    std::cout << scores[i] << (ends_line ? '\n' : ',');
  }
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
