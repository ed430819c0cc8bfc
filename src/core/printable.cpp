#include "sapiens/printable.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <iterator>

namespace sapiens {
namespace {

struct CodeRange {
  char32_t first;
  char32_t last;
};

// Unicode's categories Cc, Cf, Zl and Zp, as far as they affect the text around them or are
// invisible, sorted. Tags (U+E0000) spell invisible text.
constexpr std::array kUnprintable = {
    CodeRange{0x0000, 0x001f},   CodeRange{0x007f, 0x009f}, CodeRange{0x00ad, 0x00ad},
    CodeRange{0x061c, 0x061c},   CodeRange{0x180e, 0x180e}, CodeRange{0x200b, 0x200f},
    CodeRange{0x2028, 0x202e},   CodeRange{0x2060, 0x206f}, CodeRange{0xfeff, 0xfeff},
    CodeRange{0xfff9, 0xfffb},   CodeRange{0xfffe, 0xffff}, CodeRange{0x1d173, 0x1d17a},
    CodeRange{0xe0000, 0xe0fff},
};

bool is_printable(char32_t code) {
  const auto range = std::ranges::lower_bound(kUnprintable, code, {}, &CodeRange::last);
  return range == kUnprintable.end() || code < range->first;
}

struct Character {
  char32_t code = 0;
  std::size_t bytes = 1;
  // False where `code` is a byte that does not begin a UTF-8 character.
  bool valid = false;
};

// Accepts only what Unicode's table 3-7 allows: shortest forms, no surrogates, nothing above
// U+10FFFF.
Character first_character(std::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char lead = byte(0);
  if (lead < 0x80) return {lead, 1, true};
  const Character invalid{.code = lead};
  if (lead < 0xc2 || lead > 0xf4) return invalid;
  const std::size_t bytes = lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
  if (bytes > text.size()) return invalid;
  char32_t code = lead & (0xffU >> (bytes + 1));
  for (std::size_t i = 1; i < bytes; ++i) {
    if ((byte(i) & 0xc0) != 0x80) return invalid;
    code = code << 6 | (byte(i) & 0x3fU);
  }
  constexpr std::array<char32_t, 5> kSmallest = {0, 0, 0x80, 0x800, 0x10000};
  const bool surrogate = 0xd800 <= code && code <= 0xdfff;
  if (code < kSmallest[bytes] || surrogate || code > 0x10ffff) return invalid;
  return {code, bytes, true};
}

void append_hex(std::string& out, char letter, std::uint32_t number, int digits) {
  fmt::format_to(std::back_inserter(out), "\\{}{:0{}x}", letter, number, digits);
}

// Escapes a character as Python's repr() does.
void append_spelled(std::string& out, const Character& character) {
  const auto number = static_cast<std::uint32_t>(character.code);
  if (character.code == '\n') {
    out += "\\n";
  } else if (character.code == '\r') {
    out += "\\r";
  } else if (character.code == '\t') {
    out += "\\t";
  } else if (number < 0x80 || !character.valid) {
    append_hex(out, 'x', number, 2);
  } else if (number < 0x10000) {
    append_hex(out, 'u', number, 4);
  } else {
    append_hex(out, 'U', number, 8);
  }
}

// Escapes a character as UTF-16, which JSON requires, and invalid bytes as U+FFFD.
void append_json(std::string& out, const Character& character) {
  const std::uint32_t number = character.valid ? character.code : 0xfffd;
  if (number < 0x10000) {
    append_hex(out, 'u', number, 4);
  } else {
    append_hex(out, 'u', 0xd800 + ((number - 0x10000) >> 10), 4);
    append_hex(out, 'u', 0xdc00 + (number & 0x3ff), 4);
  }
}

// `keep` lists characters that stay although they are not printable.
template <typename Append>
std::string spelled(std::string_view text, std::string_view keep, Append append) {
  std::string out;
  out.reserve(text.size());
  while (!text.empty()) {
    const Character next = first_character(text);
    const bool kept = keep.find(text.front()) != std::string_view::npos;
    if (next.valid && (kept || is_printable(next.code))) {
      out += text.substr(0, next.bytes);
    } else {
      append(out, next);
    }
    text.remove_prefix(next.bytes);
  }
  return out;
}

}  // namespace

std::string printable(std::string_view text) { return spelled(text, "", append_spelled); }

std::string printable_lines(std::string_view text) { return spelled(text, "\n\t", append_spelled); }

// Unprintable characters of a JSON document stand inside strings, except for its line breaks.
std::string printable_json(std::string_view document) {
  return spelled(document, "\n\r\t", append_json);
}

}  // namespace sapiens
