// Any bytes as a zip archive, and every member of it.
#include <cstdint>

#include "checkpoint/zip.hpp"
#include "fuzz/support/entry_points.hpp"
#include "sapiens/error.hpp"

SAPIENS_FUZZ_MUTATOR(mutate_zip)
SAPIENS_FUZZ_CROSSOVER(cross_zips)

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace sapiens;
  try {
    const ZipArchive archive({.bytes = std::as_bytes(std::span(data, size)), .source = "input"});
    for (const ZipEntry& entry : archive.entries()) {
      try {
        archive.checked_contents(entry);
      } catch (const Error&) {
      }
    }
  } catch (const Error&) {
  }
  return 0;
}
