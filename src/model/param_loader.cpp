#include "model/param_loader.hpp"

#include <algorithm>
#include <atomic>
#include <bit>
#include <cstdint>

#include "core/shape.hpp"

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

}  // namespace

ParamLoader::ParamLoader(std::span<const ParamSpec> params, const ParamSource& source,
                         const Ops& ops, const std::function<void(double)>& progress)
    : source_(source),
      ops_(ops),
      progress_(progress),
      scratch_(static_cast<std::size_t>(ops.pool().threads())) {
  for (const ParamSpec& param : params) {
    total_ = saturating_add(total_, checked_numel(param.shape).value_or(0));
  }
}

AlignedBuffer<float> ParamLoader::vector(const std::string& key, Index size) {
  AlignedBuffer<float> values(size);
  source_.read(key, 0, values.span());
  finish(key, count_non_finite(values.span()), size);
  return values;
}

LinearWeights ParamLoader::linear(std::string_view name, const std::string& module, Index out,
                                  Index in) {
  const Part part{module, out};
  return joined(name, {&part, 1}, in);
}

// The joined layer keeps 16-bit weights only where all parts have that type.
LinearWeights ParamLoader::joined(std::string_view name, std::span<const Part> parts, Index in) {
  Index out = 0;
  DType stored = source_.stored_type(parts.front().module + ".weight");
  for (const Part& part : parts) {
    out += part.out;
    if (source_.stored_type(part.module + ".weight") != stored) stored = DType::F32;
  }
  LinearWeights linear = ops_.make_linear(out, in, stored);
  linear.name = name;
  Index offset = 0;
  for (const Part& part : parts) {
    read_rows(part.module + ".weight", part.out, in,
              [&](Index first, ConstMatrix rows) { ops_.pack_rows(linear, offset + first, rows); });
    const AlignedBuffer<float> bias = vector(part.module + ".bias", part.out);
    std::ranges::copy(bias.span(), linear.bias.data() + offset);
    offset += part.out;
  }
  return linear;
}

LinearWeights ParamLoader::gated(std::string_view name, const std::string& module, Index hidden,
                                 Index in) {
  const std::string key = module + ".weight";
  LinearWeights linear = ops_.make_gated_linear(hidden, in, source_.stored_type(key));
  linear.name = name;
  read_rows(key, 2 * hidden, in,
            [&](Index first, ConstMatrix rows) { ops_.pack_gated_rows(linear, first, rows); });
  ops_.set_gated_bias(linear, vector(module + ".bias", 2 * hidden).span());
  return linear;
}

// Reads `key`, [rows, in], in slices, and hands each to `take` in the thread that read it.
void ParamLoader::read_rows(const std::string& key, Index rows, Index in, const TakeRows& take) {
  const Index per_slice = std::clamp(kSlice / in, Index{1}, rows);
  std::atomic<Index> non_finite = 0;
  ops_.pool().parallel_tasks((rows + per_slice - 1) / per_slice, [&](Index task, int worker) {
    const Index first = task * per_slice;
    const Index n = std::min(per_slice, rows - first);
    const std::span<float> slice = scratch(worker, n * in);
    source_.read(key, first * in, slice);
    non_finite += count_non_finite(slice);
    take(first, ConstMatrix(slice.data(), {n, in}));
  });
  finish(key, non_finite, rows * in);
}

// The outputs of a slice lie 16 numbers side by side within each input.
DeconvWeights ParamLoader::deconv(const std::string& key, Index out, Index in) {
  constexpr Index kTaps = 16, kOutputs = 64;
  DeconvWeights deconv = ops_.make_deconv(out, in, source_.stored_type(key));
  std::atomic<Index> non_finite = 0;
  ops_.pool().parallel_tasks((out + kOutputs - 1) / kOutputs, [&](Index task, int worker) {
    const Index first = task * kOutputs;
    const Index n = std::min(kOutputs, out - first);
    const std::span<float> slice = scratch(worker, in * n * kTaps);
    for (Index c = 0; c < in; ++c) {
      const auto part = static_cast<std::size_t>(n * kTaps);
      source_.read(key, (c * out + first) * kTaps,
                   slice.subspan(static_cast<std::size_t>(c) * part, part));
    }
    non_finite += count_non_finite(slice);
    ops_.pack_deconv(deconv, first, {slice.data(), {in, n, kTaps}});
  });
  finish(key, non_finite, in * out * kTaps);
  return deconv;
}

std::vector<float>& ParamLoader::scratch(int worker, Index size) {
  std::vector<float>& slice = scratch_[static_cast<std::size_t>(worker)];
  slice.resize(static_cast<std::size_t>(size));
  return slice;
}

void ParamLoader::finish(const std::string& key, Index non_finite, Index size) {
  if (non_finite > 0) non_finite_.push_back({.key = key, .count = non_finite});
  source_.release(key);
  done_ += size;
  if (progress_) progress_(static_cast<double>(done_) / static_cast<double>(total_));
}

}  // namespace sapiens
