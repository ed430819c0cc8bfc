#pragma once

#include <algorithm>
#include <cstring>
#include <vector>

#include "core/aligned_buffer.hpp"
#include "core/half.hpp"
#include "kernels/kernel_table.hpp"

namespace sapiens {

/// Numbers in memory of either type, filled from floats and read back as such.
class Numbers {
 public:
  Numbers(ActivationType type, const std::vector<float>& values)
      : type_(type), count_(values.size()), bytes_(std::ssize(values) * bytes_each()) {
    for (Index i = 0; i < std::ssize(values); ++i) {
      const float value = values[static_cast<std::size_t>(i)];
      const std::uint16_t half = bfloat16_bits(value);
      if (type == ActivationType::F32) {
        std::memcpy(at(i), &value, sizeof(value));
      } else {
        std::memcpy(at(i), &half, sizeof(half));
      }
    }
  }

  ActivationType type() const noexcept { return type_; }
  std::byte* at(Index i) noexcept { return bytes_.data() + i * bytes_each(); }

  std::vector<float> floats() {
    std::vector<float> values(count_);
    for (std::size_t i = 0; i < count_; ++i) {
      std::uint16_t half = 0;
      if (type_ == ActivationType::F32) {
        std::memcpy(&values[i], at(static_cast<Index>(i)), sizeof(float));
      } else {
        std::memcpy(&half, at(static_cast<Index>(i)), sizeof(half));
        values[i] = bfloat16_to_float(half);
      }
    }
    return values;
  }

 private:
  Index bytes_each() const noexcept { return type_ == ActivationType::F32 ? 4 : 2; }

  ActivationType type_;
  std::size_t count_;
  AlignedBuffer<std::byte> bytes_;
};

/// One linear layer and its operands.
struct LinearCase {
  Index rows = 0, in = 0, out = 0;
  std::vector<float> x = {}, weight = {}, bias = {}, y = {};  // `y`: what is there before
  ActivationType x_type = ActivationType::F32, y_type = ActivationType::F32;
  Epilogue epilogue = Epilogue::Store;
  Index x_gap = 0, y_gap = 0;  // numbers between the rows
};

/// How a test cuts the work into calls; 0 is as much as the kernel takes.
struct Cuts {
  Index pack_rows = 0, rows = 0, columns = 0;
};

inline AlignedBuffer<std::byte> packed_weight(const LinearKernel& kernel, const LinearCase& c,
                                              Index step = 0) {
  AlignedBuffer<std::byte> packed(kernel.packed_bytes(c.out, c.in));
  if (step == 0) step = c.out;
  for (Index row = 0; row < c.out; row += step) {
    kernel.pack({.weight = c.weight.data() + row * c.in,
                 .out = c.out,
                 .in = c.in,
                 .first_row = row,
                 .rows = std::min(step, c.out - row),
                 .stride = c.in,
                 .packed = packed.data()});
  }
  return packed;
}

inline std::vector<float> run_linear(const LinearKernel& kernel, const LinearCase& c,
                                     Cuts cuts = {}) {
  const AlignedBuffer<std::byte> packed = packed_weight(kernel, c, cuts.pack_rows);
  const Index rows = cuts.rows > 0 ? cuts.rows : kernel.row_block(c.in, KernelTable().l2_bytes);
  AlignedBuffer<std::byte> scratch(kernel.scratch_bytes(c.in, rows));
  const Index columns = cuts.columns > 0 ? cuts.columns * kernel.column_tile : c.out;
  Numbers x(c.x_type, c.x), y(c.y_type, c.y);
  for (Index row = 0; row < c.rows; row += rows) {
    for (Index column = 0; column < c.out; column += columns) {
      kernel.run({.x = x.at(row * (c.in + c.x_gap)),
                  .weight = packed.data(),
                  .bias = c.bias.data(),
                  .y = y.at(row * (c.out + c.y_gap)),
                  .x_type = c.x_type,
                  .y_type = c.y_type,
                  .rows = std::min(rows, c.rows - row),
                  .in = c.in,
                  .out = c.out,
                  .x_stride = c.in + c.x_gap,
                  .y_stride = c.out + c.y_gap,
                  .first_column = column,
                  .columns = std::min(columns, c.out - column),
                  .epilogue = c.epilogue,
                  .scratch = scratch.data()});
    }
  }
  return y.floats();
}

}  // namespace sapiens
