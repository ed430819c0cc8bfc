#include "support/tile_emulator.hpp"

#if defined(__x86_64__) && defined(__linux__)

#include <immintrin.h>
#include <ucontext.h>

#include <bit>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "support/tile_instruction.hpp"

namespace sapiens::tile_emulator {
namespace {

constexpr int kTiles = 8, kMaxRows = 16, kMaxRowBytes = 64;

// The layout in memory for palette 1.
struct Config {
  std::uint8_t palette = 0, start_row = 0;
  std::uint8_t reserved[14] = {};
  std::uint16_t row_bytes[16] = {};
  std::uint8_t rows[16] = {};
};
static_assert(sizeof(Config) == 64);

struct alignas(64) Tile {
  std::uint8_t row[kMaxRows][kMaxRowBytes] = {};
};

struct State {
  Config config;
  Tile tiles[kTiles];
};
thread_local State state;

[[noreturn]] void fail(const char* what) {
  std::fprintf(stderr, "tile emulator: %s\n", what);
  std::abort();
}
void expect(bool condition, const char* what) {
  if (!condition) fail(what);
}

// SDM volume 1, 18.2: what makes LDTILECFG fault.
void check(const Config& config) {
  expect(config.palette == 1, "the palette must be 0 or 1");
  expect(config.start_row == 0, "start_row is not 0");
  for (const std::uint8_t byte : config.reserved) expect(byte == 0, "reserved bytes are not 0");
  for (int i = 0; i < 16; ++i) {
    expect(i < kTiles || (config.rows[i] == 0 && config.row_bytes[i] == 0), "more than 8 tiles");
    expect(config.rows[i] <= kMaxRows, "more than 16 rows");
    expect(config.row_bytes[i] <= kMaxRowBytes, "more than 64 bytes in a row");
    expect((config.rows[i] == 0) == (config.row_bytes[i] == 0), "a tile with one size of 0");
  }
}

void load_config(std::uint64_t address) {
  Config config;
  std::memcpy(&config, reinterpret_cast<const void*>(address), sizeof config);
  state = {};
  if (config.palette == 0) return;
  check(config);
  state.config = config;
}

Tile& configured_tile(int tile) {
  expect(state.config.palette == 1, "tiles are used without a configuration");
  expect(state.config.rows[tile] != 0, "a tile is used that is not configured");
  return state.tiles[tile];
}

void load(const TileInstruction& i) {
  Tile& tile = configured_tile(i.target);
  tile = {};
  for (int r = 0; r < state.config.rows[i.target]; ++r) {
    const auto from = i.address + static_cast<std::uint64_t>(r * i.row_bytes);
    std::memcpy(tile.row[r], reinterpret_cast<const void*>(from), state.config.row_bytes[i.target]);
  }
}

void store(const TileInstruction& i) {
  const Tile& tile = configured_tile(i.target);
  for (int r = 0; r < state.config.rows[i.target]; ++r) {
    const auto to = i.address + static_cast<std::uint64_t>(r * i.row_bytes);
    std::memcpy(reinterpret_cast<void*>(to), tile.row[r], state.config.row_bytes[i.target]);
  }
}

void check_dot(const TileInstruction& i) {
  configured_tile(i.target), configured_tile(i.a), configured_tile(i.b);
  const auto& c = state.config;
  expect(i.target != i.a && i.target != i.b && i.a != i.b, "the tiles of a product must differ");
  expect(c.rows[i.target] == c.rows[i.a], "product and A differ in their rows");
  expect(c.row_bytes[i.target] == c.row_bytes[i.b], "product and B differ in their columns");
  expect(c.row_bytes[i.a] == 4 * c.rows[i.b], "A's columns are not B's rows");
  expect(c.row_bytes[i.b] % 4 == 0, "the columns of B are not whole");
}

float upper_half(std::uint32_t pair) { return std::bit_cast<float>(pair & 0xFFFF0000); }
float lower_half(std::uint32_t pair) { return std::bit_cast<float>(pair << 16); }

// Denormals are 0, going in and coming out; restored by its end.
class FlushDenormals {
 public:
  FlushDenormals() { _mm_setcsr(kMaskedFtzDaz); }
  ~FlushDenormals() { _mm_setcsr(callers_); }
  FlushDenormals(const FlushDenormals&) = delete;
  FlushDenormals& operator=(const FlushDenormals&) = delete;

 private:
  static constexpr unsigned kMaskedFtzDaz = 0x9FC0;
  const unsigned callers_ = _mm_getcsr();
};

// TDPBF16PS. Per element two chains of fused multiply-adds from 0, over the even and over the odd
// inputs, are added to each other and then to the sum. Columns not in use are 0 all along.
[[gnu::target("avx512f,fma")]] void dot_bf16(Tile& sum, const Tile& a, const Tile& b, int rows,
                                             int pairs) {
  const FlushDenormals mode;
  constexpr int kColumns = kMaxRowBytes / 4;
  std::uint32_t b_pairs[kMaxRows][kColumns];
  std::memcpy(b_pairs, b.row, sizeof b_pairs);
  for (int r = 0; r < rows; ++r) {
    float even[kColumns] = {}, odd[kColumns] = {}, total[kColumns];
    for (int k = 0; k < pairs; ++k) {
      std::uint32_t from_a;
      std::memcpy(&from_a, &a.row[r][4 * k], 4);
      for (int c = 0; c < kColumns; ++c) {
        const std::uint32_t from_b = b_pairs[k][c];
        even[c] = __builtin_fmaf(lower_half(from_a), lower_half(from_b), even[c]);
        odd[c] = __builtin_fmaf(upper_half(from_a), upper_half(from_b), odd[c]);
      }
    }
    std::memcpy(total, sum.row[r], sizeof total);
    for (int c = 0; c < kColumns; ++c) total[c] += even[c] + odd[c];
    std::memcpy(sum.row[r], total, sizeof total);
  }
}

// TDPB[SU][SU]D: sums of four products, modulo 2^32.
template <class A, class B>
void dot_bytes(Tile& sum, const Tile& a, const Tile& b, int rows, int quads, int columns) {
  for (int r = 0; r < rows; ++r) {
    std::uint32_t total[kMaxRowBytes / 4];
    std::memcpy(total, sum.row[r], sizeof total);
    for (int k = 0; k < quads; ++k) {
      for (int c = 0; c < 4 * columns; ++c) {
        const int product = static_cast<A>(a.row[r][4 * k + c % 4]) * static_cast<B>(b.row[k][c]);
        total[c / 4] += static_cast<std::uint32_t>(product);
      }
    }
    std::memcpy(sum.row[r], total, sizeof total);
  }
}

void dot(const TileInstruction& i) {
  check_dot(i);
  Tile& sum = state.tiles[i.target];
  const Tile &a = state.tiles[i.a], &b = state.tiles[i.b];
  const int rows = state.config.rows[i.a], groups = state.config.rows[i.b];
  const int columns = state.config.row_bytes[i.b] / 4;
  using S = std::int8_t;
  using U = std::uint8_t;
  if (i.operation == Operation::DotBf16) dot_bf16(sum, a, b, rows, groups);
  if (i.operation == Operation::DotS8S8) dot_bytes<S, S>(sum, a, b, rows, groups, columns);
  if (i.operation == Operation::DotS8U8) dot_bytes<S, U>(sum, a, b, rows, groups, columns);
  if (i.operation == Operation::DotU8S8) dot_bytes<U, S>(sum, a, b, rows, groups, columns);
  if (i.operation == Operation::DotU8U8) dot_bytes<U, U>(sum, a, b, rows, groups, columns);
}

void execute(const TileInstruction& i) {
  switch (i.operation) {
    case Operation::LoadConfig:
      return load_config(i.address);
    case Operation::StoreConfig:
      std::memcpy(reinterpret_cast<void*>(i.address), &state.config, sizeof state.config);
      return;
    case Operation::Release:
      state = {};
      return;
    case Operation::Zero:
      configured_tile(i.target) = {};
      return;
    case Operation::Load:
      return load(i);
    case Operation::Store:
      return store(i);
    default:
      return dot(i);
  }
}

void on_illegal_instruction(int, siginfo_t*, void* context) {
  auto& machine = static_cast<ucontext_t*>(context)->uc_mcontext.gregs;
  constexpr int kOrder[16] = {REG_RAX, REG_RCX, REG_RDX, REG_RBX, REG_RSP, REG_RBP,
                              REG_RSI, REG_RDI, REG_R8,  REG_R9,  REG_R10, REG_R11,
                              REG_R12, REG_R13, REG_R14, REG_R15};
  std::uint64_t registers[16];
  for (int i = 0; i < 16; ++i) registers[i] = static_cast<std::uint64_t>(machine[kOrder[i]]);
  const auto* const code = reinterpret_cast<const std::uint8_t*>(machine[REG_RIP]);
  const std::optional<TileInstruction> instruction = decode(code, registers);
  if (!instruction) fail("an illegal instruction that is no tile instruction");
  execute(*instruction);
  machine[REG_RIP] += instruction->length;
}

}  // namespace

Guard::Guard() {
  const bool vectors = cpu_.avx512_bf16 && cpu_.avx512_vnni && __builtin_cpu_supports("avx512vbmi");
  if (cpu_.amx || !vectors) return;
  struct sigaction action = {};
  action.sa_sigaction = on_illegal_instruction;
  action.sa_flags = SA_SIGINFO | SA_NODEFER;
  emulates_ = cpu_.amx = sigaction(SIGILL, &action, &previous_) == 0;
}

Guard::~Guard() {
  if (emulates_) sigaction(SIGILL, &previous_, nullptr);
}

bool configured() noexcept { return state.config.palette != 0; }

}  // namespace sapiens::tile_emulator

#else  // no tile instructions to emulate
sapiens::tile_emulator::Guard::Guard() = default;
sapiens::tile_emulator::Guard::~Guard() = default;
bool sapiens::tile_emulator::configured() noexcept { return false; }
#endif

namespace sapiens {

const CpuFeatures& tested_cpu() {
  static const tile_emulator::Guard tiles;
  return tiles.cpu();
}

}  // namespace sapiens
