// clang-format off: the kernels use the vector functions, which must come first
#include "kernels/avx512/vector.hpp"
// clang-format on

#include "kernels/amx/attention.hpp"
#include "kernels/amx/linear.hpp"
#include "kernels/kernel_table.hpp"

namespace sapiens::kernels {

void install_amx(KernelTable& table) noexcept {
  table.linear_bf16 = tile_linear<Bf16Tiles, Bf16Pairs>();
  table.linear_s8 = tile_linear<S8Tiles, S8Quadruples>();
  table.attention_bf16 = kTileAttention;
  table.fast_bf16 = true;
}

}  // namespace sapiens::kernels
