#include "cli/dataset/shard_inputs.hpp"

#include <fmt/format.h>

#include <utility>

#include "cli/dataset/shard_journal.hpp"

namespace sapiens::cli {
namespace {

namespace fs = std::filesystem;

bool is_about_the_archive(const Error& error) {
  return error.code() == ErrorCode::CorruptFile || error.code() == ErrorCode::NotFound ||
         error.code() == ErrorCode::UnsupportedFormat;
}

/// What tells the sample from others of its archive. One that cannot have results has no name, but
/// a line in the index.
fs::path key_of(const InputFile& input, const InputFile& archive) {
  if (input.name.empty()) return input.member;
  fs::path key = input.name.lexically_relative(without_archive_ending(archive.name));
  return key.replace_extension();
}

}  // namespace

ShardInputs::ShardInputs(const InputShard& shard, const SampleRules& rules) : shard_(shard) {
  if (!shard.is_archive()) return;
  try {
    archive_.emplace(shard.archive, rules);
  } catch (const Error& error) {
    if (!is_about_the_archive(error)) throw;
    damage_ = error;
  }
}

void ShardInputs::skip(std::span<const std::uint32_t> done) {
  for (std::size_t i = 0; i < done.size(); ++i) {
    const std::shared_ptr<const Job> job = next();
    if (job && input_sum(job->key.generic_string()) == done[i]) continue;
    refuse(fmt::format("input {}", i), job ? job->input.text() : "nothing");
  }
}

void ShardInputs::expect_end() {
  if (const std::shared_ptr<const Job> job = next()) refuse("one more input", job->input.text());
}

void ShardInputs::refuse(const std::string& key, const std::string& actual) const {
  throw Error(ErrorCode::InvalidArgument,
              {.summary = "these are not the inputs that the run began with",
               .file = shard_.is_archive() ? shard_.archive.path.string() : shard_.name.string(),
               .key = key,
               .actual = actual,
               .hint = "choose another --output"});
}

std::shared_ptr<const Job> ShardInputs::next() {
  if (shard_.is_archive()) return next_sample();
  if (next_ == shard_.jobs.size()) return nullptr;
  return {std::shared_ptr<const Job>(), &shard_.jobs[next_++]};  // not its owner
}

std::shared_ptr<const Job> ShardInputs::next_sample() {
  if (!archive_ || damage_) return nullptr;
  try {
    std::optional<ArchiveSamples::Sample> sample = archive_->next();
    if (!sample) return nullptr;
    auto job = std::make_shared<Job>();
    job->input = std::move(sample->input);
    job->error = std::move(sample->error);
    job->key = key_of(job->input, shard_.archive);
    job->name = shard_.name / job->key;
    return job;
  } catch (const Error& error) {
    if (!is_about_the_archive(error)) throw;
    damage_ = error;
    return nullptr;
  }
}

LeftOutList ShardInputs::left_out() const {
  return archive_ ? archive_->left_out() : LeftOutList();
}

}  // namespace sapiens::cli
