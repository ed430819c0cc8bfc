#include "cli/dataset/run_records.hpp"

#include <gtest/gtest.h>

#include <span>
#include <string>

#include "cli/run/claim_folder.hpp"
#include "cli/run/jobs.hpp"
#include "support/error_code_of.hpp"
#include "support/scratch.hpp"

namespace sapiens::cli {
namespace {

TEST(AManifest, WhoseSettingsAreNoObjectIsRefused) {
  const Scratch scratch;
  for (const std::string settings : {"null", "5", "\"text\"", "[]"}) {
    write_bytes(scratch / "m.json", R"({"inputs":{},"settings":)" + settings + "}");
    EXPECT_EQ(error_code_of([&] { read_manifest(scratch / "m.json"); }), ErrorCode::CorruptFile)
        << settings;
  }
}

TEST(ARecordOfAShard, CountsNoMoreInputsThanCanBeAddedUp) {
  const Scratch scratch;
  const InputShard shard = {.name = "s", .archive = {.path = "s.tar", .archive = true}};
  const RunRecords records(scratch.path(), "1");
  write_bytes(records.index_of(shard), "");
  const auto is_complete = [&](const std::string& done, const std::string& retry = "1") {
    write_bytes(index_folder(scratch.path()) / "s.json",
                R"({"files":[],"left_out":[],"failed":1,"retry":)" + retry + R"(,"done":)" + done +
                    R"(,"source":)" + source_of(shard).dump() + "}");
    return records.read(shard).has_value();
  };
  EXPECT_TRUE(is_complete("3"));
  for (const char* done : {"-1", "3.0", "9223372036854775807", "18446744073709551615"}) {
    EXPECT_FALSE(is_complete(done)) << done;
    EXPECT_FALSE(is_complete("3", done)) << done;
  }
  EXPECT_FALSE(is_complete("3", "2"));  // more than failed
}

TEST(RecordsOfARun, LeaveNoFileOfAKilledProcess) {
  const Scratch scratch;
  const auto work = index_folder(scratch.path()) / kWorkFolder;
  const Claims claims(work);
  const auto left = removable_path(work, "killed");
  write_bytes(left, "{");
  const RunRecords records(scratch.path(), "1");
  records.begin({{"dtype", "f16"}}, false);
  EXPECT_EQ(read_manifest(manifest_path(scratch.path(), "features")).settings["dtype"], "f16");
  EXPECT_EQ(error_code_of([&] {
              records.begin({{"dtype", "f32"}}, true);
            }),
            ErrorCode::InvalidArgument);
  const InputShard missing = {.name = "s", .archive = {.path = "s.tar", .archive = true}};
  EXPECT_EQ(records.merge(std::span(&missing, 1), claims, {})["complete"], false);
  EXPECT_TRUE(exists(left));  // others may still work
  EXPECT_EQ(records.merge({}, claims, {})["complete"], true);
  EXPECT_TRUE(is_empty(work));
  // As if the output folder had been renamed: it is not made anew.
  std::filesystem::remove_all(index_folder(scratch.path()));
  EXPECT_EQ(error_code_of([&] { records.merge({}, claims, {}); }), ErrorCode::WriteFailed);
  EXPECT_FALSE(exists(index_folder(scratch.path())));
}

}  // namespace
}  // namespace sapiens::cli
