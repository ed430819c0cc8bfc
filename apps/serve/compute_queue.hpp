#pragma once

#include <atomic>
#include <condition_variable>
#include <deque>
#include <future>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "serve/http_message.hpp"
#include "serve/metrics.hpp"
#include "serve/models.hpp"

namespace sapiens::serve {

/// What a forward pass found for one request.
struct Computed {
  Output output = {};
  double waited = 0;       ///< Seconds in the queue.
  double detect = 0;       ///< Seconds of finding persons; 0 where none were looked for.
  StageTimes stages = {};  ///< Of the whole pass.
  Index together = 0;      ///< Requests in that pass.
};

/// One thread that computes, and a bounded queue in front of it. Every network uses all cores, so
/// two at once would only get in each other's way; small images that wait are computed together.
class ComputeQueue {
 public:
  ComputeQueue(const Limits& limits, Metrics& metrics);
  /// Computes what is still waiting.
  ~ComputeQueue();
  ComputeQueue(const ComputeQueue&) = delete;
  ComputeQueue& operator=(const ComputeQueue&) = delete;

  /// One of the places in the queue, from before an image is decoded until it is answered, so that
  /// no more images than that are in memory.
  class Place {
   public:
    explicit Place(ComputeQueue& queue) : queue_(queue) {}
    ~Place() { queue_.leave(); }
    Place(const Place&) = delete;
    Place& operator=(const Place&) = delete;

   private:
    ComputeQueue& queue_;
  };

  /// Throws HttpError 503 when there is none.
  [[nodiscard]] Place enter();

  /// Waits for its turn and the result. Throws HttpError 504 when the request's deadline comes
  /// first, and 499 when its client hangs up; what has been given up is not computed.
  Computed compute(const Models::Entry& entry, Prepared prepared, const Request& request,
                   const Place& place);

 private:
  struct Job {
    Job(const Models::Entry& its_entry, Prepared its_inputs)
        : entry(its_entry), prepared(std::move(its_inputs)) {}

    const Models::Entry& entry;
    const Prepared prepared;
    const Clock::time_point start = Clock::now();
    std::atomic<bool> abandoned = false;
    std::promise<Computed> promise = {};
  };
  using Jobs = std::vector<std::shared_ptr<Job>>;

  void leave();
  void give_up(const std::shared_ptr<Job>& job);
  void work();
  /// Takes the next into `jobs_`; false once closed, and nothing waits.
  bool wait_for_jobs();
  bool fit_together(const Jobs& jobs, const Job& more) const;
  void run(const Jobs& jobs);
  std::vector<Computed> forward(const Jobs& jobs);

  const Limits limits_;
  Metrics& metrics_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::shared_ptr<Job>> waiting_;
  Index places_taken_ = 0;
  bool closed_ = false;
  Jobs jobs_;  // of the worker, which could tell nobody that memory for them ran out
  std::thread worker_;
};

}  // namespace sapiens::serve
