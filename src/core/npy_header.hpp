#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "core/byte_reader.hpp"
#include "sapiens/tensor_view.hpp"

namespace sapiens {

/// The header of a `.npy` file.
struct NpyHeader {
  std::string descr;  ///< "<f4"
  bool fortran_order = false;
  std::vector<Index> shape;
};

/// Reads magic, version (1.0 to 3.0) and header; the reader is left at the first number. Throws
/// `Error`: UnsupportedFormat for another file or a structured dtype, CorruptFile otherwise.
NpyHeader read_npy_header(ByteReader& in);

/// Returns magic, version 1.0 and header, padded so that the numbers start at a multiple of 64
/// bytes.
std::string write_npy_header(const NpyHeader& header);

}  // namespace sapiens
