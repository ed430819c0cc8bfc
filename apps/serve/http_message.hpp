#pragma once

#include <functional>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "serve/options.hpp"

namespace sapiens::serve {

/// One part of a multipart/form-data body.
struct FormPart {
  std::string name;
  std::string content;
};

struct Body {
  std::string bytes = {};            ///< Of anything but a form.
  std::vector<FormPart> parts = {};  ///< Of a form, in its order.
};

/// A request whose body has not been read yet.
struct Request {
  std::string method;
  std::string path;
  std::string remote;  ///< Address of the client.
  std::multimap<std::string, std::string> query = {};
  Clock::time_point deadline = {};
  /// Whether the client has hung up, and will take no answer.
  std::function<bool()> is_gone = {};
  /// The value of a header, whatever its case; empty where there is none.
  std::function<std::string(const char* name)> header = {};
  /// Reads the body. Throws HttpError: 400 for a broken one, 408, 413.
  std::function<Body()> read_body = {};
};

struct Response {
  int status = 200;
  std::string type = {};
  std::string body = {};
  std::vector<std::pair<std::string, std::string>> headers = {};
};

class HttpError;

/// Answers requests, whatever brought them here. Many threads may call it.
class RequestHandler {
 public:
  RequestHandler() = default;
  RequestHandler(const RequestHandler&) = delete;
  RequestHandler& operator=(const RequestHandler&) = delete;

  /// What goes wrong becomes an answer.
  virtual Response handle(const Request& request) noexcept = 0;

  /// The answer to what is not HTTP enough to become a request.
  virtual Response refuse(const HttpError& error, const std::string& remote) noexcept = 0;

 protected:
  ~RequestHandler() = default;
};

}  // namespace sapiens::serve
