#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <optional>
#include <sapiens/error.hpp>
#include <sapiens/hub.hpp>
#include <set>
#include <string>

#include "support/scratch.hpp"

namespace sapiens {
namespace {

using testing::HasSubstr;

/// A variable of the environment for one test, and as before afterwards.
class Variable {
 public:
  Variable(const char* name, const std::string& value) : name_(name) {
    if (const char* const before = std::getenv(name)) before_ = before;
    if (value.empty()) {
      unsetenv(name);
    } else {
      setenv(name, value.c_str(), 1);
    }
  }
  ~Variable() {
    if (before_) {
      setenv(name_, before_->c_str(), 1);
    } else {
      unsetenv(name_);
    }
  }
  Variable(const Variable&) = delete;
  Variable& operator=(const Variable&) = delete;

 private:
  const char* name_;
  std::optional<std::string> before_;
};

TEST(PublishedFiles, HaveNamesAndFileNamesOfTheirOwn) {
  std::set<std::string_view> names, files;
  for (const PublishedFile& file : published_files()) {
    EXPECT_TRUE(names.insert(file.name).second) << file.name;
    EXPECT_TRUE(files.insert(file.file_name()).second) << file.name;
    EXPECT_EQ(find_published(file.name), &file);
    EXPECT_FALSE(file.licence.empty());
    EXPECT_GT(file.approximate_bytes, 50'000'000);
    if (file.name == "detector") continue;
    EXPECT_EQ(file.name, std::string(file.model) + ":" + std::string(file.task));
    EXPECT_THAT(std::string(file.path), HasSubstr("sapiens_" + std::string(file.model) + "_"));
  }
  EXPECT_EQ(names.size(), 27);  // 7 tasks of 4 sizes without two that were not released; a detector
  EXPECT_EQ(find_published("2b:seg"), nullptr);
}

TEST(CheckpointCache, FollowsTheEnvironmentInOrder) {
  const Variable home("HOME", "/home/somebody");
  {
    const Variable chosen("SAPIENS_CACHE", "/elsewhere"), xdg("XDG_CACHE_HOME", "/var/cache");
    EXPECT_EQ(checkpoint_cache(), "/elsewhere");
  }
  const Variable chosen("SAPIENS_CACHE", "");
  {
    const Variable xdg("XDG_CACHE_HOME", "/var/cache");
    EXPECT_EQ(checkpoint_cache(), "/var/cache/sapiens");
  }
  {
    const Variable xdg("XDG_CACHE_HOME", "relative");
    EXPECT_EQ(checkpoint_cache(), "/home/somebody/.cache/sapiens");
  }
  const Variable xdg("XDG_CACHE_HOME", ""), nobody("HOME", "");
  EXPECT_THROW(checkpoint_cache(), Error);
}

class FindCheckpoint : public testing::Test {
 protected:
  void SetUp() override { std::filesystem::current_path(scratch_.path()); }
  void TearDown() override { std::filesystem::current_path(before_); }

  std::filesystem::path before_ = std::filesystem::current_path();
  Scratch scratch_;
  Variable cache_{"SAPIENS_CACHE", scratch_ / "cache"};
  std::string pulled_ = scratch_ / "cache/sapiens_0.3b_epoch_1600_clean.pth";
};

TEST_F(FindCheckpoint, LeavesPathsAlone) {
  for (const std::string path : {"model.pth", "a/b.pth", "C:model.pth", ""}) {
    EXPECT_EQ(find_checkpoint(path), path);
  }
}

TEST_F(FindCheckpoint, FindsWhatWasPulled) {
  write_bytes(pulled_, "weights");
  EXPECT_EQ(find_checkpoint("0.3b:pretrain"), pulled_);
}

TEST_F(FindCheckpoint, PrefersAFileOfThatVeryName) {
  write_bytes(pulled_, "weights");
  write_bytes(scratch_ / "0.3b:pretrain", "mine");
  EXPECT_EQ(find_checkpoint("0.3b:pretrain"), "0.3b:pretrain");
}

TEST_F(FindCheckpoint, TakesNoFolderForACheckpoint) {
  std::filesystem::create_directory("detector");
  EXPECT_THROW(find_checkpoint("detector"), Error);
  const std::string pulled = checkpoint_cache() / find_published("detector")->file_name();
  write_bytes(pulled, "weights");
  EXPECT_EQ(find_checkpoint("detector"), pulled);
}

TEST_F(FindCheckpoint, SaysHowToGetWhatIsNotThere) {
  try {
    find_checkpoint("0.3b:pretrain");
    ADD_FAILURE() << "found";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::NotFound);
    EXPECT_THAT(error.detail().hint, HasSubstr("`sapiens pull 0.3b:pretrain`"));
  }
}

TEST_F(FindCheckpoint, TellsTheNamesThereAreOfASize) {
  try {
    find_checkpoint("2b:seg");
    ADD_FAILURE() << "found";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::NotFound);
    EXPECT_THAT(error.detail().expected, HasSubstr("2b:depth"));
  }
}

}  // namespace
}  // namespace sapiens
