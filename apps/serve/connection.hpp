#pragma once

#include <httplib.h>

#include <array>
#include <cstddef>
#include <string>

#include "serve/options.hpp"

namespace sapiens::serve {

inline constexpr int kReadSeconds = 10;   ///< Without a byte from the client.
inline constexpr int kWriteSeconds = 30;  ///< Without a byte taken by it.
/// For what a client still sends when it has been answered.
inline constexpr int kLingerSeconds = 10;

/// A connection that is over by a certain time, however slowly its client sends or takes: the
/// library's own starts its limit anew with every byte, and takes headers without end.
class Connection : public httplib::Stream {
 public:
  /// Owns `socket`. The head of a request has to be there within 10 seconds or `limit`, whichever
  /// is less; the body within `limit` seconds from then on; the answer is to be taken within as
  /// many.
  Connection(socket_t socket, double limit);
  /// Lets a client that was answered before its body was read send that to its end, for some
  /// seconds: one that is still sending reads no answer, and a reset would take it away.
  ~Connection() override;
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  /// What comes now is a body of so many bytes. With `expects_continue` the client is told that it
  /// is wanted once somebody reads it, and not where the request is refused without it.
  void head_is_read(std::size_t body_bytes, bool expects_continue);

  /// Whether the other side has closed its end: nobody is there to take an answer.
  bool is_gone() const;

  bool is_readable() const override;
  bool is_writable() const override;
  ssize_t read(char* to, std::size_t size) override;
  ssize_t write(const char* from, std::size_t size) override;
  void get_remote_ip_and_port(std::string& ip, int& port) const override;
  void get_local_ip_and_port(std::string& ip, int& port) const override;
  socket_t socket() const override { return socket_; }

 private:
  bool wait(short event, Clock::duration most) const;
  ssize_t fill();
  bool send_all(const char* from, std::size_t size);
  void discard_body();

  const socket_t socket_;
  const Clock::duration limit_;
  Clock::time_point deadline_;
  std::array<char, 4096> buffer_;
  std::size_t begin_ = 0, end_ = 0;  // what is left in the buffer
  std::size_t head_bytes_ = 0;
  std::size_t body_left_ = 0;
  bool in_head_ = true;
  bool expects_continue_ = false;
  bool in_answer_ = false;
};

}  // namespace sapiens::serve
