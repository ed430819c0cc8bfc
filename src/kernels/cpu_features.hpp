#pragma once

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

  /// Detects the features; requests permission for AMX tiles, which Linux grants once per process.
  static CpuFeatures detect() noexcept;
};

}  // namespace sapiens
