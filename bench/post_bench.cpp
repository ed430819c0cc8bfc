// Measures the processing after the network, from the output of each head at the published input
// size to the result.
//
//   post_bench --threads=2 --benchmark_filter=seg
//
// The last numbers of a row are width and height of the image, or how many keypoints there are.
#include <algorithm>
#include <string>
#include <vector>

#include "core/aligned_buffer.hpp"
#include "rows.hpp"
#include "tasks/dense.hpp"
#include "tasks/keypoint_sets.hpp"
#include "tasks/pose.hpp"

namespace sapiens {
namespace {

constexpr Grid kInput{1024, 768};
constexpr Grid kImages[] = {{1080, 1920}, {4000, 6000}};

// A head's output: noise, so that nothing can be skipped, optionally with regions of 32 pixels in
// which one channel is the largest, as in real images.
class Map {
 public:
  Map(Grid size, Index channels, bool regions = false)
      : size_(size), channels_(channels), values_(size.patches() * channels) {
    Index i = 0;
    for (float& x : values_.span()) x = static_cast<float>(i++ * 7919 % 2003) / 1001 - 1;
    if (!regions) return;
    for (Index y = 0; y < size.height; ++y) {
      for (Index x = 0; x < size.width; ++x) {
        values()[y * size.width + x][(7 * (y / 32) + 3 * (x / 32)) % channels] += 3;
      }
    }
  }

  Matrix values() { return {values_.data(), {size_.patches(), channels_}}; }
  HeadOutput output() { return {values(), size_}; }

 private:
  Grid size_;
  Index channels_;
  AlignedBuffer<float> values_;
};

template <class Decode>
void add_dense(const std::string& name, Grid head, Index channels, const ThreadPool& pool,
               Decode decode, bool regions = false) {
  for (const Grid image : kImages) {
    const std::string size = "/" + std::to_string(image.width) + "x" + std::to_string(image.height);
    benchmark::RegisterBenchmark(
        (name + size).c_str(),
        [=, &pool](benchmark::State& state) {
          Map map(head, channels, regions);
          for (auto _ : state) {
            benchmark::DoNotOptimize(decode(map.output(), kInput, image, pool));
          }
        })
        ->UseRealTime()
        ->MeasureProcessCPUTime()
        ->Unit(benchmark::kMillisecond);
  }
}

void add_pose(const KeypointSet& set, const ThreadPool& pool) {
  const auto count = static_cast<Index>(set.keypoints.size());
  benchmark::RegisterBenchmark(
      ("pose/flip/" + std::to_string(count)).c_str(),
      [=, &set, &pool](benchmark::State& state) {
        constexpr Grid kHead{256, 192};
        Map map(kHead, count), mirrored(kHead, count);
        const std::vector<int> partners = flip_partners(set);
        for (auto _ : state) {
          average_with_mirrored(map.values(), mirrored.output(), partners, pool);
          benchmark::DoNotOptimize(decode_heatmaps(map.output(), kInput, pool));
        }
      })
      ->UseRealTime()
      ->MeasureProcessCPUTime()
      ->Unit(benchmark::kMillisecond);
}

int run(int argc, char** argv) {
  const ThreadPool pool(take_threads(argc, argv));
  constexpr Grid kHalf{512, 384};
  add_dense("seg/28/regions", kHalf, 28, pool, most_likely_classes, true);
  add_dense("seg/28/noise", kHalf, 28, pool, most_likely_classes);
  add_dense("depth", kInput, 1, pool, depth_of_image);
  add_dense("normal", kHalf, 3, pool, normals_of_image);
  for (const KeypointSet* set : {&kCocoKeypoints, &kCocoWholeBodyKeypoints, &kGoliathKeypoints}) {
    add_pose(*set, pool);
  }
  return run_rows(argc, argv, pool);
}

}  // namespace
}  // namespace sapiens

int main(int argc, char** argv) { return sapiens::run(argc, argv); }
