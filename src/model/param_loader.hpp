#pragma once

#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "nn/ops.hpp"
#include "reconcile/param_spec.hpp"

namespace sapiens {

/// Where weights come from: a checkpoint through its plan, or a generator of random numbers.
class ParamSource {
 public:
  virtual ~ParamSource() = default;

  /// Fills `out` with elements [first, first + out.size()) of parameter `key`, in row-major order.
  /// Called from several threads.
  virtual void read(const std::string& key, Index first, std::span<float> out) const = 0;
  /// The type in which the values of `key` are stored in the source.
  virtual DType stored_type(const std::string& /*key*/) const { return DType::F32; }
  /// Called once when the values of `key` are not needed any more.
  virtual void release(const std::string& /*key*/) const {}
};

/// A parameter that holds NaN or infinity.
struct NonFinite {
  std::string key = {};
  Index count = 0;  ///< How many of its values are not finite.
};

/// How a layer is prepared for numbers of 8 bits.
struct Int8Plan {
  /// What it is multiplied by while it is read, W[o, i] by rows[o] columns[i] and b[o] by rows[o];
  /// empty for 1.
  std::vector<float> rows = {}, columns = {};
  /// False where 8 bits would lose too much: the layer computes in bf16 or fp32.
  bool quantized = true;
};

/// How large the numbers of a layer are, W [out, in], for inputs of given sizes.
struct WeightScan {
  /// [in]: the largest |W[o, i]| / norm of W[o, :] size[:]. Each row of weights gets a scale of its
  /// own when it is rounded, so that only shares of a row compare.
  std::vector<float> columns = {};
  std::vector<float> outputs = {};  ///< [out]: the norm of W[o, :] size[:], plus |b[o]|.
  /// The norm of W over that of W[:, :] size[:]; 0 where that is 0.
  float gain = 0;
};

/// Reads, converts and packs parameters slice by slice, so that no tensor is ever held twice.
/// Counts values that are not finite, and reports the fraction of values done to `progress`.
class ParamLoader {
 public:
  ParamLoader(std::span<const ParamSpec> params, const ParamSource& source, const Ops& ops,
              const std::function<void(double)>& progress);

  AlignedBuffer<float> vector(const std::string& key, Index size);
  /// `module`.weight, read as [out, in], and `module`.bias.
  LinearWeights linear(std::string_view name, const std::string& module, Index out, Index in,
                       const Int8Plan& plan = {});
  /// Layers with the same input as one, which computes their outputs side by side.
  struct Part {
    std::string module;
    Index out = 0;
  };
  LinearWeights joined(std::string_view name, std::span<const Part> parts, Index in,
                       const Int8Plan& plan = {});
  /// `module`.weight, read as [2 hidden, in], and `module`.bias, for `Ops::linear_swiglu`.
  LinearWeights gated(std::string_view name, const std::string& module, Index hidden, Index in,
                      const Int8Plan& plan = {});
  /// `key`, [in, out, 4, 4].
  DeconvWeights deconv(const std::string& key, Index out, Index in);

  /// Whether linear layers multiply numbers of 8 bits.
  bool quantizes() const noexcept { return ops_.precision() == Precision::Int8; }
  /// Of a layer that is read afterwards, with inputs of these sizes.
  WeightScan scan(std::span<const Part> parts, std::span<const float> sizes);

  /// In the order in which they were read.
  std::vector<NonFinite> take_non_finite() { return std::move(non_finite_); }
  /// Likewise, the weights of layers that `Int8Plan::quantized` kept from being rounded to 8 bits.
  std::vector<std::string> take_unquantized() { return std::move(unquantized_); }

 private:
  using TakeSlice = std::function<void(Index first, Matrix rows, int worker)>;
  /// Reads `key`, [rows, in], in slices, and hands each to `take` in the thread that read it.
  void read_slices(const std::string& key, Index rows, Index in, const TakeSlice& take);
  using TakeRows = std::function<void(Index first, ConstMatrix rows)>;
  /// The same for the last time; `offset` is where the rows are in those of `plan`.
  void read_rows(const std::string& key, Index rows, Index in, const Int8Plan& plan, Index offset,
                 const TakeRows& take);
  AlignedBuffer<float> bias(const std::string& module, Index out, const Int8Plan& plan,
                            Index offset);
  std::vector<float>& scratch(int worker, Index size);
  void finish(const std::string& key, Index non_finite, Index size);

  const ParamSource& source_;
  const Ops& ops_;
  const std::function<void(double)>& progress_;
  Index total_ = 0;
  Index done_ = 0;
  std::vector<std::vector<float>> scratch_;  // one per worker
  std::vector<NonFinite> non_finite_;
  std::vector<std::string> unquantized_;
};

}  // namespace sapiens
