#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <string>
#include <vector>

#include "float_tensors.hpp"
#include "sapiens/detector.hpp"
#include "sapiens/error.hpp"
#include "sapiens/tasks.hpp"
#include "support/golden.hpp"
#include "support/scratch.hpp"

// Which files are taken as a person detector, and what is said about the others.
namespace sapiens {
namespace {

using testing::HasSubstr;
using testing::Not;

using Tensor = test::FloatTensor;

Error refusal_of(const std::function<void()>& action) {
  try {
    action();
  } catch (const Error& error) {
    return error;
  }
  return Error(ErrorCode::Internal, {.summary = "nothing was refused"});
}

class DetectorFiles : public testing::Test {
 protected:
  Tensor& tensor(const std::string& key) { return *std::ranges::find(tensors_, key, &Tensor::key); }
  Checkpoint checkpoint() {
    test::write_floats(scratch_ / "detector.safetensors", tensors_);
    return Checkpoint::open(scratch_ / "detector.safetensors");
  }
  Error refusal() {
    return refusal_of([&] { PersonDetector detector(checkpoint()); });
  }

  Golden golden_{"rtmdet"};
  Scratch scratch_;
  std::vector<Tensor> tensors_ = test::read_floats(golden_.file("rtmdet.pth"));
};

TEST_F(DetectorFiles, AreExactAndSaySo) {
  const Inspection inspection = Checkpoint::open(golden_.file("rtmdet.pth")).inspect();
  EXPECT_EQ(inspection.report.verdict, Verdict::Exact);
  EXPECT_EQ(inspection.report.required, 400);
  EXPECT_EQ(inspection.report.bound, 400);
  EXPECT_EQ(inspection.model.family, "rtmdet");
  EXPECT_EQ(task_text(inspection.model), "detect");
  EXPECT_EQ(inspection.model.parameters, golden_.facts().at("n_params"));
  ASSERT_EQ(inspection.report.unused.size(), 1u);
  EXPECT_EQ(inspection.report.unused[0].keys.size(), 76u);
  EXPECT_THAT(inspection.report.unused[0].reason, HasSubstr("training counter"));
  EXPECT_THAT(inspection.text(), HasSubstr("RTMDet person detector"));
  EXPECT_THAT(inspection.text(), HasSubstr("detect        EXACT        400 of 400"));
  // For an unpublished size the meaning of the distances is unknown.
  EXPECT_THAT(inspection.text(), HasSubstr("not the published RTMDet-m"));
  const auto json = nlohmann::json::parse(inspection.json());
  EXPECT_EQ(json.at("uses").at(0).at("use"), "detect");
}

TEST_F(DetectorFiles, MayLackCountersAndHavePrefixes) {
  for (Tensor& tensor : tensors_) tensor.key.insert(0, "module.");
  const Checkpoint file = checkpoint();
  EXPECT_EQ(file.inspect().report.verdict, Verdict::Equivalent);
  PersonDetector detector(file);
  EXPECT_EQ(detector.inspection().report.verdict, Verdict::Equivalent);
}

TEST_F(DetectorFiles, AreRefusedByEverythingForAnEncoder) {
  const Checkpoint file = Checkpoint::open(golden_.file("rtmdet.pth"));
  for (const std::string& text : {std::string(refusal_of([&] { Encoder model(file); }).what()),
                                  std::string(refusal_of([&] { TaskModel model(file); }).what()),
                                  std::string(refusal_of([&] {
                                                convert_checkpoint(file, scratch_ / "out.pth", {});
                                              }).what())}) {
    EXPECT_THAT(text, HasSubstr("checkpoint-refused"));
    EXPECT_THAT(text, HasSubstr("person detector"));
  }
}

TEST_F(DetectorFiles, AreWhatADetectorWants) {
  const Golden encoder("encoder_sq128");
  const Error error = refusal_of(
      [&] { PersonDetector detector(Checkpoint::open(encoder.file("encoder_clean.pth"))); });
  EXPECT_EQ(error.code(), ErrorCode::CheckpointRefused);
  EXPECT_THAT(error.what(), HasSubstr("no person detector"));
  EXPECT_THAT(error.detail().actual, HasSubstr("Sapiens"));
}

TEST_F(DetectorFiles, AMissingParameterIsRefusedByName) {
  const std::string key = "neck.reduce_layers.1.bn.running_var";
  std::erase_if(tensors_, [&](const Tensor& tensor) { return tensor.key == key; });
  EXPECT_EQ(checkpoint().inspect().report.verdict, Verdict::Incomplete);
  const Error error = refusal();
  EXPECT_EQ(error.code(), ErrorCode::CheckpointRefused);
  EXPECT_EQ(error.detail().key, key);
  EXPECT_THAT(error.what(), HasSubstr("1 of 400 parameters did not load"));
}

TEST_F(DetectorFiles, AWrongShapeIsRefusedByName) {
  Tensor& weight = tensor("backbone.stage2.1.final_conv.conv.weight");
  std::swap(weight.shape[1], weight.shape[2]);
  const Error error = refusal();
  EXPECT_EQ(error.code(), ErrorCode::CheckpointRefused);
  EXPECT_EQ(error.detail().key, weight.key);
}

TEST_F(DetectorFiles, DetectorsOfManyClassesAreRefused) {
  for (const char* const level : {"0", "1", "2"}) {
    Tensor& weight = tensor(std::string("bbox_head.rtm_cls.") + level + ".weight");
    Tensor& bias = tensor(std::string("bbox_head.rtm_cls.") + level + ".bias");
    weight.shape[0] = bias.shape[0] = 80;
    weight.values.resize(80 * weight.values.size());
    bias.values.resize(80);
  }
  const Error error = refusal();
  EXPECT_EQ(error.code(), ErrorCode::CheckpointRefused);
  EXPECT_THAT(error.detail().actual, HasSubstr("80 kinds of things"));
}

TEST_F(DetectorFiles, NonFiniteValuesAreRefused) {
  const std::string key = "bbox_head.cls_convs.1.0.conv.weight";
  tensor(key).values[7] = std::numeric_limits<float>::quiet_NaN();
  tensor(key).values[8] = std::numeric_limits<float>::infinity();
  const Error error = refusal();
  EXPECT_EQ(error.code(), ErrorCode::CheckpointRefused);
  EXPECT_EQ(error.detail().key, key);
  EXPECT_THAT(error.what(), HasSubstr("2 values"));
}

TEST_F(DetectorFiles, NegativeVariancesAreRefused) {
  const std::string key = "backbone.stem.1.bn.running_var";
  tensor(key).values[0] = -1;
  EXPECT_EQ(refusal().detail().key, key);
}

// A thousand blocks in the name of one tensor are no reason to plan for more than an RTMDet has.
TEST_F(DetectorFiles, CannotAskForEndlessBlocks) {
  tensors_.push_back(
      {.key = "backbone.stage1.1.blocks.999.conv1.conv.weight", .shape = {1}, .values = {1}});
  const Inspection inspection = checkpoint().inspect();
  EXPECT_EQ(inspection.report.verdict, Verdict::Incomplete);
  EXPECT_LT(inspection.report.required, 2000);
}

TEST_F(DetectorFiles, ZeroWidthIsRefused) {
  for (const char* const part : {"conv.weight", "bn.weight"}) {
    Tensor& t = tensor(std::string("backbone.stage3.0.") + part);
    t.shape[0] = 1;
    t.values.resize(t.values.size() / 40);
  }
  EXPECT_EQ(refusal().code(), ErrorCode::CheckpointRefused);
}

// RTMDet-m at its full size, with made-up weights.
TEST(FullSizeDetector, SynthWritesADetectorThatIsExactAndRuns) {
  const Scratch scratch;
  synthesize_checkpoint(scratch / "m.pth", {.arch = "rtmdet-m"});
  const Checkpoint file = Checkpoint::open(scratch / "m.pth");
  const Inspection inspection = file.inspect();
  EXPECT_EQ(inspection.file.tensors, 692);
  EXPECT_EQ(inspection.report.verdict, Verdict::Exact);
  EXPECT_EQ(inspection.report.bound, 580);
  EXPECT_EQ(inspection.model.arch, "rtmdet-m");
  EXPECT_THAT(inspection.text(), HasSubstr("RTMDet-m person detector"));
  EXPECT_THAT(inspection.text(), Not(HasSubstr("not the published")));
  EXPECT_THAT(inspection.text(), HasSubstr("RANDOM WEIGHTS"));

  PersonDetector detector(file);
  const Image image = Image::read(Golden("rtmdet").file("image.jpg"));
  const std::vector<Box> boxes =
      detector.detect(image, {.min_score = 0, .max_detections = 20}).persons;
  ASSERT_EQ(boxes.size(), 20u);
  for (const Box& box : boxes) {
    EXPECT_GT(box.width, 0);
    EXPECT_TRUE(std::isfinite(box.score));
  }
  EXPECT_TRUE(detector.detect(image).persons.empty());  // as synth promises
}

TEST(FullSizeDetector, HasNoOtherTask) {
  const Scratch scratch;
  EXPECT_THROW(synthesize_checkpoint(scratch / "m.pth", {.arch = "rtmdet-m", .task = Task::Pose}),
               Error);
}

}  // namespace
}  // namespace sapiens
