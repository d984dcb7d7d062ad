// Writes what the fuzzer starts from: the seed models into FOLDER/load, one short input per seed model into FOLDER/run.
#include <cstdio>
#include <filesystem>
#include <fstream>

#include "seed_models.h"

namespace {

void write(const std::filesystem::path& path, const std::string& bytes) {
  std::ofstream(path, std::ios::binary).write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fprintf(stderr, "usage: %s FOLDER\n", argv[0]);
    return 2;
  }
  const std::filesystem::path folder = argv[1];
  std::filesystem::create_directories(folder / "load");
  std::filesystem::create_directories(folder / "run");
  const auto models = arsenal::test::seed_models();
  for (std::size_t i = 0; i < models.size(); ++i) {
    write(folder / "load" / std::to_string(i), models[i]);
    write(folder / "run" / std::to_string(i), std::string{static_cast<char>(i), 3, 0, 99} + "numbers and bits");
  }
}
