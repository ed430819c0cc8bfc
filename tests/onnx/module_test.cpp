#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <string>

#include "sapiens/error.hpp"
#include "sapiens/onnx.hpp"
#include "support/scratch.hpp"

namespace sapiens {
namespace {

using testing::HasSubstr;

class OnnxModule : public testing::Test {
 protected:
  OnnxModule() { ::setenv("SAPIENS_MODULE_DIR", folder.path().c_str(), 1); }
  ~OnnxModule() override { ::unsetenv("SAPIENS_MODULE_DIR"); }

  Scratch folder;
};

TEST_F(OnnxModule, AMissingModuleIsReportedWithAHintBeforeAnythingIsWritten) {
  std::string why;
  EXPECT_FALSE(onnx_available(&why));
  EXPECT_THAT(why, HasSubstr("apt-get install libonnx-dev"));
  EXPECT_FALSE(onnx_available());

  synthesize_checkpoint(folder / "tiny.pth", {.arch = "tiny"});
  try {
    convert_to_onnx(Checkpoint::open(folder / "tiny.pth"), folder / "a.onnx");
    ADD_FAILURE() << "written without a module";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::UnsupportedFormat);
    EXPECT_THAT(error.what(), HasSubstr("libonnx-dev"));
  }
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(folder.path()), {}), 1);
}

TEST_F(OnnxModule, AnUnloadableModuleSaysWhy) {
  write_bytes(folder / "sapiens_onnx_proto.so", "no library");
  std::string why;
  EXPECT_FALSE(onnx_available(&why));
  EXPECT_THAT(why, HasSubstr("cannot be loaded"));
  EXPECT_THAT(why, HasSubstr("sapiens_onnx_proto.so"));
}

}  // namespace
}  // namespace sapiens
