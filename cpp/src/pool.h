// Threads for large batches: they start with the first batch, sleep between batches, and are fresh after a fork.
#ifndef ARSENAL_SRC_POOL_H_
#define ARSENAL_SRC_POOL_H_

#include <atomic>
#include <cstddef>
#include <cstdint>

namespace arsenal::runtime {

class Pool {
 public:
  // A pool of `n_threads` workers, the calling thread included. Starts nothing yet.
  explicit Pool(std::size_t n_threads);
  Pool(const Pool&) = delete;
  Pool& operator=(const Pool&) = delete;
  ~Pool();

  std::size_t size() const noexcept { return n_threads_; }

  using Task = void (*)(void* context, std::size_t worker) noexcept;

  // Calls task(context, w) once for each w < n_workers, at the same time where possible, and returns when all are done.
  // The calling thread is worker 0. If another call uses the pool, or threads cannot be started, it runs all alone.
  void run(std::size_t n_workers, Task task, void* context) noexcept;

 private:
  struct Crew;

  Crew* crew_of_this_process() noexcept;

  std::size_t n_threads_;
  std::atomic<Crew*> crew_{nullptr};
};

// Threads that a session uses for the `n_threads` of its options: 0 is 1; -1 is what ARSENAL_NUM_THREADS says, else as
// many CPUs as the process may use by affinity and cgroup quota.
std::size_t resolve_threads(std::int32_t n_threads);

}  // namespace arsenal::runtime

#endif  // ARSENAL_SRC_POOL_H_
