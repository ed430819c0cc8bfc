#include "sapiens/npy.hpp"

#include <gmock/gmock.h>

#include <bit>
#include <cmath>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <functional>
#include <limits>

#include "core/half.hpp"
#include "core/npy_header.hpp"
#include "sapiens/error.hpp"

namespace sapiens {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

class Npy : public testing::Test {
 protected:
  ~Npy() override { std::filesystem::remove(path_); }

  void put(const std::string& bytes) { std::ofstream(path_, std::ios::binary) << bytes; }

  std::string bytes() const {
    std::ifstream file(path_, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
  }

  /// A version 1.0 file with this dictionary and 12 bytes of numbers: 1, 2 and 3.
  void put_header(const std::string& dictionary, std::size_t number_bytes = 12) {
    const float values[] = {1, 2, 3};
    std::string file("\x93NUMPY\1\0", 8);
    file += static_cast<char>(dictionary.size() & 0xff);
    file += static_cast<char>(dictionary.size() >> 8);
    put(file + dictionary + std::string(reinterpret_cast<const char*>(values), number_bytes));
  }

  Error error() const {
    try {
      read_npy(path_);
    } catch (const Error& error) {
      return error;
    }
    return Error(ErrorCode::Internal, {.summary = "no exception"});
  }

  const std::filesystem::path path_ =
      std::filesystem::path(testing::TempDir()) /
      ("sapiens_npy_" + std::string(testing::UnitTest::GetInstance()->current_test_info()->name()) +
       ".npy");
};

TEST_F(Npy, ReadsBackEveryBit) {
  const std::vector<float> values{0.0f, -0.0f, 1e-45f, -3.5f, INFINITY, NAN};
  write_npy(path_, std::vector<Index>{1, 2, 3}, values);
  const FloatArray array = read_npy(path_);
  EXPECT_THAT(array.shape, ElementsAre(1, 2, 3));
  ASSERT_EQ(array.values.size(), 6u);
  EXPECT_EQ(std::memcmp(array.values.data(), values.data(), 24), 0);
}

TEST_F(Npy, ReadsAndWritesArraysWithoutNumbersAndWithoutAxes) {
  write_npy(path_, std::vector<Index>{3, 0, 2}, {});
  EXPECT_THAT(read_npy(path_).shape, ElementsAre(3, 0, 2));
  EXPECT_THAT(read_npy(path_).values, IsEmpty());
  write_npy(path_, {}, std::vector<float>{2.5f});
  EXPECT_THAT(read_npy(path_).shape, IsEmpty());
  EXPECT_THAT(read_npy(path_).values, ElementsAre(2.5f));
}

TEST_F(Npy, WritesTheHeaderNumPyWritesWithNumbersAlignedTo64Bytes) {
  write_npy(path_, std::vector<Index>{2}, std::vector<float>{1.0f, 2.0f});
  const std::string file = bytes();
  EXPECT_EQ(file.size(), 128 + 8u);
  EXPECT_EQ(file.substr(0, 10), std::string("\x93NUMPY\1\0\x76\0", 10));
  EXPECT_THAT(file.substr(10),
              testing::StartsWith("{'descr': '<f4', 'fortran_order': False, 'shape': (2,), }  "));
  EXPECT_EQ(file[127], '\n');
}

TEST_F(Npy, WritesHalvesThatNumPyReadsAsF2) {
  std::vector<float> values(40000, 1.0f);  // more than one block
  values.front() = -2.0f;
  write_npy(path_, std::vector<Index>{200, 200}, values, DType::F16);
  const std::string file = bytes();
  EXPECT_THAT(file, HasSubstr("'descr': '<f2'"));
  ASSERT_EQ(file.size(), 128 + 80000u);
  EXPECT_EQ(file.substr(128, 4), std::string("\x00\xc0\x00\x3c", 4));
  EXPECT_EQ(file.substr(file.size() - 2), std::string("\x00\x3c", 2));
}

TEST_F(Npy, WritesBfloat16AsTheTypeThatMlDtypesWrites) {
  write_npy(path_, std::vector<Index>{2}, std::vector<float>{1.0f, -3.140625f}, DType::BF16);
  EXPECT_THAT(bytes(), HasSubstr("'descr': '<V2'"));
  EXPECT_EQ(bytes().substr(128), std::string("\x80\x3f\x49\xc0", 4));
}

TEST_F(Npy, KnowsWhatHasNoValueInATypeOfSixteenBits) {
  const float largest = std::numeric_limits<float>::max();
  EXPECT_TRUE(is_storable(std::vector<float>{largest}, DType::F32));
  EXPECT_FALSE(is_storable(std::vector<float>{largest}, DType::BF16));
  const float below = std::nextafter(kBfloat16RoundsToInfinity, 0.0f);
  EXPECT_TRUE(is_storable(std::vector<float>{below, -below}, DType::BF16));
  EXPECT_TRUE(std::isfinite(bfloat16_to_float(bfloat16_bits(below))));
  EXPECT_TRUE(std::isinf(bfloat16_to_float(bfloat16_bits(kBfloat16RoundsToInfinity))));
  EXPECT_FALSE(is_storable(std::vector<float>{NAN}, DType::I8));
}

TEST_F(Npy, WritesNumbersOfEightBits) {
  write_npy_int8(path_, std::vector<Index>{3}, std::vector<std::int8_t>{1, -127, 0});
  EXPECT_THAT(bytes(), HasSubstr("'descr': '|i1'"));
  EXPECT_EQ(bytes().substr(128), std::string("\x01\x81\x00", 3));
}

TEST_F(Npy, ReadsBackClassIds) {
  const std::vector<Index> shape = {2, 2};
  write_npy_ids(path_, shape, std::vector<std::uint8_t>{0, 27, 255, 3});
  EXPECT_THAT(read_npy_ids(path_, shape), ElementsAre(0, 27, 255, 3));
  EXPECT_THROW(read_npy_ids(path_, std::vector<Index>{4}), Error);
  const std::int64_t wrong = 256;
  put(write_npy_header({.descr = "<i8", .shape = {1}}) +
      std::string(reinterpret_cast<const char*>(&wrong), sizeof wrong));
  EXPECT_THROW(read_npy_ids(path_, std::vector<Index>{1}), Error);
}

TEST_F(Npy, ReadsHeadersOfVersions2And3AndOfOtherWriters) {
  const std::string dictionary = "{\"shape\":(3L,),\"fortran_order\":False,\"descr\":\"<f4\"}\n";
  put_header(dictionary);
  EXPECT_THAT(read_npy(path_).values, ElementsAre(1, 2, 3));
  for (const char version : {'\2', '\3'}) {
    std::string file = bytes();
    file[6] = version;
    file.insert(10, 2, '\0');
    put(file);
    EXPECT_THAT(read_npy(path_).values, ElementsAre(1, 2, 3));
    put_header(dictionary);
  }
}

TEST_F(Npy, NamesTheDtypeItCannotUse) {
  put_header("{'descr': '<f8', 'fortran_order': False, 'shape': (3,), }");
  EXPECT_EQ(error().code(), ErrorCode::UnsupportedFormat);
  EXPECT_EQ(error().detail().actual, "<f8");
  EXPECT_THAT(error().detail().hint, HasSubstr("astype"));
  put_header("{'descr': [('x', '<f4')], 'fortran_order': False, 'shape': (3,), }");
  EXPECT_EQ(error().code(), ErrorCode::UnsupportedFormat);
}

TEST_F(Npy, RefusesFortranOrderWithAHint) {
  put_header("{'descr': '<f4', 'fortran_order': True, 'shape': (3, 1), }");
  EXPECT_EQ(error().code(), ErrorCode::UnsupportedFormat);
  EXPECT_THAT(error().detail().hint, HasSubstr("ascontiguousarray"));
}

TEST_F(Npy, SaysHowManyBytesAreMissingOrTooMany) {
  put_header("{'descr': '<f4', 'fortran_order': False, 'shape': (1, 3), }", 7);
  EXPECT_EQ(error().code(), ErrorCode::CorruptFile);
  EXPECT_EQ(error().detail().actual, "5 bytes are missing");
  put_header("{'descr': '<f4', 'fortran_order': False, 'shape': (2,), }");
  EXPECT_EQ(error().code(), ErrorCode::CorruptFile);
  EXPECT_EQ(error().detail().actual, "4 bytes too many");
}

TEST_F(Npy, RefusesHeadersThatAreNotPlainLiterals) {
  for (const char* dictionary : {
           "",
           "{",
           "{}",
           "{'descr': '<f4', 'fortran_order': False}",
           "{'descr': '<f4', 'fortran_order': False, 'shape': (3,), 'more': 1}",
           "{'descr': '<f4', 'descr': '<f4', 'fortran_order': False, 'shape': (3,)}",
           "{'descr': '<f4', 'fortran_order': 0, 'shape': (3,)}",
           "{'descr': '<f4', 'fortran_order': False, 'shape': (-3,)}",
           "{'descr': '<f4', 'fortran_order': False, 'shape': (1+2,)}",
           "{'descr': '<f4', 'fortran_order': False, 'shape': (99999999999999999999,)}",
           "{'descr': '<f4', 'fortran_order': False, 'shape': (4611686018427387904, 4)}",
           "{'descr': '<f4', 'fortran_order': False, 'shape': (4611686018427387904,)}",
           "{'descr': '<f4', 'fortran_order': False, 'shape': (3,)} or exit()",
           "{'descr': '<f4, 'fortran_order': False, 'shape': (3,)}",
           "{'descr': '<f4",
       }) {
    SCOPED_TRACE(dictionary);
    put_header(dictionary);
    EXPECT_EQ(error().code(), ErrorCode::CorruptFile);
  }
}

TEST_F(Npy, RefusesFilesThatStopInsideTheHeader) {
  put_header("{'descr': '<f4', 'fortran_order': False, 'shape': (3,), }");
  const std::string whole = bytes();
  for (std::size_t size = 6; size < whole.size() - 12; ++size) {
    put(whole.substr(0, size));
    EXPECT_EQ(error().code(), ErrorCode::CorruptFile) << size;
  }
}

TEST_F(Npy, TellsOtherFilesFromDamagedOnes) {
  EXPECT_EQ(error().code(), ErrorCode::NotFound);
  put("");
  EXPECT_EQ(error().code(), ErrorCode::UnsupportedFormat);
  put("PK\3\4 an .npz archive");
  EXPECT_EQ(error().code(), ErrorCode::UnsupportedFormat);
  put(std::string("\x93NUMPY\4\0\0\0\0\0", 12));
  EXPECT_EQ(error().code(), ErrorCode::UnsupportedFormat);
  put(std::string("\x93NUMPY\2\0\xff\xff\xff\xff", 12));
  EXPECT_EQ(error().code(), ErrorCode::CorruptFile);
}

TEST_F(Npy, RefusesToWriteWhatDoesNotFillItsShape) {
  const std::vector<float> values(6);
  EXPECT_THROW(write_npy(path_, std::vector<Index>{7}, values), Error);
  EXPECT_THROW(write_npy(path_, std::vector<Index>{-2, -3}, values), Error);
  EXPECT_THROW(write_npy(path_, std::vector<Index>{6}, values, DType::F64), Error);
  EXPECT_FALSE(std::filesystem::exists(path_));
}

float value_of_half(std::uint16_t half) {
  const int exponent = half >> 10 & 31, mantissa = half & 1023;
  const float magnitude = exponent == 0 ? std::ldexp(static_cast<float>(mantissa), -24)
                          : exponent == 31
                              ? (mantissa ? NAN : INFINITY)
                              : std::ldexp(static_cast<float>(mantissa + 1024), exponent - 25);
  return half & 0x8000 ? -magnitude : magnitude;
}

TEST(Half, KeepsEveryHalf) {
  for (int half = 0; half < 0x10000; ++half) {
    const float value = value_of_half(static_cast<std::uint16_t>(half));
    if (std::isnan(value)) {
      EXPECT_TRUE(std::isnan(value_of_half(half_bits(value))));
    } else {
      ASSERT_EQ(half_bits(value), half);
    }
  }
}

TEST(Half, RoundsToTheNearestAndTiesToEven) {
  for (int half = 0; half < 0x7bff; ++half) {
    const auto low = static_cast<std::uint16_t>(half), high = static_cast<std::uint16_t>(half + 1);
    const float middle = (value_of_half(low) + value_of_half(high)) / 2;  // exact in float
    ASSERT_EQ(half_bits(middle), half % 2 == 0 ? low : high);
    ASSERT_EQ(half_bits(std::nextafter(middle, 0.0f)), low);
    ASSERT_EQ(half_bits(-std::nextafter(middle, INFINITY)), high | 0x8000);
  }
}

TEST(Half, OverflowsToInfinity) {
  EXPECT_EQ(half_bits(65504.0f), 0x7bff);
  EXPECT_EQ(half_bits(std::nextafter(65520.0f, 0.0f)), 0x7bff);
  EXPECT_EQ(half_bits(65520.0f), 0x7c00);
  EXPECT_EQ(half_bits(-1e30f), 0xfc00);
  EXPECT_EQ(half_bits(-INFINITY), 0xfc00);
}

TEST_F(Npy, WritesIdsAsInt64) {
  write_npy_ids(path_, std::vector<Index>{1, 3}, std::vector<std::uint8_t>{0, 27, 255});
  const std::string file = bytes();
  EXPECT_THAT(file, HasSubstr("'<i8'"));
  ASSERT_EQ(file.size(), 128 + 24u);
  std::int64_t ids[3];
  std::memcpy(ids, file.data() + 128, sizeof(ids));
  EXPECT_THAT(ids, ElementsAre(0, 27, 255));
}

TEST_F(Npy, WritesManyIdsWithoutGaps) {
  std::vector<std::uint8_t> ids(40000);
  for (std::size_t i = 0; i < ids.size(); ++i) ids[i] = static_cast<std::uint8_t>(i % 251);
  write_npy_ids(path_, std::vector<Index>{200, 200}, ids);
  const std::string file = bytes();
  ASSERT_EQ(file.size(), 128 + 8 * ids.size());
  for (std::size_t i = 0; i < ids.size(); ++i) {
    ASSERT_EQ(static_cast<std::uint8_t>(file[128 + 8 * i]), ids[i]);
  }
}

TEST_F(Npy, EncodesTheBytesOfItsFiles) {
  const auto text = [](const std::vector<std::byte>& encoded) {
    return std::string(reinterpret_cast<const char*>(encoded.data()), encoded.size());
  };
  const Index shape[] = {2, 3};
  const std::vector<float> values = {1, -2, 0.5f, 4, 5, 6};
  for (const DType dtype : {DType::F32, DType::F16, DType::BF16}) {
    write_npy(path_, shape, values, dtype);
    EXPECT_EQ(text(encode_npy(shape, values, dtype)), bytes());
  }
  const std::vector<std::uint8_t> ids = {0, 1, 2, 255, 4, 0};
  write_npy_ids(path_, shape, ids);
  EXPECT_EQ(text(encode_npy_ids(shape, ids)), bytes());
  write_npy_mask(path_, shape, ids);
  EXPECT_EQ(text(encode_npy_mask(shape, ids)), bytes());
  const std::vector<std::int8_t> small = {0, 1, -2, 127, -127, 5};
  write_npy_int8(path_, shape, small);
  EXPECT_EQ(text(encode_npy_int8(shape, small)), bytes());
  const Index other[] = {7};
  EXPECT_THROW(encode_npy(other, values), Error);
}

TEST_F(Npy, ReadsBackMasks) {
  write_npy_mask(path_, std::vector<Index>{2, 2}, std::vector<std::uint8_t>{0, 1, 200, 0});
  EXPECT_THAT(bytes(), HasSubstr("'|b1'"));
  EXPECT_THAT(read_npy_mask(path_, std::vector<Index>{2, 2}), ElementsAre(0, 1, 1, 0));
}

TEST_F(Npy, RefusesMasksOfAnotherShapeOrType) {
  write_npy_mask(path_, std::vector<Index>{2, 2}, std::vector<std::uint8_t>(4));
  EXPECT_THROW(read_npy_mask(path_, std::vector<Index>{4}), Error);
  EXPECT_THROW(read_npy_mask(path_, std::vector<Index>{2, 3}), Error);
  EXPECT_THROW(write_npy_mask(path_, std::vector<Index>{3}, std::vector<std::uint8_t>(4)), Error);
  write_npy_ids(path_, std::vector<Index>{2, 2}, std::vector<std::uint8_t>(4));
  EXPECT_THROW(read_npy_mask(path_, std::vector<Index>{2, 2}), Error);
  put_header("{'descr': '|b1', 'fortran_order': False, 'shape': (5, 5), }\n");
  EXPECT_THROW(read_npy_mask(path_, std::vector<Index>{5, 5}), Error);
}

}  // namespace
}  // namespace sapiens
