#include "pool.h"

#include <pthread.h>

#include <algorithm>
#include <condition_variable>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <mutex>
#include <new>
#include <system_error>
#include <thread>
#include <vector>

#ifdef __linux__
#include <sched.h>
#endif

namespace arsenal::runtime {

namespace {

// Counts forks: a crew of another generation belongs to the parent process, its threads do not exist here.
std::atomic<unsigned> fork_generation{0};

void watch_forks() {
  static const int registered =
      pthread_atfork(nullptr, nullptr, [] { fork_generation.fetch_add(1, std::memory_order_relaxed); });
  (void)registered;
}

}  // namespace

struct Pool::Crew {
  explicit Crew(unsigned born) : generation(born) {}

  ~Crew() {
    {
      const std::lock_guard<std::mutex> lock(mutex);
      stopping = true;
    }
    wake.notify_all();
    for (std::thread& thread : threads) thread.join();
  }

  // Starts threads until there are `count`; fewer if the system refuses.
  void grow(std::size_t count) noexcept {
    try {
      while (threads.size() < count) {
        const std::size_t worker = threads.size() + 1;
        threads.emplace_back([this, worker] { serve(worker); });
      }
    } catch (const std::system_error&) {
    } catch (const std::bad_alloc&) {
    }
  }

  void serve(std::size_t worker) noexcept {
    std::uint64_t seen = 0;
    std::unique_lock<std::mutex> lock(mutex);
    for (;;) {
      wake.wait(lock, [&] { return stopping || (round != seen && worker < n_workers); });
      if (stopping) return;
      seen = round;
      const Task run_task = task;
      void* const task_context = context;
      lock.unlock();
      run_task(task_context, worker);
      lock.lock();
      if (--pending == 0) done.notify_one();
    }
  }

  const unsigned generation;
  // Held by the one call that uses the crew.
  std::mutex turn;
  std::mutex mutex;
  std::condition_variable wake;
  std::condition_variable done;
  std::vector<std::thread> threads;
  std::uint64_t round = 0;
  std::size_t n_workers = 0;
  std::size_t pending = 0;
  Task task = nullptr;
  void* context = nullptr;
  bool stopping = false;
};

Pool::Pool(std::size_t n_threads) : n_threads_(n_threads) {
  if (n_threads_ > 1) watch_forks();
}

Pool::~Pool() {
  Crew* crew = crew_.load();
  // A crew from before a fork has no threads here to join and perhaps a lock that nobody will release: it is left
  // alone.
  if (crew != nullptr && crew->generation == fork_generation.load()) delete crew;
}

Pool::Crew* Pool::crew_of_this_process() noexcept {
  const unsigned generation = fork_generation.load();
  Crew* crew = crew_.load();
  if (crew != nullptr && crew->generation == generation) return crew;
  Crew* const fresh = new (std::nothrow) Crew(generation);
  if (fresh == nullptr) return nullptr;
  if (crew_.compare_exchange_strong(crew, fresh)) return fresh;
  delete fresh;
  return crew;
}

void Pool::run(std::size_t n_workers, Task task, void* context) noexcept {
  const auto run_alone = [&] {
    for (std::size_t worker = 0; worker < n_workers; ++worker) task(context, worker);
  };
  if (n_workers < 2) return run_alone();
  Crew* const crew = crew_of_this_process();
  if (crew == nullptr) return run_alone();
  const std::unique_lock<std::mutex> turn(crew->turn, std::try_to_lock);
  if (!turn.owns_lock()) return run_alone();
  crew->grow(n_workers - 1);
  if (crew->threads.size() < n_workers - 1) return run_alone();
  {
    const std::lock_guard<std::mutex> lock(crew->mutex);
    crew->task = task;
    crew->context = context;
    crew->n_workers = n_workers;
    crew->pending = n_workers - 1;
    ++crew->round;
  }
  crew->wake.notify_all();
  task(context, 0);
  std::unique_lock<std::mutex> lock(crew->mutex);
  crew->done.wait(lock, [&] { return crew->pending == 0; });
}

namespace {

#ifdef __linux__
// CPUs that the cgroup's quota amounts to, rounded up; 0 if there is no quota.
std::size_t quota_cpus() {
  long long quota = 0;
  long long period = 0;
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> v2(std::fopen("/sys/fs/cgroup/cpu.max", "re"), std::fclose);
  if (v2 != nullptr) {
    if (std::fscanf(v2.get(), "%lld %lld", &quota, &period) != 2) return 0;
  } else {
    const std::unique_ptr<std::FILE, int (*)(std::FILE*)> quota_file(
        std::fopen("/sys/fs/cgroup/cpu/cpu.cfs_quota_us", "re"), std::fclose);
    const std::unique_ptr<std::FILE, int (*)(std::FILE*)> period_file(
        std::fopen("/sys/fs/cgroup/cpu/cpu.cfs_period_us", "re"), std::fclose);
    if (quota_file == nullptr || period_file == nullptr) return 0;
    if (std::fscanf(quota_file.get(), "%lld", &quota) != 1 || std::fscanf(period_file.get(), "%lld", &period) != 1) {
      return 0;
    }
  }
  if (quota <= 0 || period <= 0) return 0;
  return static_cast<std::size_t>((quota + period - 1) / period);
}
#endif

std::size_t available_cpus() {
  std::size_t cpus = std::max(1U, std::thread::hardware_concurrency());
#ifdef __linux__
  cpu_set_t allowed;
  if (sched_getaffinity(0, sizeof(allowed), &allowed) == 0) {
    cpus = std::max(1, CPU_COUNT(&allowed));
  }
  const std::size_t quota = quota_cpus();
  if (quota > 0) cpus = std::min(cpus, quota);
#endif
  return cpus;
}

}  // namespace

std::size_t resolve_threads(std::int32_t n_threads) {
  constexpr long kMost = 1024;
  if (n_threads >= 0) return static_cast<std::size_t>(std::clamp<long>(n_threads, 1, kMost));
  if (const char* text = std::getenv("ARSENAL_NUM_THREADS")) {
    char* end = nullptr;
    const long wanted = std::strtol(text, &end, 10);
    if (end != text && *end == '\0' && wanted > 0) return static_cast<std::size_t>(std::min(wanted, kMost));
  }
  return available_cpus();
}

}  // namespace arsenal::runtime
