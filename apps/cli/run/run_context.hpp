#pragma once

#include <sapiens/features.hpp>

#include "cli/options/features_options.hpp"
#include "cli/run/meter.hpp"
#include "cli/terminal/interrupts.hpp"

namespace sapiens::cli {

/// Who takes part in a run.
struct RunContext {
  Encoder& encoder;
  const FeaturesOptions& options;
  Interrupts& interrupts;
  Meter& meter;
};

}  // namespace sapiens::cli
