#pragma once

#include <chrono>
#include <string_view>
#include <vector>

#include "sapiens/tensor_view.hpp"

namespace sapiens {

/// Seconds and arithmetic of the operators of forward passes, by name. One thread at a time.
class Profile {
 public:
  struct Entry {
    std::string_view name;  // lives as long as the program
    Index calls = 0;
    double seconds = 0;
    double operations = 0;  // two per multiply-add
  };

  void add(std::string_view name, double seconds, double operations) {
    for (Entry& entry : entries_) {
      if (entry.name != name) continue;
      ++entry.calls;
      entry.seconds += seconds;
      entry.operations += operations;
      return;
    }
    entries_.push_back({name, 1, seconds, operations});
  }

  /// In the order in which they first ran.
  const std::vector<Entry>& entries() const noexcept { return entries_; }
  /// Forgets figures, keeps names: a warm pass allocates nothing here.
  void clear() noexcept {
    for (Entry& entry : entries_) entry = {.name = entry.name};
  }

  /// Adds the time of its own life to `profile`, which may be null.
  class Timer {
   public:
    Timer(Profile* profile, std::string_view name, double operations) noexcept
        : profile_(profile), name_(name), operations_(operations) {}
    ~Timer() {
      if (profile_ == nullptr) return;
      const std::chrono::duration<double> passed = std::chrono::steady_clock::now() - start_;
      profile_->add(name_, passed.count(), operations_);
    }
    Timer(const Timer&) = delete;
    Timer& operator=(const Timer&) = delete;

   private:
    Profile* profile_;
    std::string_view name_;
    double operations_;
    std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
  };

 private:
  std::vector<Entry> entries_;
};

}  // namespace sapiens
