#include "image/pixels.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <opencv2/core.hpp>
#include <stdexcept>
#include <typeinfo>

#include "core/memory_in_use.hpp"
#include "image/image_header.hpp"
#include "sapiens/error.hpp"

namespace sapiens {

void expect_pixels(std::string_view what, const Image& image) {
  constexpr Index kMaxSide = Index{1} << 30;  // so that the product below cannot overflow
  const bool sized =
      image.width > 0 && image.width <= kMaxSide && image.height > 0 && image.height <= kMaxSide;
  if (sized && static_cast<std::uint64_t>(image.width) * image.height * 3 == image.rgb.size()) {
    return;
  }
  throw Error(ErrorCode::InvalidArgument,
              {.summary = fmt::format("{} is not a complete image", what),
               .expected = "width and height of at least 1, and 3 bytes for each pixel",
               .actual = fmt::format("{} x {} pixels (width x height) and {} bytes", image.width,
                                     image.height, image.rgb.size())});
}

Image make_image(Index height, Index width) {
  return {.width = width,
          .height = height,
          .rgb = std::vector<std::uint8_t>(static_cast<std::size_t>(height * width * 3))};
}

cv::Mat as_mat(Image& image) {
  return {static_cast<int>(image.height), static_cast<int>(image.width), CV_8UC3, image.rgb.data()};
}

// OpenCV has no matrix of constant numbers; callers use the result as an input only.
cv::Mat as_mat(const Image& image) { return as_mat(const_cast<Image&>(image)); }

std::string broken_image_bound(Index width, Index height) {
  const auto [shorter, longer] = std::minmax(width, height);
  if (longer > kMaxImagePixels / std::max(shorter, Index{1})) {
    return fmt::format("at most {} pixels", kMaxImagePixels);
  }
  if (longer > kMaxImageSide) return fmt::format("at most {} pixels a side", kMaxImageSide);
  if (longer > kAnyAspectImageSide && longer > kMaxImageAspect * shorter) {
    return fmt::format("a longer side of at most {} times the shorter one, or of at most {} pixels",
                       kMaxImageAspect, kAnyAspectImageSide);
  }
  return {};
}

void expect_image_bounds(std::string_view what, const Image& image) {
  const std::string broken = broken_image_bound(image.width, image.height);
  if (broken.empty()) return;
  throw Error(ErrorCode::InvalidArgument,
              {.summary = fmt::format("{} is too large", what),
               .expected = broken,
               .actual = fmt::format("{} x {} pixels (width x height)", image.width, image.height),
               .hint = "scale it down or cut the person out first"});
}

void rethrow_from_opencv() {
  try {
    throw;
  } catch (const cv::Exception& failure) {
    if (failure.code != cv::Error::StsNoMem) {
      throw Error(ErrorCode::Internal, {.summary = "OpenCV failed",
                                        .actual = failure.err,
                                        .hint = "please report this as a bug"});
    }
    throw Error(ErrorCode::OutOfResources,
                {.summary = "not enough memory to resize or draw an image",
                 .actual = failure.err,  // "Failed to allocate 3686400 bytes"
                 .hint = "use smaller images, or allow more memory (ulimit -v)"});
  } catch (const std::runtime_error& failure) {
    // TBB, which runs OpenCV's loops, throws exactly this type where a thread does not start.
    if (typeid(failure) != typeid(std::runtime_error)) throw;
    throw Error(ErrorCode::OutOfResources,
                {.summary = "a thread of OpenCV did not start",
                 .actual = failure.what() + ("; " + memory_in_use()),
                 .hint = "allow more threads or memory (ulimit -u, ulimit -v)"});
  }
}

void expect_header_size(const ImageHeader& header, Index width, Index height) {
  if (width == header.width && height == header.height) return;
  throw BrokenImage(fmt::format("it says two sizes, {} x {} and {} x {} (width x height)",
                                header.width, header.height, width, height));
}

}  // namespace sapiens
