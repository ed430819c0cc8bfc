// What the models of models/tiny/ find in people that they have never seen, in every precision.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <sapiens/npy.hpp>

#include "cli/program.hpp"

namespace sapiens {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

const std::string kModels = SAPIENS_MODELS, kPeople = SAPIENS_PEOPLE;
const std::string kFull = kModels + "/sapiens_tiny_pretrain.pth";
const std::string kClean = kModels + "/sapiens_tiny_pretrain_clean.pth";

Json run_json(std::vector<std::string> arguments) {
  arguments.push_back("--json");
  const Finished finished = run_sapiens(arguments);
  EXPECT_EQ(finished.code, 0) << finished.err;
  return finished.code == 0 ? finished.json() : Json();
}

struct Bounds {
  const char* metric;
  double at_least;
  double at_most;
};

struct Accuracy {
  const char* task;
  std::vector<Bounds> bounds;
  /// What bf16 and int8 may move by one percent. Single thresholds of OKS are not among them: with
  /// 200 persons, two who cross one are one percent.
  std::vector<const char*> steady;
};

void PrintTo(const Accuracy& accuracy, std::ostream* out) { *out << accuracy.task; }

std::string name_of(const testing::TestParamInfo<Accuracy>& info) { return info.param.task; }

class BundledModel : public testing::TestWithParam<Accuracy> {
 protected:
  static Json metrics(const std::string& precision) {
    const std::string model = kModels + "/sapiens_tiny_" + GetParam().task + ".safetensors";
    return run_json({"eval", model, "--data", kPeople, "--precision", precision})
        .value("metrics", Json::object());
  }
};

TEST_P(BundledModel, SeesPeopleItHasNeverSeenInEveryPrecision) {
  const Json exact = metrics("fp32");
  for (const Bounds& bounds : GetParam().bounds) {
    ASSERT_TRUE(exact.contains(bounds.metric)) << exact;
    EXPECT_GE(exact[bounds.metric], bounds.at_least) << bounds.metric;
    EXPECT_LE(exact[bounds.metric], bounds.at_most) << bounds.metric;
  }
  for (const char* precision : {"bf16", "int8"}) {
    const Json found = metrics(precision);
    for (const char* name : GetParam().steady) {
      const double value = exact.at(name);
      EXPECT_NEAR(found.at(name), value, 0.01 * value) << name << " in " << precision;
    }
  }
}

// The goals (0.90, 0.70, 0.90 and 15 degrees) are reached on the card's 500 people. From one draw
// of 200 to the next mIoU moves by 0.01 and the angle by half a degree, because rare classes are
// few pixels: these bounds lie that much on the safe side, and above the goal where there is room.
INSTANTIATE_TEST_SUITE_P(
    Tasks, BundledModel,
    testing::Values(Accuracy{"pose", {{"PCK@0.1", 0.95, 1}}, {"PCK@0.1", "AP", "AR"}},
                    Accuracy{"seg", {{"mIoU", 0.68, 1}}, {"mIoU", "pixel_accuracy"}},
                    Accuracy{"depth",
                             {{"delta1", 0.90, 1}, {"unexplained", 0, 0.40}},
                             {"delta1", "RMSE", "unexplained"}},
                    Accuracy{"normal", {{"mean_angle", 0, 15.5}}, {"mean_angle", "median_angle"}}),
    name_of);

/// Error of hidden patches over that of predicting each patch's mean, all people together.
double reconstruction_error(const std::string& precision) {
  const Scratch scratch;
  const Json document = run_json(
      {"reconstruct", kFull, kPeople, "--output", scratch / "out", "--precision", precision});
  const Json& totals = document["totals"];
  return totals["masked_error"].get<double>() / totals["mean_error"].get<double>();
}

TEST(BundledPretraining, FillsInHiddenPatches) {
  const double exact = reconstruction_error("fp32");
  EXPECT_LE(exact, 0.60) << "at least 40 % below predicting each patch's mean";
  EXPECT_NEAR(reconstruction_error("bf16"), exact, 0.01 * exact);
  EXPECT_NEAR(reconstruction_error("int8"), exact, 0.01 * exact);
}

// Upstream issue 75 with weights that were really trained: the cleaned file lacks "backbone.", so
// the original binds none of it and computes with random numbers of the right shape.
TEST(BundledPretraining, CleanedFileGivesTheFeaturesOfTheFullOne) {
  const Json document = run_json({"inspect", kClean});
  EXPECT_THAT(document.dump(), HasSubstr("backbone."));

  const Scratch scratch;
  const std::string image = kPeople + "/000000.png";
  const auto features_of = [&](const std::string& checkpoint, const std::string& name) {
    const std::string folder = scratch / name;
    run_json({"features", checkpoint, image, "--output", folder, "--out-type", "raw"});
    return read_bytes(folder + "/000000.npy");
  };
  const std::string features = features_of(kClean, "clean");
  EXPECT_FALSE(features.empty());
  EXPECT_TRUE(features == features_of(kFull, "full"));
}

TEST(BundledModels, AreSmallEnoughForARepository) {
  int files = 0;
  for (const fs::directory_entry& file : fs::directory_iterator(kModels)) {
    EXPECT_LE(file.file_size(), 8'000'000) << file.path();
    files += file.path().extension() != ".md";
  }
  EXPECT_EQ(files, 6);
}

}  // namespace
}  // namespace sapiens
