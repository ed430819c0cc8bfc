#pragma once

#include <pybind11/pybind11.h>
#include <unistd.h>

#include <chrono>
#include <memory>
#include <mutex>
#include <sapiens/checkpoint.hpp>
#include <sapiens/error.hpp>
#include <utility>

namespace sapiens::python {

/// A model that Python's threads share. Its calls run one after the other and without the GIL.
///
/// The lock is taken after the GIL is released and given back before the GIL is taken again. So
/// nobody who holds the GIL waits for the lock, and who holds the lock may wait for the GIL.
template <typename Model>
class Shared {
 public:
  /// `load()` makes the model.
  template <typename Load>
  explicit Shared(Load load) {
    const pybind11::gil_scoped_release no_gil;
    model_ = std::make_unique<Model>(load());
  }
  // The threads of the model stayed behind in the process that was forked; to wait for them would
  // take forever. The child's copy of the memory is never freed.
  ~Shared() {
    if (is_forked()) static_cast<void>(model_.release());
  }
  Shared(const Shared&) = delete;
  Shared& operator=(const Shared&) = delete;

  /// `compute(model)`, which must not touch Python.
  template <typename Compute>
  auto call(Compute compute) {
    if (is_forked()) refuse_fork();
    const pybind11::gil_scoped_release no_gil;
    const std::scoped_lock one_at_a_time(mutex_);
    return compute(*model_);
  }

  /// For what any thread may ask while others compute.
  const Model& model() const { return *model_; }

 private:
  bool is_forked() const { return getpid() != process_; }

  [[noreturn]] static void refuse_fork() {
    throw Error(
        ErrorCode::InvalidArgument,
        {.summary = "a model cannot be used in a process that was forked after it was opened",
         .hint = "open it in the child, or start processes with the method \"spawn\""});
  }

  std::unique_ptr<Model> model_;
  std::mutex mutex_;
  pid_t process_ = getpid();
};

/// Lets Ctrl-C, and other Python signal handlers, end a long computation. Looks five times a
/// second, as taking the GIL can cost milliseconds where other threads are busy.
inline Progress interruptible() {
  using Clock = std::chrono::steady_clock;
  return [last = Clock::now()](double /*done*/) mutable {
    if (Clock::now() - last < std::chrono::milliseconds(200)) return;
    last = Clock::now();
    const pybind11::gil_scoped_acquire gil;
    if (PyErr_CheckSignals() != 0) throw pybind11::error_already_set();
  };
}

}  // namespace sapiens::python
