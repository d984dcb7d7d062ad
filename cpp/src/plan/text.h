// Memory for text that a run makes: strings that no operand and no table of an operator has.
#ifndef ARSENAL_SRC_PLAN_TEXT_H_
#define ARSENAL_SRC_PLAN_TEXT_H_

#include <cstddef>

namespace arsenal::runtime {

// Grows chunk by chunk, so that what it gave never moves.
class TextMemory {
 public:
  // The memory for a run of the calling thread. What the thread's last run made stays as it is, since that may be what
  // this run reads; what the runs before it made is gone.
  static TextMemory& begin_run() noexcept;

  TextMemory() = default;
  TextMemory(const TextMemory&) = delete;
  TextMemory& operator=(const TextMemory&) = delete;
  ~TextMemory();

  // Memory of `bytes` bytes that lasts until the end of the thread's next run; nullptr if there is none.
  char* take(std::size_t bytes) noexcept;
  // How much was taken in this run.
  std::size_t taken() const noexcept { return taken_; }

 private:
  // The memory follows the header.
  struct Chunk {
    Chunk* next;
    std::size_t size;
    std::size_t used;
  };

  void clear() noexcept;

  Chunk* chunks_ = nullptr;
  std::size_t taken_ = 0;
};

}  // namespace arsenal::runtime

#endif  // ARSENAL_SRC_PLAN_TEXT_H_
