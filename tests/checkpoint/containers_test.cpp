// The same tensors in every container, written by several versions of PyTorch.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>

#include "checkpoint/support.hpp"

namespace sapiens {
namespace {

using test::describe;
using test::error_of;
using test::fixture;
using test::read_expected;
using ::testing::Contains;
using ::testing::HasSubstr;

struct Container {
  const char* file;
  CheckpointFormat format;
  const char* expected = "expected.json";
  const char* container = "";
};

void PrintTo(const Container& container, std::ostream* out) { *out << container.file; }

class EveryContainer : public ::testing::TestWithParam<Container> {};

TEST_P(EveryContainer, HoldsTheSameTensorsBitForBit) {
  const StateDict state = open_checkpoint(fixture(GetParam().file));
  EXPECT_EQ(state.format, GetParam().format) << format_name(state.format);
  EXPECT_EQ(state.file_bytes, std::filesystem::file_size(fixture(GetParam().file)));
  EXPECT_EQ(describe(state, GetParam().container), read_expected(GetParam().expected));
}

INSTANTIATE_TEST_SUITE_P(
    Torch, EveryContainer,
    ::testing::Values(Container{"zip_113.pth", CheckpointFormat::TorchZip},
                      Container{"zip_23.pth", CheckpointFormat::TorchZip},
                      Container{"zip_new.pth", CheckpointFormat::TorchZip},
                      Container{"zip_protocol5.pth", CheckpointFormat::TorchZip},
                      Container{"big_endian.pth", CheckpointFormat::TorchZip},
                      Container{"legacy_113.pth", CheckpointFormat::TorchLegacy},
                      Container{"legacy_protocol4.pth", CheckpointFormat::TorchLegacy},
                      Container{"all.safetensors", CheckpointFormat::Safetensors},
                      Container{"nested.pth", CheckpointFormat::TorchZip, "expected.json",
                                "model.encoder"}));

class Stress : public ::testing::TestWithParam<const char*> {};

TEST_P(Stress, HoldsViewsAndSharedStoragesBitForBit) {
  const auto state = open_checkpoint(fixture(std::string("stress/") + GetParam()));
  auto actual = describe(state, "state_dict");
  const auto expected = read_expected("stress/expected.json");
  for (const auto& [key, tensor] : expected) EXPECT_EQ(actual[key], tensor) << key;
}

INSTANTIATE_TEST_SUITE_P(Files, Stress,
                         ::testing::Values("stress.pth", "stress_legacy.pth",
                                           "stress_protocol4.pth", "stress_torch2_members.pth"));

class EveryModule : public ::testing::TestWithParam<Container> {};

TEST_P(EveryModule, HasTheStateDictOfTheNetwork) {
  const StateDict state = open_checkpoint(fixture(GetParam().file));
  EXPECT_EQ(state.format, GetParam().format) << format_name(state.format);
  EXPECT_EQ(describe(state), describe(open_checkpoint(fixture("net_state.pth"))));
}

INSTANTIATE_TEST_SUITE_P(
    Torch, EveryModule,
    ::testing::Values(Container{"module.pth", CheckpointFormat::TorchZip},
                      Container{"script_113.pt", CheckpointFormat::TorchScript},
                      Container{"export_23.pt2", CheckpointFormat::TorchExport},
                      Container{"export_new.pt2", CheckpointFormat::TorchExport}));

TEST(TrainingFile, KeepsTheStateDictApartFromTheOptimizer) {
  const StateDict state = open_checkpoint(fixture("training.pth"));
  EXPECT_EQ(describe(state, "state_dict").size(), 5u);
  EXPECT_EQ(describe(state, "optimizer.state.1").size(), 3u);
  EXPECT_EQ(state.metadata.at("meta.epoch"), "12");
  EXPECT_EQ(state.metadata.at("meta.lr"), "0.5");
  EXPECT_EQ(state.metadata.at("meta.cfg"), "model = dict()\n");
  EXPECT_FALSE(state.metadata.contains("meta.seed"));
  EXPECT_TRUE(state.metadata.contains("meta.colours.0.0"));  // of a NumPy array
}

TEST(TrainingFile, NamesObjectsItDoesNotKnow) {
  const StateDict state = open_checkpoint(fixture("training.pth"));
  EXPECT_THAT(state.opaque, Contains("message_hub.history: __main__.History"));
}

TEST(HostileFile, RunsNothingAndShowsWhatItWouldHaveRun) {
  for (const char* file : {"hostile.pth", "hostile_legacy.pth"}) {
    const StateDict state = open_checkpoint(fixture(file));
    EXPECT_THAT(state.opaque, Contains("extra: posix.system")) << file;
    EXPECT_EQ(describe(state, "state_dict").size(), 1u);
  }
  EXPECT_FALSE(std::filesystem::exists("executed"));
}

TEST(OddTopLevel, OpensAsAStateDictOfWhatThereIs) {
  EXPECT_EQ(open_checkpoint(fixture("bare_tensor.pth")).tensors.at(0).path(), "tensor");
  EXPECT_EQ(open_checkpoint(fixture("list.pth")).tensors.at(0).path(), "0");
  EXPECT_TRUE(open_checkpoint(fixture("empty_dict.pth")).tensors.empty());
}

TEST(OddTensors, AreListedWithTheirTypeAndAHintThatFitsIt) {
  const std::array<const char*, 3> cases[] = {
      {"sparse.pth", "sparse", ".to_dense()"},
      {"quantised.pth", "quantised", ".dequantize()"},
      {"complex.pth", "complex64", ".real"},
      {"float8.pth", "float8_e4m3fn", "scale factor"},
      {"uint16.pth", "uint16", ".to(torch.float32)"},
  };
  for (const auto& [file, type, hint] : cases) {
    const StateDict state = open_checkpoint(fixture(file));
    ASSERT_EQ(state.tensors.size(), 1u) << file;
    const TensorEntry& tensor = state.tensors[0];
    EXPECT_EQ(tensor.key, "x") << file;
    EXPECT_EQ(tensor.type_name(), type);
    ASSERT_TRUE(tensor.unreadable) << file;
    EXPECT_THAT(tensor.unreadable->hint, HasSubstr(hint));
    const auto error = error_of([&] {
      float value = 0;
      read_f32(tensor, 0, {&value, 1});
    });
    ASSERT_TRUE(error) << file;
    EXPECT_EQ(error->code(), ErrorCode::UnsupportedFormat) << file;
    EXPECT_EQ(error->detail().key, "x") << file;
    EXPECT_EQ(error->detail().hint, tensor.unreadable->hint);
  }
}

// The bytes are those of `x.resolve_neg()` in PyTorch.
TEST(NegatedFile, HasTheValuesThatPyTorchLoads) {
  const auto tensors = describe(open_checkpoint(fixture("negated.pth")));
  EXPECT_EQ(tensors.at("f32").hex, "000080bf000020400000008000e07fc7");
  EXPECT_EQ(tensors.at("f16").hex, "00bc00410080fffb");
  EXPECT_EQ(tensors.at("i8").hex, "ff0280");
  EXPECT_EQ(tensors.at("rows").hex, "00000080000000c0000080c0000080bf000040c00000a0c0");
}

TEST(OddTensors, DoNotHideWhatComesAfterThemInALegacyFile) {
  const StateDict state = open_checkpoint(fixture("odd_legacy.pth"));
  ASSERT_EQ(state.tensors.size(), 3u);
  EXPECT_EQ(state.tensors[0].type_name(), "uint32");
  EXPECT_EQ(state.tensors[1].type_name(), "complex64");
  std::array<float, 4> last{};
  read_f32(state.tensors[2], 0, last);
  EXPECT_THAT(last, ::testing::ElementsAre(1, -2.5f, 0, 65504));
}

TEST(FrozenScript, FrozenScriptsOfPyTorchHoldTensorsWithoutNames) {
  const StateDict state = open_checkpoint(fixture("frozen_script.pt"));
  EXPECT_TRUE(state.tensors.empty());
  ASSERT_EQ(state.unreached.size(), 1u);
  EXPECT_THAT(state.unreached[0].what, HasSubstr("5 tensors without a name"));
}

TEST(CompressedArchive, IsRefusedWithTheNextStep) {
  const auto error = error_of([] { open_checkpoint(fixture("compressed.pth")); });
  ASSERT_TRUE(error);
  EXPECT_EQ(error->code(), ErrorCode::UnsupportedFormat);
  EXPECT_THAT(error->detail().hint, HasSubstr("torch.save"));
}

TEST(StateDictCopies, ShareTheMappingBeyondTheFirst) {
  auto first = std::make_unique<StateDict>(open_checkpoint(fixture("zip_113.pth")));
  const StateDict copy = *first;
  first.reset();
  release_pages(copy.tensors.at(0));
  EXPECT_EQ(describe(copy), read_expected("expected.json"));
}

TEST(Opening, TellsAMissingFileFromAWrongOne) {
  EXPECT_EQ(error_of([] { open_checkpoint(fixture("no such file")); })->code(),
            ErrorCode::NotFound);
  EXPECT_EQ(error_of([] { open_checkpoint("/dev/null"); })->code(), ErrorCode::UnsupportedFormat);
}

}  // namespace
}  // namespace sapiens
