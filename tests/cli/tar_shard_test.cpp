#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstddef>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <optional>
#include <sapiens/archive.hpp>
#include <sapiens/error.hpp>
#include <sapiens/npy.hpp>
#include <string>
#include <vector>

#include "cli/run/feature_files.hpp"
#include "cli/shard_fixture.hpp"
#include "support/error_code_of.hpp"
#include "support/scratch.hpp"

namespace sapiens::cli {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::IsEmpty;

class TarShards : public ShardFixture {
 protected:
  /// Names and contents of the members of a part.
  std::vector<std::string> members_of(const std::string& name) const {
    ArchiveReader reader(output("run") / name);
    std::vector<std::string> members;
    while (const std::optional<ArchiveMember> member = reader.next()) {
      members.push_back(member->name);
    }
    return members;
  }
};

INSTANTIATE_TEST_SUITE_P(Kinds, TarShards, testing::Values("tar"),
                         [](const auto& kind) { return std::string(kind.param); });

TEST_P(TarShards, MembersAreCalledAsWebDatasetGroupsThem) {
  const auto files = shard("run", "owner");
  const TestSample sample = test_samples(1).front();
  write_sample(*files, sample, DType::I8);
  write_vector(*files, "one", {1, 2, 3});
  files->finish();
  const std::string key = sample.key;
  EXPECT_THAT(
      members_of("a/shard-000012.tar"),
      ElementsAre(key + ".cls_token.npy", key + ".cls_token.scale.npy", key + ".featmap.npy",
                  key + ".featmap.scale.npy", key + ".txt", "one.npy"));
}

TEST_P(TarShards, MembersAreNpyFilesAndTheSidecarsAsTheyWere) {
  const auto files = shard("run", "owner");
  const TestSample sample = test_samples(1).front();
  write_sample(*files, sample);
  files->finish();
  ArchiveReader reader(output("run") / "a/shard-000012.tar");
  std::map<std::string, std::string> contents;
  while (const std::optional<ArchiveMember> member = reader.next()) {
    const std::vector<std::byte> bytes = reader.read();
    contents[member->name] = {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
  }
  write_bytes(scratch_ / "map.npy", contents[sample.key + ".featmap.npy"]);
  EXPECT_EQ(read_npy(scratch_ / "map.npy").values, sample.map);
  EXPECT_EQ(read_npy(scratch_ / "map.npy").shape, kMapShape);
  EXPECT_EQ(contents[sample.key + ".txt"], "caption " + sample.key);
}

TEST_P(TarShards, PartsStayBelowTheSizeAndHoldAllInOrder) {
  const auto files = shard("run", "owner");
  std::vector<std::string> expected;
  for (int i = 0; i < 40; ++i) {
    const std::string key(static_cast<std::size_t>(1 + 97 * (i % 5)),
                          static_cast<char>('a' + i % 26));
    write_vector(*files, key, std::vector<float>(static_cast<std::size_t>(10 * i), 1.0f));
    expected.push_back(key + ".npy");
  }
  files->finish();
  std::vector<std::string> found;
  const std::vector<std::string> parts = names_below(output("run"));
  ASSERT_GT(parts.size(), 3u);
  for (std::size_t i = 0; i < parts.size(); ++i) {
    const std::string part =
        i == 0 ? "a/shard-000012.tar" : fmt::format("a/shard-000012-part{:04}.tar", i);
    EXPECT_LE(fs::file_size(output("run") / part), 8000u);
    for (const std::string& name : members_of(part)) found.push_back(name);
  }
  EXPECT_EQ(found, expected);
}

TEST_P(TarShards, AnInputThatIsLargerThanAPartHasOneOfItsOwn) {
  const auto files = shard("run", "owner");
  for (const std::string key : {"a", "b", "c"}) {
    write_vector(*files, key, std::vector<float>(key == "b" ? 5000 : 10));
  }
  files->finish();
  EXPECT_THAT(members_of("a/shard-000012.tar"), ElementsAre("a.npy"));
  EXPECT_THAT(members_of("a/shard-000012-part0001.tar"), ElementsAre("b.npy"));
  EXPECT_THAT(members_of("a/shard-000012-part0002.tar"), ElementsAre("c.npy"));
}

TEST_P(TarShards, AShardWithoutInputsIsAnEmptyTar) {
  shard("run", "owner")->finish();
  EXPECT_THAT(names_below(output("run")), ElementsAre("a/shard-000012.tar"));
  EXPECT_THAT(members_of("a/shard-000012.tar"), IsEmpty());
}

TEST_P(TarShards, APartThatIsGoneIsNotGoneOnBehind) {
  const std::vector<TestSample> samples = test_samples(12);
  const auto first = shard("run", "first");
  for (const TestSample& sample : samples) write_sample(*first, sample);
  ASSERT_GT(first->position()["part"], 1);
  fs::remove(output("run") / "a/shard-000012-part0001.tar");
  const auto second = shard("run", "second");
  EXPECT_EQ(error_code_of([&] { second->resume(unfinished("first"), first->position()); }),
            ErrorCode::CorruptFile);
}

TEST_P(TarShards, WithoutTheModuleThereIsNoShard) {
  ::setenv("SAPIENS_MODULE_DIR", scratch_.path().c_str(), 1);
  const ErrorCode code = error_code_of([&] { shard("run", "owner"); });
  ::unsetenv("SAPIENS_MODULE_DIR");
  EXPECT_EQ(code, ErrorCode::UnsupportedFormat);
}

}  // namespace
}  // namespace sapiens::cli
