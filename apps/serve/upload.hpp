#pragma once

#include <string>

#include "serve/fields.hpp"
#include "serve/http_message.hpp"

namespace sapiens::serve {

/// An image and what is asked of it.
struct Upload {
  std::string image;  ///< Still encoded.
  Fields fields;
};

/// Reads the body of `request`: an image, a form with one, or JSON with one in base64. Fields may
/// also stand in the query. Throws HttpError 400, 415 and what `read_body` throws.
Upload read_upload(const Request& request, const Operation& operation);

}  // namespace sapiens::serve
