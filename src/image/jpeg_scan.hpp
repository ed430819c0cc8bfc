#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <vector>

namespace sapiens {

/// A Huffman table as a JPEG has it: how many codes there are of each length, and their values.
struct HuffmanTable {
  std::array<std::uint8_t, 17> counts = {};  // by length, from 1
  std::array<std::uint8_t, 256> values = {};
};

/// The coded data of a sequential scan, or of what follows its last restart marker.
struct ScanData {
  struct Block {
    const HuffmanTable* dc;
    const HuffmanTable* ac;
  };
  std::vector<Block> unit = {};  ///< The blocks that come again and again.
  std::uint64_t units = 0;
  std::span<const std::uint8_t> bytes = {};  ///< Up to the next marker, FF 00 for FF.
};

/// True where the blocks of a scan are followed by their fill bits, and then by bytes that are no
/// blocks. A damaged scan may end too early as well, but where it does it leaves blocks over:
/// Huffman codes find back into step.
bool ends_in_stray_bytes(const ScanData& scan);

}  // namespace sapiens
