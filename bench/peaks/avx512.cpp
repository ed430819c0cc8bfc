// clang-format off: the vector vocabulary comes first, the loops are written in it
#include "kernels/avx512/vector.hpp"
// clang-format on

#include "peaks/loops.hpp"
#include "peaks/peaks.hpp"

namespace sapiens::kernels {
namespace {

// Assembly and not intrinsics, so that this file needs no instructions that only some CPUs with
// AVX-512 have.
struct VnniDots {
  using Sum = Ints;
  static constexpr int kProducts = 4;
  static Ints dot(Ints sum, Ints x, Ints w) noexcept {
    asm("vpdpbusd %2, %1, %0" : "+v"(sum) : "v"(x), "v"(w));
    return sum;
  }
};

struct Bf16Dots {
  using Sum = Vec;
  static constexpr int kProducts = 2;
  static Vec dot(Vec sum, Ints x, Ints w) noexcept {
    asm("vdpbf16ps %2, %1, %0" : "+v"(sum) : "v"(x), "v"(w));
    return sum;
  }
};

}  // namespace

PeakLoops avx512_loops(const CpuFeatures& cpu) noexcept {
  return {.f32 = &peak_f32,
          .bf16 = cpu.fast_bf16 ? &peak_dots<Bf16Dots> : nullptr,
          .s8 = cpu.avx512_vnni ? &peak_dots<VnniDots> : &peak_dots<S8Widened>};
}

}  // namespace sapiens::kernels
