#pragma once

#include <memory>

#include "serve/http_message.hpp"

namespace sapiens::serve {

/// Brings requests from a socket to whoever handles them. Every connection carries one request, so
/// that what is left of a body that was refused is never taken for a request; those without one
/// hold no thread.
class HttpServer {
 public:
  HttpServer() = default;
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;
  virtual ~HttpServer() = default;

  /// The port that was bound.
  virtual int port() const = 0;

  /// Answers requests until `stop`, and then those that have been accepted.
  virtual void serve() = 0;

  /// From any thread.
  virtual void stop() = 0;
};

/// Binds the address. Throws `Error(InvalidArgument)` where that cannot be had, and as
/// `expect_server` does.
std::unique_ptr<HttpServer> listen(const ServerOptions& options, RequestHandler& handler);

/// Throws `Error(InvalidArgument)` where the module that knows the HTTP library cannot be had.
void expect_server();

}  // namespace sapiens::serve
