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

/// The header of a `.npy` file.
struct NpyHeaderInfo {
  std::string type = {};          ///< NumPy's type string: "<f4", "|u1".
  std::vector<Index> shape = {};  ///< Lengths of the axes.
  bool fortran_order = false;     ///< Column-major instead of row-major.
};

/// Reads only the header; any type is accepted except structured ones. Throws `Error`: NotFound,
/// CorruptFile, UnsupportedFormat.
NpyHeaderInfo read_npy_info(const std::filesystem::path& path);

/// Writes `values`, in row-major order, as `.npy` (version 1.0), as F32 or rounded to F16 or BF16.
/// NumPy has no bfloat16: the type is `<V2`, as NumPy writes arrays of the package ml_dtypes. The
/// file is replaced atomically. Throws `Error`: WriteFailed, OutOfResources.
void write_npy(const std::filesystem::path& path, std::span<const Index> shape,
               std::span<const float> values, DType dtype = DType::F32);

/// The same for numbers from 0 to 255, such as class ids, written as int64 (`<i8`).
void write_npy_ids(const std::filesystem::path& path, std::span<const Index> shape,
                   std::span<const std::uint8_t> ids);

/// The same for a mask, written as bool: false for 0, true for other values.
void write_npy_mask(const std::filesystem::path& path, std::span<const Index> shape,
                    std::span<const std::uint8_t> mask);

/// The same for numbers of 8 bits, such as those of `quantize_rows`, written as int8 (`|i1`).
void write_npy_int8(const std::filesystem::path& path, std::span<const Index> shape,
                    std::span<const std::int8_t> values);

/// The bytes of the file that `write_npy` writes.
std::vector<std::byte> encode_npy(std::span<const Index> shape, std::span<const float> values,
                                  DType dtype = DType::F32);
/// The bytes of the file that `write_npy_ids` writes.
std::vector<std::byte> encode_npy_ids(std::span<const Index> shape,
                                      std::span<const std::uint8_t> ids);
/// The bytes of the file that `write_npy_mask` writes.
std::vector<std::byte> encode_npy_mask(std::span<const Index> shape,
                                       std::span<const std::uint8_t> mask);

/// The bytes of the file that `write_npy_int8` writes.
std::vector<std::byte> encode_npy_int8(std::span<const Index> shape,
                                       std::span<const std::int8_t> values);

/// Reads a `.npy` file of int64 in C order with numbers from 0 to 255, as `write_npy_ids` writes
/// it. Throws like `read_npy_mask`, and `Error(UnsupportedFormat)` for other numbers.
std::vector<std::uint8_t> read_npy_ids(const std::filesystem::path& path,
                                       std::span<const Index> shape);

/// Reads a `.npy` file of bool in C order. Returns one byte per value, 0 or 1. Throws like
/// `read_npy`, and `Error(ShapeMismatch)` unless the array has the given shape.
std::vector<std::uint8_t> read_npy_mask(const std::filesystem::path& path,
                                        std::span<const Index> shape);

}  // namespace sapiens
