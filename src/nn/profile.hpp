#pragma once

#include <cstddef>
#include <string_view>
#include <vector>

#include "core/stopwatch.hpp"
#include "sapiens/tensor_view.hpp"

namespace sapiens {

/// The work of an operator, independent of its implementation.
struct Work {
  std::string_view arithmetic = {};  // "fp32", "bf16" or "int8"; empty where only memory counts
  double operations = 0;             // two per multiply-add
  double bytes = 0;                  // read and written; 0 where arithmetic counts
};

/// Seconds and work of the operators of forward passes, by name and arithmetic. One thread at a
/// time.
class Profile {
 public:
  struct Entry {
    std::string_view name;  // lives as long as the program
    Index calls = 0;
    double seconds = 0;
    Work work = {};  // of all calls
  };

  /// In the order in which they first ran.
  const std::vector<Entry>& entries() const noexcept { return entries_; }
  /// Forgets figures, keeps names: a warm pass allocates nothing here.
  void clear() noexcept {
    for (Entry& entry : entries_) {
      entry = {.name = entry.name, .work = {.arithmetic = entry.work.arithmetic}};
    }
  }

  /// Adds the time between construction and destruction to `profile`, which may be null.
  class Timer {
   public:
    // What allocates is done here, because a destructor may not fail.
    Timer(Profile* profile, std::string_view name, const Work& work)
        : profile_(profile),
          entry_(profile ? profile->entry_of(name, work.arithmetic) : 0),
          work_(work) {}
    ~Timer() {
      if (profile_ == nullptr) return;
      Entry& entry = profile_->entries_[entry_];
      ++entry.calls;
      entry.seconds += watch_.seconds();
      entry.work.operations += work_.operations;
      entry.work.bytes += work_.bytes;
    }
    Timer(const Timer&) = delete;
    Timer& operator=(const Timer&) = delete;

   private:
    Profile* profile_;
    std::size_t entry_;
    Work work_;
    Stopwatch watch_;
  };

 private:
  // The place of the entry, which is made if there is none.
  std::size_t entry_of(std::string_view name, std::string_view arithmetic) {
    for (std::size_t i = 0; i < entries_.size(); ++i) {
      if (entries_[i].name == name && entries_[i].work.arithmetic == arithmetic) return i;
    }
    entries_.push_back({.name = name, .work = {.arithmetic = arithmetic}});
    return entries_.size() - 1;
  }

  std::vector<Entry> entries_;
};

}  // namespace sapiens
