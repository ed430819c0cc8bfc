#include <algorithm>

#include "nn/ops.hpp"

namespace sapiens {
namespace {

// One line of one channel of one patch: `side` pixels, zero where the line leaves the image.
void gather_line(const float* line, Index width, Index first, Index side, float* out) {
  const Index begin = std::clamp(-first, Index{0}, side);
  const Index end = std::clamp(width - first, begin, side);
  std::fill(out, out + begin, 0.0f);
  std::copy(line + first + begin, line + first + end, out + begin);
  std::fill(out + end, out + side, 0.0f);
}

void gather_patch(TensorView<const float, 3> image, Index top, Index left, Index side, float* out) {
  const auto [channels, height, width] = image.extents();
  for (Index channel = 0; channel < channels; ++channel) {
    for (Index y = top; y < top + side; ++y, out += side) {
      if (y < 0 || y >= height) {
        std::fill(out, out + side, 0.0f);
      } else {
        gather_line(image[channel][y].data(), width, left, side, out);
      }
    }
  }
}

void copy_row(ConstMatrix x, Index from, Matrix y, Index to) {
  std::copy_n(x[from].data(), x.extent(1), y[to].data());
}

}  // namespace

void Ops::gather_patches(TensorView<const float, 3> image, Grid grid, Index side, Index padding,
                         Matrix patches, Workspace& ws) const {
  expect_shape("patches", patches, {grid.patches(), image.extent(0) * side * side});
  if (ws.only_measures()) return;
  pool_->parallel_for(grid.height, [&](Index first_row, Index last_row) {
    for (Index row = first_row; row < last_row; ++row) {
      for (Index column = 0; column < grid.width; ++column) {
        gather_patch(image, row * side - padding, column * side - padding, side,
                     patches[row * grid.width + column].data());
      }
    }
  });
}

void Ops::copy_rows(ConstMatrix x, Matrix y, Workspace& ws) const {
  expect_shape("copy: output", y, x.extents());
  if (ws.only_measures()) return;
  pool_->parallel_for(x.extent(0), [&](Index begin, Index end) {
    for (Index row = begin; row < end; ++row) copy_row(x, row, y, row);
  });
}

void Ops::add_rows(ConstMatrix x, Matrix y, Workspace& ws) const {
  expect_shape("sum: output", y, x.extents());
  if (ws.only_measures()) return;
  pool_->parallel_for(x.extent(0), [&](Index begin, Index end) {
    for (Index row = begin; row < end; ++row) {
      const float* const from = x[row].data();
      float* const sum = y[row].data();
      for (Index c = 0; c < x.extent(1); ++c) sum[c] += from[c];
    }
  });
}

void Ops::gather_rows(ConstMatrix x, std::span<const Index> rows, Matrix y, Workspace& ws) const {
  expect_shape("gather: output", y, {std::ssize(rows), x.extent(1)});
  if (ws.only_measures()) return;
  pool_->parallel_for(std::ssize(rows), [&](Index begin, Index end) {
    for (Index i = begin; i < end; ++i) copy_row(x, rows[static_cast<std::size_t>(i)], y, i);
  });
}

void Ops::scatter_rows(ConstMatrix x, std::span<const Index> rows, Matrix y, Workspace& ws) const {
  expect_shape("scatter: input", x, {std::ssize(rows), y.extent(1)});
  if (ws.only_measures()) return;
  pool_->parallel_for(std::ssize(rows), [&](Index begin, Index end) {
    for (Index i = begin; i < end; ++i) copy_row(x, i, y, rows[static_cast<std::size_t>(i)]);
  });
}

}  // namespace sapiens
