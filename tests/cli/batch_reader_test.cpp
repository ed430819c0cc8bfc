#include <gtest/gtest.h>

#include <sapiens/npy.hpp>
#include <string>

#include "cli/run/features.hpp"
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

  /// How many images and items each batch has, as "images/items".
  std::vector<std::string> sizes(Index most) {
    BatchReader<FeatureItem> reader(steps_, source_of(jobs_), most);
    std::vector<std::string> found;
    std::size_t next_job = 0;
    while (const auto batch = reader.next([] { return false; })) {
      Index images = 0;
      for (const FeatureItem& item : *batch) {
        EXPECT_EQ(item.number, next_job++);
        expect_own_values(item);
        images += item.count;
      }
      found.push_back(std::to_string(images) + "/" + std::to_string(batch->size()));
    }
    EXPECT_EQ(next_job, jobs_.size());
    return found;
  }

  Encoder encoder_ = Encoder::random({.arch = "tiny"}, {.threads = 1});
  FeatureArguments options_;
  NpyFeatureFiles sink_{"out", false};
  FeaturePooling pooling_{{}, {}};
  std::vector<FeatureName> names_;
  FeatureOutput output_{.pooling = pooling_, .names = names_, .sink = sink_};
  JobSteps<FeatureItem> steps_ = feature_steps(encoder_, options_, output_);
  std::vector<Job> jobs_;

 private:
  std::string new_input() {
    const std::string path = scratch_ / (std::to_string(jobs_.size()) + ".npy");
    jobs_.push_back({.input = {.path = path, .name = path}});
    return path;
  }

  static void expect_own_values(const FeatureItem& item) {
    const Index values = item.count * 3 * item.size.height * item.size.width;
    ASSERT_EQ(std::ssize(item.pixels.values), values);
    for (const float value : item.pixels.values) ASSERT_EQ(value, static_cast<float>(item.number));
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

TEST_F(Batches, EndWhenTheConsumerStops) {
  add_array({3, 16, 16});
  BatchReader<FeatureItem> reader(steps_, source_of(jobs_), 1);
  EXPECT_FALSE(reader.next([] { return true; }));
}

/// A `.npy` of zeros, or of `bytes`.
void write_array(const std::string& path, const std::string& type, const std::string& shape,
                 std::size_t bytes, bool fortran_order = false) {
  const std::string header = "{'descr': '" + type +
                             "', 'fortran_order': " + (fortran_order ? "True" : "False") +
                             ", 'shape': " + shape + ", }\n";
  std::string file = "\x93NUMPY\1";
  file += '\0';
  file += static_cast<char>(header.size());
  file += '\0';
  write_bytes(path, file + header + std::string(bytes, '\0'));
}

Error error_of_reading(const std::string& path) {
  try {
    read_prepared(path);
  } catch (const Error& error) {
    return error;
  }
  return Error(ErrorCode::Internal, {.summary = "no exception"});
}

TEST(PreparedArray, ImagesAreReportedAsImages) {
  const Scratch scratch;
  const std::string path = scratch / "x.npy";
  const struct {
    std::string type, shape;
    std::size_t bytes;
  } images[] = {{"|u1", "(16, 20, 3)", 960},     {"|u1", "(3, 16, 20)", 960},
                {"<f4", "(16, 20, 3)", 3840},    {"<f8", "(16, 20, 4)", 10240},
                {"|u1", "(16, 20)", 320},        {"<i8", "(3, 16, 20)", 7680},
                {"|u1", "(2, 16, 20, 3)", 1920}, {"|b1", "(16, 20)", 320}};
  for (const auto& image : images) {
    write_array(path, image.type, image.shape, image.bytes);
    const Error error = error_of_reading(path);
    EXPECT_EQ(error.code(), ErrorCode::UnsupportedFormat) << image.type << image.shape;
    EXPECT_EQ(error.detail().summary, "this array is an image, not a prepared input");
    EXPECT_NE(error.detail().actual.find(image.type), std::string::npos);
    EXPECT_EQ(error.detail().hint.find("float32"), std::string::npos) << "that would be wrong";
  }
}

TEST(PreparedArray, ArraysOfAnotherShapeTypeOrOrderAreRefused) {
  const Scratch scratch;
  const std::string path = scratch / "x.npy";
  write_array(path, "<f4", "(1, 16, 20)", 1280);
  EXPECT_EQ(error_of_reading(path).code(), ErrorCode::ShapeMismatch);
  EXPECT_NE(error_of_reading(path).detail().hint.find("three times"), std::string::npos);
  write_array(path, "<f4", "(3, 0, 20)", 0);
  EXPECT_EQ(error_of_reading(path).code(), ErrorCode::ShapeMismatch);
  write_array(path, "<f8", "(3, 16, 20)", 7680);
  EXPECT_NE(error_of_reading(path).detail().hint.find("np.float32"), std::string::npos);
  write_array(path, ">f4", "(3, 16, 20)", 3840);
  EXPECT_EQ(error_of_reading(path).code(), ErrorCode::UnsupportedFormat);
  write_array(path, "<f4", "(3, 16, 20)", 3840, true);
  EXPECT_NE(error_of_reading(path).detail().summary.find("Fortran"), std::string::npos);
}

TEST(PreparedArray, UnnormalisedArraysAreNoticed) {
  const Scratch scratch;
  const auto doubt = [&](float first, float last) {
    std::vector<float> values(3 * 16 * 20, (first + last) / 2);
    values.front() = first;
    values.back() = last;
    write_npy(scratch / "x.npy", std::vector<Index>{3, 16, 20}, values);
    return read_prepared(scratch / "x.npy").doubt;
  };
  EXPECT_EQ(doubt(-2.1f, 2.6f), "");
  EXPECT_EQ(doubt(0.5f, 2.6f), "") << "a bright image";
  EXPECT_EQ(doubt(0, 0), "");
  EXPECT_NE(doubt(0, 255).find("from 0 to 255"), std::string::npos);
  EXPECT_NE(doubt(0, 1), "");
  EXPECT_NE(doubt(-128, 127), "");
}

}  // namespace
}  // namespace sapiens::cli
