#pragma once

#include "core/thread_pool.hpp"
#include "sapiens/features.hpp"
#include "tasks/resample.hpp"

namespace sapiens {

/// Enlarges the single channel of a depth head to `input`, then to `image`: [H, W]. Throws
/// ShapeMismatch for another number of channels.
FloatArray depth_of_image(const HeadOutput& depth, Grid input, Grid image, const ThreadPool& pool);

/// Enlarges the three channels of a normal head in the same way and then normalises them, n / (|n|
/// + 1e-5): [H, W, 3].
FloatArray normals_of_image(const HeadOutput& normals, Grid input, Grid image,
                            const ThreadPool& pool);

}  // namespace sapiens
