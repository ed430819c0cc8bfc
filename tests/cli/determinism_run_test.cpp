#include <gtest/gtest.h>

#include <map>

#include "cli/task_fixture.hpp"

namespace sapiens {
namespace {

namespace fs = std::filesystem;

/// Files below a folder by name, without those that say how and when they were made.
std::map<std::string, std::string> tree(const std::string& folder) {
  std::map<std::string, std::string> files;
  for (const auto& entry : fs::recursive_directory_iterator(folder)) {
    const std::string name = fs::relative(entry.path(), folder).string();
    if (entry.is_regular_file() && name.find("sapiens-") == name.npos) {
      files[name] = read_bytes(entry.path());
    }
  }
  return files;
}

class ProgramDeterminism : public TaskFixture {
 protected:
  void SetUp() override {
    for (int seed = 1; seed <= 5; ++seed) image("in/" + std::to_string(seed) + ".png", seed);
  }

  /// What the program writes with these arguments and options of its engine.
  std::map<std::string, std::string> results(std::vector<std::string> arguments,
                                             const std::vector<std::string>& engine) {
    fs::remove_all(output_);
    arguments.insert(arguments.end(), {"--output", output_, scratch_ / "in"});
    arguments.insert(arguments.end(), engine.begin(), engine.end());
    const Finished finished = run_sapiens(arguments);
    EXPECT_EQ(finished.code, 0) << finished.err;
    return tree(output_);
  }

  void expect_equal_trees(const std::vector<std::string>& arguments, std::size_t files) {
    for (const std::string precision : {"fp32", "bf16", "int8"}) {
      SCOPED_TRACE(precision);
      const auto with = [&](const std::string& threads, const std::string& batch) {
        return results(arguments,
                       {"--precision", precision, "--threads", threads, "--batch", batch});
      };
      const auto expected = with("1", "1");
      EXPECT_EQ(expected.size(), files);
      EXPECT_TRUE(with("3", "2") == expected);
      EXPECT_TRUE(with("8", "7") == expected);
    }
  }
};

TEST_F(ProgramDeterminism, FeaturesDependOnNeitherThreadsNorBatch) {
  make_checkpoint(scratch_ / "tiny.pth");
  expect_equal_trees({"features", scratch_ / "tiny.pth", "--out-type", "raw"}, 5);
}

TEST_F(ProgramDeterminism, ResultsOfTasksDependOnNeitherThreadsNorBatch) {
  std::vector<std::string> arguments = {"run", "--viz"};
  for (const std::string task : {"pose", "seg", "depth", "normal"}) {
    arguments.insert(arguments.end(), {"--" + task, checkpoint(task)});
  }
  const std::size_t results = 5 * 4, drawings = 5 * 4, masks = 5;
  expect_equal_trees(arguments, results + drawings + masks);
}

}  // namespace
}  // namespace sapiens
