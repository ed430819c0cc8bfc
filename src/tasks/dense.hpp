#pragma once

#include "core/thread_pool.hpp"
#include "sapiens/features.hpp"
#include "tasks/resample.hpp"

namespace sapiens {

/// The single channel of a depth head, enlarged to `input`, then to `image`: [H, W].
/// Throws ShapeMismatch for another number of channels.
FloatArray depth_of_image(const HeadOutput& depth, Grid input, Grid image, const ThreadPool& pool);

/// The three channels of a normal head, enlarged likewise and then made unit vectors,
/// n / (|n| + 1e-5): [H, W, 3].
FloatArray normals_of_image(const HeadOutput& normals, Grid input, Grid image,
                            const ThreadPool& pool);

}  // namespace sapiens
