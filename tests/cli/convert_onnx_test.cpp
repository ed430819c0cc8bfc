// `sapiens convert` to ONNX files.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <chrono>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <sapiens/onnx.hpp>
#include <string>
#include <thread>
#include <vector>

#include "cli/program.hpp"
#include "cli/sparse_checkpoint.hpp"
#include "support/sanitizers.hpp"

namespace sapiens {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

class ConvertToOnnx : public testing::Test {
 protected:
  void SetUp() override {
    std::string why;
    if (!onnx_available(&why)) GTEST_SKIP() << why;
    make_checkpoint(checkpoint_);
  }

  Finished convert(const std::vector<std::string>& options) const {
    std::vector<std::string> arguments = {"convert", checkpoint_, graph_};
    arguments.insert(arguments.end(), options.begin(), options.end());
    return run_sapiens(arguments);
  }

  Scratch scratch_;
  std::string checkpoint_ = scratch_ / "tiny.pth";
  std::string graph_ = scratch_ / "tiny.onnx";
};

TEST_F(ConvertToOnnx, TellsPeopleAndProgramsWhatWasWritten) {
  const Finished text = convert({});
  EXPECT_EQ(text.code, 0) << text.err;
  EXPECT_THAT(text.out, HasSubstr("tiny.onnx\nONNX, opset 18, "));
  EXPECT_THAT(text.out, HasSubstr("in   images float32 [N, 3, 128, 128]"));
  EXPECT_THAT(text.out, HasSubstr("out  featmap float32 [N, 48, 8, 8]"));

  const Finished run = convert({"--json", "--opset", "21", "--batch", "2", "--size", "64x96"});
  EXPECT_EQ(run.code, 0) << run.err;
  const Json output = run.json()["output"];
  EXPECT_EQ(output["format"], "onnx");
  EXPECT_EQ(output["files"], Json::array({graph_}));
  EXPECT_EQ(output["bytes"], fs::file_size(graph_));
  EXPECT_EQ(output["opset"], 21);
  EXPECT_EQ(output["inputs"][0]["name"], "images");
  EXPECT_EQ(output["inputs"][0]["shape"], Json::array({"2", "3", "64", "96"}));
  EXPECT_EQ(run.json()["source"]["file"]["path"], checkpoint_);
  EXPECT_EQ(run.json()["warnings"], Json::array());
}

TEST_F(ConvertToOnnx, OptionsOfOneKindOfFileAreRefusedForTheOther) {
  for (const std::vector<std::string>& options :
       {std::vector<std::string>{"--layout", "mmengine"}, {"--keep-unused"}}) {
    const Finished run = convert(options);
    EXPECT_EQ(run.code, 2) << options.front();
    EXPECT_THAT(run.err, HasSubstr(options.front()));
  }
  EXPECT_FALSE(fs::exists(graph_));
  for (const std::vector<std::string>& options : {std::vector<std::string>{"--out-type", "featmap"},
                                                  {"--opset", "18"},
                                                  {"--batch", "1"},
                                                  {"--size", "128x128"},
                                                  {"--patch-padding", "2"},
                                                  {"--dynamic-size"},
                                                  {"--with-preprocessing"},
                                                  {"--attention", "plain"},
                                                  {"--raw-maps"},
                                                  {"--bbox-thr", "0.5"},
                                                  {"--nms-thr", "0.5"},
                                                  {"--max-detections", "5"}}) {
    std::vector<std::string> arguments = {"convert", checkpoint_, scratch_ / "copy.pth"};
    arguments.insert(arguments.end(), options.begin(), options.end());
    const Finished run = run_sapiens(arguments);
    EXPECT_EQ(run.code, 2) << options.front();
    EXPECT_THAT(run.err, HasSubstr(options.front()));
  }
  EXPECT_FALSE(fs::exists(scratch_ / "copy.pth"));
}

TEST_F(ConvertToOnnx, WeightsOfAnEarlierGraphAreToldOf) {
  write_bytes(graph_ + ".data", "");
  const Finished run = convert({"--json"});
  EXPECT_EQ(run.code, 0);
  EXPECT_THAT(run.err, HasSubstr("tiny.onnx.data"));
  EXPECT_EQ(run.json()["warnings"].size(), 1u);
}

TEST_F(ConvertToOnnx, WithoutTheModuleItSaysHowToInstallIt) {
  ::setenv("SAPIENS_MODULE_DIR", scratch_.path().c_str(), 1);  // the program inherits it
  const Finished run = convert({});
  ::unsetenv("SAPIENS_MODULE_DIR");
  EXPECT_EQ(run.code, 4);
  EXPECT_THAT(run.err, HasSubstr("this sapiens cannot write ONNX files"));
  EXPECT_THAT(run.err, HasSubstr("apt-get install libonnx-dev"));
  EXPECT_FALSE(fs::exists(graph_));
}

TEST_F(ConvertToOnnx, AFullDiskLeavesTheEarlierGraph) {
  ASSERT_EQ(convert({}).code, 0);
  const std::string before = read_bytes(graph_);
  rlimit old{};
  ASSERT_EQ(getrlimit(RLIMIT_FSIZE, &old), 0);
  const rlimit tight{.rlim_cur = 100'000, .rlim_max = old.rlim_max};
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &tight), 0);  // the program inherits it
  const Finished run = convert({"--opset", "20"});
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &old), 0);
  EXPECT_EQ(run.code, 5) << run.err;
  EXPECT_TRUE(read_bytes(graph_) == before);
  EXPECT_FALSE(fs::exists(scratch_ / ".tiny.onnx.tmp"));
}

// Weights of 8.5 GB, of which the first few hundred MB are written.
TEST_F(ConvertToOnnx, CtrlCLeavesNothingAndMemoryDoesNotGrowWithTheModel) {
  make_sparse_2b(scratch_ / "2b.safetensors");
  const std::string folder = scratch_ / "out";
  fs::create_directory(folder);
  const fs::path data = folder + "/.2b.onnx.data.tmp";
  Running run({"convert", scratch_ / "2b.safetensors", folder + "/2b.onnx"});
  std::error_code ignored;
  constexpr std::uintmax_t kWritten = 300'000'000;
  while (!run.ended() && (!fs::exists(data, ignored) || fs::file_size(data, ignored) < kWritten)) {
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  run.send(SIGINT);
  const Finished finished = run.wait();
  EXPECT_EQ(finished.code, 130) << finished.err;
  EXPECT_TRUE(fs::is_empty(folder));
  if (kUnderSanitizer) return;
  EXPECT_LT(finished.peak_bytes, 200'000'000u);
}

}  // namespace
}  // namespace sapiens
