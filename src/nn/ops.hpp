#pragma once

#include <cstddef>
#include <initializer_list>
#include <span>
#include <string_view>

#include "core/aligned_buffer.hpp"
#include "core/function_ref.hpp"
#include "core/thread_pool.hpp"
#include "core/workspace.hpp"
#include "kernels/kernel_table.hpp"
#include "nn/activations.hpp"
#include "nn/profile.hpp"
#include "nn/split.hpp"
#include "sapiens/dtype.hpp"
#include "sapiens/precision.hpp"
#include "sapiens/tensor_view.hpp"

namespace sapiens {

struct LayerNormWeights {
  AlignedBuffer<float> gamma, beta;  // [width]
};

/// y = x W^T + b. `weight` is in the packed order of `kernel`, the only one that can read it.
struct LinearWeights {
  const LinearKernel* kernel = nullptr;
  AlignedBuffer<std::byte> weight;
  AlignedBuffer<float> bias;  // [out]
  Index in = 0, out = 0;
  std::string_view name = "linear";  // in profiles

  std::size_t bytes() const noexcept {
    return weight.span().size() + bias.span().size() * sizeof(float);
  }
};

/// Some rows of one of the layers that `Ops::linear_gathered` runs together.
struct RowBlock {
  Index layer = 0;
  Index part = 0;  // of `Ops::row_blocks`
  Index first = 0, rows = 0;
};

/// Where rows of x come from and rows of y go to, block by block, in scratch memory that stays in
/// cache: x need not exist as a matrix, and y may land anywhere. Called from several threads.
struct GatheredRows {
  Index rows = 0;
  ActivationType x_type = ActivationType::F32, y_type = ActivationType::F32;
  FunctionRef<void(const RowBlock& block, Activations x)> gather;
  FunctionRef<void(const RowBlock& block, Activations y)> take;
};

/// The operators of a transformer in one precision, spread over a thread pool. This is where shapes
/// are checked; a misfit throws `Error(ShapeMismatch)`.
///
/// The result is the same, bit by bit, whatever the number of threads, and a row of `linear*` and
/// `layer_norm` does not depend on the other rows. It may differ between instruction sets.
class Ops {
 public:
  /// Borrows kernels and pool, which must outlive this object. `Auto` becomes what suits the
  /// kernels best.
  Ops(const KernelTable& kernels, const ThreadPool& pool,
      Precision precision = Precision::Fp32) noexcept;

  /// Never Auto.
  Precision precision() const noexcept { return precision_; }
  /// How activations stand in memory between operators, except for the residual stream: F32.
  ActivationType activation_type() const noexcept;

  /// From now on the operators add their times to `profile`; null ends that.
  void set_profile(Profile* profile) noexcept { profile_ = profile; }

  /// `weight` is PyTorch's [out, in]; an empty `bias` is all zero. `stored` is the type of the
  /// numbers in the file: fp32 arithmetic keeps what was 16 bits wide at 16 bits.
  LinearWeights pack_linear(ConstMatrix weight, std::span<const float> bias,
                            DType stored = DType::F32) const;

  /// The same in slices, for tensors too big to convert at once: `make_linear` gives a layer whose
  /// bias is zero, then `pack_rows` fills its outputs [first_row, first_row + rows). Every row has
  /// to be filled once before the layer is used.
  LinearWeights make_linear(Index out, Index in, DType stored = DType::F32) const;
  void pack_rows(LinearWeights& linear, Index first_row, ConstMatrix rows) const;

  /// y = x W^T + b;  x [rows, in], y [rows, out], which must not overlap.
  void linear(ConstActivations x, const LinearWeights& w, Activations y, Workspace& ws) const;
  /// y = gelu(x W^T + b), with the exact erf.
  void linear_gelu(ConstActivations x, const LinearWeights& w, Activations y, Workspace& ws) const;
  /// y += x W^T + b
  void linear_add(ConstActivations x, const LinearWeights& w, Matrix y, Workspace& ws) const;

  /// y = x W^T + b for each of the layers, which are of one kind and size, on the same rows.
  void linear_gathered(std::span<const LinearWeights> layers, const GatheredRows& rows,
                       Workspace& ws) const;
  /// The blocks that `linear_gathered` cuts rows into. They do not depend on the threads.
  Split row_blocks(const LinearWeights& w, Index rows) const noexcept;
  /// What `linear_gathered` takes from its workspace.
  std::size_t gathered_bytes(const LinearWeights& w, ActivationType x_type,
                             ActivationType y_type) const noexcept;

  /// eps is 1e-6; y may be x.
  void layer_norm(ConstMatrix x, const LayerNormWeights& w, Activations y) const;

  /// Self-attention of one image. A row of `qkv` [N, 3C] is q | k | v, each with the head slow and
  /// the head dimension fast; y [N, C] = softmax(q k^T / sqrt(head_dim)) v, which must not overlap
  /// and has the same type of numbers.
  void attention(ConstActivations qkv, Index heads, Activations y, Workspace& ws) const;

  /// The most scratch that one of the operators above takes from its workspace: attention over
  /// `tokens`, linear layers of so many inputs.
  std::size_t workspace_bytes(Index tokens, Index head_dim,
                              std::initializer_list<Index> inputs) const;

  const ThreadPool& pool() const noexcept { return *pool_; }
  const KernelTable& kernels() const noexcept { return *kernels_; }
  Profile* profile() const noexcept { return profile_; }

 private:
  const LinearKernel& linear_kernel(DType stored) const noexcept;
  const AttentionKernel& attention_kernel() const noexcept;
  std::string_view arithmetic(const LinearKernel& kernel) const noexcept;
  std::string_view arithmetic(const AttentionKernel& kernel) const noexcept;
  void run_linear(ConstActivations x, const LinearWeights& w, Activations y, Epilogue epilogue,
                  Workspace& ws) const;

  const KernelTable* kernels_;
  const ThreadPool* pool_;
  Precision precision_;
  Profile* profile_ = nullptr;
};

}  // namespace sapiens
