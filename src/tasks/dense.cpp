#include "tasks/dense.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <iterator>
#include <vector>

#include "sapiens/error.hpp"

namespace sapiens {
namespace {

FloatArray make_array(std::vector<Index> shape) {
  std::size_t count = 1;
  for (const Index extent : shape) count *= static_cast<std::size_t>(extent);
  return {.shape = std::move(shape), .values = std::vector<float>(count)};
}

float blended(float a, float b, float weight) noexcept { return a * (1.0f - weight) + b * weight; }

// The number of classes compared at once, in plain loops that compilers vectorise: four vectors on
// the baseline x86-64.
constexpr int kLanes = 16;

// Pads a pixel's logits to whole vectors. It is smaller than any logit and stays finite when
// blended.
constexpr float kNoClass = -1e38f;

// With a single logit x, a pixel belongs to the second class if sigmoid(x) > 0.3, that is x >
// log(0.3 / 0.7).
constexpr float kOneClassThreshold = -0.84729786f;

void expect_classes(Index classes) {
  if (1 <= classes && classes <= 256) return;
  throw Error(ErrorCode::InvalidArgument, {.summary = "class numbers must fit into a byte",
                                           .expected = "1 to 256 classes",
                                           .actual = fmt::format("{}", classes)});
}

// Returns the class of the largest blended logit of `a` and `b`, the first of several.
//
// Lane j follows the best of the classes j, j + kLanes, ...; a later one must be larger to win, and
// the smallest class wins among equal lanes. Where logits are NaN or infinite and none is the
// largest, that is class 0.
std::uint8_t best_class(const float* a, const float* b, float weight, Index classes) noexcept {
  const float rest = 1.0f - weight;
  float best[kLanes];
  std::int32_t block[kLanes];
  for (int j = 0; j < kLanes; ++j) {
    best[j] = a[j] * rest + b[j] * weight;
    block[j] = 0;
  }
  for (Index first = kLanes; first < classes; first += kLanes) {
    for (int j = 0; j < kLanes; ++j) {
      const float value = a[first + j] * rest + b[first + j] * weight;
      block[j] = value > best[j] ? static_cast<std::int32_t>(first) : block[j];
      best[j] = value > best[j] ? value : best[j];
    }
  }
  float largest = best[0];
  for (int j = 1; j < kLanes; ++j) largest = std::max(largest, best[j]);
  Index winner = classes;
  for (int j = 0; j < kLanes; ++j) {
    if (best[j] == largest) winner = std::min<Index>(winner, block[j] + j);
  }
  return static_cast<std::uint8_t>(winner < classes ? winner : 0);
}

void write_best_classes(const TwoStepResize& resize, Index classes, const ThreadPool& pool,
                        std::uint8_t* ids) {
  const TwoStepResize::Padding padding{.multiple = kLanes, .value = kNoClass};
  const Index stride = resize.padded_channels(padding);
  const Index width = std::ssize(resize.columns());
  const auto row_columns = static_cast<std::size_t>(resize.row_columns());
  resize.for_each_row(padding, pool, [&](Index y, const float* row) {
    std::vector<std::uint8_t> best(row_columns);
    for (std::size_t x = 0; x < row_columns; ++x) {
      const float* const logits = row + static_cast<Index>(x) * stride;
      best[x] = best_class(logits, logits, 0, classes);
    }
    std::uint8_t* id = ids + y * width;
    for (const auto& [first, second, weight] : resize.columns()) {
      // A class that is the best at both columns is the best between them.
      *id++ = best[first] == best[second]
                  ? best[first]
                  : best_class(row + first * stride, row + second * stride, weight, classes);
    }
  });
}

void write_one_class(const TwoStepResize& resize, const ThreadPool& pool, std::uint8_t* ids) {
  const Index width = std::ssize(resize.columns());
  resize.for_each_row({}, pool, [&](Index y, const float* row) {
    std::uint8_t* id = ids + y * width;
    for (const Tap& tap : resize.columns()) {
      const float x = row[tap.first] * (1.0f - tap.weight) + row[tap.second] * tap.weight;
      *id++ = x > kOneClassThreshold ? 1 : 0;
    }
  });
}

}  // namespace

FloatArray depth_of_image(const HeadOutput& depth, Grid input, Grid image, const ThreadPool& pool) {
  expect_shape("depth", depth.values, {kAny, 1});
  const TwoStepResize resize(depth, input, image);
  FloatArray result = make_array({image.height, image.width});
  resize.for_each_row({}, pool, [&](Index y, const float* row) {
    float* out = result.values.data() + y * image.width;
    for (const Tap& tap : resize.columns()) {
      *out++ = blended(row[tap.first], row[tap.second], tap.weight);
    }
  });
  return result;
}

FloatArray normals_of_image(const HeadOutput& normals, Grid input, Grid image,
                            const ThreadPool& pool) {
  expect_shape("normals", normals.values, {kAny, 3});
  const TwoStepResize resize(normals, input, image);
  FloatArray result = make_array({image.height, image.width, 3});
  resize.for_each_row({}, pool, [&](Index y, const float* row) {
    float* out = result.values.data() + y * image.width * 3;
    for (const Tap& tap : resize.columns()) {
      const float* const a = row + tap.first * 3;
      const float* const b = row + tap.second * 3;
      const float nx = blended(a[0], b[0], tap.weight);
      const float ny = blended(a[1], b[1], tap.weight);
      const float nz = blended(a[2], b[2], tap.weight);
      const float length = std::sqrt(nx * nx + ny * ny + nz * nz) + 1e-5f;
      *out++ = nx / length;
      *out++ = ny / length;
      *out++ = nz / length;
    }
  });
  return result;
}

Segmentation most_likely_classes(const HeadOutput& logits, Grid input, Grid image,
                                 const ThreadPool& pool) {
  const Index classes = logits.values.extent(1);
  expect_classes(classes);
  const TwoStepResize resize(logits, input, image);
  Segmentation result{.width = image.width,
                      .height = image.height,
                      .classes = std::max<Index>(classes, 2),
                      .ids = std::vector<std::uint8_t>(static_cast<std::size_t>(image.patches()))};
  if (classes == 1) {
    write_one_class(resize, pool, result.ids.data());
  } else {
    write_best_classes(resize, classes, pool, result.ids.data());
  }
  return result;
}

}  // namespace sapiens
