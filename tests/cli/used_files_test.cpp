#include "cli/run/used_files.hpp"

#include <gtest/gtest.h>

#include <filesystem>
#include <sapiens/checkpoint.hpp>
#include <string>

#include "cli/run/task_models.hpp"
#include "support/error_code_of.hpp"
#include "support/scratch.hpp"

namespace sapiens::cli {
namespace {

namespace fs = std::filesystem;

class UsedFilesTest : public testing::Test {
 protected:
  std::string write(const std::string& name, const std::string& bytes) {
    write_bytes(scratch_ / name, bytes);
    return scratch_ / name;
  }

  void replace(const std::string& path, const std::string& bytes) {
    fs::rename(write("new", bytes), path);
  }

  std::string checkpoint(const std::string& name, Task task, std::uint64_t seed) {
    synthesize_checkpoint(scratch_ / name, {.arch = "tiny", .task = task, .seed = seed});
    return scratch_ / name;
  }

  Scratch scratch_;
};

TEST_F(UsedFilesTest, TellOfFilesAsTheyWereBefore) {
  const std::string path = write("a.pth", "abc");
  const UsedFiles files({path, ""});
  EXPECT_EQ(files.json(path)["bytes"], 3);
  EXPECT_NO_THROW(files.require_unchanged());
  replace(path, "four");
  EXPECT_EQ(files.json(path)["bytes"], 3);
  EXPECT_EQ(error_code_of([&] { files.require_unchanged(); }), ErrorCode::CorruptFile);
}

TEST_F(UsedFilesTest, NoticeAFileOfTheSameSizeAndOneThatIsGone) {
  const std::string same = write("a.pth", "abc");
  const std::string gone = write("b.pth", "abc");
  const UsedFiles first({same}), second({gone});
  fs::rename(same, scratch_ / "c.pth");
  replace(same, "xyz");
  fs::last_write_time(same, fs::last_write_time(scratch_ / "c.pth"));  // as `cp -p` does
  fs::remove(gone);
  EXPECT_EQ(error_code_of([&] { first.require_unchanged(); }), ErrorCode::CorruptFile);
  EXPECT_EQ(error_code_of([&] { second.require_unchanged(); }), ErrorCode::CorruptFile);
}

TEST_F(UsedFilesTest, AFileThatIsNotThereIsNotRefusedHere) {
  const UsedFiles files({scratch_ / "none.pth"});
  EXPECT_NO_THROW(files.require_unchanged());
}

// Results must not be recorded as those of the file that took the checkpoint's place.
TEST_F(UsedFilesTest, ModelsOfACheckpointThatWasReplacedAreRefused) {
  TaskOptions options;
  options.only = Task::Depth;
  options.tasks = {{Task::Depth, checkpoint("depth.pth", Task::Depth, 1)}};
  const UsedFiles files = files_of(options);
  const TaskModels models(options, files);
  EXPECT_EQ(models.settings(options)["checkpoint"], files.json(options.tasks[0].path));
  fs::rename(checkpoint("other.pth", Task::Depth, 2), options.tasks[0].path);
  EXPECT_EQ(error_code_of([&] { TaskModels(options, files); }), ErrorCode::CorruptFile);
}

}  // namespace
}  // namespace sapiens::cli
