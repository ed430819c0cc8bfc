#include "image/image_bounds.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "sapiens/error.hpp"

namespace sapiens {

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

}  // namespace sapiens
