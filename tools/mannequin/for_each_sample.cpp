#include <atomic>
#include <exception>
#include <mutex>
#include <thread>

#include "request.hpp"

namespace mannequin {
namespace {

/// Runs `work(0)` to `work(count - 1)` on that many threads and rethrows the first exception.
void run_parallel(int count, int threads, const std::function<void(int)>& work) {
  std::atomic<int> next = 0;
  std::exception_ptr failure;
  std::mutex failing;
  const auto loop = [&] {
    try {
      for (int i = next++; i < count; i = next++) work(i);
    } catch (...) {
      const std::lock_guard lock(failing);
      if (!failure) failure = std::current_exception();
      next = count;
    }
  };
  {
    std::vector<std::jthread> helpers;
    for (int i = 1; i < threads; ++i) helpers.emplace_back(loop);
    loop();
  }
  if (failure) std::rethrow_exception(failure);
}

}  // namespace

void for_each_sample(const Request& request, const Progress& progress,
                     const std::function<void(std::int64_t, const Sample&)>& take) {
  const unsigned cpus = std::max(1u, std::thread::hardware_concurrency());
  const int threads = request.threads > 0 ? request.threads : static_cast<int>(cpus);
  // The batch is large enough that threads seldom wait for the last one, and small enough in
  // memory.
  const std::int64_t batch = 8 * std::int64_t{threads};
  std::vector<Sample> samples(static_cast<std::size_t>(std::min(batch, request.count)));
  for (std::int64_t done = 0; done < request.count; done += batch) {
    const int count = static_cast<int>(std::min(batch, request.count - done));
    const std::int64_t first = request.first + done;
    run_parallel(count, threads, [&](int i) {
      samples[static_cast<std::size_t>(i)] =
          make_sample(request.seed, static_cast<std::uint64_t>(first + i), request.width,
                      request.height, request.view);
    });
    for (int i = 0; i < count; ++i) take(first + i, samples[static_cast<std::size_t>(i)]);
    progress(done + count);
  }
}

}  // namespace mannequin
