#include "cli/run/task_context.hpp"

#include <fmt/format.h>

#include <sapiens/printable.hpp>

namespace sapiens::cli {

void TaskContext::warn(const Job& job, const std::string& what) const {
  meter.message(
      fmt::format("warning: {}: {}", printable(job.input.path.string()), printable(what)));
}

void TaskContext::report_failure(const Job& job, const Error& error) const {
  meter.message(failure_text(job.input.path.string(), error));
}

}  // namespace sapiens::cli
