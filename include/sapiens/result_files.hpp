#pragma once

#include <cstdint>
#include <filesystem>
#include <span>

#include "sapiens/labels.hpp"
#include "sapiens/results.hpp"
#include "sapiens/tensor_view.hpp"

namespace sapiens {

// Results in common file formats. Writers replace files atomically and throw `Error`:
// InvalidArgument for a result whose buffer does not match its size, WriteFailed, OutOfResources.

/// Writes a PNG with a palette. Pixel values are the class ids; the colours are those of
/// `draw_segmentation`.
void write_class_png(const std::filesystem::path& path, const Segmentation& segmentation,
                     const SegClassSet* set = nullptr);

/// Reads the pixel values of a palette or grey PNG with at most 8 bits as class ids. Colours and
/// EXIF orientation are ignored; `classes` becomes the largest id plus 1. Throws `Error`: NotFound,
/// CorruptFile, UnsupportedFormat for other kinds of files.
Segmentation read_class_png(const std::filesystem::path& path);

/// The range of a depth PNG; both are 0 if no pixel has a depth.
struct DepthRange {
  float nearest = 0;   ///< Depth of pixel value 1.
  float farthest = 0;  ///< Depth of pixel value 65535.
};

/// Writes depth [H, W] as a grey PNG of 16 bits. Depths under `mask` (see `draw_depth`) are scaled
/// from 1 (nearest) to 65535 (farthest); pixels outside of it or without a finite depth are 0. The
/// returned range is also stored in the file as the texts `depth_nearest` and `depth_farthest`:
///
///   depth = nearest + (value - 1) / 65534 * (farthest - nearest)
DepthRange write_depth_png(const std::filesystem::path& path, TensorView<const float, 2> depth,
                           std::span<const std::uint8_t> mask = {});

/// Writes depth [H, W] as OpenEXR: one float32 channel, "Z".
void write_depth_exr(const std::filesystem::path& path, TensorView<const float, 2> depth);

/// Writes normals [H, W, 3] as OpenEXR: x, y, z from -1 to 1 as the float32 channels "R", "G", "B",
/// which all viewers of EXR display.
void write_normals_exr(const std::filesystem::path& path, TensorView<const float, 3> normals);

}  // namespace sapiens
