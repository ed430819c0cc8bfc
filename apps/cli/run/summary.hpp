#pragma once

#include <sapiens/features.hpp>
#include <span>
#include <string>
#include <vector>

#include "cli/run/jobs.hpp"
#include "cli/terminal/messages.hpp"

namespace sapiens::cli {

/// What a command found over all its images.
struct Findings {
  std::string line = {};         ///< For people.
  Json totals = Json::object();  ///< Likewise, for programs.
};

/// What a command that works through images says at its end.
struct JobsSummary {
  const JobPlan& plan;
  std::string what;  ///< Of the results: "featmap".
  std::string type;  ///< Of their numbers: "f32".
  std::span<const JobResult> results;
  EngineStats stats;
  double seconds = 0;
  Findings findings = {};

  Index failures() const;
  Index done() const;
  std::string text() const;
  Json json() const;
};

/// Prints the summary, as text or JSON, and sets the exit code.
void report(const JobsSummary& summary, Session& session);

}  // namespace sapiens::cli
