#include <fmt/format.h>

#include <algorithm>
#include <sapiens/npy.hpp>
#include <sapiens/result_files.hpp>
#include <utility>

#include "cli/eval/eval.hpp"
#include "cli/terminal/messages.hpp"

namespace sapiens::cli {
namespace {

namespace fs = std::filesystem;

void expect_size_of_image(const fs::path& path, const std::vector<Index>& expected,
                          const std::vector<Index>& actual) {
  if (expected == actual) return;
  throw Error(ErrorCode::ShapeMismatch,
              {.summary = "the true values do not have the image's size",
               .file = path.string(),
               .expected = dims_text(expected),
               .actual = dims_text(actual),
               .hint = "height comes first; an image is turned as its EXIF orientation says"});
}

std::vector<std::uint8_t> read_classes(const fs::path& path, const Image& image) {
  Segmentation truth = read_class_png(path);
  expect_size_of_image(path, {image.height, image.width}, {truth.height, truth.width});
  return std::move(truth.ids);
}

std::vector<float> read_values(const fs::path& path, const std::vector<Index>& expected) {
  FloatArray truth = read_npy(path);
  expect_size_of_image(path, expected, truth.shape);
  return std::move(truth.values);
}

/// The pixels of persons: neither background nor to be left out.
std::vector<std::uint8_t> read_mask(const EvalImage& sample, const Image& image) {
  if (sample.classes.empty()) {
    return std::vector<std::uint8_t>(static_cast<std::size_t>(image.height * image.width), 1);
  }
  std::vector<std::uint8_t> mask = read_classes(sample.classes, image);
  std::ranges::replace(mask, SegmentationEvaluator::kIgnored, std::uint8_t{0});
  return mask;
}

Index pixels_of(const Frame& frame) { return frame.image.height * frame.image.width; }

class SegMeasure : public Measure {
 public:
  SegMeasure(Index classes, const SegClassSet* set) : evaluator_(classes), set_(set) {}

  bool add(const EvalImage& sample, const Frame& frame) override {
    const auto truth = read_classes(sample.truth, frame.image);
    const Index before = evaluator_.result().pixels;
    try {
      evaluator_.add(frame.found<Segmentation>().ids, truth);
    } catch (const Error& error) {
      ErrorDetail detail = error.detail();
      detail.file = sample.truth.string();
      throw Error(error.code(), detail);
    }
    pixels_ += pixels_of(frame);
    return evaluator_.result().pixels > before;
  }

  Scores scores() const override {
    const SegmentationScores result = evaluator_.result();
    Scores scores{.metrics = metrics_of(result),
                  .counted = {{"pixels", result.pixels}},
                  .left_out = {{"pixels", pixels_ - result.pixels}},
                  .conventions = "the background is a class; label 255 is left out"};
    for (std::size_t id = 0; id < result.classes.size(); ++id) {
      const auto& one = result.classes[id];
      const std::string name =
          set_ ? std::string(set_->classes[id].name) : fmt::format("class {}", id);
      scores.parts.push_back({name, one.iou(), fmt::format("{} pixels", one.ground_truth)});
    }
    return scores;
  }

 private:
  SegmentationEvaluator evaluator_;
  const SegClassSet* set_;
  Index pixels_ = 0;  // of all images
};

std::string conventions_of(const DepthScores&) {
  return "after a scale (at least 0) and a shift for each image that fit its persons best; means "
         "of the images' own numbers";
}

std::string conventions_of(const NormalScores&) {
  return "over all pixels of persons of all images";
}

/// Of depths or normals, on the pixels of persons as far as masks tell them.
template <typename Evaluator, typename Found>
class MapMeasure : public Measure {
 public:
  bool add(const EvalImage& sample, const Frame& frame) override {
    const FloatArray& found = frame.found<Found>().values;
    pixels_ += pixels_of(frame);
    without_mask_ += sample.classes.empty();
    return evaluator_.add(found.values, read_values(sample.truth, found.shape),
                          read_mask(sample, frame.image));
  }

  Scores scores() const override {
    const auto result = evaluator_.result();
    return {.metrics = metrics_of(result),
            .counted = {{"pixels", result.pixels}},
            .left_out = {{"pixels", pixels_ - result.pixels},
                         {"masks_that_are_not_there", without_mask_}},
            .conventions = conventions_of(result)};
  }

 private:
  Evaluator evaluator_;
  Index pixels_ = 0, without_mask_ = 0;  // of all images; images
};

}  // namespace

std::unique_ptr<Measure> dense_measure(Task task, Index classes, const SegClassSet* set) {
  if (task == Task::Seg) return std::make_unique<SegMeasure>(classes, set);
  if (task == Task::Depth) return std::make_unique<MapMeasure<DepthEvaluator, DepthMap>>();
  if (task == Task::Normal) return std::make_unique<MapMeasure<NormalEvaluator, NormalMap>>();
  throw Error(ErrorCode::InvalidArgument,
              {.summary = fmt::format("results for {} cannot be measured", task_name(task))});
}

}  // namespace sapiens::cli
