#include "task_context.hpp"

#include <fmt/format.h>

namespace sapiens::cli {

void TaskContext::warn(const Job& job, const std::string& what) const {
  meter.message(fmt::format("warning: {}: {}", job.input.path.string(), what));
}

void TaskContext::report_failure(const Job& job, const Error& error) const {
  meter.message(fmt::format("failed: {}\n  {}", job.input.path.string(), error.what()));
}

}  // namespace sapiens::cli
