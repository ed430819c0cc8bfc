// Any bytes as a safetensors file, header and data.
#include <cstdint>
#include <span>

#include "checkpoint/readers.hpp"
#include "fuzz/support/entry_points.hpp"
#include "fuzz/support/read_tensors.hpp"
#include "sapiens/error.hpp"

SAPIENS_FUZZ_MUTATOR(mutate_safetensors)

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace sapiens;
  const FileBytes file{.bytes = std::as_bytes(std::span(data, size)), .source = "input"};
  try {
    StateDict state;
    read_safetensors(file, state);
    fuzz::read_tensors(state);
  } catch (const Error&) {
  }
  return 0;
}
