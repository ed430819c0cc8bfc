#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <exception>
#include <map>
#include <memory>
#include <string>
#include <unordered_set>
#include <utility>

#include "checkpoint/write.hpp"
#include "checkpoint/write_sources.hpp"
#include "engine/assess.hpp"
#include "engine/model_file.hpp"
#include "engine/problems.hpp"
#include "sapiens/checkpoint.hpp"
#include "sapiens/error.hpp"
#include "sapiens/tensors.hpp"

namespace sapiens {
namespace {

TensorSource raw_source(std::string key, const TensorEntry& tensor) {
  return {
      .key = std::move(key),
      .dtype = tensor.dtype,
      .shape = tensor.shape,
      .read = [&tensor](Index first, std::span<std::byte> out) { read_raw(tensor, first, out); }};
}

// The dtype a parameter is written in: what was asked for, or the file's own.
DType output_dtype(const StateDict& dict, const Binding& binding, std::optional<DType> asked) {
  if (asked) return *asked;
  const DType own = dict.tensors[binding.tensors[0]].dtype;
  const bool uniform = std::ranges::all_of(
      binding.tensors, [&](std::size_t i) { return dict.tensors[i].dtype == own; });
  const bool storable = own == DType::F16 || own == DType::BF16;
  return uniform && storable && !binding.positions ? own : DType::F32;
}

// How many values of a parameter are NaN or infinite, by its name; filled while they are written.
using NonFiniteCounts = std::map<std::string, Index>;

ReadFloats counting(std::string key, ReadFloats read, NonFiniteCounts& counts) {
  return
      [key = std::move(key), read = std::move(read), &counts](Index first, std::span<float> out) {
        read(first, out);
        const Index bad = std::ranges::count_if(out, [](float v) { return !std::isfinite(v); });
        if (bad > 0) counts[key] += bad;
      };
}

/// A model under canonical names, every tensor read when it is asked for. Its sources refer to it
/// and to the checkpoint.
class Conversion {
 public:
  /// Throws CheckpointRefused, which says that `consequence`.
  Conversion(const Checkpoint& checkpoint, const ConvertOptions& options,
             std::string_view consequence);
  Conversion(const Conversion&) = delete;
  Conversion& operator=(const Conversion&) = delete;
  ~Conversion() = default;

  std::span<const TensorSource> sources() const { return sources_; }
  bool with_head() const { return has_head(model().task); }
  std::map<std::string, std::string> metadata() const;
  /// Complete once every source has been read; called once. Needs no memory where there is nothing
  /// to warn of, so that a file that has been written is not told as a failure.
  ConvertResult take_result();

 private:
  const DetectedModel& model() const { return assessed_->model(); }
  Family family() const { return model().encoder.family; }
  void add_parameters();
  void add_unused();

  const StateDict& dict_;
  const ConvertOptions& options_;
  std::shared_ptr<const Assessment> assessed_;
  const Plan& plan_;
  Inspection inspection_;
  std::vector<TensorSource> sources_;
  NonFiniteCounts non_finite_;
  std::vector<std::size_t> left_out_;  // unused tensors whose values cannot be read
};

Conversion::Conversion(const Checkpoint& checkpoint, const ConvertOptions& options,
                       std::string_view consequence)
    : dict_(checkpoint.state_dict()),
      options_(options),
      assessed_(checkpoint.assess(options.model)),
      plan_(assessed_->plan(use_of(model().task))),
      inspection_(assessed_->inspection(use_of(model().task))) {
  if (!is_usable(plan_.report.verdict)) throw refusal(inspection_, consequence);
  expect_layout(options_.layout, family());
  add_parameters();
  if (options.keep_unused) add_unused();
}

void Conversion::add_parameters() {
  for (std::size_t i = 0; i < plan_.params.size(); ++i) {
    const ParamSpec& param = plan_.params[i];
    const Binding& binding = plan_.bindings[i];
    sources_.push_back(
        float_source(name_in(options_.layout, family(), with_head(), param.key), param.shape,
                     output_dtype(dict_, binding, options_.dtype),
                     counting(param.key, param_reader(dict_, param, binding), non_finite_)));
  }
}

void Conversion::add_unused() {
  std::unordered_set<std::string> taken;
  for (const TensorSource& source : sources_) taken.insert(source.key);
  std::vector<bool> used(dict_.tensors.size());
  for (const Binding& binding : plan_.bindings) {
    for (const std::size_t tensor : binding.tensors) used[tensor] = true;
  }
  for (std::size_t i = 0; i < dict_.tensors.size(); ++i) {
    if (used[i]) continue;
    const TensorEntry& tensor = dict_.tensors[i];
    if (tensor.unreadable) {
      left_out_.push_back(i);
      continue;
    }
    const std::string_view path = assessed_->index().plain_path(i);
    const std::string_view parent = assessed_->names().parent();
    std::string key(path.starts_with(parent) ? path.substr(parent.size()) : path);
    key = name_in(options_.layout, family(), with_head(), key);
    if (taken.contains(key)) key = tensor.path();
    taken.insert(key);
    if (options_.dtype && is_floating(tensor.dtype)) {
      sources_.push_back(float_source(
          std::move(key), tensor.shape, *options_.dtype,
          [&tensor](Index first, std::span<float> out) { read_f32(tensor, first, out); }));
    } else {
      sources_.push_back(raw_source(std::move(key), tensor));
    }
  }
}

std::map<std::string, std::string> Conversion::metadata() const {
  auto metadata = model_metadata(model().encoder, model().arch, model().task);
  if (options_.keep_unused && model().decoder) add_decoder_metadata(*model().decoder, metadata);
  if (with_head()) add_head_metadata(*model().head, model().encoder.width, metadata);
  for (const auto& [key, value] : dict_.metadata) {
    if (key.ends_with("sapiens.random_weights")) metadata["sapiens.random_weights"] = value;
    // Names, colours and mirror partners of what the head puts out.
    if (with_head() && key.starts_with("meta.dataset_meta.")) metadata[key] = value;
  }
  return metadata;
}

ConvertResult Conversion::take_result() {
  ConvertResult result{.report = std::move(inspection_.report)};
  for (const auto& [key, count] : non_finite_) {
    result.warnings.push_back(fmt::format("{} holds NaN or infinity in {}, copied as it is", key,
                                          counted(count, "value")));
  }
  for (const std::size_t tensor : left_out_) {
    const TensorEntry& entry = dict_.tensors[tensor];
    result.warnings.push_back(
        fmt::format("{} was left out: its type {} is not read", entry.path(), entry.type_name()));
  }
  return result;
}

Tensor in_memory(const TensorSource& source) {
  Tensor tensor{.key = source.key, .dtype = source.dtype, .shape = source.shape};
  try {
    tensor.bytes.reserve(static_cast<std::size_t>(byte_size(source)));
  } catch (const std::exception&) {  // bad_alloc, or length_error for an expanded tensor
    throw Error(ErrorCode::OutOfResources, {.summary = "not enough memory for a tensor",
                                            .key = source.key,
                                            .actual = fmt::format("{} bytes", byte_size(source))});
  }
  stream_tensor(source, [&](std::span<const std::byte> piece) {
    tensor.bytes.insert(tensor.bytes.end(), piece.begin(), piece.end());
  });
  return tensor;
}

}  // namespace

ConvertResult convert_checkpoint(const Checkpoint& checkpoint, const std::filesystem::path& output,
                                 const ConvertOptions& options, const Progress& progress) {
  expect_model_file_name(output);  // before anything else is done
  const StateDict& dict = checkpoint.state_dict();
  Conversion conversion(checkpoint, options, "nothing was written");
  std::error_code ignored;
  if (std::filesystem::equivalent(dict.path, output, ignored)) {
    throw Error(ErrorCode::InvalidArgument, {.summary = "input and output are the same file",
                                             .file = dict.path,
                                             .hint = "choose another name"});
  }
  write_model_file(output, conversion.sources(), options.layout, conversion.with_head(),
                   conversion.metadata(), progress);
  return conversion.take_result();
}

ConvertedTensors convert_in_memory(const Checkpoint& checkpoint, const ConvertOptions& options,
                                   const Progress& progress) {
  Conversion conversion(checkpoint, options, "nothing was read");
  const std::span<const TensorSource> sources = conversion.sources();
  check_sources(sources);
  const auto total = static_cast<double>(std::max<std::uint64_t>(total_bytes(sources), 1));
  std::uint64_t done = 0;
  ConvertedTensors converted;
  converted.tensors.reserve(sources.size());
  for (const TensorSource& source : sources) {
    converted.tensors.push_back(in_memory(source));
    done += byte_size(source);
    if (progress) progress(static_cast<double>(done) / total);
  }
  converted.result = conversion.take_result();
  return converted;
}

}  // namespace sapiens
