#include "checkpoint/zip.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "checkpoint/support.hpp"
#include "checkpoint/zip_writer.hpp"
#include "core/byte_reader.hpp"

namespace sapiens {
namespace {

using test::Bytes;
using test::error_of;
using test::to_bytes;
using ::testing::HasSubstr;

Bytes two_members(std::string first, std::string second) {
  const test::TemporaryFolder folder;
  ZipWriter zip(folder / "a.zip");
  zip.add(std::move(first), to_bytes("hello"));
  zip.add(std::move(second), to_bytes("world!"));
  zip.finish();
  return test::load(folder / "a.zip");
}

ZipArchive open(const Bytes& bytes) { return ZipArchive({.bytes = bytes, .source = "a.zip"}); }

// Where the directory's entry of the n-th member starts.
std::size_t directory_entry(const Bytes& bytes, int n) {
  const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  std::size_t at = text.find("PK\x01\x02");
  while (n-- > 0) at = text.find("PK\x01\x02", at + 1);
  return at;
}

TEST(Zip, FindsMembersAlignedTo64Bytes) {
  const Bytes bytes = two_members("x/first", "x/second");
  const ZipArchive archive = open(bytes);
  ASSERT_EQ(archive.entries().size(), 2u);
  const auto contents = archive.checked_contents(*archive.find("x/second"));
  EXPECT_EQ(as_text(contents), "world!");
  EXPECT_EQ((contents.data() - bytes.data()) % 64, 0);
  EXPECT_EQ(archive.find("nothing"), nullptr);
}

TEST(Zip, NoticesAWrongChecksum) {
  Bytes bytes = two_members("x/first", "x/second");
  const ZipArchive archive = open(bytes);
  const auto contents = archive.contents(*archive.find("x/first"));
  bytes[static_cast<std::size_t>(contents.data() - bytes.data())] ^= std::byte{1};
  EXPECT_THAT(error_of([&] { archive.checked_contents(*archive.find("x/first")); })->what(),
              HasSubstr("checksum"));
}

TEST(Zip, RefusesTwoMembersOfOneName) {
  const Bytes bytes = two_members("same", "same");
  EXPECT_THAT(error_of([&] { open(bytes); })->what(), HasSubstr("twice"));
}

TEST(Zip, RefusesMembersThatOverlap) {
  Bytes bytes = two_members("first", "second");
  // Both directory entries point to the first member.
  for (std::size_t i = 0; i < 4; ++i) bytes[directory_entry(bytes, 1) + 42 + i] = std::byte{0};
  EXPECT_THAT(error_of([&] { open(bytes); })->what(), HasSubstr("overlaps"));
}

TEST(Zip, RefusesAMemberThatClaimsMoreThanThereIs) {
  Bytes bytes = two_members("first", "second");
  const std::size_t sizes = directory_entry(bytes, 0) + 20;
  for (const std::size_t at : {sizes + 1, sizes + 5}) bytes[at] = std::byte{1};  // + 256 bytes
  EXPECT_THAT(error_of([&] { open(bytes); })->what(), HasSubstr("overlaps"));
}

TEST(Zip, RefusesEncryptedMembers) {
  Bytes bytes = two_members("first", "second");
  bytes[directory_entry(bytes, 0) + 8] |= std::byte{1};
  const ZipArchive archive = open(bytes);
  const auto error = error_of([&] { archive.contents(*archive.find("first")); });
  EXPECT_EQ(error->code(), ErrorCode::UnsupportedFormat);
  EXPECT_THAT(error->what(), HasSubstr("encrypted"));
}

TEST(Zip, SaysThatAnArchiveWasCutShort) {
  Bytes bytes = two_members("first", "second");
  bytes.resize(bytes.size() / 2);
  const auto error = error_of([&] { open(bytes); });
  EXPECT_THAT(error->what(), HasSubstr("no table of contents"));
  EXPECT_THAT(error->what(), HasSubstr(std::to_string(bytes.size())));
}

TEST(Zip, ReadsZip64RecordsThatPointAnywhereWithoutHarm) {
  ByteWriter end;
  end.u32(0x07064b50);  // locator
  end.u32(0);
  end.u64(~std::uint64_t{0} - 3);
  end.u32(1);
  end.u32(0x06054b50);
  end.fill(18, '\0');
  EXPECT_EQ(error_of([&] { ZipArchive({.bytes = end.bytes(), .source = "a.zip"}); })->code(),
            ErrorCode::CorruptFile);
}

TEST(ForeignArchive, IsNamed) {
  const auto error = error_of([] { test::parse(two_members("word/document.xml", "x")); });
  EXPECT_EQ(error->code(), ErrorCode::UnsupportedFormat);
  EXPECT_THAT(error->what(), HasSubstr("word/document.xml"));
  EXPECT_THAT(error_of([] { test::parse(two_members("a.npy", "b.npy")); })->what(),
              HasSubstr("npz"));
  EXPECT_THAT(error_of([] { test::parse(two_members("weights.pth", "x")); })->what(),
              HasSubstr("checkpoint inside"));
}

}  // namespace
}  // namespace sapiens
