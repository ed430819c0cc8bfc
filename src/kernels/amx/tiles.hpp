// The tile instructions, and the product of 2 x 2 tiles that all AMX kernels are made of.
//
// The instructions are written as inline assembly: tile numbers are part of the instruction, the
// compilers' intrinsics do not tell them which memory a tile load reads (GCC bug 122446: stores
// before it are dropped or moved), and the order of instructions matters here.
//
// Register plan: C in tiles 0-3, A in 4 and 5, B in 6 and 7. One step is 64 bytes of 32 rows of A
// (32 bf16 or 64 8-bit numbers) and the same of 32 columns of B: 4 tile loads, 4 products. A
// product takes 16 cycles, a load 8, so that the loads hide behind the products where L1 and L2
// keep up. A product of bf16 treats denormals as 0, in its operands and in its sums, and never
// looks at MXCSR. Sums stay the same when they are stored and loaded again between two steps.
#pragma once

#include <cstdint>

namespace sapiens::kernels {
namespace {

constexpr std::int64_t kTileRows = 16, kTileBytes = 1024;
constexpr std::int64_t kBlockRows = 2 * kTileRows;    // rows of A and C
constexpr std::int64_t kBlockBytes = 4 * kTileBytes;  // bytes of C: [row / 16][column / 16][16][16]
constexpr std::int64_t kRowBytes = 64;                // bytes of one row of a tile
constexpr std::int64_t kStepOfB = 2 * kTileBytes;     // bytes of one step for 32 columns

struct alignas(64) TileConfig {
  std::uint8_t palette = 1, start_row = 0, reserved[14] = {};
  std::uint16_t row_bytes[16] = {64, 64, 64, 64, 64, 64, 64, 64};
  std::uint8_t rows[16] = {16, 16, 16, 16, 16, 16, 16, 16};
};
constexpr TileConfig kAllTiles;

// Tiles are usable during its lifetime; afterwards there is no state that a thread switch has to
// save.
class TileScope {
 public:
  TileScope() noexcept { asm volatile("ldtilecfg %0" ::"m"(kAllTiles) : "memory"); }
  ~TileScope() { asm volatile("tilerelease" ::: "memory"); }
  TileScope(const TileScope&) = delete;
  TileScope& operator=(const TileScope&) = delete;
};

// kStreamed marks memory that should not be kept in L1.
template <int kTile, bool kStreamed = false>
[[gnu::always_inline]] inline void load_tile(const void* rows, std::int64_t stride) noexcept {
  if constexpr (kStreamed) {
    asm volatile("tileloaddt1 (%0,%1,1), %%tmm%c2" ::"r"(rows), "r"(stride), "i"(kTile) : "memory");
  } else {
    asm volatile("tileloadd (%0,%1,1), %%tmm%c2" ::"r"(rows), "r"(stride), "i"(kTile) : "memory");
  }
}
template <int kTile>
[[gnu::always_inline]] inline void store_tile(void* rows, std::int64_t stride) noexcept {
  asm volatile("tilestored %%tmm%c2, (%0,%1,1)" ::"r"(rows), "r"(stride), "i"(kTile) : "memory");
}
template <int kTile>
[[gnu::always_inline]] inline void clear_tile() noexcept {
  asm volatile("tilezero %%tmm%c0" ::"i"(kTile));
}

// C += A B. B holds pairs of bf16 (quadruples of bytes) of consecutive inputs.
struct Bf16Product {
  template <int kC, int kA, int kB>
  [[gnu::always_inline]] static void add() noexcept {
    asm volatile("tdpbf16ps %%tmm%c2, %%tmm%c1, %%tmm%c0" ::"i"(kC), "i"(kA), "i"(kB));
  }
};
struct S8Product {
  template <int kC, int kA, int kB>
  [[gnu::always_inline]] static void add() noexcept {
    asm volatile("tdpbssd %%tmm%c2, %%tmm%c1, %%tmm%c0" ::"i"(kC), "i"(kA), "i"(kB));
  }
};

// C has 32 rows and 16 or 32 columns; with 16, the second and fourth tile are not changed.
template <int kColumns>
[[gnu::always_inline]] inline void clear_block() noexcept {
  clear_tile<0>();
  clear_tile<2>();
  if constexpr (kColumns == 32) {
    clear_tile<1>();
    clear_tile<3>();
  }
}
template <int kColumns>
[[gnu::always_inline]] inline void load_block(const char* c) noexcept {
  load_tile<0>(c, kRowBytes);
  load_tile<2>(c + 2 * kTileBytes, kRowBytes);
  if constexpr (kColumns == 32) {
    load_tile<1>(c + kTileBytes, kRowBytes);
    load_tile<3>(c + 3 * kTileBytes, kRowBytes);
  }
}
template <int kColumns>
[[gnu::always_inline]] inline void store_block(char* c) noexcept {
  store_tile<0>(c, kRowBytes);
  store_tile<2>(c + 2 * kTileBytes, kRowBytes);
  if constexpr (kColumns == 32) {
    store_tile<1>(c + kTileBytes, kRowBytes);
    store_tile<3>(c + 3 * kTileBytes, kRowBytes);
  }
}

// The offset of the first 16 columns of row `row` in consecutive C blocks; the next 16 columns are
// one tile further.
constexpr std::int64_t row_of_blocks(std::int64_t row) noexcept {
  return (row >> 4) * (2 * kTileBytes) + (row & 15) * kRowBytes;
}

// A is [row / 16][step][16][64 bytes], with `tile_row` bytes between rows of tiles.
struct BlockOfA {
  const char* data;
  std::int64_t tile_row;
};

// The operand that is read from beyond L1.
enum class Streamed { None, A, B };

// C += A B over some steps; `b` is [step][16][kColumns][4 bytes]. `interleave()` is called once per
// step and does vector work on other data, which the processor executes while the products are
// busy.
template <class Product, Streamed kStreamed, int kColumns, class Interleave>
[[gnu::always_inline]] inline void multiply(BlockOfA a, const char* b, std::int64_t steps,
                                            Interleave interleave) noexcept {
  constexpr bool kStreamA = kStreamed == Streamed::A, kStreamB = kStreamed == Streamed::B;
  constexpr std::int64_t kStrideOfB = kColumns * 4;
  const char* upper = a.data;
  const char* lower = a.data + a.tile_row;
  for (std::int64_t step = 0; step < steps; ++step) {
    load_tile<4, kStreamA>(upper, kRowBytes);
    load_tile<6, kStreamB>(b, kStrideOfB);
    Product::template add<0, 4, 6>();
    if constexpr (kColumns == 32) {
      load_tile<7, kStreamB>(b + kRowBytes, kStrideOfB);
      Product::template add<1, 4, 7>();
    }
    load_tile<5, kStreamA>(lower, kRowBytes);
    Product::template add<2, 5, 6>();
    if constexpr (kColumns == 32) Product::template add<3, 5, 7>();
    interleave();
    upper += kTileBytes;
    lower += kTileBytes;
    b += kTileRows * kStrideOfB;
  }
}

}  // namespace
}  // namespace sapiens::kernels
