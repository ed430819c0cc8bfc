#pragma once

#include <utility>
#include <variant>
#include <vector>

#include "sapiens/tasks.hpp"

namespace sapiens {

/// The results of a run as those of one task.
template <typename Kind>
std::vector<Kind> results_of(TaskRun run) {
  std::vector<Kind> results;
  for (Result& result : run.results) results.push_back(std::get<Kind>(std::move(result)));
  return results;
}

/// The only result of a run.
template <typename Kind>
Kind result_of(TaskRun run) {
  return std::get<Kind>(std::move(run.results.at(0)));
}

}  // namespace sapiens
