#include "checkpoint/pickle_writer.hpp"

#include <limits>

namespace sapiens {

PickleWriter::PickleWriter() {
  op(Opcode::Proto);
  out_.u8(2);
}

void PickleWriter::text(std::string_view value) {
  op(Opcode::BinUnicode);
  out_.u32(static_cast<std::uint32_t>(value.size()));
  out_.text(value);
}

void PickleWriter::integer(std::int64_t value) {
  using Int = std::numeric_limits<std::int32_t>;
  if (value >= Int::min() && value <= Int::max()) {
    op(Opcode::BinInt);
    out_.u32(static_cast<std::uint32_t>(value));
  } else {
    op(Opcode::Long1);
    out_.u8(8);
    out_.u64(static_cast<std::uint64_t>(value));
  }
}

void PickleWriter::integers(std::span<const std::int64_t> values) {
  op(Opcode::Mark);
  for (const std::int64_t value : values) integer(value);
  op(Opcode::Tuple);
}

void PickleWriter::global(std::string_view module, std::string_view name) {
  op(Opcode::Global);
  out_.text(module);
  out_.text("\n");
  out_.text(name);
  out_.text("\n");
}

}  // namespace sapiens
