// Weights in the order that dot products of dwords read them. Included after a vector.hpp.
//
// A dword of a packed weight holds a group of kGroup consecutive inputs of one output: a float, two
// 16-bit numbers or four 8-bit ones. Outputs come in panels of kColumnTile:
//
//   [panel][group of inputs][output within the panel][input within the group]
//
// The number of groups is rounded up to kGroupUnit, which makes 64 bytes of a row of x in the same
// format (one row of an AMX tile); inputs behind the last one are 0. Outputs behind the last one
// stay as they were. 8-bit weights have two more numbers per output behind all panels: the scale,
// and -128 times the sum of its integers, which is where sums of (x_q + 128) w_q have to start.
#pragma once

#include "kernels/kernel_table.hpp"
#include "kernels/simd/scale_s8.hpp"
#include "kernels/simd/tile.hpp"

namespace sapiens::kernels {
namespace {

// `encode` turns the first n of a run of numbers into kLanes groups, with 0 behind them.
struct Floats {
  static constexpr int kGroup = 1;
  static Vec encode(const float* w, std::int64_t n, Vec) noexcept { return load_first(w, n); }
};
struct Bf16Pairs {
  static constexpr int kGroup = 2;
  static Vec encode(const float* w, std::int64_t n, Vec) noexcept {
    return pack_bf16(load_first(w, n), load_first(w + kLanes, n - kLanes));
  }
};
struct F16Pairs {
  static constexpr int kGroup = 2;
  static Vec encode(const float* w, std::int64_t n, Vec) noexcept {
    return pack_f16(load_first(w, n), load_first(w + kLanes, n - kLanes));
  }
};
struct S8Quadruples {
  static constexpr int kGroup = 4;
  static Vec encode(const float* w, std::int64_t n, Vec inverse) noexcept {
    return quantise(w, ActivationType::F32, n, inverse);
  }
};

template <class Format>
struct DotWeights {
  static constexpr int kGroup = Format::kGroup;
  static constexpr bool kScaled = kGroup == 4;
  static constexpr std::int64_t kGroupUnit = 16;
  static constexpr std::int64_t kDword = 4;

  DotWeights(std::int64_t out, std::int64_t in) noexcept
      : groups(round_up(ceil_div(in, kGroup), kGroupUnit)),
        outputs(round_up(out, kColumnTile)),
        scales(outputs * groups * kDword),
        starts(scales + (kScaled ? outputs * kDword : 0)),
        bytes(starts + (kScaled ? outputs * kDword : 0)) {}

  // The offset of the panel that contains `output`.
  std::int64_t panel(std::int64_t output) const noexcept {
    return output / kColumnTile * kColumnTile * groups * kDword;
  }

  std::int64_t groups, outputs;
  std::int64_t scales, starts, bytes;  // offsets in bytes: float and int32_t [outputs]; the end
};

// Packs the outputs of one panel that fit a vector: `count` rows of the weight. `panel` points at
// the first of them; returns the sums of their integers, if the format has any.
template <class Format>
inline Ints pack_outputs(const float* weight, std::int64_t stride, std::int64_t count,
                         std::int64_t in, const float* inverses, float* panel,
                         std::int64_t groups) noexcept {
  Ints sums = no_ints();
  for (std::int64_t g = 0; g < groups; g += kLanes) {
    const std::int64_t first = g * Format::kGroup;
    Vec block[kLanes];
    for (int r = 0; r < kLanes; ++r) {
      block[r] = r < count ? Format::encode(weight + r * stride + first, in - first,
                                            broadcast(inverses[r]))
                           : zero();
    }
    transpose(block);
    for (int i = 0; i < kLanes; ++i) {
      store_first(panel + (g + i) * kColumnTile, block[i], count);
      if constexpr (Format::kGroup == 4) sums = add_s8(sums, block[i]);
    }
  }
  return sums;
}

template <class Format>
void pack_dots(const PackArgs& a) noexcept {
  const DotWeights<Format> layout(a.out, a.in);
  char* const packed = static_cast<char*>(a.packed);
  for (std::int64_t done = 0; done < a.rows;) {
    const float* const weight = a.weight + done * a.stride;
    const std::int64_t output = a.first_row + done, lane = output % kLanes;
    const std::int64_t left = a.rows - done;
    const std::int64_t count = left < kLanes - lane ? left : kLanes - lane;

    alignas(64) float scales[kLanes] = {}, inverses[kLanes] = {};
    if constexpr (DotWeights<Format>::kScaled) {
      for (std::int64_t r = 0; r < count; ++r) {
        const ScaleS8 s = scale_s8(weight + r * a.stride, ActivationType::F32, a.in);
        scales[r] = s.scale;
        inverses[r] = s.inverse;
      }
    }
    float* const panel =
        reinterpret_cast<float*>(packed + layout.panel(output)) + output % kColumnTile;
    const Ints sums =
        pack_outputs<Format>(weight, a.stride, count, a.in, inverses, panel, layout.groups);
    if constexpr (DotWeights<Format>::kScaled) {
      store_first(reinterpret_cast<float*>(packed + layout.scales) + output, load(scales), count);
      store_first(reinterpret_cast<std::int32_t*>(packed + layout.starts) + output,
                  times_minus_128(sums), count);
    }
    done += count;
  }
}

template <class Format>
std::int64_t dot_weight_bytes(std::int64_t out, std::int64_t in) noexcept {
  return DotWeights<Format>(out, in).bytes;
}

}  // namespace
}  // namespace sapiens::kernels
