#pragma once

#include <memory>

#include "serve/service.hpp"

namespace sapiens::serve {

/// Brings requests from a socket to a service. Every connection carries one request, so that idle
/// ones hold no thread and what is left of a body that was refused is never taken for a request.
class HttpDoor {
 public:
  /// Binds the address. Throws `Error(InvalidArgument)` where that cannot be had, and where this
  /// program was built without a server.
  HttpDoor(const ServerOptions& options, Service& service);
  ~HttpDoor();
  HttpDoor(const HttpDoor&) = delete;
  HttpDoor& operator=(const HttpDoor&) = delete;

  /// The port that was bound.
  int port() const;

  /// Answers requests until `stop`, and then those that have been accepted.
  void serve();

  /// From any thread.
  void stop();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

/// Throws `Error(InvalidArgument)` where this program was built without a server.
void expect_server();

}  // namespace sapiens::serve
