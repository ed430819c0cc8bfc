#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <utility>

#include "engine/model_file.hpp"
#include "engine/random_weights.hpp"
#include "model/params.hpp"
#include "model/rtmdet_params.hpp"
#include "sapiens/error.hpp"

namespace sapiens {
namespace {

constexpr std::string_view kDetectorArch = "rtmdet-m";

void expect_detector_options(const SynthOptions& options) {
  if (options.task == SynthOptions{}.task) return;
  throw Error(ErrorCode::InvalidArgument, {.summary = "a detector has no other task",
                                           .option = "task",
                                           .expected = "detect, or none",
                                           .actual = std::string(task_name(options.task))});
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
  write_model_file(output, detector_sources(options), Layout::MMEngine, true,
                   {{"sapiens.arch", std::string(kDetectorArch)},
                    {"sapiens.task", "detect"},
                    {"sapiens.random_weights", random_note(options)}},
                   progress);
}

}  // namespace

void synthesize_checkpoint(const std::filesystem::path& output, const SynthOptions& options,
                           const Progress& progress) {
  expect_model_file_name(output);
  if (options.arch == kDetectorArch) return synthesize_detector(output, options, progress);
  const SynthModel model = synth_model(options);
  const Family family = model.encoder.family;
  expect_layout(options.layout, family);
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
    sources.push_back(float_source(
        name_in(options.layout, family, with_head, param.key), param.shape, options.dtype,
        [random](Index first, std::span<float> out) { random.read(first, out); }));
  }
  auto metadata = model_metadata(model.encoder, model.arch, model.task);
  if (with_decoder) add_decoder_metadata(*model.decoder, metadata);
  metadata["sapiens.random_weights"] = random_note(options);
  write_model_file(output, sources, options.layout, with_head, std::move(metadata), progress);
}

}  // namespace sapiens
