#include "sapiens/detector.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <string>
#include <vector>

#include "checkpoint/state_dict.hpp"
#include "engine/assess_detector.hpp"
#include "engine/loading.hpp"
#include "engine/runtime.hpp"
#include "model/rtmdet.hpp"
#include "preprocess/letterbox.hpp"
#include "sapiens/error.hpp"
#include "support/expect_close.hpp"
#include "support/golden.hpp"
#include "tasks/detection.hpp"

// The original's detector, narrow and with random weights, on a drawn picture.
namespace sapiens {
namespace {

// One pass of the network, its outputs as the golden files have them: [C, h, w].
class RawOutputs {
 public:
  RawOutputs(const Golden& golden, const EngineOptions& options) : runtime_(options) {
    const StateDict dict = open_checkpoint(golden.file("rtmdet.pth"));
    const DetectorFile file = find_detector(dict, NameIndex(dict)).value();
    weights_ =
        load_rtmdet(file.config, plan_source(dict, file.plan), runtime_.ops()).weights;
  }

  void run(ConstMatrix picture, Grid size) {
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
    const std::size_t bytes = network.workspace_bytes(size);
    Workspace& workspace = runtime_.workspace(bytes);
    network.forward(picture, size, levels_, workspace);
    EXPECT_EQ(workspace.high_water(), bytes);
  }

  void run_picture(const Image& picture) {
    const Letterbox input = letterbox(picture, 640);
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

  Golden golden_{"rtmdet"};
  Image picture_ = Image::read(golden_.file("image.jpg"));
};

TEST_F(DetectorGolden, EveryMapOfAPictureIsTheOriginals) {
  RawOutputs outputs(golden_, exact());
  outputs.run_picture(picture_);
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

}  // namespace
}  // namespace sapiens
