// Any bytes as a file with a NumPy array, of every type that is read.
#include <cstdint>
#include <vector>

#include "fuzz/support/memory_file.hpp"
#include "sapiens/error.hpp"
#include "sapiens/npy.hpp"

namespace {

template <class Read>
void attempt(Read read) {
  try {
    read();
  } catch (const sapiens::Error&) {
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace sapiens;
  const fuzz::MemoryFile file(data, size);
  if (!file.complete()) return 0;
  std::vector<Index> shape;
  attempt([&] { shape = read_npy_info(file.path()).shape; });
  attempt([&] { read_npy(file.path()); });
  attempt([&] { read_npy_mask(file.path(), shape); });
  attempt([&] { read_npy_ids(file.path(), shape); });
  return 0;
}
