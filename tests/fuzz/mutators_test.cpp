#include "fuzz/support/mutators.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <vector>

#include "checkpoint/pickle.hpp"
#include "checkpoint/safetensors_header.hpp"
#include "checkpoint/zip.hpp"
#include "core/open_file.hpp"
#include "fuzz/support/lines.hpp"
#include "fuzz/support/opcodes.hpp"
#include "fuzz/support/zip_model.hpp"
#include "sapiens/error.hpp"

// libFuzzer has this function. Here it changes one byte.
extern "C" std::size_t LLVMFuzzerMutate(std::uint8_t* data, std::size_t size,
                                        std::size_t max_size) {
  static sapiens::fuzz::Random random(7);
  if (size < max_size && (size == 0 || random.one_in(2))) data[size++] = 0;
  data[random.below(size)] = static_cast<std::uint8_t>(random.next());
  return size;
}

namespace sapiens::fuzz {
namespace {

std::string load(const std::filesystem::path& path) {
  const FileMap file(path);
  return std::string(as_text(file.bytes()));
}

std::string fixture(const std::string& name) {
  return load(std::filesystem::path(SAPIENS_TEST_DATA) / "checkpoints" / name);
}

constexpr const char* kZips[] = {"zip_new.pth",    "zip_113.pth",   "zip_protocol5.pth",
                                 "training.pth",   "script_113.pt", "frozen_script.pt",
                                 "export_new.pt2", "export_23.pt2"};

ZipArchive open_zip(const std::string& bytes) {
  return ZipArchive({.bytes = std::as_bytes(std::span(bytes)), .source = "made"});
}

std::vector<std::string> names_of(const Zip& zip) {
  std::vector<std::string> names;
  for (const Member& member : zip.members) names.push_back(member.name);
  return names;
}

/// How many of 300 changed inputs `read` takes without an error.
template <class Mutate, class Read>
int accepted(const std::string& seed, Mutate mutate, Read read) {
  int count = 0;
  for (std::uint64_t i = 0; i < 300; ++i) {
    Random random(i);
    const std::string made = mutate(seed, random);
    try {
      read(made);
      ++count;
    } catch (const Error&) {
    }
  }
  return count;
}

TEST(FuzzZip, GivesBackTheMembersThatTheReaderSees) {
  for (const char* const name : kZips) {
    const std::string bytes = fixture(name);
    const Zip zip = take_zip_apart(bytes);
    const std::string made = to_bytes(zip);
    const ZipArchive before = open_zip(bytes), after = open_zip(made);
    ASSERT_EQ(after.entries().size(), before.entries().size()) << name;
    for (const ZipEntry& entry : before.entries()) {
      const ZipEntry* const same = after.find(entry.name);
      ASSERT_NE(same, nullptr) << name << ": " << entry.name;
      EXPECT_EQ(same->crc, entry.crc);
      EXPECT_EQ(same->size, entry.size);
      if (entry.method != 0) continue;
      EXPECT_EQ(as_text(after.checked_contents(*same)), as_text(before.checked_contents(entry)));
    }
    EXPECT_EQ(names_of(take_zip_apart(made)), names_of(zip));
  }
}

TEST(FuzzZip, WritesEveryFormThatTheReaderTakes) {
  for (const bool descriptor : {false, true}) {
    for (const bool zip64 : {false, true}) {
      Zip zip{
          .members = {{.name = "a/b", .bytes = "bytes", .descriptor = descriptor, .zip64 = zip64}},
          .comment = "a comment",
          .end_record64 = zip64};
      const std::string made = to_bytes(zip);
      const ZipArchive archive = open_zip(made);
      EXPECT_EQ(as_text(archive.checked_contents(archive.entries().at(0))), "bytes");
      EXPECT_EQ(take_zip_apart(made).members.at(0).bytes, "bytes");
    }
  }
}

TEST(FuzzZip, GetsPastTheChecksumsInMostCases) {
  const auto read = [](const std::string& bytes) {
    const ZipArchive archive = open_zip(bytes);
    for (const ZipEntry& entry : archive.entries()) archive.checked_contents(entry);
  };
  EXPECT_GT(accepted(fixture("zip_new.pth"), mutate_zip, read), 200);
}

TEST(FuzzZip, TakesAnyBytesApart) {
  const std::string bytes = fixture("zip_new.pth");
  constexpr std::size_t kEndRecord = 22;
  for (std::size_t size = 0; size < bytes.size() - kEndRecord; size += 7) {
    Random random(size);
    const Zip zip = take_zip_apart(std::string_view(bytes).substr(0, size));
    EXPECT_TRUE(zip.members.empty());  // nothing is known without the record at the end
    mutate_zip(std::string_view(bytes).substr(0, size), random);
  }
}

TEST(FuzzPickle, IsTheSameAfterItWasTakenApart) {
  for (const char* const name : kZips) {
    const std::string bytes = fixture(name);
    for (const Member& member : take_zip_apart(bytes).members) {
      if (!member.name.ends_with(".pkl")) continue;
      std::string_view rest = member.bytes;
      const Instructions list = take_instructions(rest);
      EXPECT_EQ(rest, "") << name;
      EXPECT_EQ(to_bytes(list), member.bytes) << name;
    }
  }
}

TEST(FuzzPickle, OfALegacyFileLeavesTheStoragesBehind) {
  const std::string bytes = fixture("legacy_113.pth");
  std::string_view rest = bytes;
  for (int i = 0; i < 5; ++i) {
    const Instructions list = take_instructions(rest);
    ASSERT_FALSE(list.empty());
    EXPECT_EQ(list.back().code, static_cast<std::uint8_t>(Opcode::Stop));
  }
  EXPECT_FALSE(rest.empty());
}

TEST(FuzzPickle, IsStillReadInManyCases) {
  const std::string bytes = fixture("zip_new.pth");
  const Zip zip = take_zip_apart(bytes);
  const auto pickle = std::ranges::find_if(
      zip.members, [](const Member& member) { return member.name.ends_with("data.pkl"); });
  ASSERT_NE(pickle, zip.members.end());
  const auto read = [](const std::string& made) {
    ByteReader reader(std::as_bytes(std::span(made)), "made");
    read_pickle(reader);
  };
  EXPECT_GT(accepted(pickle->bytes, mutate_pickle, read), 60);
}

TEST(FuzzSafetensors, HasAHeaderThatParsesInManyCases) {
  const auto read = [](const std::string& made) {
    const auto length =
        static_cast<std::uint8_t>(made[0]) | std::size_t{static_cast<std::uint8_t>(made[1])} << 8;
    parse_safetensors_header(std::string_view(made).substr(8, length), "made");
  };
  EXPECT_GT(accepted(fixture("all.safetensors"), mutate_safetensors, read), 60);
}

TEST(FuzzMutators, GiveTheSameResultForTheSameSeed) {
  const std::string text = "backbone.a 1 2\nbackbone.b 3\n";
  // Without changes of single bytes, whose source has a state.
  std::set<std::string> different;
  for (std::uint64_t seed = 0; seed < 50; ++seed) {
    Random first(seed), second(seed);
    EXPECT_EQ(first.next(), second.next());
    different.insert(mutate_lines(text, first));
  }
  EXPECT_GT(different.size(), 30u);
}

TEST(FuzzMutators, TakeEveryBeginningOfAFile) {
  for (const char* const name : {"zip_new.pth", "legacy_113.pth", "all.safetensors"}) {
    const std::string bytes = fixture(name), other = fixture("training.pth");
    for (std::size_t size = 0; size <= bytes.size(); size += 1 + size / 8) {
      Random random(size);
      const std::string_view begin = std::string_view(bytes).substr(0, size);
      EXPECT_LT(mutate_checkpoint(begin, random).size(), 4 * bytes.size() + 1000);
      EXPECT_LT(mutate_archive(begin, random).size(), 4 * bytes.size() + 1000);
      EXPECT_LT(cross_checkpoints(begin, other, random).size(), bytes.size() + 4 * other.size());
    }
  }
}

TEST(FuzzMutators, ChangeADocumentOfAnyKind) {
  for (const char* const text : {"null", "[]", "{}", "1", "\"a\"", "{\"a\": [1, {\"b\": 2.5}]}"}) {
    std::set<std::string> different;
    for (std::uint64_t seed = 0; seed < 40; ++seed) {
      Random random(seed);
      auto document = nlohmann::ordered_json::parse(text);
      mutate_json(document, random);
      different.insert(document.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace));
    }
    EXPECT_GT(different.size(), 4u) << text;
  }
}

TEST(FuzzMutators, LeaveJsonJsonInManyCases) {
  const std::string line = R"({"key": "a", "arrays": [{"shape": [1, 2]}]})";
  std::set<std::string> different;
  for (std::uint64_t seed = 0; seed < 100; ++seed) {
    Random random(seed);
    const std::string made = mutate_json_text(line, random);
    EXPECT_TRUE(nlohmann::json::accept(made)) << made;
    different.insert(made);
  }
  EXPECT_GT(different.size(), 50u);
  const int whole = accepted("kind\n" + line + "\n" + line, mutate_json_lines, [](auto& made) {
    const auto lines = take_lines_apart(made);
    if (lines.size() < 2 || !nlohmann::json::accept(lines[1])) {
      throw Error(ErrorCode::CorruptFile, {.summary = "no JSON"});
    }
  });
  EXPECT_GT(whole, 100);
}

}  // namespace
}  // namespace sapiens::fuzz
