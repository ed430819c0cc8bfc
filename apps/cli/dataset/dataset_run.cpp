#include "cli/dataset/dataset_run.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <iterator>
#include <optional>
#include <sapiens/printable.hpp>
#include <thread>
#include <utility>

#include "cli/run/meter.hpp"
#include "core/stopwatch.hpp"

namespace sapiens::cli {
namespace {

namespace fs = std::filesystem;

// What a killed process loses at most; each costs a flush of the disk.
constexpr double kSecondsBetweenSyncs = 5;
constexpr std::size_t kMaxWaitingBytes = std::size_t{1} << 22;
constexpr std::chrono::milliseconds kLookAgain{500};
constexpr std::uint64_t kMaxImagesPerShard = 10'000;
// Files need no shards of a size; small ones are shared evenly, and are claimed rarely enough.
constexpr std::size_t kImagesPerShardOfFiles = 64;

std::string process_name() {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  return fmt::format("{}-{}", ::getpid(), now.count());
}

std::string text_of(const Sidecar& sidecar) {
  return {reinterpret_cast<const char*>(sidecar.content.data()), sidecar.content.size()};
}

/// `with_sidecars`: their texts have no other place.
Json index_line(const InputShard& shard, const Job& job, const JobResult& result,
                bool with_sidecars) {
  Json line = {{"key", job.key.generic_string()},
               {"shard", shard.name.generic_string()},
               {"input", job.input.text()}};
  if (result.error) {
    line["error"] = error_json(*result.error);
    return line;
  }
  line["arrays"] = result.arrays;
  line.update(result.details);
  if (!with_sidecars) return line;
  for (const Sidecar& sidecar : job.input.sidecars) {
    line["sidecars"][sidecar.field] = text_of(sidecar);
  }
  return line;
}

void sync(FeatureShard& files, ShardJournal& journal) {
  files.sync();
  journal.sync(files.position());
}

/// The furthest of what earlier owners did, whose files are `files` now.
std::optional<EarlierWork> resume_earlier(const Claim& claim, const Json& source,
                                          FeatureShard& files) {
  std::optional<EarlierWork> best;
  for (const fs::path& folder : claim.earlier_folders()) {
    std::optional<EarlierWork> found = ShardJournal::read(folder, source);
    if (found && (!best || found->inputs.size() > best->inputs.size())) best = std::move(found);
  }
  if (!best) return std::nullopt;
  try {
    files.resume(best->folder, best->position);
  } catch (const Error& error) {
    if (error.code() != ErrorCode::CorruptFile) throw;
    return std::nullopt;  // somebody removed its files: the shard begins anew
  }
  return best;
}

}  // namespace

std::size_t images_per_shard(const Encoder& encoder, const FeatureArguments& options,
                             std::size_t layers) {
  if (options.dataset.format == FeatureFormat::Npy) return kImagesPerShardOfFiles;
  const std::uint64_t each = std::max<std::uint64_t>(bytes_per_image(encoder, options, layers), 1);
  return static_cast<std::size_t>(
      std::clamp<std::uint64_t>(options.dataset.shard_bytes / each, 1, kMaxImagesPerShard));
}

DatasetRun::DatasetRun(Encoder& encoder, const FeatureArguments& options,
                       const FeaturePooling& pooling, const std::vector<FeatureName>& names,
                       Session& session)
    : encoder_(encoder),
      options_(options),
      pooling_(pooling),
      names_(names),
      session_(session),
      records_(options.output, process_name()),
      claims_(index_folder(options.output) / kWorkFolder) {}

DatasetResult DatasetRun::run(std::span<const InputShard> shards, const RunPart& part,
                              const Json& settings, std::span<const FailedInput> failed) {
  records_.begin(settings, options_.resume || options_.dataset.shared || !part.origin.empty());
  session_.interrupts.set_exit_message(
      "what is written is complete; the same command with --resume goes on", session_.json);
  std::vector<const InputShard*> others;
  for (const InputShard& shard : shards) {
    if (!part.has(shard.number)) continue;
    if (is_done(shard)) {
      if (shard.archive.path == "-") expect_inputs_of_record(shard);
      ++result_.finished_before;
    } else if (!try_shard(shard)) {
      others.push_back(&shard);
    }
  }
  wait_for_others(std::move(others));
  result_.merged = records_.merge(shards, claims_, failed);
  return std::move(result_);
}

bool DatasetRun::is_done(const InputShard& shard) const {
  const std::optional<ShardRecord> record = records_.read(shard);
  return record && !(options_.resume && record->retry > 0);
}

void DatasetRun::expect_inputs_of_record(const InputShard& shard) {
  ShardInputs inputs(shard, {.image_keys = options_.image_keys});
  inputs.skip(ShardJournal::inputs_of_index(records_.index_of(shard)));
  inputs.expect_end();
}

bool DatasetRun::try_shard(const InputShard& shard) {
  std::optional<Claim> claim = claims_.try_claim(shard.name.generic_string());
  if (!claim) return false;
  // Its owner may have completed it between the look at the record and the claim.
  if (is_done(shard)) {
    ++result_.finished_before;
    claim->release();
  } else {
    return work_on(shard, *claim);
  }
  return true;
}

void DatasetRun::wait_for_others(std::vector<const InputShard*> others) {
  if (!others.empty()) {
    say(fmt::format("{} shards are claimed by other processes: looking whether those live",
                    others.size()));
  }
  while (!others.empty()) {
    std::this_thread::sleep_for(kLookAgain);
    std::erase_if(others, [&](const InputShard* shard) {
      const std::string name = shard->name.generic_string();
      if (records_.read(*shard)) {
        ++result_.finished_before;
        return true;
      }
      if (try_shard(*shard)) return true;
      if (!claims_.has_shown_life(name)) return false;
      result_.elsewhere.push_back(name);
      return true;
    });
  }
}

bool DatasetRun::work_on(const InputShard& shard, Claim& claim) {
  // Of before the inputs are read: if they change meanwhile, the shard is done again.
  const Json source = source_of(shard);
  records_.forget(shard);
  const std::unique_ptr<FeatureShard> files = open_files(shard, claim);
  ShardJournal journal(claim.folder(), source);
  ShardInputs inputs(shard, {.image_keys = options_.image_keys, .with_content = true});
  if (const std::optional<EarlierWork> earlier = resume_earlier(claim, source, *files)) {
    journal.take(*earlier);
    inputs.skip(earlier->inputs);
    result_.before += earlier->counts;
  }
  const ShardCounts before = journal.counts();
  try {
    compute(shard, inputs, *files, journal, claim);
    result_.counts.done += journal.counts().done - before.done;
    result_.counts.failed += journal.counts().failed - before.failed;
    if (!claim.is_lost()) {
      complete(shard, source, inputs, *files, journal, claim);
      return true;
    }
  } catch (const Error&) {
    // Who completed it removed the folder of this claim.
    if (!claim.look_whether_lost()) throw;
  }
  say(
      fmt::format("{}: its claim is gone; another process took it over if this one gave no sign of "
                  "life",
                  printable(shard.name.string())));
  return false;
}

void DatasetRun::compute(const InputShard& shard, ShardInputs& inputs, FeatureShard& files,
                         ShardJournal& journal, const Claim& claim) {
  const bool with_sidecars = options_.dataset.format == FeatureFormat::NpyShards;
  const FeatureOutput output{.pooling = pooling_, .names = names_, .sink = files};
  const JobSteps<FeatureItem> steps = feature_steps(encoder_, options_, output);
  const JobSource source = [&]() -> std::shared_ptr<const Job> {
    return claim.is_lost() ? nullptr : inputs.next();
  };
  Meter meter(shard.name.generic_string(), std::ssize(shard.jobs), stderr_is_terminal());
  Stopwatch since_sync;
  run_source<FeatureItem>(
      steps, source, options_.batch, {session_.interrupts, meter},
      [&](const Job& job, std::size_t, JobResult result) {
        if (result.error) note_failure(job.input.text(), *result.error);
        journal.add(index_line(shard, job, result, with_sidecars), result.error.has_value());
        if (since_sync.seconds() < kSecondsBetweenSyncs && journal.waiting() < kMaxWaitingBytes) {
          return;
        }
        sync(files, journal);
        since_sync = Stopwatch();
      });
  sync(files, journal);
}

void DatasetRun::complete(const InputShard& shard, const Json& source, const ShardInputs& inputs,
                          FeatureShard& files, const ShardJournal& journal, Claim& claim) {
  ShardRecord record{
      .source = source, .counts = journal.counts(), .left_out = left_out_json(inputs.left_out())};
  if (const std::optional<Error>& damage = inputs.damage()) {
    note_damage(shard, *damage);
    record.error = error_json(*damage);
  }
  if (source_of(shard) != source) {
    note_damage(shard, Error(ErrorCode::CorruptFile,
                             {.summary = "the inputs of a shard changed while they were read",
                              .key = shard.name.string(),
                              .hint = "the same command with --resume works on them again"}));
  }
  const auto no_interruption = session_.interrupts.hold();
  files.finish();
  record.files = files.files();
  create_parent(records_.index_of(shard));
  record.retry = journal.write_index(records_.index_of(shard));
  records_.write(shard, record, claim.folder());
  claim.release();
  ++result_.finished;
  result_.left_out.add(inputs.left_out());
  const ShardCounts counts = journal.counts();
  say(fmt::format("{}: {} done{}", printable(shard.name.string()), counts.done,
                  counts.failed > 0 ? fmt::format(", {} failed", counts.failed) : ""));
}

std::unique_ptr<FeatureShard> DatasetRun::open_files(const InputShard& shard,
                                                     const Claim& claim) const {
  const ShardPlace place = {.output = options_.output,
                            .name = shard.name,
                            .number = shard.number,
                            .unfinished = claim.folder(),
                            .bytes = options_.dataset.shard_bytes};
  switch (options_.dataset.format) {
    case FeatureFormat::WebDataset:
      return make_tar_shard(place);
    case FeatureFormat::NpyShards:
      return make_npy_shard(place);
    case FeatureFormat::Npy:
      break;
  }
  return make_file_shard(place, encoder_.partial());
}

void DatasetRun::note_damage(const InputShard& shard, const Error& error) {
  const std::string input =
      shard.is_archive() ? shard.archive.path.string() : shard.name.generic_string();
  ++result_.damaged;
  note_failure(input, error);
  say(failure_text(input, error));
}

void DatasetRun::note_failure(const std::string& input, const Error& error) {
  if (error.code() == ErrorCode::OutOfResources) result_.memory_ran_out = true;
  if (result_.failures.size() < DatasetResult::kMaxFailures) {
    result_.failures.push_back({input, error});
  }
}

}  // namespace sapiens::cli
