#pragma once

#include <chrono>
#include <mutex>
#include <sapiens/checkpoint.hpp>
#include <sapiens/tensor_view.hpp>
#include <string>
#include <string_view>

#include "cli/terminal/interrupts.hpp"

namespace sapiens::cli {

/// "[#####     ]  30% 3/10  1.5/s  5 s left". Fractions of an item move the bar; a single item is
/// not counted, so a total of 1 shows a share. A total of 0 is unknown: "3  1.5/s".
std::string meter_text(double done, Index total, double seconds);

/// "[#####     ]  30% of 1.36 GB  12 MB/s  1 min 20 s left". Bytes below `from` were there before
/// the clock started. A total of 0 is unknown: "410 MB  12 MB/s".
std::string bytes_meter_text(double done, double from, Index total, double seconds);

enum class MeterUnit { Items, Bytes };

/// True for a terminal on standard error.
bool stderr_is_terminal();

/// Progress on standard error: a line that redraws itself on a terminal, a plain line every few
/// seconds elsewhere. Several threads may use it.
class Meter {
 public:
  Meter(std::string_view title, Index total, bool terminal, MeterUnit unit = MeterUnit::Items);
  ~Meter() { clear(); }
  Meter(const Meter&) = delete;
  Meter& operator=(const Meter&) = delete;

  void update(double done);
  /// A message of its own line, above the meter.
  void message(std::string_view text);

 private:
  void clear();

  using Clock = std::chrono::steady_clock;
  std::string title_;
  Index total_;
  bool terminal_;
  MeterUnit unit_;
  std::mutex mutex_;  // of what follows, and of the line on the terminal
  bool drawn_ = false;
  Clock::time_point start_ = Clock::now();
  Clock::time_point last_ = start_;
  double from_ = -1;  // what the first update said
};

/// A long write of one file: shows how far it is, and breaks it off on Ctrl-C so that the library
/// removes its temporary file before the program ends.
class WriteProgress {
 public:
  WriteProgress(std::string_view title, Interrupts& interrupts)
      : interrupts_(interrupts),
        meter_(title, 1, stderr_is_terminal()),
        no_interruption_(interrupts.hold()) {}

  Progress callback() {
    return [this](double done) {
      interrupts_.check();
      meter_.update(done);
    };
  }

 private:
  Interrupts& interrupts_;
  Meter meter_;
  std::unique_lock<std::mutex> no_interruption_;
};

}  // namespace sapiens::cli
