// 8-bit dot products of AVX-VNNI.
// clang-format off: the kernels use the vector functions, which must come first
#include "kernels/avx2/vector.hpp"
// clang-format on

#include "kernels/kernel_table.hpp"
#include "kernels/simd/dot_linear.hpp"

namespace sapiens::kernels {
namespace {

struct VnniDots : S8Direct {
  static Ints dot(Ints sum, Ints x, Ints w) noexcept {
    asm("%{vex%} vpdpbusd %2, %1, %0" : "+x"(sum) : "x"(x), "x"(w));
    return sum;
  }
};

}  // namespace

void install_avx2_vnni(KernelTable& table) noexcept { table.linear_s8 = dot_linear<VnniDots>(); }

}  // namespace sapiens::kernels
