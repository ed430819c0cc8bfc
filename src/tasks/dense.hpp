#pragma once

#include "core/thread_pool.hpp"
#include "sapiens/features.hpp"
#include "sapiens/results.hpp"
#include "tasks/resample.hpp"

namespace sapiens {

/// Enlarges the single channel of a depth head to `input`, then to `image`: [H, W]. Throws
/// ShapeMismatch for another number of channels.
FloatArray depth_of_image(const HeadOutput& depth, Grid input, Grid image, const ThreadPool& pool);

/// Enlarges the three channels of a normal head in the same way and then normalises them, n / (|n|
/// + 1e-5): [H, W, 3].
FloatArray normals_of_image(const HeadOutput& normals, Grid input, Grid image,
                            const ThreadPool& pool);

/// The most likely class of every pixel: logits are enlarged to `input`, then to `image`, and the
/// first of the largest wins. The enlarged logits are never stored as a whole. A single logit per
/// pixel makes two classes, the second where its sigmoid exceeds 0.3, as in the original.
///
/// Throws InvalidArgument for more than 256 classes.
Segmentation most_likely_classes(const HeadOutput& logits, Grid input, Grid image,
                                 const ThreadPool& pool);

}  // namespace sapiens
