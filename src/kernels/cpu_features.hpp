#pragma once

namespace sapiens {

/// What this CPU and its operating system let us run.
struct CpuFeatures {
  bool avx2 = false;    ///< AVX2 and FMA
  bool avx512 = false;  ///< AVX-512 F, BW, DQ and VL

  static CpuFeatures detect() noexcept;
};

}  // namespace sapiens
