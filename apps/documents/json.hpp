#pragma once

#include <nlohmann/json.hpp>
#include <string>

namespace sapiens::documents {

/// Keys stay in the order in which they are written.
using Json = nlohmann::ordered_json;

/// `document` as text, in one line or with `indent` spaces a level. Bytes that are not UTF-8 (file
/// names) are replaced, and what could steer a terminal is written as \uXXXX.
std::string json_text(const Json& document, int indent = -1);

}  // namespace sapiens::documents
