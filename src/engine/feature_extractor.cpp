#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <map>
#include <memory>
#include <utility>

#include "core/aligned_buffer.hpp"
#include "core/thread_pool.hpp"
#include "core/workspace.hpp"
#include "engine/assess.hpp"
#include "engine/kernel_choice.hpp"
#include "engine/random_weights.hpp"
#include "model/encoder.hpp"
#include "model/outputs.hpp"
#include "model/params.hpp"
#include "nn/ops.hpp"
#include "preprocess/preprocess.hpp"
#include "reconcile/materialize.hpp"
#include "reconcile/positions.hpp"
#include "sapiens/error.hpp"
#include "sapiens/features.hpp"

namespace sapiens {
namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

// A checkpoint seen through its plan, as the weight loader wants it.
ParamSource plan_source(const StateDict& dict, const Plan& plan) {
  auto places = std::make_shared<std::map<std::string, std::size_t, std::less<>>>();
  for (std::size_t i = 0; i < plan.params.size(); ++i) places->emplace(plan.params[i].key, i);
  return {.read =
              [&dict, &plan, places](const std::string& key, Index first, std::span<float> out) {
                materialize(dict, plan.bindings[places->at(key)], first, out);
              },
          .stored =
              [&dict, &plan, places](const std::string& key) {
                return stored_type(dict, plan.bindings[places->at(key)]);
              },
          .done = [&dict, &plan, places](
                      const std::string& key) { release(dict, plan.bindings[places->at(key)]); }};
}

ParamSource random_source(const SynthModel& model, std::uint64_t seed) {
  auto params = std::make_shared<std::map<std::string, RandomParam, std::less<>>>();
  for (const ParamSpec& param : encoder_params(model.encoder)) {
    params->emplace(param.key,
                    RandomParam(param, model.encoder.grid, model.encoder.extra_tokens(), seed));
  }
  return {.read = [params](const std::string& key, Index first,
                           std::span<float> out) { params->at(key).read(first, out); },
          .stored = {},
          .done = {}};
}

void require_known_heads(const EncoderConfig& encoder) {
  if (encoder.heads > 0) return;
  std::string divisors;
  for (Index heads = 1; heads <= encoder.width / 8; ++heads) {
    if (encoder.width % heads == 0)
      divisors += fmt::format("{}{}", divisors.empty() ? "" : ", ", heads);
  }
  throw Error(ErrorCode::InvalidArgument,
              {.summary = "the number of attention heads cannot be seen in the weights",
               .key = "--heads",
               .expected = fmt::format("a divisor of the width {}: {}", encoder.width, divisors),
               .actual = "none given, and this width was never published",
               .hint = "add --heads N with the number the model was trained with"});
}

Error non_finite_error(const FileInfo& file, const std::vector<NonFinite>& found) {
  std::string summary = fmt::format(
      "{} NaN or infinity, so nothing was computed",
      found.size() == 1 ? "1 parameter holds" : fmt::format("{} parameters hold", found.size()));
  constexpr std::size_t kShown = 8;
  for (std::size_t i = 0; i < std::min(found.size(), kShown); ++i) {
    summary += fmt::format("\n  {}  {} value{}", found[i].key, found[i].count,
                           found[i].count == 1 ? "" : "s");
  }
  if (found.size() > kShown) summary += fmt::format("\n  ... and {} more", found.size() - kShown);
  return Error(ErrorCode::CheckpointRefused,
               {.summary = summary,
                .file = file.path,
                .key = found.front().key,
                .expected = "finite numbers",
                .hint = "training diverged or the file is damaged: take another checkpoint, or "
                        "fetch it again; to "
                        "compute with it anyway, and every output marked: --allow-partial"});
}

}  // namespace

struct FeatureExtractor::Impl {
  Impl(const EncoderConfig& encoder_config, const EngineOptions& options)
      : pool(options.threads),
        kernels(choose_kernels(options.isa)),
        ops(kernels.table, pool, options.precision),
        config(encoder_config) {
    statistics.threads = pool.threads();
    statistics.isa = kernels.levels;
    statistics.precision = precision_name(ops.precision());
    ops.set_profile(&profile);
  }

  void load(const ParamSource& source, const Progress& progress) {
    const Clock::time_point start = Clock::now();
    LoadedEncoder loaded = load_encoder(config, source, ops, progress);
    weights = std::move(loaded.weights);
    non_finite = std::move(loaded.non_finite);
    statistics.load_seconds = seconds_since(start);
    statistics.weight_bytes = weights.bytes();
  }

  // `pos_embed` for an input of another grid, resized once and kept.
  ConstMatrix positions_for(Grid grid) {
    const Index C = config.width;
    const Index extra = config.extra_tokens();
    if (grid == config.grid) return {weights.pos_embed.data(), {config.tokens(), C}};
    auto& table = resized_positions[{grid.height, grid.width}];
    if (table.empty()) {
      table.resize(static_cast<std::size_t>((extra + grid.patches()) * C));
      std::copy_n(weights.pos_embed.data(), extra * C, table.data());
      resize_positions({weights.pos_embed.data() + extra * C, {config.grid.patches(), C}},
                       config.grid, {table.data() + extra * C, {grid.patches(), C}}, grid);
    }
    return {table.data(), {extra + grid.patches(), C}};
  }

  std::vector<LayerFeatures> run(TensorView<const float, 4> input, const FeatureRequest& request);
  std::vector<Index> resolve_layers(std::span<const Index> wanted) const;
  FloatArray collect(TensorView<const float, 3> tokens, Grid grid, OutType out_type) const;
  Workspace& workspace_for(const Encoder& encoder, Index batch, Index tokens);

  ThreadPool pool;
  SelectedKernels kernels;
  Profile profile;
  Ops ops;
  EncoderConfig config;
  EncoderWeights weights;
  std::vector<NonFinite> non_finite;
  std::map<std::pair<Index, Index>, std::vector<float>> resized_positions;
  std::unique_ptr<Workspace> workspace;
  AlignedBuffer<float> tapped;  // tokens of the wanted blocks, kept for the next call
  Inspection inspection;
  bool partial = false;
  EngineStats statistics;
};

// Blocks in ascending order, each once; negative ones count from the end.
std::vector<Index> FeatureExtractor::Impl::resolve_layers(std::span<const Index> wanted) const {
  if (wanted.empty()) return {config.depth - 1};
  std::vector<Index> layers;
  for (const Index layer : wanted) {
    const Index index = layer < 0 ? config.depth + layer : layer;
    if (index < 0 || index >= config.depth) {
      throw Error(ErrorCode::InvalidArgument,
                  {.summary = "there is no such block",
                   .key = "--layers",
                   .expected = fmt::format("0 to {}, or -{} to -1 from the end", config.depth - 1,
                                           config.depth),
                   .actual = std::to_string(layer)});
    }
    layers.push_back(index);
  }
  std::ranges::sort(layers);
  layers.erase(std::unique(layers.begin(), layers.end()), layers.end());
  return layers;
}

Workspace& FeatureExtractor::Impl::workspace_for(const Encoder& encoder, Index batch,
                                                 Index tokens) {
  const std::size_t bytes = encoder.workspace_bytes(batch, tokens);
  if (!workspace || workspace->capacity() < bytes) {
    workspace.reset();  // first, so that two arenas never live at once
    workspace = std::make_unique<Workspace>(bytes);
    statistics.activation_bytes = bytes;
  }
  return *workspace;
}

FloatArray FeatureExtractor::Impl::collect(TensorView<const float, 3> tokens, Grid grid,
                                           OutType out_type) const {
  const auto [B, T, C] = tokens.extents();
  const Index extra = config.extra_tokens();
  FloatArray out;
  switch (out_type) {
    case OutType::Featmap:
      out.shape = {B, C, grid.height, grid.width};
      break;
    case OutType::Raw:
      out.shape = {B, T, C};
      break;
    case OutType::ClsToken:
    case OutType::AvgFeatmap:
      out.shape = {B, C};
      break;
  }
  Index size = 1;
  for (const Index extent : out.shape) size *= extent;
  out.values.resize(static_cast<std::size_t>(size));
  for (Index b = 0; b < B; ++b) {
    const std::span<float> one =
        std::span(out.values)
            .subspan(static_cast<std::size_t>(b * (size / B)), static_cast<std::size_t>(size / B));
    const ConstMatrix patches = tokens[b].slice(0, extra, T - extra);
    if (out_type == OutType::Featmap) tokens_to_map(patches, one);
    if (out_type == OutType::Raw) std::ranges::copy(tokens[b].flat(), one.begin());
    if (out_type == OutType::ClsToken) std::ranges::copy(tokens[b][0].flat(), one.begin());
    if (out_type == OutType::AvgFeatmap) average_tokens(patches, one);
  }
  return out;
}

std::vector<LayerFeatures> FeatureExtractor::Impl::run(TensorView<const float, 4> input,
                                                       const FeatureRequest& request) {
  const Clock::time_point start = Clock::now();
  expect_shape("input", input, {kAny, 3, kAny, kAny});
  const auto [B, channels, H, W] = input.extents();
  if (B < 1 || H < kPatch || W < kPatch) {
    throw Error(ErrorCode::ShapeMismatch,
                {.summary = "the input is smaller than one patch",
                 .expected = "[B, 3, H, W] with H and W of 16 or more",
                 .actual = fmt::format("[{}, {}, {}, {}]", B, channels, H, W)});
  }
  if (request.out_type == OutType::ClsToken && !config.cls_token) {
    throw Error(ErrorCode::InvalidArgument, {.summary = "this model has no class token",
                                             .key = "--out-type",
                                             .expected = "featmap, raw or avg_featmap",
                                             .actual = "cls_token",
                                             .hint = "only pretrained encoders have one"});
  }
  const std::vector<Index> layers = resolve_layers(request.layers);
  const Grid grid = patch_grid({H, W}, config.patch_padding);
  const ConstMatrix positions = positions_for(grid);
  const Index T = positions.extent(0);

  profile.clear();
  const Encoder encoder(config, weights, ops);
  const Index size = B * T * config.width;  // of one tap
  if (tapped.size() < size * std::ssize(layers)) {
    tapped = {};  // first, so that two never live at once
    tapped = AlignedBuffer<float>(size * std::ssize(layers));
  }
  std::vector<EncoderTap> taps;
  for (const Index layer : layers) {
    taps.push_back({.layer = layer,
                    .norm = request.norm_layers || layer == config.depth - 1,
                    .tokens = {tapped.data() + size * std::ssize(taps), {B, T, config.width}}});
  }
  encoder.forward(input, positions, taps, workspace_for(encoder, B, T), request.progress);

  std::vector<LayerFeatures> features;
  for (std::size_t i = 0; i < taps.size(); ++i) {
    const Profile::Timer timer(&profile, "output", {});
    features.push_back(
        {.layer = layers[i], .values = collect(taps[i].tokens, grid, request.out_type)});
  }
  statistics.operators.clear();
  for (const Profile::Entry& entry : profile.entries()) {
    statistics.operators.push_back({.name = std::string(entry.name),
                                    .calls = entry.calls,
                                    .seconds = entry.seconds,
                                    .gflop = entry.work.operations * 1e-9,
                                    .gbytes = entry.work.bytes * 1e-9,
                                    .arithmetic = std::string(entry.work.arithmetic)});
  }
  statistics.forward_seconds = seconds_since(start);
  return features;
}

FeatureExtractor::FeatureExtractor(const Checkpoint& checkpoint, const ModelOptions& model,
                                   const EngineOptions& engine) {
  const StateDict& dict = checkpoint.state_dict();
  const Assessment assessed = assess(dict, model, Subject::Encoder);
  const Verdict verdict = assessed.encoder.report.verdict;
  const bool grid_known = assessed.model.encoder.grid.patches() > 0;
  const bool partial = verdict == Verdict::Incomplete && model.allow_partial && grid_known;
  if (!is_usable(verdict) && !partial) throw refusal(assessed.inspection, "nothing was computed");
  require_known_heads(assessed.model.encoder);

  impl_ = std::make_unique<Impl>(assessed.model.encoder, engine);
  impl_->inspection = assessed.inspection;
  impl_->load(plan_source(dict, assessed.encoder), engine.loading);
  if (!impl_->non_finite.empty() && !model.allow_partial) {
    throw non_finite_error(assessed.inspection.file, impl_->non_finite);
  }
  impl_->partial = partial || !impl_->non_finite.empty();
  for (const NonFinite& bad : impl_->non_finite) {
    impl_->inspection.report.notes.push_back(
        fmt::format("{} holds {} values that are NaN or infinite", bad.key, bad.count));
  }
}

FeatureExtractor::FeatureExtractor(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
FeatureExtractor::FeatureExtractor(FeatureExtractor&&) noexcept = default;
FeatureExtractor& FeatureExtractor::operator=(FeatureExtractor&&) noexcept = default;
FeatureExtractor::~FeatureExtractor() = default;

FeatureExtractor FeatureExtractor::random(const SynthOptions& synth, const EngineOptions& engine) {
  const SynthModel model = synth_model(synth);
  auto impl = std::make_unique<Impl>(model.encoder, engine);
  impl->load(random_source(model, synth.seed), engine.loading);
  ModelInfo& info = impl->inspection.model;
  info = {.family = "sapiens",
          .arch = std::string(model.arch->name),
          .task = std::string(task_name(model.task)),
          .width = model.encoder.width,
          .depth = model.encoder.depth,
          .heads = model.encoder.heads,
          .mlp_width = model.encoder.mlp_width,
          .cls_token = model.encoder.cls_token,
          .grid = model.encoder.grid,
          .patch_padding = model.encoder.patch_padding,
          .outputs = 0,
          .parameters = 0};
  Report& report = impl->inspection.report;
  report.verdict = Verdict::Exact;
  report.required = report.bound = static_cast<Index>(encoder_params(model.encoder).size());
  report.notes.emplace_back("RANDOM WEIGHTS: made up in memory for a benchmark");
  return FeatureExtractor(std::move(impl));
}

const Inspection& FeatureExtractor::inspection() const { return impl_->inspection; }
bool FeatureExtractor::partial() const { return impl_->partial; }
EngineStats FeatureExtractor::stats() const { return impl_->statistics; }

Grid FeatureExtractor::native_size() const {
  return {impl_->config.grid.height * kPatch, impl_->config.grid.width * kPatch};
}

FloatArray FeatureExtractor::preprocess(const Image& image, PreprocessMode mode,
                                        std::optional<Grid> size) const {
  const Grid target = size.value_or(native_size());
  const Image resized = resize_for_features(image, target.height, target.width, mode);
  FloatArray chw{
      .shape = {3, target.height, target.width},
      .values = std::vector<float>(static_cast<std::size_t>(3 * target.height * target.width))};
  normalize(resized, mode,
            TensorView<float, 3>(chw.values.data(), {3, target.height, target.width}));
  return chw;
}

std::vector<LayerFeatures> FeatureExtractor::run(TensorView<const float, 4> input,
                                                 const FeatureRequest& request) {
  return impl_->run(input, request);
}

std::vector<LayerFeatures> FeatureExtractor::run(const Image& image,
                                                 const FeatureRequest& request) {
  const FloatArray chw = preprocess(image);
  return impl_->run({chw.values.data(), {1, 3, chw.shape[1], chw.shape[2]}}, request);
}

std::vector<Index> FeatureExtractor::resolve_layers(std::span<const Index> layers) const {
  return impl_->resolve_layers(layers);
}

OutputShapes FeatureExtractor::output_shapes(Grid size) const {
  return sapiens::output_shapes(impl_->config, patch_grid(size, impl_->config.patch_padding));
}

}  // namespace sapiens
