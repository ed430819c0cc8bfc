#pragma once

#include <cstddef>
#include <span>

#include "core/aligned_buffer.hpp"
#include "core/thread_pool.hpp"
#include "core/workspace.hpp"
#include "kernels/kernel_table.hpp"
#include "sapiens/tensor_view.hpp"

namespace sapiens {

struct LayerNormWeights {
  AlignedBuffer<float> gamma, beta;  // [width]
};

/// y = x W^T + b. `weight` is in the packed order of the kernel that `Ops` runs.
struct LinearWeights {
  AlignedBuffer<std::byte> weight;
  AlignedBuffer<float> bias;  // [out]
  Index in = 0, out = 0;
};

/// The operators of a transformer on row-major matrices, spread over a thread pool. This is where
/// shapes are checked; a misfit throws `Error(ShapeMismatch)`.
///
/// The result is the same, bit by bit, whatever the number of threads, and a row of `linear*` and
/// `layer_norm` does not depend on the other rows. It may differ between instruction sets.
class Ops {
 public:
  /// Borrows both; they must outlive this object.
  Ops(const KernelTable& kernels, const ThreadPool& pool) noexcept
      : kernels_(&kernels), pool_(&pool) {}

  Index packed_bytes(Index out, Index in) const;

  /// `weight` is PyTorch's [out, in]; an empty `bias` is all zero.
  LinearWeights pack_linear(ConstMatrix weight, std::span<const float> bias) const;

  /// The same in slices, for tensors too big to convert at once: `make_linear` gives a layer whose
  /// bias is zero, then `pack_rows` fills its outputs [first_row, first_row + rows). Every row has
  /// to be filled once before the layer is used.
  LinearWeights make_linear(Index out, Index in) const;
  void pack_rows(LinearWeights& linear, Index first_row, ConstMatrix rows) const;

  /// y = x W^T + b;  x [rows, in], y [rows, out], which must not overlap.
  void linear(ConstMatrix x, const LinearWeights& w, Matrix y, Workspace& ws) const;
  /// y = gelu(x W^T + b), with the exact erf.
  void linear_gelu(ConstMatrix x, const LinearWeights& w, Matrix y, Workspace& ws) const;
  /// y += x W^T + b
  void linear_add(ConstMatrix x, const LinearWeights& w, Matrix y, Workspace& ws) const;

  /// eps is 1e-6; y may be x.
  void layer_norm(ConstMatrix x, const LayerNormWeights& w, Matrix y) const;

  /// Self-attention of one image. A row of `qkv` [N, 3C] is q | k | v, each with the head slow and
  /// the head dimension fast; y [N, C] = softmax(q k^T / sqrt(head_dim)) v, which must not overlap.
  void attention(ConstMatrix qkv, Index heads, Matrix y, Workspace& ws) const;

  /// The most scratch that one of the operators above takes from its workspace.
  std::size_t workspace_bytes(Index rows, Index width, Index mlp_width, Index heads) const;

  const ThreadPool& pool() const noexcept { return *pool_; }

 private:
  void run_linear(ConstMatrix x, const LinearWeights& w, Matrix y, Epilogue epilogue,
                  Workspace& ws) const;

  const KernelTable* kernels_;
  const ThreadPool* pool_;
};

}  // namespace sapiens
