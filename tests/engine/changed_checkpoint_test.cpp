#include <gtest/gtest.h>

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <string>
#include <thread>
#include <vector>

#include "sapiens/features.hpp"
#include "sapiens/file_guard.hpp"
#include "support/error_code_of.hpp"
#include "support/scratch.hpp"

namespace sapiens {
namespace {

namespace fs = std::filesystem;

class ChangedCheckpointFile : public ::testing::Test {
 protected:
  ChangedCheckpointFile() { guard_mapped_files(); }

  std::string fresh_copy(const std::string& name) const {
    const fs::path original = fs::path(SAPIENS_TEST_DATA) / "../../models/tiny" / name;
    fs::copy_file(original, scratch_ / name, fs::copy_options::overwrite_existing);
    return scratch_ / name;
  }

  /// Features of one grey input: all weights take part.
  static std::vector<float> features_of(const std::string& path) {
    Encoder encoder(Checkpoint::open(path));
    const Image image{
        .width = 64, .height = 64, .rgb = std::vector<std::uint8_t>(64 * 64 * 3, 100)};
    return encoder.run(image).layers.at(0).values.values;
  }

  const Scratch scratch_;
};

TEST_F(ChangedCheckpointFile, CutShortBetweenOpeningAndLoadingIsAnError) {
  for (const char* name : {"sapiens_tiny_pretrain_clean.pth", "sapiens_tiny_pose.safetensors"}) {
    SCOPED_TRACE(name);
    const std::string path = fresh_copy(name);
    const Checkpoint checkpoint = Checkpoint::open(path);
    fs::resize_file(path, fs::file_size(path) / 2);
    EXPECT_EQ(error_code_of([&] { Encoder{checkpoint}; }), ErrorCode::CorruptFile);
  }
}

// At every moment of a load, which several threads do.
TEST_F(ChangedCheckpointFile, CutShortAtAnyMomentGivesTheRightFeaturesOrAnError) {
  const char* const name = "sapiens_tiny_pretrain_clean.pth";
  const std::vector<float> expected = features_of(fresh_copy(name));
  for (int round = 0; round < 40; ++round) {
    const std::string path = fresh_copy(name);
    std::jthread cut([&, round] {
      std::this_thread::sleep_for(std::chrono::microseconds(500 * round));
      fs::resize_file(path, 100'000 * static_cast<unsigned>(round % 8));
    });
    try {
      EXPECT_EQ(features_of(path), expected);
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::CorruptFile) << error.what();
    }
  }
}

}  // namespace
}  // namespace sapiens
