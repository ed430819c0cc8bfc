#include "cli/dataset/run_records.hpp"

#include <gtest/gtest.h>

#include <string>

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

}  // namespace
}  // namespace sapiens::cli
