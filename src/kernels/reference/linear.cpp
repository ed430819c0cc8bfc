#include <cstring>

#include "kernels/reference/reference.hpp"

namespace sapiens::kernels::reference {
namespace {

void finish(float& y, double sum, Epilogue epilogue) noexcept {
  switch (epilogue) {
    case Epilogue::Store:
      y = static_cast<float>(sum);
      return;
    case Epilogue::Gelu:
      y = static_cast<float>(gelu(sum));
      return;
    case Epilogue::Add:
      y = static_cast<float>(y + sum);
      return;
  }
}

// y[r, o] = sum_i x[r, i] W[o, i] + b[o]
void run(const LinearArgs& a) noexcept {
  const float* const weight = static_cast<const float*>(a.weight);
  for (std::int64_t r = 0; r < a.rows; ++r) {
    const float* const x = a.x + r * a.x_stride;
    for (std::int64_t o = a.first_column; o < a.first_column + a.columns; ++o) {
      double sum = a.bias[o];
      for (std::int64_t i = 0; i < a.in; ++i) sum += double{x[i]} * weight[o * a.in + i];
      finish(a.y[r * a.y_stride + o], sum, a.epilogue);
    }
  }
}

// The packed weight is the weight: [out, in].
void pack(const PackArgs& a) noexcept {
  float* const packed = static_cast<float*>(a.packed);
  for (std::int64_t r = 0; r < a.rows; ++r) {
    std::memcpy(packed + (a.first_row + r) * a.in, a.weight + r * a.stride,
                static_cast<std::size_t>(a.in) * sizeof(float));
  }
}

std::int64_t packed_bytes(std::int64_t out, std::int64_t in) noexcept {
  return out * in * static_cast<std::int64_t>(sizeof(float));
}

}  // namespace

const LinearKernel linear{.run = &run,
                          .pack = &pack,
                          .packed_bytes = &packed_bytes,
                          .scratch_bytes = 0,
                          .row_tile = 1,
                          .column_tile = 1,
                          .row_block = 16};

}  // namespace sapiens::kernels::reference
