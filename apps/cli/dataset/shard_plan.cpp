#include "cli/dataset/shard_plan.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <sapiens/error.hpp>
#include <utility>

#include "cli/input/archive_inputs.hpp"
#include "cli/input/json_file.hpp"
#include "core/crc32.hpp"
#include "core/parse_number.hpp"

namespace sapiens::cli {
namespace {

namespace fs = std::filesystem;

// Far more than any cluster has, and products stay within 64 bits.
constexpr std::uint64_t kMaxParts = 1'000'000'000;

std::optional<std::uint64_t> variable(const Environment& environment, const char* name) {
  const char* const text = environment(name);
  if (!text || *text == '\0') return std::nullopt;
  const auto number = parse_number<std::uint64_t>(text);
  if (number && *number <= kMaxParts) return number;
  throw Error(ErrorCode::InvalidArgument,
              {.summary = "this variable of the environment is no number",
               .key = name,
               .expected = fmt::format("0 to {}", kMaxParts),
               .actual = text,
               .hint = "give --shard I/N, or --shard none for all inputs"});
}

RunPart checked(RunPart part, const std::string& actual) {
  if (part.count > 0 && part.index < part.count) return part;
  throw Error(ErrorCode::InvalidArgument,
              {.summary = "this is no part of a run",
               .key = part.origin,
               .expected = "I/N, where I is at least 0 and less than N",
               .actual = actual,
               .hint = "give --shard I/N, counted from 0, or --shard none for all inputs"});
}

/// The task of an array job. Arrays may begin at any number and go in steps.
std::optional<RunPart> part_of_array(const Environment& environment) {
  const auto id = variable(environment, "SLURM_ARRAY_TASK_ID");
  if (!id) return std::nullopt;
  const std::uint64_t first = variable(environment, "SLURM_ARRAY_TASK_MIN").value_or(0);
  const std::uint64_t step =
      std::max<std::uint64_t>(variable(environment, "SLURM_ARRAY_TASK_STEP").value_or(1), 1);
  const auto count = variable(environment, "SLURM_ARRAY_TASK_COUNT");
  RunPart part{.count = count.value_or(0), .origin = "SLURM_ARRAY_TASK_ID"};
  const std::string actual =
      fmt::format("task {} of {} that begin at {}", *id, count.value_or(0), first);
  if (*id < first || (*id - first) % step != 0) part.count = 0;
  part.index = *id < first ? 0 : (*id - first) / step;
  return checked(std::move(part), actual);
}

std::optional<RunPart> part_of_ranks(const Environment& environment) {
  const auto rank = variable(environment, "RANK");
  const auto size = variable(environment, "WORLD_SIZE");
  if (!rank || !size) return std::nullopt;
  return checked({*rank, *size, "RANK"}, fmt::format("{} of WORLD_SIZE {}", *rank, *size));
}

/// A word that no archive's name begins with, so that no two shards have one name.
std::string name_of_loose_files(std::span<const InputShard> archives) {
  for (int number = 1;; ++number) {
    std::string word = number == 1 ? "images" : fmt::format("images.{}", number);
    const auto begins_so = [&](const InputShard& shard) {
      return shard.name.native().starts_with(word + "-");
    };
    if (std::ranges::none_of(archives, begins_so)) return word;
  }
}

/// Names for all: an archive's results lie in a folder of its name, as frames of a video do.
std::vector<OutputName> names_of(std::span<const InputFile> files) {
  std::vector<InputFile> named;
  for (const InputFile& file : files) {
    InputFile& input = named.emplace_back();
    input.path = file.path;
    input.name = file.name;
    if (!file.archive) continue;
    input.name = without_archive_ending(file.name);
    input.name += ".tar";  // one ending, whatever it was
    // Claims lie in this folder of the index, where nobody looks for records.
    if (*input.name.begin() == kWorkFolder) input.name = "files" / input.name;
    input.video = true;
  }
  return plan_outputs(named);
}

}  // namespace

std::vector<InputShard> plan_shards(std::span<const InputFile> files, std::size_t images) {
  const std::vector<OutputName> names = names_of(files);
  std::vector<InputShard> shards;
  for (std::size_t i = 0; i < files.size(); ++i) {
    if (!files[i].archive) continue;
    shards.push_back({.name = names[i].stem, .number = std::ssize(shards), .archive = files[i]});
  }
  const std::string word = name_of_loose_files(shards);
  const auto archives = std::ssize(shards);
  for (std::size_t i = 0; i < files.size(); ++i) {
    if (files[i].archive) continue;
    const Index number = std::ssize(shards);
    if (number == archives || shards.back().jobs.size() == images) {
      shards.push_back(
          {.name = fmt::format("{}-{:06}", word, number - archives), .number = number});
    }
    shards.back().jobs.push_back({.input = files[i], .name = names[i].stem, .key = names[i].stem});
  }
  return shards;
}

Json source_of(const InputShard& shard) {
  if (shard.is_archive()) {
    if (shard.archive.path == "-") return {{"archive", "standard input"}};
    Json file = file_json(shard.archive.path);
    // Another machine may see it under another path.
    file["archive"] = shard.archive.path.filename().string();
    file.erase("path");
    return file;
  }
  std::uint32_t sum = 0;
  for (const Job& job : shard.jobs) {
    const Json file = file_json(job.input.path);
    const std::string line = fmt::format("{}\n{}\n{}\n", job.name.string(), file["bytes"].dump(),
                                         file["modified"].dump());
    sum = crc32(std::as_bytes(std::span(line)), sum);
    if (job.masks.empty()) continue;
    const std::string masks = version_of(job.masks) + '\n';
    sum = crc32(std::as_bytes(std::span(masks)), sum);
  }
  return {{"images", shard.jobs.size()},
          {"first", shard.jobs.front().name.generic_string()},
          {"crc32_of_names_sizes_times", fmt::format("{:08x}", sum)}};
}

Json names_json(std::span<const InputShard> shards) {
  std::uint32_t sum = 0;
  for (const InputShard& shard : shards) {
    const std::string line = shard.name.string() + '\n';
    sum = crc32(std::as_bytes(std::span(line)), sum);
  }
  return {{"count", shards.size()}, {"crc32_of_names", fmt::format("{:08x}", sum)}};
}

std::optional<RunPart> parse_part(std::string_view text) {
  const std::size_t slash = text.find('/');
  if (slash == text.npos) return std::nullopt;
  const auto index = parse_number<std::uint64_t>(text.substr(0, slash));
  const auto count = parse_number<std::uint64_t>(text.substr(slash + 1));
  if (!index || !count || *count > kMaxParts || *index >= *count) return std::nullopt;
  return RunPart{*index, *count, "--shard"};
}

RunPart choose_part(const std::optional<std::string>& option, const Environment& environment) {
  if (option == "none") return {};
  if (option) return checked(parse_part(*option).value_or(RunPart{0, 0, "--shard"}), *option);
  const std::optional<RunPart> array = part_of_array(environment);
  const std::optional<RunPart> ranks = part_of_ranks(environment);
  if (!array || !ranks) return array ? *array : ranks.value_or(RunPart{});
  return {array->index * ranks->count + ranks->index, array->count * ranks->count,
          array->origin + " and " + ranks->origin};
}

}  // namespace sapiens::cli
