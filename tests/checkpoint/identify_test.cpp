#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "checkpoint/support.hpp"

namespace sapiens {
namespace {

using namespace std::string_literals;
using test::error_of;
using test::parse;
using ::testing::HasSubstr;

struct Stranger {
  std::string bytes;
  const char* looks_like;
};

TEST(Strangers, OtherFilesAreNamedWithTheNextStep) {
  const Stranger strangers[] = {
      {"\x1f\x8b\x08\x00"s, "gzip"},
      {"<!DOCTYPE html><html>Not found</html>", "web page"},
      {"\n  <HTML><body>", "web page"},
      {"{\"architectures\": [\"vit\"]}", "JSON"},
      {"{\"metadata\": {}, \"weight_map\": {}}", "index"},
      {"hello, this is a note", "plain text"},
      {"\x89HDF\r\n\x1a\n"s, "HDF5"},
      {"GGUF\x03\x00\x00\x00"s, "GGUF"},
      {"\x93NUMPY\x01\x00"s, "NumPy"},
      {"\x08\x07\x12\x07pytorch\x1a\x05"s, "ONNX"},
      {"\x08\x01\x12\x20serve saved_model"s, "TensorFlow"},
      {"\x89PNG\r\n\x1a\n"s, "PNG"},
      {"sys_info"s + std::string(249, '\0') + "ustar  ", "2016"},
      {"weights.pth"s + std::string(246, '\0') + "ustar  ", "tar archive"},
      {std::string(100, '\0'), "zeros"},
      {"\x01\x02\x03\x04\x05"s, "5 bytes of an unknown kind"},
  };
  for (const Stranger& stranger : strangers) {
    const auto error = error_of([&] { parse(stranger.bytes); });
    ASSERT_TRUE(error) << stranger.looks_like;
    EXPECT_EQ(error->code(), ErrorCode::UnsupportedFormat) << error->what();
    EXPECT_THAT(error->detail().actual, HasSubstr(stranger.looks_like));
    EXPECT_FALSE(error->detail().hint.empty()) << stranger.looks_like;
    EXPECT_EQ(error->detail().file, "memory");
  }
}

TEST(Strangers, AnLfsPointerShowsWhatItPointsTo) {
  const auto error = error_of(
      [] { parse("version https://git-lfs.github.com/spec/v1\noid sha256:abc\nsize 1234\n"); });
  ASSERT_TRUE(error);
  EXPECT_THAT(error->detail().actual, HasSubstr("1234 bytes (sha256:abc)"));
  EXPECT_THAT(error->detail().hint, HasSubstr("git lfs pull"));
}

TEST(Strangers, AnEmptyFileIsCorrupt) {
  EXPECT_EQ(error_of([] { parse(""); })->code(), ErrorCode::CorruptFile);
}

TEST(Strangers, APlainPickleIsToldFromACheckpoint) {
  const auto error = error_of([] { open_checkpoint(test::fixture("plain_pickle.pkl")); });
  ASSERT_TRUE(error);
  EXPECT_EQ(error->code(), ErrorCode::UnsupportedFormat);
  EXPECT_THAT(error->detail().hint, HasSubstr("torch.save"));
}

TEST(Strangers, AFolderPointsToTheFileInside) {
  const test::TemporaryFolder folder;
  std::ofstream(folder / "model.safetensors") << "x";
  const auto error = error_of([&] { open_checkpoint(folder.path()); });
  ASSERT_TRUE(error);
  EXPECT_EQ(error->code(), ErrorCode::UnsupportedFormat);
  EXPECT_THAT(error->detail().hint, HasSubstr("model.safetensors?"));
}

TEST(Sniffing, GoesByContentAndNotByName) {
  const test::TemporaryFolder folder;
  std::filesystem::copy_file(test::fixture("all.safetensors"), folder / "weights.pth");
  EXPECT_EQ(open_checkpoint(folder / "weights.pth").format, CheckpointFormat::Safetensors);
}

}  // namespace
}  // namespace sapiens
