#include "checkpoint/pickle_writer.hpp"

#include <bit>
#include <limits>
#include <variant>

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

void PickleWriter::real(double value) {
  op(Opcode::BinFloat);
  const auto bits = std::bit_cast<std::uint64_t>(value);
  // Floats are the only big-endian numbers of a pickle.
  for (int shift = 56; shift >= 0; shift -= 8) out_.u8(static_cast<std::uint8_t>(bits >> shift));
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

void PickleWriter::list(const PlainValue::List& values) {
  op(Opcode::EmptyList);
  op(Opcode::Mark);
  for (const PlainValue& value : values) plain(value);
  op(Opcode::Appends);
}

void PickleWriter::dict(const PlainValue::Dict& items) {
  op(Opcode::EmptyDict);
  op(Opcode::Mark);
  for (const auto& [key, value] : items) {
    plain(key);
    plain(value);
  }
  op(Opcode::SetItems);
}

void PickleWriter::plain(const PlainValue& value) {
  struct Put {
    PickleWriter& out;
    void operator()(const std::string& words) const { out.text(words); }
    void operator()(Index number) const { out.integer(number); }
    void operator()(double number) const { out.real(number); }
    void operator()(const PlainValue::List& values) const { out.list(values); }
    void operator()(const PlainValue::Dict& items) const { out.dict(items); }
  };
  std::visit(Put{*this}, value.value);
}

}  // namespace sapiens
