#include <algorithm>
#include <cmath>

#include "image/pixels.hpp"
#include "preprocess/preprocess.hpp"

// Pillow's resampling of 8-bit images (Resample.c), restated.
//
// Output pixel i of a row looks at the input around c = (i + 1/2) scale, with a kernel that is
// stretched by max(scale, 1). The weights add up to one and are rounded to 22-bit fixed point,
// so the sums are integers and equal Pillow's whatever the order of summation. A row of sums is
// rounded back to bytes before the second axis is done.
namespace sapiens {
namespace {

constexpr int kFractionBits = 32 - 8 - 2;  // 8 bits of pixel and 2 of headroom for overshoot
constexpr std::int32_t kHalf = std::int32_t{1} << (kFractionBits - 1);
constexpr Index kChannels = 3;

/// The weight of a pixel by its distance from the centre, 0 from `support` on.
struct Kernel {
  double (*weight)(double distance) noexcept;
  double support;
};

// Keys' cubic convolution kernel with a = -0.5.
double cubic(double x) noexcept {
  constexpr double a = -0.5;
  x = std::abs(x);
  if (x < 1.0) return ((a + 2.0) * x - (a + 3.0)) * x * x + 1;
  if (x < 2.0) return (((x - 5) * x + 8) * x - 4) * a;
  return 0.0;
}

double triangle(double x) noexcept { return std::max(0.0, 1.0 - std::abs(x)); }

constexpr Kernel kBicubic{.weight = cubic, .support = 2.0};
constexpr Kernel kBilinear{.weight = triangle, .support = 1.0};

// The input pixels [first, first + count) that contribute to one output pixel, with their weights.
struct Taps {
  Index first = 0;
  Index count = 0;
  const std::int32_t* weights = nullptr;
};

class Filter {
 public:
  Filter(const Kernel& kernel, Index in_size, Index out_size)
      : kernel_(kernel),
        scale_(static_cast<double>(in_size) / static_cast<double>(out_size)),
        stretch_(std::max(scale_, 1.0)),
        row_length_(static_cast<Index>(std::ceil(kernel.support * stretch_)) * 2 + 1),
        weights_(static_cast<std::size_t>(out_size * row_length_)) {
    taps_.reserve(static_cast<std::size_t>(out_size));
    for (Index i = 0; i < out_size; ++i) taps_.push_back(make_taps(i, in_size));
  }

  const Taps& operator[](Index i) const noexcept { return taps_[static_cast<std::size_t>(i)]; }

 private:
  Taps make_taps(Index i, Index in_size) {
    const double center = (static_cast<double>(i) + 0.5) * scale_;
    const double support = kernel_.support * stretch_;
    // Truncates instead of rounding down, as the casts of the original do.
    // NOLINTBEGIN(bugprone-incorrect-roundings)
    const Index first = std::max<Index>(static_cast<Index>(center - support + 0.5), 0);
    const Index last = std::min(static_cast<Index>(center + support + 0.5), in_size);
    // NOLINTEND(bugprone-incorrect-roundings)
    std::vector<double> exact(static_cast<std::size_t>(last - first));
    double sum = 0.0;
    const double unstretch = 1.0 / stretch_;
    for (Index k = 0; k < last - first; ++k) {
      exact[k] = kernel_.weight((static_cast<double>(k + first) - center + 0.5) * unstretch);
      sum += exact[k];
    }
    std::int32_t* const weights = weights_.data() + i * row_length_;
    for (Index k = 0; k < last - first; ++k) {
      const double fixed = exact[k] / sum * (1 << kFractionBits);
      weights[k] = static_cast<std::int32_t>(fixed < 0 ? fixed - 0.5 : fixed + 0.5);
    }
    return {first, last - first, weights};
  }

  Kernel kernel_;
  double scale_;
  double stretch_;
  Index row_length_;
  std::vector<std::int32_t> weights_;
  std::vector<Taps> taps_;
};

std::uint8_t to_byte(std::int32_t sum) noexcept {
  return static_cast<std::uint8_t>(std::clamp(sum >> kFractionBits, 0, 255));
}

void resize_row(const std::uint8_t* in, const Filter& filter, Index out_width,
                std::uint8_t* out) noexcept {
  for (Index x = 0; x < out_width; ++x, out += kChannels) {
    const Taps& taps = filter[x];
    const std::uint8_t* pixel = in + taps.first * kChannels;
    std::int32_t red = kHalf, green = kHalf, blue = kHalf;
    for (Index k = 0; k < taps.count; ++k, pixel += kChannels) {
      red += pixel[0] * taps.weights[k];
      green += pixel[1] * taps.weights[k];
      blue += pixel[2] * taps.weights[k];
    }
    out[0] = to_byte(red);
    out[1] = to_byte(green);
    out[2] = to_byte(blue);
  }
}

Image resize_width(const Image& image, const Kernel& kernel, Index width, const StopCheck& check) {
  const Filter filter(kernel, image.width, width);
  Image out = make_image(image.height, width);
  for (Index y = 0; y < image.height; ++y) {
    if (check) check();
    resize_row(image.rgb.data() + y * image.width * kChannels, filter, width,
               out.rgb.data() + y * width * kChannels);
  }
  return out;
}

// One output row is a weighted sum of input rows. It is computed in pieces whose sums stay in the
// L1 cache, and in the plain form that compilers vectorise.
void mix_rows(const std::uint8_t* rows, Index row_bytes, const Taps& taps, std::uint8_t* out) {
  constexpr Index kPiece = 1024;
  std::int32_t sums[kPiece];
  for (Index begin = 0; begin < row_bytes; begin += kPiece) {
    const Index count = std::min(kPiece, row_bytes - begin);
    std::fill_n(sums, count, kHalf);
    for (Index k = 0; k < taps.count; ++k) {
      const std::uint8_t* const in = rows + (taps.first + k) * row_bytes + begin;
      const std::int32_t weight = taps.weights[k];
      for (Index i = 0; i < count; ++i) sums[i] += in[i] * weight;
    }
    std::transform(sums, sums + count, out + begin, to_byte);
  }
}

Image resize_height(const Image& image, const Kernel& kernel, Index height,
                    const StopCheck& check) {
  const Filter filter(kernel, image.height, height);
  Image out = make_image(height, image.width);
  const Index row_bytes = image.width * kChannels;
  for (Index y = 0; y < height; ++y) {
    if (check) check();
    mix_rows(image.rgb.data(), row_bytes, filter[y], out.rgb.data() + y * row_bytes);
  }
  return out;
}

void expect_resizable(const Image& image, Index height, Index width) {
  expect_pixels("the image to resize", image);
  expect_image_bounds("the image to resize", image);
  expect_target_size(height, width);
}

Image resize_width_first(const Image& image, const Kernel& kernel, Index height, Index width,
                         const StopCheck& check) {
  expect_resizable(image, height, width);
  if (width == image.width && height == image.height) return image;
  if (width == image.width) return resize_height(image, kernel, height, check);
  if (height == image.height) return resize_width(image, kernel, width, check);
  expect_target_size(image.height, width);  // the size of the image between the passes
  return resize_height(resize_width(image, kernel, width, check), kernel, height, check);
}

}  // namespace

Image resize_bicubic_pillow(const Image& image, Index height, Index width, const StopCheck& check) {
  return resize_width_first(image, kBicubic, height, width, check);
}

// Since version 13 Pillow begins with the height where that loses more than twice as many pixels as
// the width. As bytes are rounded between the passes, some differ by one from the other order.
Image resize_bilinear_pillow(const Image& image, Index height, Index width,
                             const StopCheck& check) {
  expect_resizable(image, height, width);
  const Index lost_rows = image.height - height, lost_columns = image.width - width;
  const bool height_first = lost_rows > 0 && lost_columns != 0 && lost_rows > 2 * lost_columns;
  if (!height_first) return resize_width_first(image, kBilinear, height, width, check);
  return resize_width(resize_height(image, kBilinear, height, check), kBilinear, width, check);
}

}  // namespace sapiens
