#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cassert>
#include <cstring>

#include "checkpoint/state_dict.hpp"
#include "checkpoint/stored_member.hpp"
#include "core/half.hpp"
#include "core/open_file.hpp"
#include "core/shape.hpp"
#include "sapiens/error.hpp"

namespace sapiens {
namespace {

bool is_packed(const TensorEntry& tensor) noexcept {
  if (tensor.numel() == 0) return true;  // its other extents may have any product
  Index step = 1;
  for (std::size_t axis = tensor.shape.size(); axis-- > 0;) {
    if (tensor.shape[axis] != 1 && tensor.strides[axis] != step) return false;
    step *= tensor.shape[axis];
  }
  return true;
}

/// Elements along one axis, `stride` elements apart.
struct Run {
  const std::byte* first;
  Index count;
  Index stride;
};

// Calls `visit(run)` for elements [first, first + count) in row-major order, in pieces that lie on
// one line in memory.
template <typename Visit>
void for_each_run(const TensorEntry& tensor, Index first, Index count, Visit&& visit) {
  assert(0 <= first && first + count <= tensor.numel());
  const auto element = static_cast<Index>(dtype_size(tensor.dtype));
  if (is_packed(tensor)) {
    if (count > 0) visit(Run{tensor.data + first * element, count, 1});
    return;
  }
  const std::size_t last_axis = tensor.shape.size() - 1;  // a scalar is packed
  const Index width = tensor.shape[last_axis];
  while (count > 0) {
    const Index column = first % width;
    Index row = first / width;
    Index offset = column * tensor.strides[last_axis];
    for (std::size_t axis = last_axis; axis-- > 0;) {
      offset += row % tensor.shape[axis] * tensor.strides[axis];
      row /= tensor.shape[axis];
    }
    const Index length = std::min(count, width - column);
    visit(Run{tensor.data + offset * element, length, tensor.strides[last_axis]});
    first += length;
    count -= length;
  }
}

/// The bytes of one element in native order; checkpoints align nothing.
template <typename T, bool kSwapped>
T load(const std::byte* at) noexcept {
  std::array<std::byte, sizeof(T)> bytes;
  std::memcpy(bytes.data(), at, sizeof(T));
  if constexpr (kSwapped) std::ranges::reverse(bytes);
  T value;
  std::memcpy(&value, bytes.data(), sizeof(T));
  return value;
}

struct HalfBits {
  std::uint16_t bits;
};
struct BFloat16Bits {
  std::uint16_t bits;
};

template <typename T>
float to_float(T value) noexcept {
  return static_cast<float>(value);
}
float to_float(HalfBits value) noexcept { return half_to_float(value.bits); }
float to_float(BFloat16Bits value) noexcept { return bfloat16_to_float(value.bits); }

template <typename T, bool kSwapped>
void convert(const Run& run, float* out) noexcept {
  const auto step = run.stride * static_cast<Index>(sizeof(T));
  if (run.stride == 1) {  // a constant step lets the compiler use vectors
    for (Index i = 0; i < run.count; ++i) {
      out[i] = to_float(load<T, kSwapped>(run.first + i * static_cast<Index>(sizeof(T))));
    }
    return;
  }
  for (Index i = 0; i < run.count; ++i) {
    out[i] = to_float(load<T, kSwapped>(run.first + i * step));
  }
}

template <typename T>
void read_as_float(const TensorEntry& tensor, Index first, std::span<float> out) {
  float* to = out.data();
  for_each_run(tensor, first, static_cast<Index>(out.size()), [&](const Run& run) {
    tensor.byte_swapped ? convert<T, true>(run, to) : convert<T, false>(run, to);
    to += run.count;
  });
}

template <typename T>
void read_elements(const TensorEntry& tensor, Index first, std::span<std::byte> out) {
  std::byte* to = out.data();
  const auto count = static_cast<Index>(out.size() / sizeof(T));
  for_each_run(tensor, first, count, [&](const Run& run) {
    const auto bytes = static_cast<std::size_t>(run.count) * sizeof(T);
    if (run.stride == 1 && !tensor.byte_swapped) {
      std::memcpy(to, run.first, bytes);
    } else {
      for (Index i = 0; i < run.count; ++i) {
        const std::byte* const from = run.first + i * run.stride * static_cast<Index>(sizeof(T));
        const T value = tensor.byte_swapped ? load<T, true>(from) : load<T, false>(from);
        std::memcpy(to + i * static_cast<Index>(sizeof(T)), &value, sizeof(T));
      }
    }
    to += bytes;
  });
}

// Changes the sign: flips one bit of a float and takes the two's complement of an integer, as
// PyTorch does.
template <typename T>
void negate_elements(DType dtype, std::span<std::byte> values) noexcept {
  constexpr T kSign = static_cast<T>(T{1} << (8 * sizeof(T) - 1));
  const bool floating = is_floating(dtype);
  for (std::size_t at = 0; at + sizeof(T) <= values.size(); at += sizeof(T)) {
    T bits;
    std::memcpy(&bits, values.data() + at, sizeof(T));
    bits = static_cast<T>(floating ? bits ^ kSign : T{0} - bits);
    std::memcpy(values.data() + at, &bits, sizeof(T));
  }
}

template <typename T>
void read_values(const TensorEntry& tensor, Index first, std::span<std::byte> out) {
  read_elements<T>(tensor, first, out);
  if (tensor.negated) negate_elements<T>(tensor.dtype, out);
}

// Reads in pieces: each is copied as stored and then converted like a tensor of its own.
void read_negated(const TensorEntry& tensor, Index first, std::span<float> out) {
  constexpr std::size_t kPiece = 2048;
  std::array<std::byte, kPiece * 8> bytes;
  const std::size_t element = dtype_size(tensor.dtype);
  while (!out.empty()) {
    const std::size_t count = std::min(out.size(), kPiece);
    read_raw(tensor, first, std::span(bytes).first(count * element));
    const TensorEntry piece{.dtype = tensor.dtype,
                            .shape = {static_cast<Index>(count)},
                            .strides = {1},
                            .data = bytes.data()};
    read_f32(piece, 0, out.first(count));
    first += static_cast<Index>(count);
    out = out.subspan(count);
  }
}

void expect_readable(const TensorEntry& tensor) {
  if (!tensor.unreadable) return;
  throw Error(ErrorCode::UnsupportedFormat,
              {.summary = fmt::format("tensors of type {} are not read", tensor.type_name()),
               .key = tensor.path(),
               .actual = tensor.unreadable->reason,
               .hint = tensor.unreadable->hint});
}

// Called before any value is read, so that every read compares the checksum first.
void require_intact(const TensorEntry& tensor, std::size_t wanted) {
  if (tensor.member && wanted > 0) tensor.member->require_intact();
}

void convert_values(const TensorEntry& tensor, Index first, std::span<float> out) {
  expect_readable(tensor);
  require_intact(tensor, out.size());
  if (tensor.negated) return read_negated(tensor, first, out);
  switch (tensor.dtype) {
    case DType::F64:
      return read_as_float<double>(tensor, first, out);
    case DType::F32:
      return read_as_float<float>(tensor, first, out);
    case DType::F16:
      return read_as_float<HalfBits>(tensor, first, out);
    case DType::BF16:
      return read_as_float<BFloat16Bits>(tensor, first, out);
    case DType::I64:
      return read_as_float<std::int64_t>(tensor, first, out);
    case DType::I32:
      return read_as_float<std::int32_t>(tensor, first, out);
    case DType::I16:
      return read_as_float<std::int16_t>(tensor, first, out);
    case DType::I8:
      return read_as_float<std::int8_t>(tensor, first, out);
    case DType::U8:
    case DType::Bool:  // values other than 0 and 1 read as the number they are
      return read_as_float<std::uint8_t>(tensor, first, out);
  }
}

void copy_values(const TensorEntry& tensor, Index first, std::span<std::byte> out) {
  expect_readable(tensor);
  require_intact(tensor, out.size());
  switch (dtype_size(tensor.dtype)) {
    case 8:
      return read_values<std::uint64_t>(tensor, first, out);
    case 4:
      return read_values<std::uint32_t>(tensor, first, out);
    case 2:
      return read_values<std::uint16_t>(tensor, first, out);
    default:
      return read_values<std::uint8_t>(tensor, first, out);
  }
}

}  // namespace

Index TensorEntry::numel() const noexcept {
  // The reader has proved that the product exists.
  return checked_numel(shape).value_or(0);
}

std::string TensorEntry::path() const {
  return container.empty() ? key : key.empty() ? container : container + "." + key;
}

std::string_view TensorEntry::type_name() const noexcept {
  return unreadable ? std::string_view(unreadable->type) : dtype_name(dtype);
}

void read_f32(const TensorEntry& tensor, Index first, std::span<float> out) {
  convert_values(tensor, first, out);
  if (tensor.map != nullptr) tensor.map->require_unchanged();
}

void read_raw(const TensorEntry& tensor, Index first, std::span<std::byte> out) {
  copy_values(tensor, first, out);
  if (tensor.map != nullptr) tensor.map->require_unchanged();
}

void release_pages(const TensorEntry& tensor) noexcept {
  if (tensor.map == nullptr || tensor.unreadable || tensor.numel() == 0) return;
  Index last = 0;
  for (std::size_t axis = 0; axis < tensor.shape.size(); ++axis) {
    last += (tensor.shape[axis] - 1) * tensor.strides[axis];
  }
  const std::size_t elements = static_cast<std::size_t>(last) + 1;
  release_mapped({tensor.data, elements * dtype_size(tensor.dtype)});
}

}  // namespace sapiens
