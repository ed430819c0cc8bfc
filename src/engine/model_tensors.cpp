#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <exception>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "checkpoint/write_sources.hpp"
#include "core/half.hpp"
#include "core/shape.hpp"
#include "engine/assess_as.hpp"
#include "engine/loading.hpp"
#include "engine/problems.hpp"
#include "reconcile/materialize.hpp"
#include "sapiens/error.hpp"
#include "sapiens/tensors.hpp"

namespace sapiens {
namespace {

// 16 bits where all of a parameter's values have the same such type in the file.
DType type_of(const StateDict& dict, const Binding& binding) {
  if (binding.tensors.empty()) return DType::F32;
  const DType own = dict.tensors[binding.tensors[0]].dtype;
  const bool uniform = std::ranges::all_of(
      binding.tensors, [&](std::size_t i) { return dict.tensors[i].dtype == own; });
  return uniform && (own == DType::F16 || own == DType::BF16) ? own : DType::F32;
}

Tensor make_tensor(const ParamSpec& param, DType dtype) {
  Tensor tensor{.key = param.key, .dtype = dtype, .shape = param.shape};
  const auto bytes =
      static_cast<std::size_t>(checked_numel(param.shape).value_or(0)) * dtype_size(dtype);
  try {
    tensor.bytes.resize(bytes);
  } catch (const std::exception&) {  // bad_alloc, or length_error
    throw Error(ErrorCode::OutOfResources, {.summary = "not enough memory for a tensor",
                                            .key = param.key,
                                            .actual = fmt::format("{} bytes", bytes)});
  }
  return tensor;
}

Index count_non_finite(std::span<const float> values) {
  return std::ranges::count_if(values, [](float value) { return !std::isfinite(value); });
}

// Fills `tensor`; returns how many of its values are not finite.
Index read_values(const StateDict& dict, const Binding& binding, Tensor& tensor) {
  const std::size_t size = dtype_size(tensor.dtype);
  const std::size_t numel = tensor.bytes.size() / size;
  if (tensor.dtype == DType::F32) {
    const std::span<float> values(reinterpret_cast<float*>(tensor.bytes.data()), numel);
    materialize(dict, binding, 0, values);
    return count_non_finite(values);
  }
  // A resized table can only be read as a whole; it is small.
  constexpr std::size_t kSlice = std::size_t{1} << 18;
  std::vector<float> values(binding.positions ? numel : std::min(numel, kSlice));
  Index non_finite = 0;
  for (std::size_t first = 0; first < numel; first += values.size()) {
    values.resize(std::min(values.size(), numel - first));
    materialize(dict, binding, static_cast<Index>(first), values);
    non_finite += count_non_finite(values);
    encode_floats(values, tensor.dtype,
                  std::span(tensor.bytes).subspan(first * size, values.size() * size));
  }
  return non_finite;
}

}  // namespace

ModelTensors read_model(const Checkpoint& checkpoint, std::optional<Use> use,
                        const ModelOptions& options, const Progress& progress) {
  AssessedModel found = assess_as(use, checkpoint, options);
  const StateDict& dict = checkpoint.state_dict();
  const Plan& plan = found.assessment->plan(found.use);
  ModelTensors model;
  if (found.use == Use::Reconstruct) {
    model.decoder_heads = found.assessment->model(found.use).decoder->heads;
  }
  std::vector<NonFinite> non_finite;
  for (std::size_t i = 0; i < plan.params.size(); ++i) {
    Tensor tensor = make_tensor(plan.params[i], type_of(dict, plan.bindings[i]));
    const Index bad = read_values(dict, plan.bindings[i], tensor);
    if (bad > 0) non_finite.push_back({.key = tensor.key, .count = bad});
    release(dict, plan.bindings[i]);
    model.tensors.push_back(std::move(tensor));
    if (progress) progress(static_cast<double>(i + 1) / static_cast<double>(plan.params.size()));
  }
  // As Encoder alone does.
  const bool allowed = options.allow_partial && found.use == Use::Features;
  if (!non_finite.empty() && !allowed) {
    throw non_finite_error(found.inspection.file, non_finite);
  }
  model.inspection = std::move(found.inspection);
  model.partial = found.partial || !non_finite.empty();
  for (const NonFinite& bad : non_finite) {
    model.inspection.report.notes.push_back(
        fmt::format("{} holds NaN or infinity in {}", bad.key, counted(bad.count, "value")));
  }
  return model;
}

}  // namespace sapiens
