#pragma once

#include <array>
#include <cstdint>
#include <ctime>
#include <map>
#include <mutex>
#include <sapiens/features.hpp>
#include <string>
#include <string_view>
#include <utility>

#include "serve/models.hpp"

namespace sapiens::serve {

/// What is counted, for /metrics. All threads may use it.
class Metrics {
 public:
  explicit Metrics(Index queue_limit) : queue_limit_(queue_limit) {}

  /// `path` is one of a few.
  void answered(std::string_view path, int status, double seconds);
  void entered_queue();
  void left_queue();
  /// Counts a forward pass with a batch of this many requests.
  void computed(std::string_view model, Index requests, double seconds);

  /// Seconds a request took in the forward passes so far, on average; 1 before there was one.
  double mean_compute_seconds() const;

  /// In the text format of Prometheus, version 0.0.4.
  std::string text(const Models& models) const;

 private:
  /// To the default time limit: a large network takes minutes for an image.
  static constexpr std::array<double, 15> kBounds = {0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1,
                                                     2.5,   5,    10,    30,   60,  120,  300};
  struct Histogram {
    std::array<std::uint64_t, kBounds.size()> below = {};
    std::uint64_t count = 0;
    double sum = 0;
  };
  struct Passes {
    std::uint64_t passes = 0, requests = 0;
    double seconds = 0;
  };

  mutable std::mutex mutex_;
  std::map<std::pair<std::string, int>, std::uint64_t> requests_;
  std::map<std::string, Histogram, std::less<>> seconds_;
  std::map<std::string, Passes, std::less<>> passes_;
  Index queued_ = 0;
  const Index queue_limit_;
  const std::time_t start_ = std::time(nullptr);
};

}  // namespace sapiens::serve
