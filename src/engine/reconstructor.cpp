#include <algorithm>
#include <iterator>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "core/progress.hpp"
#include "core/stopwatch.hpp"
#include "engine/assess_reconstruction.hpp"
#include "engine/loading.hpp"
#include "engine/network.hpp"
#include "model/decoder.hpp"
#include "preprocess/preprocess.hpp"
#include "sapiens/error.hpp"
#include "sapiens/reconstruct.hpp"
#include "tasks/masked_patches.hpp"

namespace sapiens {
namespace {

FloatArray make_array(std::vector<Index> shape) {
  Index size = 1;
  for (const Index extent : shape) size *= extent;
  return {.shape = std::move(shape), .values = std::vector<float>(static_cast<std::size_t>(size))};
}

Matrix matrix_of(FloatArray& array) {
  return {array.values.data(), {array.shape[0], array.shape[1]}};
}

constexpr std::uint8_t kGrey = 100;  // of hidden patches, as the original's training shows them

// `image`, with `color_of(place of the byte)` where a patch is hidden.
template <typename ColorOf>
Image with_hidden(const Image& image, Grid grid, std::span<const std::uint8_t> hidden,
                  ColorOf color_of) {
  Image result = image;
  for (Index y = 0; y < image.height; ++y) {
    for (Index x = 0; x < image.width; ++x) {
      if (hidden[static_cast<std::size_t>(y / kPatch * grid.width + x / kPatch)] == 0) continue;
      const auto first = static_cast<std::size_t>((y * image.width + x) * 3);
      for (std::size_t i = first; i < first + 3; ++i) result.rgb[i] = color_of(i);
    }
  }
  return result;
}

}  // namespace

struct Reconstructor::Impl {
  Impl(const DetectedModel& model, Inspection inspected, const EngineOptions& options)
      : network(model.encoder, options), config(*model.decoder), inspection(std::move(inspected)) {}

  void load(const ParamSource& source, const Progress& progress) {
    network.load(source, progress);
    const Stopwatch watch;
    LoadedDecoder loaded = load_decoder(config, network.config().width, source, network.ops());
    decoder = std::move(loaded.weights);
    std::vector<NonFinite> non_finite = network.non_finite();
    std::ranges::move(loaded.non_finite, std::back_inserter(non_finite));
    if (!non_finite.empty()) throw non_finite_error(inspection.file, non_finite);
    std::ranges::move(loaded.unquantized, std::back_inserter(network.stats().unquantized));
    network.stats().load_seconds += watch.seconds();
    network.stats().weight_bytes += decoder.bytes();
  }

  PatchMask mask_of(const ReconstructOptions& options) const;
  void forward(TensorView<const float, 3> input, std::span<const Index> kept, MaskedPrediction& out,
               const Progress& progress);
  MaskedPrediction predict(TensorView<const float, 3> input, const ReconstructOptions& options);
  Grid input_size() const {
    const Grid grid = network.config().grid;
    return {grid.height * kPatch, grid.width * kPatch};
  }

  Network network;
  DecoderConfig config;
  DecoderWeights decoder;
  Inspection inspection;
};

PatchMask Reconstructor::Impl::mask_of(const ReconstructOptions& options) const {
  const Index N = network.config().grid.patches();
  if (options.noise.empty()) return mask_by_noise(patch_noise(options.seed, N), options.mask_ratio);
  expect_shape("noise",
               TensorView<const float, 1>(options.noise.data(), {std::ssize(options.noise)}), {N});
  return mask_by_noise(options.noise, options.mask_ratio);
}

// Fills `latent` and `prediction`, and the stages of both.
void Reconstructor::Impl::forward(TensorView<const float, 3> input, std::span<const Index> kept,
                                  MaskedPrediction& out, const Progress& progress) {
  const auto depth = static_cast<double>(network.config().depth);
  const double share = depth / (depth + static_cast<double>(config.depth));
  StageTimes& stages = out.stats.stages;
  Stopwatch watch;
  out.latent = make_array({1 + std::ssize(kept), network.config().width});
  network.forward_masked(input, kept, matrix_of(out.latent), part_of(progress, 0, share));
  stages.encoder = watch.seconds();

  watch = {};
  out.prediction = make_array({out.grid.patches(), kPatchPixels});
  const Decoder neck(config, decoder, network.ops());
  network.run_pass(
      [&](Workspace& ws, const Progress& report) {
        neck.forward(matrix_of(out.latent), kept, matrix_of(out.prediction), ws, report);
      },
      part_of(progress, share, 1 - share));
  stages.head = watch.seconds();
}

MaskedPrediction Reconstructor::Impl::predict(TensorView<const float, 3> input,
                                              const ReconstructOptions& options) {
  const Grid size = input_size();
  expect_shape("input", input, {3, size.height, size.width});
  PatchMask mask = mask_of(options);
  network.begin_run();
  MaskedPrediction out{.grid = network.config().grid, .mask = std::move(mask.hidden)};
  forward(input, mask.kept, out, options.progress);

  const Stopwatch watch;
  out.target = make_array(out.prediction.shape);
  const std::vector<PatchScale> scales = normalized_patches(input, matrix_of(out.target));
  out.pixels = make_array({3, size.height, size.width});
  place_patches(matrix_of(out.prediction), scales,
                {out.pixels.values.data(), {3, size.height, size.width}});
  const PatchErrors errors =
      patch_errors(matrix_of(out.prediction), matrix_of(out.target), out.mask);
  out.masked_error = errors.masked;
  out.mean_error = errors.mean;
  out.stats.stages.post = watch.seconds();
  out.stats.forward_seconds = out.stats.stages.encoder + out.stats.stages.head;
  out.stats.operators = network.operators();
  return out;
}

Reconstructor::Reconstructor(const Checkpoint& checkpoint, const ModelOptions& model,
                             const EngineOptions& engine) {
  ReconstructionAssessment assessed = assess_for_reconstruction(checkpoint, model);
  const Assessment& assessment = *assessed.assessment;
  impl_ = std::make_unique<Impl>(assessment.model(Use::Reconstruct), std::move(assessed.inspection),
                                 engine);
  impl_->load(PlanSource(checkpoint.state_dict(), assessment.plan(Use::Reconstruct)),
              engine.loading);
}

Reconstructor::Reconstructor(Reconstructor&&) noexcept = default;
Reconstructor& Reconstructor::operator=(Reconstructor&&) noexcept = default;
Reconstructor::~Reconstructor() = default;

const Inspection& Reconstructor::inspection() const { return impl_->inspection; }
EngineStats Reconstructor::stats() const { return impl_->network.stats(); }
Grid Reconstructor::input_size() const { return impl_->input_size(); }

MaskedPrediction Reconstructor::predict(TensorView<const float, 3> input,
                                        const ReconstructOptions& options) {
  return impl_->predict(input, options);
}

Reconstruction Reconstructor::run(const Image& image, const ReconstructOptions& options) {
  const Stopwatch watch;
  const Grid size = input_size();
  Reconstruction result{
      .original = resize_for_features(image, size.height, size.width, PreprocessMode::Full)};
  FloatArray input = make_array({3, size.height, size.width});
  normalize(result.original, PreprocessMode::Full,
            {input.values.data(), {3, size.height, size.width}});
  const double preprocess = watch.seconds();

  MaskedPrediction found = impl_->predict(input.view<3>(), options);
  const Stopwatch drawing;
  const Image predicted = denormalize(found.pixels.view<3>(), PreprocessMode::Full);
  result.grid = found.grid;
  result.mask = std::move(found.mask);
  result.masked_error = found.masked_error;
  result.mean_error = found.mean_error;
  result.masked =
      with_hidden(result.original, result.grid, result.mask, [](std::size_t) { return kGrey; });
  result.reconstruction = with_hidden(result.original, result.grid, result.mask,
                                      [&](std::size_t i) { return predicted.rgb[i]; });
  result.stats = std::move(found.stats);
  result.stats.stages.preprocess = preprocess;
  result.stats.stages.post += drawing.seconds();
  return result;
}

}  // namespace sapiens
