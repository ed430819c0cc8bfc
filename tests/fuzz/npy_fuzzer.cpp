// Any bytes as the header of a NumPy array.
#include <cstdint>
#include <span>

#include "core/npy_header.hpp"
#include "sapiens/error.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace sapiens;
  try {
    ByteReader in(std::as_bytes(std::span(data, size)), "input");
    const NpyHeader header = read_npy_header(in);
    write_npy_header(header);
  } catch (const Error&) {
  }
  return 0;
}
