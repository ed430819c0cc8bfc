#pragma once

#include <sapiens/checkpoint.hpp>
#include <string>

#include "cli/options/options.hpp"
#include "cli/run/meter.hpp"

namespace sapiens::cli {

/// A long write of one file: shows how far it is, and breaks it off on Ctrl-C so that the library
/// removes its temporary file before the program ends.
class WriteProgress {
 public:
  WriteProgress(std::string title, Session& session)
      : interrupts_(session.interrupts),
        meter_(std::move(title), 1, stderr_is_terminal()),
        no_interruption_(interrupts_.hold()) {}

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
