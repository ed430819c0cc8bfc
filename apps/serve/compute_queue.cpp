#include "serve/compute_queue.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <sapiens/error.hpp>
#include <system_error>
#include <utility>

#include "core/memory_in_use.hpp"
#include "serve/http_message.hpp"

namespace sapiens::serve {
namespace {

// 256 patches. A forward pass gains a tenth from two images of 48 patches, and nothing from
// several of 192 or more (docs/features.md), where company only makes the first one wait.
constexpr Index kPixelsTogether = 256 * 256;

/// Nobody waits for the results any more.
struct Abandoned {};

/// How many inputs of a model go through it at once.
Index inputs_together(const ServedModel& model, Index most) {
  const Grid size = model.input_size();
  return std::clamp<Index>(kPixelsTogether / (size.height * size.width), 1, most);
}

double seconds_between(Clock::time_point from, Clock::time_point to) {
  return std::chrono::duration<double>(to - from).count();
}

}  // namespace

ComputeQueue::ComputeQueue(const Limits& limits, Metrics& metrics)
    : limits_(limits), metrics_(metrics) {
  jobs_.reserve(static_cast<std::size_t>(limits_.batch));
  try {
    worker_ = std::thread([this] { work(); });
  } catch (const std::system_error& error) {
    throw Error(ErrorCode::OutOfResources,
                {.summary = "the server cannot have a thread that computes",
                 .actual = fmt::format("{}; {}", error.what(), memory_in_use()),
                 .hint = "allow more memory or threads (ulimit -v, -u)"});
  }
}

ComputeQueue::~ComputeQueue() {
  {
    const std::lock_guard lock(mutex_);
    closed_ = true;
  }
  changed_.notify_all();
  worker_.join();
}

ComputeQueue::Place ComputeQueue::enter() {
  {
    const std::lock_guard lock(mutex_);
    if (places_taken_ < limits_.queue) {
      ++places_taken_;
      metrics_.entered_queue();
      return Place(*this);
    }
  }
  const double all = metrics_.mean_compute_seconds() * static_cast<double>(limits_.queue);
  const auto seconds = static_cast<long>(std::clamp(std::ceil(all / 2), 1.0, 600.0));
  throw HttpError(503, "queue-full",
                  {.summary = "too many requests are waiting",
                   .expected = fmt::format("at most {} at a time", limits_.queue),
                   .hint = fmt::format("try again in {} s", seconds)},
                  {{"Retry-After", std::to_string(seconds)}});
}

void ComputeQueue::leave() {
  const std::lock_guard lock(mutex_);
  --places_taken_;
  metrics_.left_queue();
}

Computed ComputeQueue::compute(const Models::Entry& entry, Prepared prepared,
                               const Request& request, const Place&) {
  const auto job = std::make_shared<Job>(entry, std::move(prepared));
  std::future<Computed> result = job->promise.get_future();
  {
    const std::lock_guard lock(mutex_);
    waiting_.push_back(job);
  }
  changed_.notify_one();
  const auto pause = std::chrono::duration_cast<Clock::duration>(
      std::chrono::duration<double>(limits_.look_pause));
  while (result.wait_until(std::min(request.deadline, Clock::now() + pause)) !=
         std::future_status::ready) {
    try {
      expect_wanted(request, limits_);
    } catch (...) {
      give_up(job);
      throw;
    }
  }
  return result.get();
}

void ComputeQueue::give_up(const std::shared_ptr<Job>& job) {
  job->abandoned = true;
  const std::lock_guard lock(mutex_);
  std::erase(waiting_, job);
}

void ComputeQueue::work() {
  while (wait_for_jobs()) {
    run(jobs_);
    jobs_.clear();
  }
}

bool ComputeQueue::wait_for_jobs() {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return closed_ || !waiting_.empty(); });
  if (waiting_.empty()) return false;
  jobs_.push_back(std::move(waiting_.front()));
  waiting_.pop_front();
  for (auto next = waiting_.begin(); next != waiting_.end();) {
    if (!fit_together(jobs_, **next)) {
      ++next;
      continue;
    }
    jobs_.push_back(std::move(*next));
    next = waiting_.erase(next);
  }
  return true;
}

bool ComputeQueue::fit_together(const Jobs& jobs, const Job& more) const {
  const Job& first = *jobs.front();
  if (&first.entry != &more.entry || first.prepared.settings != more.prepared.settings) {
    return false;
  }
  if (first.prepared.crowd || more.prepared.crowd) return false;
  return std::ssize(jobs) < inputs_together(*first.entry.model, limits_.batch);
}

void ComputeQueue::run(const Jobs& jobs) {
  std::vector<Computed> computed;
  try {
    computed = forward(jobs);
  } catch (const Abandoned&) {
    return;
  } catch (...) {
    for (const auto& job : jobs) job->promise.set_exception(std::current_exception());
    return;
  }
  for (std::size_t i = 0; i < jobs.size(); ++i) {
    jobs[i]->promise.set_value(std::move(computed[i]));
  }
}

std::vector<Computed> ComputeQueue::forward(const Jobs& jobs) {
  const Clock::time_point start = Clock::now();
  const Models::Entry& entry = jobs.front()->entry;
  ServedModel& model = *entry.model;
  std::vector<const Prepared*> requests;
  for (const auto& job : jobs) requests.push_back(&job->prepared);
  ServedRun run = model.run(requests, inputs_together(model, limits_.batch), [&] {
    if (std::ranges::all_of(jobs, [](const auto& job) { return job->abandoned.load(); })) {
      throw Abandoned{};
    }
  });
  metrics_.computed(entry.name, std::ssize(jobs), seconds_between(start, Clock::now()));
  std::vector<Computed> computed;
  for (std::size_t i = 0; i < jobs.size(); ++i) {
    computed.push_back({.output = std::move(run.outputs[i]),
                        .waited = seconds_between(jobs[i]->start, start),
                        .detect = run.detect,
                        .stages = run.stages,
                        .together = std::ssize(jobs)});
  }
  return computed;
}

}  // namespace sapiens::serve
