// Records of earlier runs, which lie in output folders that others may write to: the first line of
// an input names the kind, the rest is the file. What goes on from them loses and removes nothing.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "cli/dataset/run_records.hpp"
#include "cli/dataset/shard_journal.hpp"
#include "cli/run/claim_record.hpp"
#include "cli/run/feature_files.hpp"
#include "cli/run/jobs.hpp"
#include "fuzz/support/check.hpp"
#include "fuzz/support/entry_points.hpp"
#include "fuzz/support/memory_file.hpp"
#include "fuzz/support/mutators.hpp"
#include "sapiens/archive.hpp"
#include "sapiens/error.hpp"
#include "support/scratch.hpp"

SAPIENS_FUZZ_MUTATOR(mutate_json_lines)

namespace {

using namespace sapiens;
using namespace sapiens::cli;
using fuzz::check;
namespace fs = std::filesystem;

constexpr Index kMaxInputs = Index{1} << 40;  // of a shard

const fs::path& scratch() {
  static const Scratch folder;
  return folder.path();
}

/// A folder that is empty.
fs::path fresh(const std::string& name) {
  const fs::path folder = scratch() / name;
  fs::remove_all(folder);
  fs::create_directories(folder);
  return folder;
}

void read_claim(std::string_view text) {
  const std::optional<ClaimRecord> record = parse_claim(text);
  if (!record) return;
  const std::string written = claim_text(*record);
  const std::optional<ClaimRecord> again = parse_claim(written);
  check(again && claim_text(*again) == written);
  check(record->owner.token.find_first_not_of("0123456789abcdef") == std::string::npos);
  life_of(*record, this_process());
  record->owner.text();
}

/// Continues a shard as the next process does.
void go_on(FeatureShard& shard, const fs::path& unfinished, const Json& position) {
  try {
    shard.resume(unfinished, position);
    shard.finish();
    shard.files();
  } catch (const Error&) {
  }
}

void resume(const Json& position) {
  const fs::path output = fresh("output"), earlier = fresh("earlier");
  write_bytes(earlier / "img_emb.npy", std::string(4096, '\0'));
  write_bytes(earlier / "part-0000.tar", std::string(2048, '\0'));
  const ShardPlace place = {.output = output, .name = "s", .unfinished = fresh("unfinished")};
  go_on(*make_npy_shard(place), earlier, position);
  if (archives_available()) go_on(*make_tar_shard(place), earlier, position);
  for (const fs::directory_entry& entry : fs::recursive_directory_iterator(scratch())) {
    check(!entry.is_regular_file() || entry.file_size() <= (1u << 20));
  }
}

void read_journal(const std::string& text) {
  const fs::path folder = fresh("journal");
  write_bytes(folder / "index.jsonl", text);
  const Json source = {{"name", "s.tar"}};
  const std::optional<EarlierWork> work = ShardJournal::read(folder, source);
  if (!work) return;
  const std::size_t inputs = work->inputs.size();
  check(std::cmp_equal(inputs, work->counts.done + work->counts.failed));
  ShardJournal journal(fresh("next"), source);
  journal.take(*work);
  const fs::path index = scratch() / "index.jsonl";
  journal.write_index(index);
  check(ShardJournal::inputs_of_index(index) == work->inputs);
  const std::optional<EarlierWork> again = ShardJournal::read(scratch() / "next", source);
  check(again && again->inputs == work->inputs && again->position == work->position);
  resume(work->position);
}

void read_record(std::string text) {
  const fs::path output = fresh("run");
  const InputShard shard = {.name = "s", .archive = {.path = "s.tar", .archive = true}};
  const std::string_view mark = "@source";
  if (const std::size_t at = text.find(mark); at != text.npos) {
    text.replace(at, mark.size(), source_of(shard).dump());
  }
  const fs::path index = index_folder(output);
  for (const char* name : {"s.tar", "s-part0001.tar", "t-part0001.tar"}) {
    write_bytes(output / name, "0123456789");
  }
  write_bytes(index / "s.jsonl", "");
  write_bytes(index / "s.json", text);
  const RunRecords records(output, "1");
  if (const std::optional<ShardRecord> record = records.read(shard)) {
    check(0 <= record->counts.done && record->counts.done <= kMaxInputs);
    check(0 <= record->counts.failed && record->counts.failed <= kMaxInputs);
  }
  records.forget(shard);
  check(!fs::exists(index / "s.json") && fs::exists(index / "s.jsonl"));
  check(fs::exists(output / "s.tar") && fs::exists(output / "t-part0001.tar"));
}

void read_manifest_of(std::string_view text) {
  const fuzz::MemoryFile file(reinterpret_cast<const std::uint8_t*>(text.data()), text.size());
  if (!file.complete()) return;
  try {
    Manifest manifest = read_manifest(file.path());
    manifest.path = scratch() / "manifest.json";
    write_manifest(manifest);
    const Manifest again = read_manifest(manifest.path);
    check(again.settings == manifest.settings && again.jobs.size() == manifest.jobs.size());
    expect_same_settings(manifest.settings, manifest.settings, "manifest");
    expect_same_settings(manifest.settings, {{"precision", "bf16"}}, "manifest");
  } catch (const Error&) {
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view input = fuzz::text_of(data, size);
  const std::string_view kind = input.substr(0, input.find('\n'));
  const std::string text(input.substr(std::min(kind.size() + 1, input.size())));
  if (kind == "claim") read_claim(text);
  if (kind == "journal") read_journal(text);
  if (kind == "record") read_record(text);
  if (kind == "manifest") read_manifest_of(text);
  return 0;
}
