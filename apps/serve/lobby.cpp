#include "serve/lobby.hpp"

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdint>
#include <new>
#include <sapiens/error.hpp>
#include <string>
#include <system_error>
#include <utility>

#include "core/memory_in_use.hpp"
#include "serve/request_head.hpp"

namespace sapiens::serve {
namespace {

constexpr int kNone = -1;

// For connections that have not said anything when the server stops: what they were about to say
// may be on its way.
constexpr auto kLastMoment = std::chrono::milliseconds(500);

[[noreturn]] void throw_no_lobby(const std::string& what) {
  throw Error(ErrorCode::OutOfResources,
              {.summary = "the server cannot have a thread that watches its connections",
               .actual = what + "; " + memory_in_use(),
               .hint = "allow more memory, threads or open files (ulimit -v, -u, -n)"});
}

}  // namespace

Lobby::Lobby(double head_seconds, Receive receive)
    : head_time_(
          std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(head_seconds))),
      receive_(std::move(receive)),
      wake_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  if (wake_ < 0) throw_no_lobby(std::generic_category().message(errno));
  try {
    // The thread takes no memory of its own: an exception there would end the process.
    guests_.reserve(kMaxWaiting);
    watched_.reserve(kMaxWaiting + 1);
    thread_ = std::thread([this] { watch(); });
  } catch (const std::system_error& error) {
    close(wake_);
    throw_no_lobby(error.what());
  } catch (const std::bad_alloc& error) {
    close(wake_);
    throw_no_lobby(error.what());
  }
}

void Lobby::add(int socket) {
  try {
    const std::lock_guard lock(mutex_);
    newcomers_.push_back(socket);
  } catch (const std::bad_alloc&) {
    close(socket);
    return;
  }
  eventfd_write(wake_, 1);
}

void Lobby::finish() {
  if (!thread_.joinable()) return;
  {
    const std::lock_guard lock(mutex_);
    finished_ = true;
  }
  eventfd_write(wake_, 1);
  thread_.join();
  close(wake_);
}

void Lobby::watch() {
  while (take_newcomers()) wait_for_bytes();
}

// False once no connection is waiting and no new one can arrive.
bool Lobby::take_newcomers() {
  const std::lock_guard lock(mutex_);
  const Clock::time_point now = Clock::now();
  for (const int socket : newcomers_) {
    if (guests_.size() == kMaxWaiting) {
      close(guests_.front().socket);
      guests_.erase(guests_.begin());
    }
    guests_.push_back({socket, now + head_time_});
  }
  newcomers_.clear();
  if (finished_ && !std::exchange(last_call_, true)) {
    for (Guest& guest : guests_) {
      if (guest.bytes.empty()) guest.deadline = std::min(guest.deadline, now + kLastMoment);
    }
  }
  return !finished_ || !guests_.empty();
}

void Lobby::wait_for_bytes() {
  watched_.assign(1, {.fd = wake_, .events = POLLIN, .revents = 0});
  Clock::time_point first = Clock::now() + std::chrono::seconds(10);
  for (const Guest& guest : guests_) {
    watched_.push_back({.fd = guest.socket, .events = POLLIN, .revents = 0});
    first = std::min(first, guest.deadline);
  }
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(first - Clock::now()).count();
  poll(watched_.data(), watched_.size(), static_cast<int>(std::max<std::int64_t>(0, left)));
  if (watched_.front().revents != 0) {
    eventfd_t count = 0;
    eventfd_read(wake_, &count);
  }
  for (std::size_t i = 0; i < guests_.size(); ++i) {
    Guest& guest = guests_[i];
    if (!stays(guest, watched_[i + 1].revents != 0)) guest.socket = kNone;
  }
  std::erase_if(guests_, [](const Guest& guest) { return guest.socket == kNone; });
}

// Reads what is there. A guest who does not stay has been closed or handed on.
bool Lobby::stays(Guest& guest, bool readable) try {
  const auto hand_on = [&](Arrival how) {
    receive_(guest.socket, std::move(guest.bytes), how);
    return false;
  };
  const auto leave = [&](Arrival how) {
    if (!guest.bytes.empty()) return hand_on(how);
    close(guest.socket);
    return false;
  };
  if (readable) {
    std::array<char, 4096> buffer;
    const ssize_t count = recv(guest.socket, buffer.data(), buffer.size(), MSG_DONTWAIT);
    if (count == 0) return leave(Arrival::Cut);
    if (count < 0 && errno != EAGAIN && errno != EINTR) {
      close(guest.socket);
      return false;
    }
    const std::size_t seen = guest.bytes.size();
    if (count > 0) guest.bytes.append(buffer.data(), static_cast<std::size_t>(count));
    // The end may have begun in what came before.
    const std::string_view fresh = std::string_view(guest.bytes).substr(seen < 3 ? 0 : seen - 3);
    if (end_of_head(fresh) != fresh.npos || guest.bytes.size() > kMaxHeadBytes) {
      return hand_on(Arrival::Whole);
    }
  }
  return Clock::now() < guest.deadline || leave(Arrival::Late);
} catch (const std::bad_alloc&) {  // for what it says
  close(guest.socket);
  return false;
}

}  // namespace sapiens::serve
