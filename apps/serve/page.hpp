#pragma once

#include <optional>
#include <string_view>

#include "serve/http_message.hpp"

namespace sapiens::serve {

/// One file of the page at "/", with headers that let it load nothing from elsewhere; nothing for
/// other paths.
std::optional<Response> page_file(std::string_view path);

bool is_page_file(std::string_view path) noexcept;

}  // namespace sapiens::serve
