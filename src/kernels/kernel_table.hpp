// Included by every ISA file, so it stays plain data: no standard C++ header that defines inline
// functions, nothing with a constructor.
#pragma once

#include <cstdint>

namespace sapiens {

struct LayerNormArgs {
  const float* x = nullptr;      // [rows, width], rows `x_stride` apart
  const float* gamma = nullptr;  // [width]
  const float* beta = nullptr;   // [width]
  float* y = nullptr;            // [rows, width], rows `y_stride` apart; may be x itself
  std::int64_t rows = 0, width = 0, x_stride = 0, y_stride = 0;
  float epsilon = 0;
};

// What a linear layer does with x W^T + b.
enum class Epilogue {
  Store,  // y = x W^T + b
  Gelu,   // y = gelu(x W^T + b), with the exact erf
  Add,    // y += x W^T + b
};

// Some rows and columns of a linear layer. Whole column tiles: `first_column` is a multiple of the
// kernel's `column_tile`.
struct LinearArgs {
  const float* x = nullptr;      // [rows, in], rows `x_stride` apart
  const void* weight = nullptr;  // written by `pack` of the same LinearKernel
  const float* bias = nullptr;   // [out]
  float* y = nullptr;            // [rows, out], rows `y_stride` apart; does not overlap x
  std::int64_t rows = 0, in = 0, out = 0, x_stride = 0, y_stride = 0;
  std::int64_t first_column = 0, columns = 0;
  Epilogue epilogue = Epilogue::Store;
  void* scratch = nullptr;  // `scratch_bytes`, on a 64-byte boundary, for this call alone
};

// Some rows [first_row, first_row + rows) of a weight in PyTorch's [out, in] order.
struct PackArgs {
  const float* weight = nullptr;  // row `first_row`; rows `stride` apart
  std::int64_t out = 0, in = 0, first_row = 0, rows = 0, stride = 0;
  void* packed = nullptr;
};

// A kernel travels with the packer that writes the one layout it can read. Every row of y depends
// on the same row of x alone, bit by bit: neither on the other rows of the call nor on how a caller
// cuts rows and columns.
struct LinearKernel {
  void (*run)(const LinearArgs&) noexcept = nullptr;
  void (*pack)(const PackArgs&) noexcept = nullptr;
  std::int64_t (*packed_bytes)(std::int64_t out, std::int64_t in) noexcept = nullptr;
  std::int64_t scratch_bytes = 0;
  std::int64_t row_tile = 1, column_tile = 1;  // work below these sizes is padded up to them
  std::int64_t row_block = 1;                  // rows per call that make the best use of the caches
};

// Some query rows of one head: y = softmax(scale q k^T) v.
struct AttentionArgs {
  const float* q = nullptr;  // [rows, head_dim], the first query of this call
  const float* k = nullptr;  // [tokens, head_dim]
  const float* v = nullptr;  // [tokens, head_dim]
  float* y = nullptr;        // [rows, head_dim], rows `y_stride` apart
  std::int64_t rows = 0, tokens = 0, head_dim = 0;
  std::int64_t stride = 0;  // between rows of q, k and v
  std::int64_t y_stride = 0;
  float scale = 0;
  void* scratch = nullptr;  // `scratch_bytes`, on a 64-byte boundary, for this call alone
};

// As with LinearKernel, a row of y depends on its own query and on k and v alone.
struct AttentionKernel {
  void (*run)(const AttentionArgs&) noexcept = nullptr;
  std::int64_t (*scratch_bytes)(std::int64_t tokens, std::int64_t head_dim) noexcept = nullptr;
  std::int64_t row_tile = 1;   // queries below this number are padded up to it
  std::int64_t row_block = 1;  // the most queries that one call may ask for
};

// Every routine that exists in more than one version. Built once, then only read.
struct KernelTable {
  LinearKernel linear_f32;
  AttentionKernel attention_f32;
  void (*layer_norm)(const LayerNormArgs&) noexcept = nullptr;
  void (*gelu)(const float* x, float* y, std::int64_t n) noexcept = nullptr;  // y may be x

  // Multiplies and adds in registers only, `steps` times; returns the floating-point operations.
  std::int64_t (*fma_loop)(std::int64_t steps) noexcept = nullptr;
};

}  // namespace sapiens
