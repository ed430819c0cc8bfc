#include <gtest/gtest.h>

#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "engine/assess.hpp"
#include "engine/onnx_metadata.hpp"
#include "sapiens/checkpoint.hpp"
#include "sapiens/tasks.hpp"
#include "support/golden.hpp"
#include "support/scratch.hpp"
#include "support/tensor_file.hpp"

namespace sapiens {
namespace {

using Metadata = std::map<std::string, std::string>;

Metadata metadata_of(const std::filesystem::path& file, Use use, const OnnxOptions& options = {}) {
  const Checkpoint checkpoint = Checkpoint::open(file);
  const auto assessment = checkpoint.assess(options.model);
  return onnx_metadata(checkpoint.state_dict(), assessment->model(use), use, options);
}

std::vector<std::string> labels_of(const Metadata& metadata) {
  return nlohmann::json::parse(metadata.at("labels")).get<std::vector<std::string>>();
}

TEST(OnnxMetadata, TellsHowPixelsBecomeInputs) {
  const Scratch scratch;
  synthesize_checkpoint(scratch / "a.pth", {.arch = "tiny"});
  const Metadata metadata = metadata_of(scratch / "a.pth", Use::Features);
  EXPECT_EQ(metadata.at("task"), "features");
  EXPECT_EQ(metadata.at("input_size"), "128x128");
  EXPECT_EQ(metadata.at("mean"), "[123.675, 116.28, 103.53]");
  EXPECT_EQ(metadata.at("std"), "[58.395, 57.12, 57.375]");
  EXPECT_EQ(metadata.at("channel_order"), "rgb");
  EXPECT_FALSE(metadata.contains("labels"));
}

TEST(OnnxMetadata, TellsNoConstantsThatTheGraphAppliesItself) {
  const Scratch scratch;
  synthesize_checkpoint(scratch / "a.pth", {.arch = "tiny"});
  const Metadata metadata =
      metadata_of(scratch / "a.pth", Use::Features, {.with_preprocessing = true});
  EXPECT_FALSE(metadata.contains("mean"));
  EXPECT_FALSE(metadata.contains("std"));
  EXPECT_EQ(metadata.at("channel_order"), "rgb");
  // A detector sees blue first, and its graph takes red first.
  const Checkpoint checkpoint = Checkpoint::open(scratch / "a.pth");
  GraphFacts facts{.use = Use::Detect, .mean = {1, 2, 3}, .std = {4, 5, 6}, .blue_first = true};
  const Metadata outside = onnx_metadata(checkpoint.state_dict(), facts);
  EXPECT_EQ(outside.at("channel_order"), "bgr");
  EXPECT_EQ(outside.at("mean"), "[1, 2, 3]");
  facts.with_preprocessing = true;
  EXPECT_EQ(onnx_metadata(checkpoint.state_dict(), facts).at("channel_order"), "rgb");
}

TEST(OnnxMetadata, TellsTheSizeThatWasAskedFor) {
  const Scratch scratch;
  synthesize_checkpoint(scratch / "a.pth", {.arch = "tiny"});
  const OnnxOptions options{.model = {.input_size = Grid{250, 190}}};
  EXPECT_EQ(metadata_of(scratch / "a.pth", Use::Features, options).at("input_size"), "250x190");
}

TEST(OnnxMetadata, HasNoSizeWhereTheGraphTakesAny) {
  const Scratch scratch;
  synthesize_checkpoint(scratch / "a.pth", {.arch = "tiny"});
  EXPECT_FALSE(
      metadata_of(scratch / "a.pth", Use::Features, {.dynamic_size = true}).contains("input_size"));
}

TEST(OnnxMetadata, NamesTheOutputsOfAHead) {
  const Scratch scratch;
  synthesize_checkpoint(scratch / "a.pth", {.arch = "tiny", .task = Task::Seg});
  const Metadata published = metadata_of(scratch / "a.pth", Use::Seg);
  EXPECT_EQ(published.at("task"), "seg");
  EXPECT_EQ(labels_of(published).size(), 28u);
  EXPECT_EQ(labels_of(published).front(), "Background");
  // The encoder of a file with a head puts out no classes.
  EXPECT_FALSE(metadata_of(scratch / "a.pth", Use::Features).contains("labels"));
}

TEST(OnnxMetadata, NamesWhatTheFileNamesAndNothingElse) {
  const Golden golden("seg_5_user");
  const std::filesystem::path file = golden.file("seg.pth");
  const Metadata metadata = metadata_of(file, Use::Seg, {.model = golden.options()});
  const auto names = output_names(Checkpoint::open(file), golden.options());
  EXPECT_EQ(labels_of(metadata), names);

  // The same without what the file says beside its tensors: no set of five classes is known.
  const Scratch scratch;
  TensorFile(file).write(scratch / "nameless.safetensors");
  ModelOptions options = golden.options();
  options.task = Task::Seg;
  const Metadata nameless =
      metadata_of(scratch / "nameless.safetensors", Use::Seg, {.model = options});
  EXPECT_EQ(nameless.at("task"), "seg");
  EXPECT_FALSE(nameless.contains("labels"));
}

TEST(OnnxMetadata, SaysThatWeightsAreRandomOrWhoseLicenceTheyHave) {
  const Scratch scratch;
  synthesize_checkpoint(scratch / "a.pth", {.arch = "tiny"});
  const Metadata random = metadata_of(scratch / "a.pth", Use::Features);
  EXPECT_NE(random.at("sapiens.random_weights").find("never trained"), std::string::npos);
  EXPECT_FALSE(random.contains("licence"));
  const Golden golden("task_pose");
  const Metadata metadata = metadata_of(golden.file("pose.pth"), Use::Pose);
  EXPECT_FALSE(metadata.contains("sapiens.random_weights"));
  EXPECT_NE(metadata.at("licence").find("that of the checkpoint"), std::string::npos);
}

}  // namespace
}  // namespace sapiens
