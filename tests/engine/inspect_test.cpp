#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "engine/assess.hpp"
#include "sapiens/checkpoint.hpp"
#include "sapiens/error.hpp"
#include "sapiens/features.hpp"
#include "support/golden.hpp"
#include "support/scratch.hpp"

namespace sapiens {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

const UseVerdict& use(const Inspection& inspection, const std::string& name) {
  return *std::ranges::find(inspection.uses, find_use(name).value(), &UseVerdict::use);
}

// Issue 75 at full names and shapes, in miniature: the tiny model as a cleaned and as a full
// pretraining file.
class Issue75 : public testing::Test {
 protected:
  Inspection inspect(Layout layout, const ModelOptions& options = {}) {
    const std::filesystem::path file =
        scratch_ / (layout == Layout::Clean ? "clean.pth" : "full.pth");
    synthesize_checkpoint(file, {.arch = "tiny", .layout = layout});
    return Checkpoint::open(file).inspect(options);
  }
  Scratch scratch_;
};

TEST_F(Issue75, ACleanFileIsEquivalentAndSaysWhatTheOriginalDoesWithIt) {
  const Inspection inspection = inspect(Layout::Clean);
  EXPECT_EQ(inspection.report.verdict, Verdict::Equivalent);
  EXPECT_EQ(inspection.report.required, 42);  // 12 * 3 + 6
  EXPECT_EQ(inspection.report.bound, 42);
  EXPECT_THAT(inspection.text(), HasSubstr("with `layout` mmengine"));
  EXPECT_EQ(use(inspection, "reconstruct").verdict, Verdict::Incomplete);
  EXPECT_THAT(use(inspection, "reconstruct").reason, HasSubstr("cleaned files never have it"));
  EXPECT_THAT(use(inspection, "pose").reason, HasSubstr("fine-tuning"));
}

TEST_F(Issue75, AFullFileIsExactAndItsDecoderExplained) {
  const Inspection inspection = inspect(Layout::MMEngine);
  EXPECT_EQ(inspection.report.verdict, Verdict::Exact);
  ASSERT_EQ(inspection.report.unused.size(), 1u);
  EXPECT_THAT(inspection.report.unused[0].reason, HasSubstr("MAE decoder"));
  EXPECT_EQ(use(inspection, "reconstruct").verdict, Verdict::Exact);
  EXPECT_THAT(inspection.text(), Not(HasSubstr("with `layout` mmengine")));
}

TEST_F(Issue75, APlanIsMadeOnceAndWhenItIsAskedFor) {
  synthesize_checkpoint(scratch_ / "tiny.pth", {.arch = "tiny"});
  const Checkpoint checkpoint = Checkpoint::open(scratch_ / "tiny.pth");
  const auto plans_made = [&] { return checkpoint.assess({})->plans_made(); };
  const Encoder encoder(checkpoint, {}, exact());
  EXPECT_EQ(encoder.inspection().report.verdict, Verdict::Equivalent);
  EXPECT_EQ(plans_made(), 1);  // of the features, nothing else was asked for
  const Inspection inspection = checkpoint.inspect();
  EXPECT_EQ(plans_made(), 1);
  EXPECT_EQ(inspection.uses.size(), 6u);
  EXPECT_EQ(plans_made(), 6);
  EXPECT_EQ(encoder.inspection().uses.size(), 6u);
  EXPECT_EQ(plans_made(), 6);
}

TEST_F(Issue75, AnotherInputSizeIsNotForReconstruction) {
  const Inspection inspection = inspect(Layout::MMEngine, {.input_size = Grid{96, 160}});
  EXPECT_EQ(use(inspection, "features").verdict, Verdict::Adapted);
  EXPECT_EQ(use(inspection, "reconstruct").verdict, Verdict::Exact);
}

TEST_F(Issue75, AnotherSizeIsRefusedWithTheRightGuess) {
  const Inspection inspection = inspect(Layout::Clean, {.arch = "1b"});
  EXPECT_EQ(inspection.report.verdict, Verdict::Incomplete);
  EXPECT_THAT(inspection.report.explanation, HasSubstr("width 48 with 3 blocks"));
  EXPECT_THAT(inspection.report.explanation, HasSubstr("you asked for 1B"));
}

TEST_F(Issue75, ProblemsOfOneCauseAreOneLine) {
  const std::string text = inspect(Layout::Clean, {.arch = "0.3b"}).text();
  EXPECT_THAT(text, HasSubstr("missing       layers.*.ln1.weight  [1024]  (21 blocks)"));
  EXPECT_THAT(text, HasSubstr("layers.*.ln1.weight  file [48], model [1024]  (3 blocks)"));
  EXPECT_LT(std::ranges::count(text, '\n'), 40);
}

TEST_F(Issue75, RandomWeightsAreCalledRandom) {
  EXPECT_THAT(inspect(Layout::Clean).text(), HasSubstr("RANDOM WEIGHTS"));
  EXPECT_THAT(inspect(Layout::MMEngine).text(), HasSubstr("RANDOM WEIGHTS"));
}

TEST_F(Issue75, HeadsOfAnUnpublishedWidthAreReadFromOurOwnFiles) {
  EXPECT_EQ(inspect(Layout::Clean).model.heads, 4);
  EXPECT_EQ(inspect(Layout::MMEngine).model.heads, 4);
}

TEST_F(Issue75, BackboneTaskIsLosslessButForThePositions) {
  const Inspection inspection = inspect(Layout::Clean, {.task = Task::Backbone});
  EXPECT_EQ(inspection.report.verdict, Verdict::Adapted);
  EXPECT_EQ(inspection.model.grid, (Grid{8, 6}));
  EXPECT_TRUE(inspection.outputs.cls_token.empty());
  EXPECT_THAT(inspection.outputs.raw, ElementsAre(48, 48));
}

TEST_F(Issue75, TheJsonHasTheDocumentedFields) {
  const auto json = nlohmann::json::parse(inspect(Layout::Clean).json());
  for (const char* field : {"path", "format", "bytes"})
    EXPECT_TRUE(json["file"].contains(field)) << field;
  for (const char* field :
       {"family", "arch", "task", "width", "depth", "heads", "cls_token", "grid", "parameters"}) {
    EXPECT_TRUE(json["model"].contains(field)) << field;
  }
  for (const char* field :
       {"verdict", "required", "bound", "missing", "mismatched", "unused", "rules"}) {
    EXPECT_TRUE(json["report"].contains(field)) << field;
  }
  EXPECT_EQ(json["outputs"]["featmap"], (std::vector<Index>{48, 8, 8}));
  EXPECT_EQ(json["outputs"]["raw"], (std::vector<Index>{65, 48}));
  EXPECT_EQ(json["outputs"]["cls_token"], (std::vector<Index>{48}));
  EXPECT_EQ(json["outputs"]["avg_featmap"], (std::vector<Index>{48}));
  EXPECT_TRUE(json["outputs"].at("registers").is_null());
}

struct TaskFile {
  const char* task;
  Index tensors;
  Index padding;
};
class TaskFiles : public testing::TestWithParam<TaskFile> {};

TEST_P(TaskFiles, AreRecognisedByTheirHeads) {
  const Scratch scratch;
  const auto& [task, tensors, padding] = GetParam();
  const std::filesystem::path file = scratch / "model.pth";
  synthesize_checkpoint(file, {.arch = "tiny", .task = parse_task(task)});
  const Checkpoint checkpoint = Checkpoint::open(file);
  const Inspection inspection = checkpoint.inspect();
  EXPECT_EQ(task_text(inspection.model), task);
  EXPECT_EQ(inspection.report.verdict, Verdict::Exact);
  EXPECT_EQ(inspection.report.required, tensors);
  EXPECT_EQ(inspection.model.patch_padding, padding);
  EXPECT_EQ(use(inspection, task).verdict, Verdict::Exact);
  EXPECT_EQ(use(inspection, "features").verdict, Verdict::Exact);
  // Asked for the wrong thing, it says what it is.
  const Inspection pretrain = checkpoint.inspect({.task = Task::Pretrain});
  EXPECT_EQ(pretrain.report.verdict, Verdict::Incomplete);
  EXPECT_THAT(pretrain.report.explanation, HasSubstr("no class token"));
}

// Heads: pose 8 tensors, seg and normal 11, depth 10, on 41 of the encoder. Padding as in the
// original's configurations.
INSTANTIATE_TEST_SUITE_P(Heads, TaskFiles,
                         testing::Values(TaskFile{"pose", 49, 2}, TaskFile{"seg", 52, 0},
                                         TaskFile{"depth", 51, 0}, TaskFile{"normal", 52, 2}),
                         [](const auto& file) { return std::string(file.param.task); });

TEST(Inspect, OptionsThatMakeNoSenseAreRefused) {
  const Golden golden("names");
  const Checkpoint checkpoint = Checkpoint::open(golden.file("plain.pth"));
  EXPECT_THROW(checkpoint.inspect({.arch = "9b"}), Error);
  EXPECT_THROW(checkpoint.inspect({.heads = 3}), Error);  // does not divide 16
  EXPECT_THROW(checkpoint.inspect({.heads = -1}), Error);
  EXPECT_THROW(checkpoint.inspect({.patch_padding = 1}), Error);
  EXPECT_THROW(checkpoint.inspect({.input_size = Grid{0, 64}}), Error);
}

// mmengine takes one `module.` away by itself.
TEST(Inspect, SaysOfWhichNamesTheOriginalLoadsNothing) {
  const Golden golden("names");
  const auto text = [&](const char* name) {
    return Checkpoint::open(golden.file(name)).inspect().text();
  };
  for (const char* name : {"plain.pth", "timm.pth", "hf.pth", "teacher_backbone.pth", "fsdp.pth"})
    EXPECT_THAT(text(name), HasSubstr("loads none of these weights")) << name;
  for (const char* name : {"backbone.pth", "module_backbone.pth"})
    EXPECT_THAT(text(name), Not(HasSubstr("loads none of these weights"))) << name;
}

TEST(Inspect, OneIsNoPlural) {
  const Golden golden("names");
  const Checkpoint whole = Checkpoint::open(golden.file("plain.pth"));
  EXPECT_THAT(whole.inspect({.task = Task::Backbone}).text(),
              HasSubstr("drop the class token's position (1 parameter): "));
  EXPECT_THAT(Checkpoint::open(golden.file("one_tensor.pth")).inspect().text(),
              HasSubstr(" · 1 tensor · "));
}

TEST(Inspect, AForeignFileHasTheSameDocument) {
  const Golden golden("names");
  const auto json =
      nlohmann::json::parse(Checkpoint::open(golden.file("resnet.pth")).inspect().json());
  EXPECT_EQ(json["report"]["verdict"], "foreign");
  EXPECT_EQ(json["model"]["family"], "foreign");
  EXPECT_TRUE(json["outputs"]["featmap"].is_null());
}

}  // namespace
}  // namespace sapiens
