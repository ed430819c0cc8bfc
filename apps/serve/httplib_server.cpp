#include "serve/httplib_server.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <exception>
#include <limits>
#include <utility>

#include "serve/body_reader.hpp"
#include "serve/connection.hpp"
#include "serve/http_error.hpp"

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

/// What will follow the head, as far as it tells.
std::size_t body_bytes(const RequestHead& head) {
  const bool has_body = head.has("Content-Length") || head.has("Transfer-Encoding");
  return has_body ? length_of(head.header("Content-Length"))
                        .value_or(std::numeric_limits<std::size_t>::max())
                  : 0;
}

/// What the library is to read: it sees a request line and nothing that it would act on by itself.
/// The headers come to it later, as they were sent.
std::string bare_head(const RequestHead& head) {
  return fmt::format("{} {} {}\r\n\r\n", head.method, head.target, head.version);
}

httplib::Headers headers_of(const RequestHead& head) {
  httplib::Headers headers;
  for (const auto& [name, value] : head.headers) {
    if (headers.find(name) == headers.end()) headers.emplace(name, head.header(name));
  }
  headers.erase("Expect");  // is answered by the connection, once somebody wants the body
  return headers;
}

std::pair<RequestHead, std::string> read_beginning(const std::string& bytes, Arrival how) {
  const std::size_t end = end_of_head(bytes);
  if (how == Arrival::Late) {
    throw HttpError(
        408, "bad-request",
        {.summary = "the request did not arrive in time",
         .expected = fmt::format("a request line and headers within {} seconds", kReadSeconds)});
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

}  // namespace

HttplibServer::HttplibServer(const Limits& limits, RequestHandler& handler)
    : limit_(limits.seconds),
      handler_(handler),
      workers_(static_cast<std::size_t>(limits.connections)),
      quick_(kQuickThreads),
      lobby_(std::min<double>(limits.seconds, kReadSeconds),
             [this](int socket, std::string bytes, Arrival how) {
               receive(socket, std::move(bytes), how);
             }) {
  new_task_queue = [] { return new TaskQueue; };
}

void HttplibServer::finish() {
  lobby_.finish();
  quick_.finish();
  workers_.finish();
}

bool HttplibServer::process_and_close_socket(socket_t socket) {
  // Beyond that they wait in the kernel.
  workers_.wait_for_room(Lobby::kMaxWaiting);
  quick_.wait_for_room(Lobby::kMaxWaiting);
  lobby_.add(socket);
  return true;
}

void HttplibServer::receive(int socket, std::string bytes, Arrival how) noexcept try {
  const auto all = std::make_shared<std::string>(std::move(bytes));
  try {
    const auto [head, body] = read_beginning(*all, how);
    Workers& workers = body_bytes(head) > 0 ? workers_ : quick_;
    workers.run([this, socket, &workers, head = head, body = body] {
      within_memory(
          [&] { serve(socket, head, body, [&workers] { return workers.are_all_taken(); }); });
    });
  } catch (const HttpError& error) {
    quick_.run([this, socket, error] { within_memory([&] { refuse(socket, error); }); });
  }
} catch (const std::exception&) {  // memory ran out
  close(socket);
}

void HttplibServer::serve(int socket, const RequestHead& head, const std::string& body,
                          std::function<bool()> is_crowded) {
  Connection connection(socket, limit_,
                        {.head = bare_head(head),
                         .body = body,
                         .body_bytes = body_bytes(head),
                         .expects_continue = head.has("Expect")},
                        std::move(is_crowded));
  bool closed = false;  // by the request; here it always is
  process_request(connection, true, closed, [&](httplib::Request& request) {
    request.headers = headers_of(head);
    request.params = {head.query.begin(), head.query.end()};
    // Nothing else goes from here to the handlers; the library has no use of its own for it.
    request.progress = [&](std::uint64_t question, std::uint64_t) {
      return question == kIsThere ? !connection.is_gone() : !connection.was_too_slow();
    };
  });
}

/// Answers what the library is not to see.
void HttplibServer::refuse(int socket, const HttpError& error) {
  Connection connection(socket, limit_, {}, [] { return false; });
  std::string remote;
  int port = 0;
  connection.get_remote_ip_and_port(remote, port);
  const Response response = handler_.refuse(error, remote);
  const std::string text = fmt::format(
      "HTTP/1.1 {} {}\r\nConnection: close\r\nContent-Length: {}\r\n"
      "Content-Type: {}\r\nX-Content-Type-Options: nosniff\r\n\r\n{}",
      response.status, reason_of(response.status), response.body.size(), response.type,
      response.body);
  connection.write(text.data(), text.size());
}

}  // namespace sapiens::serve
