#pragma once

#include <charconv>
#include <optional>
#include <string_view>
#include <system_error>

namespace sapiens {

/// The number that the whole of `text` spells, independently of the locale; nullopt for anything
/// else.
template <typename Number>
std::optional<Number> parse_number(std::string_view text) noexcept {
  Number value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

}  // namespace sapiens
