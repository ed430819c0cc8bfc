#pragma once

#include <cstdint>
#include <string_view>

#include "kernels/cpu_features.hpp"

namespace sapiens {

class ThreadPool;

/// Does nothing but arithmetic, `steps` times, on operands no farther than L1. Returns the number
/// of operations, two per multiply-add.
using PeakLoop = std::int64_t (*)(std::int64_t steps) noexcept;

/// Null where a level has no instructions for an arithmetic.
struct PeakLoops {
  PeakLoop f32 = nullptr, bf16 = nullptr, s8 = nullptr;
};

/// What the arithmetic units and the memory of this machine can do at most, in 1e9 operations or
/// bytes per second; 0 where there is nothing to measure.
struct Peaks {
  double fp32_gflops = 0;
  double bf16_gflops = 0;
  double int8_gops = 0;
  double read_gbytes = 0;  ///< From memory, not from caches.
};

/// Measures them with all threads of `pool` and the instructions of kernel level `level` and those
/// below it. Takes one or two seconds; each figure is the best of several runs, since other
/// programs can only lower it.
Peaks measure_peaks(std::string_view level, const ThreadPool& pool);

}  // namespace sapiens
