// Any bytes as the header of a NumPy array. What was read is written and read again.
#include <cstdint>
#include <span>
#include <string>

#include "core/npy_header.hpp"
#include "sapiens/error.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace sapiens;
  NpyHeader header;
  std::string written;
  try {
    ByteReader in(std::as_bytes(std::span(data, size)), "input");
    header = read_npy_header(in);
    written = write_npy_header(header);
  } catch (const Error&) {
    return 0;
  }
  if (header.descr.find('\'') != header.descr.npos) return 0;  // no type that NumPy has
  ByteReader in(std::as_bytes(std::span(written)), "written");
  const NpyHeader again = read_npy_header(in);
  const bool same = again.descr == header.descr && again.shape == header.shape &&
                    again.fortran_order == header.fortran_order;
  if (!same || in.remaining() != 0) __builtin_trap();
  return 0;
}
