#include "sapiens/boxes.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <string>

#include "sapiens/error.hpp"
#include "sapiens/prepared.hpp"

namespace sapiens {
namespace {

[[noreturn]] void refuse(std::size_t number, const Box& box, const Image& image, std::string what,
                         std::string hint) {
  throw Error(ErrorCode::InvalidArgument,
              {.summary = std::move(what),
               .key = fmt::format("boxes[{}]", number),
               .expected = fmt::format("x, y, width and height in pixels, within {} x {} pixels "
                                       "(width x height)",
                                       image.width, image.height),
               .actual = fmt::format("{}, {}, {}, {}", box.x, box.y, box.width, box.height),
               .hint = std::move(hint)});
}

}  // namespace

Box full_image_box(const Image& image) {
  return {.width = static_cast<float>(image.width), .height = static_cast<float>(image.height)};
}

bool is_outside(const Box& box, const Image& image) {
  return box.x + box.width <= 0 || box.y + box.height <= 0 ||
         box.x >= static_cast<float>(image.width) || box.y >= static_cast<float>(image.height);
}

bool looks_normalized(const Box& box) {
  constexpr float kMaxEdge = 1 + 1e-3f;  // tolerance for sums of rounded numbers
  return box.x >= 0 && box.y >= 0 && box.x + box.width <= kMaxEdge &&
         box.y + box.height <= kMaxEdge;
}

void expect_boxes_in(const Image& image, std::span<const Box> boxes) {
  for (std::size_t i = 0; i < boxes.size(); ++i) {
    if (!is_outside(boxes[i], image)) continue;
    refuse(i, boxes[i], image, "a box of a person is outside of its image",
           "leave this box out, or check which image it belongs to");
  }
  // the box 0, 0, 1, 1 covers all of it
  const bool one_pixel = image.width == 1 && image.height == 1;
  if (boxes.empty() || one_pixel || !std::ranges::all_of(boxes, looks_normalized)) return;
  refuse(0, boxes[0], image, "boxes between 0 and 1 look like shares of an image",
         "multiply by the image's width and height");
}

std::string prepared_input_warning(std::span<const float> values) {
  // (x - mean) / std for x in 0..255 (docs/preprocessing.md).
  constexpr float kMinPrepared = -2.12f, kMaxPrepared = 2.64f;
  constexpr float kFarOut = 10;
  if (values.empty()) return {};
  const auto [min, max] = std::ranges::minmax(values);  // NaN is refused later, with the features
  const bool like_an_image = min >= 0 && max > min && (max <= 1 || max > kMaxPrepared + 0.1f);
  if (!like_an_image && min >= -kFarOut && max <= kFarOut) return {};
  return fmt::format(
      "its numbers go from {:.4g} to {:.4g}; those of a prepared input, (x - mean) / std for x in "
      "0..255, lie between {} and {}. Was it not normalised?",
      min, max, kMinPrepared, kMaxPrepared);
}

}  // namespace sapiens
