#pragma once

#include "core/thread_pool.hpp"
#include "sapiens/results.hpp"
#include "tasks/resample.hpp"

namespace sapiens {

/// The most likely class of every pixel: logits are enlarged to `input`, then to `image`, and the
/// first of the largest wins. The enlarged logits are never stored as a whole. A single logit per
/// pixel makes two classes, the second where its sigmoid exceeds 0.3, as in the original.
///
/// Throws InvalidArgument for more than 256 classes.
Segmentation most_likely_classes(const HeadOutput& logits, Grid input, Grid image,
                                 const ThreadPool& pool);

}  // namespace sapiens
