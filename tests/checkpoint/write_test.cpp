#include "checkpoint/write.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cstring>
#include <limits>

#include "checkpoint/support.hpp"
#include "core/shape.hpp"

namespace sapiens {
namespace {

using test::describe;
using test::error_of;
using test::fixture;
using test::TemporaryFolder;

std::vector<TensorSource> sources(const StateDict& state) {
  std::vector<TensorSource> out;
  for (const TensorEntry& tensor : state.tensors) {
    out.push_back({.key = tensor.key,
                   .dtype = tensor.dtype,
                   .shape = tensor.shape,
                   .read = [&tensor](Index first, std::span<std::byte> bytes) {
                     read_raw(tensor, first, bytes);
                   }});
  }
  return out;
}

using Notes = std::map<std::string, std::string>;
const Notes kNotes{{"made_by", "test"}, {"text", "caf\xc3\xa9 \"quoted\"\n"}};

PlainValue::Dict as_dict(const Notes& notes) {
  PlainValue::Dict dict;
  for (const auto& [key, value] : notes) dict.emplace_back(PlainValue{key}, PlainValue{value});
  return dict;
}

TEST(Write, AnEmptyTensorMayHaveExtentsWhoseProductOverflows) {
  const TemporaryFolder folder;
  const std::vector<Index> shape = {0, 3, std::numeric_limits<Index>::max()};
  const TensorSource empty{.key = "x", .shape = shape, .read = [](Index, std::span<std::byte>) {}};
  write_safetensors(folder / "x.safetensors", std::vector{empty}, {});
  const StateDict first = open_checkpoint(folder / "x.safetensors");
  write_torch_zip(folder / "x.pth", sources(first), {});
  const StateDict second = open_checkpoint(folder / "x.pth");
  for (const StateDict* state : {&first, &second}) {
    ASSERT_EQ(state->tensors.size(), 1u);
    EXPECT_EQ(state->tensors[0].shape, shape);
    EXPECT_EQ(state->tensors[0].strides, packed_strides(shape));
    EXPECT_EQ(state->tensors[0].numel(), 0);
    read_f32(state->tensors[0], 0, {});
    read_raw(state->tensors[0], 0, {});
  }
}

TEST(WriteSafetensors, ComesBackBitForBit) {
  const TemporaryFolder folder;
  const StateDict original = open_checkpoint(fixture("zip_113.pth"));
  write_safetensors(folder / "out", sources(original), kNotes);
  const StateDict copy = open_checkpoint(folder / "out");
  EXPECT_EQ(copy.format, CheckpointFormat::Safetensors);
  EXPECT_EQ(describe(copy), describe(original));
  EXPECT_EQ(copy.metadata, kNotes);
}

TEST(WriteSafetensors, AlignsEveryTensorToItsElements) {
  const TemporaryFolder folder;
  const StateDict original = open_checkpoint(fixture("zip_113.pth"));
  write_safetensors(folder / "out", sources(original), {});
  const StateDict copy = open_checkpoint(folder / "out");
  for (const TensorEntry& tensor : copy.tensors) {
    const auto address = reinterpret_cast<std::uintptr_t>(tensor.data);
    EXPECT_EQ(address % dtype_size(tensor.dtype), 0u) << tensor.key;
  }
}

TEST(WriteTorchZip, FlatLayoutComesBackBitForBitWithItsNotes) {
  const TemporaryFolder folder;
  const StateDict original = open_checkpoint(fixture("zip_113.pth"));
  write_torch_zip(folder / "out", sources(original), {.attributes = as_dict(kNotes)});
  const StateDict copy = open_checkpoint(folder / "out");
  EXPECT_EQ(copy.format, CheckpointFormat::TorchZip);
  EXPECT_EQ(describe(copy), describe(original));
  EXPECT_EQ(copy.metadata, kNotes);
  EXPECT_EQ(copy.tensors.front().key, original.tensors.front().key);  // file order is kept
}

TEST(WriteTorchZip, MmengineLayoutHasStateDictAndMeta) {
  const TemporaryFolder folder;
  const StateDict original = open_checkpoint(fixture("zip_113.pth"));
  write_torch_zip(folder / "out", sources(original),
                  {.wrap_in_state_dict = true, .attributes = as_dict(kNotes)});
  const StateDict copy = open_checkpoint(folder / "out");
  EXPECT_EQ(describe(copy, "state_dict"), describe(original));
  EXPECT_EQ(copy.metadata.at("meta.made_by"), "test");
}

TEST(WriteTorchZip, AlignsEveryTensorTo64Bytes) {
  const TemporaryFolder folder;
  write_torch_zip(folder / "out", sources(open_checkpoint(fixture("all.safetensors"))), {});
  for (const TensorEntry& tensor : open_checkpoint(folder / "out").tensors) {
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(tensor.data) % 64, 0u) << tensor.key;
  }
}

TEST(Write, StreamsTensorsLargerThanItsBuffer) {
  const TemporaryFolder folder;
  constexpr Index kCount = (Index{1} << 22) + 12345;  // 16 MB and a bit
  std::size_t largest = 0;
  const TensorSource source{.key = "x",
                            .dtype = DType::F32,
                            .shape = {kCount},
                            .read = [&](Index first, std::span<std::byte> out) {
                              largest = std::max(largest, out.size());
                              for (std::size_t i = 0; i < out.size() / 4; ++i) {
                                const auto value =
                                    static_cast<float>(first + static_cast<Index>(i));
                                std::memcpy(out.data() + 4 * i, &value, 4);
                              }
                            }};
  std::vector<std::uint64_t> progress;
  const auto note = [&](std::uint64_t done, std::uint64_t total) {
    EXPECT_EQ(total, 4u * kCount);
    progress.push_back(done);
  };
  write_torch_zip(folder / "a.pth", {&source, 1}, {}, note);
  write_safetensors(folder / "a.safetensors", {&source, 1}, {}, note);
  EXPECT_EQ(progress, (std::vector<std::uint64_t>{4u * kCount, 4u * kCount}));
  EXPECT_LE(largest, std::size_t{16} << 20);
  for (const char* name : {"a.pth", "a.safetensors"}) {
    const StateDict state = open_checkpoint(folder / name);
    std::vector<float> values(3);
    read_f32(state.tensors.at(0), kCount - 3, values);
    EXPECT_THAT(values, ::testing::ElementsAre(kCount - 3, kCount - 2, kCount - 1));
  }
}

TEST(Write, AnEmptyStateDictIsAFileToo) {
  const TemporaryFolder folder;
  write_torch_zip(folder / "a", {}, {});
  write_safetensors(folder / "b", {}, {});
  EXPECT_TRUE(open_checkpoint(folder / "a").tensors.empty());
  EXPECT_TRUE(open_checkpoint(folder / "b").tensors.empty());
}

TEST(Write, RefusesInvalidNames) {
  const TemporaryFolder folder;
  const auto nothing = [](Index, std::span<std::byte>) {};
  const TensorSource nameless{.key = "", .shape = {0}, .read = nothing};
  const TensorSource twice[] = {{.key = "x", .shape = {0}, .read = nothing},
                                {.key = "x", .shape = {0}, .read = nothing}};
  const TensorSource no_utf8{.key = "\xff", .shape = {0}, .read = nothing};
  EXPECT_EQ(error_of([&] {
              write_torch_zip(folder / "a", {&nameless, 1}, {});
            })->code(),
            ErrorCode::InvalidArgument);
  EXPECT_EQ(error_of([&] { write_safetensors(folder / "a", twice, {}); })->code(),
            ErrorCode::InvalidArgument);
  EXPECT_EQ(error_of([&] {
              write_safetensors(folder / "a", {&no_utf8, 1}, {});
            })->code(),
            ErrorCode::InvalidArgument);
  const TensorSource metadata{.key = "__metadata__", .shape = {0}, .read = nothing};
  EXPECT_EQ(error_of([&] {
              write_safetensors(folder / "a", {&metadata, 1}, {});
            })->code(),
            ErrorCode::InvalidArgument);
  EXPECT_TRUE(std::filesystem::is_empty(folder.path()));
}

TEST(Write, LeavesTheOldFileAloneWhenASourceFails) {
  const TemporaryFolder folder;
  write_torch_zip(folder / "a", sources(open_checkpoint(fixture("zip_113.pth"))), {});
  const TensorSource broken{.key = "x", .shape = {1}, .read = [](Index, std::span<std::byte>) {
                              throw Error(ErrorCode::CorruptFile, {.summary = "broken"});
                            }};
  EXPECT_TRUE(error_of([&] { write_torch_zip(folder / "a", {&broken, 1}, {}); }));
  EXPECT_EQ(open_checkpoint(folder / "a").tensors.size(), 16u);
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(folder.path()), {}), 1);
}

TEST(Write, SaysThatAFolderIsMissing) {
  const TemporaryFolder folder;
  const auto error = error_of([&] { write_torch_zip(folder / "no" / "a", {}, {}); });
  ASSERT_TRUE(error);
  EXPECT_EQ(error->code(), ErrorCode::WriteFailed);
}

}  // namespace
}  // namespace sapiens
