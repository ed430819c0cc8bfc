#pragma once

#include <sapiens/features.hpp>
#include <span>
#include <string>
#include <vector>

#include "feature_run.hpp"
#include "inputs.hpp"
#include "manifest.hpp"
#include "messages.hpp"

namespace sapiens::cli {

/// What `sapiens features` says at its end.
struct FeaturesSummary {
  const FeaturesOptions& options;
  const Manifest& manifest;
  std::span<const Index> layers;
  std::span<const Job> jobs;
  std::span<const JobResult> results;
  std::span<const Job> finished_before;
  std::span<const FailedInput> not_found;
  EngineStats stats;
  double seconds = 0;

  Index failures() const;
  std::string text() const;
  Json json() const;
};

}  // namespace sapiens::cli
