#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sapiens/machine.hpp>
#include <set>

#include "cli/program.hpp"

namespace sapiens {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

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
  for (const char* part : {"open",        "load",   "preprocess", "forward",  "output",   "embed",
                           "layer_norm",  "qkv",    "attention",  "proj",     "fc1",      "fc2",
                           "rest",        "GFLOPS", "GB/s",       "images/s", "tokens/s", "weights",
                           "activations", "peak",   "busy",       "faults"}) {
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
                           "precision"}) {
    EXPECT_TRUE(document.contains(part)) << part;
  }
  EXPECT_THAT(names(document["stages"]),
              ElementsAre("open", "load", "preprocess", "forward", "output"));
  EXPECT_THAT(names(document["operators"]),
              ElementsAre("embed", "layer_norm", "qkv", "attention", "proj", "fc1", "fc2"));
  for (const Json& op : document["operators"]) {
    EXPECT_TRUE(op.contains("gflops") != op.contains("gbytes_per_second")) << op;
  }
}

// A minimum over passes of a sum is no less than the sum of the minima.
TEST(Bench, OperatorsTakeNoLongerThanTheForwardPassAndThatNoLongerThanAll) {
  const Json document = bench({"--json"}).json();
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
  const Json document = bench({"--json", "--batch", "2", "--size", "64x48"}).json();
  const double C = document["model"]["width"], depth = document["model"]["depth"];
  const double P = 4 * 3, N = P + 1;
  EXPECT_EQ(document["tokens"], N);
  const double image = 2 * P * 768 * C + depth * (24 * N * C * C + 4 * N * N * C);
  double operators = 0;
  for (const Json& op : document["operators"]) operators += op.value("gflop", 0.0);
  EXPECT_NEAR(operators, 2 * image * 1e-9, 1e-15);
  EXPECT_NEAR(document["gflop"].get<double>(), 2 * image * 1e-9, 1e-15);
}

// N tokens, P patches, D = 8, M = 16, of H heads K have keys and values of their own, d = 4: embed
// 2 P 768 D; a block 2 N D (D + 2 K d + D + 3 M) + 4 N^2 D, with K = 2 in the first, 1 in the last.
TEST(Bench, OperatorsOfSapiens2DoTheArithmeticOfItsHeads) {
  const Finished run =
      run_sapiens({"bench", SAPIENS_TEST_DATA "/golden/sapiens2_names/plain.safetensors", "--size",
                   "64x48", "--repeat", "1", "--json"});
  ASSERT_EQ(run.code, 0) << run.err;
  const Json document = run.json();
  EXPECT_EQ(document["model"]["family"], "sapiens2");
  const double P = 4 * 3, N = 1 + 8 + P, D = 8, M = 16, d = 4;
  EXPECT_EQ(document["tokens"], N);
  double operations = 2 * P * 768 * D;
  for (const double K : {2, 1}) {
    operations += 2 * N * D * (D + 2 * K * d + D + 3 * M) + 4 * N * N * D;
  }
  EXPECT_NEAR(document["gflop"].get<double>(), operations * 1e-9, 1e-15);
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
    for (const char* ratio : {"whole_to_encoder", "post_and_draw_to_encoder"}) {
      EXPECT_GT(document["ratios"][ratio], 0) << ratio;
    }
  }
}

// A minimum over passes of a sum is no less than the sum of the minima.
TEST(Bench, StagesOfATaskTakeNoLongerThanTheWhole) {
  const Json document = bench({"--task", "seg", "--json"}).json();
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
  for (const char* part : {"pose of an image of 50x40", "times the encoder", "deconv",
                           "normalize_silu", "post", "draw", "write"}) {
    EXPECT_THAT(run.out, HasSubstr(part));
  }
}

TEST(Bench, ATaskNeedsACheckpointOfThatTask) {
  const Scratch scratch;
  ASSERT_EQ(run_sapiens({"synth", scratch / "seg.pth", "--arch", "tiny", "--task", "seg"}).code, 0);
  const auto run = [&](const std::string& task) {
    return run_sapiens(
        {"bench", scratch / "seg.pth", "--task", task, "--repeat", "1", "--image-size", "50x40"});
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

TEST(Bench, AnImageIsDecoded) {
  const Scratch scratch;
  make_image(scratch / "a.png");
  const Finished run = bench({"--json", "--image", scratch / "a.png"});
  ASSERT_EQ(run.code, 0) << run.err;
  EXPECT_THAT(names(run.json()["stages"]), testing::Contains("decode"));
  EXPECT_EQ(bench({"--image", scratch / "none.png"}).code, 4);
}

TEST(Bench, AllLevelsAndPrecisionsHaveARow) {
  const Finished run = bench({"--json", "--isa", "all", "--precision", "all"});
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

TEST(Bench, TellsTheCacheThatWorkIsCutTo) {
  const char* const variable = "SAPIENS_L2_CACHE";
  setenv(variable, "512K", 1);
  EXPECT_EQ(bench({"--json"}).json()["l2_bytes"], 512 << 10);
  EXPECT_THAT(bench({}).out, HasSubstr("512 KiB of L2 each"));
  for (const char* size : {"0", "4K", "2G", "512KB", "-1", "99999999999999999999", "K"}) {
    setenv(variable, size, 1);
    const Finished run = bench({});
    EXPECT_EQ(run.code, 2) << size;
    EXPECT_THAT(run.err, HasSubstr(variable));
  }
  unsetenv(variable);
}

TEST(Bench, AllPrecisionsEndWithATable) {
  const Finished run = bench({"--precision", "all", "--isa", "reference"});
  ASSERT_EQ(run.code, 0) << run.err;
  const std::string table = run.out.substr(run.out.rfind("\nisa "));
  for (const char* part : {"reference", "fp32", "bf16", "int8", "       1x"}) {
    EXPECT_THAT(table, HasSubstr(part));
  }
}

TEST(Bench, WritesTheDocumentThatItPrints) {
  const Scratch scratch;
  const Finished run = bench({"--json", "--output", scratch / "bench.json"});
  ASSERT_EQ(run.code, 0) << run.err;
  EXPECT_EQ(Json::parse(read_bytes(scratch / "bench.json")), run.json());
}

TEST(Bench, AnUnwritableOutputFailsBeforeTheMeasurement) {
  const Scratch scratch;
  const Finished run = bench({"--output", scratch / "no/folder/x.json"});
  EXPECT_EQ(run.code, 5) << run.err;
  EXPECT_EQ(run.out, "");
}

}  // namespace
}  // namespace sapiens
