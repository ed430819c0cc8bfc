#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "documents/json.hpp"

namespace sapiens::serve {

inline constexpr const char* kJsonType = "application/json";
inline constexpr const char* kNpyType = "application/x-npy";
inline constexpr const char* kBytesType = "application/octet-stream";
inline constexpr const char* kPngType = "image/png";

/// Of `offered`, in the order of preference, the type that the value of an Accept header likes
/// best; empty where it takes none of them. Without a header the first.
std::string_view choose_type(std::string_view accept, std::span<const std::string_view> offered);

/// "image/png" of "Image/PNG; charset=...".
std::string bare_type(std::string_view content_type);

/// One document, as an answer; bytes that are not UTF-8 are replaced.
std::string json_text(const documents::Json& document);

/// The bytes that a text in base64 (RFC 4648, with or without padding) stands for; nothing for
/// anything else.
std::optional<std::string> decode_base64(std::string_view text);

}  // namespace sapiens::serve
