// Writes the model that the example programs are tested with: example_model PATH
#include <cstdio>
#include <fstream>

#include "forest.h"

// x0 <= 0.5 or missing: 1 + 10; else 2 + 20 if x1 > -3, and 2 - 10 if not.
int main(int argc, char** argv) {
  using arsenal::test::Forest;
  using arsenal::test::Tree;
  if (argc != 2) return 2;
  Tree<float> first;
  first.nodes.resize(3);
  first.nodes[0] = {"BRANCH_LEQ", 0, 0.5f, {}, true, 1, 2, {}};
  first.nodes[1] = {"LEAF", 0, 0, {}, false, 0, 0, {{0, 1.0f}}};
  first.nodes[2] = {"LEAF", 0, 0, {}, false, 0, 0, {{0, 2.0f}}};
  Tree<float> second = first;
  second.nodes.resize(5);
  second.nodes[1].weights = {{0, 10.0f}};
  second.nodes[2] = {"BRANCH_GT", 1, -3.0f, {}, false, 3, 4, {}};
  second.nodes[3] = {"LEAF", 0, 0, {}, false, 0, 0, {{0, 20.0f}}};
  second.nodes[4] = {"LEAF", 0, 0, {}, false, 0, 0, {{0, -10.0f}}};
  const std::string bytes = arsenal::test::regressor_model(Forest<float>{2, 1, {first, second}});
  std::ofstream(argv[1], std::ios::binary) << bytes;
  return 0;
}
