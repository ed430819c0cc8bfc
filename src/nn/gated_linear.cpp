#include <algorithm>
#include <cassert>
#include <vector>

#include "nn/expect.hpp"
#include "nn/ops.hpp"
#include "nn/split.hpp"

// A packed gated layer is gates and values in turn, half a column tile of each, so that a register
// tile of the kernel holds both numbers of a pair. What `hidden` lacks to whole tiles stays zero.
namespace sapiens {
namespace {

// Where output `row` of PyTorch's order is in the packed order.
Index packed_output(const LinearWeights& gated, Index row) noexcept {
  const Index hidden = gated.out / 2, unit = gated.kernel->column_tile / 2;
  const Index half = row / hidden, pair = row % hidden;
  return (2 * (pair / unit) + half) * unit + pair % unit;
}

// How many outputs from `row` on follow each other in both orders.
Index run_length(const LinearWeights& gated, Index row) noexcept {
  const Index hidden = gated.out / 2, unit = gated.kernel->column_tile / 2;
  const Index pair = row % hidden;
  return std::min(unit - pair % unit, hidden - pair);
}

}  // namespace

LinearWeights Ops::make_gated_linear(Index hidden, Index in, DType stored) const {
  const LinearKernel& kernel = linear_kernel(stored);
  const Index out = 2 * hidden;
  return {.kernel = &kernel,
          .weight = AlignedBuffer<std::byte>(kernel.packed_bytes(out, in)),
          .bias = AlignedBuffer<float>(ceil_div(out, kernel.column_tile) * kernel.column_tile),
          .in = in,
          .out = out,
          .gated = true};
}

void Ops::pack_gated_rows(LinearWeights& linear, Index first_row, ConstMatrix rows) const {
  assert(linear.gated);
  const Index end = expect_rows_of_weight(linear, first_row, rows);
  struct Run {
    Index row, packed, count;
  };
  std::vector<Run> runs;
  for (Index row = first_row; row < end;) {
    const Index count = std::min(run_length(linear, row), end - row);
    runs.push_back({row, packed_output(linear, row), count});
    row += count;
  }
  // Gates and values share tiles but no memory; runs of one call are disjoint.
  const LinearKernel& kernel = *linear.kernel;
  pool_->parallel_for(std::ssize(runs), [&](Index begin, Index stop) {
    for (Index i = begin; i < stop; ++i) {
      const Run& run = runs[static_cast<std::size_t>(i)];
      kernel.pack({.weight = rows.data() + (run.row - first_row) * rows.strides()[0],
                   .out = linear.out,
                   .in = linear.in,
                   .first_row = run.packed,
                   .rows = run.count,
                   .stride = rows.strides()[0],
                   .packed = linear.weight.data()});
    }
  });
}

void Ops::set_gated_bias(LinearWeights& linear, std::span<const float> bias) const {
  assert(linear.gated);
  expect_vector("gated linear: bias", bias, linear.out);
  for (Index row = 0; row < linear.out; ++row) {
    linear.bias.data()[packed_output(linear, row)] = bias[static_cast<std::size_t>(row)];
  }
}

}  // namespace sapiens
