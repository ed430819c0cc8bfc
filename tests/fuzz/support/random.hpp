#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "core/split_mix.hpp"

namespace sapiens::fuzz {

/// The numbers behind the decisions of a mutator, from the seed that libFuzzer gives it.
class Random {
 public:
  explicit Random(std::uint64_t seed) noexcept : state_(seed) {}

  std::uint64_t next() noexcept { return split_mix(state_ += kSplitMixStep); }
  /// From 0 to `end` - 1; 0 where `end` is 0.
  std::size_t below(std::size_t end) noexcept { return end == 0 ? 0 : next() % end; }
  /// True once in `n` calls.
  bool one_in(std::size_t n) noexcept { return below(n) == 0; }
  template <class T, std::size_t N>
  const T& of(const T (&choices)[N]) noexcept {
    return choices[below(N)];
  }

 private:
  std::uint64_t state_;
};

}  // namespace sapiens::fuzz
