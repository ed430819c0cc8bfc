#pragma once

#include <cstdint>
#include <optional>

namespace sapiens::tile_emulator {

enum class Operation {
  LoadConfig,
  StoreConfig,
  Release,
  Zero,
  Load,  // with and without the hint
  Store,
  DotBf16,
  DotS8S8,
  DotS8U8,
  DotU8S8,
  DotU8U8,
};

/// One decoded AMX instruction.
struct TileInstruction {
  Operation operation = Operation::Release;
  int length = 0;              ///< bytes
  int target = 0;              ///< the tile written or stored
  int a = 0, b = 0;            ///< the tiles multiplied
  std::uint64_t address = 0;   ///< of the first row, or of the configuration
  std::int64_t row_bytes = 0;  ///< from one row to the next
};

/// Decodes the instruction at `code`. `registers` are rax, rcx, rdx, rbx, rsp, rbp, rsi, rdi,
/// r8, ..., r15. Nothing if this is no AMX instruction of the kinds above.
std::optional<TileInstruction> decode(const std::uint8_t* code,
                                      const std::uint64_t (&registers)[16]);

}  // namespace sapiens::tile_emulator
