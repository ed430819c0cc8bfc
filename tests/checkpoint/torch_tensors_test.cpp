// What a pickle may say about a tensor, and what it may not. Storages "0" and "1" have 64 bytes.
#include "checkpoint/torch_tensors.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "checkpoint/support.hpp"

namespace sapiens {
namespace {

using test::error_of;
using test::parse;
using test::torch_zip;

std::string tuple(std::string_view numbers) {
  std::string out = "(";
  std::size_t start = 0;
  while (start < numbers.size()) {
    const std::size_t end = std::min(numbers.find(' ', start), numbers.size());
    out += fmt::format("I{}\n", numbers.substr(start, end - start));
    start = end + 1;
  }
  return out + "t";
}

struct Tensor {
  std::string offset = "0";
  std::string shape = "4 4";
  std::string strides = "4 1";
  std::string count = "16";
  std::string storage = "0";
};

std::string tensor(const Tensor& t) {
  return fmt::format(
      "ctorch._utils\n_rebuild_tensor_v2\n((S'storage'\nctorch\nFloatStorage\nS'{}'\nS'cpu'\nI{}\n"
      "tQI{}\n{}{}I00\n}}tR",
      t.storage, t.count, t.offset, tuple(t.shape), tuple(t.strides));
}

std::string dict(std::string_view key, const std::string& value) {
  return fmt::format("}}S'{}'\n{}s", key, value);
}

std::optional<Error> error_for(const Tensor& t) {
  return error_of([&] { parse(torch_zip(dict("w", tensor(t)) + ".")); });
}

TEST(TorchTensor, MayReachToTheLastByteOfItsStorage) {
  EXPECT_FALSE(error_for({}));
  EXPECT_FALSE(error_for({.offset = "12", .shape = "4", .strides = "1"}));
  EXPECT_FALSE(error_for({.offset = "15", .shape = "1000000", .strides = "0"}));
  EXPECT_FALSE(error_for({.offset = "16", .shape = "0 4", .strides = "4 1"}));
}

TEST(TorchTensor, MayNotReachOutsideItsStorage) {
  const Tensor cases[] = {
      {.offset = "13", .shape = "4", .strides = "1"},
      {.offset = "-1", .shape = "4", .strides = "1"},
      {.shape = "4 5", .strides = "5 1"},
      {.shape = "4 4", .strides = "4 -1"},
      {.shape = "-4 4", .strides = "4 1"},
      {.shape = "4 4", .strides = "4"},
      {.count = "17"},
      {.count = "-1"},
      {.storage = "7"},
      {.offset = "9223372036854775807", .shape = "4", .strides = "1"},
      {.shape = "2 2", .strides = "9223372036854775807 9223372036854775807"},
      {.shape = "9223372036854775807 2", .strides = "0 0"},
      {.shape = "4294967296 4294967296", .strides = "0 0"},
      {.shape = "3 6148914691236517206", .strides = "6148914691236517206 1"},
      {.shape = "99999999999999999999", .strides = "1"},
  };
  for (const Tensor& t : cases) {
    const auto error = error_for(t);
    ASSERT_TRUE(error) << t.offset << " / " << t.shape << " / " << t.strides;
    EXPECT_EQ(error->code(), ErrorCode::CorruptFile);
  }
}

TEST(TorchTensor, MayNotHaveTheNameOfAnother) {
  const std::string pair = "}S'w'\n" + tensor({}) + "sS'w'\n" + tensor({}) + "s.";
  EXPECT_EQ(error_of([&] { parse(torch_zip(pair)); })->code(), ErrorCode::CorruptFile);
  // "a" holding "b.c" and "a.b" holding "c" are one path too.
  const std::string paths =
      "}S'a'\n" + dict("b.c", tensor({})) + "sS'a.b'\n" + dict("c", tensor({})) + "s.";
  EXPECT_EQ(error_of([&] { parse(torch_zip(paths)); })->code(), ErrorCode::CorruptFile);
}

TEST(TorchTensor, MaySitInAParameterWithATorchSize) {
  const std::string old =
      "ctorch._utils\n_rebuild_parameter\n(ctorch._utils\n_rebuild_tensor\n((S'storage'\nctorch\n"
      "FloatStorage\nS'1'\nS'cpu'\nI16\ntQI2\nctorch\nSize\n((I2\nI3\nttR(I3\nI1\nttRI01\n}tR";
  const StateDict state = parse(torch_zip(dict("w", old) + "."));
  ASSERT_EQ(state.tensors.size(), 1u);
  EXPECT_THAT(state.tensors[0].shape, ::testing::ElementsAre(2, 3));
  EXPECT_EQ(state.tensors[0].location, "archive/data/1");
}

TEST(TorchTensor, DamagedDescriptionsAreCorrupt) {
  for (const char* pickle :
       {"ctorch._utils\n_rebuild_tensor_v2\n(tR.", "ctorch._utils\n_rebuild_tensor_v2\nNR.",
        "ctorch._utils\n_rebuild_tensor_v2\n(NNNNtR.",
        "ctorch._utils\n_rebuild_tensor_v2\n((S'storage'\nNNNNtQNNNtR.",
        // a window in the form of old files, one of an unknown form, and an item too many
        "ctorch._utils\n_rebuild_tensor\n((S'storage'\nctorch\nFloatStorage\nS'0'\nS'cpu'\nI16\n"
        "(S'7'\nI4\nI4\nttQI0\n(I4\nt(I1\nttR.",
        "ctorch._utils\n_rebuild_tensor\n((S'storage'\nctorch\nFloatStorage\nS'0'\nS'cpu'\nI16\n"
        "I4\ntQI0\n(I4\nt(I1\nttR.",
        "ctorch._utils\n_rebuild_tensor\n((S'storage'\nctorch\nFloatStorage\nS'0'\nS'cpu'\nI16\n"
        "NI4\ntQI0\n(I4\nt(I1\nttR."}) {
    const auto error = error_of([&] { parse(torch_zip(pickle)); });
    ASSERT_TRUE(error) << pickle;
    EXPECT_EQ(error->code(), ErrorCode::CorruptFile);
  }
}

}  // namespace
}  // namespace sapiens
