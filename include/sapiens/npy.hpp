#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "sapiens/dtype.hpp"
#include "sapiens/float_array.hpp"
#include "sapiens/tensor_view.hpp"

namespace sapiens {

/// Reads a NumPy `.npy` file of little-endian float32 in C order. Throws `Error` (NotFound,
/// CorruptFile, UnsupportedFormat for another dtype or Fortran order).
FloatArray read_npy(const std::filesystem::path& path);

/// What the header of a `.npy` file says.
struct NpyHeaderInfo {
  std::string type = {};  ///< As NumPy spells it: "<f4", "|u1".
  std::vector<Index> shape = {};
  bool fortran_order = false;
};

/// Reads the header alone, of whatever type. Throws `Error` (NotFound, CorruptFile,
/// UnsupportedFormat for what is no `.npy`, and for structured elements).
NpyHeaderInfo read_npy_info(const std::filesystem::path& path);

/// Writes `values` as `.npy` (version 1.0, C order), as F32 or rounded to F16. Written to a
/// temporary name in the same folder and renamed, so a reader never sees half a file. Throws
/// WriteFailed or OutOfResources (disk full).
void write_npy(const std::filesystem::path& path, std::span<const Index> shape,
               std::span<const float> values, DType dtype = DType::F32);

/// The same for numbers from 0 to 255, such as classes, as int64 (`<i8`).
void write_npy_ids(const std::filesystem::path& path, std::span<const Index> shape,
                   std::span<const std::uint8_t> ids);

/// The same for truth values, as bool: false for 0, true for anything else.
void write_npy_mask(const std::filesystem::path& path, std::span<const Index> shape,
                    std::span<const std::uint8_t> mask);

/// The bytes of the files that these three write, for sending them elsewhere. Throw as they do.
std::vector<std::byte> encode_npy(std::span<const Index> shape, std::span<const float> values,
                                  DType dtype = DType::F32);
std::vector<std::byte> encode_npy_ids(std::span<const Index> shape,
                                      std::span<const std::uint8_t> ids);
std::vector<std::byte> encode_npy_mask(std::span<const Index> shape,
                                       std::span<const std::uint8_t> mask);

/// Reads a `.npy` file of bool in C order: one byte per value, 0 or 1. Throws as `read_npy`, and
/// ShapeMismatch unless its shape is `shape`.
std::vector<std::uint8_t> read_npy_mask(const std::filesystem::path& path,
                                        std::span<const Index> shape);

}  // namespace sapiens
