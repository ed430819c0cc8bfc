// Any bytes as a file of torch.save: an archive with a pickle and a member per storage.
#include <cstdint>
#include <span>

#include "checkpoint/readers.hpp"
#include "fuzz/support/entry_points.hpp"
#include "fuzz/support/read_tensors.hpp"
#include "sapiens/error.hpp"

SAPIENS_FUZZ_MUTATOR(mutate_zip)
SAPIENS_FUZZ_CROSSOVER(cross_zips)

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace sapiens;
  const FileBytes file{.bytes = std::as_bytes(std::span(data, size)), .source = "input"};
  try {
    StateDict state;
    const ZipArchive archive(file);
    if (!is_torch_zip(archive)) return 0;
    read_torch_zip(archive, state);
    fuzz::read_tensors(state);
  } catch (const Error&) {
  }
  return 0;
}
