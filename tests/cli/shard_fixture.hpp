#pragma once

#include <gtest/gtest.h>

#include <cstddef>
#include <filesystem>
#include <fstream>
#include <map>
#include <memory>
#include <sapiens/archive.hpp>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "cli/run/feature_files.hpp"
#include "support/scratch.hpp"

namespace sapiens::cli {

/// An input with two arrays, a map and a vector.
struct TestSample {
  std::string key;
  std::vector<Sidecar> sidecars = {};
  std::vector<float> map = {};
  std::vector<float> vector = {};
};

inline const std::vector<Index> kMapShape = {2, 3, 5};
inline const std::vector<Index> kVectorShape = {7};

inline std::vector<TestSample> test_samples(std::size_t count) {
  std::vector<TestSample> samples;
  for (std::size_t i = 0; i < count; ++i) {
    TestSample sample{.key = "deep/" + std::string(i % 3 == 1 ? 150 : 3, 'k') + std::to_string(i)};
    if (i % 2 == 1) sample.key += "-caf\xc3\xa9";
    const std::string caption = "caption " + sample.key;
    const auto bytes = std::as_bytes(std::span(caption));
    if (i % 2 == 0) sample.sidecars.push_back({"txt", {bytes.begin(), bytes.end()}});
    for (std::size_t k = 0; k < 30; ++k) sample.map.push_back(static_cast<float>(100 * i + k));
    for (std::size_t k = 0; k < 7; ++k) sample.vector.push_back(static_cast<float>(i + k));
    samples.push_back(std::move(sample));
  }
  return samples;
}

inline std::vector<StoredArray> write_sample(FeatureShard& shard, const TestSample& sample,
                                             DType dtype = DType::F32) {
  const FeatureArray arrays[] = {{{"cls_token", 5, OutType::ClsToken}, kVectorShape, sample.vector},
                                 {{"featmap", 5, OutType::Featmap}, kMapShape, sample.map}};
  return shard.write({.key = sample.key, .sidecars = sample.sidecars}, arrays, dtype);
}

/// A sample with one array, as most runs have them.
inline std::vector<StoredArray> write_vector(FeatureShard& shard, const std::string& key,
                                             const std::vector<float>& values,
                                             DType dtype = DType::F32) {
  const FeatureArray arrays[] = {{{}, {static_cast<Index>(values.size())}, values}};
  return shard.write({.key = key}, arrays, dtype);
}

/// Every file below `folder`.
inline std::map<std::string, std::string> files_below(const std::filesystem::path& folder) {
  std::map<std::string, std::string> files;
  if (!std::filesystem::exists(folder)) return files;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder)) {
    if (!entry.is_regular_file()) continue;
    files[entry.path().lexically_relative(folder).string()] = read_bytes(entry.path());
  }
  return files;
}

inline std::vector<std::string> names_below(const std::filesystem::path& folder) {
  std::vector<std::string> names;
  for (const auto& [name, bytes] : files_below(folder)) names.push_back(name);
  return names;
}

/// Shards of a kind, "tar" or "npy".
class ShardFixture : public testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    std::string why;
    if (is_tar() && !archives_available(&why)) GTEST_SKIP() << why;
  }

  bool is_tar() const { return std::string(GetParam()) == "tar"; }
  std::filesystem::path output(const std::string& run) const {
    return scratch_.path() / run / "out";
  }
  std::filesystem::path unfinished(const std::string& owner) const {
    return scratch_.path() / "work" / owner;
  }

  /// A shard of the output folder of `run`, as the process `owner` makes it.
  std::unique_ptr<FeatureShard> shard(const std::string& run, const std::string& owner) const {
    std::filesystem::create_directories(output(run));
    std::filesystem::create_directories(unfinished(owner));
    ShardPlace place{.output = output(run),
                     .name = "a/shard-000012",
                     .number = 12,
                     .unfinished = unfinished(owner),
                     .bytes = 8000};
    return is_tar() ? make_tar_shard(std::move(place)) : make_npy_shard(std::move(place));
  }

  std::map<std::string, std::string> uninterrupted(const std::vector<TestSample>& samples) const {
    const auto all = shard("uninterrupted", "uninterrupted");
    for (const TestSample& sample : samples) write_sample(*all, sample);
    all->finish();
    return files_below(output("uninterrupted"));
  }

  /// Bytes that a killed process wrote after its last position.
  void append_garbage(const std::string& owner) const {
    for (const std::string& name : names_below(unfinished(owner))) {
      std::ofstream(unfinished(owner) / name, std::ios::app) << std::string(777, '?');
    }
  }

  Scratch scratch_;
};

}  // namespace sapiens::cli
