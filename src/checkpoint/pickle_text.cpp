#include "checkpoint/pickle_text.hpp"

#include <charconv>

#include "core/parse_number.hpp"

namespace sapiens {
namespace {

void append_utf8(std::string& out, std::uint32_t code) {
  const auto put = [&](std::uint32_t byte) { out.push_back(static_cast<char>(byte)); };
  if (code < 0x80) {
    put(code);
  } else if (code < 0x800) {
    put(0xC0 | code >> 6);
    put(0x80 | (code & 0x3F));
  } else if (code < 0x10000) {
    put(0xE0 | code >> 12);
    put(0x80 | (code >> 6 & 0x3F));
    put(0x80 | (code & 0x3F));
  } else {
    put(0xF0 | (code >> 18 & 0x07));
    put(0x80 | (code >> 12 & 0x3F));
    put(0x80 | (code >> 6 & 0x3F));
    put(0x80 | (code & 0x3F));
  }
}

std::optional<std::uint32_t> parse_hex(std::string_view digits) noexcept {
  std::uint32_t value = 0;
  const auto [end, error] =
      std::from_chars(digits.data(), digits.data() + digits.size(), value, 16);
  if (error != std::errc() || end != digits.data() + digits.size()) return std::nullopt;
  return value;
}

std::optional<char> simple_escape(char letter) noexcept {
  switch (letter) {
    case '\\':
    case '\'':
    case '"':
      return letter;
    case 'n':
      return '\n';
    case 'r':
      return '\r';
    case 't':
      return '\t';
    default:
      return std::nullopt;
  }
}

}  // namespace

std::optional<std::int64_t> parse_pickle_int(std::string_view text) noexcept {
  if (text.ends_with('L')) text.remove_suffix(1);
  return parse_number<std::int64_t>(text);
}

// Not strtod, which in a program that has set its locale may want a comma.
std::optional<double> parse_pickle_float(std::string_view text) {
  return parse_number<double>(text);
}

std::int64_t decode_pickle_long(std::string_view bytes) noexcept {
  if (bytes.empty()) return 0;
  const bool negative = (static_cast<unsigned char>(bytes.back()) & 0x80) != 0;
  std::uint64_t value = negative ? ~std::uint64_t{0} : 0;
  for (std::size_t i = bytes.size(); i-- > 0;) {
    value = value << 8 | static_cast<unsigned char>(bytes[i]);
  }
  return static_cast<std::int64_t>(value);
}

std::optional<std::string> unquote_python(std::string_view quoted) {
  if (quoted.size() < 2 || quoted.front() != quoted.back()) return std::nullopt;
  if (quoted.front() != '\'' && quoted.front() != '"') return std::nullopt;
  quoted = quoted.substr(1, quoted.size() - 2);

  std::string out;
  out.reserve(quoted.size());
  for (std::size_t i = 0; i < quoted.size(); ++i) {
    if (quoted[i] != '\\' || i + 1 == quoted.size()) {
      out.push_back(quoted[i]);
      continue;
    }
    const char letter = quoted[++i];
    if (const auto plain = simple_escape(letter)) {
      out.push_back(*plain);
    } else if (const auto code =
                   letter == 'x' ? parse_hex(quoted.substr(i + 1, 2)) : std::nullopt) {
      out.push_back(static_cast<char>(*code));
      i += quoted.substr(i + 1, 2).size();
    } else {
      out.push_back('\\');
      out.push_back(letter);
    }
  }
  return out;
}

std::string decode_raw_unicode(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char letter = i + 1 < text.size() ? text[i + 1] : '\0';
    const std::size_t digits = letter == 'u' ? 4 : letter == 'U' ? 8 : 0;
    const bool escape = text[i] == '\\' && digits != 0 && i + 2 + digits <= text.size();
    const auto code = escape ? parse_hex(text.substr(i + 2, digits)) : std::nullopt;
    if (code) {
      append_utf8(out, *code);
      i += 1 + digits;
    } else {
      out.push_back(text[i]);
    }
  }
  return out;
}

}  // namespace sapiens
