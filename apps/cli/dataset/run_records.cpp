#include "cli/dataset/run_records.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <optional>
#include <sapiens/version.hpp>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include "cli/input/json_file.hpp"
#include "cli/run/claim_folder.hpp"
#include "cli/run/unfinished_file.hpp"

namespace sapiens::cli {
namespace {

namespace fs = std::filesystem;

fs::path with_ending(fs::path path, const char* ending) { return path += ending; }

/// A JSON object in a file; nothing where there is none.
std::optional<Json> read_object(const fs::path& path) {
  const std::optional<std::string> text = read_if_there(path);
  if (!text) return std::nullopt;
  Json json = Json::parse(*text, nullptr, false);
  if (!json.is_object()) return std::nullopt;
  return json;
}

/// Throws `Json::exception` for what is no whole number.
Index count_of(const Json& record, const char* key) {
  return static_cast<Index>(record.at(key).get_ref<const Json::number_unsigned_t&>());
}

/// Whether a shard can have so many inputs; the counts of all shards are added up.
bool is_possible(const ShardCounts& counts, Index retry) {
  constexpr Index kMax = Index{1} << 40;
  const auto fits = [](Index count) { return 0 <= count && count <= kMax; };
  return fits(counts.done) && fits(counts.failed) && 0 <= retry && retry <= counts.failed;
}

UnfinishedFile unfinished_json(const fs::path& path, const fs::path& output, const Json& document) {
  const std::string text = documents::json_text(document, 2) + '\n';
  UnfinishedFile file(path, output);
  file.write_at(0, std::as_bytes(std::span(std::string_view(text))));
  return file;
}

}  // namespace

fs::path index_folder(const fs::path& output) { return output / "sapiens-index"; }

RunRecords::RunRecords(fs::path output, const std::string& process)
    : output_(std::move(output)),
      temporary_(removable_path(index_folder(output_) / kWorkFolder, process)) {}

void RunRecords::begin(const Json& settings, bool joins) const {
  const fs::path path = manifest_path(output_, "features");
  const Manifest earlier = read_manifest(path);
  if (earlier.settings.is_null()) {
    create_parent(path);
    create_parent(temporary_);
    // Of several processes that begin at once the first one counts.
    write_json(path,
               {{"version", SAPIENS_VERSION}, {"settings", settings}, {"inputs", Json::object()}},
               Existing::Keep);
    return expect_same_settings(read_manifest(path).settings, settings, path);
  }
  expect_same_settings(earlier.settings, settings, path);
  if (joins) return;
  throw Error(ErrorCode::InvalidArgument,
              {.summary = "the output folder holds shards of an earlier run",
               .file = path.string(),
               .hint = "add --resume to go on with it, --shared to work on it together with other "
                       "processes, or choose another --output"});
}

fs::path RunRecords::index_of(const InputShard& shard) const {
  return with_ending(index_folder(output_) / shard.name, ".jsonl");
}

fs::path RunRecords::record_of(const InputShard& shard) const {
  return with_ending(index_folder(output_) / shard.name, ".json");
}

bool RunRecords::has_files(const Json& record) const {
  return std::ranges::all_of(record.at("files"), [&](const Json& file) {
    std::error_code error;
    const std::uintmax_t bytes = fs::file_size(output_ / file.at("file").get<std::string>(), error);
    return !error && file.at("bytes") == bytes;
  });
}

std::optional<ShardRecord> RunRecords::read(const InputShard& shard) const {
  const std::optional<Json> json = read_object(record_of(shard));
  if (!json) return std::nullopt;
  try {
    ShardRecord record{.source = json->at("source"),
                       .counts = {count_of(*json, "done"), count_of(*json, "failed")},
                       .retry = json->contains("retry") ? count_of(*json, "retry") : 0,
                       .left_out = json->at("left_out")};
    if (json->contains("error")) record.error = json->at("error");
    std::error_code none;
    if (record.source != source_of(shard) || !fs::exists(index_of(shard), none)) {
      return std::nullopt;
    }
    if (!is_possible(record.counts, record.retry) || !has_files(*json)) return std::nullopt;
    return record;
  } catch (const Json::exception&) {
    return std::nullopt;  // somebody changed it
  }
}

void RunRecords::forget(const InputShard& shard) const {
  const std::optional<Json> json = read_object(record_of(shard));
  std::error_code ignored;
  if (json && json->contains("files")) {
    for (const Json& file : json->at("files")) {
      if (!file.is_object() || !file.contains("file") || !file["file"].is_string()) continue;
      const std::string name = file["file"];
      // Nothing else, whatever the record says.
      const std::string parts = shard.name.generic_string() + "-part";
      if (!name.starts_with(parts) || name.find('/', parts.size()) != name.npos) continue;
      fs::remove(output_ / name, ignored);
    }
  }
  fs::remove(record_of(shard), ignored);
}

void RunRecords::write(const InputShard& shard, const ShardRecord& record,
                       const fs::path& folder) const {
  Json json = {{"shard", shard.name.generic_string()},
               {"number", shard.number},
               {"source", record.source},
               {"done", record.counts.done},
               {"failed", record.counts.failed},
               {"retry", record.retry},
               {"left_out", record.left_out}};
  if (record.error) json["error"] = *record.error;
  json["files"] = Json::array();
  for (const fs::path& file : record.files) {
    json["files"].push_back(
        {{"file", file.generic_string()}, {"bytes", fs::file_size(output_ / file)}});
  }
  unfinished_json(folder / "record.json", record_of(shard), json).finish();
}

Json RunRecords::merge(std::span<const InputShard> shards, const Claims& claims,
                       std::span<const FailedInput> failed) const {
  while (true) {
    std::vector<const InputShard*> missing;
    Json merged = merge_once(shards, claims, failed, missing);
    // One that was completed after its record was looked for: its process may have written the
    // newer document before this one.
    const auto is_complete = [&](const InputShard* shard) { return read(*shard).has_value(); };
    if (!std::ranges::none_of(missing, is_complete)) continue;
    if (missing.empty()) remove_remains(temporary_.parent_path());
    return merged;
  }
}

Json RunRecords::merge_once(std::span<const InputShard> shards, const Claims& claims,
                            std::span<const FailedInput> failed,
                            std::vector<const InputShard*>& without_record) const {
  ShardCounts counts;
  Index retry = 0;
  Json missing = Json::array();
  Json damaged = Json::array();
  for (const InputShard& shard : shards) {
    const std::string name = shard.name.generic_string();
    if (const std::optional<ShardRecord> record = read(shard)) {
      counts += record->counts;
      retry += record->retry;
      if (record->error) damaged.push_back({{"shard", name}, {"error", *record->error}});
      continue;
    }
    without_record.push_back(&shard);
    missing.push_back({{"shard", name}});
    if (const auto owner = claims.owner(name)) missing.back()["owner"] = owner->text();
  }
  const std::size_t finished = shards.size() - missing.size();
  for (const FailedInput& input : failed) {
    missing.push_back({{"shard", input.path}, {"error", error_json(input.error)}});
  }
  Json merged = {{"complete", missing.empty()},   {"shards", shards.size()},
                 {"finished", finished},          {"done", counts.done},
                 {"failed", counts.failed},       {"retry", retry},
                 {"missing", std::move(missing)}, {"damaged", std::move(damaged)}};
  write_json(with_ending(index_folder(output_), ".json"), merged, Existing::Replace);
  return merged;
}

void RunRecords::write_json(const fs::path& path, const Json& document, Existing existing) const {
  std::error_code error;
  while (true) {
    // Throws where the output folder has vanished, which must not be made anew.
    UnfinishedFile file = unfinished_json(temporary_, path, document);
    if (existing == Existing::Keep) {
      file.sync();
      if (::link(temporary_.c_str(), path.c_str()) == 0 || errno == EEXIST) {
        fs::remove(temporary_, error);
        return;
      }
    }
    try {
      return file.finish();  // also on a file system without links
    } catch (const Error&) {
      if (fs::exists(temporary_, error)) throw;
      // A process that started meanwhile has removed the temporary file.
    }
  }
}

}  // namespace sapiens::cli
