#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <new>
#include <optional>
#include <sapiens/version.hpp>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

#include "cli/input/json_file.hpp"
#include "cli/run/jobs.hpp"
#include "cli/terminal/messages.hpp"
#include "core/crc32.hpp"
#include "core/open_file.hpp"

namespace sapiens::cli {
namespace {

namespace fs = std::filesystem;

constexpr const char* kVersionKey = "crc32_of_sizes_times";

/// A file that is gone has no size and no time, and fails by itself when it is read. Any other
/// error is one: with a wrong size in its record a run could not be resumed.
bool is_gone(const std::error_code& error, const fs::path& path) {
  if (error && error != std::errc::no_such_file_or_directory) {
    fail_to_read(path, "the file cannot be examined", error.value());
  }
  return static_cast<bool>(error);
}

/// Microseconds since 1970.
std::int64_t modification_time(const fs::path& path) {
  std::error_code error;
  const fs::file_time_type time = fs::last_write_time(path, error);
  if (is_gone(error, path)) return 0;
  const auto since_1970 = std::chrono::file_clock::to_sys(time).time_since_epoch();
  return std::chrono::duration_cast<std::chrono::microseconds>(since_1970).count();
}

}  // namespace

Json file_json(const fs::path& path) {
  std::error_code error;
  const std::uintmax_t bytes = fs::file_size(path, error);
  return {{"path", absolute_text(path)},
          {"bytes", is_gone(error, path) ? 0 : bytes},
          {"modified", modification_time(path)}};
}

std::string version_of(std::span<const fs::path> files, std::string_view options) {
  std::uint32_t sum = crc32(std::as_bytes(std::span(options)));
  for (const fs::path& path : files) {
    struct ::stat status {};
    const int failed = uninterrupted([&] { return ::stat(path.c_str(), &status); });
    if (is_gone({failed == 0 ? 0 : errno, std::generic_category()}, path)) return {};
    const std::string line =
        fmt::format("{} {}.{}\n", status.st_size, status.st_mtim.tv_sec, status.st_mtim.tv_nsec);
    sum = crc32(std::as_bytes(std::span(line)), sum);
  }
  return fmt::format("{:08x}", sum);
}

Json digest_json(const fs::path& path) {
  const Descriptor file = open_regular_file(path);
  std::vector<std::byte> block(std::size_t{1} << 20);
  std::uint64_t bytes = 0;
  std::uint32_t sum = 0;
  while (true) {
    const ::ssize_t count =
        uninterrupted([&] { return ::read(file.number(), block.data(), block.size()); });
    if (count < 0) fail_to_read(path, "the file cannot be read", errno);
    if (count == 0) break;
    sum = crc32(std::span(block).first(static_cast<std::size_t>(count)), sum);
    bytes += static_cast<std::uint64_t>(count);
  }
  return {{"name", path.filename().string()},
          {"bytes", bytes},
          {"digest", fmt::format("crc32:{:08x}", sum)}};
}

Json common_settings(const Json& checkpoint, const std::optional<Grid>& size,
                     const Inspection& inspection, const EngineStats& stats) {
  const ModelInfo& model = inspection.model;
  Json settings = {
      {"checkpoint", checkpoint},
      {"verdict", verdict_name(inspection.report.verdict)},
      {"model",
       {{"arch", model.arch},
        {"task", task_text(model)},
        {"width", model.width},
        {"depth", model.depth},
        {"heads", model.heads},
        {"cls_token", model.cls_token},
        {"grid", {model.grid.height, model.grid.width}}}},
      {"patch_padding", model.patch_padding},
      {"size", size ? Json({size->height, size->width}) : Json(nullptr)},
      {"precision", stats.precision},
  };
  // Most records do not have these fields, so that runs of earlier versions can be resumed.
  if (!stats.unquantized.empty()) settings["unquantized"] = stats.unquantized;
  if (model.family != "sapiens") settings["model"]["family"] = model.family;
  // Which one was taken, and what was left.
  if (inspection.report.candidates.size() > 1) {
    settings["candidates"] = Json::parse(inspection.json(flag_of))["report"]["candidates"];
  }
  return settings;
}

fs::path manifest_path(const fs::path& output, const std::string& command) {
  return output / fmt::format("sapiens-{}.json", command);
}

Manifest read_manifest(const fs::path& path) {
  const std::optional<std::string> text = read_if_there(path);
  if (!text) return {};
  try {
    const Json json = Json::parse(*text);
    Manifest manifest{.path = path,
                      .settings = json.at("settings").get_ref<const Json::object_t&>()};
    for (const auto& [name, job] : json.at("inputs").items()) {
      // Records of earlier versions have none: what they are about is done anew.
      manifest.jobs[name] = {.input = job.at("input").get<std::string>(),
                             .version = job.value(kVersionKey, ""),
                             .files = job.at("files").get<std::vector<std::string>>()};
    }
    return manifest;
  } catch (const std::bad_alloc&) {
    throw;
  } catch (const std::exception&) {
    throw Error(ErrorCode::CorruptFile, {.summary = "the record of the earlier run cannot be read",
                                         .file = path.string(),
                                         .expected = "the JSON that the earlier run wrote",
                                         .actual = "something else",
                                         .hint = "remove it, or choose another --output"});
  }
}

void write_manifest(const Manifest& manifest) {
  Json inputs = Json::object();
  for (const auto& [name, job] : manifest.jobs) {
    inputs[name] = {{"input", job.input}, {kVersionKey, job.version}, {"files", job.files}};
  }
  Json json = {
      {"version", SAPIENS_VERSION}, {"settings", manifest.settings}, {"inputs", std::move(inputs)}};
  if (!manifest.left_out.empty()) json["left_out"] = manifest.left_out;
  if (!manifest.boxes_file.empty()) json["boxes_file"] = manifest.boxes_file;
  write_json(manifest.path, json, "cannot record the settings of this run");
}

void expect_same_settings(const Json& before, const Json& settings, const fs::path& path) {
  const Json now = Json::parse(json_line(settings));  // as it would be read back
  for (const auto& [name, value] : now.items()) {
    const Json earlier = before.value(name, Json(nullptr));
    if (earlier == value) continue;
    throw Error(ErrorCode::InvalidArgument,
                {.summary = "the files in the output folder were made with other settings",
                 .file = path.string(),
                 .key = name,
                 .expected = json_line(earlier),
                 .actual = json_line(value),
                 .hint = "repeat the settings of the first run, choose another --output, or leave "
                         "out --resume"});
  }
}

}  // namespace sapiens::cli
