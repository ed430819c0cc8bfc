// Any bytes as a checkpoint file: chosen by content, then every tensor read.
#include <cstdint>
#include <vector>

#include "checkpoint/readers.hpp"
#include "sapiens/error.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace sapiens;
  const auto bytes = std::as_bytes(std::span(data, size));
  StateDict state;
  try {
    read_checkpoint({.bytes = bytes, .source = "input"}, state);
  } catch (const Error&) {
    return 0;
  }
  constexpr Index kMaxElements = 1 << 16;  // an expanded tensor may be larger than the file
  for (const TensorEntry& tensor : state.tensors) {
    if (tensor.numel() > kMaxElements || tensor.unreadable) continue;
    std::vector<float> values(static_cast<std::size_t>(tensor.numel()));
    read_f32(tensor, 0, values);
    std::vector<std::byte> raw(values.size() * dtype_size(tensor.dtype));
    read_raw(tensor, 0, raw);
  }
  return 0;
}
