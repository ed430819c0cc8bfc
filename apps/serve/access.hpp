#pragma once

#include <chrono>
#include <filesystem>
#include <string>
#include <string_view>

#include "serve/http_message.hpp"

namespace sapiens::serve {

/// Refuses what a page of another site makes a browser send. Throws HttpError 403, 421.
void check_same_origin(const Request& request, const ServerOptions& options);

/// Throws HttpError 401 where the server has a token and the request does not.
void authorize(const Request& request, const ServerOptions& options);

/// Takes as long for a wrong guess as for the token, whatever they have in common.
bool is_token(std::string_view given, std::string_view token) noexcept;

/// The first line of a file, or of a pipe if it is written to within `wait`. Throws `Error`:
/// NotFound, InvalidArgument for a line that cannot be a bearer token.
std::string read_token(const std::filesystem::path& path,
                       std::chrono::milliseconds wait = std::chrono::seconds(10));

/// Throws `Error(InvalidArgument)` for what no client could send. `source` says where it is from.
void expect_token(std::string_view token, const std::string& source);

}  // namespace sapiens::serve
