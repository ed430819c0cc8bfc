#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <sapiens/npy.hpp>

#include "cli/program.hpp"
#include "support/sanitizers.hpp"

namespace sapiens {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::HasSubstr;

/// Reading, computing and writing of a run overlap, without an effect on the results.
class Pipeline : public testing::Test {
 protected:
  void SetUp() override { make_checkpoint(checkpoint_); }

  std::vector<std::string> command(const std::vector<std::string>& more) const {
    std::vector<std::string> words = {"features", checkpoint_, scratch_ / "in", "-o", output_};
    words.insert(words.end(), more.begin(), more.end());
    return words;
  }

  void make_array(const std::string& name, const std::vector<Index>& shape) const {
    std::size_t size = 1;
    for (const Index extent : shape) size *= static_cast<std::size_t>(extent);
    std::vector<float> values(size);
    for (std::size_t i = 0; i < size; ++i) values[i] = static_cast<float>(i % 17) / 8 - 1;
    fs::create_directories(scratch_ / "in");
    write_npy(scratch_ / ("in/" + name), shape, values);
  }

  std::vector<std::string> output_names() const {
    std::vector<std::string> names;
    for (const auto& entry : fs::directory_iterator(output_)) {
      names.push_back(entry.path().filename().string());
    }
    std::sort(names.begin(), names.end());
    return names;
  }

  Scratch scratch_;
  std::string checkpoint_ = scratch_ / "tiny.pth";
  std::string output_ = scratch_ / "out";
};

/// What one input after the other gives, without the program.
std::vector<float> features_of(Encoder& encoder, const fs::path& input) {
  if (input.extension() == ".png") {
    return encoder.run(Image::read(input)).layers.front().values.values;
  }
  const FloatArray array = read_npy(input);
  const std::size_t rank = array.shape.size();
  return encoder
      .run({array.values.data(),
            {rank == 4 ? array.shape[0] : 1, 3, array.shape[rank - 2], array.shape[rank - 1]}})
      .layers.front()
      .values.values;
}

TEST_F(Pipeline, MixedInputsGiveTheResultsOfSingleRuns) {
  for (int i = 0; i < 5; ++i) make_image(scratch_ / ("in/a" + std::to_string(i) + ".png"), i + 1);
  make_array("b.npy", {3, 64, 48});
  make_array("c.npy", {5, 3, 64, 48});
  write_bytes(scratch_ / "in/d-broken.png", "not an image");
  make_array("e.npy", {3, 64, 48});
  make_array("f-small.npy", {3, 8, 8});  // less than one patch
  make_array("g-flat.npy", {64, 48});
  make_image(scratch_ / "in/h.png", 9);
  Encoder encoder(Checkpoint::open(checkpoint_));

  for (const std::string batch : {"1", "2", "3", "64"}) {
    const Finished run = run_sapiens(command({"--batch", batch, "--json"}));
    ASSERT_EQ(run.code, 1) << run.err;
    std::vector<std::string> failed;
    std::size_t said = 0;
    const Json document = run.json();
    for (const Json& input : document["inputs"]) {
      const fs::path path = input["input"].get<std::string>();
      if (input.contains("error")) {
        failed.push_back(path.filename().string());
        const std::size_t at = run.err.find("failed: " + path.string());
        ASSERT_NE(at, std::string::npos) << run.err;
        EXPECT_GE(at, said) << "not in the order of the inputs:\n" << run.err;
        said = at;
        continue;
      }
      EXPECT_EQ(read_npy(output_ + "/" + path.stem().string() + ".npy").values,
                features_of(encoder, path))
          << path << ", --batch " << batch;
    }
    EXPECT_THAT(failed, ElementsAre("d-broken.png", "f-small.npy", "g-flat.npy"));
  }
}

TEST_F(Pipeline, EndsWhereAnOutputFolderCannotBeMade) {
  make_image(scratch_ / "in/a.png");
  make_image(scratch_ / "in/deep/b.png");
  for (int i = 0; i < 50; ++i) make_image(scratch_ / ("in/z" + std::to_string(i) + ".png"));
  write_bytes(output_ + "/deep", "a file where a folder should be");
  const Finished run = run_sapiens(command({"-r", "--json"}));
  EXPECT_EQ(run.code, 5) << run.err;
  EXPECT_EQ(run.json()["error"]["code"], "write-failed");
  EXPECT_THAT(output_names(), ElementsAre("a.npy", "deep", "sapiens-features.json"));

  fs::remove(output_ + "/deep");
  const Finished resumed = run_sapiens(command({"-r", "--resume", "--json"}));
  EXPECT_EQ(resumed.code, 0) << resumed.err;
  EXPECT_EQ(resumed.json()["totals"]["finished_before"], 1);
}

TEST_F(Pipeline, EndsWhereAFileCannotGrow) {
  make_array("a.npy", {3, 16, 16});
  make_array("b.npy", {3, 16, 16});
  make_array("c.npy", {3, 256, 256});
  make_array("d.npy", {3, 16, 16});
  std::string words = "ulimit -f 16; '" SAPIENS_PROGRAM "'";  // 8 kB
  for (const std::string& word : command({})) words += " '" + word + "'";
  const int status = std::system((words + " >/dev/null 2>&1").c_str());
  EXPECT_EQ(WEXITSTATUS(status), 5);
  EXPECT_THAT(output_names(), ElementsAre("a.npy", "b.npy", "sapiens-features.json"));
}

// Arrays, because they are read faster than anything is computed: without a bound, all of them
// would soon be in memory.
TEST_F(Pipeline, TakesNoMoreMemoryForMoreInputs) {
  if (kUnderSanitizer) GTEST_SKIP() << "a sanitizer's own memory would be measured";
  constexpr Index kSide = 512;
  constexpr std::uint64_t kFrameBytes = 3 * kSide * kSide * sizeof(float);
  make_array("0.npy", {3, kSide, kSide});
  const auto peak_of = [&](int inputs) {
    for (int i = 1; i < inputs; ++i) {
      const std::string link = scratch_ / ("in/" + std::to_string(i) + ".npy");
      if (!fs::exists(link)) fs::create_hard_link(scratch_ / "in/0.npy", link);
    }
    const Finished run = run_sapiens(command({"--batch", "2", "--out-type", "cls_token"}));
    EXPECT_EQ(run.code, 0) << run.err;
    return run.peak_bytes;
  };
  // 32 frames more in memory, or none. Between the two there is room for what the allocator keeps
  // of freed frames: 4 of them, measured.
  const std::uint64_t few = peak_of(8);
  EXPECT_LT(peak_of(40), few + 16 * kFrameBytes);
}

}  // namespace
}  // namespace sapiens
