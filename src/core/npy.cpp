#include "sapiens/npy.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cstring>

#include "core/atomic_file.hpp"
#include "core/encode_floats.hpp"
#include "core/file_map.hpp"
#include "core/npy_header.hpp"
#include "core/shape.hpp"
#include "sapiens/error.hpp"

static_assert(std::endian::native == std::endian::little,
              "arrays are stored as they are in memory");

namespace sapiens {
namespace {

void refuse_other_numbers(const NpyHeader& header, const std::string& file) {
  if (header.descr != "<f4") {
    throw Error(ErrorCode::UnsupportedFormat,
                {.summary = "the array is not float32",
                 .file = file,
                 .expected = "little-endian float32 (<f4)",
                 .actual = header.descr,
                 .hint = "save it with np.save(path, array.astype(np.float32))"});
  }
  if (header.fortran_order) {
    throw Error(ErrorCode::UnsupportedFormat,
                {.summary = "the array is stored column by column (Fortran order)",
                 .file = file,
                 .hint = "save it with np.save(path, np.ascontiguousarray(array))"});
  }
}

Index expect_exact_size(const NpyHeader& header, std::uint64_t present, const std::string& file) {
  const std::optional<Index> numel = checked_numel(header.shape);
  Index wanted = 0;
  if (!numel || __builtin_mul_overflow(*numel, Index{sizeof(float)}, &wanted)) {
    throw Error(ErrorCode::CorruptFile, {.summary = "the array's shape is impossible",
                                         .file = file,
                                         .actual = shape_text(header.shape)});
  }
  const auto bytes = static_cast<std::uint64_t>(wanted);
  if (present == bytes) return *numel;
  throw Error(ErrorCode::CorruptFile,
              {.summary = present < bytes ? "the array ends early" : "bytes follow the array",
               .file = file,
               .expected = fmt::format("{} bytes for shape {}", bytes, shape_text(header.shape)),
               .actual = present < bytes ? fmt::format("{} bytes are missing", bytes - present)
                                         : fmt::format("{} bytes too many", present - bytes)});
}

void write_halves(AtomicFile& file, std::span<const float> values) {
  constexpr std::size_t kBlock = 16384;
  std::vector<std::byte> block(kBlock * dtype_size(DType::F16));
  while (!values.empty()) {
    const auto part = values.first(std::min(values.size(), kBlock));
    const auto halves = std::span(block).first(part.size() * dtype_size(DType::F16));
    encode_floats(part, DType::F16, halves);
    file.write(halves);
    values = values.subspan(part.size());
  }
}

}  // namespace

FloatArray read_npy(const std::filesystem::path& path) {
  const FileMap map(path);
  ByteReader in(map.bytes(), path.string());
  NpyHeader header = read_npy_header(in);
  refuse_other_numbers(header, in.source());
  const Index numel = expect_exact_size(header, in.remaining(), in.source());

  const auto bytes = in.bytes(in.remaining());
  FloatArray array{std::move(header.shape), std::vector<float>(static_cast<std::size_t>(numel))};
  if (!bytes.empty()) std::memcpy(array.values.data(), bytes.data(), bytes.size());
  return array;
}

void write_npy(const std::filesystem::path& path, std::span<const Index> shape,
               std::span<const float> values, DType dtype) {
  if (dtype != DType::F32 && dtype != DType::F16) {
    throw Error(ErrorCode::InvalidArgument, {.summary = "arrays are written as f32 or f16 only",
                                             .actual = std::string(dtype_name(dtype))});
  }
  const std::optional<Index> numel = checked_numel(shape);
  if (!numel || static_cast<std::uint64_t>(*numel) != values.size()) {
    throw Error(ErrorCode::ShapeMismatch, {.summary = "the array to write does not fill its shape",
                                           .file = path.string(),
                                           .expected = shape_text(shape),
                                           .actual = fmt::format("{} values", values.size())});
  }
  const std::string header =
      write_npy_header({.descr = dtype == DType::F32 ? "<f4" : "<f2",
                        .shape = std::vector<Index>(shape.begin(), shape.end())});
  AtomicFile file(path);
  file.write(std::as_bytes(std::span(header)));
  if (dtype == DType::F32) {
    file.write(std::as_bytes(values));
  } else {
    write_halves(file, values);
  }
  file.commit();
}

}  // namespace sapiens
