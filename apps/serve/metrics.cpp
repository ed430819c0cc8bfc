#include "serve/metrics.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <iterator>
#include <sapiens/version.hpp>

#include "serve/operations.hpp"

namespace sapiens::serve {
namespace {

/// Resident bytes of this process; 0 if /proc is not available.
std::uint64_t resident_bytes() {
  std::uint64_t size = 0, resident = 0;
  std::ifstream("/proc/self/statm") >> size >> resident;
  return resident * static_cast<std::uint64_t>(sysconf(_SC_PAGESIZE));
}

class Text {
 public:
  void family(std::string_view name, std::string_view type, std::string_view help) {
    name_ = name;
    fmt::format_to(out(), "# HELP {0} {2}\n# TYPE {0} {1}\n", name, type, help);
  }

  template <typename Value>
  void row(std::string_view labels, Value value, std::string_view suffix = "") {
    fmt::format_to(out(), "{}{}", name_, suffix);
    if (!labels.empty()) fmt::format_to(out(), "{{{}}}", labels);
    fmt::format_to(out(), " {}\n", value);
  }

  template <typename Value>
  void single(std::string_view name, std::string_view type, std::string_view help, Value value) {
    family(name, type, help);
    row("", value);
  }

  std::string take() { return std::move(text_); }

 private:
  std::back_insert_iterator<std::string> out() { return std::back_inserter(text_); }

  std::string text_;
  std::string_view name_;
};

}  // namespace

void Metrics::answered(std::string_view path, int status, double seconds) {
  const std::lock_guard lock(mutex_);
  ++requests_[{std::string(path), status}];
  Histogram& histogram = seconds_[std::string(path)];
  for (std::size_t i = 0; i < kBounds.size(); ++i) {
    if (seconds <= kBounds[i]) ++histogram.below[i];
  }
  ++histogram.count;
  histogram.sum += seconds;
}

void Metrics::entered_queue() {
  const std::lock_guard lock(mutex_);
  ++queued_;
}

void Metrics::left_queue() {
  const std::lock_guard lock(mutex_);
  --queued_;
}

void Metrics::computed(std::string_view model, Index requests, double seconds) {
  const std::lock_guard lock(mutex_);
  Passes& passes = passes_[std::string(model)];
  ++passes.passes;
  passes.requests += static_cast<std::uint64_t>(requests);
  passes.seconds += seconds;
}

double Metrics::mean_compute_seconds() const {
  const std::lock_guard lock(mutex_);
  double seconds = 0;
  std::uint64_t requests = 0;
  for (const auto& [model, passes] : passes_) {
    seconds += passes.seconds;
    requests += passes.requests;
  }
  return requests > 0 ? seconds / static_cast<double>(requests) : 1;
}

std::string Metrics::text(const Models& models) const {
  const std::lock_guard lock(mutex_);
  Text text;
  text.family("sapiens_requests_total", "counter", "Requests answered");
  for (const auto& [key, count] : requests_) {
    text.row(fmt::format("path=\"{}\",status=\"{}\"", key.first, key.second), count);
  }
  text.family("sapiens_request_duration_seconds", "histogram",
              "From a request's headers to its answer");
  for (const auto& [path, histogram] : seconds_) {
    for (std::size_t i = 0; i < kBounds.size(); ++i) {
      text.row(fmt::format("path=\"{}\",le=\"{}\"", path, kBounds[i]), histogram.below[i],
               "_bucket");
    }
    const std::string label = fmt::format("path=\"{}\"", path);
    text.row(label + ",le=\"+Inf\"", histogram.count, "_bucket");
    text.row(label, histogram.sum, "_sum");
    text.row(label, histogram.count, "_count");
  }
  const auto add_passes = [&](const char* name, const char* help, auto Passes::*field) {
    text.family(name, "counter", help);
    for (const auto& [model, passes] : passes_) {
      text.row(fmt::format("model=\"{}\"", model), passes.*field);
    }
  };
  add_passes("sapiens_passes_total", "Forward passes", &Passes::passes);
  add_passes("sapiens_pass_requests_total", "Requests computed in forward passes",
             &Passes::requests);
  add_passes("sapiens_pass_seconds_total", "Seconds of forward passes", &Passes::seconds);
  text.single("sapiens_queue_requests", "gauge", "Requests decoding, waiting or computing",
              queued_);
  text.single("sapiens_queue_limit", "gauge", "As many as may be", queue_limit_);
  text.family("sapiens_model_info", "gauge", "Loaded models");
  for (const auto& [name, model] : models.all()) {
    text.row(fmt::format("model=\"{}\",task=\"{}\",arch=\"{}\"", name, task_word(model->task()),
                         model->inspection().model.arch),
             1);
  }
  text.family("sapiens_build_info", "gauge", "Version of the program");
  text.row("version=\"" SAPIENS_VERSION "\"", 1);
  text.single("process_resident_memory_bytes", "gauge", "Resident memory", resident_bytes());
  text.single("process_start_time_seconds", "gauge", "Start, in seconds since 1970", start_);
  return text.take();
}

}  // namespace sapiens::serve
