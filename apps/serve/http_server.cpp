#include "serve/http_server.hpp"

#include <fmt/format.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <exception>
#include <limits>
#include <memory>
#include <system_error>
#include <utility>

#include "core/parse_number.hpp"
#include "serve/connection.hpp"

namespace sapiens::serve {
namespace {

constexpr std::size_t kQuickThreads = 4;

/// Runs what the library gives it, the taking of a connection, where it is. What `enqueue` returns
/// depends on the library's version.
class TaskQueue : public httplib::TaskQueue {
 public:
  using Enqueued =
      decltype(std::declval<httplib::TaskQueue&>().enqueue(std::declval<std::function<void()>>()));

  Enqueued enqueue(std::function<void()> work) override {
    work();
    return Enqueued(true);
  }
  void shutdown() override {}
};

/// The size of the body that the head announces; the largest number if it is unknown.
std::size_t body_bytes(const RequestHead& head) {
  const bool has_body = head.has("Content-Length") || head.has("Transfer-Encoding");
  return has_body ? parse_number<std::size_t>(head.header("Content-Length"))
                        .value_or(std::numeric_limits<std::size_t>::max())
                  : 0;
}

httplib::Headers headers_of(const RequestHead& head) {
  httplib::Headers headers;
  for (const auto& [name, value] : head.headers) {
    if (headers.find(name) == headers.end()) headers.emplace(name, head.header(name));
  }
  headers.erase("Expect");  // is answered by the connection when the body is read
  return headers;
}

std::pair<RequestHead, std::string> read_beginning(const std::string& bytes, Arrival how,
                                                   double head_seconds) {
  const std::size_t end = end_of_head(bytes);
  if (how == Arrival::Late) {
    throw HttpError(
        408, "bad-request",
        {.summary = "the request did not arrive in time",
         .expected = fmt::format("a request line and headers within {} seconds", head_seconds)});
  }
  if (how == Arrival::Cut || end == bytes.npos) {
    throw HttpError(400, "bad-request",
                    {.summary = "this is not a request that can be understood",
                     .expected = fmt::format("a request line and headers of at most {} KiB, "
                                             "each within {} KiB",
                                             kMaxHeadBytes >> 10, kMaxLineBytes >> 10)});
  }
  return {parse_head(std::string_view(bytes).substr(0, end)), bytes.substr(end)};
}

// Where memory runs out while an answer is sent, its client sees the connection end.
template <typename Work>
void within_memory(Work work) noexcept {
  try {
    work();
  } catch (const std::exception&) {
    return;
  }
}

const char* reason_of(int status) {
  switch (status) {
    case 408:
      return "Request Timeout";
    case 414:
      return "URI Too Long";
    case 417:
      return "Expectation Failed";
    default:
      return "Bad Request";
  }
}

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

}  // namespace

std::string bare_head(const RequestHead& head) {
  return fmt::format("{} {} {}\r\n\r\n", head.method, head.target, head.version);
}

void take_head(const RequestHead& head, httplib::Request& request) {
  request.headers = headers_of(head);
  request.params = {head.query.begin(), head.query.end()};
}

HttpServer::HttpServer(const ServerOptions& options, Service& service)
    : limits_(options.limits),
      service_(service),
      workers_(static_cast<std::size_t>(limits_.connections)),
      quick_(kQuickThreads),
      lobby_(head_seconds(), [this](int socket, const std::string& bytes, Arrival how) {
        receive(socket, bytes, how);
      }) {
  set_options();
  set_handlers();
  listen_on(options);
}

double HttpServer::head_seconds() const { return std::min<double>(limits_.seconds, kReadSeconds); }

void HttpServer::set_options() {
  new_task_queue = [] { return new TaskQueue; };
  set_tcp_nodelay(true);
  // What an answer quotes of a request is never taken for a script or a page.
  set_default_headers({{"X-Content-Type-Options", "nosniff"}, {"Accept-Ranges", "none"}});
  // The library's own options let two servers share a port.
  set_socket_options([this](socket_t socket) {
    const int yes = 1;
    setsockopt(socket, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes));
    listener_ = socket;
  });
}

void HttpServer::set_handlers() {
  const auto plain = [this](const httplib::Request& from, httplib::Response& to) {
    answer(from, to, nullptr);
  };
  const auto with_body = [this](const httplib::Request& from, httplib::Response& to,
                                const httplib::ContentReader& reader) {
    answer(from, to, &reader);
  };
  constexpr const char* kAll = ".*";
  Get(kAll, plain).Options(kAll, plain);
  Post(kAll, with_body).Put(kAll, with_body);
  Patch(kAll, with_body).Delete(kAll, with_body);
  const httplib::Server::HandlerWithResponse unrouted = [this](const httplib::Request& from,
                                                               httplib::Response& to) {
    // Answers of the service have a type already.
    if (to.has_header("Content-Type")) return httplib::Server::HandlerResponse::Unhandled;
    answer_unrouted(from, to);
    return httplib::Server::HandlerResponse::Handled;
  };
  set_error_handler(unrouted);
}

void HttpServer::listen_on(const ServerOptions& options) {
  if (options.port == 0) {
    port_ = bind_to_any_port(options.host);
  } else {
    port_ = bind_to_port(options.host, options.port) ? options.port : -1;
  }
  // Again, for a longer backlog than the library's 5.
  if (port_ > 0 && ::listen(listener_, SOMAXCONN) == 0) return;
  const std::error_code why(errno, std::generic_category());
  const bool has_address = listener_ >= 0;
  throw Error(ErrorCode::InvalidArgument,
              {.summary = "the server cannot listen there",
               .actual = fmt::format("{}:{}: {}", options.host, options.port,
                                     has_address ? why.message() : "no such host"),
               .hint = has_address && why == std::errc::address_in_use
                           ? "another program may use the port; --port 0 takes any that is free"
                           : "--host takes an address of this machine; 0.0.0.0 is all of them"});
}

void HttpServer::serve() {
  listen_after_bind();
  const std::error_code why(errno, std::generic_category());
  const bool stopped = forget_listener();
  lobby_.finish();
  quick_.finish();
  workers_.finish();
  if (stopped) return;
  throw Error(ErrorCode::OutOfResources,
              {.summary = "connections cannot be accepted any more", .actual = why.message()});
}

// The library has closed it, and the number may be another file's. Whether stop() was called
// before.
bool HttpServer::forget_listener() {
  const std::lock_guard lock(mutex_);
  listener_ = -1;
  return stopped_;
}

// Wakes the library out of accept(), even where it has not come there yet.
void HttpServer::stop() {
  const std::lock_guard lock(mutex_);
  stopped_ = true;
  if (listener_ >= 0) shutdown(listener_, SHUT_RDWR);
}

void HttpServer::answer(const httplib::Request& from, httplib::Response& to,
                        const httplib::ContentReader* reader) {
  const auto limit = std::chrono::duration<double>(limits_.seconds);
  const auto deadline = Clock::now() + std::chrono::duration_cast<Clock::duration>(limit);
  Response response =
      service_.handle({.method = from.method,
                       .path = from.path,
                       .remote = from.remote_addr,
                       .query = {from.params.begin(), from.params.end()},
                       .deadline = deadline,
                       .is_gone = [&] { return !from.progress(kIsThere, 0); },
                       .header = [&](const char* name) { return from.get_header_value(name); },
                       .read_body = [&] { return read_body(from, reader, limits_, deadline); }});
  send(std::move(response), to);  // last, as the library sets a status where it fails to read
}

/// Answers what never became a request.
void HttpServer::answer_unrouted(const httplib::Request& from, httplib::Response& to) {
  // A path with a line feed, as %0A, is of no handler.
  const HttpError error =
      to.status == 404 ? unknown_path(from.path.substr(0, 80))
                       : HttpError(to.status, "bad-request",
                                   {.summary = "this is not a request that can be understood",
                                    .expected = "a method of HTTP/1.1, and a path of at most 8 KiB",
                                    .actual = from.method.substr(0, 80)});
  send(service_.refuse(error, from.remote_addr), to);
}

bool HttpServer::process_and_close_socket(socket_t socket) {
  // Beyond that they wait in the kernel.
  workers_.wait_for_room(Lobby::kMaxWaiting);
  quick_.wait_for_room(Lobby::kMaxWaiting);
  lobby_.add(socket);
  return true;
}

void HttpServer::receive(int socket, const std::string& bytes, Arrival how) noexcept try {
  try {
    const auto [head, body] = read_beginning(bytes, how, head_seconds());
    Workers& workers = body_bytes(head) > 0 ? workers_ : quick_;
    workers.run([this, socket, &workers, head = head, body = body] {
      within_memory(
          [&] { converse(socket, head, body, [&workers] { return workers.are_all_taken(); }); });
    });
  } catch (const HttpError& error) {
    quick_.run([this, socket, error] { within_memory([&] { refuse(socket, error); }); });
  }
} catch (const std::exception&) {  // memory ran out
  close(socket);
}

void HttpServer::converse(int socket, const RequestHead& head, const std::string& body,
                          std::function<bool()> is_crowded) {
  Descriptor owner(socket);  // of its own, so that it is closed also where memory runs out below
  Connection connection(std::move(owner), limits_.seconds,
                        {.head = bare_head(head),
                         .body = body,
                         .body_bytes = body_bytes(head),
                         .expects_continue = head.has("Expect")},
                        std::move(is_crowded));
  bool closed = false;  // by the request; here it always is
  process_request(connection, true, closed, [&](httplib::Request& request) {
    take_head(head, request);
    // Nothing else goes from here to the handlers; the library has no use of its own for it.
    request.progress = [&](std::uint64_t question, std::uint64_t) {
      return question == kIsThere ? !connection.is_gone() : !connection.was_too_slow();
    };
  });
}

/// Answers what the library is not to see.
void HttpServer::refuse(int socket, const HttpError& error) {
  Connection connection(Descriptor(socket), limits_.seconds, {}, [] { return false; });
  std::string remote;
  int port = 0;
  connection.get_remote_ip_and_port(remote, port);
  const Response response = service_.refuse(error, remote);
  const std::string text = fmt::format(
      "HTTP/1.1 {} {}\r\nConnection: close\r\nContent-Length: {}\r\n"
      "Content-Type: {}\r\nX-Content-Type-Options: nosniff\r\n\r\n{}",
      response.status, reason_of(response.status), response.body.size(), response.type,
      response.body);
  connection.write(text.data(), text.size());
}

}  // namespace sapiens::serve
