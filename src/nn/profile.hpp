#pragma once

#include <string_view>
#include <vector>

#include "core/stopwatch.hpp"
#include "sapiens/tensor_view.hpp"

namespace sapiens {

/// What an operator does to the numbers, whoever does it.
struct Work {
  std::string_view arithmetic = {};  // "fp32", "bf16" or "int8"; empty where only memory counts
  double operations = 0;             // two per multiply-add
  double bytes = 0;                  // read and written; 0 where arithmetic counts
};

/// Seconds and work of the operators of forward passes, by name. One thread at a time.
class Profile {
 public:
  struct Entry {
    std::string_view name;  // lives as long as the program
    Index calls = 0;
    double seconds = 0;
    Work work = {};  // of all calls
  };

  void add(std::string_view name, double seconds, const Work& work) {
    for (Entry& entry : entries_) {
      if (entry.name != name) continue;
      ++entry.calls;
      entry.seconds += seconds;
      entry.work.arithmetic = work.arithmetic;
      entry.work.operations += work.operations;
      entry.work.bytes += work.bytes;
      return;
    }
    entries_.push_back({name, 1, seconds, work});
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
    Timer(Profile* profile, std::string_view name, const Work& work) noexcept
        : profile_(profile), name_(name), work_(work) {}
    ~Timer() {
      if (profile_ == nullptr) return;
      profile_->add(name_, watch_.seconds(), work_);
    }
    Timer(const Timer&) = delete;
    Timer& operator=(const Timer&) = delete;

   private:
    Profile* profile_;
    std::string_view name_;
    Work work_;
    Stopwatch watch_;
  };

 private:
  std::vector<Entry> entries_;
};

}  // namespace sapiens
