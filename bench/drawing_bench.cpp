// Measures drawing each task's result for one person in an image of 1920x1080, and writing it, on
// one thread.
//
//   drawing_bench --benchmark_filter=seg
//
// `MP` is how many megapixels are drawn or written per second, `MB` the size of the file.
#include <benchmark/benchmark.h>

#include <cmath>
#include <filesystem>
#include <functional>
#include <opencv2/core/utility.hpp>
#include <string>
#include <vector>

#include "image/png_file.hpp"
#include "sapiens/draw.hpp"
#include "sapiens/result_files.hpp"

namespace sapiens {
namespace {

constexpr Index kWidth = 1920, kHeight = 1080, kPixels = kWidth * kHeight;

/// An image that compresses to two thirds of a byte per pixel, slightly worse than downscaled
/// photographs.
Image photograph() {
  Image image{.width = kWidth, .height = kHeight, .rgb = {}};
  std::uint32_t chance = 1;
  for (Index pixel = 0; pixel < kPixels; ++pixel) {
    const auto x = static_cast<double>(pixel % kWidth), y = static_cast<double>(pixel / kWidth);
    for (int c = 0; c < 3; ++c) {
      chance = chance * 1664525u + 1013904223u;
      const double smooth = 120 + 60 * std::sin(x / 397 + c) + 50 * std::sin(y / 261 - x / 811);
      image.rgb.push_back(static_cast<std::uint8_t>(smooth + (chance >> 28 == 0 ? 1 : 0)));
    }
  }
  return image;
}

/// A segmentation with 27 classes in the columns of an oval that covers a third of the image.
Segmentation person() {
  Segmentation found{.width = kWidth, .height = kHeight, .classes = 28, .ids = {}};
  for (Index pixel = 0; pixel < kPixels; ++pixel) {
    const double x = static_cast<double>(pixel % kWidth) / kWidth * 2 - 1;
    const double y = static_cast<double>(pixel / kWidth) / kHeight * 2 - 1;
    const bool inside = x * x * 4 + y * y < 1;
    found.ids.push_back(static_cast<std::uint8_t>(inside ? 14 + 26 * x : 0));
  }
  return found;
}

std::vector<float> surface(Index channels) {
  std::vector<float> values;
  for (Index i = 0; i < kPixels * channels; ++i) {
    values.push_back(static_cast<float>(std::sin(static_cast<double>(i) * 1e-3)));
  }
  return values;
}

/// A pose of 308 points in rows of 14.
Pose standing_pose() {
  Pose pose{.box = {.x = 600, .y = 40, .width = 700, .height = 1000}, .keypoints = {}};
  for (int k = 0; k < 308; ++k) {
    pose.keypoints.push_back(
        {650.0f + 45 * static_cast<float>(k % 14), 60.0f + 44 * static_cast<float>(k / 14), 0.9f});
  }
  return pose;
}

void report(benchmark::State& state, Index pixels, double bytes = 0) {
  using benchmark::Counter;
  state.counters["MP"] =
      Counter(static_cast<double>(pixels) * 1e-6, Counter::kIsIterationInvariantRate);
  if (bytes > 0) state.counters["MB"] = bytes * 1e-6;
}

void add_drawing(const std::string& task, std::function<Image()> draw) {
  benchmark::RegisterBenchmark(("draw/" + task).c_str(), [draw](benchmark::State& state) {
    Index pixels = 0;
    for (auto _ : state) {
      const Image drawing = draw();
      pixels = drawing.width * drawing.height;
    }
    report(state, pixels);
  })->Unit(benchmark::kMillisecond);
  benchmark::RegisterBenchmark(("png/" + task).c_str(), [draw](benchmark::State& state) {
    const Image drawing = draw();
    std::size_t bytes = 0;
    for (auto _ : state) {
      bytes = encode_png(
                  {.width = drawing.width, .height = drawing.height, .pixels = drawing.rgb.data()})
                  .size();
    }
    report(state, drawing.width * drawing.height, static_cast<double>(bytes));
  })->Unit(benchmark::kMillisecond);
}

void add_file(const std::string& name,
              std::function<void(const std::filesystem::path& path)> write) {
  benchmark::RegisterBenchmark(("file/" + name).c_str(), [=](benchmark::State& state) {
    const auto path = std::filesystem::temp_directory_path() / ("sapiens_bench_" + name);
    for (auto _ : state) write(path);
    report(state, kPixels, static_cast<double>(std::filesystem::file_size(path)));
    std::filesystem::remove(path);
  })->Unit(benchmark::kMillisecond);
}

int run(int argc, char** argv) {
  cv::setNumThreads(1);
  const Image image = photograph();
  const Segmentation found = person();
  const std::vector<float> depths = surface(1), normals = surface(3);
  const TensorView<const float, 2> depth(depths.data(), {kHeight, kWidth});
  const TensorView<const float, 3> normal(normals.data(), {kHeight, kWidth, 3});
  const std::vector<Pose> poses = {standing_pose()};

  add_drawing("pose", [&] { return draw_pose(image, poses, find_keypoint_set(308)); });
  add_drawing("seg", [&] { return draw_segmentation(image, found, find_seg_classes(28)); });
  add_drawing("depth", [&] { return draw_depth(image, depth, found.ids); });
  add_drawing("normal", [&] { return draw_normals(image, normal, found.ids); });
  add_file("class.png", [&](const auto& path) { write_class_png(path, found); });
  add_file("depth.png", [&](const auto& path) { write_depth_png(path, depth, found.ids); });
  add_file("depth.exr", [&](const auto& path) { write_depth_exr(path, depth); });
  add_file("normal.exr", [&](const auto& path) { write_normals_exr(path, normal); });

  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 2;
  benchmark::RunSpecifiedBenchmarks();
  return 0;
}

}  // namespace
}  // namespace sapiens

int main(int argc, char** argv) { return sapiens::run(argc, argv); }
