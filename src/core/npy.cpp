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

/// A type of numbers, as files and messages name it.
struct NumberType {
  const char* descr;
  const char* name;
  Index bytes;
};

constexpr NumberType kFloat = {"<f4", "float32", 4};
constexpr NumberType kBool = {"|b1", "bool", 1};

void refuse_other_numbers(const NpyHeader& header, const NumberType& wanted,
                          const std::string& file) {
  if (header.descr != wanted.descr) {
    throw Error(ErrorCode::UnsupportedFormat,
                {.summary = fmt::format("the array is not {}", wanted.name),
                 .file = file,
                 .expected = fmt::format("{}{} ({})", wanted.bytes > 1 ? "little-endian " : "",
                                         wanted.name, wanted.descr),
                 .actual = header.descr,
                 .hint = fmt::format("save it with np.save(path, array.astype(np.{}))",
                                     wanted.bytes > 1 ? wanted.name : "bool_")});
  }
  if (header.fortran_order) {
    throw Error(ErrorCode::UnsupportedFormat,
                {.summary = "the array is stored column by column (Fortran order)",
                 .file = file,
                 .hint = "save it with np.save(path, np.ascontiguousarray(array))"});
  }
}

Index expect_exact_size(const NpyHeader& header, Index number_bytes, std::uint64_t present,
                        const std::string& file) {
  const std::optional<Index> numel = checked_numel(header.shape);
  Index wanted = 0;
  if (!numel || __builtin_mul_overflow(*numel, number_bytes, &wanted)) {
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

/// The header, once it is known to hold all of `wanted`; the reader is left at the first number.
NpyHeader read_header_of(const NumberType& wanted, ByteReader& in) {
  NpyHeader header = read_npy_header(in);
  refuse_other_numbers(header, wanted, in.source());
  expect_exact_size(header, wanted.bytes, in.remaining(), in.source());
  return header;
}

void expect_filled(std::span<const Index> shape, std::size_t values,
                   const std::filesystem::path& path) {
  const std::optional<Index> numel = checked_numel(shape);
  if (numel && static_cast<std::uint64_t>(*numel) == values) return;
  throw Error(ErrorCode::ShapeMismatch, {.summary = "the array to write does not fill its shape",
                                         .file = path.string(),
                                         .expected = shape_text(shape),
                                         .actual = fmt::format("{} values", values)});
}

void write_header(AtomicFile& file, const char* descr, std::span<const Index> shape) {
  const std::string header =
      write_npy_header({.descr = descr, .shape = std::vector<Index>(shape.begin(), shape.end())});
  file.write(std::as_bytes(std::span(header)));
}

/// Block by block, each made of as many values by `encode(values, bytes)`.
template <typename From, typename Encode>
void write_encoded(AtomicFile& file, std::span<const From> values, std::size_t number_bytes,
                   Encode encode) {
  constexpr std::size_t kBlock = 16384;
  std::vector<std::byte> block(kBlock * number_bytes);
  while (!values.empty()) {
    const auto part = values.first(std::min(values.size(), kBlock));
    const auto bytes = std::span(block).first(part.size() * number_bytes);
    encode(part, bytes);
    file.write(bytes);
    values = values.subspan(part.size());
  }
}

}  // namespace

FloatArray read_npy(const std::filesystem::path& path) {
  const FileMap map(path);
  ByteReader in(map.bytes(), path.string());
  NpyHeader header = read_header_of(kFloat, in);
  const auto bytes = in.bytes(in.remaining());
  FloatArray array{std::move(header.shape), std::vector<float>(bytes.size() / sizeof(float))};
  if (!bytes.empty()) std::memcpy(array.values.data(), bytes.data(), bytes.size());
  return array;
}

std::vector<std::uint8_t> read_npy_mask(const std::filesystem::path& path,
                                        std::span<const Index> shape) {
  const FileMap map(path);
  ByteReader in(map.bytes(), path.string());
  const NpyHeader header = read_header_of(kBool, in);
  if (!std::ranges::equal(header.shape, shape)) {
    throw Error(ErrorCode::ShapeMismatch, {.summary = "the mask has another shape",
                                           .file = in.source(),
                                           .expected = shape_text(shape),
                                           .actual = shape_text(header.shape)});
  }
  const auto bytes = in.bytes(in.remaining());
  std::vector<std::uint8_t> mask(bytes.size());
  std::transform(bytes.begin(), bytes.end(), mask.begin(),
                 [](std::byte value) { return value != std::byte{0}; });
  return mask;
}

void write_npy(const std::filesystem::path& path, std::span<const Index> shape,
               std::span<const float> values, DType dtype) {
  if (dtype != DType::F32 && dtype != DType::F16) {
    throw Error(ErrorCode::InvalidArgument, {.summary = "arrays are written as f32 or f16 only",
                                             .actual = std::string(dtype_name(dtype))});
  }
  expect_filled(shape, values.size(), path);
  AtomicFile file(path);
  write_header(file, dtype == DType::F32 ? kFloat.descr : "<f2", shape);
  if (dtype == DType::F32) {
    file.write(std::as_bytes(values));
  } else {
    write_encoded(file, values, dtype_size(DType::F16), [](auto part, std::span<std::byte> bytes) {
      encode_floats(part, DType::F16, bytes);
    });
  }
  file.commit();
}

void write_npy_ids(const std::filesystem::path& path, std::span<const Index> shape,
                   std::span<const std::uint8_t> ids) {
  expect_filled(shape, ids.size(), path);
  AtomicFile file(path);
  write_header(file, "<i8", shape);
  write_encoded(file, ids, sizeof(std::int64_t), [](auto part, std::span<std::byte> bytes) {
    for (std::size_t i = 0; i < part.size(); ++i) {
      const std::int64_t id = part[i];
      std::memcpy(&bytes[i * sizeof(id)], &id, sizeof(id));
    }
  });
  file.commit();
}

void write_npy_mask(const std::filesystem::path& path, std::span<const Index> shape,
                    std::span<const std::uint8_t> mask) {
  expect_filled(shape, mask.size(), path);
  AtomicFile file(path);
  write_header(file, kBool.descr, shape);
  write_encoded(file, mask, kBool.bytes, [](auto part, std::span<std::byte> bytes) {
    std::transform(part.begin(), part.end(), bytes.begin(),
                   [](std::uint8_t value) { return std::byte{value != 0}; });
  });
  file.commit();
}

}  // namespace sapiens
