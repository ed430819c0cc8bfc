#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <cstring>
#include <limits>

#include "checkpoint/state_dict.hpp"
#include "checkpoint/support.hpp"
#include "core/half.hpp"

namespace sapiens {
namespace {

// The definition: sign, exponent and fraction put together in double arithmetic.
double half_by_definition(std::uint16_t bits) {
  const double sign = (bits & 0x8000) != 0 ? -1 : 1;
  const int exponent = bits >> 10 & 0x1f;
  const int fraction = bits & 0x3ff;
  if (exponent == 31) return fraction != 0 ? std::nan("") : sign * HUGE_VAL;
  if (exponent == 0) return sign * std::ldexp(fraction, -24);
  return sign * std::ldexp(1024 + fraction, exponent - 25);
}

TEST(HalfToFloat, IsExactForEveryHalf) {
  for (std::uint32_t bits = 0; bits <= 0xffff; ++bits) {
    const auto half = static_cast<std::uint16_t>(bits);
    const float value = half_to_float(half);
    const double expected = half_by_definition(half);
    if (std::isnan(expected)) {
      EXPECT_TRUE(std::isnan(value)) << bits;
    } else {
      EXPECT_EQ(value, expected) << bits;
      EXPECT_EQ(std::signbit(value), std::signbit(expected)) << bits;
    }
  }
}

template <typename T>
TensorEntry make_tensor(const std::vector<T>& values, DType dtype) {
  return {.dtype = dtype,
          .shape = {static_cast<Index>(values.size())},
          .strides = {1},
          .data = reinterpret_cast<const std::byte*>(values.data())};
}

TEST(ReadF32, ConvertsEveryType) {
  const std::vector<double> doubles{0.1, -2};
  const std::vector<std::int64_t> longs{-3, (1 << 24) + 1};
  const std::vector<std::uint8_t> bytes{0, 255};
  const std::vector<std::int8_t> chars{-128, 1};
  const std::vector<std::uint16_t> halves{0x3c00, 0xc000};  // 1 and -2
  const std::vector<std::uint16_t> bfloats{0x3f80, 0xc000};
  const std::pair<TensorEntry, std::vector<float>> cases[] = {
      {make_tensor(doubles, DType::F64), {0.1f, -2}},
      {make_tensor(longs, DType::I64), {-3, 16777216}},
      {make_tensor(bytes, DType::U8), {0, 255}},
      {make_tensor(chars, DType::I8), {-128, 1}},
      {make_tensor(halves, DType::F16), {1, -2}},
      {make_tensor(bfloats, DType::BF16), {1, -2}},
  };
  for (const auto& [tensor, expected] : cases) {
    std::vector<float> out(2);
    read_f32(tensor, 0, out);
    EXPECT_EQ(out, expected) << dtype_name(tensor.dtype);
  }
}

// Element by element from the definition of strides.
float element(const TensorEntry& tensor, Index position) {
  Index offset = 0;
  for (std::size_t axis = tensor.shape.size(); axis-- > 0;) {
    offset += position % tensor.shape[axis] * tensor.strides[axis];
    position /= tensor.shape[axis];
  }
  std::uint32_t bits = 0;
  std::memcpy(&bits, tensor.data + offset * 4, 4);
  return std::bit_cast<float>(tensor.byte_swapped ? __builtin_bswap32(bits) : bits);
}

TEST(ReadF32, FollowsStridesFromAnyFirstElement) {
  std::vector<float> numbers(200);
  for (std::size_t i = 0; i < numbers.size(); ++i) numbers[i] = static_cast<float>(i) * 0.37f;
  const std::pair<std::vector<Index>, std::vector<Index>> layouts[] = {
      {{3, 4, 5}, {20, 5, 1}}, {{5, 4, 3}, {1, 5, 20}},
      {{3, 1, 5}, {7, 99, 1}}, {{4, 6}, {0, 1}},
      {{4, 6}, {9, 0}},        {{33}, {3}},
      {{1, 1}, {5, 5}},        {{2, 3, 2, 3}, {60, 2, 1, 9}}};
  for (const auto& [shape, strides] : layouts) {
    for (const bool swapped : {false, true}) {
      TensorEntry tensor = make_tensor(numbers, DType::F32);
      tensor.shape = shape;
      tensor.strides = strides;
      tensor.byte_swapped = swapped;
      for (Index first = 0; first <= tensor.numel(); ++first) {
        const Index count = std::min<Index>(7, tensor.numel() - first);
        std::vector<float> out(static_cast<std::size_t>(count));
        std::vector<float> raw(out.size());
        read_f32(tensor, first, out);
        read_raw(tensor, first, std::as_writable_bytes(std::span(raw)));
        for (Index i = 0; i < count; ++i) {
          const auto at = static_cast<std::size_t>(i);
          EXPECT_EQ(std::bit_cast<std::uint32_t>(out[at]),
                    std::bit_cast<std::uint32_t>(element(tensor, first + i)));
          EXPECT_EQ(std::bit_cast<std::uint32_t>(raw[at]), std::bit_cast<std::uint32_t>(out[at]));
        }
      }
    }
  }
}

TEST(ReadF32, TakesNumbersThatAreNotAligned) {
  std::vector<std::byte> bytes(9);
  const float value = 1.25f;
  std::memcpy(bytes.data() + 1, &value, 4);
  TensorEntry tensor{.dtype = DType::F32, .shape = {}, .strides = {}, .data = bytes.data() + 1};
  std::vector<float> out(1);
  read_f32(tensor, 0, out);
  EXPECT_EQ(out[0], value);
}

TEST(ReleasePages, LeavesMemoryThatIsNoFileAlone) {
  const std::vector<float> numbers(1 << 16, 3.5f);
  const TensorEntry tensor = make_tensor(numbers, DType::F32);
  release_pages(tensor);
  EXPECT_EQ(numbers, std::vector<float>(1 << 16, 3.5f));
}

}  // namespace
}  // namespace sapiens
