#include "model/encoder.hpp"

#include <algorithm>
#include <cassert>
#include <functional>

namespace sapiens {
namespace {

Matrix rows_of(TensorView<float, 3> x) {
  return Matrix(x.data(), {x.extent(0) * x.extent(1), x.extent(2)});
}

void copy_rows(ConstMatrix from, Matrix to) {
  for (Index row = 0; row < from.extent(0); ++row) {
    std::copy_n(from[row].data(), from.extent(1), to[row].data());
  }
}

// One line of one channel of one patch: 16 pixels, zero where the line leaves the image.
void gather_line(const float* line, Index width, Index first, float* out) {
  const Index begin = std::clamp(-first, Index{0}, kPatch);
  const Index end = std::clamp(width - first, begin, kPatch);
  std::fill(out, out + begin, 0.0f);
  std::copy(line + first + begin, line + first + end, out + begin);
  std::fill(out + end, out + kPatch, 0.0f);
}

}  // namespace

void gather_patches(TensorView<const float, 3> image, Grid grid, Index padding, Matrix patches,
                    const ThreadPool& pool) {
  const Index H = image.extent(1);
  const Index W = image.extent(2);
  pool.parallel_for(grid.height, [&](Index first_row, Index last_row) {
    for (Index row = first_row; row < last_row; ++row) {
      for (Index column = 0; column < grid.width; ++column) {
        float* out = patches[row * grid.width + column].data();
        for (Index channel = 0; channel < 3; ++channel) {
          for (Index y = row * kPatch - padding; y < (row + 1) * kPatch - padding;
               ++y, out += kPatch) {
            if (y < 0 || y >= H) {
              std::fill(out, out + kPatch, 0.0f);
            } else {
              gather_line(image[channel][y].data(), W, column * kPatch - padding, out);
            }
          }
        }
      }
    }
  });
}

EncoderNetwork::EncoderNetwork(const EncoderConfig& config, const EncoderWeights& weights,
                               const Ops& ops)
    : config_(config), weights_(weights), ops_(ops) {
  assert(static_cast<Index>(weights.blocks.size()) == config.depth);
}

std::size_t EncoderNetwork::workspace_bytes(Index batch, Index tokens) const {
  const Index rows = batch * tokens;
  const auto matrix = [](Index r, Index c) {
    return Workspace::rounded(activation_bytes(ActivationType::F32, r, c));
  };
  // x and what a block takes live together; the patches are gone before the first block begins.
  return matrix(rows, config_.width) +
         std::max(block_bytes(ops_, rows, config_.block()), matrix(tokens, kPatchPixels)) +
         ops_.workspace_bytes(tokens, config_.width / std::max<Index>(1, config_.heads),
                              {config_.width, config_.mlp_width, kPatchPixels});
}

// B = images, T = tokens of one image, N = its patches, C = width.
void EncoderNetwork::forward(std::span<const TensorView<const float, 3>> images,
                             ConstMatrix positions, std::span<const EncoderTap> taps, Workspace& ws,
                             const std::function<void(double)>& progress) const {
  const Index B = std::ssize(images);
  const Index T = positions.extent(0);
  const Index C = config_.width;
  expect_shape("encoder: positions", positions, {kAny, C});
  for (const EncoderTap& tap : taps) expect_shape("encoder: tokens", tap.tokens, {B, T, C});

  const Workspace::Scope scope(ws);
  const TensorView<float, 3> x(ws.matrix(B * T, C).data(), {B, T, C});
  embed(images, positions, x, ws);
  const Index depth = taps.empty() ? 0 : taps.back().layer + 1;
  for (Index i = 0; i < depth; ++i) {
    run_block(ops_, weights_.blocks[static_cast<std::size_t>(i)], config_.heads, x, ws);
    for (const EncoderTap& tap : taps) {
      if (tap.layer != i) continue;
      if (tap.norm) {
        ops_.layer_norm(rows_of(x), weights_.final_norm, rows_of(tap.tokens));
      } else {
        copy_rows(rows_of(x), rows_of(tap.tokens));
      }
    }
    if (progress) progress(static_cast<double>(i + 1) / static_cast<double>(depth));
  }
}

// K = kept patches.
void EncoderNetwork::forward_masked(TensorView<const float, 3> image, ConstMatrix positions,
                                    std::span<const Index> kept, Matrix tokens, Workspace& ws,
                                    const std::function<void(double)>& progress) const {
  const Index T = positions.extent(0);
  const Index C = config_.width;
  const Index extra = config_.extra_tokens();
  expect_shape("encoder: tokens", tokens, {extra + std::ssize(kept), C});

  const Workspace::Scope scope(ws);
  {
    const Workspace::Scope of_all_tokens(ws);
    const TensorView<float, 3> all(ws.matrix(T, C).data(), {1, T, C});
    embed({&image, 1}, positions, all, ws);
    copy_rows(all[0].slice(0, 0, extra), tokens.slice(0, 0, extra));
    for (Index i = 0; i < std::ssize(kept); ++i) {
      std::ranges::copy(all[0][extra + kept[static_cast<std::size_t>(i)]].flat(),
                        tokens[extra + i].data());
    }
  }
  const TensorView<float, 3> x(tokens.data(), {1, tokens.extent(0), C});  // [1, extra + K, C]
  for (Index i = 0; i < config_.depth; ++i) {
    run_block(ops_, weights_.blocks[static_cast<std::size_t>(i)], config_.heads, x, ws);
    if (progress) progress(static_cast<double>(i + 1) / static_cast<double>(config_.depth));
  }
  ops_.layer_norm(tokens, weights_.final_norm, tokens);
}

// x = [cls, patches W_E^T + b_E] + E_pos, image by image.
void EncoderNetwork::embed(std::span<const TensorView<const float, 3>> images,
                           ConstMatrix positions, TensorView<float, 3> x, Workspace& ws) const {
  const Index H = images.front().extent(1), W = images.front().extent(2);
  const Grid grid = patch_grid({H, W}, config_.patch_padding);
  const Index extra = config_.extra_tokens();
  const Index N = grid.patches();
  expect_shape("encoder: positions", positions, {extra + N, config_.width});

  const Workspace::Scope scope(ws);
  const Matrix patches = ws.matrix(N, kPatchPixels);
  for (Index b = 0; b < std::ssize(images); ++b) {
    const TensorView<const float, 3>& image = images[static_cast<std::size_t>(b)];
    const Matrix tokens = x[b];
    expect_shape("encoder: image", image, {3, H, W});
    gather_patches(image, grid, config_.patch_padding, patches, ops_.pool());
    copy_rows(positions, tokens);  // x  = E_pos          [T, C]
    if (config_.cls_token) {
      std::ranges::transform(tokens[0].flat(), weights_.cls_token.span(), tokens[0].data(),
                             std::plus());
    }
    ops_.linear_add(patches, weights_.patch_embed, tokens.slice(0, extra, N),
                    ws);  // x += patches W_E^T + b_E
  }
}

}  // namespace sapiens
