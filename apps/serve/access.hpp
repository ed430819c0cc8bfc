#pragma once

#include "serve/http_message.hpp"

namespace sapiens::serve {

/// Refuses what a page of another site makes a browser send. Throws HttpError 403, 421.
void check_same_origin(const Request& request, const ServerOptions& options);

/// Throws HttpError 401 where the server has a token and the request does not.
void authorize(const Request& request, const ServerOptions& options);

}  // namespace sapiens::serve
