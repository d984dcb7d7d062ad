// The fuzzer's bytes are what a good model is fed: how many rows, how they lie in memory, and each number's bits.
#include <cstring>

#include "seed_models.h"
#include "target.h"
#include "trial.h"

using namespace arsenal;

namespace {

std::vector<Session> loaded() {
  std::vector<Session> sessions;
  for (const std::string& bytes : test::seed_models()) sessions.emplace_back(bytes.data(), bytes.size());
  return sessions;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const std::vector<Session> kSessions = loaded();
  constexpr std::size_t kHead = 4;
  if (size < kHead) return 0;
  test::Trial trial;
  trial.n_rows = data[1] % 140;
  trial.is_reversed = (data[2] & 1) != 0;
  trial.misaligned = data[2] >> 1 & 7;
  trial.more_columns = data[3] < 16 ? data[3] % 4 : 0;
  std::size_t place = kHead;
  trial.next = [&] {
    std::uint64_t bits = 0;
    const std::size_t count = std::min(sizeof(bits), size - place);
    std::memcpy(&bits, data + place, count);
    // The bytes again from the start: a few are enough for many rows.
    place = place + count < size ? place + count : kHead;
    return bits;
  };
  try {
    test::run_trial(kSessions[data[0] % kSessions.size()], trial);
  } catch (const Error& error) {
    test::refuse_defect(error);
  }
  return 0;
}
