#include <fmt/format.h>
#include <httplib.h>
#include <sys/socket.h>

#include <atomic>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <limits>
#include <mutex>
#include <optional>
#include <utility>

#include "serve/connection.hpp"
#include "serve/http_error.hpp"
#include "serve/module.hpp"
#include "serve/workers.hpp"

namespace sapiens::serve {
namespace {

constexpr std::size_t kMostParts = 64;

std::optional<std::size_t> content_length(const httplib::Request& request) {
  const std::string text = request.get_header_value("Content-Length");
  std::size_t length = 0;
  const char* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, length);
  if (text.empty() || error != std::errc() || stop != end) return std::nullopt;
  return length;
}

/// What will follow the head, as far as it tells.
std::size_t body_bytes(const httplib::Request& request) {
  const bool has_body =
      request.has_header("Content-Length") || request.has_header("Transfer-Encoding");
  return has_body ? content_length(request).value_or(std::numeric_limits<std::size_t>::max()) : 0;
}

/// Whether the client waits to be told that its body is wanted. The library, which would tell it
/// before anybody has looked at the request, does not see that.
bool takes_expectation(httplib::Request& request) {
  const bool expects = request.get_header_value("Expect") == "100-continue";
  request.headers.erase("Expect");
  return expects;
}

/// Reads the body of one request.
class BodyReader {
 public:
  BodyReader(const httplib::Request& request, const httplib::ContentReader* reader,
             const Limits& limits, Clock::time_point deadline)
      : request_(request),
        reader_(reader),
        limits_(limits),
        deadline_(deadline),
        length_(content_length(request)) {}

  Body read() const {
    expect_length();
    Body body;
    const Clock::time_point start = Clock::now();
    const bool whole = request_.is_multipart_form_data() ? read_form(body) : read_bytes(body);
    if (whole) return body;
    if (is_too_late(start)) {
      throw HttpError(408, "body-too-slow", {.summary = "the body did not arrive in time"});
    }
    if (body.parts.size() > kMostParts) {
      throw HttpError(400, "bad-body",
                      {.summary = "the form has too many parts",
                       .expected = fmt::format("at most {}", kMostParts)});
    }
    throw HttpError(400, "bad-body",
                    {.summary = "the body ends early, or is not what its Content-Type says"});
  }

 private:
  void expect_length() const {
    if (!length_ || request_.has_header("Transfer-Encoding")) {
      throw HttpError(411, "length-required",
                      {.summary = "the request does not say how long its body is",
                       .key = "Content-Length",
                       .hint = "send the body at once, not in chunks"});
    }
    if (*length_ > limits_.body_bytes) {
      throw HttpError(413, "too-large",
                      {.summary = "the body is too large",
                       .key = "Content-Length",
                       .expected = fmt::format("at most {} bytes", limits_.body_bytes),
                       .actual = std::to_string(*length_),
                       .hint = "send the picture as JPEG, or start the server with --max-body"});
    }
    if (request_.has_header("Content-Encoding")) {
      throw HttpError(415, "unsupported-media-type",
                      {.summary = "compressed bodies are not taken",
                       .key = "Content-Encoding",
                       .actual = request_.get_header_value("Content-Encoding")});
    }
  }

  bool in_time() const { return Clock::now() <= deadline_; }

  // The connection gives up by itself where nothing comes at all, and does not say so.
  bool is_too_late(Clock::time_point start) const {
    return !in_time() || Clock::now() - start >= std::chrono::seconds(kReadSeconds);
  }

  bool read_bytes(Body& body) const {
    return (*reader_)([&](const char* data, std::size_t size) {
      body.bytes.append(data, size);
      return in_time();
    });
  }

  bool read_form(Body& body) const {
    return (*reader_)(
        [&](const httplib::MultipartFormData& part) {
          body.parts.push_back({part.name, {}});
          return body.parts.size() <= kMostParts && in_time();
        },
        [&](const char* data, std::size_t size) {
          body.parts.back().content.append(data, size);
          return in_time();
        });
  }

  const httplib::Request& request_;
  const httplib::ContentReader* reader_;
  const Limits& limits_;
  const Clock::time_point deadline_;
  const std::optional<std::size_t> length_;
};

/// The library's threads. What `enqueue` returns depends on its version.
class TaskQueue : public httplib::TaskQueue {
 public:
  using Enqueued =
      decltype(std::declval<httplib::TaskQueue&>().enqueue(std::declval<std::function<void()>>()));

  explicit TaskQueue(std::size_t threads) : workers_(threads) {}
  Enqueued enqueue(std::function<void()> work) override {
    workers_.run(std::move(work));
    return Enqueued(true);
  }
  void shutdown() override { workers_.finish(); }

 private:
  Workers workers_;
};

/// The library's server, with connections that do not last for ever.
class Server : public httplib::Server {
 public:
  explicit Server(double limit) : limit_(limit) {}

 private:
  bool process_and_close_socket(socket_t socket) override {
    Connection connection(socket, limit_);
    bool closed = false;  // by the request; here it always is
    return process_request(connection, true, closed, [&](httplib::Request& request) {
      connection.head_is_read(body_bytes(request), takes_expectation(request));
      // Nothing else goes from here to the handlers; the library has no use of its own for it.
      request.progress = [&](std::uint64_t, std::uint64_t) { return !connection.is_gone(); };
    });
  }

  const double limit_;  // seconds
};

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

class HttplibDoor : public HttpDoor {
 public:
  HttplibDoor(const ServerOptions& options, RequestHandler& handler)
      : limits_(options.limits), handler_(handler), server_(options.limits.seconds) {
    set_limits();
    set_handlers();
    bind(options);
  }

  int port() const override { return port_; }

  void serve() override {
    server_.listen_after_bind();
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
    server_.set_default_headers({{"X-Content-Type-Options", "nosniff"}});
    server_.new_task_queue = [this] {
      return new TaskQueue(static_cast<std::size_t>(limits_.connections));
    };
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
      send(handler_.refuse(response.status, request.remote_addr), response);
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
    // A few bytes of header can ask for the answer thousands of times; ranges of it are of no use.
    // The library's own object is not const.
    const_cast<httplib::Request&>(from).ranges.clear();
    const auto limit = std::chrono::duration<double>(limits_.seconds);
    const auto deadline = Clock::now() + std::chrono::duration_cast<Clock::duration>(limit);
    const BodyReader body(from, reader, limits_, deadline);
    Response response =
        handler_.handle({.method = from.method,
                         .path = from.path,
                         .remote = from.remote_addr,
                         .query = {from.params.begin(), from.params.end()},
                         .deadline = deadline,
                         .is_gone = [&] { return !from.progress(0, 0); },
                         .header = [&](const char* name) { return from.get_header_value(name); },
                         .read_body = [&] { return body.read(); }});
    send(std::move(response), to);  // last, as the library sets a status where it fails to read
  }

  const Limits limits_;
  RequestHandler& handler_;
  Server server_;
  std::mutex mutex_;
  bool stopped_ = false;
  int listener_ = -1;
  int port_ = -1;
};

std::unique_ptr<HttpDoor> open_httplib_door(const ServerOptions& options, RequestHandler& handler) {
  return std::make_unique<HttplibDoor>(options, handler);
}

constexpr Module kModule = {.version = kModuleVersion, .open = open_httplib_door};

}  // namespace
}  // namespace sapiens::serve

extern "C" __attribute__((visibility("default"))) const sapiens::serve::Module*
sapiens_server_module() noexcept {
  return &sapiens::serve::kModule;
}
