// Lazy operations, attributes and hooks that torch.save keeps beside the numbers of a tensor.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <bit>
#include <cstring>

#include "checkpoint/support.hpp"
#include "core/half.hpp"

namespace sapiens {
namespace {

using test::Bytes;
using test::error_of;
using test::parse;
using test::pickled_dict;
using test::pickled_tensor;
using test::torch_zip;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr std::string_view kNegated = "}S'neg'\nI01\ns";

template <typename T>
Bytes bytes_of(const std::vector<T>& values) {
  Bytes bytes(values.size() * sizeof(T));
  std::memcpy(bytes.data(), values.data(), bytes.size());
  return bytes;
}

// Keeps the file alive, into which the tensor points.
struct Loaded {
  Bytes file;
  StateDict state;
  const TensorEntry& tensor() const { return state.tensors.at(0); }
  std::vector<float> floats() const {
    std::vector<float> values(static_cast<std::size_t>(tensor().numel()));
    read_f32(tensor(), 0, values);
    return values;
  }
};

Loaded load(std::string_view storage, std::string_view more, const Bytes& bytes = Bytes(64)) {
  Loaded loaded{.file = torch_zip(pickled_dict("w", pickled_tensor(storage, more)) + ".", bytes),
                .state = {}};
  loaded.state = parse(loaded.file);
  return loaded;
}

TEST(NegatedTensor, HasTheOtherSignInEveryType) {
  EXPECT_THAT(load("FloatStorage", kNegated, bytes_of<float>({1, -2, 0.5f, 3})).floats(),
              ElementsAre(-1, 2, -0.5f, -3));
  EXPECT_THAT(load("DoubleStorage", kNegated, bytes_of<double>({1, -2, 0.1, 3})).floats(),
              ElementsAre(-1, 2, -0.1f, -3));
  EXPECT_THAT(
      load("HalfStorage", kNegated, bytes_of<std::uint16_t>({0x3c00, 0xc000, 0, 0x7c00})).floats(),
      ElementsAre(-1, 2, -0.0f, -HUGE_VALF));
  EXPECT_THAT(
      load("BFloat16Storage", kNegated, bytes_of<std::uint16_t>({0x3f80, 0xc000, 0, 0})).floats(),
      ElementsAre(-1, 2, -0.0f, -0.0f));
  // Two's complement as in PyTorch, so that the smallest number stays and unsigned ones wrap.
  EXPECT_THAT(load("CharStorage", kNegated, bytes_of<std::int8_t>({1, -2, -128, 0})).floats(),
              ElementsAre(-1, 2, -128, 0));
  EXPECT_THAT(load("ByteStorage", kNegated, bytes_of<std::uint8_t>({1, 2, 255, 0})).floats(),
              ElementsAre(255, 254, 1, 0));
  EXPECT_THAT(load("LongStorage", kNegated, bytes_of<std::int64_t>({1, -2, 7, 0})).floats(),
              ElementsAre(-1, 2, -7, 0));
}

TEST(NegatedTensor, IsCopiedWithTheOtherSign) {
  const Loaded loaded =
      load("HalfStorage", kNegated, bytes_of<std::uint16_t>({0x3c00, 0xc000, 0x0001, 0x8000}));
  EXPECT_EQ(test::describe(loaded.state).at("w").hex, "00bc004001800000");
  EXPECT_EQ(loaded.tensor().dtype, DType::F16);
}

TEST(NegatedTensor, IsReadInPiecesAndThroughStrides) {
  const std::vector<float> stored{1, 2, 3, 4, 5, 6, 7, 8};
  const TensorEntry columns{.dtype = DType::F32,
                            .shape = {2, 4},
                            .strides = {1, 2},
                            .data = reinterpret_cast<const std::byte*>(stored.data()),
                            .negated = true};
  std::vector<float> part(3);
  read_f32(columns, 3, part);
  EXPECT_THAT(part, ElementsAre(-7, -2, -4));
  const TensorEntry long_one{.dtype = DType::F32,
                             .shape = {10000},
                             .strides = {0},
                             .data = reinterpret_cast<const std::byte*>(stored.data()),
                             .negated = true};
  std::vector<float> all(10000);
  read_f32(long_one, 0, all);
  EXPECT_EQ(std::ranges::count(all, -1.0f), 10000);
}

TEST(TensorFlags, FlagsWithoutEffectAreAccepted) {
  for (const char* more : {"", "N", "}", "}S'neg'\nI00\ns", "}S'conj'\nI00\ns"}) {
    const Loaded loaded = load("FloatStorage", more, bytes_of<float>({1, 2, 3, 4}));
    ASSERT_FALSE(loaded.tensor().unreadable) << more;
    EXPECT_THAT(loaded.floats(), ElementsAre(1, 2, 3, 4)) << more;
  }
}

TEST(TensorFlags, UnknownFlagsMakeTheTensorUnreadable) {
  const std::pair<const char*, const char*> cases[] = {
      {"}S'conj'\nI01\ns", "conjugate"},
      {"}S'zero'\nI01\ns", "the flag \"zero\""},
      {"}S'neg'\nI01\nsS'layout'\nS'x'\ns", "the flag \"layout\""},
      {"}S'neg'\nF1.0\ns", "the flag \"neg\""},
      {"I7\n", "unknown form"},
      {"}I5\n", "8 arguments"},
  };
  for (const auto& [more, what] : cases) {
    const Loaded loaded = load("FloatStorage", more);
    ASSERT_TRUE(loaded.tensor().unreadable) << more;
    EXPECT_THAT(loaded.tensor().unreadable->reason, HasSubstr(what));
    EXPECT_EQ(loaded.tensor().path(), "w");
    EXPECT_THAT(loaded.tensor().shape, ElementsAre(4));
  }
  EXPECT_TRUE(load("BoolStorage", kNegated).tensor().unreadable);
}

std::string parameter(std::string_view function, std::string_view more) {
  return "ctorch._utils\n" + std::string(function) + "\n(" + pickled_tensor() + std::string(more) +
         "tR";
}

TensorEntry entry_of(const std::string& tensor) {
  const Bytes file = torch_zip(pickled_dict("w", tensor) + ".");
  return parse(file).tensors.at(0);
}

constexpr std::string_view kNoHooks = "I01\nccollections\nOrderedDict\n(tR";

TEST(TensorAttributes, PlainAttributesDoNotAffectTheValues) {
  for (const std::string state :
       {"}", "N", "}S'tag'\nI01\nsS'lr_scale'\nF0.5\nsS'note'\nS'x'\ns", "(N}S'tag'\nI01\nst"}) {
    const TensorEntry entry =
        entry_of(parameter("_rebuild_parameter_with_state", std::string(kNoHooks) + state));
    EXPECT_FALSE(entry.unreadable) << state;
  }
}

TEST(TensorAttributes, OtherAttributesMakeTheTensorUnreadable) {
  const std::string states[] = {pickled_dict("scale", pickled_tensor()),
                                pickled_dict("data", "I1\n"),
                                "(N" + pickled_dict("s", "cm\nC\n") + "t", "S'state'\n"};
  for (const std::string& state : states) {
    const TensorEntry entry =
        entry_of(parameter("_rebuild_parameter_with_state", std::string(kNoHooks) + state));
    EXPECT_TRUE(entry.unreadable) << state;
  }
}

TEST(TensorHooks, MakeTheTensorUnreadable) {
  EXPECT_FALSE(entry_of(parameter("_rebuild_parameter", kNoHooks)).unreadable);
  EXPECT_FALSE(entry_of(parameter("_rebuild_parameter", "I01\nccollections\nOrderedDict\n((ltR"))
                   .unreadable);
  EXPECT_TRUE(entry_of(parameter("_rebuild_parameter", "I01\n}I1\ncos\nsystem\ns")).unreadable);
  EXPECT_TRUE(entry_of(parameter("_rebuild_parameter", std::string(kNoHooks) + "I1\n")).unreadable);
  EXPECT_TRUE(entry_of(parameter("_rebuild_parameter", "S'yes'\n}")).unreadable);
  EXPECT_TRUE(entry_of(parameter("_rebuild_parameter_of_2030", kNoHooks)).unreadable);
  EXPECT_TRUE(entry_of(pickled_tensor() + "}S'x'\nI1\nsb").unreadable) << "a state of its own";
}

// func(*args).as_subclass(type)
std::string of_class(std::string_view type, std::string_view state) {
  const std::string call = pickled_tensor();
  const std::string args = call.substr(call.find('('), call.size() - call.find('(') - 1);
  return "ctorch._tensor\n_rebuild_from_type_v2\n(ctorch._utils\n_rebuild_tensor_v2\nc" +
         std::string(type) + "\n" + args + std::string(state) + "tR";
}

TEST(TensorClass, UnknownClassesMakeTheTensorUnreadable) {
  EXPECT_FALSE(entry_of(of_class("torch\nTensor", "}S'note'\nS'x'\ns")).unreadable);
  EXPECT_FALSE(entry_of(of_class("torch.nn.parameter\nBuffer", "}")).unreadable);
  const TensorEntry odd = entry_of(of_class("gguf_loader\nPackedTensor", "}"));
  ASSERT_TRUE(odd.unreadable);
  EXPECT_EQ(odd.type_name(), "class gguf_loader.PackedTensor");
  EXPECT_THAT(odd.shape, ElementsAre(4));
}

}  // namespace
}  // namespace sapiens
