// Every way to cut a small file short and every single flipped bit: an error or a result, nothing
// else. The sanitizers watch.
#include <gtest/gtest.h>

#include "checkpoint/support.hpp"
#include "checkpoint/torch_tensors.hpp"
#include "checkpoint/zip.hpp"
#include "core/byte_reader.hpp"

namespace sapiens {
namespace {

using test::Bytes;
using test::fixture;
using test::load;
using test::parse;

// Touches every element, so that a range that was not checked shows.
void read_everything(const Bytes& bytes) {
  for (const TensorEntry& tensor : parse(bytes).tensors) {
    if (tensor.numel() > 1 << 16) continue;  // expanded by a flipped bit
    if (tensor.unreadable) continue;
    Bytes raw(static_cast<std::size_t>(tensor.numel()) * dtype_size(tensor.dtype));
    read_raw(tensor, 0, raw);
    std::vector<float> values(static_cast<std::size_t>(tensor.numel()));
    read_f32(tensor, 0, values);
  }
}

bool survives(const Bytes& bytes) {
  try {
    read_everything(bytes);
    return true;
  } catch (const Error&) {
    return false;
  }
}

using Tensors = std::map<std::string, test::Described>;

// All tensors with their values, by container and key.
Tensors everything(const Bytes& bytes) {
  const StateDict state = parse(bytes);
  Tensors all;
  for (const TensorEntry& tensor : state.tensors) {
    for (auto& [key, described] : test::describe(state, tensor.container)) {
      all.insert_or_assign(tensor.container + "." + key, std::move(described));
    }
  }
  return all;
}

class Damage : public ::testing::TestWithParam<const char*> {};

TEST_P(Damage, CutShortAnywhereIsAnError) {
  const Bytes whole = load(fixture(GetParam()));
  ASSERT_TRUE(survives(whole));
  for (std::size_t size = 0; size < whole.size(); ++size) {
    const Bytes part(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size));
    EXPECT_FALSE(survives(part)) << size << " of " << whole.size() << " bytes";
  }
}

TEST_P(Damage, AFlippedBitNeverCrashes) {
  Bytes bytes = load(fixture(GetParam()));
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    for (const auto mask : {std::byte{1}, std::byte{8}, std::byte{0x80}, std::byte{0xff}}) {
      bytes[i] ^= mask;
      survives(bytes);
      bytes[i] ^= mask;
    }
  }
}

// The archive's checksums, and its two descriptions of every member, leave no bit that changes a
// number without an error. Legacy files and safetensors have nothing to notice it by.
class GuardedDamage : public ::testing::TestWithParam<const char*> {};

TEST_P(GuardedDamage, AFlippedBitChangesNoValueInSilence) {
  Bytes bytes = load(fixture(GetParam()));
  const Tensors whole = everything(bytes);
  ASSERT_FALSE(whole.empty());
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    for (const auto mask : {std::byte{1}, std::byte{0x40}}) {
      bytes[i] ^= mask;
      try {
        EXPECT_EQ(everything(bytes), whole) << "byte " << i;
      } catch (const Error&) {
      }
      bytes[i] ^= mask;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Archives, GuardedDamage,
                         ::testing::Values("zip_113.pth", "zip_new.pth", "big_endian.pth",
                                           "script_113.pt", "export_new.pt2"));

INSTANTIATE_TEST_SUITE_P(Formats, Damage,
                         ::testing::Values("zip_113.pth", "zip_new.pth", "legacy_113.pth",
                                           "script_113.pt", "export_23.pt2", "export_new.pt2",
                                           "all.safetensors"));

StateDict read_loose_pickle(std::string_view pickle) {
  static const Bytes storage(1 << 12);
  ByteReader reader(std::as_bytes(std::span(pickle)), "pickle");
  const PickleGraph graph = read_pickle(reader);
  const auto find_storage = [](const StorageRef&) { return StorageBytes{.bytes = storage}; };
  StateDict state;
  flatten(graph, TensorBuilder(graph, find_storage, "pickle"), "pickle", state);
  return state;
}

// The checksum of data.pkl keeps flipped bits from the pickle reader, so it gets its own.
TEST(Damage, AFlippedBitInAPickleNeverCrashes) {
  const Bytes file = load(fixture("zip_113.pth"));
  const ZipArchive archive({.bytes = file, .source = "zip_113.pth"});
  std::string pickle(as_text(archive.contents(*archive.find("zip_113/data.pkl"))));
  ASSERT_EQ(read_loose_pickle(pickle).tensors.size(), 16u);
  for (char& letter : pickle) {
    for (const unsigned mask : {1, 2, 4, 8, 16, 32, 64, 128, 255}) {
      const char before = letter;
      letter = static_cast<char>(static_cast<unsigned char>(letter) ^ mask);
      try {
        read_loose_pickle(pickle);
      } catch (const Error&) {
      }
      letter = before;
    }
  }
}

}  // namespace
}  // namespace sapiens
