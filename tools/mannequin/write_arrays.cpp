#include "output_file.hpp"
#include "request.hpp"

namespace mannequin {
namespace {

/// Maps -1 to 1 to -127 to 127.
std::vector<std::int8_t> as_bytes(const std::vector<float>& normals) {
  std::vector<std::int8_t> bytes(normals.size());
  std::transform(normals.begin(), normals.end(), bytes.begin(), [](float component) {
    return static_cast<std::int8_t>(std::lround(component * 127));
  });
  return bytes;
}

}  // namespace

void write_arrays(const Request& request, const Progress& progress) {
  const std::int64_t n = request.count, h = request.height, w = request.width;
  const auto in = [&](const char* name) { return request.output / name; };
  ArrayFile images(in("images.npy"), "|u1", {n, h, w, 3});
  ArrayFile labels(in("labels.npy"), "|u1", {n, h, w});
  ArrayFile depth(in("depth.npy"), "<f4", {n, h, w});
  ArrayFile normals(in("normals.npy"), "|i1", {n, h, w, 3});
  ArrayFile keypoints(in("keypoints.npy"), "<f4", {n, kKeypoints, 3});
  ArrayFile boxes(in("boxes.npy"), "<f4", {n, 4});
  for_each_sample(request, progress, [&](std::int64_t, const Sample& sample) {
    images.write(sample.image.rgb);
    labels.write(sample.labels);
    depth.write(sample.depth);
    normals.write(as_bytes(sample.normals));
    std::vector<float> points;
    for (const Keypoint& point : sample.keypoints) {
      points.insert(points.end(), {point.x, point.y, real(point.visible)});
    }
    keypoints.write(points);
    const sapiens::Box& box = sample.box;
    boxes.write(std::vector<float>{box.x, box.y, box.width, box.height});
  });
  for (ArrayFile* file : {&images, &labels, &depth, &normals, &keypoints, &boxes}) {
    file->commit();
  }
}

}  // namespace mannequin
