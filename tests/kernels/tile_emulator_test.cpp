#include "support/tile_emulator.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <cstring>
#include <thread>
#include <vector>

#include "kernels/select.hpp"
#include "support/tile_instruction.hpp"

// The emulator itself: decoding of encodings that our own kernels may not use, arithmetic at the
// edges, and refusal of what the hardware would refuse.
namespace sapiens::tile_emulator {
namespace {

constexpr std::uint64_t kRegisters[16] = {0x1000, 0x2000, 0x3000, 0x4000, 0x5000, 0x6000,
                                          0x7000, 0x8000, 0x9000, 0xA000, 0xB000, 0xC000,
                                          0xD000, 0xE000, 0xF000, 0x10000};

std::optional<TileInstruction> decoded(std::vector<std::uint8_t> code) {
  code.resize(16);  // the next instruction
  return decode(code.data(), kRegisters);
}

// Encodings as GNU as writes them.
TEST(TileInstruction, DecodesEveryAddressingMode) {
  struct {
    const char* text;
    std::vector<std::uint8_t> code;
    Operation operation;
    int target;
    std::uint64_t address;
    std::int64_t row_bytes;
  } const kCases[] = {
      {"tileloadd (%rax,%rcx,1), %tmm0",
       {0xc4, 0xe2, 0x7b, 0x4b, 0x04, 0x08},
       Operation::Load,
       0,
       0x1000,
       0x2000},
      {"tileloaddt1 0x40(%r13,%r14,2), %tmm5",
       {0xc4, 0x82, 0x79, 0x4b, 0x6c, 0x75, 0x40},
       Operation::Load,
       5,
       0xE040,
       0x1E000},
      {"tileloadd -0x400(%rbp,%rdx,1), %tmm7",
       {0xc4, 0xe2, 0x7b, 0x4b, 0xbc, 0x15, 0x00, 0xfc, 0xff, 0xff},
       Operation::Load,
       7,
       0x5C00,
       0x3000},
      {"tilestored %tmm3, (%r12,%rsi,8)",
       {0xc4, 0xc2, 0x7a, 0x4b, 0x1c, 0xf4},
       Operation::Store,
       3,
       0xD000,
       0x38000},
      {"tileloadd (%rsp), %tmm1",
       {0xc4, 0xe2, 0x7b, 0x4b, 0x0c, 0x24},
       Operation::Load,
       1,
       0x5000,
       0},
      {"tileloadd 0x100(,%r12,4), %tmm2",
       {0xc4, 0xa2, 0x7b, 0x4b, 0x14, 0xa5, 0x00, 0x01, 0x00, 0x00},
       Operation::Load,
       2,
       0x100,
       0x34000},
      {"ldtilecfg -0x40(%rsp)",
       {0xc4, 0xe2, 0x78, 0x49, 0x44, 0x24, 0xc0},
       Operation::LoadConfig,
       0,
       0x4FC0,
       0},
      {"sttilecfg (%r9)", {0xc4, 0xc2, 0x79, 0x49, 0x01}, Operation::StoreConfig, 0, 0xA000, 0},
  };
  for (const auto& c : kCases) {
    SCOPED_TRACE(c.text);
    const auto instruction = decoded(c.code);
    ASSERT_TRUE(instruction.has_value());
    EXPECT_EQ(instruction->operation, c.operation);
    EXPECT_EQ(instruction->length, static_cast<int>(c.code.size()));
    EXPECT_EQ(instruction->target, c.target);
    EXPECT_EQ(instruction->address, c.address);
    EXPECT_EQ(instruction->row_bytes, c.row_bytes);
  }
}

TEST(TileInstruction, FindsAddressesRelativeToTheNextInstruction) {
  std::uint8_t code[16] = {0xc4, 0xe2, 0x78, 0x49, 0x05, 0x10, 0, 0, 0};  // ldtilecfg 0x10(%rip)
  const auto instruction = decode(code, kRegisters);
  ASSERT_TRUE(instruction.has_value());
  EXPECT_EQ(instruction->length, 9);
  EXPECT_EQ(instruction->address, reinterpret_cast<std::uint64_t>(code) + 9 + 0x10);
}

TEST(TileInstruction, TellsProductsApart) {
  // For "... %tmm6, %tmm5, %tmm4" vvvv is B and rm is A.
  const auto with_prefix = [](std::uint8_t third, std::uint8_t opcode) {
    return decoded({0xc4, 0xe2, third, opcode, 0xe5});
  };
  EXPECT_EQ(with_prefix(0x4a, 0x5c)->operation, Operation::DotBf16);
  EXPECT_EQ(with_prefix(0x4b, 0x5e)->operation, Operation::DotS8S8);
  EXPECT_EQ(with_prefix(0x4a, 0x5e)->operation, Operation::DotS8U8);
  EXPECT_EQ(with_prefix(0x49, 0x5e)->operation, Operation::DotU8S8);
  EXPECT_EQ(with_prefix(0x48, 0x5e)->operation, Operation::DotU8U8);
  const auto dot = with_prefix(0x4a, 0x5c);
  EXPECT_EQ(dot->target, 4);
  EXPECT_EQ(dot->a, 5);
  EXPECT_EQ(dot->b, 6);
  EXPECT_EQ(decoded({0xc4, 0xe2, 0x7b, 0x49, 0xd8})->operation, Operation::Zero);
  EXPECT_EQ(decoded({0xc4, 0xe2, 0x7b, 0x49, 0xd8})->target, 3);
  EXPECT_EQ(decoded({0xc4, 0xe2, 0x78, 0x49, 0xc0})->operation, Operation::Release);
}

TEST(TileInstruction, LeavesOtherInstructionsAlone) {
  EXPECT_FALSE(decoded({0x0f, 0x0b}));                    // ud2
  EXPECT_FALSE(decoded({0xc4, 0xe2, 0x7d, 0x58, 0xc0}));  // vpbroadcastd
  EXPECT_FALSE(decoded({0xc4, 0xe2, 0x4b, 0x5c, 0xe5}));  // tdpfp16ps
  EXPECT_FALSE(decoded({0xc4, 0xe2, 0x7b, 0x4b, 0x00}));  // a tile load without SIB
}

struct Config {
  std::uint8_t palette = 1, start_row = 0, reserved[14] = {};
  std::uint16_t row_bytes[16] = {};
  std::uint8_t rows[16] = {};
};

// C in tile 0, A in 1, B in 2.
Config sizes(int rows, int groups, int columns) {
  Config config;
  const int all_rows[] = {rows, rows, groups}, all_columns[] = {columns, groups, columns};
  for (int i = 0; i < 3; ++i) {
    config.rows[i] = static_cast<std::uint8_t>(all_rows[i]);
    config.row_bytes[i] = static_cast<std::uint16_t>(4 * all_columns[i]);
  }
  return config;
}

// The instructions in bytes: these tests are compiled for any CPU.
void configure(const Config& config) {
  asm volatile(".byte 0xc4,0xe2,0x78,0x49,0x00" ::"a"(&config) : "memory");  // ldtilecfg (%rax)
}
void release() { asm volatile(".byte 0xc4,0xe2,0x78,0x49,0xc0" ::: "memory"); }
void load_operands(const void* c, const void* a, const void* b) {
  const std::int64_t stride = 64;  // tileloadd (%rax,%rcx,1), tmm0, 1, 2
  asm volatile(".byte 0xc4,0xe2,0x7b,0x4b,0x04,0x08" ::"a"(c), "c"(stride) : "memory");
  asm volatile(".byte 0xc4,0xe2,0x7b,0x4b,0x0c,0x08" ::"a"(a), "c"(stride) : "memory");
  asm volatile(".byte 0xc4,0xe2,0x7b,0x4b,0x14,0x08" ::"a"(b), "c"(stride) : "memory");
}
void store_result(void* c) {
  const std::int64_t stride = 64;
  asm volatile(".byte 0xc4,0xe2,0x7a,0x4b,0x04,0x08" ::"a"(c), "c"(stride) : "memory");
}
// tmm0 += tmm1 tmm2
void dot_bf16() { asm volatile(".byte 0xc4,0xe2,0x6a,0x5c,0xc1"); }
void dot_u8s8() { asm volatile(".byte 0xc4,0xe2,0x69,0x5e,0xc1"); }

class TileArithmetic : public testing::Test {
 protected:
  void SetUp() override {
    if (!tiles.cpu().amx) GTEST_SKIP() << "neither AMX nor the vectors to emulate it";
  }

  // The first sum of a product of one row and one column of `groups` dwords.
  template <class T>
  T single(T c, std::vector<std::uint32_t> a, std::vector<std::uint32_t> b, void (*dot)()) {
    alignas(64) std::uint32_t c_tile[16][16] = {}, a_tile[16][16] = {}, b_tile[16][16] = {};
    std::memcpy(c_tile[0], &c, 4);
    for (std::size_t k = 0; k < a.size(); ++k) {
      a_tile[0][k] = a[k];
      b_tile[k][0] = b[k];
    }
    configure(sizes(1, static_cast<int>(a.size()), 1));
    load_operands(c_tile, a_tile, b_tile);
    dot();
    store_result(c_tile);
    release();
    std::memcpy(&c, c_tile[0], 4);
    return c;
  }
  float bf16(float c, std::vector<std::uint32_t> a, std::vector<std::uint32_t> b) {
    return single(c, std::move(a), std::move(b), dot_bf16);
  }

  Guard tiles;
};

constexpr std::uint32_t pair(std::uint32_t even, std::uint32_t odd) { return odd << 16 | even; }
constexpr std::uint32_t kOne = 0x3F80, kTwoTo24 = 0x4B80, kMinusTwoTo24 = 0xCB80, kNan = 0x7FC0,
                        kInfinity = 0x7F80, kDenormal = 0x0001, kMin = 0x0080;

// 2^24 + 1 rounds to 2^24, so the order shows.
TEST_F(TileArithmetic, AddsEvenAndOddInputsInChainsOfTheirOwn) {
  EXPECT_EQ(bf16(0, {pair(kOne, kOne)}, {pair(kTwoTo24, kOne)}), 0x1p24f);
  EXPECT_EQ(bf16(0, {pair(kOne, 0), pair(kOne, kOne), pair(kOne, 0)},
                 {pair(kTwoTo24, 0), pair(kOne, kOne), pair(kMinusTwoTo24, 0)}),
            1.0f);
  EXPECT_EQ(bf16(1, {pair(kOne, kOne)}, {pair(kTwoTo24, kMinusTwoTo24)}), 1.0f);
}

TEST_F(TileArithmetic, TakesDenormalsForZeroGoingInAndComingOut) {
  EXPECT_EQ(bf16(0, {pair(kDenormal, 0)}, {pair(kTwoTo24, 0)}), 0.0f);
  EXPECT_EQ(bf16(0, {pair(kMin, 0)}, {pair(0x3F00, 0)}), 0.0f);  // 2^-126 / 2
  EXPECT_EQ(bf16(0x1p-130f, {pair(kOne, 0)}, {pair(0, 0)}), 0.0f);
  EXPECT_EQ(bf16(0x1p-126f, {pair(kOne, 0)}, {pair(0, 0)}), 0x1p-126f);
}

TEST_F(TileArithmetic, LetsNanAndInfinityThrough) {
  EXPECT_TRUE(std::isnan(bf16(0, {pair(kNan, 0)}, {pair(kOne, 0)})));
  EXPECT_EQ(bf16(1, {pair(kInfinity, 0)}, {pair(kOne, 0)}), INFINITY);
  EXPECT_TRUE(std::isnan(bf16(1, {pair(kInfinity, 0)}, {pair(0, 0)})));
}

TEST_F(TileArithmetic, MultipliesBytesOfEitherSign) {
  EXPECT_EQ(single<std::int32_t>(5, {0xFF01FF01}, {0x80FF0102}, dot_u8s8),
            5 + 1 * 2 + 255 * 1 - 1 * 1 - 255 * 128);
}

TEST_F(TileArithmetic, LeavesTheRoundingModeOfTheProgramAlone) {
  volatile float least = 0x1p-126f;
  bf16(0, {pair(kOne, 0)}, {pair(kOne, 0)});
  EXPECT_EQ(least / 2, 0x1p-127f);
}

TEST_F(TileArithmetic, HasTilesOfItsOwnInEveryThread) {
  if (!tiles.emulates()) GTEST_SKIP() << "the hardware keeps threads apart";
  configure(sizes(16, 16, 16));
  EXPECT_TRUE(configured());
  std::thread([] { EXPECT_FALSE(configured()); }).join();
  release();
  EXPECT_FALSE(configured());
}

using TileFaults = TileArithmetic;

TEST_F(TileFaults, RefusesWhatTheHardwareRefuses) {
  if (!tiles.emulates()) GTEST_SKIP() << "the hardware has its own ways";
  testing::FLAGS_gtest_death_test_style = "threadsafe";
  EXPECT_DEATH(dot_bf16(), "without a configuration");
  Config palette = sizes(16, 16, 16);
  palette.palette = 2;
  EXPECT_DEATH(configure(palette), "palette");
  EXPECT_DEATH(configure(sizes(17, 16, 16)), "more than 16 rows");
  Config half = sizes(16, 16, 16);
  half.rows[5] = 1;
  EXPECT_DEATH(configure(half), "one size of 0");
  Config misfit = sizes(16, 16, 16);
  misfit.rows[2] = 8;
  EXPECT_DEATH((configure(misfit), dot_bf16()), "A's columns are not B's rows");
  EXPECT_DEATH(asm volatile("ud2"), "no tile instruction");
}

}  // namespace
}  // namespace sapiens::tile_emulator
