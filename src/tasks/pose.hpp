#pragma once

#include <span>
#include <vector>

#include "core/thread_pool.hpp"
#include "preprocess/preprocess.hpp"
#include "sapiens/results.hpp"
#include "tasks/resample.hpp"

namespace sapiens {

/// A keypoint in pixels of the network's input, before it is mapped into the image.
struct InputKeypoint {
  double x = 0, y = 0;
  float score = 0;
};

/// heatmaps = (heatmaps + mirrored back) / 2, where `mirrored` is the output for the mirrored input
/// and `partners[k]` is the keypoint that k becomes when mirrored. Throws ShapeMismatch where the
/// sizes differ.
void average_with_mirrored(Matrix heatmaps, const HeadOutput& mirrored,
                           std::span<const int> partners, const ThreadPool& pool);

/// UDP decoding: the highest pixel of each channel, moved to the maximum of a parabola through the
/// logarithm of the blurred map. A map without positive values gives pixel (-1, -1), as in the
/// original.
std::vector<InputKeypoint> decode_heatmaps(const HeadOutput& heatmaps, Grid input,
                                           const ThreadPool& pool);

/// Maps keypoints from the input to the image that the crop was taken from. As in the original this
/// maps 0 .. `input` onto the crop, where the crop's warp mapped 0 .. `input` - 1: off by up to a
/// pixel of the input at the far edge, but the published figures were measured this way.
std::vector<Keypoint> to_image(std::span<const InputKeypoint> keypoints, const PersonCrop& crop,
                               Grid input);

}  // namespace sapiens
