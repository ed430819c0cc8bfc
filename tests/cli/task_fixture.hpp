#pragma once

#include <gtest/gtest.h>

#include <filesystem>
#include <string>
#include <vector>

#include "cli/program.hpp"

namespace sapiens {

// The size of make_image().
inline constexpr Index kHeight = 30, kWidth = 40;

/// Tests of the commands that run tasks, on tiny checkpoints of random weights.
class TaskFixture : public testing::Test {
 protected:
  /// Makes the checkpoint of the task and runs its command.
  Finished run(const std::string& task, std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), {task, checkpoint(task), "--output", output_});
    return run_sapiens(arguments);
  }

  std::string checkpoint(const std::string& task) {
    const std::string path = scratch_ / (task + ".pth");
    if (!std::filesystem::exists(path)) {
      const Finished synth = run_sapiens({"synth", path, "--arch", "tiny", "--task", task});
      EXPECT_EQ(synth.code, 0) << synth.err;
    }
    return path;
  }

  std::string image(const std::string& name, int seed = 1) {
    make_image(scratch_ / name, seed);
    return scratch_ / name;
  }

  std::string out(const std::string& name) const { return output_ + "/" + name; }
  Json document(const std::string& name) const { return Json::parse(read_bytes(out(name))); }

  Scratch scratch_;
  std::string output_ = scratch_ / "out";
};

}  // namespace sapiens
