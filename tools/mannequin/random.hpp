#pragma once

#include <cstdint>
#include <initializer_list>

#include "vec3.hpp"

namespace mannequin {

/// The random aspects of an image. Each has its own stream, so that one more number for the clothes
/// does not change poses.
enum class Aspect : std::uint64_t { Body = 1, Pose, Look, Camera, Room, Light, Sensor };

/// A generator with the same numbers on every machine (SplitMix64), unlike the distributions of
/// <random>.
class Random {
 public:
  Random(std::uint64_t seed, std::uint64_t index, Aspect aspect)
      : state_(mixed(mixed(mixed(seed) + index) + static_cast<std::uint64_t>(aspect))) {}

  std::uint64_t bits() { return mixed(state_ += 0x9e3779b97f4a7c15u); }

  /// A uniform number from 0 to below 1.
  float unit() { return static_cast<float>(bits() >> 40) * 0x1p-24f; }
  float range(float low, float high) { return mix(low, high, unit()); }
  bool chance(float probability) { return unit() < probability; }
  int below(int count) { return static_cast<int>(unit() * real(count)); }

  /// A number around `mean`, seldom farther than `spread` and never farther than twice that.
  float around(float mean, float spread) {
    return mean + spread * (unit() + unit() + unit() + unit() - 2);
  }

  /// A random index with probabilities proportional to the weights.
  int pick(std::initializer_list<float> weights) {
    float total = 0;
    for (const float weight : weights) total += weight;
    float left = unit() * total;
    int index = 0;
    for (const float weight : weights) {
      if ((left -= weight) < 0) return index;
      ++index;
    }
    return index - 1;
  }

 private:
  static constexpr std::uint64_t mixed(std::uint64_t z) {
    z += 0x9e3779b97f4a7c15u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
  }

  std::uint64_t state_;
};

}  // namespace mannequin
