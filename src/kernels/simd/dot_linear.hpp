// y = x W^T + b with an epilogue, for instructions that add dot products of dwords: pairs of bf16,
// quadruples of 8-bit integers. Included after a vector.hpp.
//
//   copy all rows of x in the format of the weight      about half of L2
//   for panel of kColumnTile outputs                    a panel of W stays in L2 for all rows,
//   while
//     for tile of kRowTile rows                         the next one is on its way there
//       registers: sums over all inputs
//       scales (8 bits), bias, gelu or addition, y
//
// The copy of x is [tile of rows][group of inputs][row in the tile] dwords, so that the broadcasts
// of the inner loop come from consecutive addresses. Integer sums are exact; float sums are one
// chain over the inputs. Neither depends on the row's place or on how rows and columns were cut.
#pragma once

#include "kernels/kernel_table.hpp"
#include "kernels/simd/dot_weights.hpp"
#include "kernels/simd/linear_finish.hpp"

namespace sapiens::kernels {
namespace {

// `Dots` says how an instruction set multiplies:
//   Format               of the weight, see dot_weights.hpp
//   Sum                  Vec or Ints
//   encode               numbers of x in that format, kLanes groups
//   kParts               multiplications per group; x has as many dwords per group
//   x_part, w_part       the operands of multiplication `part`
//   dot(sum, x, w)       sum + x w, lane by lane
//   kFromStarts          whether sums begin at the `starts` of the packed weight

struct S8Rows {
  using Format = S8Quadruples;
  using Sum = Ints;
  static Vec encode(const void* x, ActivationType type, std::int64_t n, Vec inverse) noexcept {
    return quantise(x, type, n, inverse);
  }
};

// Multiplies 8-bit numbers as 16-bit numbers: the even and the odd bytes of a group, widened. This
// is exact, where multiplying bytes directly (vpmaddubsw) would saturate.
struct S8Widened : S8Rows {
  static constexpr int kParts = 2;
  static constexpr bool kFromStarts = false;
  static Ints x_part(Ints x, int part) noexcept { return part == 0 ? even_bytes(x) : odd_bytes(x); }
  static Ints w_part(Ints w, int part) noexcept { return x_part(w, part); }
  static Ints dot(Ints sum, Ints x, Ints w) noexcept { return add_pairs(sum, x, w); }
};

// The operands of 8-bit dot product instructions, which take x as unsigned.
struct S8Direct : S8Rows {
  static constexpr int kParts = 1;
  static constexpr bool kFromStarts = true;
  static Ints x_part(Ints x, int) noexcept { return plus_128(x); }
  static Ints w_part(Ints w, int) noexcept { return w; }
};

template <class Dots>
struct DotPlan {
  using Weights = DotWeights<typename Dots::Format>;

  DotPlan(std::int64_t in, std::int64_t rows) noexcept
      : groups(Weights(0, in).groups),
        tile(groups * Dots::kParts * kRowTile),
        // The last vector of x may exceed its tile.
        scales(ceil_div(rows, kRowTile) * tile + kLanes),
        products(scales + round_up(round_up(rows, kRowTile), kLanes)),
        end(products + kRowTile * kColumnTile) {}

  std::int64_t groups, tile;
  std::int64_t scales, products, end;  // offsets in dwords; x is at 0
};

template <class Dots>
struct DotScratch {
  DotScratch(void* base, const DotPlan<Dots>& plan) noexcept
      : x(static_cast<std::int32_t*>(base)),
        scales(static_cast<float*>(base) + plan.scales),
        products(static_cast<float*>(base) + plan.products) {}

  std::int32_t* x;
  float* scales;    // scales of the rows
  float* products;  // [kRowTile, kColumnTile]
};

// Rows behind the last one become 0.
template <class Dots>
inline void copy_tile(const LinearArgs& a, std::int64_t first_row, const DotPlan<Dots>& plan,
                      std::int32_t* x, float* scales) noexcept {
  const std::int64_t rows = a.rows - first_row;
  float inverses[kLanes] = {};
  if constexpr (DotPlan<Dots>::Weights::kScaled) {
    for (int r = 0; r < kRowTile && r < rows; ++r) {
      const ScaleS8 s = scale_s8(at(a.x, a.x_type, (first_row + r) * a.x_stride), a.x_type, a.in);
      scales[r] = s.scale;
      inverses[r] = s.inverse;
    }
  }
  for (std::int64_t g = 0; g < plan.groups; g += kLanes) {
    const std::int64_t first = g * Dots::Format::kGroup;
    Vec block[kLanes];
    for (int r = 0; r < kLanes; ++r) {
      block[r] = r < kRowTile && r < rows
                     ? Dots::encode(at(a.x, a.x_type, (first_row + r) * a.x_stride + first),
                                    a.x_type, a.in - first, broadcast(inverses[r]))
                     : zero();
    }
    transpose(block);
    for (int i = 0; i < kLanes; ++i) {
      for (int part = 0; part < Dots::kParts; ++part, x += kRowTile) {
        store(x, Dots::x_part(as_ints(block[i]), part));
      }
    }
  }
}

// Stores the sums of one register tile to `products`.
template <class Dots>
inline void multiply_tile(const std::int32_t* x, const std::int32_t* panel,
                          const std::int32_t* starts, std::int64_t groups, const Ahead& ahead,
                          float* products) noexcept {
  typename Dots::Sum sum[kRowTile][kColumnVecs];
#pragma GCC unroll 16
  for (int r = 0; r < kRowTile; ++r) {
#pragma GCC unroll 4
    for (int v = 0; v < kColumnVecs; ++v) {
      if constexpr (Dots::kFromStarts) {
        sum[r][v] = load(starts + v * kLanes);
      } else {
        sum[r][v] = typename Dots::Sum{};
      }
    }
  }
  for (std::int64_t g = 0; g < groups; ++g) {
    ahead.fetch(g);
#pragma GCC unroll 2
    for (int part = 0; part < Dots::kParts; ++part, x += kRowTile) {
      Ints w[kColumnVecs];
#pragma GCC unroll 4
      for (int v = 0; v < kColumnVecs; ++v) w[v] = Dots::w_part(load(panel + v * kLanes), part);
#pragma GCC unroll 16
      for (int r = 0; r < kRowTile; ++r) {
        const Ints from_x = broadcast(x[r]);
#pragma GCC unroll 4
        for (int v = 0; v < kColumnVecs; ++v) sum[r][v] = Dots::dot(sum[r][v], from_x, w[v]);
      }
    }
    panel += kColumnTile;
  }
#pragma GCC unroll 16
  for (int r = 0; r < kRowTile; ++r) {
#pragma GCC unroll 4
    for (int v = 0; v < kColumnVecs; ++v) {
      store(products + r * kColumnTile + v * kLanes, to_floats(sum[r][v]));
    }
  }
}

template <class Dots>
inline void finish_products(const OutputTile& tile, Epilogue epilogue, const float* factor,
                            const float* products, const float* bias, const float* x_scales,
                            const float* w_scales) noexcept {
  finish_tile(tile, epilogue, factor, [=](std::int64_t r, std::int64_t c, std::int64_t left) {
    const Vec product = load(products + r * kColumnTile + c), b = load_first(bias + c, left);
    if constexpr (!DotPlan<Dots>::Weights::kScaled) return add(product, b);
    return fma(mul(product, broadcast(x_scales[r])), load(w_scales + c), b);
  });
}

template <class Dots>
void dot_linear_run(const LinearArgs& a) noexcept {
  const DotPlan<Dots> plan(a.in, a.rows);
  const DotScratch<Dots> s(a.scratch, plan);
  for (std::int64_t r = 0; r < a.rows; r += kRowTile) {
    copy_tile<Dots>(a, r, plan, s.x + r / kRowTile * plan.tile, s.scales + r);
  }
  const typename DotPlan<Dots>::Weights layout(a.out, a.in);
  const char* const weight = static_cast<const char*>(a.weight);
  const float* const w_scales = reinterpret_cast<const float*>(weight + layout.scales);
  const auto* const starts = reinterpret_cast<const std::int32_t*>(weight + layout.starts);
  const std::int64_t groups = ceil_div(a.in, Dots::Format::kGroup);
  const std::int64_t bytes_per_step =
      ceil_div(kColumnTile * DotPlan<Dots>::Weights::kDword, ceil_div(a.rows, kRowTile));

  HeadsBehind heads(a);
  const std::int64_t end = a.first_column + a.columns;
  for (std::int64_t c = a.first_column; c < end; c += kColumnTile) {
    const auto* const panel = reinterpret_cast<const std::int32_t*>(weight + layout.panel(c));
    Ahead ahead(panel + kColumnTile * layout.groups, bytes_per_step);
    for (std::int64_t r = 0; r < a.rows; r += kRowTile) {
      const OutputTile tile = tile_of_y(a, r, c, kRowTile);
      ahead.aim(tile.y, tile.stride * bytes_of(tile.type), tile.rows, groups);
      multiply_tile<Dots>(s.x + r / kRowTile * plan.tile, panel, starts + c, groups, ahead,
                          s.products);
      finish_products<Dots>(tile, a.epilogue, factors(a, c), s.products, a.bias + c, s.scales + r,
                            w_scales + c);
      heads.add(r, tile.rows, c);
      ahead.advance(groups);
    }
  }
  heads.finish();
}

template <class Dots>
std::int64_t dot_scratch_bytes(std::int64_t in, std::int64_t rows) noexcept {
  return DotPlan<Dots>(in, rows).end * DotPlan<Dots>::Weights::kDword;
}

template <class Dots>
std::int64_t dot_row_block(std::int64_t in, std::int64_t l2_bytes) noexcept {
  return rows_in_half(l2_bytes, DotPlan<Dots>(in, 0).tile);
}

template <class Dots>
constexpr LinearKernel dot_linear() noexcept {
  return {.run = &dot_linear_run<Dots>,
          .pack = &pack_dots<typename Dots::Format>,
          .packed_bytes = &dot_weight_bytes<typename Dots::Format>,
          .scratch_bytes = &dot_scratch_bytes<Dots>,
          .row_block = &dot_row_block<Dots>,
          .row_tile = kRowTile,
          .column_tile = kColumnTile};
}

}  // namespace
}  // namespace sapiens::kernels
