#include "tasks/dense.hpp"

#include <cmath>

namespace sapiens {
namespace {

FloatArray make_array(std::vector<Index> shape) {
  std::size_t count = 1;
  for (const Index extent : shape) count *= static_cast<std::size_t>(extent);
  return {.shape = std::move(shape), .values = std::vector<float>(count)};
}

float blended(float a, float b, float weight) noexcept { return a * (1.0f - weight) + b * weight; }

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

}  // namespace sapiens
