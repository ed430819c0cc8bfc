#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "archive/archives.hpp"
#include "core/open_file.hpp"
#include "sapiens/archive.hpp"
#include "sapiens/error.hpp"
#include "support/error_code_of.hpp"
#include "support/scratch.hpp"

namespace sapiens {
namespace {

using testing::ElementsAre;

using Members = std::vector<std::pair<std::string, std::string>>;

class ArchiveWriterTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string why;
    if (!archives_available(&why)) GTEST_SKIP() << why;
  }

  Descriptor open(std::uint64_t position = 0) const {
    Descriptor file(::open(path_.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0666));
    EXPECT_EQ(::lseek(file.number(), static_cast<::off_t>(position), SEEK_SET),
              static_cast<::off_t>(position));
    return file;
  }

  // The bytes of a tar, and that offsets and positions are what they say.
  std::string written(const Members& members) const {
    std::filesystem::remove(path_);
    const Descriptor file = open();
    ArchiveWriter writer(file.number(), path_);
    for (const auto& [name, content] : members) {
      const std::uint64_t offset = writer.add(name, std::as_bytes(std::span(content)));
      const std::string bytes = read_bytes(path_);
      EXPECT_EQ(bytes.size(), writer.position());
      EXPECT_EQ(bytes.substr(offset, content.size()), content);
      EXPECT_EQ(offset % 512, 0u);
    }
    writer.finish();
    return read_bytes(path_);
  }

  Members read() const {
    ArchiveReader reader{std::filesystem::path(path_)};
    Members members;
    while (const std::optional<ArchiveMember> member = reader.next()) {
      const std::vector<std::byte> bytes = reader.read();
      members.emplace_back(member->name,
                           std::string(reinterpret_cast<const char*>(bytes.data()), bytes.size()));
    }
    return members;
  }

  Scratch folder_;
  std::string path_ = folder_ / "a.tar";
};

// ASCII of all lengths around those of ustar's fields; composed, decomposed and other UTF-8; bytes
// that are no UTF-8; and what is in the way of a terminal.
std::vector<std::string> difficult_names() {
  std::vector<std::string> names = {"a.npy",
                                    "caf\xc3\xa9.npy",
                                    "cafe\xcc\x81.npy",
                                    "\xe6\x97\xa5/\xe6\x9c\xac.npy",
                                    "\xff\xfe.npy",
                                    "x\xc3.npy",
                                    "\xed\xa0\x80.npy",
                                    "line\nbreak \x1b.npy",
                                    "a/../b.npy",
                                    "./c.npy",
                                    "/d.npy",
                                    "e//f.npy",
                                    " ",
                                    "\xf0\x9f\x98\x80"};
  for (const std::size_t size : {99, 100, 101, 155, 156, 255, 256, 257, 1000, 2000}) {
    names.push_back("n" + std::string(size - 1, 'x'));
    names.push_back(std::string(size / 2, 'd') + "/" + std::string(size - size / 2 - 1, 'f'));
    names.push_back("n" + std::string(size - 1, '\xe9'));
  }
  return names;
}

TEST_F(ArchiveWriterTest, WhatItWritesIsReadBack) {
  const Members members = {{"a/000001.npy", "first"},
                           {"a/000001.json", ""},
                           {"a/000002.npy", std::string(70'000, 'x')},
                           {"a/000003.npy", std::string(512, 'y')}};
  written(members);
  EXPECT_EQ(read(), members);
}

TEST_F(ArchiveWriterTest, NamesSurviveByteForByte) {
  Members members;
  for (const std::string& name : difficult_names()) members.emplace_back(name, "of " + name);
  written(members);
  EXPECT_EQ(read(), members);
}

// The header that the tests of the reader make, where names need nothing more.
TEST_F(ArchiveWriterTest, HeadersSayNothingOfMachineUserAndTime) {
  const std::string tar = written({{"a.npy", "a"}});
  const std::string header = tar_header("a.npy", 1);
  ASSERT_EQ(tar.size(), 4 * 512u);
  EXPECT_EQ(tar.substr(0, 100), header.substr(0, 100));
  EXPECT_EQ(tar.substr(100, 7), "000644 ");
  EXPECT_EQ(tar.substr(108, 7), "000000 ");
  EXPECT_EQ(tar.substr(116, 7), "000000 ");
  EXPECT_EQ(tar.substr(136, 11), "00000000000");
  EXPECT_EQ(tar.substr(257, 8), std::string("ustar\0"
                                            "00",
                                            8));
  EXPECT_EQ(tar.substr(265, 64), std::string(64, '\0'));  // the names of user and group
  EXPECT_EQ(tar.substr(1024), tar_end());
}

TEST_F(ArchiveWriterTest, AContinuedTarEqualsOneWrittenAtOnce) {
  Members members;
  for (const std::string& name : difficult_names()) members.emplace_back(name, "of " + name);
  const std::string whole = written(members);
  for (std::size_t cut = 0; cut <= members.size(); ++cut) {
    std::filesystem::remove(path_);
    std::uint64_t position = 0;
    for (const auto& [first, last] : {std::pair{std::size_t{0}, cut}, {cut, members.size()}}) {
      const Descriptor file = open(position);
      ArchiveWriter writer(file.number(), path_, position);
      for (std::size_t i = first; i < last; ++i) {
        writer.add(members[i].first, std::as_bytes(std::span(members[i].second)));
      }
      position = writer.position();
      if (last == members.size() && first == cut) writer.finish();
    }
    EXPECT_TRUE(read_bytes(path_) == whole) << cut;
  }
}

TEST_F(ArchiveWriterTest, WithoutFinishThereIsNoEndMark) {
  {
    const Descriptor file = open();
    ArchiveWriter writer(file.number(), path_);
    writer.add("a", {});
  }
  EXPECT_EQ(read_bytes(path_).size(), 512u);
}

TEST_F(ArchiveWriterTest, ATarWithoutMembersIsAnEndMark) {
  EXPECT_EQ(written({}), tar_end());
  EXPECT_THAT(read(), ElementsAre());
}

TEST_F(ArchiveWriterTest, NamesThatATarCannotHoldAreRefused) {
  const Descriptor file = open();
  ArchiveWriter writer(file.number(), path_);
  for (const std::string& name : {std::string(), std::string("a\0b", 3)}) {
    EXPECT_EQ(error_code_of([&] { writer.add(name, {}); }), ErrorCode::InvalidArgument);
  }
  EXPECT_EQ(read_bytes(path_).size(), 0u);
  writer.add("a", {});
  writer.finish();
  EXPECT_EQ(error_code_of([&] { writer.add("b", {}); }), ErrorCode::InvalidArgument);
}

TEST_F(ArchiveWriterTest, AFullDiskIsSaidAndEndsTheWriter) {
  const Descriptor full(::open("/dev/full", O_WRONLY | O_CLOEXEC));
  ArchiveWriter writer(full.number(), "out.tar");
  EXPECT_EQ(error_code_of([&] { writer.add("a", {}); }), ErrorCode::OutOfResources);
  EXPECT_EQ(error_code_of([&] { writer.add("a", {}); }), ErrorCode::InvalidArgument);
  ArchiveWriter empty(full.number(), "out.tar");
  EXPECT_EQ(error_code_of([&] { empty.finish(); }), ErrorCode::OutOfResources);
}

TEST_F(ArchiveWriterTest, AFileThatCannotBeWrittenIsAnError) {
  write_bytes(path_, "");
  const Descriptor file(::open(path_.c_str(), O_RDONLY | O_CLOEXEC));
  ArchiveWriter writer(file.number(), path_);
  EXPECT_EQ(error_code_of([&] { writer.add("a", {}); }), ErrorCode::WriteFailed);
}

}  // namespace
}  // namespace sapiens
