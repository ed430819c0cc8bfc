// A member of a zip archive is described twice, and only its own header tells where it begins. The
// two must agree, or one changed length makes a tensor of its neighbour's numbers.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>

#include "checkpoint/byte_writer.hpp"
#include "checkpoint/support.hpp"
#include "checkpoint/zip.hpp"
#include "core/byte_reader.hpp"

namespace sapiens {
namespace {

using test::Bytes;
using test::directory_entry;
using test::error_of;
using test::local_header;
using test::raw_zip;
using test::RawMember;
using test::to_bytes;
using ::testing::HasSubstr;

constexpr std::size_t kLocalFlags = 6, kLocalMethod = 8, kLocalCrc = 14, kLocalPacked = 18,
                      kLocalSize = 22, kLocalNameLength = 26, kLocalExtraLength = 28,
                      kLocalName = 30;

/// Members with and without a descriptor, padded as torch.save pads, with and without checksums.
struct Kind {
  const char* name;
  bool descriptor;
  bool checksums;
};

std::ostream& operator<<(std::ostream& out, const Kind& kind) { return out << kind.name; }

Bytes archive_of(const Kind& kind) {
  const std::string padding = std::string("FB\x3c\0", 4) + std::string(60, 'Z');
  std::vector<RawMember> members;
  for (const char* name : {"x/data/0", "x/data/1", "x/data/2"}) {
    RawMember member{.name = name,
                     .bytes = to_bytes(std::string(100, name[7])),
                     .local_extra = padding,
                     .descriptor = kind.descriptor};
    if (!kind.checksums) member.crc = 0;
    members.push_back(std::move(member));
  }
  return raw_zip(members);
}

std::string read_member(const Bytes& bytes, std::string_view name) {
  const ZipArchive archive({.bytes = bytes, .source = "a.zip"});
  const auto contents = archive.checked_contents(*archive.find(name));
  return std::string(as_text(contents));
}

std::uint16_t get_u16(const Bytes& bytes, std::size_t at) {
  std::uint16_t value = 0;
  std::memcpy(&value, bytes.data() + at, sizeof(value));
  return value;
}

void set_u16(Bytes& bytes, std::size_t at, std::size_t value) {
  const auto narrow = static_cast<std::uint16_t>(value);
  std::memcpy(bytes.data() + at, &narrow, sizeof(narrow));
}

class ZipHeaders : public ::testing::TestWithParam<Kind> {};

TEST_P(ZipHeaders, AreReadWhereTheyAgree) {
  const Bytes bytes = archive_of(GetParam());
  for (const char* name : {"x/data/0", "x/data/1", "x/data/2"}) {
    EXPECT_EQ(read_member(bytes, name), std::string(100, name[7]));
  }
}

TEST_P(ZipHeaders, AnyOtherLengthOfTheExtraFieldIsRefused) {
  const Bytes whole = archive_of(GetParam());
  for (const char* name : {"x/data/0", "x/data/1", "x/data/2"}) {
    const std::size_t at = local_header(whole, name) + kLocalExtraLength;
    const std::size_t length = get_u16(whole, at);
    for (std::size_t other = 0; other < 700; ++other) {
      if (other == length) continue;
      Bytes bytes = whole;
      set_u16(bytes, at, other);
      EXPECT_EQ(error_of([&] { read_member(bytes, name); }).value().code(), ErrorCode::CorruptFile)
          << name << " with " << other;
    }
  }
}

TEST_P(ZipHeaders, AnyOtherLengthOfTheNameIsRefused) {
  const Bytes whole = archive_of(GetParam());
  const std::size_t at = local_header(whole, "x/data/1") + kLocalNameLength;
  for (std::size_t other = 0; other < 300; ++other) {
    if (other == 8) continue;
    Bytes bytes = whole;
    set_u16(bytes, at, other);
    EXPECT_TRUE(error_of([&] { read_member(bytes, "x/data/1"); })) << other;
    // Both lengths changed, so that the sum stays.
    set_u16(bytes, at + 2, 64 + 8 - std::min<std::size_t>(other, 72));
    EXPECT_TRUE(error_of([&] { read_member(bytes, "x/data/1"); })) << other;
  }
}

TEST_P(ZipHeaders, EveryFieldOfAMemberMustBeTheDirectorys) {
  const Bytes whole = archive_of(GetParam());
  const std::size_t header = local_header(whole, "x/data/1");
  for (const std::size_t field : {kLocalFlags, kLocalMethod, kLocalCrc, kLocalPacked, kLocalSize,
                                  kLocalNameLength, kLocalExtraLength, kLocalName}) {
    Bytes bytes = whole;
    bytes[header + field] ^= std::byte{9};
    EXPECT_EQ(error_of([&] { read_member(bytes, "x/data/1"); }).value().code(),
              ErrorCode::CorruptFile)
        << field;
    // The neighbours are what they were.
    EXPECT_EQ(read_member(bytes, "x/data/0"), std::string(100, '0')) << field;
    EXPECT_EQ(read_member(bytes, "x/data/2"), std::string(100, '2')) << field;
  }
}

TEST_P(ZipHeaders, TwoNamesExchangedInTheDirectoryAreNoticed) {
  Bytes bytes = archive_of(GetParam());
  const std::size_t first = directory_entry(bytes, "x/data/0");
  const std::size_t second = directory_entry(bytes, "x/data/1");
  std::swap(bytes[first + 46 + 7], bytes[second + 46 + 7]);
  EXPECT_THAT(error_of([&] { read_member(bytes, "x/data/0"); }).value().what(),
              HasSubstr("two different names"));
}

TEST_P(ZipHeaders, AWindowMovedIntoItsOwnPaddingIsNoticed) {
  Bytes bytes = archive_of(GetParam());
  const std::size_t at = local_header(bytes, "x/data/1") + kLocalExtraLength;
  set_u16(bytes, at, get_u16(bytes, at) - 4);  // one float earlier
  EXPECT_TRUE(error_of([&] { read_member(bytes, "x/data/1"); }));
}

// Any other bit of the archive but those of the numbers: an error, or the same numbers.
TEST_P(ZipHeaders, NoOtherFlippedBitMovesANumber) {
  Bytes bytes = archive_of(GetParam());
  const std::string_view text = as_text(bytes);
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    const char letter = text[i];
    if (i > 0 && i + 1 < bytes.size() && letter >= '0' && letter <= '2' &&
        (text[i - 1] == letter || text[i + 1] == letter)) {
      continue;  // a number
    }
    for (int bit = 0; bit < 8; ++bit) {
      bytes[i] ^= static_cast<std::byte>(1 << bit);
      for (const char* name : {"x/data/0", "x/data/1", "x/data/2"}) {
        try {
          const ZipArchive archive({.bytes = bytes, .source = "a.zip"});
          const ZipEntry* const entry = archive.find(name);
          if (entry == nullptr) continue;  // the tensor's data are not there: an error
          EXPECT_EQ(as_text(archive.checked_contents(*entry)), std::string(100, name[7]))
              << "bit " << bit << " of byte " << i;
        } catch (const Error&) {
        }
      }
      bytes[i] ^= static_cast<std::byte>(1 << bit);
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Kinds, ZipHeaders,
                         ::testing::Values(Kind{"plain", false, true},
                                           Kind{"descriptor", true, true},
                                           Kind{"plain_without_checksums", false, false},
                                           Kind{"descriptor_without_checksums", true, false}),
                         [](const auto& kind) { return std::string(kind.param.name); });

TEST(ZipDescriptor, MustRepeatTheDirectory) {
  const Bytes whole = archive_of({"", true, true});
  const std::size_t descriptor = local_header(whole, "x/data/1") + kLocalName + 8 + 64 + 100;
  ASSERT_EQ(whole[descriptor + 2], std::byte{7});
  for (std::size_t i = 0; i < 16; ++i) {
    Bytes bytes = whole;
    bytes[descriptor + i] ^= std::byte{1};
    EXPECT_TRUE(error_of([&] { read_member(bytes, "x/data/1"); })) << i;
  }
}

// 0xffffffff in the header, the sizes in a zip64 field: how members beyond 4 GB are written, and
// small ones by careful writers.
TEST(ZipHeader64, AgreesThroughItsZip64Field) {
  const auto with_size = [](std::uint64_t size) {
    ByteWriter extra;
    extra.u16(1);
    extra.u16(16);
    extra.u64(size);
    extra.u64(size);
    const std::vector<RawMember> members = {{.name = "x/data/0",
                                             .bytes = to_bytes("abcd"),
                                             .local_extra = std::string(as_text(extra.bytes()))},
                                            {.name = "x/data/1", .bytes = to_bytes("efgh")}};
    Bytes bytes = raw_zip(members);
    const std::size_t header = local_header(bytes, "x/data/0");
    std::memset(bytes.data() + header + kLocalPacked, 0xff, 8);
    return bytes;
  };
  EXPECT_EQ(read_member(with_size(4), "x/data/0"), "abcd");
  EXPECT_THAT(error_of([&] { read_member(with_size(8), "x/data/0"); }).value().what(),
              HasSubstr("two different sizes"));
}

TEST(ZipDirectory, MustEndWhereItsEndRecordBegins) {
  Bytes bytes = archive_of({"", false, true});
  const std::size_t end = bytes.size() - 22;
  for (const std::size_t field : {std::size_t{12}, std::size_t{16}}) {  // size, offset
    for (const int step : {1, -1, 46}) {
      Bytes moved = bytes;
      moved[end + field] = static_cast<std::byte>(std::to_integer<int>(moved[end + field]) + step);
      EXPECT_EQ(error_of([&] { read_member(moved, "x/data/0"); }).value().code(),
                ErrorCode::CorruptFile);
    }
  }
}

// Which of two archives this is would be the reader's choice.
TEST(ZipDirectory, ADirectoryInTheCommentOfAnotherIsRefused) {
  std::vector<RawMember> members = {{.name = "x/data/0", .bytes = to_bytes("right")},
                                    {.name = "x/data/1", .bytes = to_bytes("wrong")}};
  const Bytes one = raw_zip(members);
  // A directory that calls the second member by the first one's name.
  const std::size_t begin = directory_entry(one, "x/data/0");
  Bytes hidden(one.begin() + static_cast<std::ptrdiff_t>(begin), one.end());
  const std::size_t at = hidden.size() - 22 + 16;
  const auto offset = static_cast<std::uint32_t>(one.size());
  std::memcpy(hidden.data() + at, &offset, sizeof(offset));
  const Bytes both = raw_zip(members, as_text(hidden));
  EXPECT_THAT(error_of([&] { read_member(both, "x/data/0"); }).value().what(),
              HasSubstr("two tables of contents"));
}

TEST(ZipDirectory, MayHaveACommentAndBytesBehindIt) {
  const std::vector<RawMember> members = {{.name = "x/data/0", .bytes = to_bytes("right")}};
  Bytes bytes = raw_zip(members, "written by hand");
  EXPECT_EQ(read_member(bytes, "x/data/0"), "right");
  bytes.resize(bytes.size() + 100);  // as torch.load takes it
  EXPECT_EQ(read_member(bytes, "x/data/0"), "right");
}

TEST(ZipDirectory, TwoEndRecordsThatDisagreeAreRefused) {
  Bytes bytes = test::load(test::fixture("zip_113.pth"));  // PyTorch always writes both
  ASSERT_FALSE(error_of([&] { ZipArchive({.bytes = bytes, .source = "a.zip"}); }));
  for (const std::size_t field : {8, 10, 12, 16}) {
    if (field == 8) continue;  // entries on this disk, which is not read
    Bytes changed = bytes;
    changed[changed.size() - 22 + field] ^= std::byte{1};
    EXPECT_TRUE(error_of([&] { ZipArchive({.bytes = changed, .source = "a.zip"}); })) << field;
  }
}

TEST(ZipGap, IsRefusedWhereNoChecksumTellsWhereTheMemberEnds) {
  for (const bool checksums : {true, false}) {
    Bytes bytes = archive_of({"", false, checksums});
    // The second of three leaves the directory: its bytes belong to no member now.
    const std::size_t entry = directory_entry(bytes, "x/data/1");
    const auto first = bytes.begin() + static_cast<std::ptrdiff_t>(entry);
    bytes.erase(first, first + 46 + 8);
    const std::size_t end = bytes.size() - 22;
    set_u16(bytes, end + 8, 2);
    set_u16(bytes, end + 10, 2);
    set_u16(bytes, end + 12, get_u16(bytes, end + 12) - 46 - 8);
    if (checksums) {
      EXPECT_EQ(read_member(bytes, "x/data/0"), std::string(100, '0'));
    } else {
      EXPECT_THAT(error_of([&] { read_member(bytes, "x/data/0"); }).value().what(),
                  HasSubstr("belong to none"));
    }
  }
}

TEST(TwoCheckpoints, TwoCheckpointsInOneArchiveAreRefused) {
  const std::string pickle = test::pickle_of_three();
  std::vector<RawMember> members;
  for (const std::string folder : {"one", "two"}) {
    members.push_back({.name = folder + "/data.pkl", .bytes = to_bytes(pickle)});
    members.push_back({.name = folder + "/data/0", .bytes = Bytes(16)});
    members.push_back({.name = folder + "/data/1", .bytes = Bytes(16)});
  }
  const auto error = error_of([&] { test::parse(raw_zip(members)); });
  EXPECT_EQ(error.value().code(), ErrorCode::UnsupportedFormat);
  EXPECT_THAT(error->what(), HasSubstr("several checkpoints"));
  EXPECT_THAT(error->what(), HasSubstr("two/data.pkl"));
}

}  // namespace
}  // namespace sapiens
