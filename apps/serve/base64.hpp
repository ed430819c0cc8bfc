#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace sapiens::serve {

/// The bytes that a text in base64 (RFC 4648, with or without padding) stands for; nothing for
/// anything else.
std::optional<std::string> decode_base64(std::string_view text);

}  // namespace sapiens::serve
