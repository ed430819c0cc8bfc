#pragma once

#include <random>
#include <vector>

#include "sapiens/tensor_view.hpp"

namespace sapiens {

struct Normal {
  float mean = 0;
  float deviation = 1;
  unsigned seed = 1;
};

inline std::vector<float> random_normal(Index count, const Normal& normal) {
  std::mt19937 random(normal.seed);
  std::normal_distribution<float> distribution(normal.mean, normal.deviation);
  std::vector<float> numbers(static_cast<std::size_t>(count));
  for (float& x : numbers) x = distribution(random);
  return numbers;
}

}  // namespace sapiens
