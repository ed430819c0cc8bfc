// Every input of the corpora goes through the function that a fuzzer calls. A fault that a fuzzer
// found stays found in every build, without Clang and without time for fuzzing.
#include <gtest/gtest.h>

#include <cstdint>
#include <filesystem>
#include <ostream>
#include <string>

#include "checkpoint/zip.hpp"
#include "core/open_file.hpp"

// replayed.inc, which CMake writes, is a list of the fuzzers.
#define SAPIENS_REPLAYED(name) extern "C" int fuzz_##name(const std::uint8_t*, std::size_t);
#include "replayed.inc"
#undef SAPIENS_REPLAYED

namespace sapiens {
namespace {

struct Fuzzer {
  std::string name;
  int (*run)(const std::uint8_t*, std::size_t);
};

void PrintTo(const Fuzzer& fuzzer, std::ostream* out) { *out << fuzzer.name; }

const Fuzzer kFuzzers[] = {
#define SAPIENS_REPLAYED(name) {#name, fuzz_##name},
#include "replayed.inc"
#undef SAPIENS_REPLAYED
};

class Corpus : public testing::TestWithParam<Fuzzer> {};

TEST_P(Corpus, PassesThroughItsReader) {
  const Fuzzer& fuzzer = GetParam();
  const std::filesystem::path path =
      std::filesystem::path(SAPIENS_FUZZ_CORPORA) / (fuzzer.name + ".zip");
  ASSERT_TRUE(std::filesystem::exists(path)) << path;
  const FileMap file(path);
  const ZipArchive archive({.bytes = file.bytes(), .source = path.string()});
  ASSERT_FALSE(archive.entries().empty());
  for (const ZipEntry& entry : archive.entries()) {
    const auto bytes = archive.checked_contents(entry);
    EXPECT_EQ(fuzzer.run(reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size()), 0)
        << entry.name;
  }
}

TEST_P(Corpus, OfNothingPassesToo) {
  const std::uint8_t nothing = 0;
  EXPECT_EQ(GetParam().run(&nothing, 0), 0);
}

INSTANTIATE_TEST_SUITE_P(Fuzz, Corpus, testing::ValuesIn(kFuzzers),
                         [](const auto& fuzzer) { return fuzzer.param.name; });

}  // namespace
}  // namespace sapiens
