// Any bytes as a checkpoint file: chosen by content, then every tensor read.
#include <cstdint>
#include <span>

#include "checkpoint/readers.hpp"
#include "fuzz/support/entry_points.hpp"
#include "fuzz/support/read_tensors.hpp"
#include "sapiens/error.hpp"

SAPIENS_FUZZ_MUTATOR(mutate_checkpoint)
SAPIENS_FUZZ_CROSSOVER(cross_checkpoints)

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace sapiens;
  const FileBytes file{.bytes = std::as_bytes(std::span(data, size)), .source = "input"};
  try {
    StateDict state;
    read_checkpoint(file, state);
    fuzz::read_tensors(state);
  } catch (const Error&) {
  }
  return 0;
}
