#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sapiens/machine.hpp>
#include <set>

#include "cli/program.hpp"

namespace sapiens {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

Finished bench(std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), {"bench", "--arch", "tiny", "--repeat", "3"});
  return run_sapiens(arguments);
}

std::vector<std::string> names(const Json& list) {
  std::vector<std::string> all;
  for (const Json& entry : list) all.push_back(entry["name"]);
  return all;
}

TEST(Bench, HasEveryPartInText) {
  const Finished run = bench({});
  ASSERT_EQ(run.code, 0) << run.err;
  for (const char* part :
       {"open",       "load",    "preprocess",  "forward", "output",   "embed",
        "layer_norm", "qkv",     "attention",   "proj",    "fc1",      "fc2",
        "rest",       "GFLOPS",  "GB/s",        "% of",    "images/s", "tokens/s",
        "ceilings",   "weights", "activations", "peak",    "busy",     "faults"}) {
    EXPECT_THAT(run.out, HasSubstr(part));
  }
}

TEST(Bench, HasEveryPartInJson) {
  const Finished run = bench({"--json", "--threads", "1"});
  ASSERT_EQ(run.code, 0) << run.err;
  const Json document = run.json();
  for (const char* part : {"version",
                           "model",
                           "size",
                           "batch",
                           "tokens",
                           "repeat",
                           "seconds",
                           "images_per_second",
                           "tokens_per_second",
                           "gflop",
                           "gflops",
                           "of_ceiling",
                           "load_seconds",
                           "stages",
                           "operators",
                           "rest",
                           "memory",
                           "cpu_seconds",
                           "busy_cores",
                           "page_faults",
                           "threads",
                           "isa",
                           "precision",
                           "ceilings"}) {
    EXPECT_TRUE(document.contains(part)) << part;
  }
  EXPECT_THAT(names(document["stages"]),
              ElementsAre("open", "load", "preprocess", "forward", "output"));
  EXPECT_THAT(names(document["operators"]),
              ElementsAre("embed", "layer_norm", "qkv", "attention", "proj", "fc1", "fc2"));
  for (const Json& op : document["operators"]) {
    EXPECT_TRUE(op.contains("gflops") != op.contains("gbytes_per_second")) << op;
    EXPECT_TRUE(op.contains("of_ceiling")) << op;
  }
}

// A minimum over passes of a sum is no less than the sum of the minima.
TEST(Bench, OperatorsTakeNoLongerThanTheForwardPassAndThatNoLongerThanAll) {
  const Json document = bench({"--json", "--no-ceilings"}).json();
  double operators = document["rest"]["seconds"]["min"];
  EXPECT_GE(operators, 0);
  for (const Json& op : document["operators"]) {
    operators += op["seconds"]["min"].get<double>();
    EXPECT_LE(op["seconds"]["min"], op["seconds"]["median"]);
    EXPECT_LE(op["seconds"]["median"], op["seconds"]["max"]);
  }
  const double forward = document["stages"][3]["seconds"]["min"];
  constexpr double kRounding = 1e-9;
  EXPECT_LE(operators, forward + kRounding);
  EXPECT_LE(forward, document["seconds"]["min"]);
}

// N tokens, C width, P patches: embed 2 P 768 C; a block 2 N C (3C + C + 4C + 4C) + 4 N^2 C.
TEST(Bench, OperatorsDoTheArithmeticOfTheFormula) {
  const Json document =
      bench({"--json", "--no-ceilings", "--batch", "2", "--size", "64x48"}).json();
  const double C = document["model"]["width"], depth = document["model"]["depth"];
  const double P = 4 * 3, N = P + 1;
  EXPECT_EQ(document["tokens"], N);
  const double image = 2 * P * 768 * C + depth * (24 * N * C * C + 4 * N * N * C);
  double operators = 0;
  for (const Json& op : document["operators"]) operators += op.value("gflop", 0.0);
  EXPECT_NEAR(operators, 2 * image * 1e-9, 1e-15);
  EXPECT_NEAR(document["gflop"].get<double>(), 2 * image * 1e-9, 1e-15);
}

TEST(Bench, ATaskIsMeasuredFromTheImageToFiles) {
  for (const char* task : {"pose", "seg", "depth", "normal"}) {
    SCOPED_TRACE(task);
    const Finished run = bench({"--task", task, "--image-size", "50x40", "--json"});
    ASSERT_EQ(run.code, 0) << run.err;
    const Json document = run.json();
    EXPECT_EQ(document["task"], task);
    EXPECT_EQ(document["image"], Json({40, 50}));
    EXPECT_THAT(names(document["stages"]), ElementsAre("open", "load", "preprocess", "encoder",
                                                       "head", "post", "draw", "write"));
    const auto operators = names(document["operators"]);
    for (const char* name : {"embed", "qkv", "fc2", "deconv", "conv", "normalize_silu", "final"}) {
      EXPECT_THAT(operators, testing::Contains(name));
    }
    for (const char* ratio : {"whole_to_encoder", "post_and_draw_to_encoder",
                              "encoder_linears_of_ceiling", "head_linears_of_ceiling"}) {
      EXPECT_GT(document["ratios"][ratio], 0) << ratio;
    }
  }
}

// A minimum over passes of a sum is no less than the sum of the minima.
TEST(Bench, StagesOfATaskTakeNoLongerThanTheWhole) {
  const Json document = bench({"--task", "seg", "--json", "--no-ceilings"}).json();
  double stages = 0;
  for (std::size_t i = 2; i < document["stages"].size(); ++i) {
    stages += document["stages"][i]["seconds"]["min"].get<double>();
  }
  EXPECT_LE(stages, document["seconds"]["min"]);
  EXPECT_GE(document["rest"]["seconds"]["min"], 0);
  double gflop = 0;
  for (const Json& op : document["operators"]) gflop += op.value("gflop", 0.0);
  EXPECT_NEAR(document["gflop"].get<double>(), gflop, 1e-12);
}

TEST(Bench, ATaskHasItsRatiosInText) {
  const Finished run = bench({"--task", "pose", "--image-size", "50x40"});
  ASSERT_EQ(run.code, 0) << run.err;
  for (const char* part : {"pose of an image of 50x40", "times the encoder", "linears", "deconv",
                           "normalize_silu", "post", "draw", "write"}) {
    EXPECT_THAT(run.out, HasSubstr(part));
  }
}

TEST(Bench, ATaskNeedsACheckpointOfThatTask) {
  const Scratch scratch;
  ASSERT_EQ(run_sapiens({"synth", scratch / "seg.pth", "--arch", "tiny", "--task", "seg"}).code, 0);
  const auto run = [&](const std::string& task) {
    return run_sapiens({"bench", scratch / "seg.pth", "--task", task, "--repeat", "1",
                        "--no-ceilings", "--image-size", "50x40"});
  };
  EXPECT_EQ(run("seg").code, 0);
  EXPECT_EQ(run("pose").code, 3);
}

TEST(Bench, RefusesOptionsThatATaskHasNotGot) {
  EXPECT_EQ(bench({"--task", "seg", "--size", "64x64"}).code, 2);
  EXPECT_EQ(bench({"--task", "seg", "--batch", "2"}).code, 2);
  EXPECT_EQ(bench({"--task", "pretrain"}).code, 2);
  EXPECT_EQ(bench({"--image-size", "50x40"}).code, 2);
  EXPECT_EQ(bench({"--task", "seg", "--image-size", "50"}).code, 2);
}

TEST(Bench, LeavesCeilingsOutWhenAsked) {
  const Json document = bench({"--json", "--no-ceilings"}).json();
  EXPECT_FALSE(document.contains("ceilings"));
  EXPECT_FALSE(document.contains("of_ceiling"));
  EXPECT_THAT(bench({"--no-ceilings"}).out, Not(HasSubstr("ceilings")));
}

TEST(Bench, AnImageIsDecoded) {
  const Scratch scratch;
  make_image(scratch / "a.png");
  const Finished run = bench({"--json", "--no-ceilings", "--image", scratch / "a.png"});
  ASSERT_EQ(run.code, 0) << run.err;
  EXPECT_THAT(names(run.json()["stages"]), testing::Contains("decode"));
  EXPECT_EQ(bench({"--no-ceilings", "--image", scratch / "none.png"}).code, 4);
}

TEST(Bench, AllLevelsAndPrecisionsHaveARow) {
  const Finished run = bench({"--json", "--no-ceilings", "--isa", "all", "--precision", "all"});
  ASSERT_EQ(run.code, 0) << run.err;
  std::set<std::pair<std::string, std::string>> runs;
  const Json document = run.json();
  for (const Json& one : document["runs"]) {
    runs.emplace(one["isa"], one["precision"]);
    EXPECT_GT(one["speed"], 0);
  }
  EXPECT_EQ(runs.size(), 3 * kernel_levels().size());
  EXPECT_TRUE(runs.contains({"reference", "int8"}));
}

TEST(Bench, AllPrecisionsEndWithATable) {
  const Finished run = bench({"--no-ceilings", "--precision", "all", "--isa", "reference"});
  ASSERT_EQ(run.code, 0) << run.err;
  const std::string table = run.out.substr(run.out.rfind("\nisa "));
  for (const char* part : {"reference", "fp32", "bf16", "int8", "       1x"}) {
    EXPECT_THAT(table, HasSubstr(part));
  }
}

class CompareBench : public testing::Test {
 protected:
  void SetUp() override {
    const Finished run = bench({"--no-ceilings", "--output", document_});
    ASSERT_EQ(run.code, 0) << run.err;
  }

  void expect_refused(const std::string& content) {
    write_bytes(scratch_ / "other.json", content);
    const Finished run = bench({"--json", "--compare", document_, scratch_ / "other.json"});
    EXPECT_EQ(run.code, 4) << content;
    EXPECT_EQ(run.json()["error"]["code"], "unsupported-format") << content;
  }

  /// The document with the times of one operator multiplied.
  std::string slower(double factor) {
    Json json = Json::parse(read_bytes(document_));
    for (const char* figure : {"median", "min", "max"}) {
      Json& seconds = json["operators"][2]["seconds"][figure];
      seconds = seconds.get<double>() * factor;
    }
    write_bytes(scratch_ / "slower.json", json.dump());
    return scratch_ / "slower.json";
  }

  Scratch scratch_;
  std::string document_ = scratch_ / "bench.json";
};

TEST_F(CompareBench, AFileComparedWithItselfShowsNoChange) {
  const Finished run = bench({"--compare", document_, document_});
  ASSERT_EQ(run.code, 0) << run.err;
  EXPECT_THAT(run.out, HasSubstr("no change beyond the spread"));
  const Json comparison = bench({"--json", "--compare", document_, document_}).json()["comparison"];
  ASSERT_EQ(comparison.size(), 1u);
  for (const Json& row : comparison[0]["rows"]) {
    EXPECT_EQ(row["ratio"], 1.0) << row;
    EXPECT_EQ(row["change"], "") << row;
  }
}

TEST_F(CompareBench, MarksWhatNoRepeatReached) {
  const Finished run = bench({"--json", "--compare", document_, slower(1000)});
  ASSERT_EQ(run.code, 0) << run.err;
  int slower_rows = 0;
  const Json document = run.json();
  for (const Json& row : document["comparison"][0]["rows"]) {
    if (row["change"] == "") continue;
    ++slower_rows;
    EXPECT_EQ(row["name"], "qkv");
    EXPECT_EQ(row["change"], "slower");
    EXPECT_NEAR(row["ratio"].get<double>(), 1000, 1e-6);
  }
  EXPECT_EQ(slower_rows, 1);
  EXPECT_THAT(bench({"--compare", slower(1000), document_}).out, HasSubstr("0.001  faster"));
}

TEST_F(CompareBench, TwoFilesAreComparedWithoutACheckpoint) {
  const Finished run = run_sapiens({"bench", "model.pth", "--compare", document_, document_});
  EXPECT_EQ(run.code, 2);
  EXPECT_THAT(run.err, HasSubstr("without measuring"));
}

TEST_F(CompareBench, ComparingThisRunWithAFileMeasuresFirst) {
  const Finished run = bench({"--no-ceilings", "--compare", document_});
  ASSERT_EQ(run.code, 0) << run.err;
  EXPECT_THAT(run.out, HasSubstr("images/s"));
  EXPECT_THAT(run.out, HasSubstr("after   this run"));
}

TEST_F(CompareBench, RefusesOtherSizes) {
  const Finished run = bench({"--no-ceilings", "--size", "64x64", "--compare", document_});
  EXPECT_EQ(run.code, 2);
  EXPECT_THAT(run.err, HasSubstr("64x64"));
  EXPECT_THAT(run.err, HasSubstr("128x128"));
}

TEST_F(CompareBench, RefusesATaskBesideAnEncoder) {
  const Finished run =
      bench({"--no-ceilings", "--task", "seg", "--image-size", "50x40", "--compare", document_});
  EXPECT_EQ(run.code, 2);
  EXPECT_THAT(run.err, HasSubstr("seg of an image of 50x40"));
}

TEST_F(CompareBench, RefusesWhatIsNoBench) {
  for (const char* content :
       {"", "not JSON", "[]", "3", "{}", "{\"runs\": []}", "{\"runs\": 3}", "{\"runs\": [{}]}",
        "{\"model\": 1}", "{\"error\": {\"code\": \"usage\"}}"}) {
    expect_refused(content);
  }
  const std::string good = read_bytes(document_);
  expect_refused(good.substr(0, good.size() / 2));
  Json broken = Json::parse(good);
  broken["operators"][0]["seconds"]["median"] = "fast";
  expect_refused(broken.dump());
  EXPECT_EQ(bench({"--compare", scratch_ / "none.json"}).code, 4);
  EXPECT_EQ(bench({"--compare", scratch_.path().string()}).code, 4);
}

TEST(Bench, AnUnwritableOutputFailsBeforeTheMeasurement) {
  const Scratch scratch;
  const Finished run = bench({"--output", scratch / "no/folder/x.json"});
  EXPECT_EQ(run.code, 5) << run.err;
  EXPECT_EQ(run.out, "");
}

}  // namespace
}  // namespace sapiens
