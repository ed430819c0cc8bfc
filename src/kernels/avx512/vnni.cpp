// 8-bit dot products of AVX-512.
// clang-format off: the kernels use the vector functions, which must come first
#include "kernels/avx512/vector.hpp"
// clang-format on

#include "kernels/kernel_table.hpp"
#include "kernels/simd/dot_linear.hpp"

namespace sapiens::kernels {
namespace {

struct VnniDots : S8Direct {
  // Inline assembly instead of the intrinsic, with which GCC 12 copies every sum to another
  // register and back.
  static Ints dot(Ints sum, Ints x, Ints w) noexcept {
    asm("vpdpbusd %2, %1, %0" : "+v"(sum) : "v"(x), "v"(w));
    return sum;
  }
};

}  // namespace

void install_avx512_vnni(KernelTable& table) noexcept { table.linear_s8 = dot_linear<VnniDots>(); }

}  // namespace sapiens::kernels
