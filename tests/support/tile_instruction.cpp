#include "support/tile_instruction.hpp"

#include <cstring>

// Intel SDM volume 2: all of these are VEX.128.{pp}.0F38.W0 with a three-byte prefix,
//
//   C4  RXBmmmmm  Wvvvv Lpp  opcode  ModRM  [SIB]  [disp8 | disp32]
//
// where R, X, B and vvvv are stored inverted.
namespace sapiens::tile_emulator {
namespace {

enum Prefix { kNone, k66, kF3, kF2 };  // pp

struct Vex {
  bool index_high, base_high;  // X, B: the upper bit of the register number
  int vvvv, pp, opcode, mod, reg, rm;
};

std::optional<Vex> decode_prefix(const std::uint8_t* code) {
  constexpr int kEscape0F38 = 2;
  if (code[0] != 0xC4 || (code[1] & 0x1F) != kEscape0F38) return std::nullopt;
  const bool reg_high = (code[1] & 0x80) == 0, w = (code[2] & 0x80) != 0, l = (code[2] & 4) != 0;
  if (reg_high || w || l) return std::nullopt;
  const int modrm = code[4];
  return Vex{.index_high = (code[1] & 0x40) == 0,
             .base_high = (code[1] & 0x20) == 0,
             .vvvv = ~(code[2] >> 3) & 15,
             .pp = code[2] & 3,
             .opcode = code[3],
             .mod = modrm >> 6,
             .reg = modrm >> 3 & 7,
             .rm = modrm & 7};
}

template <class T>
std::int64_t signed_at(const std::uint8_t* code) {
  T value;
  std::memcpy(&value, code, sizeof value);
  return value;
}

// Fills in length, address and row_bytes of an instruction with a memory operand.
void decode_memory(const std::uint8_t* code, const std::uint64_t (&registers)[16], const Vex& vex,
                   TileInstruction& instruction) {
  const std::uint8_t* next = code + 5;  // behind ModRM
  const bool has_sib = vex.rm == 4;
  int base = vex.rm;
  if (has_sib) {
    const int sib = *next++;
    base = sib & 7;
    const int index = (sib >> 3 & 7) + (vex.index_high ? 8 : 0);
    constexpr int kNoIndex = 4;
    if (index != kNoIndex) {
      instruction.row_bytes = static_cast<std::int64_t>(registers[index] << (sib >> 6));
    }
  }
  const bool no_base = vex.mod == 0 && base == 5;  // a displacement alone, or relative to rip
  std::int64_t displacement = 0;
  if (vex.mod == 1) {
    displacement = signed_at<std::int8_t>(next);
    next += 1;
  } else if (vex.mod == 2 || no_base) {
    displacement = signed_at<std::int32_t>(next);
    next += 4;
  }
  std::uint64_t origin = 0;
  if (!no_base) origin = registers[base + (vex.base_high ? 8 : 0)];
  if (no_base && !has_sib) origin = reinterpret_cast<std::uint64_t>(next);
  instruction.address = origin + static_cast<std::uint64_t>(displacement);
  instruction.length = static_cast<int>(next - code);
}

std::optional<Operation> operation_on_memory(const Vex& vex) {
  if (vex.opcode == 0x49 && vex.reg == 0) {
    if (vex.pp == kNone) return Operation::LoadConfig;
    if (vex.pp == k66) return Operation::StoreConfig;
  }
  if (vex.opcode == 0x4B && vex.rm == 4) {  // rows need an index: there is always a SIB byte
    if (vex.pp == kF2 || vex.pp == k66) return Operation::Load;
    if (vex.pp == kF3) return Operation::Store;
  }
  return std::nullopt;
}

std::optional<Operation> operation_on_tiles(const Vex& vex) {
  if (vex.opcode == 0x49 && vex.rm == 0) {
    if (vex.pp == kNone && vex.reg == 0) return Operation::Release;
    if (vex.pp == kF2) return Operation::Zero;
  }
  if (vex.opcode == 0x5C && vex.pp == kF3) return Operation::DotBf16;
  if (vex.opcode == 0x5E) {
    constexpr Operation kByPrefix[] = {Operation::DotU8U8, Operation::DotU8S8, Operation::DotS8U8,
                                       Operation::DotS8S8};
    return kByPrefix[vex.pp];
  }
  return std::nullopt;
}

}  // namespace

std::optional<TileInstruction> decode(const std::uint8_t* code,
                                      const std::uint64_t (&registers)[16]) {
  const std::optional<Vex> vex = decode_prefix(code);
  if (!vex) return std::nullopt;
  const bool on_tiles = vex->mod == 3;
  const auto operation = on_tiles ? operation_on_tiles(*vex) : operation_on_memory(*vex);
  const bool is_dot = operation && *operation >= Operation::DotBf16;
  if (!operation || (vex->vvvv > 7) || (!is_dot && vex->vvvv != 0)) return std::nullopt;
  TileInstruction instruction{
      .operation = *operation, .length = 5, .target = vex->reg, .a = vex->rm, .b = vex->vvvv};
  if (!on_tiles) decode_memory(code, registers, *vex, instruction);
  return instruction;
}

}  // namespace sapiens::tile_emulator
