#pragma once

#include <cstdint>

namespace sapiens {

// SplitMix64: Steele, Lea, Flood, "Fast splittable pseudorandom number generators" (2014), as Java
// and many others have it. Number n of a stream can be had without those before it.

/// A bijection that mixes all 64 bits.
constexpr std::uint64_t split_mix(std::uint64_t z) noexcept {
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
  return z ^ (z >> 31);
}

/// 2^64 divided by the golden ratio, which is added to the state in each step.
inline constexpr std::uint64_t kSplitMixStep = 0x9e3779b97f4a7c15u;

/// Number `n` of the stream that starts with `seed`, counted from 0.
constexpr std::uint64_t split_mix_at(std::uint64_t seed, std::uint64_t n) noexcept {
  return split_mix(seed + (n + 1) * kSplitMixStep);
}

}  // namespace sapiens
