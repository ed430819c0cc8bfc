#include "batch_reader.hpp"

#include <gtest/gtest.h>

#include <sapiens/npy.hpp>
#include <string>

#include "support/scratch.hpp"

namespace sapiens::cli {
namespace {

class Batches : public testing::Test {
 protected:
  /// An array whose values are its number among the jobs.
  void add_array(const std::vector<Index>& shape) {
    Index size = 1;
    for (const Index extent : shape) size *= extent;
    const auto number = static_cast<float>(jobs_.size());
    write_npy(new_input(), shape, std::vector<float>(static_cast<std::size_t>(size), number));
  }

  void add_broken() { write_bytes(new_input(), "not an array"); }

  /// How many frames and items each batch has, as "frames/items".
  std::vector<std::string> sizes(Index most) {
    options_.batch = most;
    BatchReader reader(extractor_, options_, jobs_);
    std::vector<std::string> found;
    std::size_t next_job = 0;
    while (const std::optional<Batch> batch = reader.next([] { return false; })) {
      found.push_back(std::to_string(batch->count) + "/" + std::to_string(batch->items.size()));
      for (const BatchItem& item : batch->items) {
        EXPECT_EQ(item.job, next_job++);
        expect_own_frames(item, *batch);
      }
    }
    EXPECT_EQ(next_job, jobs_.size());
    return found;
  }

  FeatureExtractor extractor_ = FeatureExtractor::random({.arch = "tiny"}, {.threads = 1});
  FeaturesOptions options_;
  std::vector<Job> jobs_;

 private:
  std::string new_input() {
    const std::string path = scratch_ / (std::to_string(jobs_.size()) + ".npy");
    jobs_.push_back({.input = {.path = path, .name = path}});
    return path;
  }

  static void expect_own_frames(const BatchItem& item, const Batch& batch) {
    const Index frame = 3 * batch.size.height * batch.size.width;
    for (Index i = item.first * frame; i < (item.first + item.count) * frame; ++i) {
      ASSERT_EQ(batch.frames[i], static_cast<float>(item.job));
    }
  }

  Scratch scratch_;
};

using Sizes = std::vector<std::string>;

TEST_F(Batches, HoldAsManyInputsAsAsked) {
  for (int i = 0; i < 5; ++i) add_array({3, 16, 16});
  EXPECT_EQ(sizes(2), (Sizes{"2/2", "2/2", "1/1"}));
  EXPECT_EQ(sizes(8), (Sizes{"5/5"}));
}

TEST_F(Batches, HoldOneSize) {
  add_array({3, 16, 16});
  add_array({3, 16, 16});
  add_array({3, 16, 32});
  add_array({3, 16, 16});
  EXPECT_EQ(sizes(3), (Sizes{"2/2", "1/1", "1/1"}));
}

TEST_F(Batches, HoldMoreOnlyForOneArray) {
  add_array({3, 16, 16});
  add_array({5, 3, 16, 16});
  add_array({2, 3, 16, 16});
  add_array({3, 16, 16});
  EXPECT_EQ(sizes(3), (Sizes{"1/1", "5/1", "3/2"}));
}

TEST_F(Batches, CountWhatCannotBeReadSoThatItIsSaidSoon) {
  add_array({3, 16, 16});
  for (int i = 0; i < 4; ++i) add_broken();
  add_array({3, 16, 16});
  EXPECT_EQ(sizes(2), (Sizes{"1/2", "0/2", "1/2"}));
}

TEST_F(Batches, EndWhenNobodyWantsThem) {
  add_array({3, 16, 16});
  BatchReader reader(extractor_, options_, jobs_);
  EXPECT_FALSE(reader.next([] { return true; }));
}

}  // namespace
}  // namespace sapiens::cli
