#pragma once

#include <span>
#include <string_view>

#include "core/thread_pool.hpp"
#include "core/workspace.hpp"
#include "kernels/kernel_table.hpp"
#include "nn/activations.hpp"
#include "nn/attention_shape.hpp"
#include "nn/layer_weights.hpp"
#include "nn/profile.hpp"
#include "nn/split.hpp"
#include "sapiens/dtype.hpp"
#include "sapiens/precision.hpp"
#include "sapiens/report.hpp"
#include "sapiens/tensor_view.hpp"

namespace sapiens {

struct GatheredRows;

/// How the result z of a convolution is stored.
enum class ConvEnd {
  Store,    // y = z
  Silu,     // y = silu(z)
  AddSilu,  // y += silu(z)
};

/// The operators of all networks in one precision, spread over a thread pool. They check
/// shapes and throw `Error(ShapeMismatch)`.
///
/// No other code reads or writes the values of activations. Networks allocate from a `Workspace`,
/// create views and call operators, so that they also run on memory that the host cannot read. In a
/// workspace that only measures, operators check shapes, allocate scratch memory and return.
///
/// Results are bit-identical for any number of threads, and a row of `linear*` and of norms does
/// not depend on the other rows, only that of `linear_qkv` on which token it is. Results may differ
/// between instruction sets.
class Ops {
 public:
  /// Kernels and pool must outlive this object. `Auto` selects the precision that is fastest with
  /// these kernels.
  Ops(const KernelTable& kernels, const ThreadPool& pool,
      Precision precision = Precision::Fp32) noexcept;

  /// Never Auto.
  Precision precision() const noexcept { return precision_; }
  /// The type of activations between operators; the residual stream is always F32.
  ActivationType activation_type() const noexcept;
  const ThreadPool& pool() const noexcept { return *pool_; }

  /// Operators add their times to `profile` from now on; null stops it.
  void set_profile(Profile* profile) noexcept { profile_ = profile; }

  // ---- Weights ----

  /// `weight` is PyTorch's [out, in]; an empty `bias` is all zero. `stored` is the type of the
  /// numbers in the file: fp32 arithmetic keeps 16-bit weights at 16 bits.
  LinearWeights pack_linear(ConstMatrix weight, std::span<const float> bias,
                            DType stored = DType::F32) const;

  /// The same in slices, for tensors too big to convert at once: `make_linear` gives a layer whose
  /// bias is zero, then `pack_rows` fills its outputs [first_row, first_row + rows). Every row has
  /// to be filled once before the layer is used. Without `quantized`, Int8 does not round it to 8
  /// bits: the layer multiplies numbers of `activation_type`.
  LinearWeights make_linear(Index out, Index in, DType stored = DType::F32,
                            bool quantized = true) const;
  void pack_rows(LinearWeights& linear, Index first_row, ConstMatrix rows) const;

  /// A layer for `linear_swiglu`, whose bias is zero: `hidden` pairs of a gate and a value. Its
  /// rows are those of PyTorch's [2 hidden, in], first all gates, then all values;
  /// `pack_gated_rows` takes any slice of them, and `set_gated_bias` all of the bias in the same
  /// order.
  LinearWeights make_gated_linear(Index hidden, Index in, DType stored = DType::F32) const;
  void pack_gated_rows(LinearWeights& linear, Index first_row, ConstMatrix rows) const;
  void set_gated_bias(LinearWeights& linear, std::span<const float> bias) const;

  /// As `make_linear` and `pack_rows`. `slice` holds the outputs [first_out, first_out + n) of
  /// PyTorch's [in, out, 4, 4] as [in, n, 16].
  DeconvWeights make_deconv(Index out, Index in, DType stored = DType::F32) const;
  void pack_deconv(DeconvWeights& weights, Index first_out, TensorView<const float, 3> slice) const;

  /// `weight` is PyTorch's [out, in, kernel, kernel]. `name` is for profiles and lives as long as
  /// the program.
  Conv2dWeights pack_conv2d(std::string_view name, TensorView<const float, 4> weight,
                            std::span<const float> bias, Index stride) const;
  /// `weight` is PyTorch's [channels, 1, kernel, kernel].
  DepthwiseWeights pack_depthwise(TensorView<const float, 4> weight,
                                  std::span<const float> bias) const;

  // ---- Rows of floats ----

  /// The pixels under each patch of side x side, in the order of the weights of a convolution with
  /// that stride: `patches` is [patches of `grid`, channels side side]. Pixels outside the image
  /// are zero; with `padding`, the first patch begins that many pixels above and left of it.
  void gather_patches(TensorView<const float, 3> image, Grid grid, Index side, Index padding,
                      Matrix patches, Workspace& ws) const;

  /// y = x
  void copy_rows(ConstMatrix x, Matrix y, Workspace& ws) const;
  /// y += x
  void add_rows(ConstMatrix x, Matrix y, Workspace& ws) const;
  /// y[i] = x[rows[i]]
  void gather_rows(ConstMatrix x, std::span<const Index> rows, Matrix y, Workspace& ws) const;
  /// y[rows[i]] = x[i]; the other rows of y are unchanged. Rows must be distinct.
  void scatter_rows(ConstMatrix x, std::span<const Index> rows, Matrix y, Workspace& ws) const;

  // ---- Transformers ----

  /// y = x W^T + b;  x [rows, in], y [rows, out], which must not overlap.
  void linear(ConstActivations x, const LinearWeights& w, Activations y, Workspace& ws) const;
  /// y = gelu(x W^T + b), with the exact erf.
  void linear_gelu(ConstActivations x, const LinearWeights& w, Activations y, Workspace& ws) const;
  /// y += x W^T + b
  void linear_add(ConstActivations x, const LinearWeights& w, Matrix y, Workspace& ws) const;
  /// y += factor * (x W^T + b), with one factor per column: factor [out].
  void linear_add_scaled(ConstActivations x, const LinearWeights& w, std::span<const float> factor,
                         Matrix y, Workspace& ws) const;
  /// y = silu(x W_gate^T + b_gate) * (x W_value^T + b_value), silu(z) = z / (1 + exp(-z));
  /// y [rows, hidden]. `gated` is from `make_gated_linear`.
  void linear_swiglu(ConstActivations x, const LinearWeights& gated, Activations y,
                     Workspace& ws) const;
  /// y = x W^T + b, y [rows, shape.columns()]. Then every head v of q and k becomes
  /// n = v / sqrt(mean(v^2) + 1e-6) * gamma, and with h = head_dim / 2, of an even head_dim,
  /// y[i] = n[i] cos[i] - n[i + h] sin[i] and y[i + h] = n[i + h] cos[i] + n[i] sin[i] for i < h.
  /// Row r is token r % tokens: x may hold several images. Where y is bf16, v is rounded to it.
  void linear_qkv(ConstActivations x, const LinearWeights& w, const AttentionShape& shape,
                  const RotaryNorm& norm, Activations y, Workspace& ws) const;

  /// eps is 1e-6; y may be x.
  void layer_norm(ConstMatrix x, const LayerNormWeights& w, Activations y, Workspace& ws) const;
  /// y = x / sqrt(mean(x^2) + 1e-6) * gamma, row by row; y may be x.
  void rms_norm(ConstMatrix x, std::span<const float> gamma, Activations y, Workspace& ws) const;

  /// Self-attention of one image. A row of `qkv` [N, shape.columns()] is q | k | v; for every query
  /// head y [N, shape.width()] = softmax(q k^T / sqrt(head_dim)) v, which must not overlap and has
  /// the same type of numbers. Throws `Error(InvalidArgument)` for a shape without heads, or whose
  /// query heads do not share key heads evenly.
  void attention(ConstActivations qkv, const AttentionShape& shape, Activations y,
                 Workspace& ws) const;

  // ---- Convolutions of task heads ----
  //
  // Rows of a feature map are pixels (y * width + x) and its columns are channels: a 1x1
  // convolution is a linear layer, and patch tokens are a map already. Every convolution but the
  // last is followed by instance norm and SiLU. Its statistics are taken from blocks of rows while
  // these are in cache, and a 1x1 convolution applies it to its input on the way in, so that a
  // large map is read and written once per layer.

  /// y [4 h w, out], twice as high and wide, from x [h w, in], and the norm of y.
  void deconv(ConstActivations x, Grid size, const DeconvWeights& w, Activations y,
              const ChannelNorm& of_y, Workspace& ws) const;

  /// y = silu((x - mean) * scale) W^T + b, or x W^T + b where `of_x` is null, and the norm of y
  /// unless `of_y` is null; it may be the same object as `of_x`. y may be x.
  void pointwise(ConstActivations x, const ChannelNorm* of_x, const LinearWeights& w, Activations y,
                 const ChannelNorm* of_y, Workspace& ws) const;

  /// x = silu((x - mean) * scale), in place.
  void normalize_silu(Activations x, const ChannelNorm& norm, Workspace& ws) const;

  // ---- Convolutional networks ----
  //
  // Maps of floats, rows and columns as above. The rows may lie apart: a part of the columns of
  // another map is a map, so nothing has to be concatenated. x and y must not overlap.

  /// y [pixels of conv2d_size, out] from x [pixels of `size`, in].
  void conv2d(ConstActivations x, Grid size, const Conv2dWeights& w, ConvEnd end, Activations y,
              Workspace& ws) const;
  /// y = silu(x * w + b)
  void depthwise_silu(ConstActivations x, Grid size, const DepthwiseWeights& w, Activations y,
                      Workspace& ws) const;
  /// y = the largest of the kernel x kernel pixels around each pixel of x that lie in the map,
  /// channel by channel; stride 1, an odd kernel.
  void max_pool(ConstActivations x, Grid size, Index kernel, Activations y, Workspace& ws) const;
  /// y [4 pixels of `size`, C]: every pixel of x becomes four.
  void upsample_nearest(ConstActivations x, Grid size, Activations y, Workspace& ws) const;
  /// x *= clamp((W mean(x) + b) / 6 + 1/2, 0, 1), channel by channel, with the mean over all
  /// pixels; `w` is [C, C].
  void channel_attention(Activations x, const LinearWeights& w, Workspace& ws) const;
  /// x = exp(x) * factor
  void exp_scale(Matrix x, float factor, Workspace& ws) const;

  // ---- Results, into memory of the host ----

  /// `rows`, one after the other.
  void read_rows(ConstMatrix rows, std::span<float> out) const;
  /// Patch tokens of one image [N, C] as a map [C, N] (that is [C, gh, gw]): `featmap` of the
  /// original.
  void read_map(ConstMatrix patches, std::span<float> map) const;
  /// The mean of all rows.
  void read_mean(ConstMatrix rows, std::span<float> mean) const;
  /// LayerNorm (weight 1, bias 0, eps 1e-6) of the mean patch token: `avg_featmap` of the original,
  /// whose `ln2` exists in no published file and keeps the values it is constructed with.
  void read_average(ConstMatrix patches, std::span<float> average) const;

 private:
  const LinearKernel& linear_kernel(DType stored, bool quantized = true) const noexcept;
  const AttentionKernel& attention_kernel() const noexcept;
  std::string_view arithmetic(const LinearKernel& kernel) const noexcept;
  std::string_view arithmetic(const AttentionKernel& kernel) const noexcept;

  // What `run_linear` stores, and where it may cut the columns: at multiples of `unit`.
  struct LinearEnd {
    Epilogue epilogue = Epilogue::Store;
    const float* factor = nullptr;
    const RotaryHeads* heads = nullptr;
    Index unit = 1;
  };
  void run_linear(ConstActivations x, const LinearWeights& w, Activations y, const LinearEnd& end,
                  Workspace& ws) const;

  // y = x W^T + b for each of the layers, which are of one kind and size, on the same rows.
  void linear_gathered(std::span<const LinearWeights> layers, const GatheredRows& rows,
                       Workspace& ws) const;
  // The blocks that `linear_gathered` cuts rows into. They do not depend on the threads.
  Split row_blocks(const LinearWeights& w, Index rows) const noexcept;

  void mean_of_pixels(ConstActivations x, const Split& blocks, Matrix sums, Matrix mean) const;

  const KernelTable* kernels_;
  const ThreadPool* pool_;
  Precision precision_;
  Profile* profile_ = nullptr;
};

}  // namespace sapiens
