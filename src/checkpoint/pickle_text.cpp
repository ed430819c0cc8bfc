#include "checkpoint/pickle_text.hpp"

#include <fmt/format.h>

#include <charconv>
#include <utility>

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

// The length of the UTF-8 character at `at`; 0 if there is none.
std::size_t utf8_length(std::string_view text, std::size_t at) noexcept {
  const auto lead = static_cast<unsigned char>(text[at]);
  const std::size_t length = lead < 0x80                   ? 1
                             : lead >= 0xc2 && lead < 0xe0 ? 2
                             : lead >= 0xe0 && lead < 0xf0 ? 3
                             : lead >= 0xf0 && lead < 0xf5 ? 4
                                                           : 0;
  if (length == 0 || at + length > text.size()) return 0;
  for (std::size_t i = 1; i < length; ++i) {
    if ((static_cast<unsigned char>(text[at + i]) & 0xc0) != 0x80) return 0;
  }
  return length;
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

// Protocol 2 has no bytes and writes them as `_codecs.encode(text, "latin1")`.
std::optional<std::string> encoded_bytes(const PickleGraph& graph, const PickleNode& call) {
  if (!graph.is_global(call.callable, "_codecs", "encode")) return std::nullopt;
  const auto arguments = graph.items(call.args);
  if (arguments.size() != 2 || graph[arguments[0]].kind != PickleKind::Text) return std::nullopt;
  return latin1_bytes(graph[arguments[0]].text);
}

std::optional<PickleKey> simple_key(const PickleGraph& graph, NodeId node) {
  const PickleNode& key = graph[node];
  switch (key.kind) {
    case PickleKind::Text:
      return PickleKey{.text = std::string(key.text)};
    case PickleKind::Bytes:
      return PickleKey{.text = text_of_bytes(std::string(key.text)), .from_bytes = true};
    case PickleKind::Int:
    case PickleKind::Bool:
    case PickleKind::Float:
      return PickleKey{.text = number_text(key)};
    case PickleKind::None:
      return PickleKey{.text = "None"};
    case PickleKind::Object:
      if (auto bytes = encoded_bytes(graph, key)) {
        return PickleKey{.text = text_of_bytes(std::move(*bytes)), .from_bytes = true};
      }
      return std::nullopt;
    default:
      return std::nullopt;
  }
}

}  // namespace

std::optional<std::int64_t> parse_pickle_int(std::string_view text) noexcept {
  if (text.ends_with('L')) text.remove_suffix(1);
  return parse_number<std::int64_t>(text);
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

std::optional<std::string> latin1_bytes(std::string_view utf8) {
  std::string bytes;
  for (std::size_t i = 0; i < utf8.size(); ++i) {
    const auto lead = static_cast<unsigned char>(utf8[i]);
    if (lead < 0x80) {
      bytes.push_back(utf8[i]);
      continue;
    }
    if ((lead != 0xc2 && lead != 0xc3) || i + 1 == utf8.size()) return std::nullopt;
    const auto next = static_cast<unsigned char>(utf8[++i]);
    if ((next & 0xc0) != 0x80) return std::nullopt;
    bytes.push_back(static_cast<char>((lead & 3) << 6 | (next & 0x3f)));
  }
  return bytes;
}

std::string text_of_bytes(std::string bytes) {
  std::size_t at = 0;
  while (at < bytes.size()) {
    const std::size_t length = utf8_length(bytes, at);
    if (length == 0) break;
    at += length;
  }
  if (at == bytes.size()) return bytes;
  std::string text;
  for (const char byte : bytes) append_utf8(text, static_cast<unsigned char>(byte));
  return text;
}

std::string number_text(const PickleNode& node) {
  if (node.kind == PickleKind::Float) return fmt::format("{}", node.real());
  if (node.kind == PickleKind::Bool) return node.integer != 0 ? "true" : "false";
  return fmt::format("{}", node.integer);
}

std::optional<PickleKey> read_key(const PickleGraph& graph, NodeId node) {
  if (auto key = simple_key(graph, node)) return key;
  const PickleNode& value = graph[node];
  if (value.kind == PickleKind::Object) {  // Enum(value), or a subclass of str or int
    const auto arguments = graph.items(value.args);
    if (arguments.size() != 1) return std::nullopt;
    return simple_key(graph, arguments[0]);
  }
  if (value.kind != PickleKind::Tuple) return std::nullopt;
  constexpr std::size_t kMaxParts = 8;
  const auto parts = graph.items(node);
  if (parts.empty() || parts.size() > kMaxParts) return std::nullopt;
  PickleKey joined;
  for (const NodeId part : parts) {
    const auto key = simple_key(graph, part);
    if (!key) return std::nullopt;
    if (!joined.text.empty()) joined.text += '.';
    joined.text += key->text;
    joined.from_bytes = joined.from_bytes || key->from_bytes;
  }
  return joined;
}

}  // namespace sapiens
