#pragma once

#include <filesystem>
#include <span>

#include "sapiens/dtype.hpp"
#include "sapiens/features.hpp"
#include "sapiens/image.hpp"
#include "sapiens/tensor_view.hpp"

namespace sapiens {

/// Reads a NumPy `.npy` file of little-endian float32 in C order. Throws `Error` (NotFound,
/// CorruptFile, UnsupportedFormat for another dtype or Fortran order).
FloatArray read_npy(const std::filesystem::path& path);

/// Writes `values` as `.npy` (version 1.0, C order), as F32 or rounded to F16. Written to a
/// temporary name in the same folder and renamed, so a reader never sees half a file. Throws
/// WriteFailed or OutOfResources (disk full).
void write_npy(const std::filesystem::path& path, std::span<const Index> shape,
               std::span<const float> values, DType dtype = DType::F32);

/// The first three principal components of a [C, gh, gw] feature map as red, green and blue,
/// enlarged to the picture and laid over it, the plain picture at the left.
Image draw_features(const Image& picture, TensorView<const float, 3> featmap);

}  // namespace sapiens
