#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <string>
#include <utility>

#include "core/aligned_buffer.hpp"
#include "core/stopwatch.hpp"
#include "engine/assess_encoder.hpp"
#include "engine/describe.hpp"
#include "engine/encoder_input.hpp"
#include "engine/expect_out_type.hpp"
#include "engine/loading.hpp"
#include "engine/network.hpp"
#include "engine/problems.hpp"
#include "engine/random_weights.hpp"
#include "sapiens/error.hpp"
#include "sapiens/features.hpp"

namespace sapiens {
struct Encoder::Impl {
  Impl(const EncoderConfig& encoder, const EngineOptions& options) : network(encoder, options) {}

  FeatureRun run(std::span<const TensorView<const float, 3>> images, const FeatureOptions& options);
  std::vector<Index> resolve_layers(std::span<const Index> wanted) const;
  FloatArray collect(TensorView<const float, 3> tokens, Grid grid, OutType out_type) const;
  const EncoderConfig& config() const { return network.config(); }

  Network network;
  AlignedBuffer<float> tapped;  // tokens of the wanted blocks, kept for the next call
  Inspection inspection;
  bool partial = false;
  std::optional<Grid> input_size = {};  // ModelOptions::input_size
};

// Blocks in ascending order, each once; negative ones count from the end.
std::vector<Index> Encoder::Impl::resolve_layers(std::span<const Index> wanted) const {
  if (wanted.empty()) return {config().depth - 1};
  std::vector<Index> layers;
  for (const Index layer : wanted) {
    const Index index = layer < 0 ? config().depth + layer : layer;
    if (index < 0 || index >= config().depth) {
      throw Error(ErrorCode::InvalidArgument,
                  {.summary = "there is no such block",
                   .option = "layers",
                   .expected = fmt::format("0 to {}, or -{} to -1 from the end", config().depth - 1,
                                           config().depth),
                   .actual = std::to_string(layer)});
    }
    layers.push_back(index);
  }
  std::ranges::sort(layers);
  layers.erase(std::unique(layers.begin(), layers.end()), layers.end());
  return layers;
}

FloatArray Encoder::Impl::collect(TensorView<const float, 3> tokens, Grid grid,
                                  OutType out_type) const {
  const auto [B, T, C] = tokens.extents();
  const Index extra = config().extra_tokens(), R = config().registers;
  FloatArray out;
  switch (out_type) {
    case OutType::Featmap:
      out.shape = {B, C, grid.height, grid.width};
      break;
    case OutType::Raw:
      out.shape = {B, T, C};
      break;
    case OutType::Registers:
      out.shape = {B, R, C};
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
    if (out_type == OutType::Featmap) network.ops().read_map(patches, one);
    if (out_type == OutType::Raw) network.ops().read_rows(tokens[b], one);
    if (out_type == OutType::Registers)
      network.ops().read_rows(tokens[b].slice(0, extra - R, R), one);
    if (out_type == OutType::ClsToken) network.ops().read_rows(tokens[b].slice(0, 0, 1), one);
    if (out_type == OutType::AvgFeatmap) network.layers().read_average(network.ops(), patches, one);
  }
  return out;
}

FeatureRun Encoder::Impl::run(std::span<const TensorView<const float, 3>> images,
                              const FeatureOptions& options) {
  const Stopwatch watch;
  const Grid grid = network.grid_of(images);
  sapiens::expect_out_types(config(), options.out_types);
  const std::vector<Index> layers = resolve_layers(options.layers);
  const Index B = std::ssize(images), T = network.tokens(grid), C = config().width;
  network.begin_run();
  const Index size = B * T * C;  // of one tap
  reserve(tapped, size * std::ssize(layers));
  std::vector<EncoderTap> taps;
  taps.reserve(layers.size());
  for (const Index layer : layers) {
    taps.push_back({.layer = layer,
                    .norm = options.norm_layers || layer == config().depth - 1,
                    .tokens = {tapped.data() + size * std::ssize(taps), {B, T, C}}});
  }
  const ThreadPool::Watch watch_pool(network.ops().pool(), options.check);
  network.forward(images, taps, options.progress);

  FeatureRun run;
  for (std::size_t i = 0; i < taps.size(); ++i) {
    const Profile::Timer timer(&network.profile(), "output", {});
    for (const OutType out_type : options.out_types) {
      run.layers.push_back({.layer = layers[i],
                            .out_type = out_type,
                            .values = collect(taps[i].tokens, grid, out_type)});
    }
  }
  const double seconds = watch.seconds();
  run.stats = {
      .stages = {.encoder = seconds}, .forward_seconds = seconds, .operators = network.operators()};
  return run;
}

Encoder::Encoder(const Checkpoint& checkpoint, const ModelOptions& model,
                 const EngineOptions& engine) {
  EncoderAssessment found = assess_encoder(checkpoint, model);
  const Plan& plan = found.assessment->plan(Use::Features);
  impl_ = std::make_unique<Impl>(found.assessment->model().encoder, engine);
  impl_->inspection = std::move(found.inspection);
  impl_->input_size = model.input_size;
  impl_->network.load(PlanSource(checkpoint.state_dict(), plan), engine.loading);
  const std::vector<NonFinite>& non_finite = impl_->network.non_finite();
  if (!non_finite.empty() && !model.allow_partial) {
    throw non_finite_error(impl_->inspection.file, non_finite);
  }
  impl_->partial = found.partial || !non_finite.empty();
  for (const NonFinite& bad : non_finite) {
    impl_->inspection.report.notes.push_back(
        fmt::format("{} holds NaN or infinity in {}", bad.key, counted(bad.count, "value")));
  }
}

Encoder::Encoder(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Encoder::Encoder(Encoder&&) noexcept = default;
Encoder& Encoder::operator=(Encoder&&) noexcept = default;
Encoder::~Encoder() = default;

Encoder Encoder::random(const SynthOptions& synth, const EngineOptions& engine) {
  const SynthModel model = synth_model(synth);
  auto impl = std::make_unique<Impl>(model.encoder, engine);
  impl->network.load(RandomSource(model, synth.seed), engine.loading);
  impl->inspection = random_inspection(model);
  return Encoder(std::move(impl));
}

const Inspection& Encoder::inspection() const { return impl_->inspection; }
bool Encoder::partial() const { return impl_->partial; }
EngineStats Encoder::stats() const { return impl_->network.stats(); }

Grid Encoder::input_size() const {
  const Grid grid = impl_->config().grid;
  // A size that is no multiple of a patch is padded behind the resize, not resized further.
  return impl_->input_size.value_or(Grid{grid.height * kPatch, grid.width * kPatch});
}

FloatArray Encoder::preprocess(const Image& image, PreprocessMode mode, std::optional<Grid> size,
                               const StopCheck& check) const {
  return encoder_input(impl_->config().family, image, size.value_or(input_size()), mode, check);
}

FeatureRun Encoder::run(std::span<const TensorView<const float, 3>> images,
                        const FeatureOptions& options) {
  return impl_->run(images, options);
}

FeatureRun Encoder::run(TensorView<const float, 4> input, const FeatureOptions& options) {
  expect_shape("input", input, {kAny, 3, kAny, kAny});
  std::vector<TensorView<const float, 3>> images;
  for (Index i = 0; i < input.extent(0); ++i) images.push_back(input[i]);
  return impl_->run(images, options);
}

FeatureRun Encoder::run(const Image& image, const FeatureOptions& options) {
  const Stopwatch watch;
  const FloatArray chw = preprocess(image, PreprocessMode::Full, std::nullopt, options.check);
  const double seconds = watch.seconds();
  const TensorView<const float, 3> input = chw.view<3>();
  FeatureRun run = impl_->run({&input, 1}, options);
  run.stats.stages.preprocess = seconds;
  return run;
}

void Encoder::expect_out_types(std::span<const OutType> out_types) const {
  sapiens::expect_out_types(impl_->config(), out_types);
}

void Encoder::expect_preprocess(PreprocessMode mode) const {
  sapiens::expect_preprocess(impl_->config().family, mode);
}

std::vector<Index> Encoder::resolve_layers(std::span<const Index> layers) const {
  return impl_->resolve_layers(layers);
}

PatchPlacement Encoder::patch_placement(Grid image, Grid input) const {
  return {.image = image, .input = input, .padding = impl_->config().patch_padding};
}

OutputShapes Encoder::output_shapes(Grid size) const {
  return sapiens::output_shapes(impl_->config(), patch_grid(size, impl_->config().patch_padding));
}

}  // namespace sapiens
