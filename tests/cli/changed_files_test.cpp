// A checkpoint that another program cuts short while a command reads it.
#include <gtest/gtest.h>

#include <chrono>
#include <filesystem>
#include <string>
#include <thread>
#include <vector>

#include "cli/program.hpp"

namespace sapiens {
namespace {

namespace fs = std::filesystem;

TEST(ChangedFiles, ACommandWhoseCheckpointIsCutShortSucceedsOrNamesIt) {
  const Scratch scratch;
  const fs::path original =
      fs::path(SAPIENS_TEST_DATA) / "../../models/tiny/sapiens_tiny_pretrain_clean.pth";
  make_image(scratch / "image.png");
  const std::string path = scratch / "model.pth";
  const std::vector<std::vector<std::string>> commands = {
      {"inspect", path},
      {"inspect", "--verify", path},
      {"convert", path, scratch / "converted.safetensors"},
      {"features", path, scratch / "image.png", "--output", scratch / "features"}};
  for (const auto& command : commands) {
    SCOPED_TRACE(command.front());
    int refused = 0;
    for (int round = 0; round < 12; ++round) {
      fs::copy_file(original, path, fs::copy_options::overwrite_existing);
      fs::remove_all(scratch / "features");
      fs::remove(scratch / "converted.safetensors");
      Running running(command);
      std::this_thread::sleep_for(std::chrono::milliseconds(3 * round));
      fs::resize_file(path, 200'000 * static_cast<unsigned>(round));
      const Finished finished = running.wait();
      if (finished.code == 0) continue;
      ++refused;
      EXPECT_EQ(finished.code, 4) << finished.err;
      EXPECT_NE(finished.err.find(path), std::string::npos) << finished.err;
      EXPECT_FALSE(fs::exists(scratch / "converted.safetensors"));
    }
    EXPECT_GT(refused, 0);
  }
}

}  // namespace
}  // namespace sapiens
