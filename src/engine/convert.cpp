#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <iterator>
#include <map>
#include <memory>
#include <utility>

#include "checkpoint/write.hpp"
#include "core/encode_floats.hpp"
#include "engine/assess.hpp"
#include "engine/random_weights.hpp"
#include "model/params.hpp"
#include "model/rtmdet_params.hpp"
#include "reconcile/materialize.hpp"
#include "sapiens/error.hpp"
#include "sapiens/version.hpp"

namespace sapiens {
namespace {

enum class Container { Torch, Safetensors };

Container container_of(const std::filesystem::path& output) {
  if (output.extension() == ".pth") return Container::Torch;
  if (output.extension() == ".safetensors") return Container::Safetensors;
  throw Error(ErrorCode::InvalidArgument,
              {.summary = "the output's name decides its format",
               .file = output.string(),
               .expected = "a name ending in .pth or .safetensors",
               .actual = fmt::format("\"{}\"", output.extension().string())});
}

// Numbers are made as float32 and stored as `dtype`.
using ReadFloats = std::function<void(Index first, std::span<float> out)>;

// A weight that silently became infinite would ruin every feature.
void expect_range(const std::string& key, std::span<const float> values, DType dtype) {
  if (dtype != DType::F16) return;
  constexpr float kRoundsToInfinity = 65520;
  const auto too_large = std::ranges::find_if(
      values, [](float v) { return std::isfinite(v) && std::abs(v) >= kRoundsToInfinity; });
  if (too_large == values.end()) return;
  throw Error(ErrorCode::InvalidArgument, {.summary = "a weight is too large for f16",
                                           .key = key,
                                           .expected = "numbers below 65520",
                                           .actual = fmt::format("{}", *too_large),
                                           .hint = "bf16 has the range of f32, at half its size"});
}

TensorSource float_source(std::string key, std::vector<Index> shape, DType dtype, ReadFloats read) {
  return {.key = key,
          .dtype = dtype,
          .shape = std::move(shape),
          .read = [key = std::move(key), dtype, read = std::move(read)](Index first,
                                                                        std::span<std::byte> out) {
            std::vector<float> values(out.size() / dtype_size(dtype));
            read(first, values);
            expect_range(key, values, dtype);
            encode_floats(values, dtype, out);
          }};
}

TensorSource raw_source(std::string key, const TensorEntry& tensor) {
  return {
      .key = std::move(key),
      .dtype = tensor.dtype,
      .shape = tensor.shape,
      .read = [&tensor](Index first, std::span<std::byte> out) { read_raw(tensor, first, out); }};
}

// The name of canonical parameter `key` in a file of `layout`. Files of task models keep their
// prefixes: there, "clean" has always meant state_dict and meta without training state.
std::string name_in(Layout layout, bool with_head, const std::string& key) {
  constexpr std::string_view kBackbone = "backbone.";
  if (layout == Layout::Clean && !with_head && key.starts_with(kBackbone))
    return key.substr(kBackbone.size());
  return key;
}

// The keys as they are called within "meta".
std::map<std::string, std::string> inside_meta(const std::map<std::string, std::string>& metadata) {
  constexpr std::string_view kMeta = "meta.";
  std::map<std::string, std::string> inside;
  for (const auto& [key, value] : metadata) {
    inside[key.starts_with(kMeta) ? key.substr(kMeta.size()) : key] = value;
  }
  return inside;
}

void write(const std::filesystem::path& output, std::span<const TensorSource> sources,
           Layout layout, bool with_head, std::map<std::string, std::string> metadata,
           const Progress& progress) {
  metadata["sapiens.writer"] = fmt::format("sapiens.cpp {}", SAPIENS_VERSION);
  const WriteProgress report = [&](std::uint64_t done, std::uint64_t total) {
    if (progress)
      progress(total > 0 ? static_cast<double>(done) / static_cast<double>(total) : 1.0);
  };
  if (container_of(output) == Container::Safetensors) {
    write_safetensors(output, sources, metadata, report);
  } else {
    const bool wrap = layout == Layout::MMEngine || with_head;
    if (wrap) metadata = inside_meta(metadata);
    write_torch_zip(output, sources,
                    {.wrap_in_state_dict = wrap, .attributes = std::move(metadata)}, report);
  }
}

// What the weights cannot tell about themselves.
std::map<std::string, std::string> model_metadata(const EncoderConfig& encoder,
                                                  std::string_view arch, Task task) {
  std::map<std::string, std::string> metadata{
      {"sapiens.arch", std::string(arch)},
      {"sapiens.task", std::string(task_name(task))},
      {"sapiens.grid", fmt::format("{}x{}", encoder.grid.height, encoder.grid.width)},
      {"sapiens.patch_padding", std::to_string(encoder.patch_padding)},
  };
  if (encoder.heads > 0) metadata["sapiens.heads"] = std::to_string(encoder.heads);
  return metadata;
}

void add_decoder_metadata(const DecoderConfig& decoder,
                          std::map<std::string, std::string>& metadata) {
  if (decoder.heads > 0) metadata["sapiens.decoder_heads"] = std::to_string(decoder.heads);
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

ReadFloats param_reader(const StateDict& dict, const ParamSpec& param, const Binding& binding) {
  if (!binding.positions) {
    return [&dict, &binding](Index first, std::span<float> out) {
      materialize(dict, binding, first, out);
    };
  }
  // A resized table is made whole; it is small.
  Index numel = 1;
  for (const Index extent : param.shape) numel *= extent;
  auto table = std::make_shared<std::vector<float>>(static_cast<std::size_t>(numel));
  materialize(dict, binding, 0, *table);
  return [table](Index first, std::span<float> out) {
    std::copy_n(table->begin() + first, out.size(), out.begin());
  };
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

void append_unused(const StateDict& dict, const Assessment& assessed, Layout layout, bool with_head,
                   std::optional<DType> asked, std::vector<TensorSource>& sources) {
  std::vector<bool> used(dict.tensors.size());
  for (const Binding& binding : assessed.whole.bindings) {
    for (const std::size_t tensor : binding.tensors) used[tensor] = true;
  }
  for (std::size_t i = 0; i < dict.tensors.size(); ++i) {
    if (used[i]) continue;
    const TensorEntry& tensor = dict.tensors[i];
    const std::string_view path = assessed.index.plain_path(i);
    const std::string_view parent = assessed.names.parent();
    std::string key(path.starts_with(parent) ? path.substr(parent.size()) : path);
    key = name_in(layout, with_head, key);
    const bool taken =
        std::ranges::any_of(sources, [&](const TensorSource& other) { return other.key == key; });
    if (taken) key = tensor.path();
    if (asked && is_floating(tensor.dtype)) {
      sources.push_back(float_source(
          std::move(key), tensor.shape, *asked,
          [&tensor](Index first, std::span<float> out) { read_f32(tensor, first, out); }));
    } else {
      sources.push_back(raw_source(std::move(key), tensor));
    }
  }
}

constexpr std::string_view kDetectorArch = "rtmdet-m";

void expect_detector_options(const SynthOptions& options) {
  if (options.task == SynthOptions{}.task || options.task == "detect") return;
  throw Error(ErrorCode::InvalidArgument, {.summary = "a detector has no other task",
                                           .key = "--task",
                                           .expected = "detect, or none",
                                           .actual = options.task});
}

// The convolutions that the levels of the head share are one in the original and stand in its file
// under the name of each level; here they are written out each time, with the same numbers.
ParamSpec shared_spec(ParamSpec param) {
  for (const std::string_view branch : {"bbox_head.cls_convs.", "bbox_head.reg_convs."}) {
    if (param.key.starts_with(branch) && param.key.ends_with(".conv.weight")) {
      param.key[branch.size()] = '0';
    }
  }
  return param;
}

std::vector<TensorSource> detector_sources(const SynthOptions& options) {
  std::vector<TensorSource> sources;
  for (const ParamSpec& param : rtmdet_layout(published_rtmdet_m())) {
    if (param.key.ends_with(".num_batches_tracked")) {
      sources.push_back(
          {.key = param.key,
           .dtype = DType::I64,
           .shape = {},
           .read = [](Index, std::span<std::byte> out) { std::ranges::fill(out, std::byte{0}); }});
      continue;
    }
    const RandomParam random(shared_spec(param), {}, 0, options.seed);
    sources.push_back(
        float_source(param.key, param.shape, options.dtype,
                     [random](Index first, std::span<float> out) { random.read(first, out); }));
  }
  return sources;
}

std::string random_note(const SynthOptions& options) {
  return fmt::format("made by `sapiens synth` with seed {}; never trained, good for testing only",
                     options.seed);
}

void synthesize_detector(const std::filesystem::path& output, const SynthOptions& options,
                         const Progress& progress) {
  expect_detector_options(options);
  write(output, detector_sources(options), Layout::MMEngine, true,
        {{"sapiens.arch", std::string(kDetectorArch)},
         {"sapiens.task", "detect"},
         {"sapiens.random_weights", random_note(options)}},
        progress);
}

}  // namespace

ConvertResult convert_checkpoint(const Checkpoint& checkpoint, const std::filesystem::path& output,
                                 const ConvertOptions& options, const Progress& progress) {
  static_cast<void>(container_of(output));  // before anything else is done
  const StateDict& dict = checkpoint.state_dict();
  const Assessment assessed = assess(dict, options.model, Subject::WholeModel);
  const Plan& plan = assessed.whole;
  if (!is_usable(plan.report.verdict)) throw refusal(assessed.inspection, "nothing was written");
  std::error_code ignored;
  if (std::filesystem::equivalent(dict.path, output, ignored)) {
    throw Error(ErrorCode::InvalidArgument, {.summary = "input and output are the same file",
                                             .file = dict.path,
                                             .hint = "choose another name"});
  }

  const bool with_head = has_head(assessed.model.task);
  std::vector<TensorSource> sources;
  NonFiniteCounts non_finite;
  for (std::size_t i = 0; i < plan.params.size(); ++i) {
    const ParamSpec& param = plan.params[i];
    const Binding& binding = plan.bindings[i];
    sources.push_back(
        float_source(name_in(options.layout, with_head, param.key), param.shape,
                     output_dtype(dict, binding, options.dtype),
                     counting(param.key, param_reader(dict, param, binding), non_finite)));
  }
  if (options.keep_unused)
    append_unused(dict, assessed, options.layout, with_head, options.dtype, sources);

  auto metadata =
      model_metadata(assessed.model.encoder, assessed.inspection.model.arch, assessed.model.task);
  if (options.keep_unused && assessed.model.decoder) {
    add_decoder_metadata(*assessed.model.decoder, metadata);
  }
  for (const auto& [key, value] : dict.metadata) {
    if (key.ends_with("sapiens.random_weights")) metadata["sapiens.random_weights"] = value;
    // Names, colours and mirror partners of what the head puts out.
    if (with_head && key.starts_with("meta.dataset_meta.")) metadata[key] = value;
  }
  write(output, sources, options.layout, with_head, std::move(metadata), progress);

  ConvertResult result{.report = assessed.inspection.report};
  for (const auto& [key, count] : non_finite) {
    result.warnings.push_back(fmt::format(
        "{} holds {} values that are NaN or infinite; they were copied as they are", key, count));
  }
  return result;
}

void synthesize_checkpoint(const std::filesystem::path& output, const SynthOptions& options,
                           const Progress& progress) {
  static_cast<void>(container_of(output));
  if (options.arch == kDetectorArch) return synthesize_detector(output, options, progress);
  const SynthModel model = synth_model(options);
  const bool with_head = has_head(model.task);
  std::vector<ParamSpec> params = model.params;
  // A full pretraining file holds the decoder; a cleaned one never does.
  const bool with_decoder = model.decoder && options.layout == Layout::MMEngine;
  if (with_decoder) {
    std::ranges::move(decoder_params(*model.decoder, model.encoder.width),
                      std::back_inserter(params));
  }

  std::vector<TensorSource> sources;
  for (const ParamSpec& param : params) {
    const RandomParam random(param, model.encoder.grid, model.encoder.extra_tokens(), options.seed);
    sources.push_back(
        float_source(name_in(options.layout, with_head, param.key), param.shape, options.dtype,
                     [random](Index first, std::span<float> out) { random.read(first, out); }));
  }
  auto metadata = model_metadata(model.encoder, model.arch->name, model.task);
  if (with_decoder) add_decoder_metadata(*model.decoder, metadata);
  metadata["sapiens.random_weights"] = random_note(options);
  write(output, sources, options.layout, with_head, std::move(metadata), progress);
}

}  // namespace sapiens
