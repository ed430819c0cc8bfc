#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "hub/pull_fixture.hpp"

namespace sapiens {

/// Without a folder of its own, so that downloads go to the cache of Hugging Face's tools.
class SharedPull : public Pull {
 protected:
  static constexpr const char* kShared = "sapiens2_0.4b";
  static constexpr const char* kRepository = "models--timm--vit_large_patch16_sapiens2.fb";
  static constexpr const char* kCommit =
      "c0ffee0000000000000000000000000000000000";  // hub_server.py

  void SetUp() override {
    Pull::SetUp();
    unsetenv("SAPIENS_CACHE");
    setenv("HOME", home_.c_str(), 1);
    unsetenv("XDG_CACHE_HOME");
  }
  void TearDown() override {
    Pull::TearDown();
    setenv("HOME", home_before_.c_str(), 1);
  }

  static Finished pull_shared(const std::vector<std::string>& more = {}) {
    std::vector<std::string> words = {"pull", kShared, "--yes", "--json"};
    words.insert(words.end(), more.begin(), more.end());
    return run_sapiens(words);
  }

  std::string hub_cache() const { return hugging_face_ + "/hub"; }
  std::string repository() const { return hub_cache() + "/" + kRepository; }
  std::string pointer(const std::string& commit = kCommit) const {
    return repository() + "/snapshots/" + commit + "/model.safetensors";
  }
  /// The only file in blobs/; empty if there is none or more.
  std::string blob() const {
    std::string found;
    std::error_code error;
    for (const auto& entry : std::filesystem::directory_iterator(repository() + "/blobs", error)) {
      if (!found.empty()) return {};
      found = entry.path().string();
    }
    return found;
  }
  /// Whether a download has begun and not ended.
  bool has_partial(std::uintmax_t min_bytes = 0) const {
    std::error_code error;
    for (const auto& entry : std::filesystem::directory_iterator(repository() + "/blobs", error)) {
      if (entry.path().extension() == ".partial" && entry.file_size(error) >= min_bytes)
        return true;
    }
    return false;
  }
  /// Where downloads went before they were shared.
  std::string folder_before() const { return home_ + "/.cache/sapiens"; }

  void expect_shared() const {
    EXPECT_TRUE(read_bytes(pointer()) == read_bytes(published_));
    EXPECT_EQ(read_bytes(repository() + "/refs/main"), kCommit);
    EXPECT_EQ(std::filesystem::read_symlink(pointer()).string(),
              "../../blobs/" + std::filesystem::path(blob()).filename().string());
  }

  std::string home_ = scratch_ / "home";
  std::string home_before_ = std::getenv("HOME") ? std::getenv("HOME") : "";
};

}  // namespace sapiens
