#pragma once

#include <poll.h>

#include <condition_variable>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "serve/options.hpp"

namespace sapiens::serve {

/// How a connection left the lobby.
enum class Arrival {
  Whole,  ///< The head is there, perhaps with the beginning of a body.
  Late,   ///< Some of it, and then nothing in time.
  Cut,    ///< Some of it, and then the end.
};

/// Where connections wait until the head of their request is there, so that those that say nothing,
/// or trickle, occupy no thread: one thread watches all of them. A connection without a request is
/// closed after `head_seconds`, and before that where newer ones need its place.
class Lobby {
 public:
  static constexpr std::size_t kMaxWaiting = 256;

  /// Is given a socket, which it owns from then on, and what was read from it; throws nothing.
  using Receive = std::function<void(int socket, std::string bytes, Arrival how)>;

  /// Throws `Error(OutOfResources)` where there is no thread or no descriptor for it.
  Lobby(double head_seconds, Receive receive);
  ~Lobby() { finish(); }
  Lobby(const Lobby&) = delete;
  Lobby& operator=(const Lobby&) = delete;

  /// Takes a socket, which is closed where memory runs out. From any thread.
  void add(int socket);

  /// Waits for those who have begun to ask, and a moment for the others. Nothing may be added
  /// afterwards.
  void finish();

 private:
  struct Guest {
    int socket;
    Clock::time_point deadline;
    std::string bytes = {};
  };

  void watch();
  bool take_newcomers();
  void wait_for_bytes();
  bool stays(Guest& guest, bool readable);

  const Clock::duration head_time_;
  const Receive receive_;
  int wake_ = -1;  // an eventfd
  std::mutex mutex_;
  std::vector<int> newcomers_;
  bool finished_ = false;
  bool last_call_ = false;     // of the thread: no new connection can arrive
  std::vector<Guest> guests_;  // of the thread; the one who waits longest first
  std::vector<pollfd> watched_;
  std::thread thread_;
};

}  // namespace sapiens::serve
