#pragma once

#include <nlohmann/json.hpp>

namespace sapiens::documents {

/// Keys stay in the order in which they are written.
using Json = nlohmann::ordered_json;

}  // namespace sapiens::documents
