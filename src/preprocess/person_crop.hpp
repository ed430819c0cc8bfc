#pragma once

#include "sapiens/image.hpp"
#include "sapiens/report.hpp"
#include "sapiens/results.hpp"
#include "sapiens/tensor_view.hpp"

namespace sapiens {

/// The part of an image that a pose network receives: a person's box, enlarged by a quarter, in the
/// aspect ratio of the network's input. In pixels of the image, and float32 as in the original.
struct PersonCrop {
  float center_x = 0, center_y = 0;
  float width = 0, height = 0;
};

/// Throws InvalidArgument unless width and height are positive and all edges lie within 2^18 pixels
/// of the image's corner.
PersonCrop crop_of_box(const Box& box, Grid input);

/// Resamples the crop to `input` pixels, byte for byte as OpenCV does; black where the crop reaches
/// beyond the image. Throws InvalidArgument for an image wider or higher than 32766.
Image warp_person(const Image& image, const PersonCrop& crop, Grid input);

/// Mirrors a [C, H, W] input horizontally, in place, for the second pass of flip testing.
void mirror_columns(TensorView<float, 3> chw);

}  // namespace sapiens
