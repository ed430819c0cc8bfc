#include "capi/images.hpp"

#include <cstring>
#include <span>
#include <string>

#include "capi/error_boundary.hpp"
#include "capi/options.hpp"

namespace sapiens::capi {
namespace {

void expect_layout(const sapiens_image& image) {
  const Index width = image.width, height = image.height;
  if (width < 1 || height < 1 || width > kMaxImagePixels / height) {
    refuse("not the size of an image", "image.width, height",
           "1 or more each, and at most " + std::to_string(kMaxImagePixels) + " pixels",
           std::to_string(width) + " x " + std::to_string(height));
  }
  if (image.stride > -3 * width && image.stride < 3 * width && image.stride != 0) {
    refuse("the rows of the image overlap", "image.stride",
           "3 * width = " + std::to_string(3 * width) + " or more, or 0",
           std::to_string(image.stride));
  }
}

Image copy_pixels(const sapiens_image& given) {
  expect_layout(given);
  const Index row = 3 * given.width;
  const Index stride = given.stride == 0 ? row : given.stride;
  Image image{.width = given.width, .height = given.height, .rgb = {}};
  image.rgb.resize(static_cast<std::size_t>(row * given.height));
  for (Index y = 0; y < given.height; ++y) {
    std::memcpy(image.rgb.data() + y * row, given.pixels + y * stride,
                static_cast<std::size_t>(row));
  }
  return image;
}

}  // namespace

Image read_image(const sapiens_image* given, const char* name) {
  require(given, name);
  const sapiens_image image = known_fields(given, name);
  const int ways = (image.path != nullptr) + (image.file != nullptr) + (image.pixels != nullptr);
  if (ways != 1) {
    refuse("an image is given in exactly one way", name, "one of path, file and pixels",
           ways == 0 ? "none of them" : std::to_string(ways) + " of them");
  }
  if (image.path) return Image::read(image.path);
  if (image.pixels) return copy_pixels(image);
  return Image::decode({static_cast<const std::byte*>(image.file), image.file_bytes},
                       "an image in memory");
}

Images::Images(const sapiens_image* first, std::size_t count) : first_(first), count_(count) {
  require(first, "images");
  if (count == 0) refuse("no image was given", "count", "1 or more", "0");
}

Image Images::read(std::size_t index) const {
  const auto* const bytes = reinterpret_cast<const std::byte*>(first_);
  const auto* const at =
      reinterpret_cast<const sapiens_image*>(bytes + index * first_->struct_size);
  if (at->struct_size != first_->struct_size) {
    refuse("the images of one array have one size", "images",
           "a struct_size of " + std::to_string(first_->struct_size) + " as the first has",
           std::to_string(at->struct_size) + " at " + std::to_string(index));
  }
  return read_image(at, "images");
}

}  // namespace sapiens::capi
