#include <algorithm>

#include "fuzz/support/mutators.hpp"

extern "C" std::size_t LLVMFuzzerMutate(std::uint8_t* data, std::size_t size, std::size_t max_size);

namespace sapiens::fuzz {

std::string mutate_bytes(std::string bytes, std::size_t max_size) {
  // libFuzzer cuts off what is beyond `max_size` and cannot work on an empty buffer.
  const std::size_t room = std::max<std::size_t>(max_size, 1);
  const std::size_t before = std::min(bytes.size(), room);
  bytes.resize(room);
  bytes.resize(LLVMFuzzerMutate(reinterpret_cast<std::uint8_t*>(bytes.data()), before, room));
  return bytes;
}

}  // namespace sapiens::fuzz
