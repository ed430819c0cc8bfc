#pragma once

#include <nlohmann/json.hpp>
#include <sapiens/error.hpp>
#include <string>
#include <string_view>

namespace sapiens::documents {

/// Keys stay in the order in which they are written.
using Json = nlohmann::ordered_json;

/// `document` as text, in one line or with `indent` spaces a level. Bytes that are not UTF-8 (file
/// names) are replaced, and what could steer a terminal is written as \uXXXX.
std::string json_text(const Json& document, int indent = -1);

/// `{code, summary, file, key, expected, actual, hint}`; unknown fields are left out.
Json error_json(std::string_view code, const ErrorDetail& detail);
Json error_json(const Error& error);

}  // namespace sapiens::documents
