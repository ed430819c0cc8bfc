#pragma once

#include <cstdint>
#include <sapiens/image.hpp>
#include <sapiens/results.hpp>

#include "keypoints.hpp"

namespace mannequin {

/// An image of one person and its ground truth.
struct Sample {
  sapiens::Image image;
  std::vector<std::uint8_t> labels = {};  ///< [H, W] goliath classes, 0 where no person is.
  std::vector<float> depth = {};    ///< [H, W] metres along the optical axis; 0 where no person is.
  std::vector<float> normals = {};  ///< [H, W, 3] x right, y up, z to the viewer; 0 likewise.
  std::array<Keypoint, kKeypoints> keypoints = {};
  sapiens::Box box = {};  ///< Bounding box of the labelled pixels.
  std::int64_t area = 0;  ///< Number of labelled pixels.
  Camera camera = {};
};

/// Makes image `index` of `seed`; it depends on no other state.
Sample make_sample(std::uint64_t seed, std::uint64_t index, int width, int height,
                   View view = View::Any);

}  // namespace mannequin
