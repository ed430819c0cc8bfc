#include "cli/dataset/shard_journal.hpp"

#include <span>
#include <sstream>
#include <utility>

#include "cli/input/json_file.hpp"
#include "core/crc32.hpp"

namespace sapiens::cli {
namespace {

namespace fs = std::filesystem;

constexpr const char* kJournalFile = "index.jsonl";

/// A line that holds a JSON object; nothing for the end of the file and for what was cut off.
std::optional<Json> read_object(std::istream& in, std::string& line) {
  if (!std::getline(in, line) || in.eof()) return std::nullopt;
  Json json = Json::parse(line, nullptr, false);
  if (!json.is_object()) return std::nullopt;
  return json;
}

bool is_entry(const Json& line) {
  const auto key = line.find("key");
  return key != line.end() && key->is_string();
}

bool may_succeed_later(const Json& line) {
  const auto error = line.find("error");
  if (error == line.end() || !error->is_object()) return false;
  const auto code = error->find("code");
  if (code == error->end()) return false;
  return *code == error_code_name(ErrorCode::OutOfResources) ||
         *code == error_code_name(ErrorCode::NotFound);
}

std::uint32_t sum_of_entry(const Json& line) {
  return input_sum(line.at("key").get_ref<const std::string&>());
}

/// Of a line with a position; nothing where they are not those of so many inputs.
std::optional<ShardCounts> counts_of(const Json& line, std::size_t inputs) {
  const auto done = line.find("done"), failed = line.find("failed");
  if (done == line.end() || failed == line.end()) return std::nullopt;
  if (!done->is_number_unsigned() || !failed->is_number_unsigned()) return std::nullopt;
  const ShardCounts counts{done->get<Index>(), failed->get<Index>()};
  const bool valid = counts.done >= 0 && counts.failed >= 0 &&
                     std::cmp_less_equal(counts.done, inputs) &&
                     std::cmp_equal(counts.failed, inputs - static_cast<std::size_t>(counts.done));
  return valid ? std::optional(counts) : std::nullopt;
}

}  // namespace

ShardCounts& ShardCounts::operator+=(const ShardCounts& more) {
  done += more.done;
  failed += more.failed;
  return *this;
}

std::uint32_t input_sum(std::string_view key) {
  // As it is in a line: bytes that are not UTF-8 are replaced there.
  const std::string line = json_line(Json(key));
  return crc32(std::as_bytes(std::span(line)));
}

ShardJournal::ShardJournal(const fs::path& folder, const Json& source)
    : path_(folder / kJournalFile), file_(path_, path_) {
  append(json_line({{"source", source}}) + '\n');
}

void ShardJournal::append(std::string_view text) {
  file_.write_at(end_, std::as_bytes(std::span(text)));
  end_ += text.size();
}

void ShardJournal::take(const EarlierWork& earlier) {
  std::istringstream in(read_if_there(earlier.folder / kJournalFile).value_or(""));
  std::string line;
  std::size_t entries = 0;
  std::getline(in, line);  // the source, whatever else it says
  while (entries < earlier.inputs.size()) {
    const std::optional<Json> json = read_object(in, line);
    if (!json) {
      throw Error(ErrorCode::CorruptFile, {.summary = "the index of a shard is shorter than before",
                                           .file = (earlier.folder / kJournalFile).string()});
    }
    if (!is_entry(*json)) continue;
    ++entries;
    waiting_ += line + '\n';
  }
  counts_ = earlier.counts;
  sync(earlier.position);
}

void ShardJournal::add(const Json& line, bool failed) {
  waiting_ += json_line(line) + '\n';
  ++(failed ? counts_.failed : counts_.done);
}

void ShardJournal::sync(const Json& position) {
  waiting_ +=
      json_line({{"position", position}, {"done", counts_.done}, {"failed", counts_.failed}}) +
      '\n';
  append(waiting_);
  waiting_.clear();
  file_.sync();
}

Index ShardJournal::write_index(const fs::path& path) const {
  std::istringstream in(read_if_there(path_).value_or(""));
  std::string line;
  UnfinishedFile index(path_.parent_path() / "complete.jsonl", path);
  std::uint64_t end = 0;
  Index entries = 0, retry = 0;
  while (const std::optional<Json> json = read_object(in, line)) {
    if (!is_entry(*json)) continue;
    index.write_at(end, std::as_bytes(std::span(std::string_view(line += '\n'))));
    end += line.size();
    ++entries;
    if (may_succeed_later(*json)) ++retry;
  }
  if (entries != counts_.done + counts_.failed) {
    throw Error(ErrorCode::CorruptFile, {.summary = "the index of a shard lost lines",
                                         .file = path_.string(),
                                         .hint = "the same command with --resume goes on"});
  }
  index.finish();
  return retry;
}

std::vector<std::uint32_t> ShardJournal::inputs_of_index(const fs::path& path) {
  std::istringstream in(read_if_there(path).value_or(""));
  std::string line;
  std::vector<std::uint32_t> inputs;
  while (const std::optional<Json> json = read_object(in, line)) {
    if (is_entry(*json)) inputs.push_back(sum_of_entry(*json));
  }
  return inputs;
}

std::optional<EarlierWork> ShardJournal::read(const fs::path& folder, const Json& source) {
  std::istringstream in(read_if_there(folder / kJournalFile).value_or(""));
  std::string line;
  const std::optional<Json> first = read_object(in, line);
  if (!first || first->value("source", Json()) != source) return std::nullopt;
  std::optional<EarlierWork> found;
  std::vector<std::uint32_t> inputs;
  while (const std::optional<Json> json = read_object(in, line)) {
    if (is_entry(*json)) {
      inputs.push_back(sum_of_entry(*json));
      continue;
    }
    const auto position = json->find("position");
    const std::optional<ShardCounts> counts = counts_of(*json, inputs.size());
    if (position == json->end() || !counts) break;
    found = EarlierWork{.folder = folder, .counts = *counts, .position = *position};
  }
  if (!found) return std::nullopt;
  // What is behind the last position is not on the disk for certain.
  inputs.resize(static_cast<std::size_t>(found->counts.done + found->counts.failed));
  found->inputs = std::move(inputs);
  return found;
}

}  // namespace sapiens::cli
