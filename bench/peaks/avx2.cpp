// clang-format off: the vector vocabulary comes first, the loops are written in it
#include "kernels/avx2/vector.hpp"
// clang-format on

#include "peaks/loops.hpp"
#include "peaks/peaks.hpp"

namespace sapiens::kernels {
namespace {

struct VnniDots {
  using Sum = Ints;
  static constexpr int kProducts = 4;
  static Ints dot(Ints sum, Ints x, Ints w) noexcept {
    asm("%{vex%} vpdpbusd %2, %1, %0" : "+x"(sum) : "x"(x), "x"(w));
    return sum;
  }
};

}  // namespace

PeakLoops avx2_loops(const CpuFeatures& cpu) noexcept {
  return {.f32 = &peak_f32, .s8 = cpu.avx_vnni ? &peak_dots<VnniDots> : &peak_dots<S8Widened>};
}

}  // namespace sapiens::kernels
