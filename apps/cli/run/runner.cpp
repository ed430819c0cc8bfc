#include "cli/run/runner.hpp"

#include <fmt/format.h>

#include <sapiens/printable.hpp>

namespace sapiens::cli {

StageSeconds& StageSeconds::operator+=(const StageSeconds& more) {
  decode += more.decode;
  detect += more.detect;
  preprocess += more.preprocess;
  encoder += more.encoder;
  head += more.head;
  post += more.post;
  write += more.write;
  return *this;
}

void StageSeconds::add_share(const StageTimes& stages, std::size_t count) {
  const auto shares = static_cast<double>(count);
  preprocess += stages.preprocess / shares;
  encoder += stages.encoder / shares;
  head += stages.head / shares;
  post += stages.post / shares;
}

JobSource source_of(std::span<const Job> jobs) {
  return [jobs]() mutable -> std::shared_ptr<const Job> {
    if (jobs.empty()) return nullptr;
    const Job& job = jobs.front();
    jobs = jobs.subspan(1);
    return {std::shared_ptr<const Job>(), &job};  // not its owner
  };
}

void RunContext::warn(const Job& job, const std::string& what) const {
  meter.message(fmt::format("warning: {}: {}", printable(job.input.text()), printable(what)));
}

void RunContext::report_failure(const Job& job, const Error& error) const {
  meter.message(failure_text(job.input.text(), error));
}

bool is_about_the_input(const Error& error) {
  return error.code() == ErrorCode::ShapeMismatch || error.code() == ErrorCode::InvalidArgument;
}

}  // namespace sapiens::cli
