#pragma once

namespace sapiens {

/// What this CPU and its operating system let us run.
struct CpuFeatures {
  bool avx2 = false;         ///< AVX2, FMA and F16C
  bool avx_vnni = false;     ///< 8-bit dot products in 256-bit registers
  bool avx512 = false;       ///< AVX-512 F, BW, DQ and VL
  bool avx512_vnni = false;  ///< 8-bit dot products in 512-bit registers
  bool avx512_bf16 = false;  ///< bf16 dot products in 512-bit registers
  bool fast_bf16 = false;    ///< ... and they do twice the work of fp32 multiply-adds
  bool amx = false;          ///< AMX tiles for bf16 and int8, granted by the kernel

  /// Asks the Linux kernel for the use of AMX tiles, which it grants once per process.
  static CpuFeatures detect() noexcept;
};

}  // namespace sapiens
