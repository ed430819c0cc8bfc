// Any bytes as the JSON header of a safetensors file.
#include <cstdint>
#include <span>

#include "checkpoint/safetensors_header.hpp"
#include "core/byte_reader.hpp"
#include "sapiens/error.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace sapiens;
  try {
    parse_safetensors_header(as_text(std::as_bytes(std::span(data, size))), "input");
  } catch (const Error&) {
  }
  return 0;
}
