#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

#include "fuzz/support/mutators.hpp"

namespace sapiens::fuzz {

inline std::string_view text_of(const std::uint8_t* data, std::size_t size) {
  return {reinterpret_cast<const char*>(data), size};
}

/// Stores a result where libFuzzer expects it. One that is too long would be an input that is cut
/// off in the middle, so it is left out and the bytes at `data` are changed instead.
inline std::size_t store(const std::string& result, std::uint8_t* data, std::size_t size,
                         std::size_t max_size) {
  const std::string fitting =
      result.size() <= max_size ? result : mutate_bytes(std::string(text_of(data, size)), max_size);
  std::copy(fitting.begin(), fitting.end(), data);
  return fitting.size();
}

}  // namespace sapiens::fuzz

/// The mutator of a fuzzer. One change in five is of plain bytes, so that nothing is out of reach.
// NOLINTNEXTLINE(cppcoreguidelines-macro-usage)
#define SAPIENS_FUZZ_MUTATOR(mutate)                                                               \
  extern "C" std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t size,             \
                                                 std::size_t max_size, unsigned int seed) {        \
    using namespace sapiens::fuzz;                                                                 \
    Random random(seed);                                                                           \
    const std::string before(text_of(data, size));                                                 \
    return store(random.one_in(5) ? mutate_bytes(before, max_size) : mutate(before, random), data, \
                 size, max_size);                                                                  \
  }

/// How a fuzzer makes one input of two.
// NOLINTNEXTLINE(cppcoreguidelines-macro-usage)
#define SAPIENS_FUZZ_CROSSOVER(cross)                                                        \
  extern "C" std::size_t LLVMFuzzerCustomCrossOver(                                          \
      const std::uint8_t* first, std::size_t first_size, const std::uint8_t* second,         \
      std::size_t second_size, std::uint8_t* out, std::size_t max_size, unsigned int seed) { \
    using namespace sapiens::fuzz;                                                           \
    Random random(seed);                                                                     \
    const std::string made =                                                                 \
        cross(text_of(first, first_size), text_of(second, second_size), random);             \
    if (made.size() > max_size) return 0;                                                    \
    std::copy(made.begin(), made.end(), out);                                                \
    return made.size();                                                                      \
  }
