// y = softmax(scale q k^T) v for the queries of the heads that share a k and a v, by tiles.
// Included after avx512/vector.hpp.
//
//   pack k and v                                              L2: 1 MB at 4097 tokens of 64
//   for block of 32 queries of a head
//     shift = the largest score of each query with the first 32 keys
//     for unit of 32 keys
//       s = q k^T             -> ring of 4 units, fp32, L1
//       p = 2^(s - shift)     -> bf16, and l += p             interleaved with the products
//       o += p v              once per chunk of 4 units, one chunk late
//     y = o / l
//
// Softmax is interleaved with the products of later units and of the values of the chunk before, at
// an even pace: 8 rows of 32 scores per step for 64 dims. Such a row takes about
// 14 vector operations, so 8 of them some 56 cycles on two ports, while the products of a step take
// 64: the products are the limit. Without the overlap, and with exp2 in fp32 at 13 operations per
// 16 scores, it would be exp, by far. L1 holds the ring (16 KB), p (2 x 8 KB), o (8 KB) and q (4
// KB); k and v stream through L2 at 32 bytes per cycle, as the rows of x do in a linear layer.
//
// 2^x goes straight to bf16: x in 1/128, rounded to an integer, has the exponent of the result in
// its upper bits, and a table gives the 7 bits of the mantissa. A weight is off by at most 0.27 %
// from rounding x and 0.39 % from rounding the mantissa, where rounding the exact value to bf16
// would give 0.39 %; l sums the same rounded weights, so what is common cancels.
//
// The shift need not be the maximum: any number near it keeps fp32 and bf16 from overflowing, and
// their relative precision does not depend on it. Nothing is ever corrected later. A query whose
// scores exceed the shift by more than 2^100 - it shows in l - starts anew in plain fp32, and so do
// those with NaN, infinities or numbers so large that scores could overflow: that travels as in the
// plain formula. So a row of y depends on its own query, k and v alone.
#pragma once

#include "kernels/amx/attention_pack.hpp"
#include "kernels/simd/elementary.hpp"

namespace sapiens::kernels {
namespace {

constexpr std::int64_t kChunkUnits = 4, kRing = 4;
// bf16 weights of 32 queries for one chunk of keys
constexpr std::int64_t kWeightBytes = kChunkUnits * 2 * kTileBytes;
constexpr float kLog2E = 1.44269504f, kHuge = 0x1p100f;

// Scratch memory, as offsets in bytes; the packed keys are at 0.
struct TileAttentionPlan {
  TileAttentionPlan(std::int64_t tokens, std::int64_t head_dim) noexcept
      : units(ceil_div(tokens, kUnit)),
        steps(ceil_div(head_dim, 32)),
        panels(steps),
        last_columns(round_up(head_dim, 16) - 32 * (panels - 1)),
        values(units * steps * kStepOfB),
        queries(values + units * kTileRows * 4 * round_up(head_dim, 16)),
        ring(queries + 2 * steps * kTileBytes),
        weights(ring + kRing * kBlockBytes),
        outputs(weights + 2 * kWeightBytes),
        sums(outputs + panels * kBlockBytes),
        shifts(sums + kBlockRows * kRowBytes),
        scores(shifts + kBlockRows * 4),
        end(scores + round_up(tokens, kLanes) * 4) {}

  std::int64_t units, steps;          // units of keys, and steps of q k^T
  std::int64_t panels, last_columns;  // panels of values, and columns of the last one
  std::int64_t values, queries, ring, weights, outputs, sums, shifts, scores, end;
};

struct Exp2Table {
  constexpr Exp2Table() noexcept {
    double power = 1;
    for (std::uint8_t& mantissa : of_128ths) {
      mantissa = static_cast<std::uint8_t>((power - 1) * 128 + 0.5);
      power *= 1.0054299011128028;  // 2^(1 / 128)
    }
  }
  alignas(64) std::uint8_t of_128ths[128] = {};  // 2^(i / 128) = 1 + mantissa / 128
};
constexpr Exp2Table kExp2Table;

// Two vectors of integers in 1/128, plus 127 * 128, become 32 powers of two in bf16, in the order
// of key_at(). Below 2^-126 they are 0 to the products; what overflows becomes NaN.
class Exp2 {
 public:
  __m512i operator()(__m512i low, __m512i high) const noexcept {
    const __m512i x = _mm512_max_epi16(_mm512_packs_epi32(low, high), _mm512_setzero_si512());
    const __m512i mantissas = _mm512_permutex2var_epi8(low_half_, x, high_half_);
    constexpr int kSecondWhereThird = 0xD8;
    return _mm512_ternarylogic_epi32(x, mantissas, _mm512_set1_epi16(0x7F), kSecondWhereThird);
  }

 private:
  const __m512i low_half_ = _mm512_load_si512(kExp2Table.of_128ths);
  const __m512i high_half_ = _mm512_load_si512(kExp2Table.of_128ths + 64);
};

// One query in plain fp32. `scores` holds `tokens` numbers.
inline void attend_plainly(const AttentionArgs& a, std::int64_t row, float* scores) noexcept {
  const auto numbers = [&](const void* rows, std::int64_t r, std::int64_t d) {
    return load_first(at(rows, ActivationType::Bf16, r * a.stride + d), ActivationType::Bf16,
                      a.head_dim - d);
  };
  float highest = -__builtin_inff();
  for (std::int64_t t = 0; t < a.tokens; ++t) {
    Vec dot = zero();
    for (std::int64_t d = 0; d < a.head_dim; d += kLanes) {
      dot = fma(numbers(a.q, row, d), numbers(a.k, t, d), dot);
    }
    scores[t] = sum_lanes(dot) * (a.scale * kLog2E);
    if (scores[t] > highest) highest = scores[t];
  }
  Vec total = zero();
  for (std::int64_t t = 0; t < a.tokens; t += kLanes) {
    const Vec p = exp2(sub(load_first(scores + t, a.tokens - t), broadcast(highest)));
    store_first(scores + t, p, a.tokens - t);
    total = add(total, keep_first(p, zero(), a.tokens - t));
  }
  const Vec inverse = broadcast(1 / sum_lanes(total));
  for (std::int64_t d = 0; d < a.head_dim; d += kLanes) {
    Vec sum = zero();
    for (std::int64_t t = 0; t < a.tokens; ++t) {
      sum = fma(broadcast(scores[t]), numbers(a.v, t, d), sum);
    }
    store_first(at(a.y, ActivationType::Bf16, row * a.y_stride + d), ActivationType::Bf16,
                mul(sum, inverse), a.head_dim - d);
  }
}

class TileAttention {
 public:
  explicit TileAttention(const AttentionArgs& args) noexcept
      : a_(args),
        plan_(args.tokens, args.head_dim),
        scratch_(static_cast<char*>(args.scratch)),
        factor_(args.scale * kLog2E * 128),
        rows_per_step_(
            ceil_div(kChunkUnits * kBlockRows, kChunkUnits * (plan_.steps + plan_.panels))) {}

  void run() noexcept {
    const float largest_key = pack_keys(a_, plan_.steps, scratch_);
    bool plain = !(a_.scale >= 0);
    for (std::int64_t p = 0; p < plan_.panels; ++p) {
      plain |= !(pack_values(a_, 32 * p, columns(p), values(p)) < 0x1p24f);
    }
    largest_query_ = kHuge / (largest_key * factor_ * static_cast<float>(a_.head_dim));
    for (std::int64_t head = 0; head < a_.heads; ++head) {
      for (std::int64_t row = 0; row < a_.rows; row += kBlockRows) attend_block(row, plain);
      a_.q = at(a_.q, ActivationType::Bf16, a_.head_stride);
      a_.y = at(a_.y, ActivationType::Bf16, a_.head_stride);
    }
  }

 private:
  std::int64_t columns(std::int64_t panel) const noexcept {
    return panel + 1 < plan_.panels ? 32 : plan_.last_columns;
  }
  char* values(std::int64_t panel) const noexcept {
    return scratch_ + plan_.values + panel * plan_.units * kStepOfB;
  }
  char* ring(std::uint64_t unit) const noexcept {
    return scratch_ + plan_.ring + unit % kRing * kBlockBytes;
  }
  char* weights(std::uint64_t chunk) const noexcept {
    return scratch_ + plan_.weights + chunk % 2 * kWeightBytes;
  }
  char* outputs(std::int64_t panel) const noexcept {
    return scratch_ + plan_.outputs + panel * kBlockBytes;
  }
  float* sums(std::int64_t row) const noexcept {
    return reinterpret_cast<float*>(scratch_ + plan_.sums + row * kRowBytes);
  }
  float* shifts() const noexcept { return reinterpret_cast<float*>(scratch_ + plan_.shifts); }

  void attend_block(std::int64_t first_row, bool plain) noexcept {
    bool ordinary[kBlockRows];
    begin_block(first_row, ordinary);
    const std::int64_t chunks = ceil_div(plan_.units, kChunkUnits);
    for (std::int64_t chunk = 0; !plain && chunk <= chunks; ++chunk) {
      for (std::int64_t i = 0; i < kChunkUnits; ++i) {
        const std::int64_t unit = chunk * kChunkUnits + i;
        if (unit < plan_.units) score_unit(unit);
        if (chunk == 0) continue;
        const std::int64_t end = plan_.panels * (i + 1) / kChunkUnits;
        for (std::int64_t p = plan_.panels * i / kChunkUnits; p < end; ++p) {
          weigh_values(chunk - 1, p);
        }
      }
    }
    float* const scores = reinterpret_cast<float*>(scratch_ + plan_.scores);
    for (std::int64_t r = 0; r < kBlockRows && first_row + r < a_.rows; ++r) {
      const float total = plain || !ordinary[r] ? kHuge : sum_lanes(load(sums(r)));
      if (total < kHuge) {
        finish_row(first_row, r, total);
      } else {
        attend_plainly(a_, first_row + r, scores);
      }
    }
  }

  void begin_block(std::int64_t first_row, bool* ordinary) noexcept {
    for (std::int64_t r = 0; r < kBlockRows; ++r) {
      char* const query = scratch_ + plan_.queries + (r >> 4) * plan_.steps * kTileBytes;
      const std::int64_t row = first_row + r;
      ordinary[r] = pack_query(a_, row, plan_.steps, query + (r & 15) * kRowBytes) < largest_query_;
      store(sums(r), zero());
      for (std::int64_t d = 0; d < a_.head_dim; d += 32) {  // rows lie far apart
        __builtin_prefetch(at(a_.q, ActivationType::Bf16, (row + kBlockRows) * a_.stride + d), 0,
                           2);
        __builtin_prefetch(at(a_.y, ActivationType::Bf16, row * a_.y_stride + d), 1, 2);
      }
    }
    scored_ = weighed_ = 0;
  }

  // The next unit of scores.
  void score_unit(std::int64_t unit) noexcept {
    const BlockOfA queries{.data = scratch_ + plan_.queries, .tile_row = plan_.steps * kTileBytes};
    clear_block<32>();
    multiply<Bf16Product, Streamed::B, 32>(queries, scratch_ + unit * plan_.steps * kStepOfB,
                                           plan_.steps, [this] { weigh_some_rows(); });
    weigh_rows((unit - kRing + 1) * kBlockRows);  // frees a slot of the ring
    store_block<32>(ring(unit));
    if (unit == 0) choose_shifts();
    scored_ = (unit + 1) * kBlockRows;
  }

  void choose_shifts() noexcept {
    for (std::int64_t r = 0; r < kBlockRows; ++r) {
      const float* const scores = reinterpret_cast<const float*>(ring(0) + row_of_blocks(r));
      const Vec first = load(scores), rest = load(scores + kTileBytes / 4);
      const Vec low = keep_first(first, broadcast(-kHuge), a_.tokens);
      const float highest = max_lanes(max(low, keep_first(rest, low, a_.tokens - 16)));
      shifts()[r] = 127 * 128 - highest * factor_;
    }
  }

  [[gnu::always_inline]] void weigh_some_rows() noexcept {
    const std::int64_t end = weighed_ + rows_per_step_;
    weigh_rows(end < scored_ ? end : scored_);
  }

  // Computes softmax up to row `end`, where rows count through the 32 queries of every unit in
  // turn.
  [[gnu::noinline]] void weigh_rows(std::int64_t end) noexcept {
    const std::uint64_t last_unit = plan_.units - 1;
    while (weighed_ < end) {
      const std::uint64_t row = weighed_, unit = row / kBlockRows, r = row % kBlockRows;
      const std::int64_t left = end - weighed_, in_tile = kTileRows - (weighed_ & 15);
      const std::int64_t count = left < in_tile ? left : in_tile;
      const RowsOfTile rows{.scores = ring(unit) + row_of_blocks(r),
                            .weights = weights(unit / kChunkUnits) +
                                       ((r >> 4) * kChunkUnits + unit % kChunkUnits) * kTileBytes +
                                       (r & 15) * kRowBytes,
                            .sums = sums(r),
                            .shifts = shifts() + r};
      if (unit != last_unit) {
        weigh<false>(rows, count);
      } else {
        weigh<true>(rows, count);
      }
      weighed_ += count;
    }
  }

  // Consecutive rows of one tile.
  struct RowsOfTile {
    const char* scores;
    char* weights;
    float* sums;
    const float* shifts;
  };

  template <bool kLastUnit>
  [[gnu::always_inline]] void weigh(const RowsOfTile& rows, std::int64_t count) const noexcept {
    const Exp2 exp2;
    const Vec factor = broadcast(factor_);
    const auto ones = reinterpret_cast<__m512bh>(_mm512_set1_epi16(0x3F80));
    const auto [scores, weights, sums, shifts] = rows;
#pragma GCC unroll 2
    for (std::int64_t i = 0; i < count; ++i) {
      const Vec shift = broadcast(shifts[i]);
      const Vec low = _mm512_load_ps(scores + i * kRowBytes);
      const Vec high = _mm512_load_ps(scores + i * kRowBytes + kTileBytes);
      __m512i p = exp2(_mm512_cvtps_epi32(fma(low, factor, shift)),
                       _mm512_cvtps_epi32(fma(high, factor, shift)));
      if constexpr (kLastUnit) p = _mm512_maskz_mov_epi16(last_keys_, p);
      _mm512_store_si512(weights + i * kRowBytes, p);
      const Vec sum = load(sums + i * kLanes);
      store(sums + i * kLanes, _mm512_dpbf16_ps(sum, reinterpret_cast<__m512bh>(p), ones));
    }
  }

  // The positions of the last unit that hold keys.
  __mmask32 keys_of_last_unit() const noexcept {
    const std::int64_t keys = a_.tokens - (plan_.units - 1) * kUnit;
    __mmask32 mask = 0;
    for (int position = 0; position < 32; ++position) {
      if (key_at(position) < keys) mask |= __mmask32{1} << position;
    }
    return mask;
  }

  // o += p v for the dims of one panel and the keys of one chunk.
  void weigh_values(std::int64_t chunk, std::int64_t panel) noexcept {
    const std::int64_t first = chunk * kChunkUnits, left = plan_.units - first;
    const std::int64_t units = left < kChunkUnits ? left : kChunkUnits;
    weigh_rows((first + units) * kBlockRows);
    if (columns(panel) == 32) {
      weigh_values<32>(chunk, panel, units);
    } else {
      weigh_values<16>(chunk, panel, units);
    }
  }

  template <int kColumns>
  void weigh_values(std::int64_t chunk, std::int64_t panel, std::int64_t units) noexcept {
    const BlockOfA p{.data = weights(chunk), .tile_row = kChunkUnits * kTileBytes};
    if (chunk == 0) {
      clear_block<kColumns>();
    } else {
      load_block<kColumns>(outputs(panel));
    }
    constexpr std::int64_t kUnitBytes = kTileRows * kColumns * 4;
    multiply<Bf16Product, Streamed::B, kColumns>(
        p, values(panel) + chunk * kChunkUnits * kUnitBytes, units, [this] { weigh_some_rows(); });
    store_block<kColumns>(outputs(panel));
  }

  void finish_row(std::int64_t first_row, std::int64_t r, float total) const noexcept {
    const Vec inverse = broadcast(1 / total);
    void* const y = at(a_.y, ActivationType::Bf16, (first_row + r) * a_.y_stride);
    for (std::int64_t d = 0; d < a_.head_dim; d += 32) {
      const float* const o = reinterpret_cast<const float*>(outputs(d / 32) + row_of_blocks(r));
      const Vec low = mul(load(o), inverse), high = mul(load(o + kTileBytes / 4), inverse);
      _mm512_mask_storeu_epi16(at(y, ActivationType::Bf16, d), first_numbers(a_.head_dim - d),
                               reinterpret_cast<__m512i>(_mm512_cvtne2ps_pbh(high, low)));
    }
  }

  AttentionArgs a_;  // q and y are those of the head in work
  const TileAttentionPlan plan_;
  char* const scratch_;
  const float factor_;  // from q k^T to powers of 2^(1 / 128)
  const std::int64_t rows_per_step_;
  const __mmask32 last_keys_ = keys_of_last_unit();
  float largest_query_ = 0;                // magnitude of a query from which scores may overflow
  std::int64_t scored_ = 0, weighed_ = 0;  // rows of scores computed, and rows weighed by softmax
};

void tile_attention_run(const AttentionArgs& a) noexcept {
  const TileScope scope;
  TileAttention(a).run();
}

std::int64_t tile_attention_scratch_bytes(std::int64_t tokens, std::int64_t head_dim) noexcept {
  return TileAttentionPlan(tokens, head_dim).end;
}

// Packing k and v pays off only over many queries, so a call may take all queries of a head.
constexpr AttentionKernel kTileAttention{.run = &tile_attention_run,
                                         .scratch_bytes = &tile_attention_scratch_bytes,
                                         .row_tile = kBlockRows,
                                         .row_block = std::int64_t{1} << 20};

}  // namespace
}  // namespace sapiens::kernels
