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
    if (file.name.starts_with("sapiens2_")) {
      EXPECT_EQ(file.name, file.model);
      EXPECT_EQ(file.path, "model.safetensors");
      EXPECT_EQ(file.file_name(), std::string(file.name) + ".safetensors");
      EXPECT_THAT(std::string(file.licence), HasSubstr("Sapiens2 License"));
      continue;
    }
    EXPECT_EQ(file.name, std::string(file.model) + ":" + std::string(file.task));
    EXPECT_THAT(std::string(file.path), HasSubstr("sapiens_" + std::string(file.model) + "_"));
  }
  // 7 tasks of 4 sizes without two that were not released; a detector; 5 encoders of Sapiens2
  EXPECT_EQ(names.size(), 32);
  EXPECT_EQ(find_published("2b:seg"), nullptr);
}

TEST(PublishedFiles, OfSapiens2AreTheRepositoriesThatTimmNames) {
  const auto repository = [](const char* name) { return find_published(name)->repository; };
  EXPECT_EQ(repository("sapiens2_0.1b"), "timm/vit_base_patch16_sapiens2.fb");
  EXPECT_EQ(repository("sapiens2_0.4b"), "timm/vit_large_patch16_sapiens2.fb");
  EXPECT_EQ(repository("sapiens2_0.8b"), "timm/vit_huge_patch16_sapiens2.fb");
  EXPECT_EQ(repository("sapiens2_1b"), "timm/vit_giant_patch16_sapiens2.fb");
  EXPECT_EQ(repository("sapiens2_5b"), "timm/vit_5b_patch16_sapiens2.fb");
}

TEST(CheckpointCache, FollowsTheEnvironmentInOrder) {
  const Variable home("HOME", "/home/somebody"), xdg("XDG_CACHE_HOME", "/var/cache"),
      hf_home("HF_HOME", "/hf"), old_name("HUGGINGFACE_HUB_CACHE", "/old"),
      hub("HF_HUB_CACHE", "/hub"), chosen("SAPIENS_CACHE", "/elsewhere");
  EXPECT_EQ(checkpoint_cache(), "/elsewhere");
  unsetenv("SAPIENS_CACHE");
  EXPECT_EQ(checkpoint_cache(), "/hub");
  setenv("HF_HUB_CACHE", "~/hub", 1);
  EXPECT_EQ(checkpoint_cache(), "/home/somebody/hub");
  unsetenv("HF_HUB_CACHE");
  EXPECT_EQ(checkpoint_cache(), "/old");
  unsetenv("HUGGINGFACE_HUB_CACHE");
  EXPECT_EQ(checkpoint_cache(), "/hf/hub");
  unsetenv("HF_HOME");
  EXPECT_EQ(checkpoint_cache(), "/var/cache/huggingface/hub");
  setenv("XDG_CACHE_HOME", "relative", 1);
  EXPECT_EQ(checkpoint_cache(), "/home/somebody/.cache/huggingface/hub");
  unsetenv("HOME");
  EXPECT_THROW(checkpoint_cache(), Error);
}

class FindCheckpoint : public testing::Test {
 protected:
  void SetUp() override { std::filesystem::current_path(scratch_.path()); }
  void TearDown() override { std::filesystem::current_path(before_); }

  std::filesystem::path before_ = std::filesystem::current_path();
  Scratch scratch_;
  Variable cache_{"SAPIENS_CACHE", scratch_ / "cache"};
  Variable shared_{"HF_HUB_CACHE", scratch_ / "hub"};
  Variable home_{"HOME", scratch_ / "home"};
  Variable xdg_{"XDG_CACHE_HOME", ""};
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

TEST_F(FindCheckpoint, SearchesTheSharedCacheAndTheFolderOfEarlierVersions) {
  const std::string commit(40, 'a');
  const std::string repository = scratch_ / "hub/models--facebook--sapiens-pretrain-0.3b";
  const std::string shared =
      repository + "/snapshots/" + commit + "/sapiens_0.3b_epoch_1600_clean.pth";
  const std::string before = scratch_ / "home/.cache/sapiens/sapiens_0.3b_epoch_1600_clean.pth";
  write_bytes(before, "weights");
  EXPECT_THROW(find_checkpoint("0.3b:pretrain"), Error);  // SAPIENS_CACHE stands in its place
  unsetenv("SAPIENS_CACHE");
  EXPECT_EQ(find_checkpoint("0.3b:pretrain"), before);
  write_bytes(shared, "weights");
  write_bytes(repository + "/refs/main", commit);
  EXPECT_EQ(find_checkpoint("0.3b:pretrain"), shared);
  setenv("SAPIENS_CACHE", (scratch_ / "cache").c_str(), 1);
  EXPECT_EQ(find_checkpoint("0.3b:pretrain"), shared);
  write_bytes(pulled_, "weights");
  EXPECT_EQ(find_checkpoint("0.3b:pretrain"), pulled_);
}

TEST_F(FindCheckpoint, RefusesFilesThatEscape) {
  PublishedFile file = *find_published("detector");
  for (const char* repository : {"../x", "a/../b", "a/b/c", "", "/etc"}) {
    file.repository = repository;
    EXPECT_THROW(find_local(file), Error) << repository;
  }
  file.repository = "a/b";
  for (const char* path : {"../x", "/etc/passwd", "a/..", ""}) {
    file.path = path;
    EXPECT_THROW(find_local(file), Error) << path;
  }
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
  for (const std::string name : {"sapiens2_0.3b", "sapiens2_2b:seg", "sapiens2_0.4b:pose"}) {
    try {
      find_checkpoint(name);
      ADD_FAILURE() << "found " << name;
    } catch (const Error& error) {
      EXPECT_THAT(error.detail().expected, HasSubstr("sapiens2_0.4b"));
    }
  }
  EXPECT_EQ(find_checkpoint("sapiens2_0.4b.safetensors"), "sapiens2_0.4b.safetensors");
}

}  // namespace
}  // namespace sapiens
