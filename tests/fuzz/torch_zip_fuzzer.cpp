// Any bytes as a file of torch.save: an archive with a pickle and a member per storage.
#include <cstddef>
#include <cstdint>

#include "checkpoint/readers.hpp"
#include "fuzz/support/entry_points.hpp"
#include "fuzz/support/read_archive.hpp"

SAPIENS_FUZZ_MUTATOR(mutate_zip)
SAPIENS_FUZZ_CROSSOVER(cross_zips)

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace sapiens;
  fuzz::read_archive(data, size, [](const ZipArchive& archive, StateDict& state) {
    if (is_torch_zip(archive)) read_torch_zip(archive, state);
  });
  return 0;
}
