#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <string>

#include "sapiens/error.hpp"
#include "sapiens/video.hpp"
#include "support/scratch.hpp"

namespace sapiens {
namespace {

using testing::HasSubstr;

class ModuleFolder {
 public:
  explicit ModuleFolder(const std::string& folder) {
    ::setenv("SAPIENS_MODULE_DIR", folder.c_str(), 1);
  }
  ~ModuleFolder() { ::unsetenv("SAPIENS_MODULE_DIR"); }
  ModuleFolder(const ModuleFolder&) = delete;
  ModuleFolder& operator=(const ModuleFolder&) = delete;
};

TEST(VideoModule, AMissingModuleIsReportedWithAHint) {
  const Scratch folder;
  const ModuleFolder chosen(folder.path());
  std::string why;
  EXPECT_FALSE(video_available(&why));
  EXPECT_THAT(why, HasSubstr("apt-get install libopencv-videoio-dev"));
  EXPECT_FALSE(video_available());

  write_bytes(folder / "a.avi", "RIFF\1\1\1\1AVI LIST");
  try {
    VideoReader::open(folder / "a.avi");
    ADD_FAILURE() << "opened without a module";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::UnsupportedFormat);
    EXPECT_THAT(error.what(), HasSubstr("libopencv-videoio-dev"));
  }
  EXPECT_THROW(VideoWriter(folder / "b.avi", 25, 320, 240), Error);
}

TEST(VideoModule, AnUnloadableModuleSaysWhy) {
  const Scratch folder;
  write_bytes(folder / "sapiens_videoio.so", "no library");
  const ModuleFolder chosen(folder.path());
  std::string why;
  EXPECT_FALSE(video_available(&why));
  EXPECT_THAT(why, HasSubstr("cannot be loaded"));
  EXPECT_THAT(why, HasSubstr("sapiens_videoio.so"));
}

}  // namespace
}  // namespace sapiens
