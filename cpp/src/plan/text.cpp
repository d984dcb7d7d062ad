#include "plan/text.h"

#include <algorithm>
#include <cstdlib>

namespace arsenal::runtime {

namespace {

// Also what a thread keeps between runs, so that short texts are allocated once.
constexpr std::size_t kChunkBytes = 16 << 10;

}  // namespace

TextMemory& TextMemory::begin_run() noexcept {
  struct Runs {
    TextMemory memory[2];
    std::size_t current = 0;
  };
  thread_local Runs runs;
  runs.current = 1 - runs.current;
  TextMemory& memory = runs.memory[runs.current];
  memory.clear();
  return memory;
}

TextMemory::~TextMemory() {
  clear();
  std::free(chunks_);
}

char* TextMemory::take(std::size_t bytes) noexcept {
  if (chunks_ == nullptr || chunks_->size - chunks_->used < bytes) {
    const std::size_t size = std::max(bytes, kChunkBytes);
    void* memory = std::malloc(sizeof(Chunk) + size);
    if (memory == nullptr) return nullptr;
    auto* chunk = static_cast<Chunk*>(memory);
    *chunk = {chunks_, size, 0};
    chunks_ = chunk;
  }
  char* given = reinterpret_cast<char*>(chunks_ + 1) + chunks_->used;
  chunks_->used += bytes;
  taken_ += bytes;
  return given;
}

void TextMemory::clear() noexcept {
  taken_ = 0;
  while (chunks_ != nullptr && (chunks_->next != nullptr || chunks_->size > kChunkBytes)) {
    Chunk* next = chunks_->next;
    std::free(chunks_);
    chunks_ = next;
  }
  if (chunks_ != nullptr) chunks_->used = 0;
}

}  // namespace arsenal::runtime
