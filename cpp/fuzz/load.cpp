// The fuzzer's bytes are a model: it is refused with a reason, or loads and then runs cleanly on numbers of all kinds.
#include "target.h"
#include "trial.h"

using namespace arsenal;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Options options;
  options.max_workspace_bytes = 64 << 20;
  std::uint64_t state = size;
  test::Trial trial;
  // The finalizer of SplitMix64: bits of any number, infinities and NaN among them.
  trial.next = [&] {
    std::uint64_t z = state += 0x9e3779b97f4a7c15;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
    z = (z ^ z >> 27) * 0x94d049bb133111eb;
    z ^= z >> 31;
    return z % 3 == 0 ? z % 16 : z;
  };
  try {
    const Session session(data, size, options);
    for (const std::int64_t n_rows : {0, 1, 3, 70}) {
      trial.n_rows = n_rows;
      trial.is_reversed = n_rows == 3;
      test::run_trial(session, trial);
    }
  } catch (const Error& error) {
    test::refuse_defect(error);
  }
  return 0;
}
