#include "serve/connection.hpp"

#include <netdb.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <string_view>
#include <utility>

namespace sapiens::serve {
namespace {

using std::chrono::seconds;

constexpr std::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";
constexpr std::size_t kMostHeadBytes = 64 << 10;
// More than whoever reads a body allows, and has words for.
constexpr auto kGrace = std::chrono::milliseconds(100);

using NameOf = int (*)(int socket, sockaddr* address, socklen_t* size);

/// The address of one end, in digits; nothing where it cannot be told any more.
void tell(NameOf name_of, socket_t socket, std::string& ip, int& port) {
  sockaddr_storage storage{};
  socklen_t size = sizeof(storage);
  auto* address = reinterpret_cast<sockaddr*>(&storage);
  std::array<char, NI_MAXHOST> host{};
  std::array<char, NI_MAXSERV> service{};
  if (name_of(socket, address, &size) != 0 ||
      getnameinfo(address, size, host.data(), host.size(), service.data(), service.size(),
                  NI_NUMERICHOST | NI_NUMERICSERV) != 0) {
    return;
  }
  ip = host.data();
  std::from_chars(service.data(), service.data() + std::strlen(service.data()), port);
}

}  // namespace

Connection::Connection(socket_t socket, double limit)
    : socket_(socket),
      limit_(std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(limit))),
      deadline_(Clock::now() + std::min<Clock::duration>(limit_, seconds(kReadSeconds))) {}

Connection::~Connection() {
  shutdown(socket_, SHUT_WR);
  if (body_left_ > 0 && !expects_continue_) discard_body();
  close(socket_);
}

void Connection::discard_body() {
  deadline_ = Clock::now() + seconds(kLingerSeconds);
  while (wait(POLLIN, seconds(2)) &&
         recv(socket_, buffer_.data(), buffer_.size(), MSG_DONTWAIT) > 0) {
  }
}

void Connection::head_is_read(std::size_t body_bytes, bool expects_continue) {
  in_head_ = false;
  body_left_ = body_bytes;
  expects_continue_ = expects_continue && begin_ == end_;  // has begun to send it otherwise
  deadline_ = Clock::now() + limit_ + kGrace;
}

bool Connection::is_gone() const {
  pollfd one{.fd = socket_, .events = POLLRDHUP, .revents = 0};
  return poll(&one, 1, 0) > 0;
}

bool Connection::is_readable() const {
  return begin_ < end_ || wait(POLLIN, seconds(kReadSeconds));
}

bool Connection::is_writable() const { return wait(POLLOUT, seconds(kWriteSeconds)); }

ssize_t Connection::read(char* to, std::size_t size) {
  if (begin_ == end_) {
    const ssize_t count = fill();
    if (count <= 0) return count;
  }
  const std::size_t count = std::min(size, end_ - begin_);
  std::memcpy(to, buffer_.data() + begin_, count);
  begin_ += count;
  if (!in_head_) body_left_ -= std::min(body_left_, count);
  return static_cast<ssize_t>(count);
}

ssize_t Connection::fill() {
  if (std::exchange(expects_continue_, false) && !send_all(kContinue.data(), kContinue.size())) {
    return -1;
  }
  if (!wait(POLLIN, seconds(kReadSeconds))) return -1;
  const ssize_t count = recv(socket_, buffer_.data(), buffer_.size(), MSG_DONTWAIT);
  if (count <= 0) return count;
  begin_ = 0;
  end_ = static_cast<std::size_t>(count);
  if (in_head_) head_bytes_ += end_;
  return head_bytes_ > kMostHeadBytes ? -1 : count;
}

ssize_t Connection::write(const char* from, std::size_t size) {
  if (!in_answer_) {
    in_answer_ = true;
    deadline_ = Clock::now() + limit_ + kGrace;
  }
  return send_all(from, size) ? static_cast<ssize_t>(size) : -1;
}

bool Connection::send_all(const char* from, std::size_t size) {
  std::size_t sent = 0;
  while (sent < size) {
    if (!is_writable()) return false;
    const ssize_t count = send(socket_, from + sent, size - sent, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (count >= 0) {
      sent += static_cast<std::size_t>(count);
    } else if (errno != EAGAIN && errno != EINTR) {
      return false;
    }
  }
  return true;
}

void Connection::get_remote_ip_and_port(std::string& ip, int& port) const {
  tell(getpeername, socket_, ip, port);
}

void Connection::get_local_ip_and_port(std::string& ip, int& port) const {
  tell(getsockname, socket_, ip, port);
}

// Whether `event` comes, within `most` and before the deadline. What has come already counts, so
// that nobody is blamed for the time that this machine was busy.
bool Connection::wait(short event, Clock::duration most) const {
  using std::chrono::milliseconds;
  const Clock::time_point end = std::min(deadline_, Clock::now() + most);
  while (true) {
    const auto left = std::chrono::ceil<milliseconds>(end - Clock::now());
    pollfd one{.fd = socket_, .events = event, .revents = 0};
    const int ready = poll(&one, 1, static_cast<int>(std::max<milliseconds::rep>(0, left.count())));
    if (ready >= 0) return ready > 0;
    if (errno != EINTR) return false;
  }
}

}  // namespace sapiens::serve
