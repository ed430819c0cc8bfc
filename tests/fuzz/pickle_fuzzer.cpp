// Any bytes as a pickle, and the tensors it describes, without the checksums around it.
#include <array>
#include <cstdint>

#include "checkpoint/torch_tensors.hpp"
#include "fuzz/support/entry_points.hpp"
#include "sapiens/error.hpp"

SAPIENS_FUZZ_MUTATOR(mutate_pickle)
SAPIENS_FUZZ_CROSSOVER(cross_pickles)

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace sapiens;
  static constexpr std::array<std::byte, 256> kStorage{};
  try {
    ByteReader reader(std::as_bytes(std::span(data, size)), "input");
    const PickleGraph graph = read_pickle(reader);
    const auto find_storage = [](const StorageRef&) { return StorageBytes{.bytes = kStorage}; };
    StateDict state;
    flatten(graph, TensorBuilder(graph, find_storage, "input"), "input", state);
  } catch (const Error&) {
  }
  return 0;
}
