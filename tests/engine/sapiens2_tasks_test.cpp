#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <optional>
#include <string>

#include "sapiens/error.hpp"
#include "sapiens/reconstruct.hpp"
#include "sapiens/tasks.hpp"
#include "support/sapiens2_files.hpp"

namespace sapiens::sapiens2 {
namespace {

using testing::AllOf;
using testing::Contains;
using testing::HasSubstr;
using testing::Not;

class Sapiens2Task : public testing::Test {
 protected:
  TensorFile task_file() const {
    return TensorFile()
        .add(plain(), "backbone.")
        .add("decode_head.deconv_layers.0.weight", {8, 8, 4, 4})
        .add("decode_head.conv_seg.weight", {28, 8, 1, 1});
  }
  Scratch scratch_;
};

TEST_F(Sapiens2Task, ItsEncoderIsUsableAndTheHeadExplained) {
  const Inspection inspection = inspect(task_file());
  EXPECT_EQ(inspection.report.verdict, Verdict::Equivalent);
  EXPECT_EQ(inspection.model.outputs, 0);
  EXPECT_THAT(reason_of(inspection, "decode_head.conv_seg.weight"), HasSubstr("not supported"));
  EXPECT_THAT(inspection.report.notes,
              Contains(AllOf(HasSubstr("decode_head.*"), HasSubstr("licence"))));
  for (const UseVerdict& use : inspection.uses) {
    EXPECT_EQ(is_usable(use.verdict), use.use == Use::Features);
    if (use.use == Use::Seg) {
      EXPECT_THAT(use.reason, HasSubstr("licence"));
    }
  }
}

TEST_F(Sapiens2Task, TasksAreRefusedWithTheReason) {
  const std::string path = task_file().write(scratch_ / "task.pth");
  for (const auto task : {std::optional<Task>(), std::optional(Task::Seg)}) {
    try {
      TaskModel(Checkpoint::open(path), ModelOptions{.expected_task = task});
      FAIL() << "loaded a head";
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::CheckpointRefused);
      EXPECT_THAT(error.what(), AllOf(HasSubstr("licence"), Not(HasSubstr("no head"))));
      EXPECT_THAT(error.detail().hint, HasSubstr("`sapiens features`"));
    }
  }
}

TEST_F(Sapiens2Task, ReconstructionIsRefusedWithTheReason) {
  const std::string path = task_file().write(scratch_ / "task.pth");
  try {
    Reconstructor(Checkpoint::open(path), {});
    FAIL() << "loaded a decoder";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::CheckpointRefused);
    EXPECT_THAT(error.what(), HasSubstr("decoder that Sapiens2 is pretrained with"));
  }
}

TEST(Sapiens2Options, ThoseThatMeanNothingAreRefused) {
  const auto option_of = [](const ModelOptions& options) -> std::string {
    try {
      inspect(plain(), options);
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::InvalidArgument);
      EXPECT_FALSE(error.detail().expected.empty()) << error.what();
      return error.detail().option;
    }
    return "none";
  };
  EXPECT_EQ(option_of({.heads = 4}), "heads");
  EXPECT_EQ(option_of({.heads = 2}), "none");
  EXPECT_EQ(option_of({.decoder_heads = 16}), "decoder_heads");
  EXPECT_EQ(option_of({.grid = Grid{64, 48}}), "grid");
  EXPECT_EQ(option_of({.patch_padding = 2}), "patch_padding");
  EXPECT_EQ(option_of({.patch_padding = 0}), "none");
  EXPECT_EQ(option_of({.input_size = Grid{64, 50}}), "input_size");
  EXPECT_EQ(option_of({.arch = "0.3b"}), "arch");
  EXPECT_EQ(option_of({.task = Task::Pose}), "task");
  EXPECT_EQ(option_of({.task = Task::Pretrain}), "none");
}

TEST(Sapiens2Options, ASizeOfSapiens2DoesNotApplyToSapiens) {
  const Golden golden("names");
  ModelOptions options = golden.options();
  options.arch = "sapiens2_0.4b";
  EXPECT_THROW(Checkpoint::open(golden.file("plain.pth")).inspect(options), Error);
}

TEST(Sapiens2Options, AnotherSizeIsNamed) {
  const Inspection inspection = inspect(plain(), {.arch = "sapiens2_0.4b"});
  EXPECT_EQ(inspection.report.verdict, Verdict::Incomplete);
  EXPECT_THAT(inspection.report.explanation, HasSubstr("you asked for 0.4B"));
}

}  // namespace
}  // namespace sapiens::sapiens2
