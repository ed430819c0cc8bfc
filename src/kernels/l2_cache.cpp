#include <algorithm>
#include <fstream>
#include <optional>
#include <string>
#include <string_view>

#include "core/parse_number.hpp"
#include "kernels/cpu_features.hpp"

namespace sapiens {
namespace {

namespace fs = std::filesystem;

std::string line_of(const fs::path& file) {
  std::ifstream in(file);
  std::string line;
  std::getline(in, line);
  return line;
}

/// How many threads a list such as "0-1,64" names; at least 1.
std::int64_t threads_in(std::string_view list) {
  std::int64_t threads = 0;
  while (!list.empty()) {
    const std::string_view range = list.substr(0, list.find(','));
    list.remove_prefix(std::min(list.size(), range.size() + 1));
    const std::size_t dash = range.find('-');
    const auto first = parse_number<std::int64_t>(range.substr(0, dash));
    const auto last =
        dash == range.npos ? first : parse_number<std::int64_t>(range.substr(dash + 1));
    if (first && last && 0 <= *first && *first <= *last && *last < 1 << 20) {
      threads += *last - *first + 1;
    }
  }
  return std::max<std::int64_t>(threads, 1);
}

}  // namespace

std::optional<std::int64_t> parse_cache_size(std::string_view text) {
  if (text.empty()) return std::nullopt;
  const int shift = text.back() == 'K' ? 10 : text.back() == 'M' ? 20 : 0;
  if (shift > 0) text.remove_suffix(1);
  const auto count = parse_number<std::int64_t>(text);
  constexpr std::int64_t kMin = std::int64_t{1} << 14, kMax = std::int64_t{1} << 30;
  if (!count || *count < kMin >> shift || *count > kMax >> shift) return std::nullopt;
  return *count << shift;
}

std::int64_t l2_bytes_per_thread(std::int64_t unknown, const fs::path& root) {
  const fs::path caches = root / "sys/devices/system/cpu/cpu0/cache";
  for (int i = 0; i < 8; ++i) {
    const fs::path cache = caches / ("index" + std::to_string(i));
    if (line_of(cache / "level") != "2") continue;
    const auto bytes = parse_cache_size(line_of(cache / "size"));
    if (bytes) return *bytes / threads_in(line_of(cache / "shared_cpu_list"));
  }
  return unknown;
}

}  // namespace sapiens
