#include "engine/random_weights.hpp"

#include <cmath>
#include <map>
#include <numeric>
#include <utility>

#include "core/split_mix.hpp"
#include "engine/describe.hpp"
#include "engine/explain.hpp"
#include "model/params.hpp"
#include "sapiens/error.hpp"

namespace sapiens {
namespace {

std::uint64_t hash_name(std::string_view name) noexcept {
  std::uint64_t hash = 0xcbf29ce484222325u;  // FNV-1a
  for (const char c : name) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3u;
  return hash;
}

// nn.init.xavier_uniform_ on the [out, everything else] view, as the original initialises linears
// and patches.
float xavier_bound(std::span<const Index> shape) {
  const Index inputs = std::accumulate(shape.begin() + 1, shape.end(), Index{1}, std::multiplies());
  return std::sqrt(6.0f / static_cast<float>(shape[0] + inputs));
}

// Where training starts: a person in one of a hundred places. What the made-up network adds seldom
// lifts that to the score of 0.3 that makes a box.
constexpr float kRareScore = -4.6f;

DecoderConfig synth_decoder(const Arch& arch, Index tokens) {
  DecoderConfig decoder;
  decoder.tokens = tokens;
  if (&arch == &tiny_arch()) {
    decoder.width = 32;
    decoder.depth = 2;
    decoder.heads = 4;
    decoder.mlp_width = 64;
  }
  return decoder;
}

SynthModel synth_sapiens2(const Arch& arch, Task task) {
  if (task != Task::Pretrain) {
    throw Error(ErrorCode::InvalidArgument, {.summary = std::string(kNoSapiens2Heads),
                                             .option = "task",
                                             .expected = "pretrain, or none",
                                             .actual = std::string(task_name(task))});
  }
  SynthModel model;
  model.arch = &arch;
  model.encoder = published_encoder(arch);
  model.params = encoder_params(model.encoder);
  return model;
}

}  // namespace

SynthModel synth_model(const SynthOptions& options) {
  const Arch& size = parse_arch(options.arch);
  if (size.family == Family::Sapiens2) return synth_sapiens2(size, options.task);
  SynthModel model;
  model.arch = &size;
  model.task = options.task;
  const Arch& arch = *model.arch;
  const bool pretrain = model.task == Task::Pretrain;
  model.encoder = {
      .width = arch.width,
      .depth = arch.depth,
      .heads = arch.heads,
      .mlp_width = arch.mlp_width,
      .cls_token = pretrain,
      .grid = {arch.grid.height, pretrain ? arch.grid.width : arch.grid.width * 3 / 4}};
  model.params = encoder_params(model.encoder);
  if (pretrain) {
    model.decoder = synth_decoder(arch, model.encoder.tokens());
  } else if (has_head(model.task)) {
    model.head = published_head(model.task, arch.width);
    model.encoder.patch_padding = default_patch_padding(model.task, model.head->outputs);
    for (ParamSpec& param : head_params(*model.head)) model.params.push_back(std::move(param));
  }
  return model;
}

RandomSource::RandomSource(const SynthModel& model, std::uint64_t seed) {
  for (const ParamSpec& param : model.params) {
    params_.emplace(param.key,
                    RandomParam(param, model.encoder.grid, model.encoder.extra_tokens(), seed));
  }
}

void RandomSource::read(const std::string& key, Index first, std::span<float> out) const {
  params_.at(key).read(first, out);
}

Inspection random_inspection(const SynthModel& model) {
  Inspection inspection;
  inspection.model = {.family = std::string(family_name(model.encoder.family)),
                      .arch = std::string(model.arch->name),
                      .task = model.task,
                      .width = model.encoder.width,
                      .depth = model.encoder.depth,
                      .heads = model.encoder.heads,
                      .kv_heads = fewest_kv_heads(model.encoder),
                      .mlp_width = model.encoder.mlp_width,
                      .cls_token = model.encoder.cls_token,
                      .registers = model.encoder.registers,
                      .grid = model.encoder.grid,
                      .patch_padding = model.encoder.patch_padding,
                      .outputs = model.head ? model.head->outputs : 0,
                      .parameters = 0};
  Report& report = inspection.report;
  report.verdict = Verdict::Exact;
  report.required = report.bound = static_cast<Index>(model.params.size());
  report.notes.emplace_back("RANDOM WEIGHTS: made up in memory for a benchmark");
  return inspection;
}

RandomParam::RandomParam(const ParamSpec& param, Grid grid, Index extra_tokens, std::uint64_t seed)
    : stream_(split_mix(hash_name(param.key) + seed * kSplitMixStep)),
      width_(param.shape.back()),
      extra_tokens_(extra_tokens),
      grid_(grid) {
  positions_ = param.key.ends_with("pos_embed");
  if (positions_) return;
  const bool is_vector = param.shape.size() == 1;
  const bool is_norm = is_vector && param.key.ends_with(".weight");
  if (param.key.ends_with(".gamma.weight")) {
    mean_ = 0.2f;
    bound_ = 0.1f;
  } else if (is_norm || param.key.ends_with(".running_var")) {
    mean_ = 1.0f;
    bound_ = 0.1f;
  } else if (is_vector && param.key.starts_with("bbox_head.rtm_cls.")) {
    mean_ = kRareScore;
  } else if (param.key.ends_with("_token") || param.key.ends_with("_tokens") || is_vector) {
    bound_ = 0.035f;  // a deviation of 0.02, as the original's tokens
  } else {
    bound_ = xavier_bound(param.shape);
  }
}

void RandomParam::read(Index first, std::span<float> out) const {
  for (std::size_t i = 0; i < out.size(); ++i) {
    const Index element = first + static_cast<Index>(i);
    if (positions_) {
      out[i] = sin_cos(element);
      continue;
    }
    const std::uint64_t bits =
        split_mix(stream_ + static_cast<std::uint64_t>(element) * kSplitMixStep);
    const float unit = static_cast<float>(bits >> 40) * 0x1p-23f - 1.0f;  // 24 bits in [-1, 1)
    out[i] = mean_ + bound_ * unit;
  }
}

// [sin(r w) | cos(r w) | sin(c w) | cos(c w)], w_i = 10000^(-i / Q), each block Q = width / 4 long;
// the class token's row is zero. The row comes first, unlike in the original MAE code.
float RandomParam::sin_cos(Index element) const {
  const Index token = element / width_ - extra_tokens_;
  if (token < 0) return 0.0f;
  const Index quarter = width_ / 4;
  const Index channel = element % width_;
  const Index block = channel / quarter;
  if (block > 3) return 0.0f;
  const Index place = block < 2 ? token / grid_.width : token % grid_.width;
  const double omega =
      std::pow(10000.0, -static_cast<double>(channel % quarter) / static_cast<double>(quarter));
  const double angle = static_cast<double>(place) * omega;
  return static_cast<float>(block % 2 == 0 ? std::sin(angle) : std::cos(angle));
}

}  // namespace sapiens
