#include "engine/encoder_input.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "model/config.hpp"
#include "preprocess/preprocess.hpp"
#include "sapiens/error.hpp"

namespace sapiens {

// Sapiens pads an incomplete patch; Sapiens2 has no rule for one.
void expect_complete_patches(Grid size) {
  if (size.height % kPatch == 0 && size.width % kPatch == 0) return;
  const auto rounded = [](Index pixels) { return (pixels + kPatch / 2) / kPatch * kPatch; };
  throw Error(
      ErrorCode::InvalidArgument,
      {.summary = "Sapiens2 does not pad its input, so the size must be one of complete patches",
       .option = "input_size",
       .expected = fmt::format("a height and a width that are multiples of {}", kPatch),
       .actual = fmt::format("{}x{} (height x width)", size.height, size.width),
       .hint = fmt::format("take {}x{}", std::max(kPatch, rounded(size.height)),
                           std::max(kPatch, rounded(size.width)))});
}

void expect_preprocess(Family family, PreprocessMode mode) {
  if (family != Family::Sapiens2 || mode == PreprocessMode::Full) return;
  throw Error(ErrorCode::InvalidArgument,
              {.summary = "this model has no lite preprocessing: the lite scripts are those of "
                          "Sapiens, and Sapiens2 has none",
               .option = "preprocess",
               .expected = "full",
               .actual = "lite",
               .hint = "leave `preprocess` out"});
}

FloatArray encoder_input(Family family, const Image& image, Grid size, PreprocessMode mode,
                         const StopCheck& check) {
  expect_preprocess(family, mode);
  const bool sapiens2 = family == Family::Sapiens2;
  if (sapiens2) expect_complete_patches(size);
  const Image resized = sapiens2 ? resize_bilinear_pillow(image, size.height, size.width, check)
                                 : resize_for_features(image, size.height, size.width, mode, check);
  FloatArray chw{
      .shape = {3, size.height, size.width},
      .values = std::vector<float>(static_cast<std::size_t>(3 * size.height * size.width))};
  const TensorView<float, 3> pixels(chw.values.data(), {3, size.height, size.width});
  sapiens2 ? normalize_unit_range(resized, pixels) : normalize(resized, mode, pixels);
  return chw;
}

}  // namespace sapiens
