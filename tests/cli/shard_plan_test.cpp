#include "cli/dataset/shard_plan.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "cli/dataset/shard_journal.hpp"
#include "support/error_code_of.hpp"
#include "support/scratch.hpp"

namespace sapiens::cli {
namespace {

using testing::ElementsAre;

InputFile file(const std::string& name) {
  InputFile input;
  input.path = "in/" + name;
  input.name = name;
  return input;
}

InputFile archive(const std::string& name) {
  InputFile input = file(name);
  input.archive = true;
  return input;
}

std::vector<std::string> names(const std::vector<InputShard>& shards) {
  std::vector<std::string> all;
  for (const InputShard& shard : shards) all.push_back(shard.name.string());
  return all;
}

RunPart part_of(const std::map<std::string, std::string>& variables,
                const std::optional<std::string>& option = {}) {
  return choose_part(option, [&](const char* name) -> const char* {
    const auto found = variables.find(name);
    return found == variables.end() ? nullptr : found->second.c_str();
  });
}

testing::AssertionResult is(const RunPart& part, std::uint64_t index, std::uint64_t count) {
  if (part.index == index && part.count == count) return testing::AssertionSuccess();
  return testing::AssertionFailure() << part.index << " of " << part.count;
}

TEST(PlanShards, AnArchiveIsAShardAndLooseFilesAreGrouped) {
  const std::vector<InputFile> files = {file("a.jpg"), archive("s-0.tar.gz"), file("b.jpg"),
                                        file("d/c.jpg"), archive("s-1.zip")};
  const std::vector<InputShard> shards = plan_shards(files, 2);
  EXPECT_THAT(names(shards), ElementsAre("s-0", "s-1", "images-000000", "images-000001"));
  EXPECT_EQ(shards[1].archive.path, "in/s-1.zip");
  EXPECT_EQ(shards[2].jobs.size(), 2u);
  EXPECT_EQ(shards[3].jobs.front().name, "d/c");
  for (std::size_t i = 0; i < shards.size(); ++i) EXPECT_EQ(shards[i].number, Index(i));
}

TEST(PlanShards, NoTwoShardsAndNoTwoResultsHaveOneName) {
  const std::vector<InputFile> files = {archive("s.tar"), archive("s.zip"),
                                        archive("images-000000.tar"), file("x/b.jpg"),
                                        archive("x.tar")};
  const std::vector<InputShard> shards = plan_shards(files, 10);
  EXPECT_THAT(names(shards),
              ElementsAre("s.tar", "s.tar.2", "images-000000", "x.tar", "images.2-000000"));
}

TEST(PlanShards, ASourceChangesWithTheFiles) {
  const Scratch scratch;
  write_bytes(scratch / "a.png", "one");
  InputFile input = file("a.png");
  input.path = scratch / "a.png";
  const std::vector<InputShard> shards = plan_shards(std::vector{input}, 10);
  const Json before = source_of(shards[0]);
  EXPECT_EQ(source_of(shards[0]), before);
  write_bytes(scratch / "a.png", "three");
  EXPECT_NE(source_of(shards[0]), before);
}

TEST(ChooseShards, AnOptionCountsFromZero) {
  EXPECT_TRUE(is(part_of({}, "0/8"), 0, 8));
  EXPECT_TRUE(is(part_of({}, "7/8"), 7, 8));
  for (const char* text : {"8/8", "0/0", "-1/8", "1", "1/", "/8", "1/8/2", "a/b", "", "1 /8",
                           "0/99999999999999999999"}) {
    EXPECT_EQ(error_code_of([&] { part_of({}, text); }), ErrorCode::InvalidArgument) << text;
  }
}

TEST(ChooseShards, WithoutAnythingAllAreMeant) {
  EXPECT_TRUE(is(part_of({}), 0, 1));
  EXPECT_EQ(part_of({}).origin, "");
}

TEST(ChooseShards, AnArrayOfSlurmMayBeginAnywhereAndGoInSteps) {
  EXPECT_TRUE(is(part_of({{"SLURM_ARRAY_TASK_ID", "3"}, {"SLURM_ARRAY_TASK_COUNT", "8"}}), 3, 8));
  EXPECT_TRUE(is(part_of({{"SLURM_ARRAY_TASK_ID", "8"},
                          {"SLURM_ARRAY_TASK_MIN", "1"},
                          {"SLURM_ARRAY_TASK_COUNT", "8"}}),
                 7, 8));
  EXPECT_TRUE(is(part_of({{"SLURM_ARRAY_TASK_ID", "14"},
                          {"SLURM_ARRAY_TASK_MIN", "10"},
                          {"SLURM_ARRAY_TASK_STEP", "2"},
                          {"SLURM_ARRAY_TASK_COUNT", "3"}}),
                 2, 3));
}

TEST(ChooseShards, RanksOfATaskShareItsPart) {
  EXPECT_TRUE(is(part_of({{"RANK", "1"}, {"WORLD_SIZE", "4"}}), 1, 4));
  EXPECT_TRUE(is(part_of({{"SLURM_ARRAY_TASK_ID", "2"},
                          {"SLURM_ARRAY_TASK_COUNT", "3"},
                          {"RANK", "1"},
                          {"WORLD_SIZE", "2"}}),
                 5, 6));
}

TEST(ChooseShards, AnOptionCountsMoreThanTheEnvironment) {
  const std::map<std::string, std::string> slurm = {{"SLURM_ARRAY_TASK_ID", "3"},
                                                    {"SLURM_ARRAY_TASK_COUNT", "8"}};
  EXPECT_TRUE(is(part_of(slurm, "1/2"), 1, 2));
  EXPECT_TRUE(is(part_of(slurm, "none"), 0, 1));
}

TEST(ChooseShards, AnEnvironmentThatMakesNoSenseIsRefused) {
  using Variables = std::map<std::string, std::string>;
  for (const Variables& variables :
       {Variables{{"RANK", "4"}, {"WORLD_SIZE", "4"}},
        Variables{{"RANK", "x"}, {"WORLD_SIZE", "4"}}, Variables{{"SLURM_ARRAY_TASK_ID", "3"}},
        Variables{{"SLURM_ARRAY_TASK_ID", "8"}, {"SLURM_ARRAY_TASK_COUNT", "8"}},
        Variables{{"SLURM_ARRAY_TASK_ID", "0"},
                  {"SLURM_ARRAY_TASK_MIN", "1"},
                  {"SLURM_ARRAY_TASK_COUNT", "8"}}}) {
    EXPECT_EQ(error_code_of([&] { part_of(variables); }), ErrorCode::InvalidArgument);
  }
}

/// A journal in `folder` with `lines` inputs of which the last `unsynced` were never synced.
void write_journal(const std::string& folder, const Json& source, int lines) {
  ShardJournal journal(folder, source);
  for (int i = 0; i < lines; ++i) {
    journal.add({{"key", std::to_string(i)}, {"input", "s/" + std::to_string(i)}}, i % 2 == 1);
    journal.sync({{"bytes", i + 1}});
  }
  journal.add({{"key", "lost"}, {"input", "lost"}}, false);
}

TEST(AShardJournal, IsReadUpToItsLastPosition) {
  const Scratch scratch;
  const std::string folder = scratch.path();
  write_journal(folder, "source", 3);
  const auto work = ShardJournal::read(folder, "source");
  ASSERT_TRUE(work);
  EXPECT_THAT(work->inputs, ElementsAre(input_sum("0"), input_sum("1"), input_sum("2")));
  EXPECT_EQ(work->position, Json({{"bytes", 3}}));
  EXPECT_EQ(work->counts.done, 2);
  EXPECT_EQ(work->counts.failed, 1);
  EXPECT_FALSE(ShardJournal::read(folder, "another source"));
  EXPECT_FALSE(ShardJournal::read(folder + "/none", "source"));
}

TEST(AShardJournal, ThatWasCutOffAnywhereCountsUpToAWholePosition) {
  const Scratch scratch;
  const std::string folder = scratch.path();
  write_journal(folder, "source", 2);
  const std::string whole = read_bytes(folder + "/index.jsonl");
  for (std::size_t size = 0; size < whole.size(); ++size) {
    write_bytes(folder + "/index.jsonl", whole.substr(0, size));
    const auto work = ShardJournal::read(folder, "source");
    const std::size_t inputs = work ? work->inputs.size() : 0;
    EXPECT_EQ(inputs, work ? work->position.at("bytes").get<std::size_t>() : 0) << size;
    EXPECT_LT(inputs, 2u) << size;
  }
}

TEST(AShardJournal, ThatCountsOtherInputsThanItHasIsNone) {
  const Scratch scratch;
  const std::string folder = scratch.path();
  for (const std::string end :
       {R"({"position":{},"done":"x","failed":0})", R"({"position":{},"done":2,"failed":0})",
        R"({"position":{},"done":-5,"failed":6})", R"({"key":5})"}) {
    write_bytes(folder + "/index.jsonl", "{\"source\":\"s\"}\n{\"key\":\"a\"}\n" + end + "\n");
    EXPECT_FALSE(ShardJournal::read(folder, "s")) << end;
  }
}

TEST(AShardJournal, GoesOnWithAnEarlierOne) {
  const Scratch scratch;
  const std::string first = scratch / "first", second = scratch / "second";
  std::filesystem::create_directories(first);
  std::filesystem::create_directories(second);
  write_journal(first, "source", 2);
  ShardJournal journal(second, "source");
  journal.take(*ShardJournal::read(first, "source"));
  journal.add({{"key", "2"}, {"input", "s/2"}}, false);
  journal.sync({{"bytes", 3}});
  journal.write_index(scratch / "index.jsonl");
  EXPECT_EQ(journal.counts().done, 2);
  EXPECT_EQ(journal.counts().failed, 1);
  EXPECT_EQ(read_bytes(scratch / "index.jsonl"),
            "{\"key\":\"0\",\"input\":\"s/0\"}\n{\"key\":\"1\",\"input\":\"s/1\"}\n"
            "{\"key\":\"2\",\"input\":\"s/2\"}\n");
}

TEST(AShardJournal, DoesNotTakeTheLineOfItsSourceForAnInput) {
  const Scratch scratch;
  write_bytes(scratch / "first/index.jsonl",
              "{\"source\":\"s\",\"key\":\"x\"}\n{\"key\":\"a\"}\n"
              "{\"position\":{},\"done\":1,\"failed\":0}\n");
  const auto work = ShardJournal::read(scratch / "first", "s");
  ASSERT_TRUE(work);
  std::filesystem::create_directory(scratch / "second");
  ShardJournal journal(scratch / "second", "s");
  journal.take(*work);
  journal.write_index(scratch / "index.jsonl");
  EXPECT_EQ(read_bytes(scratch / "index.jsonl"), "{\"key\":\"a\"}\n");
}

}  // namespace
}  // namespace sapiens::cli
