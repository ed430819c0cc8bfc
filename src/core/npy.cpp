#include "sapiens/npy.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cstring>
#include <new>
#include <string>
#include <utility>

#include "core/atomic_file.hpp"
#include "core/half.hpp"
#include "core/memory_in_use.hpp"
#include "core/npy_header.hpp"
#include "core/open_file.hpp"
#include "core/shape.hpp"
#include "sapiens/error.hpp"

static_assert(std::endian::native == std::endian::little,
              "arrays are stored as they are in memory");

namespace sapiens {
namespace {

/// A number type, as files and messages name it.
struct NumberType {
  const char* descr;
  const char* name;
  Index bytes;
};

constexpr NumberType kFloat = {"<f4", "float32", 4};
constexpr NumberType kBool = {"|b1", "bool", 1};
constexpr NumberType kInt64 = {"<i8", "int64", 8};

const char* descr_of(DType dtype) {
  if (dtype == DType::F16) return "<f2";
  return dtype == DType::BF16 ? "<V2" : kFloat.descr;
}

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
    throw Error(ErrorCode::CorruptFile, {.summary = "the array's shape is invalid",
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

/// Reads the header and checks that the file holds all of `wanted`; the reader is left at the first
/// number.
NpyHeader read_header_of(const NumberType& wanted, ByteReader& in) {
  NpyHeader header = read_npy_header(in);
  refuse_other_numbers(header, wanted, in.source());
  expect_exact_size(header, wanted.bytes, in.remaining(), in.source());
  return header;
}

void expect_filled(std::span<const Index> shape, std::size_t values, const std::string& file) {
  const std::optional<Index> numel = checked_numel(shape);
  if (numel && static_cast<std::uint64_t>(*numel) == values) return;
  throw Error(ErrorCode::ShapeMismatch, {.summary = "the array to write does not fill its shape",
                                         .file = file,
                                         .expected = shape_text(shape),
                                         .actual = fmt::format("{} values", values)});
}

/// Collects bytes in memory with the interface of AtomicFile.
struct Memory {
  std::vector<std::byte> bytes = {};

  void write(std::span<const std::byte> more) {
    bytes.insert(bytes.end(), more.begin(), more.end());
  }
};

template <typename Out>
void write_header(Out& file, const char* descr, std::span<const Index> shape) {
  const std::string header =
      write_npy_header({.descr = descr, .shape = std::vector<Index>(shape.begin(), shape.end())});
  file.write(std::as_bytes(std::span(header)));
}

/// Writes `values` in blocks, which `encode(values, bytes)` converts.
template <typename Out, typename From, typename Encode>
void write_encoded(Out& file, std::span<const From> values, std::size_t number_bytes,
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

void expect_writable(std::span<const Index> shape, std::span<const float> values, DType dtype,
                     const std::string& file) {
  if (dtype != DType::F32 && dtype != DType::F16 && dtype != DType::BF16) {
    throw Error(ErrorCode::InvalidArgument, {.summary = "arrays are written as f32, f16 or bf16",
                                             .actual = std::string(dtype_name(dtype))});
  }
  expect_filled(shape, values.size(), file);
}

template <typename Out>
void write_floats(Out& out, std::span<const Index> shape, std::span<const float> values,
                  DType dtype) {
  write_header(out, descr_of(dtype), shape);
  if (dtype == DType::F32) {
    out.write(std::as_bytes(values));
  } else {
    write_encoded(out, values, dtype_size(dtype), [dtype](auto part, std::span<std::byte> bytes) {
      encode_floats(part, dtype, bytes);
    });
  }
}

template <typename Out>
void write_ids(Out& out, std::span<const Index> shape, std::span<const std::uint8_t> ids) {
  write_header(out, kInt64.descr, shape);
  write_encoded(out, ids, sizeof(std::int64_t), [](auto part, std::span<std::byte> bytes) {
    for (std::size_t i = 0; i < part.size(); ++i) {
      const std::int64_t id = part[i];
      std::memcpy(&bytes[i * sizeof(id)], &id, sizeof(id));
    }
  });
}

template <typename Out>
void write_int8(Out& out, std::span<const Index> shape, std::span<const std::int8_t> values) {
  write_header(out, "|i1", shape);
  out.write(std::as_bytes(values));
}

template <typename Out>
void write_mask(Out& out, std::span<const Index> shape, std::span<const std::uint8_t> mask) {
  write_header(out, kBool.descr, shape);
  write_encoded(out, mask, kBool.bytes, [](auto part, std::span<std::byte> bytes) {
    std::transform(part.begin(), part.end(), bytes.begin(),
                   [](std::uint8_t value) { return std::byte{value != 0}; });
  });
}

/// The bytes that `write(out)` writes: a header, followed by numbers.
template <typename Write>
std::vector<std::byte> in_memory(std::size_t number_bytes, Write write) {
  try {
    constexpr std::size_t kHeader = 256;  // more than any header that is written here
    Memory out;
    out.bytes.reserve(kHeader + number_bytes);
    write(out);
    return std::move(out.bytes);
  } catch (const std::bad_alloc&) {
    throw Error(ErrorCode::OutOfResources,
                {.summary = "not enough memory to encode the array", .actual = memory_in_use()});
  }
}

/// One byte for each number of the file, which `convert(bytes, file)` makes of its bytes.
template <typename Convert>
std::vector<std::uint8_t> read_pixels(const std::filesystem::path& path,
                                      std::span<const Index> shape, const NumberType& type,
                                      const char* wrong_shape, Convert convert) {
  const FileMap map(path);
  ByteReader in(map.bytes(), path.string());
  const NpyHeader header = read_header_of(type, in);
  if (!std::ranges::equal(header.shape, shape)) {
    throw Error(ErrorCode::ShapeMismatch, {.summary = wrong_shape,
                                           .file = in.source(),
                                           .expected = shape_text(shape),
                                           .actual = shape_text(header.shape)});
  }
  const auto bytes = in.bytes(in.remaining());
  const auto size = static_cast<std::size_t>(type.bytes);
  std::vector<std::uint8_t> pixels;
  pixels.reserve(bytes.size() / size);
  for (std::size_t at = 0; at < bytes.size(); at += size) {
    pixels.push_back(convert(bytes.subspan(at, size), in.source()));
  }
  return pixels;
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

NpyHeaderInfo read_npy_info(const std::filesystem::path& path) {
  const FileMap map(path);
  ByteReader in(map.bytes(), path.string());
  NpyHeader header = read_npy_header(in);
  return {std::move(header.descr), std::move(header.shape), header.fortran_order};
}

std::vector<std::uint8_t> read_npy_mask(const std::filesystem::path& path,
                                        std::span<const Index> shape) {
  return read_pixels(path, shape, kBool, "the mask has another shape",
                     [](std::span<const std::byte> value, const std::string&) -> std::uint8_t {
                       return value.front() != std::byte{0} ? 1 : 0;
                     });
}

std::vector<std::uint8_t> read_npy_ids(const std::filesystem::path& path,
                                       std::span<const Index> shape) {
  return read_pixels(path, shape, kInt64, "the class ids have another shape",
                     [](std::span<const std::byte> value, const std::string& file) {
                       std::int64_t id = 0;
                       std::memcpy(&id, value.data(), sizeof id);
                       if (id >= 0 && id <= 255) return static_cast<std::uint8_t>(id);
                       throw Error(ErrorCode::UnsupportedFormat,
                                   {.summary = "the array does not hold class ids",
                                    .file = file,
                                    .expected = "0 to 255",
                                    .actual = std::to_string(id)});
                     });
}

void write_npy(const std::filesystem::path& path, std::span<const Index> shape,
               std::span<const float> values, DType dtype) {
  expect_writable(shape, values, dtype, path.string());
  AtomicFile file(path);
  write_floats(file, shape, values, dtype);
  file.commit();
}

void write_npy_ids(const std::filesystem::path& path, std::span<const Index> shape,
                   std::span<const std::uint8_t> ids) {
  expect_filled(shape, ids.size(), path.string());
  AtomicFile file(path);
  write_ids(file, shape, ids);
  file.commit();
}

void write_npy_mask(const std::filesystem::path& path, std::span<const Index> shape,
                    std::span<const std::uint8_t> mask) {
  expect_filled(shape, mask.size(), path.string());
  AtomicFile file(path);
  write_mask(file, shape, mask);
  file.commit();
}

void write_npy_int8(const std::filesystem::path& path, std::span<const Index> shape,
                    std::span<const std::int8_t> values) {
  expect_filled(shape, values.size(), path.string());
  AtomicFile file(path);
  write_int8(file, shape, values);
  file.commit();
}

std::vector<std::byte> encode_npy(std::span<const Index> shape, std::span<const float> values,
                                  DType dtype) {
  expect_writable(shape, values, dtype, {});
  return in_memory(values.size() * dtype_size(dtype),
                   [&](Memory& out) { write_floats(out, shape, values, dtype); });
}

std::vector<std::byte> encode_npy_ids(std::span<const Index> shape,
                                      std::span<const std::uint8_t> ids) {
  expect_filled(shape, ids.size(), {});
  return in_memory(ids.size() * sizeof(std::int64_t),
                   [&](Memory& out) { write_ids(out, shape, ids); });
}

std::vector<std::byte> encode_npy_mask(std::span<const Index> shape,
                                       std::span<const std::uint8_t> mask) {
  expect_filled(shape, mask.size(), {});
  return in_memory(mask.size(), [&](Memory& out) { write_mask(out, shape, mask); });
}

std::vector<std::byte> encode_npy_int8(std::span<const Index> shape,
                                       std::span<const std::int8_t> values) {
  expect_filled(shape, values.size(), {});
  return in_memory(values.size(), [&](Memory& out) { write_int8(out, shape, values); });
}

}  // namespace sapiens
