#include "core/crc32.hpp"

#include <array>
#include <cstring>

namespace sapiens {
namespace {

constexpr std::uint32_t kPolynomial = 0xedb88320;  // 0x04c11db7, bits reversed
constexpr std::size_t kSlices = 8;

using Tables = std::array<std::array<std::uint32_t, 256>, kSlices>;

// tables[k][b] is the effect of byte b followed by k zero bytes.
constexpr Tables make_tables() {
  Tables tables{};
  for (std::uint32_t byte = 0; byte < 256; ++byte) {
    std::uint32_t crc = byte;
    for (int bit = 0; bit < 8; ++bit) crc = crc >> 1 ^ (crc & 1 ? kPolynomial : 0);
    tables[0][byte] = crc;
  }
  for (std::size_t k = 1; k < kSlices; ++k) {
    for (std::size_t byte = 0; byte < 256; ++byte) {
      const std::uint32_t crc = tables[k - 1][byte];
      tables[k][byte] = crc >> 8 ^ tables[0][crc & 0xff];
    }
  }
  return tables;
}

constexpr Tables kTables = make_tables();

// Multiplies two polynomials modulo the polynomial of the checksum; x^0 is the highest bit.
constexpr std::uint32_t multiply(std::uint32_t a, std::uint32_t b) noexcept {
  std::uint32_t product = 0;
  for (std::uint32_t bit = std::uint32_t{1} << 31; bit != 0; bit >>= 1) {
    if ((a & bit) != 0) product ^= b;
    b = b >> 1 ^ (b & 1 ? kPolynomial : 0);
  }
  return product;
}

// x^(8 n): the factor by which n zero bytes change a checksum.
constexpr std::uint32_t shift_by_bytes(std::uint64_t n) noexcept {
  std::uint32_t shift = std::uint32_t{1} << 31;
  std::uint32_t power = std::uint32_t{1} << 23;  // x^8
  for (; n != 0; n >>= 1) {
    if ((n & 1) != 0) shift = multiply(power, shift);
    power = multiply(power, power);
  }
  return shift;
}

// Eight bytes: eight independent look-ups instead of a chain of eight ("slicing by 8").
std::uint32_t step(std::uint32_t crc, const std::byte* bytes) noexcept {
  std::array<std::uint8_t, kSlices> b;
  std::memcpy(b.data(), bytes, kSlices);
  return kTables[7][b[0] ^ (crc & 0xff)] ^ kTables[6][b[1] ^ (crc >> 8 & 0xff)] ^
         kTables[5][b[2] ^ (crc >> 16 & 0xff)] ^ kTables[4][b[3] ^ crc >> 24] ^ kTables[3][b[4]] ^
         kTables[2][b[5]] ^ kTables[1][b[6]] ^ kTables[0][b[7]];
}

// Each step of one checksum depends on the one before; four checksums side by side hide that
// latency.
constexpr std::size_t kLanes = 4;
constexpr std::size_t kLaneBytes = std::size_t{1} << 12;

std::uint32_t four_lanes(std::uint32_t crc, const std::byte* bytes) noexcept {
  constexpr std::uint32_t kShift = shift_by_bytes(kLaneBytes);
  std::array<std::uint32_t, kLanes> lanes = {crc, 0, 0, 0};
  for (std::size_t at = 0; at < kLaneBytes; at += kSlices) {
    for (std::size_t lane = 0; lane < kLanes; ++lane) {
      lanes[lane] = step(lanes[lane], bytes + lane * kLaneBytes + at);
    }
  }
  for (std::size_t lane = 1; lane < kLanes; ++lane)
    lanes[lane] ^= multiply(kShift, lanes[lane - 1]);
  return lanes[kLanes - 1];
}

}  // namespace

std::uint32_t crc32(std::span<const std::byte> bytes, std::uint32_t previous) noexcept {
  std::uint32_t crc = ~previous;
  for (; bytes.size() >= kLanes * kLaneBytes; bytes = bytes.subspan(kLanes * kLaneBytes)) {
    crc = four_lanes(crc, bytes.data());
  }
  for (; bytes.size() >= kSlices; bytes = bytes.subspan(kSlices)) crc = step(crc, bytes.data());
  for (const std::byte byte : bytes) {
    crc = crc >> 8 ^ kTables[0][(crc ^ static_cast<std::uint32_t>(byte)) & 0xff];
  }
  return ~crc;
}

std::uint32_t join_crc32(std::uint32_t first, std::uint32_t second,
                         std::uint64_t second_bytes) noexcept {
  return multiply(shift_by_bytes(second_bytes), first) ^ second;
}

}  // namespace sapiens
