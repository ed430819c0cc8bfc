#include "model/param_loader.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <bit>
#include <cassert>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <numeric>

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

// In 16 sums side by side, as vectors take them.
template <class Value>
float sum_of_squares(std::size_t count, const Value& value) noexcept {
  std::array<float, 16> sums{};
  std::size_t i = 0;
  for (; i + sums.size() <= count; i += sums.size()) {
    for (std::size_t k = 0; k < sums.size(); ++k) sums[k] += value(i + k) * value(i + k);
  }
  for (; i < count; ++i) sums[0] += value(i) * value(i);
  return std::accumulate(sums.begin(), sums.end(), 0.0f);
}

void multiply(std::span<float> values, const float* factors) noexcept {
  for (std::size_t i = 0; i < values.size(); ++i) values[i] *= factors[i];
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
                                  Index in, const Int8Plan& plan) {
  const Part part{module, out};
  return joined(name, {&part, 1}, in, plan);
}

// The joined layer keeps 16-bit weights only where all parts have that type.
LinearWeights ParamLoader::joined(std::string_view name, std::span<const Part> parts, Index in,
                                  const Int8Plan& plan) {
  Index out = 0;
  DType stored = source_.stored_type(parts.front().module + ".weight");
  for (const Part& part : parts) {
    out += part.out;
    if (source_.stored_type(part.module + ".weight") != stored) stored = DType::F32;
  }
  LinearWeights linear = ops_.make_linear(out, in, stored, plan.quantized);
  linear.name = name;
  Index offset = 0;
  for (const Part& part : parts) {
    read_rows(part.module + ".weight", part.out, in, plan, offset,
              [&](Index first, ConstMatrix rows) { ops_.pack_rows(linear, offset + first, rows); });
    const AlignedBuffer<float> values = bias(part.module, part.out, plan, offset);
    std::ranges::copy(values.span(), linear.bias.data() + offset);
    offset += part.out;
    if (quantizes() && !plan.quantized) unquantized_.push_back(part.module + ".weight");
  }
  return linear;
}

LinearWeights ParamLoader::gated(std::string_view name, const std::string& module, Index hidden,
                                 Index in, const Int8Plan& plan) {
  assert(plan.quantized);
  const std::string key = module + ".weight";
  LinearWeights linear = ops_.make_gated_linear(hidden, in, source_.stored_type(key));
  linear.name = name;
  read_rows(key, 2 * hidden, in, plan, 0,
            [&](Index first, ConstMatrix rows) { ops_.pack_gated_rows(linear, first, rows); });
  ops_.set_gated_bias(linear, bias(module, 2 * hidden, plan, 0).span());
  return linear;
}

AlignedBuffer<float> ParamLoader::bias(const std::string& module, Index out, const Int8Plan& plan,
                                       Index offset) {
  AlignedBuffer<float> values = vector(module + ".bias", out);
  if (!plan.rows.empty()) multiply(values.span(), plan.rows.data() + offset);
  return values;
}

void ParamLoader::read_slices(const std::string& key, Index rows, Index in, const TakeSlice& take) {
  const Index per_slice = std::clamp(kSlice / in, Index{1}, rows);
  ops_.pool().parallel_tasks((rows + per_slice - 1) / per_slice, [&](Index task, int worker) {
    const Index first = task * per_slice;
    const Index n = std::min(per_slice, rows - first);
    const std::span<float> slice = scratch(worker, n * in);
    source_.read(key, first * in, slice);
    take(first, Matrix(slice.data(), {n, in}), worker);
  });
}

void ParamLoader::read_rows(const std::string& key, Index rows, Index in, const Int8Plan& plan,
                            Index offset, const TakeRows& take) {
  std::atomic<Index> non_finite = 0;
  read_slices(key, rows, in, [&](Index first, Matrix slice, int) {
    const Index n = slice.extent(0);
    non_finite += count_non_finite({slice.data(), static_cast<std::size_t>(n * in)});
    for (Index r = 0; r < n; ++r) {
      const std::span<float> row(slice.data() + r * in, static_cast<std::size_t>(in));
      if (!plan.columns.empty()) multiply(row, plan.columns.data());
      if (plan.rows.empty()) continue;
      const float factor = plan.rows[static_cast<std::size_t>(offset + first + r)];
      if (factor != 1) std::ranges::for_each(row, [=](float& w) { w *= factor; });
    }
    take(first, slice);
  });
  finish(key, non_finite, rows * in);
}

WeightScan ParamLoader::scan(std::span<const Part> parts, std::span<const float> sizes) {
  WeightScan found{.columns = std::vector<float>(sizes.size())};
  std::vector<std::vector<float>> columns(scratch_.size(), found.columns);  // of each worker
  std::vector<float> weights, products;  // sums of squares of each row
  for (const Part& part : parts) {
    const std::size_t offset = weights.size(), end = offset + static_cast<std::size_t>(part.out);
    for (std::vector<float>* const rows : {&found.outputs, &weights, &products}) rows->resize(end);
    source_.read(part.module + ".bias", 0, std::span(found.outputs).subspan(offset));
    read_slices(part.module + ".weight", part.out, std::ssize(sizes),
                [&](Index first, Matrix slice, int worker) {
                  std::vector<float>& largest = columns[static_cast<std::size_t>(worker)];
                  for (Index r = 0; r < slice.extent(0); ++r) {
                    const std::size_t at = offset + static_cast<std::size_t>(first + r);
                    const float* const row = slice.data() + r * std::ssize(sizes);
                    weights[at] =
                        sum_of_squares(sizes.size(), [&](std::size_t i) { return row[i]; });
                    products[at] = sum_of_squares(sizes.size(),
                                                  [&](std::size_t i) { return row[i] * sizes[i]; });
                    const float norm = std::sqrt(products[at]);
                    found.outputs[at] = norm + std::abs(found.outputs[at]);
                    if (norm == 0) continue;
                    const float inverse = 1 / norm;
                    for (std::size_t i = 0; i < sizes.size(); ++i) {
                      largest[i] = std::max(largest[i], std::abs(row[i]) * inverse);
                    }
                  }
                });
  }
  for (const std::vector<float>& largest : columns) {
    std::ranges::transform(largest, found.columns, found.columns.begin(),
                           [](float a, float b) { return std::max(a, b); });
  }
  // In the order of rows, so that the number of threads changes nothing.
  const double all = std::accumulate(products.begin(), products.end(), 0.0);
  if (all == 0) return found;
  const double ratio = std::accumulate(weights.begin(), weights.end(), 0.0) / all;
  found.gain = static_cast<float>(std::sqrt(ratio));
  return found;
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
