#include "engine/network.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <utility>

#include "core/stopwatch.hpp"
#include "sapiens/error.hpp"

namespace sapiens {

Network::Network(const EncoderConfig& config, const EngineOptions& options)
    : Runtime(options), config_(config) {}

void Network::load(const ParamSource& source, const Progress& progress) {
  const Stopwatch watch;
  LoadedEncoder loaded = load_encoder(config_, source, ops(), progress);
  layers_ = std::move(loaded.layers);
  non_finite_ = std::move(loaded.non_finite);
  stats().unquantized = std::move(loaded.unquantized);
  stats().load_seconds = watch.seconds();
  stats().weight_bytes = layers_->bytes();
}

Grid Network::grid_of(std::span<const TensorView<const float, 3>> images) const {
  const Index B = std::ssize(images);
  Index H = 0, W = 0;
  for (const auto& image : images) {
    expect_shape("input", image, {3, H > 0 ? H : kAny, H > 0 ? W : kAny});
    H = image.extent(1);
    W = image.extent(2);
  }
  if (H < kPatch || W < kPatch) {
    throw Error(ErrorCode::ShapeMismatch, {.summary = "the input is smaller than one patch",
                                           .expected = "[B, 3, H, W] with H and W of 16 or more",
                                           .actual = fmt::format("[{}, 3, {}, {}]", B, H, W)});
  }
  if (config_.family == Family::Sapiens2 && (H % kPatch != 0 || W % kPatch != 0)) {
    throw Error(ErrorCode::ShapeMismatch,
                {.summary = "the input does not divide into patches",
                 .expected = "[B, 3, H, W] with H and W multiples of 16",
                 .actual = fmt::format("[{}, 3, {}, {}]", B, H, W),
                 .hint = "resize the image; Sapiens2 encoders do not pad"});
  }
  return patch_grid({H, W}, config_.patch_padding);
}

// Only the table of the last input is kept: tables are as large as features, and a program may see
// images of any number of sizes.
ConstMatrix Network::positions_for(Grid grid) {
  if (grid != grid_) {
    std::vector<float> storage;
    positions_ = layers_->positions(grid, storage);
    position_storage_ = std::move(storage);  // now that nothing can fail; its address stays
    grid_ = grid;
  }
  return positions_;
}

void Network::forward(std::span<const TensorView<const float, 3>> images,
                      std::span<const EncoderTap> taps, const Progress& progress) {
  const ConstMatrix positions = positions_for(grid_of(images));
  const EncoderNetwork encoder(config_, *layers_, ops());
  run_pass([&](Workspace& ws,
               const Progress& report) { encoder.forward(images, positions, taps, ws, report); },
           progress);
}

void Network::forward_masked(TensorView<const float, 3> image, std::span<const Index> kept,
                             Matrix tokens, const Progress& progress) {
  const ConstMatrix positions = positions_for(grid_of({&image, 1}));
  const EncoderNetwork encoder(config_, *layers_, ops());
  run_pass(
      [&](Workspace& ws, const Progress& report) {
        encoder.forward_masked(image, positions, kept, tokens, ws, report);
      },
      progress);
}

}  // namespace sapiens
