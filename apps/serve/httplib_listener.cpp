#include <fmt/format.h>
#include <httplib.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstring>
#include <memory>
#include <mutex>
#include <utility>

#include "serve/body_reader.hpp"
#include "serve/http_error.hpp"
#include "serve/httplib_server.hpp"
#include "serve/module.hpp"

namespace sapiens::serve {
namespace {

/// Streams the body, which keeps the library from compressing it.
void send(Response from, httplib::Response& to) {
  to.status = from.status;
  for (const auto& [name, value] : from.headers) to.set_header(name, value);
  const auto body = std::make_shared<const std::string>(std::move(from.body));
  to.set_content_provider(body->size(), from.type,
                          [body](std::size_t offset, std::size_t size, httplib::DataSink& sink) {
                            return sink.write(body->data() + offset, size);
                          });
}

class HttplibListener : public HttpServer {
 public:
  HttplibListener(const ServerOptions& options, RequestHandler& handler)
      : limits_(options.limits), handler_(handler), server_(options.limits, handler) {
    set_limits();
    set_handlers();
    bind(options);
  }

  int port() const override { return port_; }

  void serve() override {
    server_.listen_after_bind();
    server_.finish();
    const std::lock_guard lock(mutex_);
    listener_ = -1;
    if (stopped_) return;
    throw Error(ErrorCode::OutOfResources, {.summary = "connections cannot be accepted any more",
                                            .actual = std::strerror(errno)});
  }

  // Wakes the library out of accept(), even where it has not come there yet.
  void stop() override {
    const std::lock_guard lock(mutex_);
    stopped_ = true;
    if (listener_ >= 0) shutdown(listener_, SHUT_RDWR);
  }

 private:
  void set_limits() {
    server_.set_tcp_nodelay(true);
    // What an answer quotes of a request is never taken for a script or a page.
    server_.set_default_headers({{"X-Content-Type-Options", "nosniff"}, {"Accept-Ranges", "none"}});
    // The library's own options let two servers share a port.
    server_.set_socket_options([this](socket_t socket) {
      const int yes = 1;
      setsockopt(socket, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes));
      listener_ = socket;
    });
  }

  void set_handlers() {
    const auto plain = [this](const httplib::Request& request, httplib::Response& response) {
      answer(request, response, nullptr);
    };
    const auto with_body = [this](const httplib::Request& request, httplib::Response& response,
                                  const httplib::ContentReader& reader) {
      answer(request, response, &reader);
    };
    constexpr const char* kAll = ".*";
    server_.Get(kAll, plain).Options(kAll, plain);
    server_.Post(kAll, with_body).Put(kAll, with_body);
    server_.Patch(kAll, with_body).Delete(kAll, with_body);
    // For what never became a request; answers of the service have a type already.
    const httplib::Server::HandlerWithResponse refuse = [this](const httplib::Request& request,
                                                               httplib::Response& response) {
      if (response.has_header("Content-Type")) {
        return httplib::Server::HandlerResponse::Unhandled;
      }
      // A path with a line feed, as %0A, is of no handler.
      if (response.status == 404) {
        const HttpError nothing(404, "unknown-path",
                                {.summary = "there is nothing here",
                                 .actual = request.path.substr(0, 80),
                                 .hint = "GET /openapi.json tells what there is"});
        send(handler_.refuse(nothing, request.remote_addr), response);
        return httplib::Server::HandlerResponse::Handled;
      }
      const HttpError error(response.status, "bad-request",
                            {.summary = "this is not a request that can be understood",
                             .expected = "a method of HTTP/1.1, and a path of at most 8 KiB",
                             .actual = request.method.substr(0, 80)});
      send(handler_.refuse(error, request.remote_addr), response);
      return httplib::Server::HandlerResponse::Handled;
    };
    server_.set_error_handler(refuse);
  }

  void bind(const ServerOptions& options) {
    if (options.port == 0) {
      port_ = server_.bind_to_any_port(options.host);
    } else {
      port_ = server_.bind_to_port(options.host, options.port) ? options.port : -1;
    }
    // Again, for a longer backlog than the library's 5.
    if (port_ > 0 && ::listen(listener_, SOMAXCONN) == 0) return;
    const bool has_address = listener_ >= 0;
    throw Error(ErrorCode::InvalidArgument,
                {.summary = "the server cannot listen there",
                 .actual = fmt::format("{}:{}: {}", options.host, options.port,
                                       has_address ? std::strerror(errno) : "no such host"),
                 .hint = has_address && errno == EADDRINUSE
                             ? "another program may use the port; --port 0 takes any that is free"
                             : "--host takes an address of this machine; 0.0.0.0 is all of them"});
  }

  void answer(const httplib::Request& from, httplib::Response& to,
              const httplib::ContentReader* reader) {
    const auto limit = std::chrono::duration<double>(limits_.seconds);
    const auto deadline = Clock::now() + std::chrono::duration_cast<Clock::duration>(limit);
    const BodyReader body(from, reader, limits_, deadline);
    Response response =
        handler_.handle({.method = from.method,
                         .path = from.path,
                         .remote = from.remote_addr,
                         .query = {from.params.begin(), from.params.end()},
                         .deadline = deadline,
                         .is_gone = [&] { return !from.progress(kIsThere, 0); },
                         .header = [&](const char* name) { return from.get_header_value(name); },
                         .read_body = [&] { return body.read(); }});
    send(std::move(response), to);  // last, as the library sets a status where it fails to read
  }

  const Limits limits_;
  RequestHandler& handler_;
  HttplibServer server_;
  std::mutex mutex_;
  bool stopped_ = false;
  int listener_ = -1;
  int port_ = -1;
};

std::unique_ptr<HttpServer> listen_with_httplib(const ServerOptions& options,
                                                RequestHandler& handler) {
  return std::make_unique<HttplibListener>(options, handler);
}

constexpr Module kModule = {.version = kModuleVersion, .open = listen_with_httplib};

}  // namespace
}  // namespace sapiens::serve

extern "C" __attribute__((visibility("default"))) const sapiens::serve::Module*
sapiens_server_module() noexcept {
  return &sapiens::serve::kModule;
}
