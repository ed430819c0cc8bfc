#include "write/panels.hpp"

#include <fmt/format.h>

#include "image/pixels.hpp"
#include "sapiens/error.hpp"

namespace sapiens {

void expect_size_of(const Image& picture, std::string_view what, Index height, Index width) {
  expect_pixels("the picture to draw on", picture);
  if (height == picture.height && width == picture.width) return;
  throw Error(ErrorCode::InvalidArgument,
              {.summary = fmt::format("{} do not have the size of the picture", what),
               .expected = fmt::format("{}x{}", picture.height, picture.width),
               .actual = fmt::format("{}x{}", height, width)});
}

void expect_pixels_of(const Image& picture, std::string_view what, std::size_t count) {
  const auto pixels = static_cast<std::size_t>(picture.height * picture.width);
  if (count == pixels) return;
  throw Error(ErrorCode::InvalidArgument,
              {.summary = fmt::format("{} do not have the size of the picture", what),
               .expected = fmt::format("{} pixels", pixels),
               .actual = fmt::format("{} pixels", count)});
}

}  // namespace sapiens
