#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <vector>

namespace sapiens {

/// A Huffman table as a JPEG stores it: the number of codes of each length, and their values.
struct HuffmanTable {
  std::array<std::uint8_t, 17> counts = {};  // number of codes by length, from 1
  std::array<std::uint8_t, 256> values = {};
};

/// The coded data of a sequential scan, or of what follows its last restart marker.
struct ScanData {
  struct Block {
    const HuffmanTable* dc;
    const HuffmanTable* ac;
  };
  std::vector<Block> unit = {};  ///< The repeating sequence of blocks.
  std::uint64_t units = 0;
  std::span<const std::uint8_t> bytes = {};  ///< The data up to the next marker, with FF 00 for FF.
};

/// True where the blocks of a scan and their fill bits are followed by bytes that are not blocks. A
/// damaged scan may also end early, but then blocks are missing, because Huffman codes
/// resynchronise.
bool ends_in_stray_bytes(const ScanData& scan);

}  // namespace sapiens
