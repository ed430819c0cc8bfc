#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include "core/aligned_buffer.hpp"
#include "kernels/select.hpp"
#include "support/tile_emulator.hpp"

namespace sapiens {

/// Rounding error of one fp32 operation.
inline constexpr double kUnit = 0x1p-24;

/// Tests that run once per instruction set, and skip with a reason where the CPU lacks it.
class EveryLevel : public testing::TestWithParam<std::string_view> {
 protected:
  void SetUp() override {
    const CpuFeatures& cpu = tested_cpu();
    const std::vector<std::string_view> available = available_levels(cpu);
    if (std::find(available.begin(), available.end(), GetParam()) == available.end()) {
      GTEST_SKIP() << "this CPU has no " << GetParam();
    }
    fast = select_kernels(cpu, GetParam()).table;
    reference = select_kernels(cpu, "reference").table;
  }

  KernelTable fast, reference;
};

inline std::string level_name(const testing::TestParamInfo<std::string_view>& level) {
  return std::string(level.param);
}

#define SAPIENS_FOR_EVERY_LEVEL(suite)                                                        \
  INSTANTIATE_TEST_SUITE_P(Isa, suite, testing::Values("reference", "avx2", "avx512", "amx"), \
                           level_name)

}  // namespace sapiens
