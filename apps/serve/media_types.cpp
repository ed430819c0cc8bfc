#include "serve/media_types.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <vector>

#include "cli/terminal/messages.hpp"
#include "core/parse_number.hpp"
#include "serve/request_head.hpp"

namespace sapiens::serve {
namespace {

/// What stands before `separator`, which is taken off `text` with it.
std::string_view take_until(std::string_view& text, char separator) {
  const std::size_t end = std::min(text.find(separator), text.size());
  const std::string_view part = without_blanks(text.substr(0, end));
  text.remove_prefix(std::min(end + 1, text.size()));
  return part;
}

/// A number from 0 to 1; 1 for what is none.
double weight(std::string_view text) {
  const double value = parse_number<double>(text).value_or(1);
  return std::isfinite(value) ? std::clamp(value, 0.0, 1.0) : 1;
}

struct Range {
  std::string type;  // "image/png", "image/*" or "*/*"
  double weight = 1;
};

Range read_range(std::string_view text) {
  Range range{.type = cli::lower_case(take_until(text, ';'))};
  while (!text.empty()) {
    std::string_view parameter = take_until(text, ';');
    if (cli::lower_case(take_until(parameter, '=')) == "q")
      range.weight = weight(without_blanks(parameter));
  }
  return range;
}

/// How exactly a range names a type: 0 not at all, 3 by its name.
int precision(const std::string& range, std::string_view type) {
  if (range == type) return 3;
  if (range == "*/*") return 1;
  const bool is_group = range.ends_with("/*");
  return is_group && type.starts_with(range.substr(0, range.size() - 1)) ? 2 : 0;
}

}  // namespace

std::string_view choose_type(std::string_view accept, std::span<const std::string_view> offered) {
  if (without_blanks(accept).empty()) return offered.front();
  std::vector<Range> ranges;
  while (!accept.empty()) ranges.push_back(read_range(take_until(accept, ',')));
  std::string_view best;
  double best_weight = 0;
  for (const std::string_view type : offered) {
    int exactness = 0;
    double liked = 0;
    for (const Range& range : ranges) {
      const int now = precision(range.type, type);
      if (now > exactness) {
        exactness = now;
        liked = range.weight;
      }
    }
    if (liked > best_weight) {
      best = type;
      best_weight = liked;
    }
  }
  return best;
}

std::string bare_type(std::string_view content_type) {
  return cli::lower_case(take_until(content_type, ';'));
}

std::string json_text(const documents::Json& document) {
  return documents::json_text(document) + "\n";
}

std::optional<std::string> decode_base64(std::string_view text) {
  constexpr std::string_view kDigits =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  if (text.size() % 4 == 0) {
    for (int i = 0; i < 2 && text.ends_with('='); ++i) text.remove_suffix(1);
  }
  if (text.size() % 4 == 1) return std::nullopt;
  std::string bytes;
  bytes.reserve(text.size() / 4 * 3 + 2);
  std::uint32_t bits = 0;
  int count = 0;
  for (const char c : text) {
    const std::size_t value = kDigits.find(c);
    if (value == kDigits.npos) return std::nullopt;
    bits = bits << 6 | static_cast<std::uint32_t>(value);
    count += 6;
    if (count < 8) continue;
    count -= 8;
    bytes.push_back(static_cast<char>(bits >> count & 0xff));
  }
  // What is left over of the last digit must be nothing.
  if ((bits & ((1u << count) - 1)) != 0) return std::nullopt;
  return bytes;
}

}  // namespace sapiens::serve
