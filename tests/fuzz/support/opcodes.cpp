#include "fuzz/support/opcodes.hpp"

#include <optional>

#include "checkpoint/pickle.hpp"

namespace sapiens::fuzz {
namespace {

std::size_t count_bytes(Argument kind) noexcept {
  switch (kind) {
    case Argument::Counted1:
      return 1;
    case Argument::Counted4:
      return 4;
    case Argument::Counted8:
      return 8;
    default:
      return 0;
  }
}

std::size_t fixed_bytes(Argument kind) noexcept {
  switch (kind) {
    case Argument::Bytes1:
      return 1;
    case Argument::Bytes2:
      return 2;
    case Argument::Bytes4:
      return 4;
    case Argument::Bytes8:
      return 8;
    default:
      return 0;
  }
}

std::optional<std::string> take_text(std::string_view& bytes, std::uint64_t size) {
  if (size > bytes.size()) return std::nullopt;
  std::string text(bytes.substr(0, size));
  bytes.remove_prefix(size);
  return text;
}

std::optional<std::string> take_lines(std::string_view& bytes, int lines) {
  std::size_t end = 0;
  for (int i = 0; i < lines; ++i) {
    end = bytes.find('\n', end);
    if (end == std::string_view::npos) return std::nullopt;
    ++end;
  }
  std::string text(bytes.substr(0, end - 1));
  bytes.remove_prefix(end);
  return text;
}

std::optional<std::string> take_counted(std::string_view& bytes, std::size_t width) {
  if (width > bytes.size()) return std::nullopt;
  std::uint64_t count = 0;
  for (std::size_t i = width; i-- > 0;) count = count << 8 | static_cast<std::uint8_t>(bytes[i]);
  bytes.remove_prefix(width);
  return take_text(bytes, count);
}

std::optional<std::string> take_argument(std::string_view& bytes, Argument kind) {
  if (kind == Argument::Line) return take_lines(bytes, 1);
  if (kind == Argument::TwoLines) return take_lines(bytes, 2);
  if (const std::size_t width = count_bytes(kind)) return take_counted(bytes, width);
  return take_text(bytes, fixed_bytes(kind));
}

}  // namespace

Argument argument_of(std::uint8_t code) noexcept {
  switch (static_cast<Opcode>(code)) {
    case Opcode::BinInt1:
    case Opcode::BinGet:
    case Opcode::BinPut:
    case Opcode::Proto:
    case Opcode::Ext1:
      return Argument::Bytes1;
    case Opcode::BinInt2:
    case Opcode::Ext2:
      return Argument::Bytes2;
    case Opcode::BinInt:
    case Opcode::LongBinGet:
    case Opcode::LongBinPut:
    case Opcode::Ext4:
      return Argument::Bytes4;
    case Opcode::BinFloat:
    case Opcode::Frame:
      return Argument::Bytes8;
    case Opcode::Float:
    case Opcode::Int:
    case Opcode::Long:
    case Opcode::PersId:
    case Opcode::String:
    case Opcode::Unicode:
    case Opcode::Get:
    case Opcode::Put:
      return Argument::Line;
    case Opcode::Global:
    case Opcode::Inst:
      return Argument::TwoLines;
    case Opcode::Long1:
    case Opcode::ShortBinBytes:
    case Opcode::ShortBinString:
    case Opcode::ShortBinUnicode:
      return Argument::Counted1;
    case Opcode::Long4:
    case Opcode::BinBytes:
    case Opcode::BinString:
    case Opcode::BinUnicode:
      return Argument::Counted4;
    case Opcode::BinUnicode8:
    case Opcode::BinBytes8:
    case Opcode::ByteArray8:
      return Argument::Counted8;
    default:
      return Argument::None;
  }
}

Instructions take_instructions(std::string_view& bytes) {
  Instructions taken;
  while (!bytes.empty()) {
    const auto code = static_cast<std::uint8_t>(bytes.front());
    std::string_view rest = bytes.substr(1);
    auto argument = take_argument(rest, argument_of(code));
    if (!argument) break;
    taken.push_back({code, std::move(*argument)});
    bytes = rest;
    if (code == static_cast<std::uint8_t>(Opcode::Stop)) break;
  }
  return taken;
}

std::string to_bytes(const Instructions& instructions) {
  std::string bytes;
  for (const Instruction& instruction : instructions) {
    const Argument kind = argument_of(instruction.code);
    std::string argument = instruction.argument;
    bytes += static_cast<char>(instruction.code);
    if (const std::size_t width = count_bytes(kind)) {
      if (width == 1 && argument.size() > 255) argument.resize(255);
      const std::uint64_t count = argument.size();
      for (std::size_t i = 0; i < width; ++i) bytes += static_cast<char>(count >> 8 * i);
    } else if (kind != Argument::Line && kind != Argument::TwoLines) {
      argument.resize(fixed_bytes(kind));
    }
    bytes += argument;
    if (kind == Argument::Line || kind == Argument::TwoLines) bytes += '\n';
  }
  return bytes;
}

}  // namespace sapiens::fuzz
