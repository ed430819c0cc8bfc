// Any bytes as a tar or zip archive, and every member of it. libarchive itself is not instrumented:
// what is looked for is what it does to the reader, and that every archive ends.
#include <cstddef>
#include <cstdint>
#include <string>

#include "fuzz/support/entry_points.hpp"
#include "fuzz/support/memory_file.hpp"
#include "sapiens/archive.hpp"
#include "sapiens/error.hpp"

namespace {

// Small enough that no bomb slows the fuzzer down.
constexpr std::uint64_t kMaxBytes = std::uint64_t{1} << 20;

void read_member(sapiens::ArchiveReader& reader) {
  try {
    reader.read(kMaxBytes);
  } catch (const sapiens::Error&) {
  }
}

}  // namespace

SAPIENS_FUZZ_MUTATOR(mutate_archive)

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const sapiens::fuzz::MemoryFile file(data, size);
  if (!file.complete()) return 0;
  try {
    sapiens::ArchiveReader reader(file.number(), "input");
    for (bool read = true; reader.next(); read = !read) {
      if (read) read_member(reader);  // the others are passed over
    }
  } catch (const sapiens::Error& error) {
    // Without the module nothing would be tested.
    std::string why;
    if (!sapiens::archives_available(&why)) __builtin_trap();
  }
  return 0;
}
