// y = x W^T + b with an epilogue. Included behind a vector.hpp.
//
//   for chunk of the inputs (at most 1024)            the block of x fits L2
//     copy the chunk of all rows of x                 rows an odd number of lines apart
//     for panel of kColumnTile outputs                a panel of W stays in L2 for all rows, while
//       for tile of kRowTile rows                     the next one is on its way there
//         registers: sums over the chunk, k in order
//         y: store, or add to what is there; the last chunk adds b and applies gelu
//
// Every element is one chain of multiply-adds over k per chunk, the chunks added in order: nothing
// in it depends on the row's place in the block or on how rows and columns were cut.
#pragma once

#include "kernels/kernel_table.hpp"
#include "kernels/simd/elementary.hpp"
#include "kernels/simd/tile.hpp"

namespace sapiens::kernels {
namespace {

struct LinearPlan {
  static constexpr std::int64_t kMostInputs = 1024;
  static constexpr int kXStride = kMostInputs + 16;
  // About 0.5 MB of x: half of a 1 MB L2.
  static constexpr std::int64_t kRowBlock = 120 / kRowTile * kRowTile;
  static constexpr std::int64_t kScratchFloats = kRowBlock * kXStride + kRowTile * kColumnTile;
};

// Chunks of almost equal size: 1280 inputs are 640 + 640.
struct Chunks {
  explicit Chunks(std::int64_t in) noexcept
      : inputs(in), count(ceil_div(in, LinearPlan::kMostInputs)) {}
  std::int64_t begin(std::int64_t chunk) const noexcept { return inputs * chunk / count; }
  std::int64_t size(std::int64_t chunk) const noexcept { return begin(chunk + 1) - begin(chunk); }

  std::int64_t inputs, count;
};

// Packed order: chunk, panel of outputs, input, output within the panel. Panels are padded with 0.
inline std::int64_t panel_offset(const Chunks& chunks, std::int64_t out, std::int64_t chunk,
                                 std::int64_t first_output) noexcept {
  return chunks.begin(chunk) * round_up(out, kColumnTile) + first_output * chunks.size(chunk);
}

std::int64_t linear_packed_bytes(std::int64_t out, std::int64_t in) noexcept {
  return round_up(out, kColumnTile) * in * static_cast<std::int64_t>(sizeof(float));
}

// Outputs [first, first + count) of one panel; whole vectors go through the transposer.
inline void pack_panel(const float* weight, std::int64_t stride, std::int64_t inputs, float* panel,
                       std::int64_t first, std::int64_t count) noexcept {
  std::int64_t o = 0;
  for (; o < count;) {
    const std::int64_t lane = (first + o) % kLanes;
    const float* const rows = weight + o * stride;
    if (lane == 0 && count - o >= kLanes) {
      transpose_rows(rows, Number::F32, stride, kLanes, inputs, panel + first + o, kColumnTile);
      o += kLanes;
    } else {
      for (std::int64_t i = 0; i < inputs; ++i) panel[i * kColumnTile + first + o] = rows[i];
      ++o;
    }
  }
}

void linear_pack(const PackArgs& a) noexcept {
  const Chunks chunks(a.in);
  float* const packed = static_cast<float*>(a.packed);
  for (std::int64_t done = 0; done < a.rows;) {
    const std::int64_t output = a.first_row + done, inside = output % kColumnTile;
    const std::int64_t left = a.rows - done;
    const std::int64_t count = left < kColumnTile - inside ? left : kColumnTile - inside;
    for (std::int64_t c = 0; c < chunks.count; ++c) {
      pack_panel(a.weight + done * a.stride + chunks.begin(c), a.stride, chunks.size(c),
                 packed + panel_offset(chunks, a.out, c, output - inside), inside, count);
    }
    done += count;
  }
}

// y (+)= products, + bias and gelu at the end. `products` is kColumnTile wide.
struct Finish {
  bool add, last, with_gelu;

  void operator()(const float* products, const float* bias, std::int64_t rows, std::int64_t columns,
                  void* y, Number y_type, std::int64_t y_stride) const noexcept {
    for (std::int64_t r = 0; r < rows; ++r) {
      for (std::int64_t c = 0; c < columns; c += kLanes) {
        void* const to = at(y, y_type, r * y_stride + c);
        Vec value = load(products + r * kColumnTile + c);
        if (add) value = sapiens::kernels::add(load_first(to, y_type, columns - c), value);
        if (last) value = sapiens::kernels::add(value, load_first(bias + c, columns - c));
        if (last && with_gelu) value = gelu(value);
        store_first(to, y_type, value, columns - c);
      }
    }
  }
};

// Rows up to the next whole tile hold whatever was there: their products are never stored.
inline void copy_chunk(const LinearArgs& a, std::int64_t first, std::int64_t inputs,
                       float* x) noexcept {
  for (std::int64_t r = 0; r < a.rows; ++r) {
    copy_row(at(a.x, a.x_type, r * a.x_stride + first), a.x_type, inputs, 1.0f,
             x + r * LinearPlan::kXStride, round_up(inputs, kLanes));
  }
}

inline void multiply_chunk(const LinearArgs& a, const float* x, const float* weight,
                           std::int64_t inputs, Finish finish, float* products) noexcept {
  const std::int64_t ahead_step = ceil_div(kColumnTile, ceil_div(a.rows, kRowTile));
  for (std::int64_t c = a.first_column; c < a.first_column + a.columns; c += kColumnTile) {
    const std::int64_t left = a.first_column + a.columns - c;
    const std::int64_t columns = left < kColumnTile ? left : kColumnTile;
    const float* const panel = weight + c * inputs;
    Ahead ahead{.data = panel + kColumnTile * inputs, .step = ahead_step};
    for (std::int64_t r = 0; r < a.rows; r += kRowTile) {
      Tile<kColumnVecs> tile;
      clear(tile);
      multiply<LinearPlan::kXStride>(tile, x + r * LinearPlan::kXStride, panel, kColumnTile, inputs,
                                     ahead);
      store(products, kColumnTile, tile);
      finish(products, a.bias + c, a.rows - r < kRowTile ? a.rows - r : kRowTile, columns,
             at(a.y, a.y_type, r * a.y_stride + c), a.y_type, a.y_stride);
      ahead.data += ahead_step * inputs;
    }
  }
}

void linear_run(const LinearArgs& a) noexcept {
  float* const x = static_cast<float*>(a.scratch);
  float* const products = x + LinearPlan::kRowBlock * LinearPlan::kXStride;
  const Chunks chunks(a.in);
  for (std::int64_t c = 0; c < chunks.count; ++c) {
    copy_chunk(a, chunks.begin(c), chunks.size(c), x);
    const Finish finish{.add = c > 0 || a.epilogue == Epilogue::Add,
                        .last = c == chunks.count - 1,
                        .with_gelu = a.epilogue == Epilogue::Gelu};
    multiply_chunk(a, x, static_cast<const float*>(a.weight) + panel_offset(chunks, a.out, c, 0),
                   chunks.size(c), finish, products);
  }
}

std::int64_t linear_scratch_bytes(std::int64_t) noexcept {
  return LinearPlan::kScratchFloats * static_cast<std::int64_t>(sizeof(float));
}

std::int64_t linear_row_block(std::int64_t) noexcept { return LinearPlan::kRowBlock; }

constexpr LinearKernel kLinear{.run = &linear_run,
                               .pack = &linear_pack,
                               .packed_bytes = &linear_packed_bytes,
                               .scratch_bytes = &linear_scratch_bytes,
                               .row_tile = kRowTile,
                               .column_tile = kColumnTile,
                               .row_block = &linear_row_block};

}  // namespace
}  // namespace sapiens::kernels
