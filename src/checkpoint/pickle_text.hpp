#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "checkpoint/pickle.hpp"

namespace sapiens {

/// The number spelled in `text` as protocol 0 does ("12", "-3", "12L"); nothing if it is none or
/// does not fit.
std::optional<std::int64_t> parse_pickle_int(std::string_view text) noexcept;

/// A two's complement little-endian integer of up to 8 bytes.
std::int64_t decode_pickle_long(std::string_view bytes) noexcept;

/// The inside of a quoted Python string, escapes resolved; nothing if the quotes do not match.
std::optional<std::string> unquote_python(std::string_view quoted);

/// Python's raw-unicode-escape: \uXXXX and \UXXXXXXXX become UTF-8, all else stays.
std::string decode_raw_unicode(std::string_view text);

/// UTF-8 of characters below 256 as the bytes that they stand for; nothing if there are others.
std::optional<std::string> latin1_bytes(std::string_view utf8);

/// `bytes` as they are where they are UTF-8, and otherwise as Latin-1.
std::string text_of_bytes(std::string bytes);

/// A number of a pickle as text: "12", "0.5" or "true".
std::string number_text(const PickleNode& node);

struct PickleKey {
  std::string text;
  bool from_bytes = false;  ///< The key was bytes, not text.
};

/// The name that a dictionary key gives its value: text and bytes as they are, numbers as digits, a
/// tuple joined with dots, an enum member by its value. Returns nullopt for any other key, such as
/// a tensor.
std::optional<PickleKey> read_key(const PickleGraph& graph, NodeId node);

}  // namespace sapiens
