// y = x W^T + b with an epilogue, by tiles. Included after avx512/vector.hpp.
//
//   for pass over at most 2048 inputs              y in fp32 only: its partial sums are kept in y,
//                                                  so one pass for a product of gates and values
//     copy the rows of x as tiles                  up to 1 MB, stays in L2
//     for panel of 32 outputs                      while the next panel is fetched into L2
//       for chunk of at most 16 steps              32 KB of W, stays in L1 for all rows
//         for block of 32 rows
//           C = 0, or the sums of the chunk before
//           C += A B                               A streamed from L2, see tiles.hpp
//           C -> sums of the panel                 2 x 64 KB, L2
//
// Vector work is interleaved evenly with the steps: copying x in the first chunk of the first
// panel, 32 rows ahead; then on every panel the epilogue of the panel before, about a row per step
// at 1024 inputs. Left unhidden are the first 32 rows of x and the epilogue of the last panel.
//
// What a step of 64 cycles (4 products) asks of the caches: 2 KB of A from L2 and 2 KB of B from
// L1; the sums add 8 KB per chunk and block of 1024 cycles; W comes through L2 once per call, 2 KB
// per rows / 32 steps. For 1024 inputs and 416 rows that is 32 + 8 + 2.5 bytes per cycle, where L2
// was measured to give 60 to 70; memory must give 5 GB/s per thread for W. B from L2 as well,
// without chunks, would ask for 64 bytes per cycle and more than L2 has.
//
// Every element is the chain of products over its inputs in order, whatever the chunks; each pass
// adds its own sum to y. Nothing depends on the row's place or on how rows and columns were cut.
// bf16 products take denormals for 0, and so does the conversion of y to bf16.
#pragma once

#include "kernels/amx/bf16.hpp"
#include "kernels/amx/tiles.hpp"
#include "kernels/kernel_table.hpp"
#include "kernels/simd/dot_weights.hpp"
#include "kernels/simd/elementary.hpp"
#include "kernels/simd/rotary_heads.hpp"
#include "kernels/simd/scale_s8.hpp"

namespace sapiens::kernels {
namespace {

static_assert(kColumnTile == 32);

constexpr std::int64_t kChunkSteps = 16;
constexpr std::int64_t kMaxBytesOfA = std::int64_t{1} << 20;
constexpr std::int64_t kMaxRows = 512;

// `encode` makes 64 bytes of a row of x, `sums` reads 16 sums as floats.
struct Bf16Tiles {
  using Weights = DotWeights<Bf16Pairs>;
  using Product = Bf16Product;
  static constexpr std::int64_t kStepInputs = 32, kPassSteps = 64;

  static __m512i encode(const void* x, ActivationType type, std::int64_t n, Vec) noexcept {
    if (type == ActivationType::Bf16) return load_32(x, n);
    const float* const floats = static_cast<const float*>(x);
    return _mm512_castps_si512(pack_bf16(load_first(floats, n), load_first(floats + 16, n - 16)));
  }
  static Vec sums(const char* c) noexcept { return _mm512_load_ps(c); }
};

struct S8Tiles {
  using Weights = DotWeights<S8Quadruples>;
  using Product = S8Product;
  // One pass, because partial sums in y would be rounded. In 8 bits there is room for longer rows.
  static constexpr std::int64_t kStepInputs = 64, kPassSteps = std::int64_t{1} << 40;

  // Both types give the same integers; bf16 takes half the time.
  static ScaleS8 scale(const void* x, ActivationType type, std::int64_t n) noexcept {
    if (type == ActivationType::F32) return scale_s8(x, type, n);
    Largest largest;
    for (std::int64_t i = 0; i < n; i += 32) largest.add(load_32(at(x, type, i), n - i));
    return scale_from(largest.value());
  }
  static __m512i encode(const void* x, ActivationType type, std::int64_t n, Vec inverse) noexcept {
    if (type == ActivationType::F32) return _mm512_castps_si512(quantise(x, type, n, inverse));
    return quantise_bf16(load_32(x, n), load_32(at(x, type, 32), n - 32), inverse);
  }
  static Vec sums(const char* c) noexcept { return _mm512_cvtepi32_ps(_mm512_load_si512(c)); }
};

// Scratch memory, as offsets in bytes; the copy of x is at 0.
template <class Tiles>
struct TilePlan {
  explicit TilePlan(std::int64_t in) noexcept
      : steps(ceil_div(in, Tiles::kStepInputs)), row_block(rows_that_fit(steps)) {
    sums = row_block * steps * kRowBytes;
    sums_bytes = row_block / kBlockRows * kBlockBytes;
    scales = sums + 2 * sums_bytes;
    end = scales + row_block * 4;
  }
  static std::int64_t rows_that_fit(std::int64_t steps) noexcept {
    const std::int64_t at_once = steps < Tiles::kPassSteps ? steps : Tiles::kPassSteps;
    const std::int64_t blocks = kMaxBytesOfA / (at_once * kRowBytes * kBlockRows);
    const std::int64_t max_blocks = kMaxRows / kBlockRows;
    return (blocks < 1 ? 1 : blocks < max_blocks ? blocks : max_blocks) * kBlockRows;
  }

  std::int64_t steps, row_block;
  std::int64_t sums, sums_bytes, scales, end;
};

// Assigns rows to steps, some per step.
struct Cursor {
  std::int64_t next, end, per_step;

  template <class F>
  [[gnu::always_inline]] void advance(F row) noexcept {
    for (std::int64_t i = 0; i < per_step && next < end; ++i) row(next++);
  }
};

// A part of the inputs, for all rows and columns of a call.
template <class Tiles>
class LinearPass {
 public:
  LinearPass(const LinearArgs& args, const TilePlan<Tiles>& plan, std::int64_t first_step,
             std::int64_t steps) noexcept
      : a_(args),
        layout_(args.out, args.in),
        x_(static_cast<char*>(args.scratch)),
        sums_(x_ + plan.sums),
        sums_bytes_(plan.sums_bytes),
        scales_(reinterpret_cast<float*>(x_ + plan.scales)),
        first_step_(first_step),
        steps_(steps),
        add_(first_step > 0 || args.epilogue == Epilogue::Add),
        last_(first_step + steps == plan.steps) {}

  void run() const noexcept {
    Cursor rows{.next = 0, .end = a_.rows, .per_step = kBlockRows};
    rows.advance([this](std::int64_t r) { copy_row_of_x(r); });
    rows.per_step = ceil_div(kBlockRows, chunk_end(0));
    multiply_panel(0, [&] { rows.advance([this](std::int64_t r) { copy_row_of_x(r); }); });

    const std::int64_t panels = ceil_div(a_.columns, 32);
    const bool rotates = last_ && a_.epilogue == Epilogue::NormRotate;
    for (std::int64_t p = 1; p < panels; ++p) {
      rows = {.next = 0, .end = a_.rows, .per_step = ceil_div(a_.rows, blocks() * steps_)};
      multiply_panel(p, [&] {
        rows.advance([&](std::int64_t r) {
          finish_row(p - 1, r);
          if (rotates && (r % kTileRows == kTileRows - 1 || r == a_.rows - 1)) {
            finish_heads_of(p - 2, r / kTileRows * kTileRows, r + 1);
          }
        });
      });
    }
    for (std::int64_t r = 0; r < a_.rows; ++r) finish_row(panels - 1, r);
    for (std::int64_t p = panels - 2; rotates && p < panels; ++p) finish_heads_of(p, 0, a_.rows);
  }

 private:
  std::int64_t blocks() const noexcept { return ceil_div(a_.rows, kBlockRows); }
  std::int64_t chunks() const noexcept { return ceil_div(steps_, kChunkSteps); }
  std::int64_t chunk_end(std::int64_t chunk) const noexcept {
    return steps_ * (chunk + 1) / chunks();
  }
  char* sums_of(std::int64_t panel) const noexcept { return sums_ + (panel & 1) * sums_bytes_; }

  // Row functions are not inlined into the loop of products, which needs all registers.
  [[gnu::noinline]] void copy_row_of_x(std::int64_t r) const noexcept {
    const void* const x = at(a_.x, a_.x_type, r * a_.x_stride);
    char* const to = x_ + (r >> 4) * steps_ * kTileBytes + (r & 15) * kRowBytes;
    Vec inverse = zero();
    if constexpr (Tiles::Weights::kScaled) {
      const ScaleS8 s = Tiles::scale(x, a_.x_type, a_.in);
      scales_[r] = s.scale;
      inverse = broadcast(s.inverse);
    }
    if (a_.x_type == ActivationType::Bf16) {
      encode_row<ActivationType::Bf16>(x, inverse, to);
    } else {
      encode_row<ActivationType::F32>(x, inverse, to);
    }
  }

  template <ActivationType kType>
  void encode_row(const void* x, Vec inverse, char* to) const noexcept {
    constexpr std::int64_t kWhole = Tiles::kStepInputs;
    const std::int64_t left = a_.in - first_step_ * kWhole, steps = steps_;
    const char* from = static_cast<const char*>(at(x, kType, first_step_ * kWhole));
    const std::int64_t whole = left / kWhole < steps ? left / kWhole : steps;
#pragma GCC unroll 4
    for (std::int64_t step = 0; step < whole; ++step) {
      _mm512_store_si512(to, Tiles::encode(from, kType, kWhole, inverse));
      from += kWhole * bytes_of(kType);
      to += kTileBytes;
    }
    if (whole < steps) {
      _mm512_store_si512(to, Tiles::encode(from, kType, left - whole * kWhole, inverse));
    }
  }

  template <class Ride>
  [[gnu::always_inline]] void multiply_panel(std::int64_t panel, Ride ride) const noexcept {
    const char* const b = static_cast<const char*>(a_.weight) +
                          layout_.panel(a_.first_column + 32 * panel) + first_step_ * kStepOfB;
    const char* ahead = b + layout_.groups * kColumnTile * 4;  // the same part of the next panel
    const std::int64_t lines_ahead = ceil_div(kStepOfB / 64, blocks());
    const BlockOfA all{.data = x_, .tile_row = steps_ * kTileBytes};
    char* const sums = sums_of(panel);

    std::int64_t step = 0;
    for (std::int64_t c = 0; c < chunks(); ++c) {
      for (std::int64_t block = 0; block < blocks(); ++block) {
        char* const to = sums + block * kBlockBytes;
        if (c == 0) {
          clear_block<32>();
        } else {
          load_block<32>(to);
        }
        const BlockOfA x{.data = all.data + 2 * block * all.tile_row + step * kTileBytes,
                         .tile_row = all.tile_row};
        multiply<typename Tiles::Product, Streamed::A, 32>(
            x, b + step * kStepOfB, chunk_end(c) - step, [&] {
              for (std::int64_t line = 0; line < lines_ahead; ++line, ahead += 64) {
                __builtin_prefetch(ahead, 0, 2);
              }
              ride();
            });
        store_block<32>(to);
      }
      step = chunk_end(c);
    }
  }

  // Converts the sums of one row of a panel to numbers of y.
  [[gnu::noinline]] void finish_row(std::int64_t panel, std::int64_t r) const noexcept {
    if (a_.epilogue == Epilogue::SwiGlu) return finish_gated_row(panel, r);
    const std::int64_t column = 32 * panel, left = a_.columns - column;
    char* const y = static_cast<char*>(at(a_.y, a_.y_type, r * a_.y_stride)) +
                    (a_.first_column + column) * bytes_of(a_.y_type);
    fetch_for_writing(y);
    const char* const sums = sums_of(panel) + row_of_blocks(r);
    const Vec low = finished(sums, r, column, left, y);
    const Vec high =
        finished(sums + kTileBytes, r, column + 16, left - 16, y + 16 * bytes_of(a_.y_type));
    if (a_.y_type == ActivationType::Bf16) {
      const auto pairs = reinterpret_cast<__m512i>(_mm512_cvtne2ps_pbh(high, low));
      _mm512_mask_storeu_epi16(y, first_numbers(left), pairs);
    } else {
      store_first(reinterpret_cast<float*>(y), low, left);
      store_first(reinterpret_cast<float*>(y) + 16, high, left - 16);
    }
  }

  // Heads that a panel completes, in the rows [begin, end). They are taken while the rows of the
  // next panel are finished; before the first panel there are none.
  void finish_heads_of(std::int64_t panel, std::int64_t begin, std::int64_t end) const noexcept {
    if (panel < 0) return;
    const std::int64_t column = a_.first_column + 32 * panel;
    finish_heads(a_, begin, end - begin, column, next_column(a_, column));
  }

  // The same for 16 gates and their values, which become 16 numbers of y.
  void finish_gated_row(std::int64_t panel, std::int64_t r) const noexcept {
    const std::int64_t column = 16 * panel, left = a_.columns / 2 - column;
    char* const y = static_cast<char*>(at(a_.y, a_.y_type, r * a_.y_stride)) +
                    (a_.first_column / 2 + column) * bytes_of(a_.y_type);
    fetch_for_writing(y);
    const char* const sums = sums_of(panel) + row_of_blocks(r);
    const Vec gate = finished(sums, r, 2 * column, left, y);
    const Vec value = finished(sums + kTileBytes, r, 2 * column + 16, left, y);
    if (a_.y_type == ActivationType::Bf16) {
      const auto rounded = _mm512_cvtneps_pbh(mul(silu_for_bf16(gate), value));
      _mm256_mask_storeu_epi16(y, first_lanes(left), reinterpret_cast<__m256i>(rounded));
    } else {
      store_first(reinterpret_cast<float*>(y), mul(silu(gate), value), left);
    }
  }

  // Prefetches the line of y that is written some steps later; otherwise every row would wait for
  // its memory.
  [[gnu::always_inline]] void fetch_for_writing(const char* y) const noexcept {
    constexpr std::int64_t kRowsAhead = 8;
    const char* const later = y + kRowsAhead * a_.y_stride * bytes_of(a_.y_type);
    __builtin_prefetch(later, 1, 3);
    if (a_.y_type == ActivationType::F32) __builtin_prefetch(later + 64, 1, 3);
  }

  // Applies the epilogue to 16 sums.
  [[gnu::always_inline]] Vec finished(const char* sums, std::int64_t r, std::int64_t column,
                                      std::int64_t left, const char* y) const noexcept {
    const std::int64_t output = a_.first_column + column;
    Vec value = Tiles::sums(sums);
    if constexpr (Tiles::Weights::kScaled) {
      const char* const scales = static_cast<const char*>(a_.weight) + layout_.scales;
      const Vec of_w = load(reinterpret_cast<const float*>(scales) + output);
      value = fma(mul(value, broadcast(scales_[r])), of_w, load_first(a_.bias + output, left));
    } else if (last_) {
      value = add(value, load_first(a_.bias + output, left));
    }
    if (a_.epilogue == Epilogue::AddScaled) {  // every pass adds its own part
      return fma(load_first(a_.factor + output, left), value,
                 load_first(reinterpret_cast<const float*>(y), left));
    }
    if (add_) value = add(load_first(reinterpret_cast<const float*>(y), left), value);
    if (last_ && a_.epilogue == Epilogue::Gelu) value = gelu(value);
    return value;
  }

  const LinearArgs& a_;
  const typename Tiles::Weights layout_;
  char *const x_, *const sums_;
  const std::int64_t sums_bytes_;
  float* const scales_;  // scales of the rows of x
  const std::int64_t first_step_, steps_;
  const bool add_, last_;
};

template <class Tiles>
void tile_linear_run(const LinearArgs& a) noexcept {
  const TileScope scope;
  const TilePlan<Tiles> plan(a.in);
  const bool rests_in_y = a.y_type == ActivationType::F32 && a.epilogue != Epilogue::SwiGlu;
  const std::int64_t passes = rests_in_y ? ceil_div(plan.steps, Tiles::kPassSteps) : 1;
  for (std::int64_t p = 0; p < passes; ++p) {
    const std::int64_t first = plan.steps * p / passes, end = plan.steps * (p + 1) / passes;
    LinearPass<Tiles>(a, plan, first, end - first).run();
  }
}

template <class Tiles>
std::int64_t tile_scratch_bytes(std::int64_t in, std::int64_t) noexcept {
  return TilePlan<Tiles>(in).end;
}
template <class Tiles>
std::int64_t tile_row_block(std::int64_t in, std::int64_t) noexcept {
  return TilePlan<Tiles>(in).row_block;
}

template <class Tiles, class Weights>
constexpr LinearKernel tile_linear() noexcept {
  return {.run = &tile_linear_run<Tiles>,
          .pack = &pack_dots<Weights>,
          .packed_bytes = &dot_weight_bytes<Weights>,
          .scratch_bytes = &tile_scratch_bytes<Tiles>,
          .row_block = &tile_row_block<Tiles>,
          .row_tile = kBlockRows,
          .column_tile = kColumnTile};
}

}  // namespace
}  // namespace sapiens::kernels
