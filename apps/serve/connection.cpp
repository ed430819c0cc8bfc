#include "serve/connection.hpp"

#include <netdb.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <string_view>
#include <utility>

namespace sapiens::serve {
namespace {

using std::chrono::seconds;

constexpr std::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";
// Added to the time limit of a read, so that the reader of the body reports its own time limit
// first.
constexpr auto kGrace = std::chrono::milliseconds(100);

}  // namespace

Connection::Connection(Descriptor socket, double limit, Beginning beginning,
                       std::function<bool()> is_crowded)
    : socket_(std::move(socket)),
      limit_(std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(limit))),
      is_crowded_(std::move(is_crowded)),
      deadline_(start_ + limit_ + kGrace),
      buffer_(std::move(beginning.head)),
      head_left_(buffer_.size()),
      body_left_(beginning.body_bytes),
      expects_continue_(beginning.expects_continue && beginning.body.empty()) {
  buffer_ += beginning.body;
}

Connection::~Connection() {
  shutdown(socket_.number(), SHUT_WR);
  if (body_left_ > 0 && !expects_continue_) discard_body();
}

void Connection::discard_body() {
  deadline_ = Clock::now() + seconds(kLingerSeconds);
  std::array<char, 4096> waste;
  while (!is_crowded_() && wait(POLLIN, seconds(2)) &&
         recv(socket_.number(), waste.data(), waste.size(), MSG_DONTWAIT) > 0) {
  }
}

bool Connection::is_gone() const {
  pollfd one{.fd = socket_.number(), .events = POLLRDHUP, .revents = 0};
  return poll(&one, 1, 0) > 0;
}

bool Connection::is_readable() const {
  return begin_ < buffer_.size() || wait(POLLIN, seconds(kReadSeconds));
}

bool Connection::is_writable() const { return wait(POLLOUT, seconds(kWriteSeconds)); }

ssize_t Connection::read(char* to, std::size_t size) {
  if (begin_ == buffer_.size()) {
    const ssize_t count = fill();
    if (count <= 0) return count;
  }
  const std::size_t count = std::min(size, buffer_.size() - begin_);
  std::memcpy(to, buffer_.data() + begin_, count);
  begin_ += count;
  const std::size_t of_head = std::min(head_left_, count);
  head_left_ -= of_head;
  body_left_ -= std::min(body_left_, count - of_head);
  return static_cast<ssize_t>(count);
}

ssize_t Connection::fill() {
  if (std::exchange(expects_continue_, false) && !send_all(kContinue.data(), kContinue.size())) {
    return -1;
  }
  if (!wait_in_steps(POLLIN, seconds(kReadSeconds)) || is_slow_for_a_crowd()) {
    too_slow_ = true;
    return -1;
  }
  constexpr std::size_t kBlock = 16 << 10;
  buffer_.resize(kBlock);
  const ssize_t count = recv(socket_.number(), buffer_.data(), kBlock, MSG_DONTWAIT);
  buffer_.resize(static_cast<std::size_t>(std::max<ssize_t>(0, count)));
  begin_ = 0;
  body_read_ += buffer_.size();
  return count;
}

bool Connection::is_slow_for_a_crowd() const {
  const std::chrono::duration<double> taken = Clock::now() - start_ - seconds(kCrowdedGraceSeconds);
  const double expected = taken.count() * static_cast<double>(kCrowdedBytesPerSecond);
  return expected > static_cast<double>(body_read_) && is_crowded_();
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
    if (!wait_in_steps(POLLOUT, seconds(kWriteSeconds))) return false;
    const ssize_t count =
        send(socket_.number(), from + sent, size - sent, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (count >= 0) {
      sent += static_cast<std::size_t>(count);
    } else if (errno != EAGAIN && errno != EINTR) {
      return false;
    }
  }
  return true;
}

void Connection::get_remote_ip_and_port(std::string& ip, int&) const {
  sockaddr_storage storage{};
  socklen_t size = sizeof(storage);
  auto* address = reinterpret_cast<sockaddr*>(&storage);
  std::array<char, NI_MAXHOST> host{};
  if (getpeername(socket_.number(), address, &size) == 0 &&
      getnameinfo(address, size, host.data(), host.size(), nullptr, 0, NI_NUMERICHOST) == 0) {
    ip = host.data();
  }
}

// As `wait`, but shorter where others come meanwhile and wait for this thread.
bool Connection::wait_in_steps(short event, Clock::duration most) const {
  const Clock::time_point since = Clock::now();
  while (!wait(event, std::chrono::milliseconds(250))) {
    const Clock::time_point now = Clock::now();
    if (now >= deadline_ || now - since >= most) return false;
    if (now - since >= seconds(kCrowdedSeconds) && is_crowded_()) return false;
  }
  return true;
}

// Whether `event` comes, within `most` and before the deadline. What has come already counts, so
// that nobody is blamed for the time that this machine was busy.
bool Connection::wait(short event, Clock::duration most) const {
  using std::chrono::milliseconds;
  const Clock::time_point end = std::min(deadline_, Clock::now() + most);
  while (true) {
    const auto left = std::chrono::ceil<milliseconds>(end - Clock::now());
    pollfd one{.fd = socket_.number(), .events = event, .revents = 0};
    const int ready = poll(&one, 1, static_cast<int>(std::max<milliseconds::rep>(0, left.count())));
    if (ready >= 0) return ready > 0;
    if (errno != EINTR) return false;
  }
}

}  // namespace sapiens::serve
