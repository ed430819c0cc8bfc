#pragma once

#include <httplib.h>

#include <cstddef>
#include <functional>
#include <string>

#include "core/open_file.hpp"
#include "serve/options.hpp"

namespace sapiens::serve {

inline constexpr int kReadSeconds = 10;   ///< Without a byte from the client.
inline constexpr int kWriteSeconds = 30;  ///< Without a byte taken by it.
/// For what a client still sends when it has been answered.
inline constexpr int kLingerSeconds = 10;
/// Where others wait for the thread: without a byte that is sent or taken.
inline constexpr int kCrowdedSeconds = 2;
/// Likewise: how long a body may take beside a second for each so many bytes of it.
inline constexpr int kCrowdedGraceSeconds = 5;
inline constexpr std::size_t kCrowdedBytesPerSecond = 16 << 10;

/// What came on a connection before a thread took it.
struct Beginning {
  std::string head;  ///< As the HTTP library is to read it.
  std::string body;  ///< What has come of the body.
  std::size_t body_bytes = 0;
  bool expects_continue = false;
};

/// A connection that is over by a certain time, however slowly its client sends or takes: the
/// library's own starts its limit anew with every byte.
class Connection : public httplib::Stream {
 public:
  /// The body has to be there within `limit` seconds, and the answer is to be taken within as many.
  /// While `is_crowded` says that others wait for this thread, a body has less time.
  Connection(Descriptor socket, double limit, Beginning beginning,
             std::function<bool()> is_crowded);
  /// Lets a client that was answered before its body was read send that to its end, for some
  /// seconds: one that is still sending reads no answer, and a reset would take it away.
  ~Connection() override;
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  /// Whether the other side has closed its end: no response can be delivered.
  bool is_gone() const;
  /// Whether the client was given up because its body did not come fast enough.
  bool was_too_slow() const { return too_slow_; }

  bool is_readable() const override;
  bool is_writable() const override;
  ssize_t read(char* to, std::size_t size) override;
  ssize_t write(const char* from, std::size_t size) override;
  /// The client's address in digits; nothing where it cannot be told any more. Ports, and the
  /// server's own address, are of no use here.
  void get_remote_ip_and_port(std::string& ip, int& port) const override;
  void get_local_ip_and_port(std::string&, int&) const override {}
  socket_t socket() const override { return socket_.number(); }

 private:
  bool wait(short event, Clock::duration most) const;
  bool wait_in_steps(short event, Clock::duration most) const;
  bool is_slow_for_a_crowd() const;
  ssize_t fill();
  bool send_all(const char* from, std::size_t size);
  void discard_body();

  const Descriptor socket_;
  const Clock::duration limit_;
  const std::function<bool()> is_crowded_;
  const Clock::time_point start_ = Clock::now();
  Clock::time_point deadline_;
  std::string buffer_;
  std::size_t begin_ = 0;  // what is left in the buffer
  std::size_t head_left_;
  std::size_t body_left_;
  std::size_t body_read_ = 0;  // from the socket, here
  bool expects_continue_;
  bool in_answer_ = false;
  bool too_slow_ = false;
};

}  // namespace sapiens::serve
