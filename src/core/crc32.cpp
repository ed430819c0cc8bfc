#include "core/crc32.hpp"

#include <array>
#include <cstring>

#ifdef __x86_64__
#include <immintrin.h>
#endif

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

/// Bytes of whole steps are taken from `bytes`; fewer than a step are left.
std::uint32_t by_tables(std::uint32_t crc, std::span<const std::byte>& bytes) noexcept {
  for (; bytes.size() >= kSlices; bytes = bytes.subspan(kSlices)) crc = step(crc, bytes.data());
  return crc;
}

#ifdef __x86_64__
// "Fast CRC Computation for Generic Polynomials Using PCLMULQDQ Instruction" (Gopal and others,
// Intel, 2009). 16 bytes are a polynomial of degree 127. What it adds to the checksum `distance`
// bytes further on is the same as that of the product of its halves with x^(8 distance + 32) and
// x^(8 distance - 32); products of reversed polynomials come out shifted by one bit.
[[gnu::target("pclmul")]] __m128i factors(std::uint32_t low, std::uint32_t high) noexcept {
  return _mm_set_epi64x(static_cast<long long>(std::uint64_t{high} << 1),
                        static_cast<long long>(std::uint64_t{low} << 1));
}

[[gnu::target("pclmul")]] __m128i moved(__m128i x, __m128i factors) noexcept {
  return _mm_xor_si128(_mm_clmulepi64_si128(x, factors, 0x00),
                       _mm_clmulepi64_si128(x, factors, 0x11));
}

[[gnu::target("pclmul")]] __m128i load(const std::byte* bytes) noexcept {
  return _mm_loadu_si128(reinterpret_cast<const __m128i*>(bytes));
}

/// Takes blocks of four vectors from `bytes`, of which there is one at least.
[[gnu::target("pclmul")]] std::uint32_t by_products(std::uint32_t crc,
                                                    std::span<const std::byte>& bytes) noexcept {
  constexpr std::size_t kVector = 16, kVectors = 4, kBlock = kVectors * kVector;
  constexpr std::uint32_t kBlockLow = shift_by_bytes(kBlock + 4),
                          kBlockHigh = shift_by_bytes(kBlock - 4),
                          kVectorLow = shift_by_bytes(kVector + 4),
                          kVectorHigh = shift_by_bytes(kVector - 4);
  const __m128i by_block = factors(kBlockLow, kBlockHigh);
  const __m128i by_vector = factors(kVectorLow, kVectorHigh);
  __m128i sums[kVectors] = {_mm_cvtsi32_si128(static_cast<int>(crc))};
  for (std::size_t v = 0; v < kVectors; ++v) {
    sums[v] = _mm_xor_si128(sums[v], load(bytes.data() + v * kVector));
  }
  for (bytes = bytes.subspan(kBlock); bytes.size() >= kBlock; bytes = bytes.subspan(kBlock)) {
    for (std::size_t v = 0; v < kVectors; ++v) {
      sums[v] = _mm_xor_si128(moved(sums[v], by_block), load(bytes.data() + v * kVector));
    }
  }
  __m128i sum = sums[0];
  for (std::size_t v = 1; v < kVectors; ++v) sum = _mm_xor_si128(moved(sum, by_vector), sums[v]);
  std::array<std::byte, kVector> rest;
  std::memcpy(rest.data(), &sum, kVector);
  std::span<const std::byte> left(rest);
  return by_tables(0, left);
}

constexpr std::size_t kMinBytesForProducts = 64;
#endif

}  // namespace

std::uint32_t crc32(std::span<const std::byte> bytes, std::uint32_t previous) noexcept {
  std::uint32_t crc = ~previous;
#ifdef __x86_64__
  if (bytes.size() >= kMinBytesForProducts && __builtin_cpu_supports("pclmul")) {
    crc = by_products(crc, bytes);
  }
#endif
  crc = by_tables(crc, bytes);
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
