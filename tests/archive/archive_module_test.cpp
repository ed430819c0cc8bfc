#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <string>

#include "archive/archives.hpp"
#include "sapiens/archive.hpp"
#include "sapiens/error.hpp"
#include "support/scratch.hpp"

namespace sapiens {
namespace {

using testing::HasSubstr;

TEST(ArchiveModule, AMissingModuleIsReportedWithAHint) {
  const Scratch folder;
  ::setenv("SAPIENS_MODULE_DIR", folder.path().c_str(), 1);
  std::string why;
  const bool available = archives_available(&why);
  std::string message;
  write_bytes(folder / "a.tar", tar_member("a.jpg", "a") + tar_end());
  try {
    ArchiveReader reader{std::filesystem::path(folder / "a.tar")};
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::UnsupportedFormat);
    message = error.what();
  }
  ::unsetenv("SAPIENS_MODULE_DIR");
  EXPECT_FALSE(available);
  EXPECT_THAT(why, HasSubstr("apt-get install libarchive-dev"));
  EXPECT_THAT(message, HasSubstr("cannot read archives"));
  EXPECT_THAT(message, HasSubstr("a.tar"));
}

}  // namespace
}  // namespace sapiens
