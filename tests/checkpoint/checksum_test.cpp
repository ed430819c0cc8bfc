// The checksum of a zip member is compared when a value of it is read.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <cstring>
#include <numeric>
#include <thread>

#include "checkpoint/stored_member.hpp"
#include "checkpoint/support.hpp"
#include "checkpoint/zip.hpp"
#include "core/byte_reader.hpp"
#include "core/crc32.hpp"

namespace sapiens {
namespace {

using test::Bytes;
using test::error_of;
using test::raw_zip;
using test::RawMember;
using test::to_bytes;
using ::testing::HasSubstr;

Bytes floats(std::initializer_list<float> values) {
  const auto bytes = std::as_bytes(std::span(values.begin(), values.size()));
  return {bytes.begin(), bytes.end()};
}

/// {"a": [1, 2, 3, 4], "b": the last two of them, "c": [5, 6, 7, 8]} and a member that no tensor
/// needs.
std::vector<RawMember> checkpoint_members() {
  return {{.name = "x/data.pkl", .bytes = to_bytes(test::pickle_of_three())},
          {.name = "x/byteorder", .bytes = to_bytes("little")},
          {.name = "x/data/0", .bytes = floats({1, 2, 3, 4})},
          {.name = "x/data/1", .bytes = floats({5, 6, 7, 8})},
          {.name = "x/data/2", .bytes = floats({9})}};
}

Bytes& bytes_of(std::vector<RawMember>& members, std::string_view name) {
  return std::ranges::find(members, name, &RawMember::name)->bytes;
}

// Zeros in place of a member's bytes, with the checksum that they had.
Bytes with_hole(std::vector<RawMember> members, std::string_view name) {
  auto& member = *std::ranges::find(members, name, &RawMember::name);
  if (!member.crc) member.crc = crc32(member.bytes);
  std::ranges::fill(member.bytes, std::byte{0});
  return raw_zip(members);
}

Bytes without_checksums(std::vector<RawMember> members, std::string_view under) {
  for (RawMember& member : members) {
    if (member.name.starts_with(under)) member.crc = 0;
  }
  return raw_zip(members);
}

std::vector<float> values(const StateDict& state, std::string_view key) {
  const auto tensor = std::ranges::find(state.tensors, key, &TensorEntry::key);
  std::vector<float> out(static_cast<std::size_t>(tensor->numel()));
  read_f32(*tensor, 0, out);
  return out;
}

TEST(Checksum, IntactBytesAreRead) {
  const Bytes bytes = raw_zip(checkpoint_members());
  const StateDict state = test::parse(bytes);
  EXPECT_EQ(values(state, "a"), (std::vector<float>{1, 2, 3, 4}));
  EXPECT_EQ(values(state, "b"), (std::vector<float>{3, 4}));
  EXPECT_EQ(values(state, "c"), (std::vector<float>{5, 6, 7, 8}));
}

TEST(Checksum, DamagedBytesNameFileTensorsAndMember) {
  const Bytes bytes = with_hole(checkpoint_members(), "x/data/0");
  const StateDict state = test::parse(bytes);  // opening reads no values
  for (const char* key : {"a", "b"}) {         // both lie there, and both are refused
    const auto error = error_of([&] { values(state, key); });
    ASSERT_TRUE(error);
    EXPECT_EQ(error->code(), ErrorCode::CorruptFile);
    EXPECT_FALSE(error->detail().file.empty());
    EXPECT_EQ(error->detail().key, "a, b");
    EXPECT_THAT(error->detail().expected, HasSubstr("x/data/0"));
    EXPECT_THAT(error->detail().expected,
                HasSubstr(fmt::format("{:08x}", crc32(floats({1, 2, 3, 4})))));
    EXPECT_THAT(error->detail().actual, HasSubstr(fmt::format("{:08x}", crc32(Bytes(16)))));
    EXPECT_THAT(error->detail().hint, HasSubstr("download it again"));
  }
  EXPECT_EQ(values(state, "c"), (std::vector<float>{5, 6, 7, 8}));  // nothing happened to it
}

TEST(Checksum, IsComparedForRawReadsToo) {
  const Bytes bytes = with_hole(checkpoint_members(), "x/data/1");
  const StateDict state = test::parse(bytes);
  Bytes out(16);
  EXPECT_TRUE(error_of([&] { read_raw(state.tensors[2], 0, out); }));
}

TEST(Checksum, UnreadMembersAreNotCompared) {
  const Bytes bytes = with_hole(checkpoint_members(), "x/data/2");
  EXPECT_EQ(values(test::parse(bytes), "c"), (std::vector<float>{5, 6, 7, 8}));
}

TEST(Checksum, OneFlippedBitChangesTheChecksum) {
  const Bytes whole = raw_zip(checkpoint_members());
  const std::size_t begin = test::local_header(whole, "x/data/0") + 30 + 8;
  for (std::size_t bit = 0; bit < 16 * 8; ++bit) {
    Bytes bytes = whole;
    bytes[begin + bit / 8] ^= static_cast<std::byte>(1 << bit % 8);
    EXPECT_TRUE(error_of([&] { values(test::parse(bytes), "a"); })) << bit;
  }
}

TEST(Checksum, ThePickleIsComparedWhenTheFileIsOpened) {
  auto members = checkpoint_members();
  auto& pickle = bytes_of(members, "x/data.pkl");
  members[0].crc = crc32(pickle);
  pickle[pickle.size() / 2] ^= std::byte{1};
  EXPECT_THAT(error_of([&] { test::parse(raw_zip(members)); }).value().what(),
              HasSubstr("x/data.pkl"));
}

// torch.utils.serialization.config.save.compute_crc32 = False
TEST(ChecksumOfZero, MeansNotComputedInAWholeFile) {
  const Bytes bytes = without_checksums(checkpoint_members(), "x/");
  const StateDict state = test::parse(bytes);
  EXPECT_EQ(values(state, "a"), (std::vector<float>{1, 2, 3, 4}));
  EXPECT_FALSE(state.tensors[0].member->has_checksum());
}

// torch.serialization.skip_data leaves out only the tensors, which another program fills in.
TEST(ChecksumOfZero, MeansNotComputedForAllTensors) {
  const Bytes bytes = without_checksums(checkpoint_members(), "x/data/");
  EXPECT_EQ(values(test::parse(bytes), "c"), (std::vector<float>{5, 6, 7, 8}));
}

TEST(ChecksumOfZero, ZeroAmongOtherChecksumsIsAChecksum) {
  auto members = checkpoint_members();
  members[2].crc = 0;
  const Bytes bytes = raw_zip(members);
  const StateDict state = test::parse(bytes);
  EXPECT_EQ(error_of([&] { values(state, "a"); }).value().code(), ErrorCode::CorruptFile);
  EXPECT_EQ(values(state, "c"), (std::vector<float>{5, 6, 7, 8}));

  members = checkpoint_members();
  members[0].crc = 0;  // the pickle, beside a byteorder that has one
  EXPECT_TRUE(error_of([&] { test::parse(raw_zip(members)); }));
}

TEST(ChecksumOfZero, ZeroIsTheChecksumOfNoBytes) {
  auto members = checkpoint_members();
  members[4].bytes.clear();
  const Bytes bytes = raw_zip(members);
  const ZipArchive archive({.bytes = bytes, .source = "a.zip"});
  EXPECT_TRUE(archive.checked_contents(*archive.find("x/data/2")).empty());
}

// Exports of PyTorch up to 2.7 hold a file of torch.save. Its checksums count, and where it has
// none, that of the whole.
TEST(ChecksumInside, TheChecksumInsideAnExportIsCompared) {
  for (const bool own_checksums : {true, false}) {
    Bytes inner = own_checksums ? raw_zip(checkpoint_members())
                                : without_checksums(checkpoint_members(), "x/");
    const std::size_t value = test::local_header(inner, "x/data/0") + 30 + 8;
    std::vector<RawMember> outer = {
        {.name = "serialized_exported_program.json", .bytes = to_bytes("{}")},
        {.name = "serialized_state_dict.pt", .bytes = inner}};
    const Bytes whole = raw_zip(outer);
    EXPECT_EQ(values(test::parse(whole), "a"), (std::vector<float>{1, 2, 3, 4}));
    outer[1].crc = crc32(inner);
    outer[1].bytes[value] ^= std::byte{1};
    const Bytes damaged = raw_zip(outer);
    const StateDict state = test::parse(damaged);
    EXPECT_TRUE(error_of([&] { values(state, "a"); })) << own_checksums;
    EXPECT_EQ(error_of([&] { values(state, "c"); }).has_value(), !own_checksums);
  }
}

// Many threads that want values of one storage compute its checksum together, once.
TEST(StoredMember, IsCheckedByAllThreadsTogether) {
  Bytes bytes(std::size_t{5} << 20);
  for (std::size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<std::byte>(i * i >> 7);
  const std::uint32_t crc = crc32(bytes);
  for (const bool damaged : {false, true}) {
    if (damaged) bytes.back() ^= std::byte{1};
    StoredMember member({.bytes = bytes, .source = "a.pth"}, "x/data/0", bytes, crc);
    member.add_tensor("w");
    std::atomic<int> refused = 0;
    std::vector<std::thread> threads;
    for (int i = 0; i < 8; ++i) {
      threads.emplace_back(
          [&] { refused += error_of([&] { member.require_intact(); }).has_value(); });
    }
    for (std::thread& thread : threads) thread.join();
    EXPECT_EQ(refused, damaged ? 8 : 0);
    EXPECT_EQ(member.was_checked(), !damaged);
    EXPECT_EQ(member.found_crc(), crc32(bytes));
  }
}

TEST(StoredMember, NamesTheFirstTensorsAndCountsTheRest) {
  StoredMember member({}, "x/data/0", {}, std::nullopt);
  EXPECT_EQ(member.tensors_text(), "");
  for (const char* name : {"a", "b", "c", "d", "e"}) member.add_tensor(name);
  EXPECT_EQ(member.tensors_text(), "a, b, c and 2 more");
}

TEST(Crc32, IsTheOneOfZip) {
  EXPECT_EQ(crc32(to_bytes("123456789")), 0xcbf43926u);
  EXPECT_EQ(crc32({}), 0u);
}

TEST(Crc32, IsTheSameInPiecesOfAnyLength) {
  Bytes bytes(100'000);
  for (std::size_t i = 0; i < bytes.size(); ++i)
    bytes[i] = static_cast<std::byte>(i * 7 + (i >> 9));
  std::uint32_t by_bytes = 0;
  const std::span<const std::byte> all(bytes);
  for (std::size_t i = 0; i < all.size(); ++i) by_bytes = crc32(all.subspan(i, 1), by_bytes);
  EXPECT_EQ(crc32(all), by_bytes);
  for (const std::size_t cut : {0, 1, 7, 8, 16'384, 16'385, 70'000, 99'999, 100'000}) {
    const auto first = all.first(cut), second = all.subspan(cut);
    EXPECT_EQ(crc32(second, crc32(first)), by_bytes) << cut;
    EXPECT_EQ(join_crc32(crc32(first), crc32(second), second.size()), by_bytes) << cut;
  }
}

}  // namespace
}  // namespace sapiens
