#include "capi/pictures.hpp"

#include <cstring>
#include <span>
#include <string>

#include "capi/border.hpp"
#include "capi/options.hpp"

namespace sapiens::capi {
namespace {

constexpr Index kMaxPixels = Index{1} << 28;  // as of pictures in files

void expect_layout(const sapiens_picture& picture) {
  const Index width = picture.width, height = picture.height;
  if (width < 1 || height < 1 || width > kMaxPixels / height) {
    refuse("not the size of a picture", "picture.width, height",
           "1 or more each, and at most " + std::to_string(kMaxPixels) + " pixels",
           std::to_string(width) + " x " + std::to_string(height));
  }
  if (picture.stride > -3 * width && picture.stride < 3 * width && picture.stride != 0) {
    refuse("the rows of the picture overlap", "picture.stride",
           "3 * width = " + std::to_string(3 * width) + " or more, or 0",
           std::to_string(picture.stride));
  }
}

Image copy_pixels(const sapiens_picture& picture) {
  expect_layout(picture);
  const Index row = 3 * picture.width;
  const Index stride = picture.stride == 0 ? row : picture.stride;
  Image image{.width = picture.width, .height = picture.height, .rgb = {}};
  image.rgb.resize(static_cast<std::size_t>(row * picture.height));
  for (Index y = 0; y < picture.height; ++y) {
    std::memcpy(image.rgb.data() + y * row, picture.pixels + y * stride,
                static_cast<std::size_t>(row));
  }
  return image;
}

}  // namespace

Image read_picture(const sapiens_picture* given, const char* name) {
  require(given, name);
  const sapiens_picture picture = known_fields(given, name);
  const int ways =
      (picture.path != nullptr) + (picture.file != nullptr) + (picture.pixels != nullptr);
  if (ways != 1) {
    refuse("a picture is given in exactly one way", name, "one of path, file and pixels",
           ways == 0 ? "none of them" : std::to_string(ways) + " of them");
  }
  if (picture.path) return Image::read(picture.path);
  if (picture.pixels) return copy_pixels(picture);
  return Image::decode({static_cast<const std::byte*>(picture.file), picture.file_bytes},
                       "a picture in memory");
}

Pictures::Pictures(const sapiens_picture* first, std::size_t count) : first_(first), count_(count) {
  require(first, "pictures");
  if (count == 0) refuse("no picture was given", "count", "1 or more", "0");
}

Image Pictures::read(std::size_t index) const {
  const auto* const bytes = reinterpret_cast<const std::byte*>(first_);
  const auto* const at =
      reinterpret_cast<const sapiens_picture*>(bytes + index * first_->struct_size);
  if (at->struct_size != first_->struct_size) {
    refuse("the pictures of one array have one size", "pictures",
           "a struct_size of " + std::to_string(first_->struct_size) + " as the first has",
           std::to_string(at->struct_size) + " at " + std::to_string(index));
  }
  return read_picture(at, "pictures");
}

}  // namespace sapiens::capi
