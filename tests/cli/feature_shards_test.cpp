#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <algorithm>
#include <csignal>
#include <cstddef>
#include <filesystem>
#include <memory>
#include <sapiens/error.hpp>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "cli/run/feature_files.hpp"
#include "cli/shard_fixture.hpp"
#include "support/error_code_of.hpp"
#include "support/scratch.hpp"

namespace sapiens::cli {
namespace {

namespace fs = std::filesystem;
using testing::IsEmpty;

/// What both kinds have in common.
class FeatureShards : public ShardFixture {};

INSTANTIATE_TEST_SUITE_P(Kinds, FeatureShards, testing::Values("tar", "npy"),
                         [](const auto& kind) { return std::string(kind.param); });

TEST_P(FeatureShards, EveryArrayLiesWhereItIsSaidToBe) {
  for (const DType dtype : {DType::F32, DType::F16, DType::BF16, DType::I8}) {
    const std::string run(dtype_name(dtype));
    const auto files = shard(run, run);
    std::vector<std::pair<StoredArray, std::string>> expected;
    for (const TestSample& sample : test_samples(9)) {
      const FeatureArray arrays[] = {{{}, kVectorShape, sample.vector},
                                     {{}, kMapShape, sample.map}};
      const std::vector<EncodedArray> encoded = encode_arrays(arrays, dtype);
      const std::vector<StoredArray> stored = write_sample(*files, sample, dtype);
      ASSERT_EQ(stored.size(), encoded.size());
      for (std::size_t i = 0; i < stored.size(); ++i) {
        EXPECT_EQ(stored[i].shape, encoded[i].shape);
        EXPECT_EQ(stored[i].dtype, encoded[i].dtype);
        EXPECT_EQ(stored[i].scale, encoded[i].scale);
        const auto bytes = std::span(encoded[i].npy).subspan(encoded[i].offset);
        expected.emplace_back(
            stored[i], std::string(reinterpret_cast<const char*>(bytes.data()), bytes.size()));
      }
    }
    files->finish();
    for (const auto& [array, bytes] : expected) {
      const std::string file = read_bytes(output(run) / array.file);
      ASSERT_LE(array.offset + bytes.size(), file.size()) << array.file;
      EXPECT_TRUE(file.substr(array.offset, bytes.size()) == bytes) << array.file;
    }
  }
}

// The earlier process was killed at once, inside of the next input, some inputs later (when parts
// of a tar may have got their names), or after it had finished the shard.
TEST_P(FeatureShards, AContinuedShardEqualsOneThatWasNotInterrupted) {
  const std::vector<TestSample> samples = test_samples(12);
  const auto expected = uninterrupted(samples);
  for (std::size_t cut = 0; cut <= samples.size(); ++cut) {
    for (const std::size_t lost :
         {std::size_t{0}, std::size_t{1}, std::size_t{5}, samples.size()}) {
      const std::string run = std::to_string(cut) + "-" + std::to_string(lost);
      Json position;
      {
        const auto first = shard(run, run + "-first");
        for (std::size_t i = 0; i < cut; ++i) write_sample(*first, samples[i]);
        first->sync();
        position = first->position();
        for (std::size_t i = cut; i < std::min(cut + lost, samples.size()); ++i) {
          write_sample(*first, samples[i]);
        }
        if (lost == samples.size()) first->finish();
      }
      append_garbage(run + "-first");
      const auto second = shard(run, run + "-second");
      second->resume(unfinished(run + "-first"), Json::parse(position.dump()));
      EXPECT_EQ(second->position(), position);
      for (std::size_t i = cut; i < samples.size(); ++i) write_sample(*second, samples[i]);
      second->finish();
      EXPECT_TRUE(files_below(output(run)) == expected) << run;
      EXPECT_THAT(names_below(unfinished(run + "-second")), IsEmpty());
    }
  }
}

TEST_P(FeatureShards, AnEarlierFileThatIsTooShortIsRefusedAndNothingHasChanged) {
  const std::vector<TestSample> samples = test_samples(3);
  const auto expected = uninterrupted(samples);
  const auto first = shard("run", "first");
  write_sample(*first, samples[0]);
  const Json position = first->position();
  const std::vector<std::string> names = names_below(unfinished("first"));
  const fs::path last = unfinished("first") / names.back();
  fs::resize_file(last, fs::file_size(last) - 1);

  const auto second = shard("run", "second");
  const auto resume = [&] { second->resume(unfinished("first"), position); };
  EXPECT_EQ(error_code_of(resume), ErrorCode::CorruptFile);
  fs::remove_all(unfinished("first"));
  EXPECT_EQ(error_code_of(resume), ErrorCode::CorruptFile);
  EXPECT_EQ(second->position(), shard("run", "third")->position());
  EXPECT_THAT(names_below(unfinished("second")), IsEmpty());
  for (const TestSample& sample : samples) write_sample(*second, sample);
  second->finish();
  EXPECT_TRUE(files_below(output("run")) == expected);
}

/// Of a row of one array, and nothing for tars.
Json position_of_array(const std::string& name, const std::vector<Index>& shape) {
  const Json array = {{"name", name}, {"scale", false}, {"dtype", "f32"}, {"shape", shape}};
  return {{"rows", 1}, {"arrays", Json::array({array})}};
}

TEST_P(FeatureShards, APositionThatMeansNothingIsRefused) {
  const auto files = shard("run", "owner");
  for (const Json& position :
       {Json(), Json::object(), Json{{"part", "x"}, {"bytes", 0}, {"rows", "x"}},
        Json{{"rows", 1}, {"arrays", {{{"name", ""}}}}, {"part", 0}, {"bytes", 512}},
        position_of_array("../../x", {1}), position_of_array("x", {-1}),
        position_of_array("x", {Index{1} << 62, 4})}) {
    EXPECT_EQ(error_code_of([&] { files->resume(unfinished("none"), position); }),
              ErrorCode::CorruptFile)
        << position;
  }
}

/// Lets no file become larger than `bytes`, as a full disk would, for as long as it lives.
class FileSizeLimit {
 public:
  explicit FileSizeLimit(rlim_t bytes) : signal_(std::signal(SIGXFSZ, SIG_IGN)) {
    EXPECT_EQ(getrlimit(RLIMIT_FSIZE, &old_), 0);
    const rlimit tight{.rlim_cur = bytes, .rlim_max = old_.rlim_max};
    EXPECT_EQ(setrlimit(RLIMIT_FSIZE, &tight), 0);
  }
  ~FileSizeLimit() {
    EXPECT_EQ(setrlimit(RLIMIT_FSIZE, &old_), 0);
    std::signal(SIGXFSZ, signal_);
  }
  FileSizeLimit(const FileSizeLimit&) = delete;
  FileSizeLimit& operator=(const FileSizeLimit&) = delete;

 private:
  void (*signal_)(int);
  rlimit old_{};
};

// The limit is met in headers and contents, of the first array and the second one.
TEST_P(FeatureShards, AnInputThatDoesNotFitOnTheDiskLeavesNoTrace) {
  const std::vector<TestSample> samples = test_samples(4);
  const auto expected = uninterrupted(samples);
  const auto files = shard("run", "owner");
  write_sample(*files, samples[0]);
  const Json position = files->position();
  std::size_t size = 0;
  for (const auto& [name, bytes] : files_below(unfinished("owner"))) {
    size = std::max(size, bytes.size());
  }
  for (const std::size_t more : {1, 100, 600, 1100, 1600, 2500}) {
    if (!is_tar() && more > 100) break;  // a row of the map
    const FileSizeLimit limit(size + more);
    EXPECT_EQ(error_code_of([&] { write_sample(*files, samples[2]); }), ErrorCode::WriteFailed);
    EXPECT_EQ(files->position(), position);
    EXPECT_THAT(names_below(output("run")), IsEmpty());
  }
  for (std::size_t i = 1; i < samples.size(); ++i) write_sample(*files, samples[i]);
  files->finish();
  EXPECT_TRUE(files_below(output("run")) == expected);
}

TEST_P(FeatureShards, AShardWhoseEndDoesNotFitOnTheDiskGetsNoName) {
  const auto files = shard("run", "owner");
  write_sample(*files, test_samples(1).front());
  {
    const FileSizeLimit limit(is_tar() ? 3072 + 512 : 1);
    EXPECT_EQ(error_code_of([&] { files->finish(); }), ErrorCode::WriteFailed);
  }
  EXPECT_THAT(names_below(output("run")), IsEmpty());
  files->finish();
  EXPECT_THAT(names_below(output("run")), testing::SizeIs(is_tar() ? 1 : 2));
}

}  // namespace
}  // namespace sapiens::cli
