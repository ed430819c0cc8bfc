#pragma once

#include "sapiens/tensor_view.hpp"

namespace sapiens {

/// The sizes of a transformer layer.
struct BlockSize {
  Index width = 0;
  Index mlp_width = 0;  ///< Hidden width of the feed-forward layers.
  Index heads = 0;
};

}  // namespace sapiens
