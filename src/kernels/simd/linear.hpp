// y = x W^T + b with an epilogue, in fp32 arithmetic. Included after a vector.hpp.
//
//   for chunk of the inputs (at most 1024)            the block of x takes half of L2
//     copy the chunk of all rows of x                 rows an odd number of lines apart
//     for panel of kColumnTile outputs                a panel of W stays in L2 for all rows, while
//       widen the panel, if it has 16 bits            the next one is on its way there
//       for tile of kRowTile rows
//         registers: sums over the chunk, k in order
//         add the chunks before this one; after the last one add b, gelu, y
//
// Every element is one chain of multiply-adds over k per chunk, the chunks added in order: nothing
// in it depends on the row's place in the block or on how rows and columns were cut.
//
// Between chunks the sums rest in y. Where y is bf16, or has one number for a gate and a value,
// they rest in scratch memory, which holds kStrip columns: then all of this is done for one strip
// of columns after the other.
#pragma once

#include "kernels/kernel_table.hpp"
#include "kernels/simd/dot_weights.hpp"
#include "kernels/simd/linear_finish.hpp"
#include "kernels/simd/tile.hpp"

namespace sapiens::kernels {
namespace {

// The format of the weights, and the type to which x is rounded.
struct F32Linear {
  using Format = Floats;
  static Vec operand(Vec x) noexcept { return x; }
};
struct F32FromBf16Linear {
  using Format = Bf16Pairs;
  static Vec operand(Vec x) noexcept { return x; }
  static Vec first(Vec pairs) noexcept { return lower_bf16(pairs); }
  static Vec second(Vec pairs) noexcept { return upper_bf16(pairs); }
};
struct F32FromF16Linear {
  using Format = F16Pairs;
  static Vec operand(Vec x) noexcept { return x; }
  static Vec first(Vec pairs) noexcept { return lower_f16(pairs); }
  static Vec second(Vec pairs) noexcept { return upper_f16(pairs); }
};
struct Bf16Linear : F32FromBf16Linear {
  static Vec operand(Vec x) noexcept { return upper_bf16(as_floats(round_to_bf16(x))); }
};

// Splits the inputs into chunks of almost equal size, in whole vectors except for the last one:
// 1280 inputs are 640 + 640.
struct Chunks {
  static constexpr std::int64_t kMaxInputs = 1024;

  explicit Chunks(std::int64_t in) noexcept
      : inputs(in), count(ceil_div(in, kMaxInputs)), whole(round_up(ceil_div(in, count), kLanes)) {}
  std::int64_t begin(std::int64_t chunk) const noexcept { return chunk * whole; }
  std::int64_t size(std::int64_t chunk) const noexcept {
    const std::int64_t left = inputs - begin(chunk);
    return left < whole ? left : whole;
  }

  std::int64_t inputs, count, whole;
};

struct LinearPlan {
  static constexpr int kXStride = Chunks::kMaxInputs + 16;
  static constexpr std::int64_t kStrip = 16 * kColumnTile;

  explicit LinearPlan(std::int64_t rows) noexcept
      : products(round_up(rows, kRowTile) * kXStride),
        panel(products + kRowTile * kColumnTile),
        sums(panel + Chunks::kMaxInputs * kColumnTile),
        end(sums + round_up(rows, kRowTile) * kStrip) {}

  std::int64_t products, panel, sums, end;  // offsets in floats; x is at 0
};

// The sums of the chunks so far.
struct Sums {
  float* at = nullptr;
  std::int64_t stride = 0;
};

// Rows up to the next whole tile hold undefined values, whose products are never stored.
template <class Kind>
inline void copy_chunk(const LinearArgs& a, std::int64_t first, std::int64_t inputs,
                       float* x) noexcept {
  for (std::int64_t r = 0; r < a.rows; ++r) {
    const void* const from = at(a.x, a.x_type, r * a.x_stride + first);
    for (std::int64_t i = 0; i < inputs; i += kLanes) {
      const Vec numbers = load_first(at(from, a.x_type, i), a.x_type, inputs - i);
      store(x + r * LinearPlan::kXStride + i, Kind::operand(numbers));
    }
  }
}

// Converts the rows of a panel that a chunk needs to floats.
template <class Kind>
inline const float* widen(const float* packed, std::int64_t inputs, float* panel) noexcept {
  if constexpr (Kind::Format::kGroup == 1) {
    return packed;
  } else {
    for (std::int64_t i = 0; i < inputs; i += 2) {
#pragma GCC unroll 4
      for (int v = 0; v < kColumnVecs; ++v) {
        const Vec pairs = load(packed + i / 2 * kColumnTile + v * kLanes);
        store(panel + i * kColumnTile + v * kLanes, Kind::first(pairs));
        store(panel + (i + 1) * kColumnTile + v * kLanes, Kind::second(pairs));
      }
    }
    return panel;
  }
}

// Where the products of a tile go: added to the sums of earlier chunks, if there are any, they
// become the sums for later chunks, or y. With AddScaled every chunk adds its own part to y.
struct Finish {
  bool add_sums, last;
  Epilogue epilogue;

  void operator()(float* products, const OutputTile& sums, const OutputTile& y, const float* factor,
                  const float* bias) const noexcept {
    if (add_sums) add_tile(sums, products);
    const auto sum = [=](std::int64_t r, std::int64_t c, std::int64_t) {
      return load(products + r * kColumnTile + c);
    };
    if (!last) {
      return epilogue == Epilogue::AddScaled ? add_scaled_tile(y, factor, sum)
                                             : write_tile(sums, sum);
    }
    finish_tile(y, epilogue, factor, [=](std::int64_t r, std::int64_t c, std::int64_t left) {
      return add(sum(r, c, left), load_first(bias + c, left));
    });
  }
};

template <class Kind>
inline void multiply_chunk(const LinearArgs& a, std::int64_t first_input, std::int64_t inputs,
                           Finish finish, Sums sums) noexcept {
  constexpr int kGroup = Kind::Format::kGroup;
  float* const x = static_cast<float*>(a.scratch);
  const LinearPlan plan(a.rows);
  float* const products = x + plan.products;
  const DotWeights<typename Kind::Format> layout(a.out, a.in);
  const std::int64_t bytes_per_step =
      ceil_div(kColumnTile * layout.kDword / kGroup, ceil_div(a.rows, kRowTile));

  HeadsBehind heads(a);
  // The values of a last tile lie behind the place of all its gates.
  const bool whole_tiles = a.epilogue == Epilogue::SwiGlu;
  const std::int64_t end = a.first_column + a.columns;
  for (std::int64_t c = a.first_column; c < end; c += kColumnTile) {
    const float* const packed =
        reinterpret_cast<const float*>(static_cast<const char*>(a.weight) + layout.panel(c)) +
        first_input / kGroup * kColumnTile;
    const float* const panel = widen<Kind>(packed, inputs, x + plan.panel);
    Ahead ahead(packed + layout.groups * kColumnTile, bytes_per_step);
    for (std::int64_t r = 0; r < a.rows; r += kRowTile) {
      const OutputTile y = tile_of_y(a, r, c, kRowTile);
      const std::int64_t left = end - c;
      const OutputTile rest{.y = sums.at + r * sums.stride + (c - a.first_column),
                            .stride = sums.stride,
                            .rows = y.rows,
                            .columns = whole_tiles || left > kColumnTile ? kColumnTile : left};
      if (finish.last) {
        ahead.aim(y.y, y.stride * bytes_of(y.type), y.rows, inputs);
      } else {
        ahead.aim(rest.y, rest.stride * bytes_of(rest.type), rest.rows, inputs);
      }
      Tile<kColumnVecs> tile;
      clear(tile);
      multiply<LinearPlan::kXStride>(tile, x + r * LinearPlan::kXStride, panel, kColumnTile, inputs,
                                     ahead);
      store(products, kColumnTile, tile);
      finish(products, rest, y, factors(a, c), a.bias + c);
      if (finish.last) heads.add(r, y.rows, c);
      ahead.advance(inputs);
    }
  }
  heads.finish();
}

// Where the epilogue adds to y, the content of y counts as the sum of an earlier chunk.
template <class Kind>
inline void run_columns(const LinearArgs& a, const Chunks& chunks, Sums sums) noexcept {
  const bool adds = a.epilogue == Epilogue::Add;
  for (std::int64_t c = 0; c < chunks.count; ++c) {
    copy_chunk<Kind>(a, chunks.begin(c), chunks.size(c), static_cast<float*>(a.scratch));
    const Finish finish{.add_sums = adds || (c > 0 && a.epilogue != Epilogue::AddScaled),
                        .last = c == chunks.count - 1,
                        .epilogue = adds ? Epilogue::Store : a.epilogue};
    multiply_chunk<Kind>(a, chunks.begin(c), chunks.size(c), finish, sums);
  }
}

template <class Kind>
void linear_run(const LinearArgs& a) noexcept {
  const Chunks chunks(a.in);
  if (a.y_type == ActivationType::F32 && a.epilogue != Epilogue::SwiGlu) {
    run_columns<Kind>(a, chunks, {static_cast<float*>(a.y) + a.first_column, a.y_stride});
    return;
  }
  const Sums sums{static_cast<float*>(a.scratch) + LinearPlan(a.rows).sums, LinearPlan::kStrip};
  const std::int64_t width = chunks.count == 1 ? a.columns : LinearPlan::kStrip;
  for (std::int64_t done = 0; done < a.columns; done += width) {
    LinearArgs strip = a;
    strip.first_column += done;
    strip.columns = a.columns - done < width ? a.columns - done : width;
    run_columns<Kind>(strip, chunks, sums);
  }
}

std::int64_t linear_scratch_bytes(std::int64_t, std::int64_t rows) noexcept {
  return LinearPlan(rows).end * static_cast<std::int64_t>(sizeof(float));
}

std::int64_t linear_row_block(std::int64_t, std::int64_t l2_bytes) noexcept {
  return rows_in_half(l2_bytes, LinearPlan::kXStride * kRowTile);
}

template <class Kind>
constexpr LinearKernel linear() noexcept {
  return {.run = &linear_run<Kind>,
          .pack = &pack_dots<typename Kind::Format>,
          .packed_bytes = &dot_weight_bytes<typename Kind::Format>,
          .scratch_bytes = &linear_scratch_bytes,
          .row_block = &linear_row_block,
          .row_tile = kRowTile,
          .column_tile = kColumnTile};
}

}  // namespace
}  // namespace sapiens::kernels
