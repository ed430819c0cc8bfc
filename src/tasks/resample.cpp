#include "tasks/resample.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <utility>

#include "sapiens/error.hpp"

namespace sapiens {
namespace {

constexpr Index kTileRows = 16;

std::string text(Grid size) { return fmt::format("{} x {}", size.height, size.width); }

void expect_sizes(Grid head, Grid input, Grid image) {
  for (const Grid size : {head, input, image}) {
    if (size.height > 0 && size.width > 0) continue;
    throw Error(ErrorCode::InvalidArgument,
                {.summary = "a prediction cannot be resized",
                 .expected = "positive sizes",
                 .actual = fmt::format("{} to {} to {} (height x width)", text(head), text(input),
                                       text(image))});
  }
}

// out = (1 - weight) a + weight b
void blend(const float* a, const float* b, float weight, Index count, float* out) noexcept {
  const float rest = 1.0f - weight;
  for (Index i = 0; i < count; ++i) out[i] = a[i] * rest + b[i] * weight;
}

}  // namespace

std::vector<Tap> bilinear_taps(Index in_size, Index out_size) {
  // In the PyTorch of the original (1.13) the scale is float32 and the position is not. Later
  // versions round positions to float32, too, by up to 3e-5 of a pixel.
  const double scale = static_cast<float>(in_size) / static_cast<float>(out_size);
  std::vector<Tap> taps;
  taps.reserve(static_cast<std::size_t>(out_size));
  for (Index i = 0; i < out_size; ++i) {
    const double at = std::max(scale * (static_cast<double>(i) + 0.5) - 0.5, 0.0);
    const Index first = std::min(static_cast<Index>(at), in_size - 1);
    const Index second = std::min(first + 1, in_size - 1);
    const double weight = std::min(at - static_cast<double>(first), 1.0);
    taps.push_back({first, second, static_cast<float>(weight)});
  }
  return taps;
}

// Keeps only the `columns` that `taps` read, and renumbers the taps.
void keep_columns_read(std::vector<Tap>& columns, std::vector<Tap>& taps) {
  std::vector<Index> place(columns.size(), -1);
  for (const Tap& tap : taps) place[tap.first] = place[tap.second] = 0;
  std::vector<Tap> kept;
  for (std::size_t i = 0; i < columns.size(); ++i) {
    if (place[i] < 0) continue;
    place[i] = std::ssize(kept);
    kept.push_back(columns[i]);
  }
  for (Tap& tap : taps) tap = {place[tap.first], place[tap.second], tap.weight};
  columns = std::move(kept);
}

// The rows of one thread. It keeps the two rows of the network's input that it used last, because
// neighbouring rows of the image share them.
class TwoStepResize::Rows {
 public:
  Rows(const TwoStepResize& resize, const Padding& padding)
      : resize_(resize), channels_(resize.padded_channels(padding)) {
    const auto floats = [this](Index columns) {
      return static_cast<std::size_t>(columns * channels_);
    };
    head_row_.assign(floats(resize.head_.size.width), padding.value);
    for (auto& row : input_rows_) row.resize(floats(std::ssize(resize.input_columns_)));
    image_row_.resize(floats(std::ssize(resize.input_columns_)));
  }

  const float* image_row(Index y) {
    const Tap& tap = resize_.image_rows_[y];
    const float* const first = input_row(tap.first);
    blend(first, input_row(tap.second), tap.weight, std::ssize(image_row_), image_row_.data());
    return image_row_.data();
  }

 private:
  // `y` and `y + 1` are requested together, so even and odd rows have separate buffers.
  const float* input_row(Index y) {
    std::vector<float>& row = input_rows_[y % 2];
    if (cached_[y % 2] != y) {
      blend_head_rows(resize_.input_rows_[y]);
      float* out = row.data();
      for (const Tap& tap : resize_.input_columns_) {
        blend(head_row_.data() + tap.first * channels_, head_row_.data() + tap.second * channels_,
              tap.weight, channels_, out);
        out += channels_;
      }
      cached_[y % 2] = y;
    }
    return row.data();
  }

  void blend_head_rows(const Tap& tap) noexcept {
    const auto& [values, size] = resize_.head_;
    const ConstMatrix first = values.slice(0, tap.first * size.width, size.width);
    const ConstMatrix second = values.slice(0, tap.second * size.width, size.width);
    for (Index x = 0; x < size.width; ++x) {
      blend(first[x].data(), second[x].data(), tap.weight, values.extent(1),
            head_row_.data() + x * channels_);
    }
  }

  const TwoStepResize& resize_;
  Index channels_;
  std::vector<float> head_row_;
  std::vector<float> input_rows_[2];
  Index cached_[2] = {-1, -1};
  std::vector<float> image_row_;
};

TwoStepResize::TwoStepResize(const HeadOutput& head, Grid input, Grid image) : head_(head) {
  expect_sizes(head.size, input, image);
  expect_shape("head output", head.values, {head.size.patches(), kAny});
  input_rows_ = bilinear_taps(head.size.height, input.height);
  input_columns_ = bilinear_taps(head.size.width, input.width);
  image_rows_ = bilinear_taps(input.height, image.height);
  image_columns_ = bilinear_taps(input.width, image.width);
  keep_columns_read(input_columns_, image_columns_);
}

Index TwoStepResize::padded_channels(const Padding& padding) const noexcept {
  const Index channels = head_.values.extent(1);
  return (channels + padding.multiple - 1) / padding.multiple * padding.multiple;
}

void TwoStepResize::for_each_row(const Padding& padding, const ThreadPool& pool,
                                 FunctionRef<void(Index y, const float* row)> body) const {
  std::vector<Rows> rows(static_cast<std::size_t>(pool.threads()), Rows(*this, padding));
  const Index height = std::ssize(image_rows_);
  pool.parallel_tasks((height + kTileRows - 1) / kTileRows, [&](Index tile, int worker) {
    const Index end = std::min((tile + 1) * kTileRows, height);
    for (Index y = tile * kTileRows; y < end; ++y) body(y, rows[worker].image_row(y));
  });
}

}  // namespace sapiens
