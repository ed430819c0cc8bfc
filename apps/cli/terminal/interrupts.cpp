#include "cli/terminal/interrupts.hpp"

#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <exception>

#include "cli/terminal/messages.hpp"

namespace sapiens::cli {
namespace {

bool is_ignored(int signal) {
  struct sigaction action {};
  return sigaction(signal, nullptr, &action) == 0 && action.sa_handler == SIG_IGN;
}

/// Without those that the caller has us ignore: SIGHUP under nohup, SIGINT in the background of a
/// script. SIGTERM is always there; the destructor wakes the waiting thread with it.
sigset_t interrupting_signals() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  for (const int signal : {SIGINT, SIGHUP}) {
    if (!is_ignored(signal)) sigaddset(&signals, signal);
  }
  return signals;
}

}  // namespace

Interrupts::Interrupts() {
  const sigset_t signals = interrupting_signals();
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  waiter_ = std::thread([this] { wait_for_signal(); });
}

Interrupts::~Interrupts() {
  leaving_ = true;
  // Blocked in every thread and awaited by that one: it wakes and ends nothing.
  pthread_kill(waiter_.native_handle(), SIGTERM);  // NOLINT(bugprone-bad-signal-to-kill-thread)
  waiter_.join();
}

void Interrupts::set_exit_message(std::string hint, bool json) {
  const std::lock_guard lock(exit_message_mutex_);
  hint_ = std::move(hint);
  json_ = json;
}

std::unique_lock<std::mutex> Interrupts::hold() {
  std::unique_lock lock(writing_);
  // Without this, a loop of short writes could keep the waiting thread out.
  if (requested_) {
    lock.unlock();
    wait_for_end();
  }
  return lock;
}

void Interrupts::check() const {
  if (requested()) throw Interrupted{};
}

void Interrupts::wait_for_end() {
  while (true) pause();
}

Interrupts::Call::Call(Interrupts& interrupts, std::function<void()> stop)
    : interrupts_(interrupts) {
  const std::lock_guard lock(interrupts_.stop_mutex_);
  interrupts_.stop_ = std::move(stop);
}

Interrupts::Call::~Call() {
  const std::lock_guard lock(interrupts_.stop_mutex_);
  interrupts_.stop_ = nullptr;
}

/// Calls the stop handler once; false if none is installed.
bool Interrupts::call_stop() {
  const std::lock_guard lock(stop_mutex_);
  if (!stop_) return false;
  try {
    stop_();
  } catch (const std::exception&) {
    // Memory ran out for a message, after the program was told to stop.
  }
  stop_ = nullptr;
  return true;
}

void Interrupts::wait_for_signal() {
  const sigset_t signals = interrupting_signals();
  int signal = 0;
  do {
    sigwait(&signals, &signal);
    if (leaving_) return;
  } while (call_stop());
  requested_ = true;

  const std::lock_guard no_write_is_running(writing_);
  const std::lock_guard lock(exit_message_mutex_);
  if (isatty(STDERR_FILENO)) std::fputc('\n', stderr);  // leave the progress line alone
  try {
    say(hint_.empty() ? "interrupted" : "interrupted: " + hint_);
    if (json_) {
      print_json({{"error", documents::error_json("interrupted",
                                                  {.summary = "interrupted", .hint = hint_})}});
    }
  } catch (const std::exception&) {
    // Memory ran out: the exit code says it.
  }
  std::fflush(stdout);  // not all: standard input is locked while a list is read from it
  _exit(kInterrupted);
}

}  // namespace sapiens::cli
