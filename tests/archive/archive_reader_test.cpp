#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/types.h>
#include <unistd.h>
#include <zlib.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "archive/archives.hpp"
#include "sapiens/archive.hpp"
#include "sapiens/error.hpp"
#include "support/error_code_of.hpp"
#include "support/scratch.hpp"

namespace sapiens {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Pair;

class ArchiveReaderTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string why;
    if (!archives_available(&why)) GTEST_SKIP() << why;
  }

  ArchiveReader open(const std::string& bytes) {
    write_bytes(folder_ / "archive", bytes);
    return ArchiveReader(std::filesystem::path(folder_ / "archive"));
  }

  // As a stream of gzip would be, but zeros are added in blocks.
  std::string gzip(const std::string& bytes, std::uint64_t zeros = 0) {
    const std::string path = folder_ / "archive.gz";
    const ::gzFile file = ::gzopen(path.c_str(), "wb9");
    ::gzwrite(file, bytes.data(), static_cast<unsigned>(bytes.size()));
    const std::string block(1 << 20, '\0');
    for (std::uint64_t i = 0; i < zeros; i += block.size()) {
      ::gzwrite(file, block.data(), static_cast<unsigned>(block.size()));
    }
    ::gzclose(file);
    return read_bytes(path);
  }

  Scratch folder_;
};

std::string text_of(const std::vector<std::byte>& bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

// Names and contents of all files, until an error, whose message is added under the name "!".
std::vector<std::pair<std::string, std::string>> contents_of(ArchiveReader& reader) {
  std::vector<std::pair<std::string, std::string>> contents;
  try {
    while (const std::optional<ArchiveMember> member = reader.next()) {
      try {
        contents.emplace_back(member->name, text_of(reader.read()));
      } catch (const Error& error) {
        contents.emplace_back(member->name, error.detail().summary);
      }
    }
  } catch (const Error& error) {
    contents.emplace_back("!", error.what());
  }
  return contents;
}

TEST_F(ArchiveReaderTest, ReadsTheMembersOfATarInOrder) {
  const std::string tar = tar_member("b.jpg", "second letter") +
                          tar_member("a.jpg", std::string(70000, 'x')) + tar_end();
  for (const std::string& bytes : {tar, gzip(tar)}) {
    ArchiveReader reader = open(bytes);
    EXPECT_THAT(contents_of(reader), ElementsAre(Pair("b.jpg", "second letter"),
                                                 Pair("a.jpg", std::string(70000, 'x'))));
    EXPECT_FALSE(reader.next());
  }
}

TEST_F(ArchiveReaderTest, SkipsContentThatIsNotRead) {
  ArchiveReader reader =
      open(tar_member("a", std::string(5000, 'x')) + tar_member("b", "b") + tar_end());
  EXPECT_EQ(reader.next()->name, "a");
  EXPECT_EQ(reader.next()->name, "b");
  EXPECT_EQ(text_of(reader.read()), "b");
}

TEST_F(ArchiveReaderTest, AMemberIsReadOnce) {
  ArchiveReader reader = open(tar_member("a", "abc") + tar_member("b", "b") + tar_end());
  reader.next();
  EXPECT_EQ(text_of(reader.read()), "abc");
  EXPECT_EQ(error_code_of([&] { reader.read(); }), ErrorCode::InvalidArgument);
  reader.next();
  EXPECT_EQ(text_of(reader.read()), "b");
}

TEST_F(ArchiveReaderTest, ReadsZip) {
  StoredZip zip;
  zip.add("folder/a.jpg", "first");
  zip.add("b.png", "");
  ArchiveReader reader = open(zip.bytes());
  EXPECT_THAT(contents_of(reader), ElementsAre(Pair("folder/a.jpg", "first"), Pair("b.png", "")));
}

TEST_F(ArchiveReaderTest, AZipMemberWithAnotherChecksumIsDamagedAndTheOthersAreRead) {
  StoredZip zip;
  zip.add("a.jpg", "first");
  zip.add("b.jpg", "second");
  zip.add("c.jpg", "third");
  std::string bytes = zip.bytes();
  bytes[bytes.find("second")] = 'x';
  ArchiveReader reader = open(bytes);
  EXPECT_THAT(contents_of(reader),
              ElementsAre(Pair("a.jpg", "first"), Pair("b.jpg", "the member is damaged"),
                          Pair("c.jpg", "third")));
}

TEST_F(ArchiveReaderTest, AZipMemberThatCannotBeExpandedIsDamagedAndTheOthersAreRead) {
  constexpr int kDamaged = 101;
  StoredZip zip;
  zip.add("a.jpg", "first");
  for (int i = 0; i < kDamaged; ++i) zip.add("damaged.jpg", "\xff no deflate", 0, 8);
  zip.add("z.jpg", "last");
  StoredZip few;
  few.add("a.jpg", "first");
  few.add("damaged.jpg", "\xff no deflate", 0, 8);
  few.add("z.jpg", "last");
  ArchiveReader reader = open(few.bytes());
  EXPECT_THAT(contents_of(reader),
              ElementsAre(Pair("a.jpg", "first"), Pair("damaged.jpg", "the member is damaged"),
                          Pair("z.jpg", "last")));
  ArchiveReader many = open(zip.bytes());
  const auto contents = contents_of(many);
  EXPECT_EQ(contents.size(), 1u + kDamaged + 1u);
  EXPECT_THAT(contents.back(), Pair("!", HasSubstr("too many of its members are damaged")));
}

TEST_F(ArchiveReaderTest, AZipWithoutItsDirectoryIsRefusedWithAHint) {
  StoredZip zip;
  zip.add("a.jpg", "first");
  const std::string bytes = zip.bytes();
  try {
    open(bytes.substr(0, bytes.size() - 30));
    ADD_FAILURE() << "opened";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::UnsupportedFormat);
    EXPECT_THAT(error.detail().hint, HasSubstr("zip -FF"));
  }
}

TEST_F(ArchiveReaderTest, ATarIsReadFromAPipe) {
  const std::string tar = tar_member("a.jpg", "first") + tar_member("b.jpg", "second") + tar_end();
  int ends[2];
  ASSERT_EQ(::pipe(ends), 0);
  ASSERT_EQ(::write(ends[1], tar.data(), tar.size()), static_cast<::ssize_t>(tar.size()));
  ::close(ends[1]);
  ArchiveReader reader(ends[0], "pipe");
  EXPECT_THAT(contents_of(reader), ElementsAre(Pair("a.jpg", "first"), Pair("b.jpg", "second")));
  ::close(ends[0]);
}

TEST_F(ArchiveReaderTest, ChangedBytesGiveErrorsOfTheLibraryOnly) {
  StoredZip zip;
  zip.add("a.jpg", "first");
  zip.add("b.jpg", "second");
  const std::string tar =
      tar_member("x", pax_record("path", "long name"), 'x') + tar_member("a", "first") + tar_end();
  for (const std::string& whole : {zip.bytes(), tar, gzip(tar)}) {
    for (std::size_t at = 0; at < whole.size(); ++at) {
      std::string bytes = whole;
      bytes[at] = static_cast<char>(~bytes[at]);
      try {
        ArchiveReader reader = open(bytes);
        EXPECT_LE(contents_of(reader).size(), 3u) << at;
      } catch (const Error& error) {
        EXPECT_TRUE(error.code() == ErrorCode::UnsupportedFormat ||
                    error.code() == ErrorCode::CorruptFile)
            << at << ": " << error.what();
      }
    }
  }
}

TEST_F(ArchiveReaderTest, EncryptedMembersAreRefusedByName) {
  StoredZip zip;
  zip.add("a.jpg", "thirteen bytes", 1);
  zip.add("b.jpg", "second");
  ArchiveReader reader = open(zip.bytes());
  EXPECT_THAT(contents_of(reader),
              ElementsAre(Pair("a.jpg", "the member is encrypted"), Pair("b.jpg", "second")));
}

TEST_F(ArchiveReaderTest, LinksAndFoldersHaveNoContent) {
  ArchiveReader reader = open(
      tar_member("soft.jpg", "", '2', "/etc/passwd") + tar_member("hard.jpg", "", '1', "a.jpg") +
      tar_member("folder/", "", '5') + tar_member("pipe", "", '6') + tar_end());
  const ArchiveMemberKind kinds[] = {ArchiveMemberKind::Link, ArchiveMemberKind::Link,
                                     ArchiveMemberKind::Folder, ArchiveMemberKind::Other};
  for (const ArchiveMemberKind kind : kinds) {
    EXPECT_EQ(reader.next()->kind, kind);
    EXPECT_EQ(error_code_of([&] { reader.read(); }), ErrorCode::UnsupportedFormat);
  }
}

TEST_F(ArchiveReaderTest, NamesAreTheBytesOfTheArchive) {
  const std::string decomposed = "Mu\xcc\x88ller.jpg";
  const std::string names[] = {"../../x.jpg",     "/etc/x.jpg",     "C:\\x.jpg",
                               "line\nbreak.jpg", "latin \xfc.jpg", decomposed};
  std::string tar;
  for (const std::string& name : names) tar += tar_member(name, "");
  ArchiveReader reader = open(tar + tar_end());
  for (const std::string& name : names) EXPECT_EQ(reader.next()->name, name);
}

TEST_F(ArchiveReaderTest, NamesOfPaxHeadersAreTheBytesOfTheArchive) {
  const std::string names[] = {std::string(10000, 'n') + ".jpg", "M\xc3\xbcller.jpg",
                               "Mu\xcc\x88ller.jpg"};
  std::string tar;
  for (const std::string& name : names) {
    tar += tar_member("x", pax_record("path", name), 'x') + tar_member("short", "");
  }
  ArchiveReader reader = open(tar + tar_end());
  for (const std::string& name : names) EXPECT_EQ(reader.next()->name, name);
}

TEST_F(ArchiveReaderTest, NamesOfZipMembersAreKept) {
  constexpr std::uint16_t kUtf8 = 0x800;
  StoredZip zip;
  zip.add("latin \xfc.jpg", "");
  zip.add("M\xc3\xbcller.jpg", "", kUtf8);
  zip.add("../../x.jpg", "", kUtf8);
  ArchiveReader reader = open(zip.bytes());
  for (const char* const name : {"latin \xfc.jpg", "M\xc3\xbcller.jpg", "../../x.jpg"}) {
    EXPECT_EQ(reader.next()->name, name);
  }
}

TEST_F(ArchiveReaderTest, ATruncatedTarGivesWhatIsBeforeAndNamesTheMember) {
  const std::string tar = tar_member("a.jpg", "first") + tar_member("b.jpg", std::string(900, 'x'));
  for (const std::size_t size : {tar.size(), tar.size() - 600, tar.size() - 1024 - 300}) {
    ArchiveReader reader = open(tar.substr(0, size));
    const auto contents = contents_of(reader);
    ASSERT_GE(contents.size(), 2u);
    EXPECT_THAT(contents.front(), Pair("a.jpg", "first"));
    EXPECT_EQ(contents.back().first, "!") << size;
    EXPECT_THAT(contents.back().second, HasSubstr("archive is damaged")) << size;
    EXPECT_THAT(contents.back().second, HasSubstr(".jpg")) << size;
  }
}

TEST_F(ArchiveReaderTest, ATruncatedMemberThatIsSkippedIsNotTakenForTheEnd) {
  const std::string tar = tar_member("a.jpg", "first") + tar_header("b.jpg", 1 << 20) + "few bytes";
  ArchiveReader reader = open(tar);
  EXPECT_TRUE(reader.next());
  EXPECT_TRUE(reader.next());
  EXPECT_EQ(error_code_of([&] { reader.next(); }), ErrorCode::CorruptFile);
}

TEST_F(ArchiveReaderTest, ADamagedHeaderLosesWhatIsBehindIt) {
  std::string tar = tar_member("a.jpg", "first") + tar_member("b.jpg", "second") +
                    tar_member("c.jpg", "third") + tar_end();
  tar[1024] = '?';
  ArchiveReader reader = open(tar);
  const auto contents = contents_of(reader);
  ASSERT_EQ(contents.size(), 2u);
  EXPECT_THAT(contents[0], Pair("a.jpg", "first"));
  EXPECT_THAT(contents[1], Pair("!", HasSubstr("all behind this member is lost")));
  EXPECT_THAT(contents[1].second, HasSubstr("a.jpg"));
  EXPECT_FALSE(reader.next());
}

TEST_F(ArchiveReaderTest, AMemberAboveTheLimitIsRefusedAndTheNextIsRead) {
  ArchiveReader reader = open(tar_member("a", std::string(101, 'x')) +
                              tar_member("b", std::string(100, 'y')) + tar_end());
  EXPECT_EQ(reader.next()->size, 101u);
  EXPECT_EQ(error_code_of([&] { reader.read(100); }), ErrorCode::UnsupportedFormat);
  EXPECT_TRUE(reader.next());
  EXPECT_EQ(reader.read(100).size(), 100u);
}

TEST_F(ArchiveReaderTest, OtherFormatsAreRefused) {
  const std::string others[] = {"",
                                "no archive at all",
                                std::string("Rar!\x1a\7\0", 7),
                                std::string("7z\xbc\xaf\x27\x1c\0\4", 8),
                                "070701" + std::string(200, '0'),
                                "#mtree\na type=file\n",
                                gzip("no archive at all")};
  for (const std::string& bytes : others) {
    EXPECT_EQ(error_code_of([&] { open(bytes); }), ErrorCode::UnsupportedFormat) << bytes;
  }
}

TEST_F(ArchiveReaderTest, AnArchiveThatIsCompressedTwiceIsRefused) {
  const std::string tar = tar_member("a", "a") + tar_end();
  EXPECT_EQ(error_code_of([&] { open(gzip(gzip(tar))); }), ErrorCode::UnsupportedFormat);
}

TEST_F(ArchiveReaderTest, CompressedZerosAreNotExpandedForWhatIsBehindThem) {
  constexpr std::uint64_t kDeclared = std::uint64_t{7} << 30;
  ArchiveReader reader = open(gzip(tar_header("zeros.jpg", kDeclared), 1 << 22));
  EXPECT_EQ(reader.next()->size, kDeclared);
  EXPECT_EQ(error_code_of([&] { reader.read(); }), ErrorCode::UnsupportedFormat);
  try {
    reader.next();
    ADD_FAILURE() << "went on";
  } catch (const Error& error) {
    EXPECT_THAT(error.what(), HasSubstr("too large to be decompressed"));
    EXPECT_THAT(error.what(), HasSubstr("zeros.jpg"));
  }
}

TEST_F(ArchiveReaderTest, AHugePaxHeaderIsRefusedWithoutTheMemoryForIt) {
  const std::string tar = tar_member("a.jpg", "first") +
                          tar_header("x", std::uint64_t{1} << 30, 'x') + std::string(4096, 'x');
  ArchiveReader reader = open(tar);
  EXPECT_TRUE(reader.next());
  EXPECT_EQ(error_code_of([&] { reader.next(); }), ErrorCode::CorruptFile);
}

TEST_F(ArchiveReaderTest, AMillionEmptyMembersAreCounted) {
  constexpr int kMembers = 1000000;
  const std::string header = tar_header("empty.jpg", 0);
  std::string tar;
  tar.reserve(header.size() * kMembers + 1024);
  for (int i = 0; i < kMembers; ++i) tar += header;
  tar += tar_end();
  ArchiveReader reader = open(tar);
  int count = 0;
  while (reader.next()) ++count;
  EXPECT_EQ(count, kMembers);
}

TEST_F(ArchiveReaderTest, ReadingBeforeTheFirstMemberIsAnError) {
  ArchiveReader reader = open(tar_member("a", "a") + tar_end());
  EXPECT_EQ(error_code_of([&] { reader.read(); }), ErrorCode::InvalidArgument);
}

TEST_F(ArchiveReaderTest, AFileThatIsWrittenToMeanwhileIsRefused) {
  const std::string path = folder_ / "archive";
  const std::string old = tar_member("a", "one") + tar_member("b", "two") + tar_end();
  for (const bool by_descriptor : {false, true}) {
    SCOPED_TRACE(by_descriptor);
    write_bytes(path, old);
    const int descriptor = ::open(path.c_str(), O_RDWR | O_CLOEXEC);
    ASSERT_GE(descriptor, 0);
    ArchiveReader reader = by_descriptor ? ArchiveReader(descriptor, path)
                                         : ArchiveReader(std::filesystem::path(path));
    ASSERT_TRUE(reader.next());
    EXPECT_EQ(text_of(reader.read()), "one");
    ASSERT_TRUE(reader.next());
    // Of the same size, so the clock of the file system must go on.
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
    ASSERT_EQ(::pwrite(descriptor, "TWO", 3, static_cast<off_t>(old.find("two"))), 3);
    try {
      reader.read();
      ADD_FAILURE() << "was read";
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::CorruptFile);
      EXPECT_EQ(error.detail().summary, "the file was changed while it was read");
      EXPECT_EQ(error.detail().file, path);
    }
    EXPECT_EQ(error_code_of([&] { reader.next(); }), ErrorCode::CorruptFile);
    ::close(descriptor);
  }
}

}  // namespace
}  // namespace sapiens
