#pragma once

#include <array>
#include <cstddef>

namespace sapiens {

/// The value that each level of an 8-bit channel is mapped to.
using ByteTable = std::array<float, 256>;

/// Subtracts, then divides: a product with 1/std would differ in the last bit.
inline ByteTable make_byte_table(float mean, float std) {
  ByteTable table{};
  for (std::size_t value = 0; value < table.size(); ++value) {
    table[value] = (static_cast<float>(value) - mean) / std;
  }
  return table;
}

}  // namespace sapiens
