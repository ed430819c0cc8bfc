#pragma once

#include <sapiens/error.hpp>
#include <string_view>

#include "documents/json.hpp"

namespace sapiens::documents {

/// `{code, summary, file, key, expected, actual, hint}`; unknown fields are left out.
Json error_json(std::string_view code, const ErrorDetail& detail);
Json error_json(const Error& error);

}  // namespace sapiens::documents
