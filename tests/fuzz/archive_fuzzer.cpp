// Any bytes as a tar or zip archive, and every member of it. libarchive itself is not instrumented:
// what is looked for is what it does to the reader, and that every archive ends.
#include <sys/mman.h>
#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <string>

#include "core/open_file.hpp"
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

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const sapiens::Descriptor file(::memfd_create("archive", 0));
  if (::write(file.number(), data, size) != static_cast<::ssize_t>(size)) return 0;
  ::lseek(file.number(), 0, SEEK_SET);
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
