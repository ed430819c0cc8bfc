// What the arithmetic units and the memory of this machine can do at most, at every kernel level,
// as JSON for report.py.
//
//   ceilings             with all usable CPUs
//   ceilings --threads=2
#include <fmt/format.h>

#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>

#include "core/thread_pool.hpp"
#include "kernels/select.hpp"
#include "peaks/peaks.hpp"

int main(int argc, char** argv) {
  constexpr std::string_view kOption = "--threads=";
  const std::string_view argument = argc > 1 ? argv[1] : kOption;
  if (argc > 2 || !argument.starts_with(kOption)) {
    fmt::print(stderr, "usage: ceilings [--threads=N]\n");
    return 2;
  }
  const sapiens::ThreadPool pool(std::atoi(argument.data() + kOption.size()));
  fmt::print("{{\"threads\": {}, \"levels\": {{", pool.threads());
  const char* separator = "";
  for (const auto level : sapiens::available_levels(sapiens::CpuFeatures::detect())) {
    const sapiens::Peaks peaks = sapiens::measure_peaks(level, pool);
    fmt::print("{}\n  \"{}\": {{\"fp32\": {}, \"bf16\": {}, \"int8\": {}, \"memory\": {}}}",
               separator, level, peaks.fp32_gflops, peaks.bf16_gflops, peaks.int8_gops,
               peaks.read_gbytes);
    separator = ",";
  }
  fmt::print("\n}}}}\n");
}
