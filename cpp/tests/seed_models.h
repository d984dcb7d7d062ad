// What mutations and fuzzing start from.
#ifndef ARSENAL_TESTS_SEED_MODELS_H_
#define ARSENAL_TESTS_SEED_MODELS_H_

#include <string>
#include <vector>

namespace arsenal::test {

// Bytes of models that together reach most of the reader and all operators.
std::vector<std::string> seed_models();

}  // namespace arsenal::test

#endif  // ARSENAL_TESTS_SEED_MODELS_H_
