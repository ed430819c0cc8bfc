#include "model/weights.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <bit>
#include <cstdint>
#include <string_view>
#include <utility>

#include "model/params.hpp"

namespace sapiens {
namespace {

// Values that a thread converts at a time: 1 MB of float, which stays in its L2 cache.
constexpr Index kSlice = Index{1} << 18;

Index count_non_finite(std::span<const float> values) noexcept {
  constexpr std::uint32_t kExponent = 0x7f800000;  // all ones: infinity or NaN
  Index count = 0;
  for (const float value : values)
    count += (std::bit_cast<std::uint32_t>(value) & kExponent) == kExponent;
  return count;
}

class Loader {
 public:
  Loader(const EncoderConfig& config, const ParamSource& source, const Ops& ops,
         const std::function<void(double)>& progress)
      : config_(config), source_(source), ops_(ops), progress_(progress) {
    for (const ParamSpec& param : encoder_params(config)) total_ += checked_size(param.shape);
    for (int i = 0; i < ops.pool().threads(); ++i) scratch_.emplace_back();
  }

  LoadedEncoder run() {
    EncoderWeights& w = loaded_.weights;
    const Index C = config_.width;
    const Index M = config_.mlp_width;
    if (config_.cls_token) w.cls_token = vector("backbone.cls_token", C);
    w.pos_embed = vector("backbone.pos_embed", config_.tokens() * C);
    w.patch_embed = linear("embed", "backbone.patch_embed.projection", C, 3 * kPatch * kPatch);
    for (Index i = 0; i < config_.depth; ++i) {
      const std::string layer = fmt::format("backbone.layers.{}", i);
      BlockWeights block;
      block.ln1 = layer_norm(layer + ".ln1");
      block.qkv = linear("qkv", layer + ".attn.qkv", 3 * C, C);
      block.proj = linear("proj", layer + ".attn.proj", C, C);
      block.ln2 = layer_norm(layer + ".ln2");
      block.fc1 = linear("fc1", layer + ".ffn.layers.0.0", M, C);
      block.fc2 = linear("fc2", layer + ".ffn.layers.1", C, M);
      w.blocks.push_back(std::move(block));
    }
    w.final_norm = layer_norm("backbone.ln1");
    return std::move(loaded_);
  }

 private:
  static Index checked_size(std::span<const Index> shape) {
    Index size = 1;
    for (const Index extent : shape) size *= extent;
    return size;
  }

  LayerNormWeights layer_norm(const std::string& module) {
    LayerNormWeights norm;
    norm.gamma = vector(module + ".weight", config_.width);
    norm.beta = vector(module + ".bias", config_.width);
    return norm;
  }

  AlignedBuffer<float> vector(const std::string& key, Index size) {
    AlignedBuffer<float> values(size);
    source_.read(key, 0, values.span());
    finish(key, count_non_finite(values.span()), size);
    return values;
  }

  // Converts and packs slices of rows, each in the thread that read it.
  LinearWeights linear(std::string_view name, const std::string& module, Index out, Index in) {
    const std::string key = module + ".weight";
    LinearWeights linear =
        ops_.make_linear(out, in, source_.stored ? source_.stored(key) : DType::F32);
    linear.name = name;
    const Index rows = std::clamp(kSlice / in, Index{1}, out);
    std::atomic<Index> non_finite = 0;
    ops_.pool().parallel_tasks((out + rows - 1) / rows, [&](Index task, int worker) {
      const Index first = task * rows;
      const Index n = std::min(rows, out - first);
      std::vector<float>& slice = scratch_[static_cast<std::size_t>(worker)];
      slice.resize(static_cast<std::size_t>(n * in));
      source_.read(key, first * in, slice);
      non_finite += count_non_finite(slice);
      ops_.pack_rows(linear, first, ConstMatrix(slice.data(), {n, in}));
    });
    finish(key, non_finite, out * in);
    linear.bias = vector(module + ".bias", out);
    return linear;
  }

  void finish(const std::string& key, Index non_finite, Index size) {
    if (non_finite > 0) loaded_.non_finite.push_back({.key = key, .count = non_finite});
    if (source_.done) source_.done(key);
    done_ += size;
    if (progress_) progress_(static_cast<double>(done_) / static_cast<double>(total_));
  }

  const EncoderConfig& config_;
  const ParamSource& source_;
  const Ops& ops_;
  const std::function<void(double)>& progress_;
  Index total_ = 0;
  Index done_ = 0;
  std::vector<std::vector<float>> scratch_;  // one per worker
  LoadedEncoder loaded_;
};

std::size_t bytes_of(const LayerNormWeights& norm) noexcept {
  return (norm.gamma.span().size() + norm.beta.span().size()) * sizeof(float);
}

std::size_t bytes_of(const LinearWeights& linear) noexcept {
  return linear.weight.span().size() + linear.bias.span().size() * sizeof(float);
}

}  // namespace

std::size_t EncoderWeights::bytes() const noexcept {
  std::size_t total = (cls_token.span().size() + pos_embed.span().size()) * sizeof(float);
  total += bytes_of(patch_embed) + bytes_of(final_norm);
  for (const BlockWeights& block : blocks) {
    total += bytes_of(block.ln1) + bytes_of(block.qkv) + bytes_of(block.proj) +
             bytes_of(block.ln2) + bytes_of(block.fc1) + bytes_of(block.fc2);
  }
  return total;
}

LoadedEncoder load_encoder(const EncoderConfig& config, const ParamSource& source, const Ops& ops,
                           const std::function<void(double)>& progress) {
  return Loader(config, source, ops, progress).run();
}

}  // namespace sapiens
