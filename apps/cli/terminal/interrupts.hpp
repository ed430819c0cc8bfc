#pragma once

#include <atomic>
#include <functional>
#include <mutex>
#include <string>
#include <thread>

namespace sapiens::cli {

/// Thrown out of a long write that the user broke off; unwinding removes what was half written.
struct Interrupted {};

/// Ends the program with exit code 130 on SIGINT, SIGTERM or SIGHUP, but never in the middle of a
/// write.
///
/// Create it before any other thread: the signals are blocked here and in every thread started
/// later, and one thread waits for them. So a forward pass of minutes stops at once, without a
/// signal handler.
class Interrupts {
 public:
  Interrupts();
  ~Interrupts();
  Interrupts(const Interrupts&) = delete;
  Interrupts& operator=(const Interrupts&) = delete;

  /// What to say at the end, and whether to say it as a JSON document too.
  void set_exit_message(std::string hint, bool json);

  /// While the returned lock lives, the program does not end.
  [[nodiscard]] std::unique_lock<std::mutex> hold();

  /// True once a signal has come.
  bool requested() const { return requested_; }

  /// While the returned value lives, the first signal calls `stop`, on a thread of its own, instead
  /// of ending the program; the second ends it.
  class Call {
   public:
    Call(Interrupts& interrupts, std::function<void()> stop);
    ~Call();
    Call(const Call&) = delete;
    Call& operator=(const Call&) = delete;

   private:
    Interrupts& interrupts_;
  };
  [[nodiscard]] Call on_signal(std::function<void()> stop) { return {*this, std::move(stop)}; }

  /// Inside a long write: throws `Interrupted` when a signal has come.
  void check() const;

  /// Gives the waiting thread the time to end the program.
  [[noreturn]] static void wait_for_end();

 private:
  void wait_for_signal();
  bool call_stop();

  std::atomic<bool> requested_ = false;
  std::atomic<bool> leaving_ = false;
  std::mutex writing_;
  std::mutex stop_mutex_;
  std::function<void()> stop_;
  std::mutex exit_message_mutex_;
  std::string hint_;
  bool json_ = false;
  std::thread waiter_;
};

}  // namespace sapiens::cli
