#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string_view>

#include "kernels/kernel_table.hpp"

namespace sapiens {

/// The instruction sets that this CPU and its operating system support.
struct CpuFeatures {
  bool avx2 = false;         ///< AVX2, FMA and F16C
  bool avx_vnni = false;     ///< 8-bit dot products in 256-bit registers
  bool avx512 = false;       ///< AVX-512 F, BW, DQ and VL
  bool avx512_vnni = false;  ///< 8-bit dot products in 512-bit registers
  bool avx512_bf16 = false;  ///< bf16 dot products in 512-bit registers
  bool fast_bf16 = false;    ///< bf16 dot products do twice the work of fp32 multiply-adds
  bool amx = false;          ///< AMX tiles for bf16 and int8, granted by the kernel

  std::int64_t l2_bytes = KernelTable().l2_bytes;  ///< The L2 cache of each thread.

  /// Detects the features; requests permission for AMX tiles, which Linux grants once per process.
  static CpuFeatures detect();
};

/// Reads "512K", "1M" or a number of bytes, from 16 KiB to 1 GiB.
std::optional<std::int64_t> parse_cache_size(std::string_view text);

/// The L2 cache of each hardware thread of the first core, as Linux reports it below
/// ROOT/sys/devices/system/cpu; `unknown` where it does not.
std::int64_t l2_bytes_per_thread(std::int64_t unknown, const std::filesystem::path& root = "/");

}  // namespace sapiens
