#pragma once

#include <cstring>
#include <vector>

#include "sapiens/error.hpp"
#include "support/golden.hpp"
#include "support/scratch.hpp"
#include "tasks/resample.hpp"

namespace sapiens {

/// The numbers of a golden `.npy` file of another type than float32.
template <class T>
std::vector<T> golden_numbers(const Golden& golden, const std::string& name) {
  const std::string bytes = read_bytes(golden.file(name + ".npy"));
  std::uint16_t header = 0;
  std::memcpy(&header, bytes.data() + 8, sizeof header);
  std::vector<T> numbers((bytes.size() - 10 - header) / sizeof(T));
  std::memcpy(numbers.data(), bytes.data() + 10 + header, numbers.size() * sizeof(T));
  return numbers;
}

/// A golden [C, H, W] array, or number `batch` of [B, C, H, W], as heads of this library put it
/// out.
class GoldenMap {
 public:
  GoldenMap(const Golden& golden, const std::string& name, std::size_t batch = 0) {
    const FloatArray array = golden.array(name);
    const auto axes = array.shape.end();
    size_ = {axes[-2], axes[-1]};
    channels_ = axes[-3];
    const Index pixels = size_.patches();
    values_.resize(static_cast<std::size_t>(channels_ * pixels));
    const float* const planes = array.values.data() + batch * values_.size();
    for (Index c = 0; c < channels_; ++c) {
      for (Index p = 0; p < pixels; ++p) {
        values_[p * channels_ + c] = planes[c * pixels + p];
      }
    }
  }

  Matrix values() { return {values_.data(), {size_.patches(), channels_}}; }
  HeadOutput output() { return {values(), size_}; }
  Index channels() const { return channels_; }

 private:
  std::vector<float> values_;
  Grid size_;
  Index channels_ = 0;
};

}  // namespace sapiens
