#include "image/jpeg_scan.hpp"

#include <cstddef>

namespace sapiens {
namespace {

/// The codes of a Huffman table, for decoding bit by bit (ITU T.81, F.2.2.3).
class Decoder {
 public:
  explicit Decoder(const HuffmanTable& table) : table_(table) {}

  /// The value of the next code; -1 where there is none.
  template <typename Bits>
  int read(Bits& bits) const {
    int code = 0, first = 0, index = 0;
    for (std::size_t length = 1; length < table_.counts.size(); ++length) {
      if (bits.at_end()) return -1;
      code = code << 1 | bits.next();
      const int count = table_.counts[length];
      const int place = index + code - first;
      if (code - first < count)
        return place < 256 ? table_.values[static_cast<std::size_t>(place)] : -1;
      index += count;
      first = (first + count) << 1;
    }
    return -1;
  }

 private:
  const HuffmanTable& table_;
};

/// Coded data without the zero byte after each FF.
std::vector<std::uint8_t> unstuffed(std::span<const std::uint8_t> coded) {
  std::vector<std::uint8_t> bytes;
  bytes.reserve(coded.size());
  for (std::size_t i = 0; i < coded.size(); ++i) {
    bytes.push_back(coded[i]);
    if (coded[i] == 0xff && i + 1 < coded.size() && coded[i + 1] == 0) ++i;
  }
  return bytes;
}

/// A bit position in borrowed data.
class Bits {
 public:
  explicit Bits(std::span<const std::uint8_t> bytes) : bytes_(bytes) {}

  bool at_end() const { return at_ >= bytes_.size() * 8; }
  int next() {
    const int bit = bytes_[at_ / 8] >> (7 - at_ % 8) & 1;
    ++at_;
    return bit;
  }
  bool skip(int count) {
    at_ += static_cast<std::size_t>(count);
    return at_ <= bytes_.size() * 8;
  }
  std::size_t left() const { return bytes_.size() * 8 - at_; }

  /// True if the remaining bits of the current byte are all ones.
  bool is_filled_up() const {
    Bits rest = *this;
    while (rest.at_ % 8 != 0 && !rest.at_end()) {
      if (rest.next() == 0) return false;
    }
    return true;
  }

 private:
  std::span<const std::uint8_t> bytes_;
  std::size_t at_ = 0;
};

/// Skips a block; false where the bits are not a complete block.
bool skip_block(Bits& bits, const ScanData::Block& block) {
  const Decoder dc(*block.dc), ac(*block.ac);
  const int size = dc.read(bits);
  if (size < 0 || size > 16 || !bits.skip(size)) return false;
  for (int k = 1; k < 64; ++k) {
    const int code = ac.read(bits);
    if (code < 0) return false;
    const int zeros = code >> 4, length = code & 15;
    if (length == 0 && zeros != 15) return true;
    k += zeros;
    if (!bits.skip(length)) return false;
  }
  return true;
}

/// True if whole blocks, starting with number `first` of a unit, fill the rest up to its end.
bool continues(Bits bits, const ScanData& scan, std::size_t first) {
  for (std::size_t block = first; skip_block(bits, scan.unit[block]);) {
    block = (block + 1) % scan.unit.size();
    if (block == 0 && bits.left() < 8 && bits.is_filled_up()) return true;
  }
  return false;
}

}  // namespace

bool ends_in_stray_bytes(const ScanData& scan) {
  const std::vector<std::uint8_t> bytes = unstuffed(scan.bytes);
  Bits bits(bytes);
  for (std::uint64_t unit = 0; unit < scan.units; ++unit) {
    for (const ScanData::Block& block : scan.unit) {
      if (!skip_block(bits, block)) return false;
    }
  }
  if (!bits.is_filled_up()) return false;
  for (std::size_t first = 0; first < scan.unit.size(); ++first) {
    if (continues(bits, scan, first)) return false;
  }
  return true;
}

}  // namespace sapiens
