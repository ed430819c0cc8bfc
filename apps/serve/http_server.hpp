#pragma once

#include <httplib.h>

#include <cstdint>
#include <functional>
#include <mutex>
#include <string>

#include "serve/lobby.hpp"
#include "serve/request_head.hpp"
#include "serve/service.hpp"
#include "serve/workers.hpp"

namespace sapiens::serve {

/// What `httplib::Request::progress` is asked, of which the library makes no use of its own.
enum Question : std::uint64_t { kIsThere, kIsFastEnough };

/// Reads the body of a request, which has come by `deadline`. Throws HttpError: 400, 408, 411, 413,
/// 415.
Body read_body(const httplib::Request& request, const httplib::ContentReader* reader,
               const Limits& limits, Clock::time_point deadline);

/// What the library is to read: it sees a request line and nothing that it would act on by itself.
std::string bare_head(const RequestHead& head);
/// Gives the library's request the headers and the query as they were sent.
void take_head(const RequestHead& head, httplib::Request& request);

/// Brings requests from sockets to the service. cpp-httplib accepts connections and writes answers;
/// it sees of a connection what this class has found to be a request.
///
/// A connection waits in the lobby until its head is there, and carries one request, so that what
/// is left of a body that was refused is never taken for a request. Requests without a body, which
/// cost nothing, have threads of their own: whether the server is well can be asked while all
/// others are busy.
class HttpServer : private httplib::Server {
 public:
  /// Binds the address. Throws `Error`: InvalidArgument where that cannot be had, OutOfResources
  /// where the system does not have the threads.
  HttpServer(const ServerOptions& options, Service& service);

  /// The port that was bound.
  int port() const { return port_; }

  /// Answers requests until `stop`, and then those that have been accepted. Throws
  /// `Error(OutOfResources)` where connections cannot be accepted any more.
  void serve();

  /// From any thread.
  void stop();

 private:
  /// From the start of a connection to the end of the head of a request.
  double head_seconds() const;
  bool forget_listener();
  void set_options();
  void set_handlers();
  void listen_on(const ServerOptions& options);
  bool process_and_close_socket(socket_t socket) override;
  void receive(int socket, const std::string& bytes, Arrival how) noexcept;
  void converse(int socket, const RequestHead& head, const std::string& body,
                std::function<bool()> is_crowded);
  void answer(const httplib::Request& from, httplib::Response& to,
              const httplib::ContentReader* reader);
  void answer_unrouted(const httplib::Request& from, httplib::Response& to);
  void refuse(int socket, const HttpError& error);

  const Limits limits_;
  Service& service_;
  std::mutex mutex_;
  bool stopped_ = false;
  int listener_ = -1;
  int port_ = -1;
  Workers workers_, quick_;
  Lobby lobby_;  // the first to go: it gives work to the others
};

}  // namespace sapiens::serve
