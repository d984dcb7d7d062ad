// Thousands of damaged models: each either loads, and then runs cleanly, or is refused with a reason. Under
// `make test-sanitize` "cleanly" includes every access to memory.
#include <gtest/gtest.h>

#include <cstring>
#include <random>

#include "scoring.h"
#include "seed_models.h"
#include "trial.h"

namespace arsenal::test {
namespace {

std::string mutated(const std::vector<std::string>& models, std::mt19937& random) {
  std::string bytes = models[random() % models.size()];
  const auto position = [&] { return static_cast<std::size_t>(random()) % bytes.size(); };
  for (unsigned count = 1 + random() % 4; count > 0 && !bytes.empty(); --count) {
    switch (random() % 9) {
      case 0:
        bytes[position()] ^= static_cast<char>(1 << random() % 8);
        break;
      case 1:
        bytes[position()] = static_cast<char>(random());
        break;
      case 2:
        bytes.resize(position());
        break;
      case 3: {
        // A piece of another model in the middle.
        const std::string& other = models[random() % models.size()];
        const std::size_t start = random() % other.size();
        bytes.insert(position(), other, start, random() % 64);
        break;
      }
      case 4:
        bytes.erase(position(), 1 + random() % 16);
        break;
      case 5: {
        // A piece of itself again: repeated fields, nodes and names.
        const std::size_t start = position();
        bytes.insert(position(), bytes.substr(start, random() % 256));
        break;
      }
      case 6:
        // Lengths and counts that grow.
        bytes[position()] = static_cast<char>(random() % 2 == 0 ? 0x7f : 0xff);
        break;
      case 7:
        // Small numbers: node numbers, branches, axes, dtypes.
        bytes[position()] = static_cast<char>(random() % 12);
        break;
      default:
        std::swap(bytes[position()], bytes[position()]);
    }
  }
  return bytes;
}

// Small whole numbers, and small floats, and all words, in turn.
bool run_small(const Session& session, std::int64_t n_rows) {
  Trial trial;
  trial.n_rows = n_rows;
  trial.is_reversed = n_rows == 20;
  std::uint64_t count = 0;
  trial.next = [&] {
    if (++count % 3 == 0) return count % 12;
    const float number = static_cast<float>(count % 7) - 3;
    std::uint32_t bits;
    std::memcpy(&bits, &number, sizeof(bits));
    return std::uint64_t{bits} << 32 | bits;
  };
  return run_trial(session, trial);
}

TEST(Mutations, LoadOrAreRefusedAndRunCleanly) {
  const std::vector<std::string> models = seed_models();
  Options options;
  options.max_workspace_bytes = 64 << 20;
  for (const std::string& bytes : models) {
    const Session session = load(bytes, options);
    for (const std::int64_t n_rows : {1, 3, 20}) EXPECT_TRUE(run_small(session, n_rows));
  }
  std::mt19937 random(20130101);
  std::size_t loaded = 0, ran = 0;
  constexpr std::size_t kMutations = 20000;
  for (std::size_t i = 0; i < kMutations; ++i) {
    const std::string bytes = mutated(models, random);
    try {
      // From a block of exactly that size, so that reading past the end is noticed.
      const std::vector<char> exact(bytes.begin(), bytes.end());
      const Session session(exact.data(), exact.size(), options);
      ++loaded;
      ran += run_small(session, i % 2 == 0 ? 3 : 20);
    } catch (const Error& error) {
      ASSERT_NE(error.status(), ARSENAL_INTERNAL_ERROR) << error.what();
      ASSERT_NE(error.status(), ARSENAL_OUT_OF_MEMORY) << error.what();
      ASSERT_STRNE(error.what(), "");
    }
  }
  // The corpus is of use only if both happen often.
  EXPECT_GT(loaded, kMutations / 25);
  EXPECT_GT(ran, kMutations / 25);
  EXPECT_LT(loaded, kMutations * 3 / 4);
  RecordProperty("loaded", static_cast<int>(loaded));
}

// Every prefix of a file, and every single-bit error in the first part of one.
TEST(Mutations, EveryPrefixAndEveryBit) {
  for (const std::string& bytes : seed_models()) {
    for (std::size_t size = 0; size < bytes.size(); size += 1 + size / 64) {
      const std::vector<char> exact(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(size));
      EXPECT_NE(error_of([&] { Session(exact.data(), exact.size()); }).status(), ARSENAL_INTERNAL_ERROR);
    }
  }
  const std::string bytes = seed_models()[0];
  for (std::size_t bit = 0; bit < std::min<std::size_t>(bytes.size(), 400) * 8; ++bit) {
    std::string damaged = bytes;
    damaged[bit / 8] ^= static_cast<char>(1 << bit % 8);
    const Error error = error_of([&] { run_small(load(damaged), 3); });
    EXPECT_NE(error.status(), ARSENAL_INTERNAL_ERROR);
  }
}

}  // namespace
}  // namespace arsenal::test
