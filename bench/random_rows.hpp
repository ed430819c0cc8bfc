#pragma once

#include <bit>
#include <cstdint>
#include <random>

#include "core/aligned_buffer.hpp"
#include "nn/activations.hpp"

namespace sapiens {

/// Random activations of one type, uniform from -1 to 1.
class RandomRows {
 public:
  RandomRows(ActivationType type, Index rows, Index columns)
      : bytes_(static_cast<Index>(activation_bytes(type, rows, columns))),
        view_(bytes_.data(), type, rows, columns, columns) {
    std::minstd_rand random(1);
    std::uniform_real_distribution<float> uniform(-1, 1);
    for (Index i = 0; i < rows * columns; ++i) {
      const float x = uniform(random);
      if (type == ActivationType::F32) {
        reinterpret_cast<float*>(bytes_.data())[i] = x;
      } else {
        reinterpret_cast<std::uint16_t*>(bytes_.data())[i] =
            static_cast<std::uint16_t>(std::bit_cast<std::uint32_t>(x) >> 16);
      }
    }
  }

  Activations view() const { return view_; }
  Matrix matrix() const {
    return {reinterpret_cast<float*>(view_.data()), {view_.rows(), view_.columns()}};
  }

 private:
  AlignedBuffer<std::byte> bytes_;
  Activations view_;
};

}  // namespace sapiens
