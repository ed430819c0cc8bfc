#pragma once

#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "cli/bench/measure.hpp"
#include "cli/terminal/messages.hpp"

namespace sapiens::cli {

/// One run of a document of `sapiens bench --json`, as far as comparing needs it.
struct BenchSummary {
  std::string document;  // the file's name, or "this run"
  std::string work;      // model, size and batch: what must be equal
  std::string isa, precision;
  int threads = 0;
  std::vector<StageTime> rows;  // the whole pass, stages, operators and the rest
};

/// Throws UnsupportedFormat for anything but a document of `sapiens bench`.
std::vector<BenchSummary> summarize_bench(const Json& document, const std::string& name);

/// The same for a file, which may also be NotFound.
std::vector<BenchSummary> read_bench(const std::filesystem::path& path);

struct ComparedRow {
  std::string name;
  std::optional<Timing> before, after;

  /// After by before; nothing where one is missing.
  std::optional<double> ratio() const;
  /// "slower" or "faster" where no repeat of one side reached any of the other; else "".
  std::string change() const;
};

struct Comparison {
  BenchSummary before, after;
  std::vector<ComparedRow> rows;
};

/// Sets the runs of two documents against each other: one with one, else those of equal level and
/// precision. Throws InvalidArgument where none fit together, or where they measured different
/// models, sizes or batches.
std::vector<Comparison> compare_benches(std::span<const BenchSummary> before,
                                        std::span<const BenchSummary> after);

std::string comparison_text(std::span<const Comparison> comparisons);
Json comparison_json(std::span<const Comparison> comparisons);

}  // namespace sapiens::cli
