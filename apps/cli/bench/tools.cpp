#include "cli/bench/tools.hpp"

#include <sys/resource.h>

#include <algorithm>
#include <fstream>
#include <random>

namespace sapiens::cli {
namespace {

rusage resources() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return usage;
}

}  // namespace

Usage usage_so_far() {
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + 1e-6 * static_cast<double>(time.tv_usec);
  };
  const rusage usage = resources();
  return {.cpu_seconds = seconds(usage.ru_utime) + seconds(usage.ru_stime),
          .page_faults = static_cast<std::uint64_t>(usage.ru_minflt)};
}

void forget_peak_memory() { std::ofstream("/proc/self/clear_refs") << 5; }

std::uint64_t peak_memory() {
  return static_cast<std::uint64_t>(resources().ru_maxrss) * 1024;  // Linux counts in kB
}

Image made_up_image(Grid size) {
  Image image{.width = size.width, .height = size.height, .rgb = {}};
  image.rgb.resize(static_cast<std::size_t>(3 * size.height * size.width));
  std::minstd_rand generator(1);
  std::generate(image.rgb.begin(), image.rgb.end(),
                [&] { return static_cast<std::uint8_t>(generator() >> 8); });
  return image;
}

}  // namespace sapiens::cli
