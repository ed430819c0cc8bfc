#include "sapiens/pooling.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "model/config.hpp"
#include "sapiens/error.hpp"

namespace sapiens {
namespace {

/// A part of an axis.
struct Interval {
  double first = 0, last = 0;

  double length() const { return last - first; }
};

double overlap(const Interval& a, const Interval& b) {
  return std::max(0.0, std::min(a.last, b.last) - std::max(a.first, b.first));
}

void expect_map(TensorView<const float, 3> featmap) {
  if (featmap.size() > 0) return;
  throw_shape_mismatch("featmap", std::vector<Index>{kAny, kAny, kAny}, featmap.extents());
}

/// What of the image, in its pixels, each of the patches of one axis sees.
std::vector<Interval> patches_of_axis(Index image, Index input, Index padding, Index count) {
  const double scale = static_cast<double>(image) / static_cast<double>(input);
  std::vector<Interval> patches;
  for (Index i = 0; i < count; ++i) {
    const Index first = std::max<Index>(0, i * kPatch - padding);
    const Index last = std::min(input, (i + 1) * kPatch - padding);
    patches.push_back({static_cast<double>(first) * scale, static_cast<double>(last) * scale});
  }
  return patches;
}

struct Patches {
  std::vector<Interval> rows, columns;
};

Patches patches_of(TensorView<const float, 3> featmap, const PatchPlacement& placement) {
  expect_map(featmap);
  const auto [image, input, padding] = placement;
  const auto expect_size = [](const char* what, Grid size, Index least) {
    constexpr Index kMax = Index{1} << 30;  // pixels can still be counted
    const auto [shorter, longer] = std::minmax(size.height, size.width);
    if (shorter >= least && longer <= kMax) return;
    throw Error(ErrorCode::InvalidArgument,
                {.summary = what,
                 .expected = fmt::format("{} to {} pixels a side", least, kMax),
                 .actual = fmt::format("{} x {}", size.height, size.width)});
  };
  expect_size("not the size of an image", image, 1);
  expect_size("not the size of an input", input, kPatch);
  if (padding < 0 || padding >= kPatch) {
    throw Error(ErrorCode::InvalidArgument, {.summary = "not a padding of patches",
                                             .option = "patch_padding",
                                             .expected = "0 or 2",
                                             .actual = std::to_string(padding)});
  }
  const Grid grid = patch_grid(input, padding);
  expect_shape("featmap", featmap, {kAny, grid.height, grid.width});
  return {patches_of_axis(image.height, input.height, padding, grid.height),
          patches_of_axis(image.width, input.width, padding, grid.width)};
}

/// What patches see of the image; with padding the last pixels may belong to none.
std::string seen_size(const Patches& patches) {
  return fmt::format("{:.6g} x {:.6g} (width x height)", patches.columns.back().last,
                     patches.rows.back().last);
}

/// The mean of each channel under weights [gh * gw], whose sum is not 0.
void weighted_mean(TensorView<const float, 3> featmap, std::span<const double> weights,
                   std::span<float> out) {
  double total = 0;
  for (const double weight : weights) total += weight;
  for (Index c = 0; c < featmap.extent(0); ++c) {
    double sum = 0;
    for (Index row = 0; row < featmap.extent(1); ++row) {
      const float* const values = featmap[c][row].data();
      const double* const of_row = weights.data() + row * featmap.extent(2);
      for (Index column = 0; column < featmap.extent(2); ++column) {
        sum += of_row[column] * static_cast<double>(values[column]);
      }
    }
    out[static_cast<std::size_t>(c)] = static_cast<float>(sum / total);
  }
}

bool is_nowhere(std::span<const double> weights) {
  return std::ranges::none_of(weights, [](double weight) { return weight > 0; });
}

/// Share of each patch that is under the mask, [gh * gw].
std::vector<double> covered_shares(const Patches& patches, std::span<const std::uint8_t> mask,
                                   Grid image) {
  const auto pixel = [](Index i) {
    return Interval{static_cast<double>(i), static_cast<double>(i + 1)};
  };
  const auto for_each_pixel = [&](const Interval& patch, Index count, auto action) {
    const auto last = std::min(count, static_cast<Index>(std::ceil(patch.last)));
    for (auto i = static_cast<Index>(patch.first); i < last; ++i) {
      action(i, overlap(patch, pixel(i)) / patch.length());
    }
  };
  const std::size_t columns = patches.columns.size();
  // Share of each patch's columns that is masked in each row of pixels, [image.height, gw].
  std::vector<double> of_rows(static_cast<std::size_t>(image.height) * columns);
  for (Index y = 0; y < image.height; ++y) {
    const std::uint8_t* const row = mask.data() + y * image.width;
    for (std::size_t column = 0; column < columns; ++column) {
      double& share = of_rows[static_cast<std::size_t>(y) * columns + column];
      for_each_pixel(patches.columns[column], image.width,
                     [&](Index x, double part) { share += row[x] != 0 ? part : 0; });
    }
  }
  std::vector<double> shares(patches.rows.size() * columns);
  for (std::size_t row = 0; row < patches.rows.size(); ++row) {
    for_each_pixel(patches.rows[row], image.height, [&](Index y, double part) {
      for (std::size_t column = 0; column < columns; ++column) {
        shares[row * columns + column] +=
            part * of_rows[static_cast<std::size_t>(y) * columns + column];
      }
    });
  }
  return shares;
}

bool is_finite(const Box& box) {
  return std::isfinite(box.x) && std::isfinite(box.y) && std::isfinite(box.width) &&
         std::isfinite(box.height);
}

std::vector<double> covered_shares(const Patches& patches, const Box& box) {
  const auto side = [](float first, float length) {
    const auto from = static_cast<double>(first);
    return Interval{from, from + static_cast<double>(length)};
  };
  const Interval rows = side(box.y, box.height), columns = side(box.x, box.width);
  std::vector<double> shares;
  for (const Interval& row : patches.rows) {
    const double of_row = overlap(row, rows) / row.length();
    for (const Interval& column : patches.columns) {
      shares.push_back(of_row * overlap(column, columns) / column.length());
    }
  }
  return shares;
}

/// How `cells` equal parts of an axis of `count` patches overlap them.
struct CellPart {
  Index patch = 0;
  double share = 0;  ///< Of the cell.
};

std::vector<std::vector<CellPart>> cells_of_axis(Index count, Index cells) {
  const double length = static_cast<double>(count) / static_cast<double>(cells);
  std::vector<std::vector<CellPart>> all;
  for (Index cell = 0; cell < cells; ++cell) {
    const Interval part{static_cast<double>(cell * count) / static_cast<double>(cells),
                        static_cast<double>((cell + 1) * count) / static_cast<double>(cells)};
    all.emplace_back();
    for (Index i = cell * count / cells; i * cells < (cell + 1) * count; ++i) {
      const Interval patch{static_cast<double>(i), static_cast<double>(i + 1)};
      all.back().push_back({i, overlap(part, patch) / length});
    }
  }
  return all;
}

}  // namespace

FloatArray pool_mean(TensorView<const float, 3> featmap) {
  expect_map(featmap);
  const auto [C, gh, gw] = featmap.extents();
  FloatArray pooled{.shape = {C}, .values = std::vector<float>(static_cast<std::size_t>(C))};
  weighted_mean(featmap, std::vector<double>(static_cast<std::size_t>(gh * gw), 1.0),
                pooled.values);
  return pooled;
}

FloatArray pool_grid(TensorView<const float, 3> featmap, Grid grid) {
  expect_map(featmap);
  const auto [C, gh, gw] = featmap.extents();
  if (grid.height < 1 || grid.width < 1 || grid.height > gh || grid.width > gw) {
    throw Error(ErrorCode::InvalidArgument,
                {.summary = "the map of patches cannot be reduced to this grid",
                 .option = "pool",
                 .expected = fmt::format("1 x 1 to {} x {}, the patches there are", gh, gw),
                 .actual = fmt::format("{} x {}", grid.height, grid.width)});
  }
  const auto rows = cells_of_axis(gh, grid.height), columns = cells_of_axis(gw, grid.width);
  FloatArray pooled{.shape = {C, grid.height, grid.width}};
  pooled.values.reserve(static_cast<std::size_t>(C * grid.height * grid.width));
  for (Index c = 0; c < C; ++c) {
    for (const auto& row : rows) {
      for (const auto& column : columns) {
        double sum = 0;
        for (const CellPart& y : row) {
          const float* const values = featmap[c][y.patch].data();
          for (const CellPart& x : column) {
            sum += y.share * x.share * static_cast<double>(values[x.patch]);
          }
        }
        pooled.values.push_back(static_cast<float>(sum));
      }
    }
  }
  return pooled;
}

FloatArray pool_mask(TensorView<const float, 3> featmap, std::span<const std::uint8_t> mask,
                     const PatchPlacement& placement) {
  const Patches patches = patches_of(featmap, placement);
  const auto [height, width] = placement.image;
  if (std::ssize(mask) != height * width) {
    throw Error(ErrorCode::ShapeMismatch, {.summary = "the mask has another size than the image",
                                           .expected = fmt::format("{} x {}", height, width),
                                           .actual = fmt::format("{} pixels", mask.size())});
  }
  const std::vector<double> shares = covered_shares(patches, mask, placement.image);
  if (is_nowhere(shares)) {
    throw Error(ErrorCode::InvalidArgument,
                {.summary = "the mask covers no patch of the image",
                 .expected = "a pixel within " + seen_size(patches),
                 .hint = "there is no mean of no patches; leave this image out"});
  }
  FloatArray pooled{.shape = {featmap.extent(0)}};
  pooled.values.resize(static_cast<std::size_t>(featmap.extent(0)));
  weighted_mean(featmap, shares, pooled.values);
  return pooled;
}

FloatArray pool_boxes(TensorView<const float, 3> featmap, std::span<const Box> boxes,
                      const PatchPlacement& placement) {
  const Patches patches = patches_of(featmap, placement);
  const auto C = static_cast<std::size_t>(featmap.extent(0));
  FloatArray pooled{.shape = {std::ssize(boxes), featmap.extent(0)},
                    .values = std::vector<float>(boxes.size() * C)};
  for (std::size_t i = 0; i < boxes.size(); ++i) {
    const std::vector<double> shares = covered_shares(patches, boxes[i]);
    // A comparison with NaN would take all patches for covered.
    if (!is_finite(boxes[i]) || is_nowhere(shares)) {
      const auto& [x, y, width, height, score] = boxes[i];
      throw Error(ErrorCode::InvalidArgument,
                  {.summary = "a box covers no patch of the image",
                   .expected = "x, y, width and height in pixels, within " + seen_size(patches),
                   .actual = fmt::format("{}, {}, {}, {}", x, y, width, height)});
    }
    weighted_mean(featmap, shares, std::span(pooled.values).subspan(i * C, C));
  }
  return pooled;
}

}  // namespace sapiens
