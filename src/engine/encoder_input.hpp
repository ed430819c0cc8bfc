#pragma once

#include "reconcile/family.hpp"
#include "sapiens/features.hpp"
#include "sapiens/image.hpp"

namespace sapiens {

/// Throws `Error(InvalidArgument)` for an input size of Sapiens2 that is not made of complete
/// patches.
void expect_complete_patches(Grid size);

/// Throws `Error(InvalidArgument)` for Lite if `family` has no lite scripts.
void expect_preprocess(Family family, PreprocessMode mode);

/// The pixels [3, H, W] that an encoder of `family` was trained to see: `image` resized to `size`
/// and normalised. Throws `Error(InvalidArgument)` as `Encoder::preprocess` does.
FloatArray encoder_input(Family family, const Image& image, Grid size, PreprocessMode mode,
                         const StopCheck& check);

}  // namespace sapiens
