#include <fmt/format.h>

#include "core/parse_number.hpp"
#include "serve/http_server.hpp"

namespace sapiens::serve {
namespace {

constexpr std::size_t kMaxParts = 64;

void expect_length(const httplib::Request& request, const Limits& limits) {
  const auto length = parse_number<std::size_t>(request.get_header_value("Content-Length"));
  if (!length || request.has_header("Transfer-Encoding")) {
    throw HttpError(411, "length-required",
                    {.summary = "the request does not say how long its body is",
                     .key = "Content-Length",
                     .hint = "send the body at once, not in chunks"});
  }
  if (*length > limits.body_bytes) {
    throw HttpError(413, "too-large",
                    {.summary = "the body is too large",
                     .key = "Content-Length",
                     .expected = fmt::format("at most {} bytes", limits.body_bytes),
                     .actual = std::to_string(*length),
                     .hint = "send the image as JPEG, or start the server with --max-body"});
  }
  const std::string coding = request.get_header_value("Content-Encoding");
  if (!coding.empty() && !is_same_name(coding, "identity")) {
    throw HttpError(415, "unsupported-media-type",
                    {.summary = "compressed bodies are not taken",
                     .key = "Content-Encoding",
                     .actual = coding});
  }
}

}  // namespace

Body read_body(const httplib::Request& request, const httplib::ContentReader* reader,
               const Limits& limits, Clock::time_point deadline) {
  expect_length(request, limits);
  Body body;
  const auto in_time = [deadline] { return Clock::now() <= deadline; };
  const auto append_to = [&](std::string& bytes, const char* data, std::size_t size) {
    bytes.append(data, size);
    return in_time();
  };
  const bool whole = request.is_multipart_form_data()
                         ? (*reader)(
                               [&](const httplib::MultipartFormData& part) {
                                 body.parts.push_back({part.name, {}});
                                 return body.parts.size() <= kMaxParts && in_time();
                               },
                               [&](const char* data, std::size_t size) {
                                 return append_to(body.parts.back().content, data, size);
                               })
                         : (*reader)([&](const char* data, std::size_t size) {
                             return append_to(body.bytes, data, size);
                           });
  if (whole) return body;
  if (!in_time() || !request.progress(kIsFastEnough, 0)) {
    throw HttpError(408, "body-too-slow",
                    {.summary = "the body did not arrive in time",
                     .hint = "while others wait, a body has to come without long pauses"});
  }
  if (body.parts.size() > kMaxParts) {
    throw HttpError(400, "bad-body",
                    {.summary = "the form has too many parts",
                     .expected = fmt::format("at most {}", kMaxParts)});
  }
  throw HttpError(400, "bad-body",
                  {.summary = "the body ends early, or is not what its Content-Type says"});
}

}  // namespace sapiens::serve
