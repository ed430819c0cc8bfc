#pragma once

#include "documents/json.hpp"
#include "serve/options.hpp"

namespace sapiens::serve {

/// The description of all paths, as OpenAPI 3.0, made from the table of operations.
documents::Json openapi_document(const ServerOptions& options);

}  // namespace sapiens::serve
