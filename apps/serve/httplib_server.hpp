#pragma once

#include <httplib.h>

#include <cstddef>
#include <functional>
#include <string>

#include "serve/http_message.hpp"
#include "serve/lobby.hpp"
#include "serve/request_head.hpp"
#include "serve/workers.hpp"

namespace sapiens::serve {

/// The library's server, which sees of a connection what this one has found to be a request.
///
/// A connection waits in the lobby until its head is there. Requests without a body, which cost
/// nothing, have threads of their own: whether the server is well can be asked while all others
/// are busy.
class HttplibServer : public httplib::Server {
 public:
  /// Throws `Error(OutOfResources)` where the system does not have the threads.
  HttplibServer(const Limits& limits, RequestHandler& handler);

  /// Answers what has been accepted. Once no more connections are.
  void finish();

 private:
  bool process_and_close_socket(socket_t socket) override;
  void receive(int socket, std::string bytes, Arrival how) noexcept;
  void serve(int socket, const RequestHead& head, const std::string& body,
             std::function<bool()> is_crowded);
  void refuse(int socket, const HttpError& error);

  const double limit_;  // seconds
  RequestHandler& handler_;
  Workers workers_, quick_;
  Lobby lobby_;  // the first to go: it gives work to the others
};

}  // namespace sapiens::serve
