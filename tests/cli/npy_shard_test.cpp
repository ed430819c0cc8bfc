#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sapiens/error.hpp>
#include <sapiens/npy.hpp>
#include <span>
#include <string>
#include <vector>

#include "cli/run/feature_files.hpp"
#include "cli/shard_fixture.hpp"
#include "support/error_code_of.hpp"
#include "support/scratch.hpp"

namespace sapiens::cli {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

class NpyShards : public ShardFixture {};

INSTANTIATE_TEST_SUITE_P(Kinds, NpyShards, testing::Values("npy"),
                         [](const auto& kind) { return std::string(kind.param); });

TEST_P(NpyShards, FilesHoldARowForEachInput) {
  const auto files = shard("run", "owner");
  std::vector<float> maps;
  for (const TestSample& sample : test_samples(11)) {
    write_sample(*files, sample);
    maps.insert(maps.end(), sample.map.begin(), sample.map.end());
  }
  files->finish();
  EXPECT_THAT(names_below(output("run")), ElementsAre("cls_token_emb/cls_token_emb_0012.npy",
                                                      "featmap_emb/featmap_emb_0012.npy"));
  const FloatArray map = read_npy(output("run") / "featmap_emb/featmap_emb_0012.npy");
  EXPECT_EQ(map.shape, (std::vector<Index>{11, 2, 3, 5}));
  EXPECT_EQ(map.values, maps);
  EXPECT_EQ(read_npy(output("run") / "cls_token_emb/cls_token_emb_0012.npy").shape,
            (std::vector<Index>{11, 7}));
}

TEST_P(NpyShards, TheTypesOfNumbersAreThoseOfEncodeNpy) {
  const std::vector<float> values = {1, 2, 3};
  for (const DType dtype : {DType::F32, DType::F16, DType::BF16, DType::I8}) {
    const std::string run(dtype_name(dtype));
    const auto files = shard(run, run);
    write_vector(*files, "a", values, dtype);
    files->finish();
    const NpyHeaderInfo info = read_npy_info(output(run) / "img_emb/img_emb_0012.npy");
    const FeatureArray array{{}, {3}, values};
    const auto npy = encode_arrays(std::span(&array, 1), dtype).front().npy;
    write_bytes(scratch_ / "one.npy", {reinterpret_cast<const char*>(npy.data()), npy.size()});
    EXPECT_EQ(info.type, read_npy_info(scratch_ / "one.npy").type);
    EXPECT_EQ(info.shape, (std::vector<Index>{1, 3}));
  }
  EXPECT_THAT(names_below(output("i8")),
              ElementsAre("img_emb/img_emb_0012.npy", "img_emb_scale/img_emb_scale_0012.npy"));
}

TEST_P(NpyShards, AnotherShapeOrTypeIsRefusedBeforeAnythingIsWritten) {
  const auto files = shard("run", "owner");
  write_vector(*files, "a", {1, 2, 3});
  const Json position = files->position();
  const auto before = files_below(unfinished("owner"));
  EXPECT_EQ(error_code_of([&] { write_vector(*files, "b", {1, 2}); }), ErrorCode::InvalidArgument);
  EXPECT_EQ(error_code_of([&] {
              write_vector(*files, "c", {1, 2, 3}, DType::F16);
            }),
            ErrorCode::InvalidArgument);
  EXPECT_EQ(error_code_of([&] { write_sample(*files, test_samples(1).front()); }),
            ErrorCode::InvalidArgument);
  EXPECT_TRUE(files_below(unfinished("owner")) == before);

  const auto second = shard("run", "second");
  second->resume(unfinished("owner"), position);
  try {
    write_vector(*second, "b", {1, 2});
    FAIL() << "another shape was written";
  } catch (const Error& error) {
    EXPECT_EQ(error.detail().expected, "f32 [3]");
    EXPECT_EQ(error.detail().actual, "f32 [2]");
  }
}

TEST_P(NpyShards, AShardWithoutInputsHasNoFiles) {
  shard("run", "owner")->finish();
  EXPECT_THAT(names_below(output("run")), IsEmpty());
}

}  // namespace
}  // namespace sapiens::cli
