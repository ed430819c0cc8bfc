#pragma once

#include <iterator>
#include <vector>

#include "core/function_ref.hpp"
#include "core/thread_pool.hpp"
#include "sapiens/report.hpp"
#include "sapiens/tensor_view.hpp"

namespace sapiens {

/// The output of a head: rows are pixels, y * width + x; columns are channels.
struct HeadOutput {
  ConstMatrix values = {};
  Grid size = {};
};

/// The inputs of one output position of a bilinear resize: (1 - weight) x[first] + weight
/// x[second].
struct Tap {
  Index first = 0, second = 0;
  float weight = 0;
};

/// Equals torch.nn.functional.interpolate(mode="bilinear", align_corners=False) along one axis,
/// weights included: half-pixel centres, replicated border, no antialiasing.
std::vector<Tap> bilinear_taps(Index in_size, Index out_size);

/// The two bilinear steps of dense predictions: head -> network input -> image.
///
/// The image's rows are made one at a time and nothing of the image's size exists in between.
/// Rows are blended before columns where PyTorch does it the other way round: the same numbers but
/// for rounding, and the columns of the image are left to the caller, which reduces them at once.
/// Columns of the input that no pixel of the image reads are not made: an image may have one
/// column and thousands of rows.
class TwoStepResize {
 public:
  /// An `input` equal to the head's size skips the first step, as the original's lite scripts do.
  /// Throws ShapeMismatch unless `head` has a row for every pixel, InvalidArgument for empty sizes.
  TwoStepResize(const HeadOutput& head, Grid input, Grid image);

  /// The padding of channels, for bodies that process several at once.
  struct Padding {
    Index multiple = 1;
    float value = 0;
  };
  /// The padded number of channels per column of a row.
  Index padded_channels(const Padding& padding) const noexcept;

  /// Calls `body(y, row)` for every row of the image, on all threads. `row` holds `row_columns()`
  /// columns of the network's input, padded_channels() numbers each; `columns()` says how they make
  /// pixels.
  void for_each_row(const Padding& padding, const ThreadPool& pool,
                    FunctionRef<void(Index y, const float* row)> body) const;
  Index row_columns() const noexcept { return std::ssize(input_columns_); }
  /// One tap per column of the image, into the columns of a row.
  const std::vector<Tap>& columns() const noexcept { return image_columns_; }

 private:
  class Rows;

  HeadOutput head_;
  std::vector<Tap> input_rows_, input_columns_;  // taps into the head's output
  std::vector<Tap> image_rows_, image_columns_;  // taps into the network's input
};

}  // namespace sapiens
