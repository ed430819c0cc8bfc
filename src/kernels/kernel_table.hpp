// Included by every ISA file, so it stays plain data: no standard C++ header that defines inline
// functions, nothing with a constructor.
#pragma once

#include <cstdint>

namespace sapiens {

// The type of activations in memory between two operators. Strides count numbers, not bytes.
enum class ActivationType : std::int32_t {
  F32,
  Bf16,  // the upper half of a float, rounded to nearest even
};

struct LayerNormArgs {
  const float* x = nullptr;      // [rows, width], rows `x_stride` apart
  const float* gamma = nullptr;  // [width]
  const float* beta = nullptr;   // [width]
  void* y = nullptr;             // [rows, width], rows `y_stride` apart; may be x itself as F32
  ActivationType y_type = ActivationType::F32;
  std::int64_t rows = 0, width = 0, x_stride = 0, y_stride = 0;
  float epsilon = 0;
};

// y = x / sqrt(mean(x^2) + epsilon) * gamma, row by row.
struct RmsNormArgs {
  const float* x = nullptr;      // [rows, width], rows `x_stride` apart
  const float* gamma = nullptr;  // [width]
  void* y = nullptr;             // [rows, width], rows `y_stride` apart; may be x itself as F32
  ActivationType y_type = ActivationType::F32;
  std::int64_t rows = 0, width = 0, x_stride = 0, y_stride = 0;
  float epsilon = 0;
};

// How a linear layer stores z = x W^T + b.
enum class Epilogue {
  Store,      // y = z
  Gelu,       // y = gelu(z), with the exact erf
  Add,        // y += z
  AddScaled,  // y += factor z, output by output
  // y = silu(gate) value. Outputs are gates and values in turn, half a column tile of each: those
  // of `hidden` outputs of y are packed as 2 hidden outputs, rounded up to whole column tiles.
  SwiGlu,
  NormRotate,  // y = z; then heads of q and k are normalised and rotated, see RotaryHeads
};

// Outputs that are q [heads, head_dim] | k [kv_heads, head_dim] | v [kv_heads, head_dim]. With
// n = z / sqrt(mean(z^2) + epsilon) * gamma for each head z of q and k, and the cosines and sines
// of the row's token, of h = head_dim / 2 angles each:
//   y[i] = n[i] cos[i] - n[i + h] sin[i],   y[i + h] = n[i + h] cos[i] + n[i] sin[i],   i < h.
// z is what the layer stores, so rounded where y is Bf16.
struct RotaryHeads {
  const float* q_gamma = nullptr;    // [head_dim]
  const float* k_gamma = nullptr;    // [head_dim]
  const float* rotations = nullptr;  // [tokens, head_dim], cos | sin, rows `stride` apart
  std::int64_t stride = 0, tokens = 0;
  std::int64_t heads = 0, kv_heads = 0, head_dim = 0;  // an even head_dim
  float epsilon = 0;
};

// Some rows and columns of a linear layer, in whole column tiles: `first_column` is a multiple of
// the kernel's `column_tile`.
struct LinearArgs {
  const void* x = nullptr;       // [rows, in], rows `x_stride` apart
  const void* weight = nullptr;  // written by `pack` of the same LinearKernel
  const float* bias = nullptr;   // [out]
  void* y = nullptr;             // [rows, out], rows `y_stride` apart; does not overlap x
  ActivationType x_type = ActivationType::F32;
  ActivationType y_type = ActivationType::F32;  // always F32 for Epilogue::Add and AddScaled
  std::int64_t rows = 0, in = 0, out = 0, x_stride = 0, y_stride = 0;
  std::int64_t first_column = 0, columns = 0;
  Epilogue epilogue = Epilogue::Store;
  const float* factor = nullptr;       // [out], for Epilogue::AddScaled
  const RotaryHeads* heads = nullptr;  // for Epilogue::NormRotate: no head may be cut, and row r
  std::int64_t first_row = 0;          // of this call is token (first_row + r) % heads->tokens
  void* scratch = nullptr;  // `scratch_bytes`, on a 64-byte boundary, for this call alone
};

// Some rows [first_row, first_row + rows) of a weight in PyTorch's [out, in] order.
struct PackArgs {
  const float* weight = nullptr;  // row `first_row`; rows `stride` apart
  std::int64_t out = 0, in = 0, first_row = 0, rows = 0, stride = 0;
  void* packed = nullptr;
};

// A kernel and the packer that writes the only layout that it can read. It takes x of either
// ActivationType and writes y of either. Every row of y depends only on the same row of x, bit by
// bit: neither on the other rows of the call nor on how a caller splits rows and columns.
struct LinearKernel {
  void (*run)(const LinearArgs&) noexcept = nullptr;
  void (*pack)(const PackArgs&) noexcept = nullptr;
  std::int64_t (*packed_bytes)(std::int64_t out, std::int64_t in) noexcept = nullptr;
  // For calls of at most `rows` rows, of which `row_block` is the most that pays off: their copy in
  // the scratch memory takes half of an L2 cache of `l2_bytes`.
  std::int64_t (*scratch_bytes)(std::int64_t in, std::int64_t rows) noexcept = nullptr;
  std::int64_t (*row_block)(std::int64_t in, std::int64_t l2_bytes) noexcept = nullptr;
  std::int64_t row_tile = 1, column_tile = 1;  // work below these sizes is padded up to them
};

// Some query rows of the heads that share a k and a v: y = softmax(scale q k^T) v, head by head.
struct AttentionArgs {
  const void* q = nullptr;  // [rows, head_dim], the first query of the first head of this call
  const void* k = nullptr;  // [tokens, head_dim]
  const void* v = nullptr;  // [tokens, head_dim]
  void* y = nullptr;        // [rows, head_dim], rows `y_stride` apart
  ActivationType type = ActivationType::F32;  // the type of q, k, v and y
  std::int64_t rows = 0, tokens = 0, head_dim = 0;
  std::int64_t stride = 0;  // between rows of q, k and v
  std::int64_t y_stride = 0;
  std::int64_t heads = 1;        // query heads of this call
  std::int64_t head_stride = 0;  // from one of them to the next, in q and in y
  std::int64_t key_block = 256;  // as AttentionKernel says, at most 256; no bit depends on it
  float scale = 0;
  void* scratch = nullptr;  // `scratch_bytes`, on a 64-byte boundary, for this call alone
};

// As with LinearKernel, a row of y depends only on its own query and on k and v. `attention` takes
// either ActivationType and computes in fp32; `attention_bf16` takes Bf16.
struct AttentionKernel {
  void (*run)(const AttentionArgs&) noexcept = nullptr;
  std::int64_t (*scratch_bytes)(std::int64_t tokens, std::int64_t head_dim) noexcept = nullptr;
  std::int64_t row_tile = 1;  // queries below this number are padded up to it
  // The most queries that one call may ask for, those of all heads together. Those of each head
  // count up to a multiple of `row_tile`.
  std::int64_t row_block = 1;
  // `AttentionArgs::key_block` for an L2 cache of `l2_bytes`, half of which the packed keys and
  // values then take; null for kernels that pack all keys or none.
  std::int64_t (*key_block)(std::int64_t head_dim, std::int64_t l2_bytes) noexcept = nullptr;
};

// Per-column statistics of some rows of pixels, for instance norm.
struct ColumnStatisticsArgs {
  const void* x = nullptr;  // [rows, width], rows `x_stride` apart
  ActivationType type = ActivationType::F32;
  std::int64_t rows = 0, width = 0, x_stride = 0;
  float* mean = nullptr;     // [width]
  float* squares = nullptr;  // [width]: sums of (x - mean)^2
};

// y = silu((x - mean) scale), silu(z) = z / (1 + exp(-z)).
struct NormalizeSiluArgs {
  const void* x = nullptr;  // [rows, width], rows `x_stride` apart
  void* y = nullptr;  // [rows, width], rows `y_stride` apart; may be x itself as the same type
  ActivationType x_type = ActivationType::F32;
  ActivationType y_type = ActivationType::F32;
  std::int64_t rows = 0, width = 0, x_stride = 0, y_stride = 0;
  const float* mean = nullptr;   // [width]
  const float* scale = nullptr;  // [width]
};

// All routines that exist in more than one version. The table is built once and then only read.
struct KernelTable {
  LinearKernel linear_f32;
  LinearKernel linear_f32_from_bf16;  // fp32 arithmetic, weights kept as bf16
  LinearKernel linear_f32_from_f16;   // fp32 arithmetic, weights kept as f16
  LinearKernel linear_bf16;           // x and W rounded to bf16, sums in fp32
  // W in 8 bits with one scale per output, x in 8 bits with one scale per row of this call:
  //   s_x = max |x| / 127,  x_q = round(x / s_x),  likewise for each row of W;
  //   y = s_x s_w (sum x_q w_q) + b, the sum exact. The integers are the same at every level.
  // A row of x that holds NaN or infinity gives a row of NaN.
  LinearKernel linear_s8;
  AttentionKernel attention;
  AttentionKernel attention_bf16;  // q k^T and p v with bf16 operands, sums and softmax in fp32
  void (*layer_norm)(const LayerNormArgs&) noexcept = nullptr;
  void (*rms_norm)(const RmsNormArgs&) noexcept = nullptr;
  void (*column_statistics)(const ColumnStatisticsArgs&) noexcept = nullptr;
  void (*normalize_silu)(const NormalizeSiluArgs&) noexcept = nullptr;
  void (*gelu)(const float* x, float* y, std::int64_t n) noexcept = nullptr;  // y may be x

  // Of each thread; this where it is not known.
  std::int64_t l2_bytes = std::int64_t{1} << 20;

  // True where bf16 instructions do more multiply-adds per second than fp32 ones.
  bool fast_bf16 = false;
};

}  // namespace sapiens
