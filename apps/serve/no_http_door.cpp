#include <sapiens/error.hpp>

#include "serve/http_door.hpp"

// Compiled in place of http_door.cpp where cpp-httplib is not installed.
namespace sapiens::serve {

struct HttpDoor::Impl {};

void expect_server() {
  throw Error(ErrorCode::InvalidArgument,
              {.summary = "this program was built without a server",
               .expected = "a build that found cpp-httplib",
               .hint = "install libcpp-httplib-dev (Debian, Ubuntu) and build again"});
}

HttpDoor::HttpDoor(const ServerOptions&, Service&) { expect_server(); }
HttpDoor::~HttpDoor() = default;
int HttpDoor::port() const { return 0; }
void HttpDoor::serve() {}
void HttpDoor::stop() {}

}  // namespace sapiens::serve
