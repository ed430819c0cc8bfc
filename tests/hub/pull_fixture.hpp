#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "cli/program.hpp"
#include "hub/hub_server.hpp"

namespace sapiens {

/// The program, a hub with a tiny checkpoint for every published one, and empty caches.
class Pull : public testing::Test {
 protected:
  static constexpr const char* kName = "0.3b:pretrain";
  /// Those that downloads depend on.
  static constexpr const char* kVariables[] = {
      "SAPIENS_CACHE",  "HF_HOME",     "HF_HUB_CACHE",  "HUGGINGFACE_HUB_CACHE",
      "HF_ENDPOINT",    "HF_TOKEN",    "HF_TOKEN_PATH", "HUGGING_FACE_HUB_TOKEN",
      "http_proxy",     "https_proxy", "HTTPS_PROXY",   "HF_HUB_DISABLE_IMPLICIT_TOKEN",
      "all_proxy",      "ALL_PROXY",   "no_proxy",      "HF_HUB_DISABLE_SYMLINKS",
      "HF_HUB_OFFLINE", "NO_PROXY"};
  static constexpr const char* kFile = "sapiens_0.3b_epoch_1600_clean.pth";

  void SetUp() override {
    make_checkpoint(published_);
    for (const char* variable : kVariables) unsetenv(variable);
    setenv("SAPIENS_CACHE", cache_.c_str(), 1);
    setenv("HF_HOME", hugging_face_.c_str(), 1);
  }
  void TearDown() override {
    for (const char* variable : kVariables) unsetenv(variable);
  }

  /// Starts the hub; one that runs already ends.
  HubServer& serve(const std::vector<std::string>& options = {}) {
    server_.reset();
    server_ = std::make_unique<HubServer>(published_, options);
    setenv("HF_ENDPOINT", server_->endpoint().c_str(), 1);
    return *server_;
  }

  static std::vector<std::string> command(const std::vector<std::string>& more = {}) {
    std::vector<std::string> words = {"pull", kName, "--yes", "--json"};
    words.insert(words.end(), more.begin(), more.end());
    return words;
  }
  static Finished pull(const std::vector<std::string>& more = {}) {
    return run_sapiens(command(more));
  }

  std::string pulled() const { return cache_ + "/" + kFile; }
  std::string partial() const { return pulled() + ".partial"; }

  /// Names in the cache; empty where there is none.
  std::set<std::string> cached() const {
    std::set<std::string> names;
    std::error_code error;
    for (const auto& entry : std::filesystem::directory_iterator(cache_, error)) {
      names.insert(entry.path().filename().string());
    }
    return names;
  }

  void expect_whole() const {
    EXPECT_EQ(cached(), std::set<std::string>{kFile});
    EXPECT_TRUE(read_bytes(pulled()) == read_bytes(published_));
  }

  std::uintmax_t published_bytes() const { return std::filesystem::file_size(published_); }

  Scratch scratch_;
  std::string published_ = scratch_ / "tiny.pth";
  std::string cache_ = scratch_ / "cache";
  std::string hugging_face_ = scratch_ / "huggingface";
  std::unique_ptr<HubServer> server_;
};

}  // namespace sapiens
