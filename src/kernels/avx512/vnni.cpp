// 8-bit dot products of AVX-512.
// clang-format off: the vector vocabulary comes first, the kernels are written in it
#include "kernels/avx512/vector.hpp"
// clang-format on

#include "kernels/kernel_table.hpp"
#include "kernels/simd/dot_linear.hpp"

namespace sapiens::kernels {
namespace {

struct VnniDots : S8Direct {
  // Not the intrinsic: GCC 12 would copy every sum to another register and back.
  static Ints dot(Ints sum, Ints x, Ints w) noexcept {
    asm("vpdpbusd %2, %1, %0" : "+v"(sum) : "v"(x), "v"(w));
    return sum;
  }
};

}  // namespace

void install_avx512_vnni(KernelTable& table) noexcept { table.linear_s8 = dot_linear<VnniDots>(); }

}  // namespace sapiens::kernels
