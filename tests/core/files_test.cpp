#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/stat.h>

#include <fstream>
#include <iterator>
#include <string>

#include "core/atomic_file.hpp"
#include "core/byte_reader.hpp"
#include "core/crc32.hpp"
#include "core/open_file.hpp"
#include "sapiens/error.hpp"

namespace sapiens {
namespace {

namespace fs = std::filesystem;
using namespace std::string_view_literals;

std::span<const std::byte> bytes_of(std::string_view text) {
  return std::as_bytes(std::span(text));
}

std::string contents(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

class Files : public ::testing::Test {
 protected:
  Files() {
    std::string name = (fs::temp_directory_path() / "sapiens-XXXXXX").string();
    folder_ = ::mkdtemp(name.data());
  }
  ~Files() override { fs::remove_all(folder_); }

  fs::path folder_;
};

using AtomicFileTest = Files;
using FileMapTest = Files;

TEST_F(AtomicFileTest, AppearsWholeAtCommit) {
  AtomicFile file(folder_ / "out");
  file.write(bytes_of("hello "));
  file.write(bytes_of("world"));
  file.rewrite(0, bytes_of("H"));
  EXPECT_FALSE(fs::exists(folder_ / "out"));
  EXPECT_EQ(file.temporary_path().parent_path(), folder_);
  file.commit();
  EXPECT_EQ(contents(folder_ / "out"), "Hello world");
  EXPECT_FALSE(fs::exists(file.temporary_path()));
}

TEST_F(AtomicFileTest, LeavesNothingBehindWithoutCommit) {
  std::ofstream(folder_ / "out") << "old";
  {
    AtomicFile file(folder_ / "out");
    file.write(bytes_of("new"));
  }
  EXPECT_EQ(contents(folder_ / "out"), "old");
  EXPECT_EQ(std::distance(fs::directory_iterator(folder_), {}), 1);
}

TEST_F(AtomicFileTest, GivesTheFileTheModeThatUmaskAllows) {
  const ::mode_t before = ::umask(027);
  AtomicFile file(folder_ / "out");
  file.commit();
  ::umask(before);
  struct ::stat status {};
  ASSERT_EQ(::stat((folder_ / "out").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0640u);
}

TEST_F(AtomicFileTest, RefusesFoldersDevicesAndMissingFolders) {
  for (const fs::path& path : {folder_, fs::path("/dev/null"), folder_ / "missing" / "out"}) {
    try {
      AtomicFile file(path);
      FAIL() << path;
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::WriteFailed);
    }
  }
}

TEST_F(AtomicFileTest, TakesOverWhatAKilledRunLeftBehind) {
  fs::path temporary;
  {
    AtomicFile file(folder_ / "out");
    temporary = file.temporary_path();
  }
  std::ofstream(temporary) << "half of something long";  // as kill -9 leaves it: there, unlocked
  AtomicFile file(folder_ / "out");
  file.write(bytes_of("whole"));
  file.commit();
  EXPECT_EQ(contents(folder_ / "out"), "whole");
  EXPECT_EQ(std::distance(fs::directory_iterator(folder_), {}), 1);
}

TEST_F(AtomicFileTest, RefusesASecondWriterOfTheSameFile) {
  AtomicFile first(folder_ / "out");
  first.write(bytes_of("first"));
  EXPECT_THROW(AtomicFile(folder_ / "out"), Error);
  first.commit();
  EXPECT_EQ(contents(folder_ / "out"), "first");
  AtomicFile second(folder_ / "out");  // when the first is done there is nothing in the way
  second.commit();
  EXPECT_EQ(contents(folder_ / "out"), "");
}

TEST_F(AtomicFileTest, TakesTheLongestNameThereIs) {
  const fs::path path = folder_ / std::string(255, 'x');
  AtomicFile file(path);
  file.commit();
  EXPECT_TRUE(fs::exists(path));
}

TEST_F(FileMapTest, ShowsTheFileAndReadsReleasedPagesAgain) {
  const std::string text(100'000, 'x');
  std::ofstream(folder_ / "in") << text;
  const FileMap map(folder_ / "in");
  EXPECT_EQ(as_text(map.bytes()), text);
  release_mapped(map.bytes().subspan(5000, 70'000));
  EXPECT_EQ(as_text(map.bytes()), text);
}

TEST_F(FileMapTest, AnEmptyFileIsAnEmptySpan) {
  std::ofstream(folder_ / "in").flush();
  EXPECT_TRUE(FileMap(folder_ / "in").bytes().empty());
}

TEST_F(FileMapTest, TellsMissingFilesFromFoldersAndPipes) {
  const auto code_of = [](const fs::path& path) {
    try {
      FileMap map(path);
    } catch (const Error& error) {
      return error.code();
    }
    return ErrorCode::Internal;
  };
  ASSERT_EQ(::mkfifo((folder_ / "pipe").c_str(), 0600), 0);
  EXPECT_EQ(code_of(folder_ / "missing"), ErrorCode::NotFound);
  EXPECT_EQ(code_of(folder_), ErrorCode::UnsupportedFormat);
  EXPECT_EQ(code_of(folder_ / "pipe"), ErrorCode::UnsupportedFormat);
}

TEST(ByteReader, ReadsLittleEndianNumbersAndLines) {
  ByteReader reader(
      bytes_of("\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a\x0b\x0c\x0d\x0e\xffline\n!"sv), "test");
  EXPECT_EQ(reader.u16(), 0x0201);
  EXPECT_EQ(reader.u32(), 0x06050403u);
  EXPECT_EQ(reader.u64(), 0x0e0d0c0b0a090807u);
  EXPECT_EQ(reader.u8(), 0xff);
  EXPECT_EQ(reader.line(), "line");
  EXPECT_EQ(reader.remaining(), 1u);
}

TEST(ByteReader, NeverLeavesItsBytes) {
  ByteReader reader(bytes_of("abc"), "model.pth: data.pkl");
  EXPECT_THROW(reader.u32(), Error);
  EXPECT_THROW(reader.bytes(~std::uint64_t{0}), Error);
  EXPECT_THROW(reader.seek(4), Error);
  EXPECT_THROW(reader.line(), Error);
  EXPECT_EQ(reader.position(), 0u);
  EXPECT_EQ(reader.text(3), "abc");
  try {
    reader.u8();
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.detail().file, "model.pth: data.pkl");
  }
}

// The definition, a bit at a time.
std::uint32_t crc_by_definition(std::string_view text) {
  std::uint32_t crc = 0xffffffff;
  for (const char letter : text) {
    crc ^= static_cast<unsigned char>(letter);
    for (int bit = 0; bit < 8; ++bit) crc = crc >> 1 ^ ((crc & 1) != 0 ? 0xedb88320u : 0u);
  }
  return ~crc;
}

TEST(Crc32, HasTheCheckValueOfTheStandard) {
  EXPECT_EQ(crc32(bytes_of("123456789")), 0xcbf43926u);
  EXPECT_EQ(crc32({}), 0u);
}

TEST(Crc32, MatchesItsDefinitionInOnePieceOrTwo) {
  std::string text;
  // Beyond several of the blocks of 64 bytes that a CPU may take at a time.
  for (int i = 0; i < 300; ++i) {
    const std::uint32_t whole = crc_by_definition(text);
    EXPECT_EQ(crc32(bytes_of(text)), whole) << i;
    for (std::size_t cut = 0; cut <= text.size(); ++cut) {
      const std::string_view all = text;
      EXPECT_EQ(crc32(bytes_of(all.substr(cut)), crc32(bytes_of(all.substr(0, cut)))), whole);
    }
    text.push_back(static_cast<char>(i * 37 + 200));
  }
}

}  // namespace
}  // namespace sapiens
