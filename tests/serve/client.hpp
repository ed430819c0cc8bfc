#pragma once

#include <map>
#include <string>
#include <utility>
#include <vector>

namespace sapiens {

/// What came back on one connection.
struct Answer {
  int status = 0;                                   // 0: nothing, or nothing that is HTTP
  std::map<std::string, std::string> headers = {};  // names in lower case
  std::string body = {};

  std::string header(const std::string& name) const;
};

using Headers = std::vector<std::pair<std::string, std::string>>;

/// A connection to 127.0.0.1, made by hand so that it can misbehave.
class Connection {
 public:
  explicit Connection(int port);
  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  bool is_open() const { return socket_ >= 0; }
  /// False once the other side does not listen any more.
  bool send(const std::string& bytes) const;
  /// Tells the other side that nothing more will come.
  void finish_sending() const;
  /// Receives that many bytes, or fewer where the other side closes.
  std::string receive(std::size_t size) const;
  /// Everything until the other side closes, or nothing comes for minutes.
  Answer receive() const;

 private:
  int socket_ = -1;
};

/// The bytes of a request. A Content-Length is added where there is a body and none is given.
std::string request_text(const std::string& method, const std::string& target, Headers headers = {},
                         const std::string& body = "");

/// One request on a connection of its own.
Answer ask(int port, const std::string& method, const std::string& target, Headers headers = {},
           const std::string& body = "");

/// A multipart/form-data body, and its Content-Type.
struct Form {
  std::string type, body;
};
Form form_of(const std::vector<std::pair<std::string, std::string>>& fields);

std::string encode_base64(const std::string& bytes);

}  // namespace sapiens
