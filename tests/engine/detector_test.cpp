#include "sapiens/detector.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <functional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "checkpoint/state_dict.hpp"
#include "engine/assess_detector.hpp"
#include "engine/loading.hpp"
#include "engine/runtime.hpp"
#include "model/rtmdet.hpp"
#include "model/rtmdet_params.hpp"
#include "preprocess/preprocess.hpp"
#include "sapiens/error.hpp"
#include "support/error_code_of.hpp"
#include "support/expect_close.hpp"
#include "support/golden.hpp"
#include "tasks/detection.hpp"

// The original's detector, narrow and with random weights, on a drawn image.
namespace sapiens {
namespace {

// One pass of the network, its outputs as the golden files have them: [C, h, w].
class RawOutputs {
 public:
  RawOutputs(const Golden& golden, const EngineOptions& options) : runtime_(options) {
    const StateDict dict = open_checkpoint(golden.file("rtmdet.pth"));
    const DetectorFile file = find_detector(dict, NameIndex(dict)).value();
    weights_ = load_rtmdet(file.config, PlanSource(dict, file.plan), runtime_.ops()).weights;
  }

  void run(ConstMatrix image, Grid size) {
    levels_.clear();
    for (std::size_t i = 0; i < kDetectorStrides.size(); ++i) {
      const Index stride = kDetectorStrides[i];
      const Grid grid = RtmDet::level_size(size, stride);
      logits_[i].resize(static_cast<std::size_t>(grid.patches()));
      distances_[i].resize(static_cast<std::size_t>(4 * grid.patches()));
      levels_.push_back({.stride = stride,
                         .size = grid,
                         .logits = {logits_[i].data(), {grid.patches(), 1}},
                         .distances = {distances_[i].data(), {grid.patches(), 4}}});
    }
    const RtmDet network(weights_, runtime_.ops());
    const auto forward = [&](Workspace& ws) { network.forward(image, size, levels_, ws); };
    Workspace workspace(measured_bytes(forward));
    forward(workspace);
    EXPECT_EQ(workspace.high_water(), workspace.capacity());
  }

  void run_image(const Image& image) {
    const Letterbox input = letterbox(image, 640);
    std::vector<float> pixels(input.square.rgb.size());
    const Matrix rows(pixels.data(), {640 * 640, 3});
    normalize_for_detector(input.square, rows);
    run(rows, {640, 640});
  }

  std::vector<float> map(const std::string& kind, std::size_t level) const {
    const Matrix rows = kind == "cls" ? levels_[level].logits : levels_[level].distances;
    std::vector<float> planes;
    for (Index c = 0; c < rows.extent(1); ++c) {
      for (Index p = 0; p < rows.extent(0); ++p) planes.push_back(rows[p].data()[c]);
    }
    return planes;
  }
  const std::vector<DetectorLevel>& levels() const { return levels_; }

 private:
  Runtime runtime_;
  RtmDetWeights weights_;
  std::array<std::vector<float>, 3> logits_, distances_;
  std::vector<DetectorLevel> levels_;
};

class DetectorGolden : public testing::Test {
 protected:
  // 4 times the distance of the original's own float32 results from its float64 ones.
  void expect_maps(const RawOutputs& outputs, const std::string& prefix) {
    for (const char* const kind : {"cls", "reg"}) {
      for (std::size_t level = 0; level < 3; ++level) {
        const std::string name = prefix + kind + std::to_string(level);
        SCOPED_TRACE(name);
        const double noise = golden_.facts().at("noise").at(name);
        EXPECT_TRUE(close(outputs.map(kind, level), golden_.array(name).values,
                          {.absolute = std::max(1e-4, 4 * noise)}));
      }
    }
  }

  // Ten times what float32 leaves undecided of the original's own boxes and scores.
  static constexpr Tolerance kBoxes{.absolute = 4e-3};
  static constexpr Tolerance kScores{.absolute = 4e-5};

  // `expected` is [boxes, 5]: corners and score.
  static void expect_boxes(std::span<const ScoredBox> found, const FloatArray& expected) {
    std::vector<float> corners, scores, all_corners, all_scores;
    for (std::size_t i = 0; i < expected.values.size(); ++i) {
      (i % 5 == 4 ? all_scores : all_corners).push_back(expected.values[i]);
    }
    for (const ScoredBox& box : found) {
      corners.insert(corners.end(), {box.left, box.top, box.right, box.bottom});
      scores.push_back(box.score);
    }
    EXPECT_TRUE(close(corners, all_corners, kBoxes));
    EXPECT_TRUE(close(scores, all_scores, kScores));
  }
  static std::vector<float> flat(std::span<const ScoredBox> boxes) {
    std::vector<float> numbers;
    for (const ScoredBox& box : boxes) {
      numbers.insert(numbers.end(), {box.left, box.top, box.right, box.bottom, box.score});
    }
    return numbers;
  }

  Golden golden_{"rtmdet"};
  Image image_ = Image::read(golden_.file("image.jpg"));
};

TEST_F(DetectorGolden, EveryMapOfAnImageIsTheOriginals) {
  RawOutputs outputs(golden_, exact());
  outputs.run_image(image_);
  expect_maps(outputs, "");
}

TEST_F(DetectorGolden, EveryMapOfASmallInputIsTheOriginals) {
  const FloatArray input = golden_.array("small_input");
  const Grid size{input.shape[2], input.shape[3]};
  std::vector<float> rows(input.values.size());
  for (Index i = 0; i < std::ssize(rows); ++i) {
    rows[static_cast<std::size_t>(i % size.patches() * 3 + i / size.patches())] =
        input.values[static_cast<std::size_t>(i)];
  }
  RawOutputs outputs(golden_, exact());
  outputs.run({rows.data(), {size.patches(), 3}}, size);
  expect_maps(outputs, "small_");
}

TEST_F(DetectorGolden, TheBoxesAreTheOriginalsAtEveryStep) {
  RawOutputs outputs(golden_, exact());
  outputs.run_image(image_);
  const Letterbox input = letterbox(image_, 640);
  const InputFrame frame{.size = {640, 640}, .scale_x = input.scale_x, .scale_y = input.scale_y};

  auto before = decode_boxes(outputs.levels(), frame, 0.05f);
  ASSERT_GE(before.size(), 100u);
  before.resize(100);
  expect_boxes(before, golden_.array("boxes_scores_before_nms"));

  const auto above = decode_boxes(outputs.levels(), frame, 0.3f);
  expect_boxes(above, golden_.array("boxes_scores_above_thr"));

  std::vector<ScoredBox> expected;
  for (const std::size_t kept : golden_.facts().at("kept_indices_into_above_thr")) {
    expected.push_back(above.at(kept));
  }
  EXPECT_EQ(flat(suppress_overlaps(above, 0.3f, 100)), flat(expected));
}

TEST_F(DetectorGolden, DetectFindsTheOriginalsPersons) {
  PersonDetector detector(Checkpoint::open(golden_.file("rtmdet.pth")));
  const std::vector<Box> persons = detector.detect(image_).persons;
  const FloatArray expected = golden_.array("boxes_after_nms");
  std::vector<float> corners;
  for (const Box& box : persons) {
    corners.insert(corners.end(), {box.x, box.y, box.x + box.width, box.y + box.height});
  }
  EXPECT_TRUE(close(corners, expected.values, kBoxes));
  EXPECT_TRUE(std::ranges::is_sorted(persons, std::greater(), &Box::score));
  EXPECT_EQ(detector.stats().precision, "fp32");
}

TEST_F(DetectorGolden, TheResultDoesNotDependOnThreadsOrEarlierImages) {
  EngineOptions one;
  one.threads = 1;
  EngineOptions two;
  two.threads = 2;
  const Checkpoint checkpoint = Checkpoint::open(golden_.file("rtmdet.pth"));
  PersonDetector first(checkpoint, one), second(checkpoint, two);
  const std::vector<Box> expected = first.detect(image_).persons;
  second.detect(Image::read(golden_.file("../preprocess_full/small.png")));
  const std::vector<Box> found = second.detect(image_).persons;
  ASSERT_EQ(found.size(), expected.size());
  for (std::size_t i = 0; i < found.size(); ++i) {
    EXPECT_EQ(found[i].x, expected[i].x);
    EXPECT_EQ(found[i].score, expected[i].score);
  }
}

TEST_F(DetectorGolden, TheLayoutIsInTheOrderOfTheFile) {
  const StateDict dict = open_checkpoint(golden_.file("rtmdet.pth"));
  const auto layout = rtmdet_layout(find_detector(dict, NameIndex(dict)).value().config);
  ASSERT_EQ(layout.size(), dict.tensors.size());
  for (std::size_t i = 0; i < layout.size(); ++i) {
    EXPECT_EQ(layout[i].key, dict.tensors[i].key);
    EXPECT_EQ(layout[i].shape, dict.tensors[i].shape);
  }
}

TEST_F(DetectorGolden, OddImagesAreNoReasonToFail) {
  PersonDetector detector(Checkpoint::open(golden_.file("rtmdet.pth")));
  for (const auto& [width, height] : {std::pair<Index, Index>{1, 1}, {1024, 3}, {1, 700}}) {
    const Image image{
        .width = width,
        .height = height,
        .rgb = std::vector<std::uint8_t>(static_cast<std::size_t>(3 * width * height), 90)};
    for (const Box& box : detector.detect(image, {.min_score = 0, .max_detections = 7}).persons) {
      EXPECT_GE(box.x, 0);
      EXPECT_GT(box.width, 0);
      EXPECT_GT(box.height, 0);
    }
  }
  const Image too_long{.width = 10000, .height = 3, .rgb = std::vector<std::uint8_t>(90000, 90)};
  EXPECT_EQ(error_code_of([&] { detector.detect(too_long); }), ErrorCode::InvalidArgument);
  EXPECT_THROW(detector.detect({}), Error);
  EXPECT_THROW(detector.detect(image_, {.nms_iou = 2}), Error);
}

TEST_F(DetectorGolden, AnImageWithoutPersonsGivesAnEmptyList) {
  PersonDetector detector(Checkpoint::open(golden_.file("rtmdet.pth")));
  EXPECT_TRUE(detector.detect(image_, {.min_score = 1}).persons.empty());
}

TEST_F(DetectorGolden, ProgressEndsAtOneAndMayStopTheWork) {
  PersonDetector detector(Checkpoint::open(golden_.file("rtmdet.pth")));
  std::vector<double> told;
  detector.detect(image_, {.progress = [&](double done) { told.push_back(done); }});
  EXPECT_TRUE(std::ranges::is_sorted(told));
  EXPECT_EQ(told.size(), 10u);
  EXPECT_DOUBLE_EQ(told.back(), 1);
  struct Stop {};
  EXPECT_THROW(detector.detect(image_, {.progress = [](double) { throw Stop(); }}), Stop);
  EXPECT_FALSE(detector.detect(image_).persons.empty());
}

}  // namespace
}  // namespace sapiens
