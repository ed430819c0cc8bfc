#pragma once

#include <sapiens/features.hpp>

#include "features_options.hpp"
#include "interrupts.hpp"
#include "meter.hpp"

namespace sapiens::cli {

/// Who takes part in a run.
struct RunContext {
  Encoder& encoder;
  const FeaturesOptions& options;
  Interrupts& interrupts;
  Meter& meter;
};

}  // namespace sapiens::cli
